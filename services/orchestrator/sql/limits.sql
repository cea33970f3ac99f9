-- Limits beside those of tasks: joint case, first review, delivery. `limit_store.py` has one
-- function for each.

-- name: set_limits(applications, kinds, tasks, start_ons, days, units, articles, ledgers, calendars, due_ons, due_ats, provisionals)!
insert into case_limit (
    application, kind, task, start_on, days, unit, article, ledger, calendar_version, due_on,
    due_at, provisional
)
select u.application, u.kind, u.task, u.start_on, u.days, u.unit, u.article, u.ledger::jsonb,
       u.calendar, u.due_on, u.due_at, u.provisional
from unnest(
    :applications::text[], :kinds::text[], :tasks::text[], :start_ons::date[], :days::integer[],
    :units::text[], :articles::text[], :ledgers::text[], :calendars::text[], :due_ons::date[],
    :due_ats::timestamptz[], :provisionals::boolean[]
) as u(
    application, kind, task, start_on, days, unit, article, ledger, calendar, due_on, due_at,
    provisional
)
on conflict (application, kind, coalesce(task, '')) do update
set start_on = excluded.start_on, ledger = excluded.ledger,
    calendar_version = excluded.calendar_version, due_on = excluded.due_on,
    due_at = excluded.due_at, provisional = excluded.provisional, ended_at = null, in_time = null;

-- name: end_limits(applications, kinds, tasks, ended_ats, in_times)!
update case_limit as c
set ended_at = u.ended_at, in_time = u.in_time
from unnest(
    :applications::text[], :kinds::text[], :tasks::text[], :ended_ats::timestamptz[],
    :in_times::boolean[]
) as u(application, kind, task, ended_at, in_time)
where c.application = u.application and c.kind = u.kind
    and coalesce(c.task, '') = coalesce(u.task, '');

-- name: move_limits(applications, turns, places, kinds, tasks, whys, refs, ats, befores, afters)!
insert into date_change (
    application, turn, place, task, why, ref, at, limit_kind, limit_before, limit_after
)
select u.application, u.turn, u.place, u.task, u.why, u.ref, u.at, u.kind, u.before, u.after
from unnest(
    :applications::text[], :turns::integer[], :places::integer[], :kinds::text[], :tasks::text[],
    :whys::text[], :refs::uuid[], :ats::timestamptz[], :befores::timestamptz[],
    :afters::timestamptz[]
) as u(application, turn, place, kind, task, why, ref, at, before, after);

-- name: move_examinations(applications, untils)!
-- Who has been asked and has not answered may answer until then.
update examination as e
set until = u.until
from unnest(:applications::text[], :untils::timestamptz[]) as u(application, until)
where e.application = u.application and e.state = 'asked';

-- name: limits_of(application)
select kind, task, start_on, days, unit, article, ledger, calendar_version, due_on, due_at,
       provisional, ended_at, in_time
from case_limit
where application = :application
order by kind, task nulls first;

-- name: licence_of(application, item)^
-- A licence that was delivered in the turn in which it was decided had no limit of its own to run.
select decided_at, released_at, deliver_by
from result
where application = :application and item = :item and deliver_by is not null;

-- name: add_own_acts(tasks, acts, numbers, kinds, from_ons, until_ons, cap_values, cap_units)!
insert into own_clock_act (task, act, number, kind, from_on, until_on, cap_value, cap_unit)
select * from unnest(
    :tasks::text[], :acts::text[], :numbers::integer[], :kinds::text[], :from_ons::date[],
    :until_ons::date[], :cap_values::integer[], :cap_units::text[]
)
on conflict do nothing;

-- name: end_own_pauses(tasks, numbers, ended_ons)!
-- Ended before the day of its notice; the day of the end is still left out.
update own_clock_act as o
set until_on = greatest(least(o.until_on, u.ended_on), o.from_on)
from unnest(:tasks::text[], :numbers::integer[], :ended_ons::date[]) as u(task, number, ended_on)
where o.act = 'pause' and o.task = u.task and o.number = u.number;

-- name: own_acts(tasks)
-- What was said of the same item and department, in any round, with the end of each round.
select o.task, o.act, o.number, o.kind, o.from_on, o.until_on, o.cap_value,
       o.cap_unit, said.ended_at
from task as asked
join task as said
    on said.application = asked.application and said.item = asked.item
    and said.department = asked.department
join own_clock_act as o on o.task = said.task
where asked.task = any(:tasks::text[])
order by o.task, o.act, o.number;

-- name: spoken_of(tasks)
-- Since when each task was there, and the last that a deadline of it, or of the whole, has said.
select t.task, t.issued_at, max(s.at) as spoken_at
from task as t
left join deadline_signal as s
    on s.application = t.application and (s.task = t.task or s.task is null)
    and s.lifted_at is null
where t.task = any(:tasks::text[])
group by t.task, t.issued_at;

-- name: lock_joint(application)$
-- The last day of a joint case that runs, its row locked.
select c.due_on
from case_limit as c
where c.application = :application::text and c.kind = 'joint' and c.ended_at is null
for update of c;

-- name: joint_so_far(application, act)^
-- How often an act was done to a joint case; whether it waits for the investor.
select
    (select count(*)::integer from operator_act as o
        where o.application = :application::text and o.act = :act::text) as times,
    exists (
        select from step as s where s.application = :application::text and s.state = 'rectifying'
    ) or exists (
        select from papers_awaited as p
        left join step as w on w.application = p.application and w.step = p.step
        where p.application = :application::text and w.step is null
    ) as waits;
