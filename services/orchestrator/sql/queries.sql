-- name: add_applications(numbers, project_codes, scenarios, facts, routes, shareds, plan_digests, catalogue_versions, calendar_versions, traceparents, submitted_ats, promised_ats, provisionals, promised_days)!
-- One row per application received; a duplicate is left as it is.
insert into application (
    number, project_code, scenario, status, facts, route, shared, plan_digest, catalogue_version,
    calendar_version, traceparent, submitted_at, promised_at, provisional, promised_working_days
)
select u.number, u.project_code, u.scenario, 'received', u.facts::jsonb, u.route::jsonb,
       u.shared::jsonb, u.plan_digest, u.catalogue_version, u.calendar_version, u.traceparent,
       u.submitted_at, u.promised_at, u.provisional, u.promised_working_days
from unnest(
    :numbers::text[], :project_codes::text[], :scenarios::text[], :facts::text[], :routes::text[],
    :shareds::text[], :plan_digests::text[], :catalogue_versions::text[],
    :calendar_versions::text[], :traceparents::text[], :submitted_ats::timestamptz[],
    :promised_ats::timestamptz[], :provisionals::boolean[], :promised_days::integer[]
) as u(
    number, project_code, scenario, facts, route, shared, plan_digest, catalogue_version,
    calendar_version, traceparent, submitted_at, promised_at, provisional, promised_working_days
)
on conflict (number) do nothing;

-- name: undelivered(but_not, at_most)
-- Messages that workflows have not been given yet, oldest first; not those of lost workflows, nor
-- of applications one of whose messages was set aside. Without what they say: of a busy county they
-- are looked at several times before they are handed on.
select event_id, application, type
from inbox
where delivered_at is null and state = 'applied' and application <> all(:but_not::text[])
  and application <> all(array(
      select d.application from dead_letter as d
      where d.state = 'open' and d.error_class = 'UndeliverableError'
  ))
order by arrival
limit :at_most;

-- name: messages(event_ids)
select event_id, application, source, type, payload, traceparent
from inbox
where event_id = any(:event_ids::uuid[])
order by arrival;

-- name: open_tasks(numbers)
select application, count(*) as open
from task
where application = any(:numbers::text[]) and state = 'open'
group by application;

-- name: starts_of(numbers)
-- What a workflow is started with.
select number, project_code, scenario, route, calendar_version, submitted_at, traceparent
from application
where number = any(:numbers::text[]);

-- name: at_first_turn(numbers)
-- Applications whose workflows may be asleep: nothing has happened since their first turn.
select number
from application
where number = any(:numbers::text[]) and turn = 1 and conclusion is null;

-- name: standing_of(number)^
-- By which rules an application goes on, and until when the departments that look may answer.
select coalesce((a.route ->> 'edition')::integer, 1) as edition, (
    select max(e.until) from examination as e
    where e.application = a.number and e.state = 'asked'
) as answer_by
from application as a
where a.number = :number::text;

-- name: mark_delivered(event_ids)!
update inbox set delivered_at = now()
where event_id = any(:event_ids::uuid[]);

-- name: begin_turns(numbers, turns, statuses, promised_ats, provisionals, lates, conclusions, concluded_ats, used, in_times)
-- Moves applications from turn n-1 to n; a turn that was carried out before is not returned.
update application as a
set turn = u.turn,
    status = coalesce(u.status, a.status),
    promised_at = coalesce(u.promised_at, a.promised_at),
    provisional = a.provisional or u.provisional,
    late = a.late or u.late,
    conclusion = u.conclusion,
    concluded_at = u.concluded_at,
    used_working_days = u.used_working_days,
    in_time = u.in_time
from unnest(
    :numbers::text[], :turns::integer[], :statuses::text[], :promised_ats::timestamptz[],
    :provisionals::boolean[], :lates::boolean[], :conclusions::text[],
    :concluded_ats::timestamptz[], :used::integer[], :in_times::boolean[]
) as u(
    number, turn, status, promised_at, provisional, late, conclusion, concluded_at,
    used_working_days, in_time
)
where a.number = u.number and a.turn = u.turn - 1
returning a.number, a.turn, a.status;

-- name: events_of_turns(numbers, turns)
select j.application, j.events
from journal as j
join unnest(:numbers::text[], :turns::integer[]) as u(number, turn)
    on u.number = j.application and u.turn = j.turn;

