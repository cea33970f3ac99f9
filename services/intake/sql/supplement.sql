-- Acceptance by the departments. `supplement_store.py` has one function for each.

-- The projection

-- name: project_acceptances(applications, states, rounds, untils, outstandings, kinds, accepted_ons, ats)!
insert into acceptance as a (
    application, state, round, until, outstanding, kind, accepted_on, told_at
)
select u.application, u.state, u.round, u.until,
    array(select jsonb_array_elements_text(u.outstanding::jsonb)), u.kind, u.accepted_on, u.at
from unnest(
    :applications::text[], :states::text[], :rounds::integer[], :untils::timestamptz[],
    :outstandings::text[], :kinds::text[], :accepted_ons::date[], :ats::timestamptz[]
) as u(application, state, round, until, outstanding, kind, accepted_on, at)
on conflict (application) do update
set state = excluded.state, round = greatest(a.round, excluded.round),
    until = case when excluded.state = 'examining' then coalesce(excluded.until, a.until) end,
    outstanding = excluded.outstanding, kind = excluded.kind,
    accepted_on = excluded.accepted_on, told_at = excluded.told_at;

-- name: project_examiners(applications, departments, states)!
insert into acceptance_examiner (application, department, state)
select * from unnest(:applications::text[], :departments::text[], :states::text[])
on conflict (application, department) do update set state = excluded.state;

-- name: add_notices(applications, rounds, lines, sent_ats)!
insert into acceptance_notice (application, round, lines, sent_at)
select u.application, u.round, u.lines::jsonb, u.sent_at
from unnest(
    :applications::text[], :rounds::integer[], :lines::text[], :sent_ats::timestamptz[]
) as u(application, round, lines, sent_at);

-- name: add_receipt(application, outcome, dated, at, told)!
-- The next receipt of an application, whose row the caller has locked or just changed.
insert into acceptance_receipt (application, place, outcome, dated, at, told)
select :application::text, coalesce(max(place), 0) + 1, :outcome::text, :dated::date,
    :at::timestamptz, :told::jsonb
from acceptance_receipt
where application = :application::text;

-- name: promise_anew(applications, promised_days)!
update application as a
set promised_days = u.promised_days
from unnest(:applications::text[], :promised_days::integer[]) as u(application, promised_days)
where a.number = u.application;

-- What the investor does

-- name: lock_acceptance(application)^
select state, round, until, outstanding, accepted_on from acceptance where application = :application::text
for update;

-- name: handed_in(application)
-- The materials that are there, each once.
select distinct material from material where application = :application::text;

-- name: add_supplements(application, round, at, subjects, statements)!
insert into supplement (application, round, subject, statement, given_at)
select :application::text, :round::integer, u.subject, u.statement, :at::timestamptz
from unnest(:subjects::text[], :statements::text[]) with ordinality
    as u(subject, statement, place)
order by u.place;

-- name: add_papers(application, round, at, materials, uploads, references)!
insert into material (application, place, material, upload, reference, round, given_at)
select :application::text, last.place + m.place, m.material, m.upload, m.reference,
    :round::integer, :at::timestamptz
from unnest(:materials::text[], :uploads::uuid[], :references::text[]) with ordinality
    as m (material, upload, reference, place)
cross join (
    select coalesce(max(place), 0) as place from material where application = :application::text
) as last;

-- name: set_outstanding(application, outstanding)!
update acceptance set outstanding = :outstanding::text[]
where application = :application::text;

-- What is read

-- name: get_acceptance(application, owner)^
-- Everything an owner may know of the acceptance; one row of an application of his, else none.
select p.number, p.status, p.submitted_at, p.plan_digest, p.promised_at,
    to_jsonb(a) as acceptance,
    (
        select coalesce(jsonb_agg(to_jsonb(e) - 'application' order by e.department), '[]')
        from acceptance_examiner as e where e.application = p.number
    ) as examiners,
    (
        select coalesce(jsonb_agg(to_jsonb(n) - 'application' order by n.round), '[]')
        from acceptance_notice as n where n.application = p.number
    ) as notices,
    (
        select coalesce(jsonb_agg(to_jsonb(s) - 'application' order by s.id), '[]')
        from supplement as s where s.application = p.number
    ) as supplements,
    (
        select coalesce(jsonb_agg(to_jsonb(r) - 'application' order by r.place), '[]')
        from acceptance_receipt as r where r.application = p.number
    ) as receipts,
    (
        select coalesce(jsonb_agg(distinct m.material), '[]')
        from material as m where m.application = p.number
    ) as materials
from application as p
left join acceptance as a on a.application = p.number
where p.number = :application::text and p.owner_ref = :owner::text;

-- name: supplements_of(application)
select id, round, subject, statement, given_at
from supplement
where application = :application::text
order by id;
