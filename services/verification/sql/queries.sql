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

-- name: document(application)
SELECT application, name, kind, item, number, content, sha256
FROM document
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", name;

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

-- name: bill(application)
SELECT application, accepted_on, catalogue_version, lines
FROM bill
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C";

-- name: fee_act(application)
SELECT application, line, kind, amount, document
FROM fee_act
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", id;

-- name: fee_transfer(application)
SELECT application, id, kind, state, amount
FROM fee_transfer
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", begun_at, id;

-- name: fee_settlement(application)
SELECT s.application, s.line, s.kind, s.amount, s.transfer, t.state
FROM fee_settlement AS s
JOIN fee_transfer AS t ON t.id = s.transfer
WHERE :application::text IS NULL OR s.application = :application::text
ORDER BY s.application COLLATE "C", s.line, s.kind;

-- name: intake_acceptance(application)
SELECT application, state, round, kind, accepted_on
FROM acceptance
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C";

-- name: acceptance_notice(application)
SELECT application, round, sent_at
FROM acceptance_notice
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", round;

-- name: acceptance_receipt(application)
SELECT application, place, outcome, dated
FROM acceptance_receipt
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", place;

-- In the orchestrator

-- name: orchestrator_acceptance(application)
SELECT application, kind, accepted_on, received_on, silent, promised_days
FROM acceptance
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C";

-- name: orchestrator_examination(application)
SELECT application, task, department, round, state
FROM examination
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", task;

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

-- name: date_change(application)
SELECT application, turn, place, task, why, promised_before, promised_after, statutory_before,
    statutory_after
FROM date_change
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", turn, place;

-- In the departments

-- name: departments_examination(application)
SELECT e.application, e.task, e.department, e.round, e.state, e.applicant_refs, d.actor_ref
FROM examination AS e
LEFT JOIN examination_done AS d ON d.examination_id = e.id
WHERE :application::text IS NULL OR e.application = :application::text
ORDER BY e.application COLLATE "C", e.task;

-- name: pause(application)
SELECT t.application, t.task, p.number, p.kind, p.from_on, p.until_on, e.ended_on, p.notice
FROM task_pause AS p
JOIN task AS t ON t.id = p.task_id
LEFT JOIN pause_end AS e ON e.task_id = p.task_id AND e.number = p.number
WHERE :application::text IS NULL OR t.application = :application::text
ORDER BY t.application COLLATE "C", t.task, p.number;

-- name: extension(application)
SELECT t.application, t.task, e.number, e.days, e.unit, e.approver
FROM task_extension AS e
JOIN task AS t ON t.id = e.task_id
WHERE :application::text IS NULL OR t.application = :application::text
ORDER BY t.application COLLATE "C", t.task, e.number;

-- name: departments_task(application)
SELECT t.application, t.id, t.task, t.step, t.item, t.department, t.part, t.round, t.authority,
    t.silence, t.applicant_refs, t.issued_at, t.promised_on, t.promised_at, t.statutory_on,
    t.statutory_at, t.provisional, t.state, t.ended_at, t.above_id, to_json(v) AS above
FROM task AS t
LEFT JOIN approval_above AS v ON v.id = t.above_id
WHERE :application::text IS NULL OR t.application = :application::text
ORDER BY t.application COLLATE "C", t.task;

-- name: outcome(application)
-- With what it rests on, word for word, and the rule that held at its instant.
SELECT t.application, t.task, o.task_id, o.kind, o.outcome, o.result_number, o.reasons, o.remedies,
    o.decided_above, o.actor_ref, o.actor_role, o.department, o.basis, o.at, o.authorisation_id,
    o.above_id, to_json(p) AS authorisation, to_json(v) AS above,
    (SELECT r.rule FROM authority_rule AS r WHERE r.since <= o.at ORDER BY r.id DESC LIMIT 1) AS rule,
    (SELECT coalesce(json_agg(b), '[]') FROM absence AS b
        WHERE b.person_ref = p.representative_ref AND b.department = p.department) AS absences,
    (SELECT coalesce(json_agg(json_build_object('id', w.id, 'officers', w.officers,
            'recorded_at', w.recorded_at, 'signatures', (
                SELECT json_agg(s) FROM site_visit_signature AS s WHERE s.visit_id = w.id))), '[]')
        FROM site_visit AS w WHERE w.task_id = t.id) AS visits
