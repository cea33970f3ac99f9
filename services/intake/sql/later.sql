-- Papers that come later, and results of a project. `later.py` and `held.py` have their functions.

-- name: project_papers(applications, steps, items, materials, sinces, untils, terms, ats)!
-- The term of a paper that is awaited no more is kept: by it, it was closed.
insert into papers_awaited
    (application, step, items, materials, since, until, untils, told_at)
select p.application, p.step, string_to_array(p.items, ','), string_to_array(p.materials, ','),
    p.since, p.until, p.untils::jsonb, p.at
from unnest(
    :applications::text[], :steps::text[], :items::text[], :materials::text[], :sinces::date[],
    :untils::timestamptz[], :terms::text[], :ats::timestamptz[]
) as p (application, step, items, materials, since, until, untils, at)
on conflict (application, step) do update
set items = excluded.items, materials = excluded.materials, since = excluded.since,
    until = excluded.until, untils = papers_awaited.untils || excluded.untils,
    told_at = excluded.told_at;

-- name: lock_awaiting(application)$
-- Whoever hands in papers locks his application first: one of the two comes first.
select number from application where number = :application::text for update;

-- name: close_papers(application, step, materials, at)^
-- Closes what is not there, of an application that is locked. One that was withdrawn is left
-- alone, for that is on its way. What waits is returned, with what was closed now.
with asked as (
    select p.application, p.step, p.until, p.untils, array(
        select m.material from unnest(:materials::text[]) as m (material)
        where a.withdrawn_at is null and m.material <> all (p.closed) and not exists (
            select from material as there
            where there.application = p.application and there.material = m.material
        )
    ) as lacking
    from papers_awaited as p
    join application as a on a.number = p.application
    where p.application = :application::text and p.step = :step::text
), closing as (
    update papers_awaited as p set closed = p.closed || k.lacking, closed_at = :at::timestamptz
    from asked as k
    where p.application = k.application and p.step = k.step and k.lacking <> '{}'
)
select until, untils, lacking from asked;

-- name: standing_of_papers(application)^
-- What is there, which steps have begun (or are over), and what the investor was told is awaited.
select
    array(select distinct m.material from material as m where m.application = :application::text)
        as there,
    array(
        select s.step from step_progress as s
        where s.application = :application::text and s.state <> 'waiting'
    ) as begun,
    (
        select coalesce(jsonb_agg(to_jsonb(p) - 'application' order by p.since, p.step), '[]')
        from papers_awaited as p where p.application = :application::text
    ) as awaited;

-- name: owned_plan(number, owner)^
select number, status, plan_digest from application
where number = :number::text and owner_ref = :owner::text;

-- name: results_of_project(project, owner, applicant)
-- What was granted to this person in a project, or to the applicant whom he may act for. What a
-- remedy has annulled is no result any more. A project without a code goes by its first number.
select distinct on (r.item) r.item, r.number, r.decided_at, r.application
from application as a
join result as r on r.application = a.number
where a.project_code = :project::text and r.outcome in ('granted', 'deemed_renewed')
    and r.number is not null
    and (
        a.owner_ref = :owner::text
        or exists (
            select from party as p
            where p.application = a.number and p.capacity = 'applicant'
                and p.id_number = :applicant::text
        )
    )
    and not exists (
        select from remedy as y
        where y.application = r.application and y.item = r.item and y.outcome = 'annulled'
    )
order by r.item, r.decided_at desc, r.application desc;
