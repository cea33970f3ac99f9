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

-- name: clocks_of(number, owner)
-- One row with a null task when nothing was told: the application is there; no row: it is not.
select c.task, c.why, c.notice, c.article, c.reason, c.kind, c.until, c.days, c.unit, c.approver,
       c.at
from application as a
left join clock_notice as c on c.application = a.number
where a.number = :number::text and a.owner_ref = :owner::text
order by c.at, c.task;
