-- Acceptance by the departments (行政许可法 32). Nothing here concerns what is accepted on the spot.

create table acceptance (
    application text primary key references application (number),
    state text not null check (state in ('examining', 'supplementing', 'accepted')),
    round integer not null check (round > 0),
    until timestamptz,
    outstanding text[] not null default '{}',
    kind text check (kind in ('explicit', 'deemed')),
    accepted_on date,
    told_at timestamptz not null,
    constraint acceptance_is_dated
        check ((state = 'accepted') = (accepted_on is not null and kind is not null))
) with (fillfactor = 80);
comment on table acceptance is 'Where an application stands that departments examine; the projection';
comment on column acceptance.until is 'without a notice until then the application is accepted';

create table acceptance_examiner (
    application text not null references application (number),
    department text not null,
    state text not null check (state in ('asked', 'answered', 'silent')),
    primary key (application, department)
) with (fillfactor = 80);

create table acceptance_notice (
    application text not null references application (number),
    round integer not null,
    lines jsonb not null,
    sent_at timestamptz not null,
    primary key (application, round)
);
create trigger acceptance_notice_insert_only before update or delete or truncate
    on acceptance_notice for each statement execute function refuse_change();
comment on table acceptance_notice is 'INSERT-only: what has to be put right, told at once (32(4))';

-- What the investor handed in after the submission, piece by piece. Papers stand in `material` too.
create table supplement (
    id bigint generated always as identity primary key,
    application text not null references application (number),
    round integer not null check (round >= 0),
    subject text not null,
    statement text,
    given_at timestamptz not null,
    check ((statement is not null) = (subject like 'condition/%'))
);
create index supplement_by_application on supplement (application, id);
create trigger supplement_insert_only before update or delete or truncate
    on supplement for each statement execute function refuse_change();
comment on column supplement.round is 'the notice that is answered; 0: none';

-- The dated receipts of what became of an application before it was worked on.
create table acceptance_receipt (
    application text not null references application (number),
    place integer not null,
    outcome text not null check (outcome in ('fixed_on_the_spot', 'incomplete', 'accepted')),
    dated date not null,
    at timestamptz not null,
    told jsonb not null,
    primary key (application, place)
);
create trigger acceptance_receipt_insert_only before update or delete or truncate
    on acceptance_receipt for each statement execute function refuse_change();
comment on table acceptance_receipt is 'INSERT-only: acceptance and non-acceptance, in writing (32)';

-- Who examines an application may read its papers, too.
create or replace function is_open_to(application text, department text) returns boolean
language sql stable
return is_open_to.department is null or exists (
    select from task_progress as t
    where t.application = is_open_to.application and t.department = is_open_to.department
        and t.issued_at is not null and t.state <> 'cancelled'
) or exists (
    select from acceptance_examiner as e
    where e.application = is_open_to.application and e.department = is_open_to.department
);
