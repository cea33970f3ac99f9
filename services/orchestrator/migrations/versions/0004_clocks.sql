-- Dates are derived; here stands what they are derived from besides the plan, and how they moved.

alter table task add column ledger jsonb;
comment on column task.ledger is 'pauses and extensions of its own, over all rounds so far';

create table calendar (
    version text primary key,
    content jsonb not null,
    kept_at timestamptz not null default now()
);
comment on table calendar is 'every calendar an application was ever reckoned by, whole';

create table date_change (
    application text not null references application (number),
    turn integer not null,
    place integer not null,
    task text,
    why text not null,
    ref uuid,
    at timestamptz not null,
    promised_before timestamptz not null,
    promised_after timestamptz not null,
    statutory_before timestamptz,
    statutory_after timestamptz,
    primary key (application, turn, place)
);
comment on table date_change is 'every move of a date that had been told; task null: of the whole';
comment on column date_change.ref is 'the message that moved it; null: an act of this service';
