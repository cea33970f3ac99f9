-- Which catalogue versions new applications may rest on, by whose word, and what they change.

create table catalogue_approval (
    version text primary key,
    digest text not null check (digest ~ '^[0-9a-f]{64}$'),
    predecessor text references catalogue_approval (version),
    effective_from date not null,
    reason text check (reason ~ '\S'),
    differences jsonb not null check (jsonb_typeof(differences) = 'array'),
    approved_by text,
    approved_role text not null check (approved_role in ('founding', 'supervisor')),
    approved_at timestamptz not null,
    constraint catalogue_approval_is_somebodys check (
        (approved_role = 'founding')
        = (approved_by is null and reason is null and predecessor is null)
    )
);
comment on table catalogue_approval is
'INSERT-only: catalogue versions that may be used; founding: in use when this county began here';
comment on column catalogue_approval.digest is 'of the content that was approved';
create trigger catalogue_approval_insert_only
before update or delete or truncate on catalogue_approval
for each statement execute function refuse_change();
