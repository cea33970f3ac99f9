-- 行政许可法 58-59, 75: one bill by the published standards, and what became of its lines. Yuan.

-- A bill is drawn up when it is first acted upon; then it is final.
create table bill (
    application text primary key references application (number),
    accepted_on date not null,
    catalogue_version text not null,
    lines jsonb not null,
    drawn_up_at timestamptz not null
);
comment on table bill is
    'INSERT-only: the one bill of an application, by the standards in force on accepted_on';
comment on column bill.lines is 'standards, documents, rates, quantities, amounts';
create trigger bill_insert_only before update or delete or truncate on bill
    for each statement execute function refuse_change();

create table fee_act (
    id bigint generated always as identity primary key,
    application text not null references bill (application),
    line text not null,
    kind text not null check (kind in ('assessed', 'exempted')),
    rate numeric check (rate > 0),
    quantity numeric check (quantity > 0),
    amount numeric(14, 2) check (amount >= 0),
    reason text,
    document text not null,
    at timestamptz not null,
    actor_ref text not null,
    check ((kind = 'assessed') = (amount is not null)),
    check ((kind = 'exempted') = (reason is not null))
);
create index fee_act_by_application on fee_act (application);
create unique index fee_act_exempted_once on fee_act (application, line) where kind = 'exempted';
comment on table fee_act is 'INSERT-only: what operators recorded about lines of bills';
comment on column fee_act.document is 'the paper that it rests on';
create trigger fee_act_insert_only before update or delete or truncate on fee_act
    for each statement execute function refuse_change();

create table fee_transfer (
    id uuid primary key,
    application text not null references bill (application),
    kind text not null check (kind in ('payment', 'refund')),
    lines text[] not null check (cardinality(lines) > 0),
    amount numeric(14, 2) not null check (amount > 0),
    adapter text not null,
    sandbox boolean not null,
    state text not null default 'begun' check (state in ('begun', 'confirmed', 'failed')),
    reference text,
    pay_at text,
    refund_of uuid references fee_transfer (id),
    reason text,
    document text,
    begun_at timestamptz not null,
    begun_by text not null,
    asked_at timestamptz,
    ended_at timestamptz,
    check ((state = 'begun') = (ended_at is null)),
    check ((kind = 'refund') = (num_nulls(refund_of, reason, document) = 0)),
    check (kind = 'refund' or num_nulls(refund_of, reason, document) = 3)
);
create index fee_transfer_by_application on fee_transfer (application);
create index fee_transfer_begun on fee_transfer (adapter, asked_at) where state = 'begun';
comment on table fee_transfer is 'Payments and refunds; the id is the number of the order';
comment on column fee_transfer.reference is 'the payment system''s own number';
comment on column fee_transfer.asked_at is 'when the payment system was last asked (real time)';

-- No line is paid twice, or paid back twice: a transfer that failed gives its lines free.
create table fee_settlement (
    application text not null references bill (application),
    line text not null,
    kind text not null check (kind in ('payment', 'refund')),
    transfer uuid not null references fee_transfer (id),
    amount numeric(14, 2) not null check (amount > 0),
    primary key (application, line, kind)
);
create index fee_settlement_by_transfer on fee_settlement (transfer);
comment on table fee_settlement is 'Lines of transfers that were begun or confirmed';
