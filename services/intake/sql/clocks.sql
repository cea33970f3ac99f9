-- What the applicant is told of clocks. `clocks.py` has one function for each.

-- name: settle(numbers)!
-- The promise is no longer provisional.
update application set provisional = false where number = any(:numbers::text[]);

-- name: project_clocks(applications, tasks, whys, notices, articles, reasons, kinds, untils, days, units, approvers, ats)!
insert into clock_notice (
    application, task, why, notice, article, reason, kind, until, days, unit, approver, at
)
select * from unnest(
    :applications::text[], :tasks::text[], :whys::text[], :notices::text[], :articles::text[],
    :reasons::text[], :kinds::text[], :untils::date[], :days::integer[], :units::text[],
    :approvers::text[], :ats::timestamptz[]
)
on conflict do nothing;

-- name: end_pauses(applications, tasks, notices, untils, ats)!
-- The last day that is not counted, where that has come sooner than the notice said. What the notice
-- said stays; a pause ends once.
update clock_notice as c
set ended_on = over.until, ended_at = over.at
from unnest(
    :applications::text[], :tasks::text[], :notices::text[], :untils::date[], :ats::timestamptz[]
) as over (application, task, notice, until, at)
where c.application = over.application and c.task = over.task and c.notice = over.notice
    and c.why = 'paused' and over.until < c.until and c.ended_on is null;

-- name: project_joint(applications, start_ons, due_ons, due_ats, days, units, articles, provisionals)!
insert into joint_limit (
    application, start_on, due_on, due_at, days, unit, article, provisional
)
select * from unnest(
    :applications::text[], :start_ons::date[], :due_ons::date[], :due_ats::timestamptz[],
    :days::integer[], :units::text[], :articles::text[], :provisionals::boolean[]
)
on conflict (application) do update
set start_on = excluded.start_on, due_on = excluded.due_on, due_at = excluded.due_at,
    days = excluded.days, unit = excluded.unit, article = excluded.article,
    provisional = excluded.provisional;

-- name: clocks_of(number, owner)
-- One row with a null task when nothing was told: the application is there; no row: it is not.
select c.task, c.why, c.notice, c.article, c.reason, c.kind, c.until, c.days, c.unit, c.approver,
       c.at, c.ended_on, c.ended_at
from application as a
left join clock_notice as c on c.application = a.number
where a.number = :number::text and a.owner_ref = :owner::text
order by c.at, c.task;
