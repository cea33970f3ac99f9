-- Joint sessions of departments. `sessions.py` has one function for each.

-- name: project_sessions(applications, leads, sessions, steps, states, starts, ends, absent, ats)!
insert into joint_session (
    application, lead, session, step, state, starts_at, ends_at, absent, told_at
)
select g.application, g.lead, g.session, g.step, g.state, g.starts_at, g.ends_at,
    string_to_array(g.absent, ','), g.at
from unnest(
    :applications::text[], :leads::text[], :sessions::bigint[], :steps::text[], :states::text[],
    :starts::timestamptz[], :ends::timestamptz[], :absent::text[], :ats::timestamptz[]
) as g (application, lead, session, step, state, starts_at, ends_at, absent, at)
on conflict (application, lead, session) do update
set state = excluded.state, absent = excluded.absent, told_at = excluded.told_at;

-- name: sessions_of(number, owner)
-- One row with a null session when there are none: the application is there; no row: it is not.
select s.session, s.lead, s.step, s.state, s.starts_at, s.ends_at, s.absent, s.told_at
from application as a
left join joint_session as s on s.application = a.number
where a.number = :number::text and a.owner_ref = :owner::text
order by s.starts_at, s.session;
