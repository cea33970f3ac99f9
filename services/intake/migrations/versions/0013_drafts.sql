-- What investors are filling in. A draft is no act: it is its owner's alone, it can be removed, and
-- nobody else ever reads it. Instants are business time (UTC), unless said otherwise.

create table draft (
    id uuid primary key,
    owner_ref text not null,
    scenario text not null,
    answers jsonb not null check (jsonb_typeof(answers) = 'object'),
    fields jsonb not null default '{}' check (jsonb_typeof(fields) = 'object'),
    catalogue_version text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    touched_at timestamptz not null default now(),
    application text unique references application (number),
    constraint draft_handed_in_is_empty check (
        application is null or (fields = '{}' and answers = '{}')
    )
);
create index draft_by_owner on draft (owner_ref, updated_at desc);
create index draft_by_touch on draft (touched_at);
comment on table draft is 'Applications being filled in; removed by their owner, or when forgotten';
comment on column draft.owner_ref is 'keyed hash of whoever fills it in';
comment on column draft.fields is 'what was typed, section by section (personal data)';
comment on column draft.catalogue_version is 'the version that its plan was last looked at under';
comment on column draft.touched_at is 'real time: what its retention counts from';
comment on column draft.application is 'what it became; from then on it holds nothing else';

create table draft_file (
    id uuid primary key,
    draft uuid not null references draft (id) on delete cascade,
    slot text not null,
    file_name text not null,
    size bigint not null check (size > 0),
    mark text not null,
    received bigint not null default 0 check (received between 0 and size),
    media_type text,
    sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
    created_at timestamptz not null,
    check ((sha256 is null) = (media_type is null)),
    check (sha256 is null or received = size)
);
create index draft_file_of_draft on draft_file (draft, created_at, id);
create unique index draft_file_coming on draft_file (draft, slot) where sha256 is null;
create unique index draft_file_there on draft_file (draft, slot) where sha256 is not null;
comment on table draft_file is
    'Files put to drafts, whole and checked (with their SHA-256) or still on their way';
comment on column draft_file.slot is 'the material that it is, or the authorisation of the agent';
comment on column draft_file.mark is
    'what tells a file from a later one of the same name and size: when it was changed';
comment on column draft_file.received is 'bytes that are here: where the transfer goes on';
