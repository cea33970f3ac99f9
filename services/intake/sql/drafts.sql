-- Drafts: every statement names the owner, so that nobody else's is ever found.

-- name: add_draft(id, owner, scenario, answers, catalogue_version, at)!
insert into draft (
    id, owner_ref, scenario, answers, catalogue_version, created_at, updated_at
) values (
    :id::uuid, :owner::text, :scenario::text, :answers::jsonb, :catalogue_version::text,
    :at::timestamptz, :at::timestamptz
) on conflict (id) do nothing;

-- name: lock_drafts_of(owner)!
-- What one keeps at most is counted by one request at a time; before any draft is locked.
select pg_advisory_xact_lock(1818847595, hashtext(:owner::text));

-- name: drafts_of(owner)
-- One's drafts that were not handed in, the last one touched first.
select d.id, d.scenario, d.fields -> 'project' ->> 'name' as project_name, d.created_at,
    d.updated_at, d.touched_at,
    (select count(*) from draft_file as f where f.draft = d.id and f.sha256 is not null) as files
from draft as d
where d.owner_ref = :owner::text and d.application is null
order by d.updated_at desc, d.id;

-- name: get_draft(id, owner)^
select * from draft where id = :id::uuid and owner_ref = :owner::text;

-- name: lock_draft(id, owner)^
-- Whoever comes second waits here, and finds what the first has made of it.
select * from draft where id = :id::uuid and owner_ref = :owner::text for update;

-- name: save_fields(id, fields, at)!
-- Section by section: what another window saved of another section stays.
update draft
set fields = fields || :fields::jsonb, updated_at = :at::timestamptz, touched_at = now()
where id = :id::uuid;

-- name: save_answers(id, answers, catalogue_version, at)!
update draft
set answers = :answers::jsonb, catalogue_version = :catalogue_version::text,
    updated_at = :at::timestamptz, touched_at = now()
where id = :id::uuid;

-- name: touch_draft(id, at)!
update draft set updated_at = :at::timestamptz, touched_at = now() where id = :id::uuid;

-- name: settle_draft(id, application, at)!
-- It was handed in: the application has everything now, the draft nothing.
update draft
set application = :application::text, fields = '{}', answers = '{}',
    updated_at = :at::timestamptz, touched_at = now()
where id = :id::uuid;

-- name: remove_draft(id, owner)!
delete from draft where id = :id::uuid and owner_ref = :owner::text;

-- name: purge_drafts(before)
-- Forget drafts that nobody has touched since, and return their files.
with gone as (
    delete from draft where touched_at < :before::timestamptz returning id
)
select f.id from draft_file as f join gone on gone.id = f.draft;

-- name: files_of_draft(draft)
select id, slot, file_name, size, mark, received, media_type, sha256, created_at
from draft_file
where draft = :draft::uuid
order by created_at, id;

-- name: add_draft_file(id, draft, slot, file_name, size, mark, at)!
insert into draft_file (id, draft, slot, file_name, size, mark, created_at)
values (
    :id::uuid, :draft::uuid, :slot::text, :file_name::text, :size::bigint, :mark::text,
    :at::timestamptz
);

-- name: draft_file_received(id, received)!
update draft_file set received = :received::bigint where id = :id::uuid;

-- name: draft_file_whole(id, media_type, sha256)!
update draft_file set received = size, media_type = :media_type::text, sha256 = :sha256::text
where id = :id::uuid;

-- name: remove_draft_files(ids)!
delete from draft_file where id = any (:ids::uuid[]);

-- name: bytes_of_drafts(owner)$
select coalesce(sum(f.size), 0)::bigint
from draft as d
join draft_file as f on f.draft = d.id
where d.owner_ref = :owner::text;

-- name: known_draft_files(ids)
select id from draft_file where id = any (:ids::uuid[]);
