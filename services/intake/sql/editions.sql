-- Approved catalogue versions. `editions.py` has one function for each.

-- name: approvals()
select version, digest, predecessor, effective_from, reason, differences, approved_by,
    approved_role, approved_at
from catalogue_approval
order by approved_at, effective_from, version;

-- name: alone()$
-- From here to the end of the transaction nobody else founds or approves.
select pg_advisory_xact_lock(1818847594);

-- name: used()
-- Versions that applications rest on already, with the first of these.
select catalogue_version, min(submitted_at) as since
from application
group by catalogue_version;

-- name: add_approval(version, digest, predecessor, effective_from, reason, differences, actor, role, at)!
insert into catalogue_approval (version, digest, predecessor, effective_from, reason, differences,
    approved_by, approved_role, approved_at)
values (:version::text, :digest::text, :predecessor::text, :effective_from::date, :reason::text,
    :differences::jsonb, :actor::text, :role::text, :at::timestamptz);
