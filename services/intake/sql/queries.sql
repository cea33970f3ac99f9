-- Every statement of intake's own tables. `store.py` has one function for each.

-- Submitting

-- name: next_number()$
select nextval('application_number');

-- name: prepare(ids, owner, items, numbers, project_code)^
-- The next application number; which of the uploads are the owner's; which results claimed are
-- results of this system, of the same person or the same project. `offset 0` and the scalar query
-- keep the way from the number claimed to its application: a plan made while the tables were small
-- would walk through all applications of the person, at every submission.
select
    nextval('application_number') as sequence,
    (
        select coalesce(jsonb_object_agg(u.id::text, u.sha256), '{}')
        from upload as u
        where u.id = any (:ids::uuid[]) and u.owner_ref = :owner::text
    ) as uploads,
    (
        select coalesce(array_agg(distinct claimed.item), '{}')
        from unnest(:items::text[], :numbers::text[]) as claimed (item, number)
        cross join lateral (
            select r.application
            from result as r
            where r.number = claimed.number and r.item = claimed.item
                and r.outcome in ('granted', 'deemed_renewed')
                and not exists (
                    select from remedy as y
                    where y.application = r.application and y.item = r.item
                        and y.outcome = 'annulled'
                )
            offset 0
        ) as granted
        where (
            select a.owner_ref = :owner::text or a.project_code = :project_code::text
            from application as a
            where a.number = granted.application
        )
    ) as held;

-- name: add_plan(digest, body)!
insert into plan (digest, body) values (:digest::text, :body::bytea) on conflict do nothing;

-- name: add_application(number, owner, project_code, project_name, project_address, scenario, answers, held, catalogue_version, calendar_version, plan_digest, submitted_at, promised_days, statutory_serial_days, traceparent, promised_at, provisional, capacities, kinds, names, id_numbers, phones, emails, authorisations, materials, uploads, references, letters, event_id)!
-- One statement: the application, its people, its papers and the first letters about it.
with added as (
    insert into application (
        number, owner_ref, project_code, project_name, project_address, scenario, answers, held,
        catalogue_version, calendar_version, plan_digest, submitted_at, promised_days,
        statutory_serial_days, traceparent, promised_at, provisional
    ) values (
        :number::text, :owner::text, :project_code::text, :project_name::text,
        :project_address::text, :scenario::text, :answers::jsonb, :held::jsonb,
        :catalogue_version::text, :calendar_version::text, :plan_digest::text,
        :submitted_at::timestamptz, :promised_days::integer, :statutory_serial_days::integer,
        :traceparent::text, :promised_at::timestamptz, :provisional::boolean
    )
), people as (
    insert into party (application, capacity, kind, name, id_number, phone, email, authorisation)
    select :number::text, p.capacity, p.kind, p.name, p.id_number, p.phone, p.email,
        p.authorisation
    from unnest(
        :capacities::text[], :kinds::text[], :names::text[], :id_numbers::text[], :phones::text[],
        :emails::text[], :authorisations::uuid[]
    ) as p (capacity, kind, name, id_number, phone, email, authorisation)
), told as (
    insert into letter (application, owner_ref, kind, source, place, facts, at)
    select :number::text, :owner::text, l.kind, :event_id::uuid, l.place - 1, '{}',
        :submitted_at::timestamptz
    from unnest(:letters::text[]) with ordinality as l (kind, place)
)
insert into material (application, place, material, upload, reference, given_at)
select :number::text, m.place, m.material, m.upload, m.reference, :submitted_at::timestamptz
from unnest(:materials::text[], :uploads::uuid[], :references::text[]) with ordinality
    as m (material, upload, reference, place);

-- name: people_of(number)^
-- Who may not act on an application for the centre; never shown.
select a.owner_ref, array_agg(p.id_number) as id_numbers
from application as a
join party as p on p.application = a.number
where a.number = :number::text
group by a.number;

-- Uploads

-- name: add_upload(id, owner, sha256, media_type, file_name, size, at)!
insert into upload (id, owner_ref, sha256, media_type, file_name, size, created_at)
values (
    :id::uuid, :owner::text, :sha256::text, :media_type::text, :file_name::text, :size::bigint,
    :at::timestamptz
);