-- name: pinned(numbers)
select number, project_code, scenario, facts, route, shared, traceparent
from application
where number = any(:numbers::text[]);

-- name: payloads(event_ids)
select event_id, payload from inbox where event_id = any(:event_ids::uuid[]);

-- name: issue_tasks(tasks, applications, steps, items, departments, parts, rounds, issued_ats, promised_ons, promised_ats, statutory_ons, statutory_ats, provisionals)!
insert into task (
    task, application, step, item, department, part, round, state, issued_at, promised_on,
    promised_at, statutory_on, statutory_at, provisional
)
select u.task, u.application, u.step, u.item, u.department, u.part, u.round, 'open', u.issued_at,
       u.promised_on, u.promised_at, u.statutory_on, u.statutory_at, u.provisional
from unnest(
    :tasks::text[], :applications::text[], :steps::text[], :items::text[], :departments::text[],
    :parts::text[], :rounds::integer[], :issued_ats::timestamptz[], :promised_ons::date[],
    :promised_ats::timestamptz[], :statutory_ons::date[], :statutory_ats::timestamptz[],
    :provisionals::boolean[]
) as u(
    task, application, step, item, department, part, round, issued_at, promised_on, promised_at,
    statutory_on, statutory_at, provisional
);

-- name: end_tasks(tasks, states, outcomes, ended_ats, refs)!
update task as t
set state = u.state, outcome = u.outcome, ended_at = u.ended_at, ref = u.ref
from unnest(
    :tasks::text[], :states::text[], :outcomes::text[], :ended_ats::timestamptz[], :refs::uuid[]
) as u(task, state, outcome, ended_at, ref)
where t.task = u.task;

-- name: change_steps(applications, steps, states, changed_ats)!
insert into step (application, step, state, changed_at)
select u.application, u.step, u.state, u.changed_at
from unnest(:applications::text[], :steps::text[], :states::text[], :changed_ats::timestamptz[])
    as u(application, step, state, changed_at)
on conflict (application, step) do update
set state = excluded.state, changed_at = excluded.changed_at;

-- name: add_results(applications, items, departments, steps, outcomes, decided_ats, released_ats, deliver_bys)!
insert into result (
    application, item, department, step, outcome, decided_at, released_at, deliver_by
)
select u.application, u.item, u.department, u.step, u.outcome, u.decided_at, u.released_at,
       u.deliver_by
from unnest(
    :applications::text[], :items::text[], :departments::text[], :steps::text[],
    :outcomes::text[], :decided_ats::timestamptz[], :released_ats::timestamptz[],
    :deliver_bys::date[]
) as u(application, item, department, step, outcome, decided_at, released_at, deliver_by);

-- name: raise_signals(applications, tasks, signals, ats)!
insert into deadline_signal (application, task, signal, at)
select u.application, u.task, u.signal, u.at
from unnest(:applications::text[], :tasks::text[], :signals::text[], :ats::timestamptz[])
    as u(application, task, signal, at)
on conflict (application, coalesce(task, ''), signal) do update
set at = excluded.at, lifted_at = null;

-- name: lift_signals(applications, tasks, signals, ats)!
update deadline_signal as s
set lifted_at = u.at
from unnest(:applications::text[], :tasks::text[], :signals::text[], :ats::timestamptz[])
    as u(application, task, signal, at)
where s.application = u.application and coalesce(s.task, '') = coalesce(u.task, '')
    and s.signal = u.signal;

-- name: write_journal(written_at, applications, turns, ats, events, commands)!
insert into journal (application, turn, at, written_at, events, commands)
select u.application, u.turn, u.at, :written_at, u.events::jsonb, u.commands::jsonb
from unnest(
    :applications::text[], :turns::integer[], :ats::timestamptz[], :events::text[],
    :commands::text[]
) as u(application, turn, at, events, commands);

-- name: list_applications(statuses, project_code, late, scenario, department, overdue_at, numbers, search, after_at, after_number, at_most)
-- Keyset page in the order of the promise. Every filter may be null.
select number, project_code, scenario, status, submitted_at, promised_at, provisional, late,
       conclusion, concluded_at
