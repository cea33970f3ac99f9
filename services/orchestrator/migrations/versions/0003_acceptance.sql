-- Acceptance by the departments (行政许可法 32). Nothing here concerns what is accepted on the spot.

create table examination (
    task text primary key,
    application text not null references application (number),
    department text not null,
    round integer not null check (round > 0),
    state text not null default 'asked'
        check (state in ('asked', 'complete', 'incomplete', 'silent', 'closed')),
    findings jsonb not null default '[]',
    asked_at timestamptz not null,
    until timestamptz not null,
    ended_at timestamptz,
    ref uuid,
    constraint examination_ended check ((state = 'asked') = (ended_at is null)),
    constraint examination_found check ((state = 'incomplete') = (findings @? '$[0]'))
) with (fillfactor = 80);
create index examination_by_application on examination (application, asked_at);
comment on table examination is 'One row per look of one department at the papers of an application';
comment on column examination.findings is 'subjects that were found missing: material/<id>, condition/<item>/<n>';

create table acceptance (
    application text primary key references application (number),
    kind text not null check (kind in ('explicit', 'deemed')),
    accepted_on date not null,
    received_on date not null,
    silent text[] not null,
    promised_days integer not null,
    at timestamptz not null,
    constraint acceptance_from_receipt check (kind = 'explicit' or accepted_on = received_on),
    constraint acceptance_somebody_silent check (kind = 'explicit' or silent <> '{}')
);
create trigger acceptance_insert_only before update or delete or truncate on acceptance
    for each statement execute function refuse_change();
comment on table acceptance is 'INSERT-only: how applications were accepted by the departments';