-- name: get_upload(id, owner)^
select id, sha256, media_type, file_name, size, created_at
from upload
where id = :id::uuid and owner_ref = :owner::text;

-- name: own_uploads(ids, owner)
select id, sha256 from upload where id = any (:ids::uuid[]) and owner_ref = :owner::text;

-- Reading one's own

-- name: list_own(owner, before_at, before_number, limit)
select number, project_code, project_name, scenario, status, submitted_at, promised_at,
    provisional, conclusion, concluded_at, in_time, withdrawn_at
from application
where owner_ref = :owner::text
    and (submitted_at, number) < (:before_at::timestamptz, :before_number::text)
order by submitted_at desc, number desc
limit :limit::integer;

-- name: get_own(number, owner)^
select a.*, array(
    select m.material from material as m
    where m.application = a.number and m.step is null and m.round is null
) as first_materials
from application as a
where a.number = :number::text and a.owner_ref = :owner::text;

-- name: get_plan(digest)$
select body from plan where digest = :digest::text;

-- name: get_own_plan(number, owner)^
select p.digest, p.body
from application as a
join plan as p on p.digest = a.plan_digest
where a.number = :number::text and a.owner_ref = :owner::text;

-- name: get_progress(number, owner)^
-- Everything in one statement: one consistent picture, in one round trip.
select a.*,
    (
        select coalesce(jsonb_agg(to_jsonb(t) - 'application'
            order by t.issued_at nulls last, t.task), '[]')
        from task_progress as t where t.application = a.number
    ) as tasks,
    (
        select coalesce(jsonb_object_agg(s.step, s.state), '{}')
        from step_progress as s where s.application = a.number
    ) as steps,
    (
        select coalesce(jsonb_agg(to_jsonb(d) - 'application' order by d.at, d.task, d.signal), '[]')
        from deadline_signal as d where d.application = a.number
    ) as signals,
    (
        select coalesce(jsonb_agg(
            to_jsonb(r) - 'application'
                || jsonb_build_object('open',
                    r.answered_at is null and r.closed_at is null and s.state = 'rectifying')
            order by r.asked_at, r.step, r.round), '[]')
        from rectification as r
        join step_progress as s on s.application = r.application and s.step = r.step
        where r.application = a.number
    ) as notices,
    (
        select coalesce(jsonb_agg(to_jsonb(p) - 'application' order by p.since, p.step), '[]')
        from papers_awaited as p where p.application = a.number
    ) as awaited,
    coalesce((
        select to_jsonb(j) - 'application' from joint_limit as j where j.application = a.number
    ), 'null') as joint,
    array(
        select m.material
        from papers_awaited as p
        join material as m on m.application = p.application and m.material = any (p.materials)
        where p.application = a.number
    ) as awaited_there
from application as a
where a.number = :number::text and a.owner_ref = :owner::text;

-- name: get_results(number, owner)^
select a.status, a.conclusion, a.plan_digest, a.catalogue_version,
    (
        select coalesce(jsonb_agg(to_jsonb(r) - 'application' || jsonb_build_object('notes', n.notes)
            order by r.released_at, r.decided_at, r.item), '[]')
        from result as r
        cross join lateral (
            select coalesce(jsonb_agg(to_jsonb(y)), '[]') as notes
            from remedy as y where y.application = r.application and y.item = r.item
        ) as n
        where r.application = a.number
    ) as results
from application as a
where a.number = :number::text and a.owner_ref = :owner::text;

-- Acts of the investor

-- name: lock_own(number, owner)^
select number, status, conclusion, withdrawn_at, traceparent, catalogue_version, plan_digest,
    submitted_at, promised_at, version
from application
where number = :number::text and owner_ref = :owner::text
for update;

-- name: answer_notice(number, step, round, at)^
update rectification set answered_at = :at::timestamptz
where application = :number::text and step = :step::text and round = :round::integer
    and answered_at is null and closed_at is null
returning round;

