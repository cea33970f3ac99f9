-- Papers that come later. `later_turns.py` has one function for each.

-- name: ask_papers(applications, steps, materials, sinces, untils, ats)!
insert into papers_awaited (application, step, materials, since, until, told_at)
select p.application, p.step, string_to_array(p.materials, ','), p.since, p.until, p.at
from unnest(
    :applications::text[], :steps::text[], :materials::text[], :sinces::date[],
    :untils::timestamptz[], :ats::timestamptz[]
) as p (application, step, materials, since, until, at)
on conflict (application, step) do update
set materials = excluded.materials, until = excluded.until, told_at = excluded.told_at;
