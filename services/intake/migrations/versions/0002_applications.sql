-- What investors hand in, and what they are shown of its progress. Instants are business time (UTC).

create sequence application_number as bigint;

-- Plans as they were shown, by the SHA-256 of their bytes: many applications may share one.
create table plan (
    digest text primary key,
    body bytea not null
);
alter table plan alter column body set compression lz4;
comment on table plan is 'Canonical bytes of every plan an application was received under';

create table application (
    number text primary key,
    owner_ref text not null,
    project_code text not null,
    project_name text not null,
    project_address text not null,
    scenario text not null,
    answers jsonb not null,
    held jsonb not null,
    catalogue_version text not null,
    calendar_version text not null,
    plan_digest text not null,
    submitted_at timestamptz not null,
    promised_days integer not null,
    statutory_serial_days integer not null,
    traceparent text,
    status text not null default 'received',
    promised_at timestamptz not null,
    provisional boolean not null,
    conclusion text,
    concluded_at timestamptz,
    used_working_days integer,
    in_time boolean,
    withdrawn_at timestamptz,
    version integer not null default 1
) with (fillfactor = 80);
create index application_by_owner on application (owner_ref, submitted_at desc, number desc);
create index application_by_project on application (project_code);
comment on column application.owner_ref is 'keyed hash of whoever submitted it';
comment on column application.withdrawn_at is 'the investor withdrew; status follows when it is done';
comment on column application.plan_digest is
    'in plan; no foreign key: its check would lock the one row that a busy day''s applications share';
comment on column application.version is 'rises with every change; the ETag';

-- People, apart from everything else: nothing here ever leaves this database but to those entitled.
create table party (
    application text not null references application (number),
    capacity text not null check (capacity in ('applicant', 'agent')),
    kind text not null check (kind in ('person', 'company')),
    name text not null,
    id_number text not null,
    phone text not null,
    authorisation uuid,
    primary key (application, capacity),
    check ((capacity = 'agent') = (authorisation is not null))
);
comment on table party is 'Personal data of applicants and agents';
comment on column party.authorisation is 'the upload that authorises the agent';

create table upload (
    id uuid primary key,
    owner_ref text not null,
    sha256 text not null,
    media_type text not null,
    file_name text not null,
    size bigint not null check (size > 0),
    created_at timestamptz not null
);
create index upload_by_content on upload (sha256);
comment on table upload is 'Files handed in; the content lies under its SHA-256 in the file store';

alter table party add foreign key (authorisation) references upload (id);

-- Papers in the order they were given. A rectification gives a paper again; the old one stays.
create table material (
    application text not null references application (number),
    place integer not null,
    material text not null,
    upload uuid references upload (id),
    reference text,
    step text,
    round integer,
    given_at timestamptz not null,
    primary key (application, place),
    check ((upload is null) <> (reference is null))
);
comment on column material.step is 'the merged step whose rectification it answers; null on submission';

-- The projection of lianshen.progress.v1.

create table task_progress (
    task text primary key,
    application text not null references application (number),
    step text not null,
    item text not null,
    department text not null,
    part text not null,
    round integer not null,
    state text not null,
    outcome text,
    issued_at timestamptz,
    decided_at timestamptz,
    promised_on date,
    promised_at timestamptz,
    statutory_on date,
    statutory_at timestamptz,
    provisional boolean
) with (fillfactor = 70);
create index task_progress_by_application on task_progress (application, department);

create table step_progress (
    application text not null references application (number),
    step text not null,
    state text not null,
    primary key (application, step)
) with (fillfactor = 70);

create table result (
    application text not null references application (number),
    item text not null,
    department text not null,
    outcome text not null,
    number text,
    reasons text[] not null,
    remedies text[] not null,
    conditions text[] not null,
    decided_at timestamptz not null,
    released_at timestamptz not null,
    primary key (application, item)
);
create index result_by_number on result (number) where number is not null;

create table deadline_signal (
    application text not null references application (number),
    task text not null default '',
    signal text not null,
    at timestamptz not null,
    lifted_at timestamptz,
    primary key (application, task, signal)
);
comment on column deadline_signal.task is 'empty: the application as a whole';

create table rectification (
    application text not null references application (number),
    step text not null,
    round integer not null,
    items text[] not null,
    reasons text[] not null,
    until timestamptz not null,
    asked_at timestamptz not null,
    answered_at timestamptz,
    primary key (application, step, round)
);
comment on table rectification is 'The one notice of a merged step, and when it was answered';

-- A department takes part while it has, or has ended, a task: then the dossier is open to it. NULL
-- stands for a supervisor. Inlined by the planner (one statement, stable).
create function is_open_to(application text, department text) returns boolean
language sql stable
return is_open_to.department is null or exists (
    select from task_progress as t
    where t.application = is_open_to.application and t.department = is_open_to.department
        and t.issued_at is not null and t.state <> 'cancelled'
);