-- name: close_notices(applications, steps, rounds, ats)
-- Locks each notice: an answer that is being committed comes first, or finds it closed. One that was
-- withdrawn is not closed, for that is on its way. All are returned, closed or not.
with asked as (
    select r.application, r.step, r.round, r.until, r.answered_at, r.closed_at,
        a.withdrawn_at, u.at
    from unnest(:applications::text[], :steps::text[], :rounds::integer[], :ats::timestamptz[])
        as u (application, step, round, at)
    join rectification as r using (application, step, round)
    join application as a on a.number = r.application
    for update of r
), closing as (
    update rectification as r set closed_at = k.at
    from asked as k
    where r.application = k.application and r.step = k.step and r.round = k.round
        and k.answered_at is null and k.closed_at is null and k.withdrawn_at is null
    returning r.application, r.step, r.round, r.closed_at
)
select k.application, k.step, k.round, k.until, c.closed_at
from asked as k
left join closing as c using (application, step, round)
order by k.application, k.step, k.round;

-- name: add_materials(number, step, round, at, materials, uploads, references)!
insert into material (application, place, material, upload, reference, step, round, given_at)
select :number::text, last.place + m.place, m.material, m.upload, m.reference, :step::text,
    :round::integer, :at::timestamptz
from unnest(:materials::text[], :uploads::uuid[], :references::text[]) with ordinality
    as m (material, upload, reference, place)
cross join (
    select coalesce(max(place), 0) as place from material where application = :number::text
) as last;

-- name: touch(number)!
update application set version = version + 1 where number = :number::text;

-- name: withdraw(number, at)!
update application set withdrawn_at = :at::timestamptz, version = version + 1
where number = :number::text;

-- name: waiting_notices(number, owner)
-- Notices that are still to be answered, their terms permitting.
select r.step, r.round, r.until
from application as a
join rectification as r on r.application = a.number
join step_progress as s on s.application = r.application and s.step = r.step
where a.number = :number::text and a.owner_ref = :owner::text
    and r.answered_at is null and r.closed_at is null and s.state = 'rectifying'
order by r.step, r.round;

-- What departments may read (`department` is null for a supervisor)

-- name: get_dossier(number, department)^
select a.number, a.project_code, a.project_name, a.project_address, a.scenario, a.answers, a.held,
    a.catalogue_version, a.status, a.submitted_at,
    (
        select jsonb_object_agg(p.capacity, to_jsonb(p) || coalesce(to_jsonb(u), '{}'))
        from party as p
        left join upload as u on u.id = p.authorisation
        where p.application = a.number
    ) as parties,
    (
        select coalesce(jsonb_agg(to_jsonb(m) || coalesce(to_jsonb(u), '{}') order by m.place), '[]')
        from material as m
        left join upload as u on u.id = m.upload
        where m.application = a.number
    ) as materials
from application as a
where a.number = :number::text and is_open_to(a.number, :department::text);

-- name: get_material_file(number, department, material, sha256)^
-- The newest file of a material, or the one with a hash.
select u.sha256, u.media_type, u.file_name, u.size
from material as m
join upload as u on u.id = m.upload
where m.application = :number::text and m.material = :material::text
    and (:sha256::text is null or u.sha256 = :sha256::text)
    and is_open_to(m.application, :department::text)
order by m.place desc
limit 1;

-- name: get_authorisation(number, department)^
select u.sha256, u.media_type, u.file_name, u.size
from party as p
join upload as u on u.id = p.authorisation
where p.application = :number::text and is_open_to(p.application, :department::text);

-- The projection

-- name: project_applications(numbers, statuses, promised_ats, provisionals, conclusions, concluded_ats, used, in_times)
-- Returns the numbers that were found.
update application as a
set status = p.status,
    promised_at = coalesce(p.promised_at, a.promised_at),
    provisional = a.provisional or p.provisional,
    conclusion = coalesce(p.conclusion, a.conclusion),
    concluded_at = coalesce(p.concluded_at, a.concluded_at),
    used_working_days = coalesce(p.used, a.used_working_days),
    in_time = coalesce(p.in_time, a.in_time),
    version = a.version + 1
