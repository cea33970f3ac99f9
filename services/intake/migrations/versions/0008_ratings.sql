-- Rating of service: once per application and department, by the applicant alone.

create table rating (
    application text not null references application (number),
    department text not null,
    grade text not null check (
        grade in (
            'very_satisfied', 'satisfied', 'basically_satisfied', 'dissatisfied',
            'very_dissatisfied'
        )
    ),
    comment text check (length(comment) between 1 and 2000),
    rated_at timestamptz not null,
    primary key (application, department)
);
comment on column rating.comment is 'the applicant''s own words: may name people, never leave';

-- What the orchestrator tells of the follow-up of a bad rating.
create table rating_follow_up (
    application text not null,
    department text not null,
    state text not null check (state in ('open', 'answered', 'closed')),
    due_at timestamptz not null,
    answer text,
    answered_at timestamptz,
    closed_at timestamptz,
    primary key (application, department),
    foreign key (application, department) references rating (application, department),
    check ((answer is null) = (answered_at is null)),
    check ((state = 'open') = (answer is null)),
    check ((state = 'closed') = (closed_at is not null))
);
