-- The clocks of running applications: ledgers, dates that were moved, calendars.

-- name: change_ledgers(tasks, ledgers)!
update task as t
set ledger = u.ledger::jsonb
from unnest(:tasks::text[], :ledgers::text[]) as u(task, ledger)
where t.task = u.task;

-- name: redate_tasks(tasks, promised_ons, promised_ats, statutory_ons, statutory_ats, provisionals)!
update task as t
set promised_on = u.promised_on, promised_at = u.promised_at, statutory_on = u.statutory_on,
    statutory_at = u.statutory_at, provisional = u.provisional
from unnest(
    :tasks::text[], :promised_ons::date[], :promised_ats::timestamptz[], :statutory_ons::date[],
    :statutory_ats::timestamptz[], :provisionals::boolean[]
) as u(task, promised_on, promised_at, statutory_on, statutory_at, provisional)
where t.task = u.task;

-- name: add_date_changes(applications, turns, places, tasks, whys, refs, ats, promised_befores, promised_afters, statutory_befores, statutory_afters)!
insert into date_change (
    application, turn, place, task, why, ref, at, promised_before, promised_after,
    statutory_before, statutory_after
)
select * from unnest(
    :applications::text[], :turns::integer[], :places::integer[], :tasks::text[], :whys::text[],
    :refs::uuid[], :ats::timestamptz[], :promised_befores::timestamptz[],
    :promised_afters::timestamptz[], :statutory_befores::timestamptz[],
    :statutory_afters::timestamptz[]
);

-- name: change_wholes(numbers, calendars, provisionals, lates)!
-- What is null stays as it is.
update application as a
set calendar_version = coalesce(u.calendar, a.calendar_version),
    provisional = coalesce(u.provisional, a.provisional),
    late = coalesce(u.late, a.late)
from unnest(:numbers::text[], :calendars::text[], :provisionals::boolean[], :lates::boolean[])
    as u(number, calendar, provisional, late)
where a.number = u.number;

-- name: date_changes_of(application, after_turn, after_place, at_most)
select turn, place, task, why, ref, at, promised_before, promised_after, statutory_before,
       statutory_after, limit_kind, limit_before, limit_after
from date_change
where application = :application and (turn, place) > (:after_turn::integer, :after_place::integer)
order by turn, place
limit :at_most;

-- name: catalogues_of(numbers)
select number, catalogue_version from application where number = any(:numbers::text[]);

-- name: keep_calendar(version, content)!
insert into calendar (version, content) values (:version, :content::jsonb)
on conflict (version) do nothing;

-- name: calendar_of(version)$
select content from calendar where version = :version;

-- name: reproject(version, number, type, reason, actor_ref, at)$
-- Ask every application that is not over (or `number` alone), and is reckoned by another calendar,
-- to be projected onto this one; return how many.
with running as (
    select a.number, a.traceparent, gen_random_uuid() as event_id
    from application as a
    where a.conclusion is null and a.calendar_version <> :version::text
        and (:number::text is null or a.number = :number)
), act as (
    insert into operator_act (event_id, application, act, reason, actor_ref, at)
    select r.event_id, r.number, 'reproject', :reason::text, :actor_ref::text, :at::timestamptz
    from running as r
    returning event_id
), told as (
    insert into inbox (event_id, topic, source, application, seq, type, payload, traceparent, state)
    select r.event_id, '', 'operator', r.number, 0, :type::text,
        convert_to(jsonb_build_object('data', jsonb_build_object(
            'application', r.number,
            'at', to_char(:at::timestamptz at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'calendar', :version::text))::text, 'UTF8'),
        r.traceparent, 'applied'
    from running as r
    returning event_id
)
select count(*) from told;