from unnest(
    :numbers::text[], :statuses::text[], :promised_ats::timestamptz[], :provisionals::boolean[],
    :conclusions::text[], :concluded_ats::timestamptz[], :used::integer[], :in_times::boolean[]
) as p (number, status, promised_at, provisional, conclusion, concluded_at, used, in_time)
where a.number = p.number
returning a.number;

-- name: project_tasks(tasks, applications, steps, items, departments, parts, rounds, states, outcomes, issued_ats, decided_ats, promised_ons, promised_ats, statutory_ons, statutory_ats, provisionals)!
insert into task_progress as t (
    task, application, step, item, department, part, round, state, outcome, issued_at, decided_at,
    promised_on, promised_at, statutory_on, statutory_at, provisional
)
select *
from unnest(
    :tasks::text[], :applications::text[], :steps::text[], :items::text[], :departments::text[],
    :parts::text[], :rounds::integer[], :states::text[], :outcomes::text[],
    :issued_ats::timestamptz[], :decided_ats::timestamptz[], :promised_ons::date[],
    :promised_ats::timestamptz[], :statutory_ons::date[], :statutory_ats::timestamptz[],
    :provisionals::boolean[]
)
on conflict (task) do update
set state = excluded.state,
    outcome = coalesce(excluded.outcome, t.outcome),
    issued_at = coalesce(excluded.issued_at, t.issued_at),
    decided_at = coalesce(excluded.decided_at, t.decided_at),
    promised_on = coalesce(excluded.promised_on, t.promised_on),
    promised_at = coalesce(excluded.promised_at, t.promised_at),
    statutory_on = coalesce(excluded.statutory_on, t.statutory_on),
    statutory_at = coalesce(excluded.statutory_at, t.statutory_at),
    provisional = coalesce(excluded.provisional, t.provisional);

-- name: project_steps(applications, steps, states)!
insert into step_progress (application, step, state)
select * from unnest(:applications::text[], :steps::text[], :states::text[])
on conflict (application, step) do update set state = excluded.state;

-- name: project_results(applications, items, departments, outcomes, numbers, reasons, remedies, conditions, decided_ats, released_ats)!
-- Reasons and remedies come as JSON lists: unnest would flatten a list of lists.
insert into result (
    application, item, department, outcome, number, reasons, remedies, conditions, decided_at, released_at
)
select r.application, r.item, r.department, r.outcome, r.number,
    array(select jsonb_array_elements_text(r.reasons::jsonb)),
    array(select jsonb_array_elements_text(r.remedies::jsonb)),
    array(select jsonb_array_elements_text(r.conditions::jsonb)),
    r.decided_at, r.released_at
from unnest(
    :applications::text[], :items::text[], :departments::text[], :outcomes::text[],
    :numbers::text[], :reasons::text[], :remedies::text[], :conditions::text[], :decided_ats::timestamptz[],
    :released_ats::timestamptz[]
) as r (
    application, item, department, outcome, number, reasons, remedies, conditions, decided_at, released_at
);

-- name: project_signals(applications, tasks, signals, ats, lifted_ats)!
-- A signal is kept when it is taken back.
insert into deadline_signal as d (application, task, signal, at, lifted_at)
select * from unnest(
    :applications::text[], :tasks::text[], :signals::text[], :ats::timestamptz[],
    :lifted_ats::timestamptz[]
)
on conflict (application, task, signal) do update
set at = case when excluded.lifted_at is null then excluded.at else d.at end,
    lifted_at = excluded.lifted_at;

-- name: project_notices(applications, steps, rounds, items, reasons, untils, asked_ats)!
insert into rectification (application, step, round, items, reasons, until, asked_at)
select n.application, n.step, n.round,
    array(select jsonb_array_elements_text(n.items::jsonb)),
    array(select jsonb_array_elements_text(n.reasons::jsonb)),
    n.until, n.asked_at
from unnest(
    :applications::text[], :steps::text[], :rounds::integer[], :items::text[], :reasons::text[],
    :untils::timestamptz[], :asked_ats::timestamptz[]
) as n (application, step, round, items, reasons, until, asked_at);
