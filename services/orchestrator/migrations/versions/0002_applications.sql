-- The orchestrator's read model: what every running workflow has told, and nothing else.

create table application (
    number text primary key,
    project_code text not null,
    scenario text not null,
    status text not null,
    turn integer not null default 0,
    facts jsonb not null,
    route jsonb not null,
    shared jsonb not null,
    plan_digest text not null,
    catalogue_version text not null,
    calendar_version text not null,
    traceparent text,
    submitted_at timestamptz not null,
    promised_at timestamptz not null,
    provisional boolean not null,
    late boolean not null default false,
    conclusion text,
    concluded_at timestamptz,
    used_working_days integer,
    promised_working_days integer not null,
    in_time boolean
) with (fillfactor = 70);

comment on column application.turn is 'last turn of the workflow that was carried out';
comment on column application.shared is 'what every task of the application carries: hashes of applicants, materials';

create index application_by_status on application (status, promised_at, number);
create index application_by_project on application (project_code, number);

create table step (
    application text not null references application (number),
    step text not null,
    state text not null,
    changed_at timestamptz not null,
    primary key (application, step)
) with (fillfactor = 70);

create table task (
    task text primary key,
    application text not null references application (number),
    step text not null,
    item text not null,
    department text not null,
    part text not null,
    round integer not null,
    state text not null,
    outcome text,
    issued_at timestamptz not null,
    promised_on date not null,
    promised_at timestamptz not null,
    statutory_on date,
    statutory_at timestamptz,
    provisional boolean not null,
    ended_at timestamptz,
    ref uuid,
    unique (application, item, department, round)
) with (fillfactor = 70);

create index task_open on task (promised_at, task) where state = 'open';

create table result (
    application text not null references application (number),
    item text not null,
    department text not null,
    step text not null,
    outcome text not null,
    decided_at timestamptz not null,
    released_at timestamptz not null,
    primary key (application, item)
);

create table deadline_signal (
    id bigint generated always as identity primary key,
    application text not null references application (number),
    task text,
    signal text not null,
    at timestamptz not null,
    lifted_at timestamptz
);

create unique index deadline_signal_once on deadline_signal (application, coalesce(task, ''), signal);

create table journal (
    application text not null references application (number),
    turn integer not null,
    at timestamptz not null,
    written_at timestamptz not null,
    events jsonb not null,
    commands jsonb not null,
    primary key (application, turn)
);

create table operator_act (
    event_id uuid primary key,
    application text not null references application (number),
    act text not null,
    reason text not null,
    actor_ref text not null,
    at timestamptz not null
);
