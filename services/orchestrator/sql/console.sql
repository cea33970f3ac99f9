-- What the operator console looks at. `console_store.py` has one function for each.

-- name: counts(statuses)
-- Applications of these statuses, and how many of them have broken their promise.
select status, count(*)::integer as number, (count(*) filter (where late))::integer as late
from application
where status = any(:statuses::text[])
group by status;

-- name: in_hand(now)
-- What every department has in hand, and how much of it is past its promise.
select department, count(*)::integer as number,
       (count(*) filter (where promised_at < :now))::integer as late
from task
where state = 'open'
group by department
order by late desc, number desc, department;

-- name: queues()
-- Messages that wait, by topic, and since when (seconds): to be sent, to be receipted, to be
-- applied, to be handed to workflows. Each part reads an index of what waits alone.
select topic, kind, count(*)::integer as number, (sum(again))::integer as again,
       extract(epoch from clock_timestamp() - min(since))::float8 as age
from (
    select topic, 'to_send' as kind, created_at as since, 0 as again
    from outbox where state = 'pending'
    union all
    select topic, 'to_receipt', created_at, (attempts > 1)::integer
    from outbox where state = 'sent'
    union all
    select topic, 'parked', received_at, 0 from inbox where state <> 'applied' and state = 'parked'
    union all
    select case topic when '' then source else topic end, 'to_deliver', received_at, 0
    from inbox where state = 'applied' and delivered_at is null
) as waiting
group by topic, kind
order by kind, age desc, topic;

-- name: cards_between(since, until)
-- Cards that stand, by colour.
select colour, count(*)::integer as number
from card
where raised_at >= :since and raised_at < :until and state <> 'lifted'
group by colour;

-- name: clock_here()$
select clock_timestamp();

-- name: holders(numbers)
-- Who has something of these applications in hand: departments, with the earliest of their dates.
select application, department, min(due_at) as due_at
from (
    select t.application, t.department, t.promised_at as due_at
    from task as t
    where t.application = any(:numbers::text[]) and t.state = 'open'
    union all
    select e.application, e.department, e.until
    from examination as e
    where e.application = any(:numbers::text[]) and e.state = 'asked'
) as held
group by application, department
order by application, due_at, department;

-- name: revision_of(number)$
-- Changes whenever something that the page of an application shows does.
select concat_ws('.', a.turn, a.calendar_version,
    (select count(*) from operator_act as o where o.application = a.number))
from application as a
where a.number = :number;

-- name: underway_of(application)
-- Messages of an application that are not receipted yet, by topic.
select topic, count(*)::integer as number, max(attempts) as attempts, min(created_at) as since
from (
    select topic, attempts, created_at from outbox
    where state = 'pending' and application = :application
    union all
    select topic, attempts, created_at from outbox
    where state = 'sent' and application = :application
) as waiting
group by topic
order by topic;

-- name: letters_of(application)
-- What could not be applied, or handed on, of an application.
select id, type, topic, error_class, attempts, at
from dead_letter
where state = 'open' and application = :application
order by id;

-- name: said_by(event_ids)
-- Who said what an event of the journal refers to.
select i.event_id, i.source, i.type,
       coalesce(o.actor_ref, convert_from(i.payload, 'UTF8')::jsonb -> 'data' ->> 'actor_ref')
           as actor_ref,
       convert_from(i.payload, 'UTF8')::jsonb -> 'data' ->> 'actor_role' as actor_role,
       convert_from(i.payload, 'UTF8')::jsonb -> 'data' ->> 'department' as department,
       o.reason
from inbox as i
left join operator_act as o on o.event_id = i.event_id
where i.event_id = any(:event_ids::uuid[]);

-- name: resend(application, event_id, reason, actor_ref, at)$
-- Everything of an application that nobody has receipted yet is due now; the act stands beside the
-- other acts of operators. Returns how many messages; 0: there is none, and nothing is recorded.
with due as (
    update outbox
    set next_attempt_at = now()
    where application = :application and state in ('pending', 'sent')
    returning id
), act as (
    insert into operator_act (event_id, application, act, reason, actor_ref, at)
    select :event_id::uuid, :application, 'resend', :reason::text, :actor_ref::text,
           :at::timestamptz
    where exists (select from due)
)
select count(*)::integer from due;
