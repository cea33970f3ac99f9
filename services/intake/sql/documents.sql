-- Statements about documents, the public register and remedies. `documents_store.py` has one
-- function for each.

-- Documents of one's own

-- name: get_case(number, owner)^
-- Everything a document can be about, in one consistent picture.
select a.number, a.project_code, a.project_name, a.catalogue_version, a.plan_digest,
    a.submitted_at, p.name as applicant,
    (
        select coalesce(array_agg(distinct m.material), '{}')
        from material as m where m.application = a.number and m.step is null
            and m.round is null
    ) as materials,
    (
        select coalesce(jsonb_agg(to_jsonb(c) order by c.place), '[]')
        from acceptance_receipt as c where c.application = a.number
    ) as receipts,
    (
        select coalesce(jsonb_agg(to_jsonb(r) order by r.released_at, r.decided_at, r.item), '[]')
        from result as r where r.application = a.number
    ) as results,
    (
        select coalesce(jsonb_agg(to_jsonb(d)), '[]')
        from document as d where d.application = a.number
    ) as documents
from application as a
join party as p on p.application = a.number and p.capacity = 'applicant'
where a.number = :number::text and a.owner_ref = :owner::text;

-- name: add_document(application, name, kind, item, number, code, title_zh, title_en, dated, content, sha256, size, at)^
-- Returns nothing when it was made by somebody else meanwhile.
insert into document (
    application, name, kind, item, number, code, title_zh, title_en, dated, content, sha256, size,
    issued_at
) values (
    :application::text, :name::text, :kind::text, :item::text, :number::text, :code::text,
    :title_zh::text, :title_en::text, :dated::date, :content::text, :sha256::text, :size::bigint,
    :at::timestamptz
)
on conflict (application, name) do nothing
returning *;

-- name: get_document(application, name)^
select * from document where application = :application::text and name = :name::text;

-- For everybody

-- name: find_document(number, code)^
select d.*, a.catalogue_version, p.kind as party_kind, p.name as party_name, r.department,
    r.outcome,
    (
        select coalesce(jsonb_agg(to_jsonb(y) order by y.filed_on, y.noted_at), '[]')
        from remedy as y where y.application = d.application and y.item = d.item
    ) as notes
from document as d
join application as a on a.number = d.application
join party as p on p.application = d.application and p.capacity = 'applicant'
left join result as r on r.application = d.application and r.item = d.item
where d.code = :code::text and d.number = :number::text;

-- name: plan_for_what_is_asked()!
-- Of the filters of `list_grants` most are null. A plan for all of them alike walks through the
-- whole register; one for those that were given uses their index.
set local plan_cache_mode = force_custom_plan;

-- name: list_grants(released_at, application, item, of_item, department, project, since, until, limit)
-- A page of the register below a key, newest first. Names of people are not in it: the holder is
-- named when it is a company.
select r.application, r.item, r.department, r.outcome, r.number, r.decided_at, r.released_at,
    a.project_code, a.catalogue_version,
    case when p.kind = 'company' then p.name end as holder,
    case when p.kind = 'company' then a.project_name end as project_name,
    (
        select coalesce(jsonb_agg(to_jsonb(y) order by y.filed_on, y.noted_at), '[]')
        from remedy as y where y.application = r.application and y.item = r.item
    ) as notes
from result as r
join application as a on a.number = r.application
join party as p on p.application = r.application and p.capacity = 'applicant'
where r.outcome in ('granted', 'deemed_renewed')
    and (r.released_at, r.application, r.item)
    < (:released_at::timestamptz, :application::text, :item::text)
    and (:of_item::text is null or r.item = :of_item::text)
    and (:department::text is null or r.department = :department::text)
    and (:project::text is null or a.project_code = :project::text)
    and (:since::timestamptz is null or r.released_at >= :since::timestamptz)
    and (:until::timestamptz is null or r.released_at < :until::timestamptz)
order by r.released_at desc, r.application desc, r.item desc
limit :limit::integer;

-- name: get_grant(number)^
select r.application, r.item, r.department, r.outcome, r.number, r.decided_at, r.released_at,
    a.project_code, a.catalogue_version,
    case when p.kind = 'company' then p.name end as holder,
    case when p.kind = 'company' then a.project_name end as project_name,
    (
        select coalesce(jsonb_agg(to_jsonb(y) order by y.filed_on, y.noted_at), '[]')
        from remedy as y where y.application = r.application and y.item = r.item
    ) as notes
from result as r
join application as a on a.number = r.application
join party as p on p.application = r.application and p.capacity = 'applicant'
where r.number = :number::text and r.outcome in ('granted', 'deemed_renewed')
order by r.released_at, r.application, r.item
limit 1;

-- Remedies

-- name: lock_result(application, item)^
-- Acts on one decision queue here.
select r.outcome, r.decided_at, r.released_at
from result as r
where r.application = :application::text and r.item = :item::text
for update;

-- name: may_see_result(application, item, owner)$
-- Whether a decision is out and this owner's (owner null: the supervision's eyes).
select exists (
    select from result as r
    join application as a on a.number = r.application
    where r.application = :application::text and r.item = :item::text
        and (:owner::text is null or a.owner_ref = :owner::text)
);

-- name: remedies_of(application, item)
select * from remedy
where application = :application::text and item = :item::text
order by filed_on, noted_at, id;

-- name: add_remedy(id, application, item, kind, authority, reference, filed_on, at, by)^
-- Returns nothing when this remedy is noted already.
insert into remedy (
    id, application, item, kind, authority, reference, filed_on, noted_at, noted_by
) values (
    :id::uuid, :application::text, :item::text, :kind::text, :authority::text, :reference::text,
    :filed_on::date, :at::timestamptz, :by::text
)
on conflict (application, item, kind, reference) do nothing
returning *;

-- name: get_remedy(id, application, item)^
select * from remedy
where id = :id::uuid and application = :application::text and item = :item::text
for update;

-- name: end_remedy(id, outcome, ended_on, at, by)^
update remedy
set outcome = :outcome::text, ended_on = :ended_on::date, ended_at = :at::timestamptz,
    ended_by = :by::text
where id = :id::uuid and outcome is null
returning *;
