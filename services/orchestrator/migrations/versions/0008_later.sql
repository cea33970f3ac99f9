-- Steps whose turn has come and that wait for papers of a later stage of the project.

create table papers_awaited (
    application text not null references application (number),
    step text not null,
    materials text[] not null check (cardinality(materials) > 0),
    since date not null,
    until timestamptz,
    told_at timestamptz not null,
    primary key (application, step)
) with (fillfactor = 80);
comment on table papers_awaited is 'the waiting is over when the step has a row of its own: it began, or was cancelled';
