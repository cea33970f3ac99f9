-- `session` is the number at the lead department.

create table joint_session (
    application text not null references application (number),
    lead text not null,
    session bigint not null,
    step text not null,
    state text not null check (state in ('convened', 'held', 'recorded', 'cancelled')),
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    absent text[] not null,
    told_at timestamptz not null,
    primary key (application, lead, session),
    check (starts_at < ends_at)
);
comment on table joint_session is 'when departments meet about an application';
