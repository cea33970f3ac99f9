-- Messages that could not be handed to their workflow.

-- name: place_of(event_id)^
SELECT topic, seq FROM inbox WHERE event_id = :event_id::uuid;

-- name: count_aside()$
SELECT count(*) FROM dead_letter WHERE state = 'open' AND error_class = 'UndeliverableError';
