-- Written answers that no licence is needed, or that another authority is in power (行政许可法 32).

create sequence inquiry_number as bigint;

create table inquiry (
    number text primary key,
    owner_ref text not null,
    party_kind text not null check (party_kind in ('person', 'company')),
    party_name text not null,
    project_name text not null,
    scenario text not null,
    answers jsonb not null,
    held jsonb not null,
    catalogue_version text not null,
    outcome text not null check (outcome in ('not_needed', 'not_in_power')),
    items jsonb not null,
    answered_at timestamptz not null
);
create index inquiry_by_owner on inquiry (owner_ref);
comment on table inquiry is 'INSERT-only: what was asked before applying, and the answer (32(1), 32(2))';
comment on column inquiry.party_name is 'personal data where the party is a person';
comment on column inquiry.items is 'what was said of every item, and who is in power';
create trigger inquiry_insert_only before update or delete or truncate on inquiry
    for each statement execute function refuse_change();

create table inquiry_document (
    inquiry text primary key references inquiry (number),
    kind text not null check (kind in ('not_needed', 'not_in_power')),
    code text not null unique,
    title_zh text not null,
    title_en text not null,
    dated date not null,
    content text not null,
    sha256 text not null unique,
    size bigint not null check (size > 0),
    issued_at timestamptz not null
);
comment on table inquiry_document is 'INSERT-only: sealed answers as they were handed out';
create trigger inquiry_document_is_final before update or delete or truncate on inquiry_document
    for each statement execute function refuse_change();

-- A part of a line can be remitted: by a sum, or by a share. Neither: all of it.
alter table fee_act add column remitted numeric(14, 2) check (remitted > 0);
alter table fee_act add column share numeric check (share > 0 and share < 1);
alter table fee_act add constraint fee_act_remits_once check (
    num_nonnulls(remitted, share) = 0 or (kind = 'exempted' and num_nonnulls(remitted, share) = 1)
);
comment on column fee_act.remitted is 'the sum that an exemption remits; none and no share: all';
comment on column fee_act.share is 'the share of the amount that an exemption remits';

-- The public register by item and by department, each newest first.
create index result_granted_by_item
on result (item, released_at desc, application desc)
where outcome = 'granted';
create index result_granted_by_department
on result (department, released_at desc, application desc, item desc)
where outcome = 'granted';
