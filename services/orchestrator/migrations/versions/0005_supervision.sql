-- Supervision: cards with their evidence, appeals, and what was handled outside the system.

create table card (
    id bigint generated always as identity primary key,
    rule text not null,
    fact text not null,
    colour text not null check (colour in ('yellow', 'red')),
    article text not null,
    rules_version text not null,
    subject text not null,
    department text not null,
    application text,
    item text,
    task text,
    raised_at timestamptz not null,
    evidence jsonb not null check (evidence <> '{}'),
    state text not null default 'open' check (state in ('open', 'appealed', 'upheld', 'lifted')),
    constraint card_once unique (rule, subject, department)
) with (fillfactor = 80);
create index card_by_department on card (department, id);
create index card_by_application on card (application);
comment on table card is 'Yellow and red cards; a lifted card stays, its history is in card_act';
comment on column card.subject is 'what it is about: a task in its round, an examination, a session, a number';
comment on column card.application is 'as it was named; no reference: it may be one that nobody knows';

create table before_supervision (
    application text primary key,
    turn integer not null
);
comment on table before_supervision is 'INSERT-only: the last turn of an application without cards';
insert into before_supervision (application, turn) select number, turn from application;
create trigger before_supervision_insert_only before update or delete or truncate
    on before_supervision for each statement execute function refuse_change();

create table card_act (
    id bigint generated always as identity primary key,
    card bigint not null references card (id),
    act text not null check (act in ('raise', 'appeal', 'uphold', 'lift')),
    at timestamptz not null,
    actor_ref text,
    text text,
    constraint card_act_said check ((act in ('appeal', 'uphold')) <= (text is not null and actor_ref is not null)),
    constraint card_lift_reason check (act <> 'lift' or text is not null)
);
create index card_act_by_card on card_act (card, id);
create trigger card_act_insert_only before update or delete or truncate on card_act
    for each statement execute function refuse_change();
comment on table card_act is 'INSERT-only: the journal of every card; actor_ref null: a later fact';

create table supervision_finding (
    id bigint generated always as identity primary key,
    rule text not null,
    fact text not null,
    subject text not null,
    department text not null,
    application text,
    item text,
    task text,
    at timestamptz not null,
    found_at timestamptz not null,
    evidence jsonb not null check (evidence <> '{}'),
    constraint finding_once unique (rule, subject, department)
);
create trigger supervision_finding_insert_only before update or delete or truncate
    on supervision_finding for each statement execute function refuse_change();
create index finding_by_department on supervision_finding (department, id);
comment on table supervision_finding is 'INSERT-only: what the sensors of handling outside the system saw';

create table result_seen (
    event_id uuid primary key,
    department text not null,
    item text not null,
    series text not null,
    serial bigint not null,
    task text not null
);
create index result_seen_by_series on result_seen (department, item, series, serial);
comment on table result_seen is 'document numbers of departments with software of their own';

create table supervision_cursor (
    name text primary key,
    place bigint not null
);
comment on table supervision_cursor is 'how far the sensors have looked';
insert into supervision_cursor (name, place)
values ('decisions', (select coalesce(max(arrival), 0) from inbox)),
       ('letters', (select coalesce(max(id), 0) from dead_letter));

-- Arrivals lie on the disk in their order: a summary of each stretch of pages is enough to go on.
create index inbox_by_arrival on inbox using brin (arrival) with (pages_per_range = 32);
