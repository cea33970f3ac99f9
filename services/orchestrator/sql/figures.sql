-- Figures over the read model. `measuring.py` and `figures.py` have one function for each.

-- name: lock_measuring(key)!
select pg_advisory_xact_lock(:key::bigint);

-- name: unmeasured_tasks(since, until, at_most)
-- Tasks that ended in a period and whose days have not been reckoned yet.
select t.task, t.application, t.issued_at, t.ended_at, t.promised_on, t.statutory_on, t.ledger,
    a.calendar_version
from task as t
join application as a on a.number = t.application
where t.state in ('decided', 'lapsed') and t.used_days is null
    and t.ended_at >= :since::timestamptz and t.ended_at < :until::timestamptz
limit :at_most;

-- name: unmeasured_applications(at_most)
-- The tasks of applications that are over and have not been measured yet; of so many of them.
select t.task, a.number as application, t.issued_at, t.ended_at, t.promised_on, t.statutory_on,
    t.ledger, a.calendar_version
from (
    select number, calendar_version from application
    where concluded_at is not null and saved_days is null
    order by number
    limit :at_most
) as a
left join task as t on t.application = a.number and t.state in ('decided', 'lapsed')
order by a.number;

-- name: measure_tasks(tasks, used, promised, statutory, saved)!
-- A saving that is known stays: whoever looks at a period may be behind the end of an application.
update task as t
set used_days = u.used, promised_days = u.promised, statutory_days = u.statutory,
    saved_days = coalesce(u.saved, t.saved_days)
from unnest(
    :tasks::text[], :used::integer[], :promised::integer[], :statutory::integer[],
    :saved::numeric[]
) as u (task, used, promised, statutory, saved)
where t.task = u.task;

-- name: measure_applications(numbers, saved)!
update application as a set saved_days = u.saved
from unnest(:numbers::text[], :saved::numeric[]) as u (number, saved)
where a.number = u.number;

-- name: handled(since, until, by_item)
-- What departments have ended in a period, by department, or by department and item.
select t.department, case when :by_item::boolean then t.item end as item,
    count(*) as volume,
    count(*) filter (where t.outcome = 'granted') as granted,
    count(*) filter (where t.outcome = 'refused') as refused,
    count(*) filter (where t.outcome = 'objection') as objections,
    count(*) filter (where t.state = 'lapsed') as silent,
    percentile_cont(0.5) within group (order by t.used_days) as used_median,
    percentile_disc(0.9) within group (order by t.used_days) as used_p90,
    percentile_cont(0.5) within group (order by t.promised_days) as promised_median,
    percentile_disc(0.9) within group (order by t.promised_days) as promised_p90,
    percentile_cont(0.5) within group (order by t.statutory_days) as statutory_median,
    percentile_disc(0.9) within group (order by t.statutory_days) as statutory_p90,
    count(*) filter (where t.state = 'decided' and t.ended_at <= t.promised_at) as on_time,
    count(*) filter (where t.statutory_at is not null) as limited,
    count(*) filter (where t.state = 'decided' and t.ended_at <= t.statutory_at) as lawful
from task as t
where t.state in ('decided', 'lapsed')
    and t.ended_at >= :since::timestamptz and t.ended_at < :until::timestamptz
group by 1, 2;

-- name: saved(since, until, by_item)
-- What was saved by handling at the same time, in applications that ended in a period.
select t.department, case when :by_item::boolean then t.item end as item,
    sum(t.saved_days) as saved
from application as a
join task as t on t.application = a.number and t.state in ('decided', 'lapsed')
where a.concluded_at >= :since::timestamptz and a.concluded_at < :until::timestamptz
group by 1, 2;

-- name: rated(since, until, by_item)
-- Grades given in a period; of an item, those of the department that decided it.
select r.department, i.item, r.grade, count(*) as number
from rating as r
cross join lateral (
    select null::text as item where not :by_item::boolean
    union all
    select d.item from result as d
    where :by_item::boolean and d.application = r.application and d.department = r.department
) as i
where r.rated_at >= :since::timestamptz and r.rated_at < :until::timestamptz
group by 1, 2, 3;

-- name: carded(since, until, by_item)
-- Cards that were raised in a period and stand.
select c.department, case when :by_item::boolean then c.item end as item, c.colour,
    count(*) as number
from card as c
where c.raised_at >= :since::timestamptz and c.raised_at < :until::timestamptz
    and c.state <> 'lifted' and (not :by_item::boolean or c.item is not null)
group by 1, 2, 3;

-- name: concluded(since, until)^
-- Applications that ended in a period, as wholes.
select count(*) as applications,
    count(*) filter (where in_time) as in_time,
    percentile_cont(0.5) within group (order by used_working_days) as used_median,
    percentile_cont(0.5) within group (order by promised_working_days) as promised_median,
    coalesce(sum(saved_days), 0) as saved
from application
where concluded_at >= :since::timestamptz and concluded_at < :until::timestamptz
    and conclusion <> 'withdrawn';

-- name: followed_up(since, until, now)^
-- Follow-ups that were opened in a period, and how they stand.
select count(*) as opened,
    count(*) filter (where closed_at is not null) as closed,
    count(*) filter (where coalesce(closed_at, :now::timestamptz) > due_at) as overdue
from follow_up
where opened_at >= :since::timestamptz and opened_at < :until::timestamptz;
