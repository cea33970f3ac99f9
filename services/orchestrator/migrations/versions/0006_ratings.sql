-- Ratings as intake told them, the follow-ups of bad ones, and what figures are drawn from.

create table rating (
    application text not null references application (number),
    department text not null,
    grade text not null check (
        grade in (
            'very_satisfied', 'satisfied', 'basically_satisfied', 'dissatisfied',
            'very_dissatisfied'
        )
    ),
    comment_ref text,
    rated_at timestamptz not null,
    primary key (application, department)
);
comment on table rating is 'INSERT-only: once per application and department';
comment on column rating.comment_ref is 'keyed hash of the comment, which stays with intake';
create trigger rating_insert_only before update or delete or truncate on rating
    for each statement execute function refuse_change();
create index rating_by_day on rating (rated_at);

create table follow_up (
    id bigint generated always as identity primary key,
    application text not null,
    department text not null,
    grade text not null,
    opened_at timestamptz not null,
    due_on date not null,
    due_at timestamptz not null,
    calendar_version text not null,
    answer text,
    answered_by text,
    answered_at timestamptz,
    closing text,
    closed_by text,
    closed_at timestamptz,
    unique (application, department),
    foreign key (application, department) references rating (application, department),
    check (num_nulls(answer, answered_by, answered_at) in (0, 3)),
    check (num_nulls(closing, closed_by, closed_at) in (0, 3)),
    check (closed_at is null or answered_at is not null)
);
comment on table follow_up is 'A bad rating is answered by its department and closed, in a term';
create index follow_up_by_term on follow_up (due_at, id);

-- What a task has taken, reckoned once when it is over (and `saved_days` when its application is).
alter table task add column used_days integer, add column promised_days integer,
    add column statutory_days integer, add column saved_days numeric(9, 3);
comment on column task.used_days is 'working days from its issue to its end, without pauses';
comment on column task.promised_days is 'working days that were promised for it, without pauses';
comment on column task.statutory_days is 'working days that the law gave it, without pauses';
comment on column task.saved_days is
    'its share of the working days on which others were handled at the same time';
alter table application add column saved_days numeric(9, 3);
comment on column application.saved_days is
    'working days that handling one after another would have taken more';

create index task_unmeasured on task (ended_at)
    where state in ('decided', 'lapsed') and used_days is null;
create index task_by_end on task (ended_at) where state in ('decided', 'lapsed');
create index application_unmeasured on application (number)
    where concluded_at is not null and saved_days is null;
create index application_by_end on application (concluded_at) where concluded_at is not null;
create index card_by_day on card (raised_at);
