-- Statements about bills, payments and refunds. `fees_store.py` has one function for each.

-- name: lock_case(number, owner)$
-- Acts on one bill queue here. Owner null: an operator's eyes.
select number from application
where number = :number::text and (:owner::text is null or owner_ref = :owner::text)
for no key update;

-- name: get_case(number, owner)^
-- `departments_accepted_on` is of those that departments examine.
select a.number, a.plan_digest, a.submitted_at, a.withdrawn_at, b.accepted_on,
    b.catalogue_version, b.lines, c.accepted_on as departments_accepted_on
from application as a
left join bill as b on b.application = a.number
left join acceptance as c on c.application = a.number
where a.number = :number::text and (:owner::text is null or a.owner_ref = :owner::text);

-- name: acts_of(number)
select line, kind, rate, quantity, amount, remitted, share, reason, document, at from fee_act
where application = :number::text
order by id;

-- name: transfers_of(number)
select id, kind, lines, amount, adapter, sandbox, state, reference, pay_at, refund_of, reason,
    document, begun_at, ended_at
from fee_transfer
where application = :number::text
order by begun_at, id;

-- name: settlements_of(number)
select s.line, s.kind, t.state, s.amount, s.transfer
from fee_settlement as s
join fee_transfer as t on t.id = s.transfer
where s.application = :number::text
order by s.line, s.kind;

-- name: draw_up(number, accepted_on, catalogue_version, lines, at)!
insert into bill (application, accepted_on, catalogue_version, lines, drawn_up_at)
values (
    :number::text, :accepted_on::date, :catalogue_version::text, :lines::jsonb, :at::timestamptz
);

-- name: add_act(number, line, kind, rate, quantity, amount, remitted, share, reason, document, at, by)!
insert into fee_act (
    application, line, kind, rate, quantity, amount, remitted, share, reason, document, at,
    actor_ref
) values (
    :number::text, :line::text, :kind::text, :rate::numeric, :quantity::numeric, :amount::numeric,
    :remitted::numeric, :share::numeric,
    :reason::text, :document::text, :at::timestamptz, :by::text
);

-- name: add_transfer(id, number, kind, lines, amounts, amount, adapter, sandbox, refund_of, reason, document, at, by)!
-- One statement: the transfer, and its lines held for it.
with added as (
    insert into fee_transfer (
        id, application, kind, lines, amount, adapter, sandbox, refund_of, reason, document,
        begun_at, begun_by
    ) values (
        :id::uuid, :number::text, :kind::text, :lines::text[], :amount::numeric, :adapter::text,
        :sandbox::boolean, :refund_of::uuid, :reason::text, :document::text, :at::timestamptz,
        :by::text
    )
)
insert into fee_settlement (application, line, kind, transfer, amount)
select :number::text, part.line, :kind::text, :id::uuid, part.amount
from unnest(:lines::text[], :amounts::numeric[]) as part (line, amount);

-- name: ask_transfer(id, adapter)^
-- A transfer that the payment system has yet to settle, marked as asked about.
update fee_transfer set asked_at = clock_timestamp()
where id = :id::uuid and adapter = :adapter::text and state = 'begun'
returning id, application, kind, lines, amount, refund_of;

-- name: list_begun(adapter, limit)
-- Those that were not asked about for the longest time come first.
select id from fee_transfer
where adapter = :adapter::text and state = 'begun'
order by asked_at nulls first, id
limit :limit::integer;

-- name: end_transfer(id, state, reference, at)^
-- Nothing when it has ended already.
update fee_transfer
set state = :state::text, reference = coalesce(:reference::text, reference),
    ended_at = :at::timestamptz
where id = :id::uuid and state = 'begun'
returning application, kind, lines, amount, adapter, reference;

-- name: release(transfer)!
delete from fee_settlement where transfer = :transfer::uuid;

-- name: note_transfer(id, reference, pay_at)!
-- What the payment system said of a transfer that is still under way.
update fee_transfer
set reference = coalesce(:reference::text, reference), pay_at = coalesce(:pay_at::text, pay_at)
where id = :id::uuid and state = 'begun';
