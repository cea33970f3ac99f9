-- Limits of the joint case as a whole, of delivery, and of the first review.

create table case_limit (
    application text not null references application (number),
    kind text not null check (kind in ('joint', 'first_review', 'delivery')),
    task text,
    start_on date not null,
    days integer not null check (days > 0),
    unit text not null check (unit in ('working_day', 'calendar_day')),
    article text not null,
    ledger jsonb not null,
    calendar_version text not null,
    due_on date not null,
    due_at timestamptz not null,
    provisional boolean not null,
    ended_at timestamptz,
    in_time boolean,
    constraint case_limit_of_whole check ((kind = 'joint') = (task is null)),
    constraint case_limit_ended check ((ended_at is null) = (in_time is null))
);
create unique index case_limit_once on case_limit (application, kind, coalesce(task, ''));
create index case_limit_running on case_limit (due_at) where ended_at is null;
comment on table case_limit is 'limits beside promise and statute of a task; task null: of the whole';
comment on column case_limit.ledger is 'what stops and lengthens it: its days are explained by this';

alter table result add column deliver_by date;
comment on column result.deliver_by is 'of a licence: the day by which it must be delivered (行政许可法 44)';

-- What moves a limit moves neither promise nor statute of a task.
alter table date_change
    alter column promised_before drop not null,
    alter column promised_after drop not null,
    add column limit_kind text
        check (limit_kind in ('acceptance', 'joint', 'first_review', 'delivery')),
    add column limit_before timestamptz,
    add column limit_after timestamptz,
    add constraint date_change_of_one check (
        (limit_kind is null) = (limit_before is null)
        and (limit_kind is null) = (limit_after is null)
        and (limit_kind is null) = (promised_before is not null)
        and (limit_kind is null) = (promised_after is not null)
    );
comment on column date_change.limit_kind is 'null: promise and statute were moved';

-- What software of a department's own said of its clocks, so that caps hold over all it says.
create table own_clock_act (
    task text not null references task (task),
    act text not null check (act in ('pause', 'extension')),
    number integer not null check (number > 0),
    kind text,
    from_on date not null,
    until_on date,
    cap_value integer,
    cap_unit text,
    primary key (task, act, number),
    constraint own_clock_act_pause check (
        (act = 'pause') = (kind is not null) and (act = 'pause') = (until_on is not null)
    )
);
comment on table own_clock_act is 'accepted pauses and extensions of departments with own software';
