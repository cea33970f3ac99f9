-- Documents that were sealed and handed out, and remedies noted against decisions.

-- A document is made once, when its applicant first asks for it, and never again: what was handed
-- out is what anybody can verify. The file lies in the file store under `sha256`.
create table document (
    application text not null references application (number),
    name text not null,
    kind text not null,
    item text,
    number text not null,
    code text not null unique,
    title_zh text not null,
    title_en text not null,
    dated date not null,
    content text not null,
    sha256 text not null unique,
    size bigint not null check (size > 0),
    issued_at timestamptz not null,
    primary key (application, name),
    foreign key (application, item) references result (application, item),
    check ((kind in ('grant', 'refusal')) = (item is not null))
);
comment on table document is 'INSERT-only: sealed documents as they were handed out';
comment on column document.name is 'its name within the application';
comment on column document.code is 'what proves, with the number, that one has the document';
comment on column document.dated is 'local date of the act it puts in writing';
comment on column document.content is 'SHA-256 of what it says, without layout and seal';
create trigger document_is_final before update or delete or truncate on document
    for each statement execute function refuse_change();

create table remedy (
    id uuid primary key,
    application text not null,
    item text not null,
    kind text not null check (kind in ('review', 'suit')),
    authority text not null,
    reference text not null,
    filed_on date not null,
    noted_at timestamptz not null,
    noted_by text not null,
    outcome text check (outcome in ('upheld', 'changed', 'annulled', 'unlawful', 'ended')),
    ended_on date,
    ended_at timestamptz,
    ended_by text,
    foreign key (application, item) references result (application, item),
    unique (application, item, kind, reference),
    check (num_nulls(outcome, ended_on, ended_at, ended_by) in (0, 4)),
    check (ended_on >= filed_on)
);
comment on table remedy is 'Administrative reviews and suits against decisions, and how they ended';
comment on column remedy.noted_by is 'keyed hash of whoever noted it';

-- The public register, newest first.
create index result_granted on result (released_at desc, application desc, item desc)
where outcome = 'granted';
