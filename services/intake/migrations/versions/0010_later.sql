-- Papers that come later in the life of a project: what a step waits for, as the investor was told.

create table papers_awaited (
    application text not null references application (number),
    step text not null,
    items text[] not null,
    materials text[] not null check (cardinality(materials) > 0),
    since date not null,
    until timestamptz,
    told_at timestamptz not null,
    primary key (application, step)
) with (fillfactor = 80);
comment on table papers_awaited is 'its turn has come, no clock of it runs; over when the step begins';
comment on column papers_awaited.until is 'what needs them is given up after it; null: no term';
