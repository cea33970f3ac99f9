-- name: ended_tasks(since, at_most)
-- How long tasks have lasted, the latest first.
select item, department, issued_at, ended_at, promised_at
from task
where state in ('decided', 'lapsed') and ended_at >= :since::timestamptz
order by ended_at desc
limit :at_most::bigint;

-- name: running_applications(numbers, at_most)
-- Accepted applications that are not over, the next promise first; or those of them in `numbers`.
select number, project_code, scenario, status, promised_at, late, route
from application
where conclusion is null and status <> 'received'
    and (:numbers::text[] is null or number = any(:numbers::text[]))
order by promised_at, number
limit :at_most::bigint;

-- name: latest_tasks(numbers)
-- Each part's task in its latest round.
select distinct on (application, item, department)
    application, item, department, step, state, outcome, issued_at, promised_at, ledger
from task
where application = any(:numbers::text[])
order by application, item, department, round desc;

-- name: awaited_steps(numbers)
-- Steps that wait for papers of the investor, with the day since when.
select p.application, p.step, p.since
from papers_awaited as p
where p.application = any(:numbers::text[])
    and not exists (
        select from step as s where s.application = p.application and s.step = p.step
    );

-- name: step_states(numbers)
select application, step, state, changed_at
from step
where application = any(:numbers::text[]);
