-- What the centre writes to investors: a kind and typed facts. The words are made when it is read.

create table letter (
    id bigint generated always as identity primary key,
    owner_ref text not null,
    application text not null references application (number),
    kind text not null,
    source uuid not null,
    place smallint not null,
    facts jsonb not null,
    at timestamptz not null,
    read_at timestamptz,
    written_at timestamptz not null default now(),
    queued boolean not null default false,
    unique (source, place)
) with (fillfactor = 90);
comment on table letter is 'one letter; no words, no personal data';
comment on column letter.source is 'the event that it tells of, or a number of its own';
comment on column letter.place is 'its place among those of one event';
comment on column letter.at is 'business time';
comment on column letter.written_at is 'real time: too old a letter is not sent any more';
create index letter_of_owner on letter (owner_ref, at desc, id desc);
create index letter_unread on letter (owner_ref) where read_at is null;
comment on column letter.queued is 'it is to be sent, or was: while there is an adapter that sends';
create index letter_not_queued on letter (written_at) where not queued;

create table letter_sending (
    letter bigint not null references letter (id),
    channel text not null check (channel in ('sms', 'email')),
    attempts integer not null,
    next_attempt_at timestamptz not null,
    ended_at timestamptz,
    primary key (letter, channel)
) with (fillfactor = 80);
create index letter_sending_due on letter_sending (next_attempt_at) where ended_at is null;
comment on table letter_sending is 'how far a letter has come by a channel; real time';
comment on column letter_sending.ended_at is 'it was sent, or is not sent any more: without an address, or too old';

alter table party add column email text check (length(email) between 3 and 254);
comment on column party.email is 'where letters are sent to, if given: personal data';
