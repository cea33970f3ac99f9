-- Cards, what is done to them, and what the sensors see.

-- name: limits_of(tasks)
-- What bears on a card about a task: its dates, what moved them, and by which calendar.
select t.task, t.issued_at, t.promised_at, t.statutory_at, t.ledger, a.calendar_version
from task as t
join application as a on a.number = t.application
where t.task = any(:tasks::text[]);

-- name: holders_of(application, at)
-- The departments that had tasks of an application in hand at an instant.
select distinct department from task
where application = :application and issued_at <= :at and (ended_at is null or ended_at > :at)
order by department;

-- name: raise_cards(rules, facts, colours, articles, version, subjects, departments, applications, items, tasks, ats, evidences)
-- A card that was lifted and whose ground is there again is open again; one that stands is left.
with raised as (
    insert into card (
        rule, fact, colour, article, rules_version, subject, department, application, item, task,
        raised_at, evidence
    )
    select u.rule, u.fact, u.colour, u.article, :version, u.subject, u.department, u.application,
           u.item, u.task, u.at, u.evidence::jsonb
    from unnest(
        :rules::text[], :facts::text[], :colours::text[], :articles::text[], :subjects::text[],
        :departments::text[], :applications::text[], :items::text[], :tasks::text[],
        :ats::timestamptz[], :evidences::text[]
    ) as u(
        rule, fact, colour, article, subject, department, application, item, task, at, evidence
    )
    on conflict on constraint card_once do update
    set state = 'open', raised_at = excluded.raised_at, evidence = excluded.evidence,
        colour = excluded.colour, article = excluded.article,
        rules_version = excluded.rules_version
    where card.state = 'lifted'
    returning id, rule, subject, department, raised_at
), told as (
    insert into card_act (card, act, at) select id, 'raise', raised_at from raised
)
select id, rule, subject, department from raised;

-- name: lift_cards(applications, facts, subjects, ats, reasons)
with lifted as (
    update card as c
    set state = 'lifted'
    from unnest(
        :applications::text[], :facts::text[], :subjects::text[], :ats::timestamptz[],
        :reasons::text[]
    ) as u(application, fact, subject, at, reason)
    where c.application = u.application and c.fact = u.fact and c.subject = u.subject
      and c.state <> 'lifted'
    returning c.id, c.rule, c.subject, c.department, c.application, u.at, u.reason
), told as (
    insert into card_act (card, act, at, text) select id, 'lift', at, reason from lifted
)
select id, rule, subject, department, application, at, reason from lifted;

-- name: list_cards(department, colour, state, application, before, at_most)
-- Keyset page, newest first. Every filter may be null.
select id, rule, fact, colour, article, subject, department, application, item, task, raised_at,
       evidence, state
from card
where (:department::text is null or department = :department)
  and (:colour::text is null or colour = :colour)
  and (:state::text is null or state = :state)
  and (:application::text is null or application = :application)
  and (:before::bigint is null or id < :before)
order by id desc
limit :at_most;

-- name: get_card(id)^
select id, rule, fact, colour, article, subject, department, application, item, task, raised_at,
       evidence, state
from card
where id = :id;

-- name: lock_card(id)^
select c.id, c.department, c.application, c.raised_at, c.state,
       coalesce(a.shared -> 'applicant_refs', '[]'::jsonb)::text as applicant_refs
from card as c
left join application as a on a.number = c.application
where c.id = :id
for update of c;

-- name: acts_of_card(card)
select act, at, actor_ref, text from card_act where card = :card order by id;

-- name: act_on_card(card, state, act, at, actor_ref, text)!
with moved as (
    update card set state = :state where id = :card returning id
)
insert into card_act (card, act, at, actor_ref, text)
select id, :act, :at, :actor_ref, :text from moved;

-- name: standing_cards(since, until, department)
-- What the red list counts: cards of a stretch of time that nobody has lifted.
select id, department, colour, raised_at
from card
where state <> 'lifted' and raised_at >= :since and raised_at < :until
  and (:department::text is null or department = :department)
order by id;

-- name: place_of(name)$
-- Where the sensors look on, held for the transaction: one process looks at a time.
select place from supervision_cursor where name = :name for update skip locked;

-- name: move_to(name, place)!
update supervision_cursor set place = :place where name = :name;

-- name: decisions_after(place, type, settled, at_most)
-- Decisions in the order of their arrival; `settled`: not of the last so many seconds, in which a
-- transaction that began before may still end.
select arrival, event_id, source, payload
from inbox
where arrival > :place and type = :type and state in ('applied', 'discarded')
  and received_at < now() - make_interval(secs => :settled::float8)
order by arrival
limit :at_most;

-- name: issues_of(tasks)
select task, issued_at, promised_at, part from task where task = any(:tasks::text[]);

-- name: numbers_before(event_ids, departments, items, series, serials, tasks)
-- Of each document number: the task of another that has it, and the highest of its series.
select u.event_id, min(r.task) filter (where r.serial = u.serial and r.task <> u.task) as taken_by,
       max(r.serial) as highest
from unnest(
    :event_ids::uuid[], :departments::text[], :items::text[], :series::text[], :serials::bigint[],
    :tasks::text[]
) as u(event_id, department, item, series, serial, task)
join result_seen as r
    on r.department = u.department and r.item = u.item and r.series = u.series
group by u.event_id;

-- name: keep_numbers(event_ids, departments, items, series, serials, tasks)!
insert into result_seen (event_id, department, item, series, serial, task)
select * from unnest(
    :event_ids::uuid[], :departments::text[], :items::text[], :series::text[], :serials::bigint[],
    :tasks::text[]
)
on conflict (event_id) do nothing;

-- name: letters_after(place, settled, at_most)
select id, topic, source, application, type, error_class, raw
from dead_letter
where id > :place and at < now() - make_interval(secs => :settled::float8)
order by id
limit :at_most;

-- name: add_findings(rules, facts, subjects, departments, applications, items, tasks, ats, found_at, evidences)
insert into supervision_finding (
    rule, fact, subject, department, application, item, task, at, found_at, evidence
)
select u.rule, u.fact, u.subject, u.department, u.application, u.item, u.task, u.at, :found_at,
       u.evidence::jsonb
from unnest(
    :rules::text[], :facts::text[], :subjects::text[], :departments::text[],
    :applications::text[], :items::text[], :tasks::text[], :ats::timestamptz[], :evidences::text[]
) as u(rule, fact, subject, department, application, item, task, at, evidence)
on conflict on constraint finding_once do nothing
returning id, rule, subject, department, application;

-- name: list_findings(department, fact, before, at_most)
-- Keyset page, newest first, each with the card it led to.
select f.id, f.rule, f.fact, f.subject, f.department, f.application, f.item, f.task, f.at,
       f.found_at, f.evidence, c.id as card
from supervision_finding as f
left join card as c
    on c.rule = f.rule and c.subject = f.subject and c.department = f.department
where (:department::text is null or f.department = :department)
  and (:fact::text is null or f.fact = :fact)
  and (:before::bigint is null or f.id < :before)
order by f.id desc
limit :at_most;
