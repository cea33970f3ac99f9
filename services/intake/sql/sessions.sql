-- Joint sessions of departments. `sessions.py` and `appointments.py` have one function for each.

-- name: project_sessions(applications, leads, sessions, steps, states, starts, ends, absent, offers, untils, slots, ats)!
insert into joint_session (
    application, lead, session, step, state, starts_at, ends_at, absent, offer, offer_until,
    offer_slots, told_at
)
select g.application, g.lead, g.session, g.step, g.state, g.starts_at, g.ends_at,
    string_to_array(g.absent, ','), g.offer, g.until, g.slots::jsonb, g.at
from unnest(
    :applications::text[], :leads::text[], :sessions::bigint[], :steps::text[], :states::text[],
    :starts::timestamptz[], :ends::timestamptz[], :absent::text[], :offers::integer[],
    :untils::timestamptz[], :slots::text[], :ats::timestamptz[]
) as g (application, lead, session, step, state, starts_at, ends_at, absent, offer, until, slots,
    at)
on conflict (application, lead, session) do update
set state = excluded.state, absent = excluded.absent, starts_at = excluded.starts_at,
    ends_at = excluded.ends_at, offer = excluded.offer, offer_until = excluded.offer_until,
    offer_slots = excluded.offer_slots, told_at = excluded.told_at;

-- name: settle_answers(applications, leads, sessions, offers, outcomes, ats)!
update appointment_answer as a
set outcome = g.outcome, settled_at = g.at
from unnest(
    :applications::text[], :leads::text[], :sessions::bigint[], :offers::integer[],
    :outcomes::text[], :ats::timestamptz[]
) as g (application, lead, session, offer, outcome, at)
where (a.application, a.lead, a.session, a.offer) = (g.application, g.lead, g.session, g.offer)
    and a.outcome is null;

-- name: sessions_of(number, owner)
-- One row with a null session when there are none: the application is there; no row: it is not.
select s.session, s.lead, s.step, s.state, s.starts_at, s.ends_at, s.absent, s.told_at,
    s.offer, s.offer_until, s.offer_slots, r.offer as answered_offer, r.starts_at as asked_starts,
    r.ends_at as asked_ends, r.answered_at, r.outcome, r.settled_at,
    a.conclusion is not null or a.withdrawn_at is not null as is_over
from application as a
left join joint_session as s on s.application = a.number
left join lateral (
    select w.offer, w.starts_at, w.ends_at, w.answered_at, w.outcome, w.settled_at
    from appointment_answer as w
    where w.application = s.application and w.lead = s.lead and w.session = s.session
    order by w.offer desc
    limit 1
) as r on true
where a.number = :number::text and a.owner_ref = :owner::text
order by s.starts_at, s.session;

-- name: lock_session(number, lead, session)^
select step, state, starts_at, ends_at, offer, offer_until, offer_slots
from joint_session
where application = :number::text and lead = :lead::text and session = :session::bigint
for update;

-- name: was_answered(number, lead, session, offer)$
select exists (
    select from appointment_answer
    where application = :number::text and lead = :lead::text and session = :session::bigint
        and offer = :offer::integer
);

-- name: add_answer(number, lead, session, offer, starts, ends, by, at)!
insert into appointment_answer (
    application, lead, session, offer, starts_at, ends_at, answered_by, answered_at
)
values (
    :number::text, :lead::text, :session::bigint, :offer::integer, :starts::timestamptz,
    :ends::timestamptz, :by::text, :at::timestamptz
);
