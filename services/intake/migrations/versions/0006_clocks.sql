-- 行政许可法 42, 45: the applicant is told, in writing, why a clock stops or a limit is longer.

create table clock_notice (
    application text not null references application (number),
    task text not null,
    why text not null check (why in ('paused', 'extended')),
    notice text not null,
    article text not null,
    reason text not null,
    kind text,
    until date,
    days integer,
    unit text,
    approver text,
    at timestamptz not null,
    primary key (application, task, why, notice, at),
    check ((why = 'paused') = (kind is not null and until is not null)),
    check ((why = 'extended') = (days is not null and unit is not null and approver is not null))
);
comment on table clock_notice is 'what departments told the applicant of pauses and extensions';
