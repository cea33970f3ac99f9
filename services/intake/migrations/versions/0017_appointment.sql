-- The investor's word about a session's time, and what the departments made of it.

-- The last offer, as it was told; null: there is nothing to answer (any more).
alter table joint_session
    add column offer integer check (offer > 0),
    add column offer_until timestamptz,
    add column offer_slots jsonb,
    add constraint joint_session_offer_is_whole check (
        (offer is null) = (offer_until is null) and (offer is null) = (offer_slots is null)
    );
comment on column joint_session.offer_slots is 'a list of {starts_at, ends_at}';

-- `starts_at`, `ends_at`: the time asked for; null: the time was confirmed.
create table appointment_answer (
    application text not null,
    lead text not null,
    session bigint not null,
    offer integer not null,
    starts_at timestamptz,
    ends_at timestamptz,
    answered_by text not null,
    answered_at timestamptz not null,
    outcome text check (outcome in ('confirmed', 'moved', 'gone', 'void')),
    settled_at timestamptz,
    primary key (application, lead, session, offer),
    foreign key (application, lead, session) references joint_session (application, lead, session),
    check ((starts_at is null) = (ends_at is null)),
    check ((outcome is null) = (settled_at is null))
);
comment on table appointment_answer is
    'what the investor said to an offer, once, and what became of it; outcome null: not yet known';

-- A pause may be over sooner than its written notice says: the notice keeps its day.
alter table clock_notice
    add column ended_on date,
    add column ended_at timestamptz,
    add constraint clock_notice_ended_sooner check (
        (ended_on is null) = (ended_at is null)
        and (ended_on is null or (until is not null and ended_on < until))
    );
