-- name: in_progress(application)
-- Applications that are not over, or that one.
select number
from application
where conclusion is null and (:application::text is null or number = :application)
order by number;

-- name: life_of(number)^
-- What a workflow was started with, and how far it has come.
select number, project_code, scenario, turn, route, submitted_at, traceparent
from application
where number = :number;

-- name: turns_of(number)
select turn, events, commands
from journal
where application = :number
order by turn;

-- name: delivered_to(number)
-- Messages that Temporal has taken, in order of arrival.
select event_id, type, payload
from inbox
where application = :number and state = 'applied' and delivered_at is not null
order by arrival;

-- name: deliver_again(event_ids)!
update inbox set delivered_at = null
where event_id = any(:event_ids::uuid[]);