FROM outcome AS o
JOIN task AS t ON t.id = o.task_id
LEFT JOIN authorisation AS p ON p.id = o.authorisation_id
LEFT JOIN approval_above AS v ON v.id = o.above_id
WHERE :application::text IS NULL OR t.application = :application::text
ORDER BY t.application COLLATE "C", t.task;

-- name: act(application)
SELECT t.application, t.task, a.kind, a.actor_ref, a.actor_role, a.at
FROM act AS a
JOIN task AS t ON t.id = a.task_id
WHERE :application::text IS NULL OR t.application = :application::text
ORDER BY t.application COLLATE "C", a.id;

-- name: session_signature(application)
-- Each signature with the record it is under. `seats`: who was present; `decides`: not only asked.
SELECT s.application, s.step, s.id AS session_id, s.procedure, s.place, s.starts_at, s.ends_at,
    g.department, g.sha256, g.tasks, g.actor_ref, r.minutes, r.findings, r.sha256 AS record_sha256,
    (SELECT array_agg(m.department ORDER BY m.department)
        FROM session_member AS m WHERE m.session_id = s.id) AS members,
    (SELECT coalesce(array_agg(m.department), '{}') FROM session_member AS m
        WHERE m.session_id = s.id AND m.present IS NOT TRUE) AS absent,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('officer', p.officer_ref,
            'department', p.department)), '[]')
        FROM session_seat AS p
        WHERE p.session_id = s.id AND p.present AND p.released_at IS NULL) AS seats,
    EXISTS (SELECT FROM session_task AS x JOIN task AS t ON t.id = x.task_id
        WHERE x.session_id = s.id AND t.department = g.department AND t.part = 'decide') AS decides
FROM session_signature AS g
JOIN session AS s ON s.id = g.session_id
LEFT JOIN session_record AS r ON r.session_id = s.id
WHERE :application::text IS NULL OR s.application = :application::text
ORDER BY s.application COLLATE "C", s.id, g.department;

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

-- name: calendars()
-- Every calendar that an application was ever reckoned by.
SELECT version, content FROM calendar ORDER BY version;

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

-- name: papers()
-- Authorisations and absences that are not what exactly one act recorded, or whose end is not.
WITH leaf AS (
    SELECT act, body::jsonb AS body, body::jsonb -> 'facts' AS facts
    FROM audit_leaf
    WHERE application IS NULL AND act IN ('authorisation.granted', 'authorisation.revoked',
        'absence.recorded', 'absence.ended')
), paper AS (
    SELECT 'authorisation' AS paper, a.id, a.revoked_at IS NOT NULL AS is_ended,
        count(l.act) FILTER (WHERE l.act = 'authorisation.granted'
            AND (l.body ->> 'at')::timestamptz = a.granted_at AND l.body ->> 'actor' = a.granted_by
            AND l.facts ->> 'department' = a.department
            AND l.facts ->> 'representative' = a.representative_ref
            AND l.facts ->> 'substitute' IS NOT DISTINCT FROM a.substitute_ref
            AND nullif(l.facts -> 'items', 'null') IS NOT DISTINCT FROM to_jsonb(a.items)
            AND l.facts -> 'powers' = to_jsonb(a.powers)
            AND (l.facts ->> 'valid_from')::date = a.valid_from
            AND (l.facts ->> 'valid_until')::date = a.valid_until) AS begun,
        count(l.act) FILTER (WHERE l.act = 'authorisation.revoked'
            AND (l.body ->> 'at')::timestamptz = a.revoked_at) AS ended
    FROM authorisation AS a
    LEFT JOIN leaf AS l ON l.facts ->> 'authorisation' = a.id::text
    GROUP BY a.id
    UNION ALL
    SELECT 'absence', b.id, b.ended_at IS NOT NULL,
        count(l.act) FILTER (WHERE l.act = 'absence.recorded'
            AND (l.body ->> 'at')::timestamptz = b.recorded_at
            AND l.body ->> 'actor' = b.recorded_by AND l.facts ->> 'person' = b.person_ref
            AND (l.facts ->> 'since')::timestamptz = b.since
            AND (l.facts ->> 'until')::timestamptz IS NOT DISTINCT FROM b.until),
        count(l.act) FILTER (WHERE l.act = 'absence.ended'
            AND (l.body ->> 'at')::timestamptz = b.ended_at)
    FROM absence AS b
    LEFT JOIN leaf AS l ON l.facts ->> 'absence' = b.id::text
    GROUP BY b.id
)
SELECT paper, id, begun, ended
FROM paper
WHERE begun <> 1 OR ended <> is_ended::integer
ORDER BY paper, id;
