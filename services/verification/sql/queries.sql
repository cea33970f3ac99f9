-- Everything a verification reads. The first group is read as cursors, each in the order of the
-- application numbers, byte by byte, so that all tables of all stores can be walked side by side.
-- `:application` null: all of them.

-- In every store

-- name: outbox(application)
SELECT application, id, event_id, topic, seq, type, state, created_at, sha256(payload) AS digest,
    CASE WHEN type IN ('lianshen.task.decided.v1', 'lianshen.task.lapsed.v1')
        THEN convert_from(payload, 'UTF8') END AS payload
FROM outbox
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", id;

-- name: inbox(application)
SELECT application, arrival, event_id, topic, source, seq, type, state, received_at, delivered_at,
    sha256(payload) AS digest,
    CASE WHEN type IN ('lianshen.task.decided.v1', 'lianshen.task.lapsed.v1')
        THEN convert_from(payload, 'UTF8') END AS payload
FROM inbox
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", arrival;

-- name: stream_position(application)
SELECT application, topic, source, last
FROM stream_position
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", topic, source;

-- name: audit_leaf(application)
SELECT application, act, body
FROM audit_leaf
WHERE application IS NOT NULL
    AND (:application::text IS NULL OR application = :application::text)
ORDER BY application COLLATE "C", id;

-- In intake

-- name: intake_application(application)
SELECT number AS application, owner_ref, project_code, scenario, status, submitted_at,
    promised_days, plan_digest, catalogue_version, calendar_version, promised_at, provisional,
    conclusion, concluded_at, used_working_days, in_time, withdrawn_at
FROM application
WHERE :application::text IS NULL OR number = :application::text
ORDER BY number COLLATE "C";

-- name: task_progress(application)
SELECT application, task, step, item, department, part, round, state, outcome, issued_at,
    promised_on, promised_at, statutory_on, statutory_at, provisional
FROM task_progress
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", task;

-- name: step_progress(application)
SELECT application, step, state
FROM step_progress
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", step;

-- name: intake_result(application)
SELECT application, item, department, outcome, number, reasons, remedies, decided_at, released_at
FROM result
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", item;

-- name: intake_signal(application)
SELECT application, nullif(task, '') AS task, signal, at, lifted_at
FROM deadline_signal
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", task, signal;

-- name: rectification(application)
SELECT application, step, round, until, asked_at, answered_at
FROM rectification
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", step, round;

-- In the orchestrator

-- name: orchestrator_application(application)
SELECT number AS application, project_code, scenario, status, turn, route, shared, plan_digest,
    catalogue_version, calendar_version, submitted_at, promised_at, provisional, late, conclusion,
    concluded_at, used_working_days, promised_working_days, in_time
FROM application
WHERE :application::text IS NULL OR number = :application::text
ORDER BY number COLLATE "C";

-- name: step(application)
SELECT application, step, state
FROM step
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", step;

-- name: orchestrator_task(application)
SELECT application, task, step, item, department, part, round, state, outcome, issued_at,
    promised_on, promised_at, statutory_on, statutory_at, provisional, ended_at, ref
FROM task
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", task;

-- name: orchestrator_result(application)
SELECT application, item, department, step, outcome, decided_at, released_at
FROM result
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", item;

-- name: orchestrator_signal(application)
SELECT application, task, signal, at, lifted_at
FROM deadline_signal
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", id;

-- name: journal(application)
SELECT application, turn, events, commands
FROM journal
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", turn;

-- In the departments

-- name: departments_task(application)
SELECT application, id, task, step, item, department, part, round, authority, silence,
    applicant_refs, issued_at, promised_on, promised_at, statutory_on, statutory_at, provisional,
    state, ended_at
FROM task
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", task;

-- name: outcome(application)
SELECT t.application, t.task, o.kind, o.outcome, o.result_number, o.reasons, o.remedies,
    o.decided_above, o.actor_ref, o.actor_role, o.department, o.basis, o.at
FROM outcome AS o
JOIN task AS t ON t.id = o.task_id
WHERE :application::text IS NULL OR t.application = :application::text
ORDER BY t.application COLLATE "C", t.task;

-- name: act(application)
SELECT t.application, t.task, a.kind, a.actor_ref, a.actor_role, a.at
FROM act AS a
JOIN task AS t ON t.id = a.task_id
WHERE :application::text IS NULL OR t.application = :application::text
ORDER BY t.application COLLATE "C", a.id;

-- Of a store as a whole

-- name: begin()$
-- The first statement of the snapshot: the database's time.
SELECT now();

-- name: unclosed(young)
-- Events that some consumer has not receipted. `young`: less than so many seconds old.
SELECT application, topic, seq, state, attempts,
    created_at > now() - make_interval(secs => :young::float8) AS is_young
FROM outbox
WHERE state <> 'closed'
ORDER BY id;

-- name: waiting(young)
-- Events that wait: undelivered, or parked. `explained`: an open dead letter holds their stream.
SELECT i.application, i.topic, i.source, i.seq, i.state,
    i.received_at > now() - make_interval(secs => :young::float8) AS is_young,
    EXISTS (
        SELECT FROM dead_letter AS d
        WHERE d.state = 'open' AND d.application = i.application AND d.topic = i.topic
            AND d.source = i.source
    ) AS explained
FROM inbox AS i
WHERE i.state = 'parked' OR (i.state = 'applied' AND i.delivered_at IS NULL)
ORDER BY i.arrival;

-- name: dead_letters()
SELECT id, topic, source, application, seq, type, error_class, error_message
FROM dead_letter
WHERE state = 'open'
ORDER BY id;

-- name: loops(young)
-- Each loop once, by its liveliest process. An old process's rows stay for a day.
SELECT loop, bool_or(progress_at > now() - make_interval(secs => :young::float8)) AS alive
FROM heartbeat
GROUP BY loop
ORDER BY loop;

-- name: unsealed()$
SELECT count(*) FROM audit_leaf AS leaf
WHERE NOT EXISTS (SELECT FROM audit_order AS placed WHERE placed.leaf_id = leaf.id);

-- name: keys_without_application()
-- Answers "201, here is your application" that name none of their owner's.
SELECT k.headers::jsonb ->> 'location' AS location
FROM idempotency AS k
LEFT JOIN application AS a
    ON a.number = split_part(k.headers::jsonb ->> 'location', '/', 4) AND a.owner_ref = k.owner
WHERE k.status = 201 AND k.headers::jsonb ->> 'location' LIKE '/v1/applications/%'
    AND a.number IS NULL;

-- name: applications_by_keys(days)
-- Applications of the last days (keys are forgotten after that) that not exactly one key made.
SELECT o.application, count(k.key) AS keys
FROM outbox AS o
LEFT JOIN idempotency AS k
    ON k.status = 201 AND k.headers::jsonb ->> 'location' = '/v1/applications/' || o.application
WHERE o.type = 'lianshen.application.submitted.v1'
    AND o.created_at > now() - make_interval(days => :days::integer)
GROUP BY o.application
HAVING count(k.key) <> 1
ORDER BY o.application;
