-- Acceptance by the departments. `acceptance_store.py` has one function for each.

-- name: ask_examinations(tasks, applications, departments, rounds, asked_ats, untils)!
insert into examination (task, application, department, round, asked_at, until)
select * from unnest(
    :tasks::text[], :applications::text[], :departments::text[], :rounds::integer[],
    :asked_ats::timestamptz[], :untils::timestamptz[]
);

-- name: end_examinations(tasks, states, findings, ended_ats, refs)!
update examination as e
set state = u.state, findings = u.findings::jsonb, ended_at = u.ended_at, ref = u.ref
from unnest(
    :tasks::text[], :states::text[], :findings::text[], :ended_ats::timestamptz[], :refs::uuid[]
) as u(task, state, findings, ended_at, ref)
where e.task = u.task;

-- name: strike_silences(tasks, states, findings, ended_ats, refs, arrived_ats)!
update examination as e
set state = u.state, findings = u.findings::jsonb, ended_at = u.ended_at, ref = u.ref,
    arrived_at = u.arrived_at
from unnest(
    :tasks::text[], :states::text[], :findings::text[], :ended_ats::timestamptz[], :refs::uuid[],
    :arrived_ats::timestamptz[]
) as u(task, state, findings, ended_at, ref, arrived_at)
where e.task = u.task;

-- name: accept(applications, kinds, accepted_ons, received_ons, silents, promised_days, ats, provisionals)!
-- The days promised to the investor are those from the acceptance on.
with given as (
    select * from unnest(
        :applications::text[], :kinds::text[], :accepted_ons::date[], :received_ons::date[],
        :silents::text[], :promised_days::integer[], :ats::timestamptz[], :provisionals::boolean[]
    ) as u(application, kind, accepted_on, received_on, silent, promised_days, at, provisional)
), recorded as (
    insert into acceptance (application, kind, accepted_on, received_on, silent, promised_days, at)
    select application, kind, accepted_on, received_on,
        case when silent = '' then '{}' else string_to_array(silent, ',') end, promised_days, at
    from given
)
update application as a
set promised_working_days = given.promised_days, provisional = a.provisional or given.provisional
from given
where a.number = given.application;

-- name: add_materials(application, materials)!
-- What was handed in later goes behind what was there: the newest of a material counts.
update application
set shared = jsonb_set(shared, '{materials}', shared -> 'materials' || :materials::jsonb)
where number = :application::text;

-- name: known_examinations(tasks)
select task from examination where task = any(:tasks::text[]);

-- name: examinations_of(application)
select task, department, round, state, findings, asked_at, until, ended_at, arrived_at
from examination
where application = :application
order by asked_at, task;

-- name: acceptance_of(application)^
select kind, accepted_on, received_on, silent, promised_days, at
from acceptance
where application = :application;
