-- Statements about written answers before an application. `outcomes_store.py` has one function for
-- each.

-- name: take_number()$
select nextval('inquiry_number');

-- name: add_inquiry(number, owner, party_kind, party_name, project_name, scenario, answers, held, catalogue_version, outcome, items, at)^
insert into inquiry (
    number, owner_ref, party_kind, party_name, project_name, scenario, answers, held,
    catalogue_version, outcome, items, answered_at
) values (
    :number::text, :owner::text, :party_kind::text, :party_name::text, :project_name::text,
    :scenario::text, :answers::jsonb, :held::jsonb, :catalogue_version::text, :outcome::text,
    :items::jsonb, :at::timestamptz
)
returning *;

-- name: get_inquiry(number, owner)^
-- An answer of this owner's, with what was handed out of it.
select i.*, to_jsonb(d) as document
from inquiry as i
left join inquiry_document as d on d.inquiry = i.number
where i.number = :number::text and i.owner_ref = :owner::text;

-- name: add_document(inquiry, kind, code, title_zh, title_en, dated, content, sha256, size, at)^
-- Returns nothing when it was made by somebody else meanwhile.
insert into inquiry_document (
    inquiry, kind, code, title_zh, title_en, dated, content, sha256, size, issued_at
) values (
    :inquiry::text, :kind::text, :code::text, :title_zh::text, :title_en::text, :dated::date,
    :content::text, :sha256::text, :size::bigint, :at::timestamptz
)
on conflict (inquiry) do nothing
returning sha256;

-- name: document_hash(inquiry)$
select sha256 from inquiry_document where inquiry = :inquiry::text;

-- name: find_document(number, code)^
-- For everybody who has number and code; in the columns of a document of an application.
select d.inquiry as number, d.kind, d.title_zh, d.title_en, d.dated, d.issued_at, d.sha256, d.size,
    i.catalogue_version, i.party_kind, i.party_name, null as item, null as department,
    null as outcome, '[]'::jsonb as notes
from inquiry_document as d
join inquiry as i on i.number = d.inquiry
where d.code = :code::text and d.inquiry = :number::text;
