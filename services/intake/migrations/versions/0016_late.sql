-- A paper that comes later is handed in, or closed because it was not handed in within its term.

alter table papers_awaited
    add column closed text[] not null default '{}',
    add column closed_at timestamptz,
    add column untils jsonb not null default '{}',
    add constraint papers_closed_are_dated check ((closed = '{}') = (closed_at is null));
comment on column papers_awaited.closed is
    'papers that had not been committed when their term was over: they are taken no more';
comment on column papers_awaited.closed_at is 'when the last of them was closed';
comment on column papers_awaited.untils is
    'the end of the term of each paper that was ever awaited; empty by rules that had one for all';

-- What the law gives all departments of a case together (行政许可法 42(2)), as it was told last.
create table joint_limit (
    application text primary key references application (number),
    start_on date not null,
    due_on date not null,
    due_at timestamptz not null,
    days integer not null,
    unit text not null,
    article text not null,
    provisional boolean not null
) with (fillfactor = 80);
comment on table joint_limit is 'The projection; there is none of an application that is no joint case';

-- Why an operator replayed or discarded it; the log of acts has the SHA-256 of it.
ALTER TABLE dead_letter ADD COLUMN reason text;