from application
where (:statuses::text[] is null or status = any(:statuses))
  and (:project_code::text is null or project_code = :project_code)
  and (:late::boolean is null or late = :late)
  and (:scenario::text is null or scenario = :scenario)
  and (:department::text is null
      or exists (
          select from task as t
          where t.application = number and t.state = 'open' and t.department = :department
      )
      or status = 'received' and exists (
          select from examination as e
          where e.application = number and e.state = 'asked' and e.department = :department
      ))
  and (:overdue_at::timestamptz is null or exists (
      select from task as t
      where t.application = number and t.state = 'open' and t.promised_at < :overdue_at
        and (:department::text is null or t.department = :department)
  ))
  and (:numbers::text[] is null or number = any(:numbers))
  and (:search::text is null or number like :search || '%' or project_code like :search || '%')
  and (:after_at::timestamptz is null or (promised_at, number) > (:after_at, :after_number::text))
order by promised_at, number
limit :at_most;

-- name: get_application(number)^
select number, project_code, scenario, status, turn, facts, route, shared,
       coalesce(shared -> 'applicant_refs', '[]'::jsonb)::text as applicant_refs, plan_digest,
       catalogue_version, calendar_version, traceparent, submitted_at, promised_at, provisional,
       late, conclusion, concluded_at, used_working_days, promised_working_days, in_time
from application
where number = :number;

-- name: steps_of(application)
select step, state, changed_at from step where application = :application order by step;

-- name: tasks_of(application)
select task, step, item, department, part, round, state, outcome, issued_at, promised_on,
       promised_at, statutory_on, statutory_at, provisional, ended_at
from task
where application = :application
order by issued_at, task;

-- name: get_task(task)^
select task, application, step, item, department, part, round, state, issued_at, promised_on,
       statutory_on, provisional
from task
where task = :task;

-- name: known_tasks(tasks)
select task from task where task = any(:tasks::text[]);

-- name: results_of(application)
select item, department, step, outcome, decided_at, released_at
from result
where application = :application
order by released_at, item;

-- name: signals_of(application)
select task, signal, at, lifted_at
from deadline_signal
where application = :application
order by at, task nulls first, signal;

-- name: journal_of(application, after_turn, at_most)
select turn, at, written_at, events, commands
from journal
where application = :application and turn > :after_turn
order by turn
limit :at_most;

-- name: route_of(number)^
select route from application where number = :number;

-- name: add_operator_act(event_id, application, act, reason, actor_ref, at, type, payload, traceparent)!
-- The act, and its event as an applied message of our own: the deliverer hands it to the workflow.
with act as (
    insert into operator_act (event_id, application, act, reason, actor_ref, at)
    values (
        :event_id::uuid, :application::text, :act::text, :reason::text, :actor_ref::text,
        :at::timestamptz
    )
    returning event_id, application
)
insert into inbox (event_id, topic, source, application, seq, type, payload, traceparent, state)
select act.event_id, '', 'operator', act.application, 0, :type::text, :payload::bytea,
       :traceparent::text, 'applied'
from act;

-- name: acts_of(application)
select event_id, act, reason, actor_ref, at
from operator_act
where application = :application
order by at, event_id;

-- name: overdue_without_signal(before, at_most)
-- Open tasks whose promise is over, and limits beside theirs that are, but whose timer has said
-- nothing: the sweeper's question. What waits for the investor does not run.
select t.task, t.application, t.promised_at
from task as t
where t.state = 'open'
  and t.promised_at < :before
  and not exists (
      select 1 from deadline_signal as s
      where s.application = t.application and s.task = t.task and s.signal = 'promise_passed'
  )
union all
select coalesce(c.task, c.application), c.application, c.due_at
from case_limit as c
where c.ended_at is null
  and c.due_at < :before
  and not exists (
      select 1 from deadline_signal as s
      where s.application = c.application and s.task is not distinct from c.task
        and s.signal = case c.kind when 'joint' then 'joint_limit_passed'
            when 'delivery' then 'delivery_overdue' else 'first_review_overdue' end
  )
  and (c.kind = 'first_review' or not exists (
      select 1 from step as w where w.application = c.application and w.state = 'rectifying'
  ))
  and (c.kind <> 'joint' or not exists (
      select 1 from papers_awaited as p
      left join step as w on w.application = p.application and w.step = p.step
      where p.application = c.application and w.step is null
  ))
order by promised_at
limit :at_most;
