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
SELECT application, step, round, until, asked_at, answered_at, closed_at
FROM rectification
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", step, round;

-- name: bill(application)
SELECT application, accepted_on, catalogue_version, lines
FROM bill
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C";

-- name: fee_act(application)
SELECT application, line, kind, amount, remitted, share, reason, document
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

-- name: intake_rating(application)
SELECT r.application, r.department, r.grade, r.rated_at, f.state, f.answer, f.due_at
FROM rating AS r
LEFT JOIN rating_follow_up AS f USING (application, department)
WHERE :application::text IS NULL OR r.application = :application::text
ORDER BY r.application COLLATE "C", r.department;

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

-- name: papers_awaited(application)
SELECT application, step, materials, until, untils, closed, closed_at
FROM papers_awaited
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", step;

-- name: later_material(application)
-- What was handed in after the submission and was no answer to the notice of a merged step.
SELECT application, material, given_at
FROM material
WHERE round IS NOT NULL AND step IS NULL
    AND (:application::text IS NULL OR application = :application::text)
ORDER BY application COLLATE "C", place;

-- In the orchestrator

-- name: orchestrator_rating(application)
SELECT r.application, r.department, r.grade, r.rated_at, f.id, f.opened_at, f.due_on,
    f.calendar_version, f.answer, f.answered_at, f.closed_at
FROM rating AS r
LEFT JOIN follow_up AS f USING (application, department)
WHERE :application::text IS NULL OR r.application = :application::text
ORDER BY r.application COLLATE "C", r.department;

-- name: orchestrator_acceptance(application)
SELECT application, kind, accepted_on, received_on, silent, promised_days
FROM acceptance
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C";

-- name: orchestrator_examination(application)
SELECT application, task, department, round, state, ended_at, arrived_at, until
FROM examination
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", task;

-- name: orchestrator_application(application)
-- `before_cards`: the last turn of before there were cards; null: there always were.
SELECT number AS application, project_code, scenario, status, a.turn, route, shared, plan_digest,
    catalogue_version, calendar_version, submitted_at, promised_at, provisional, late, conclusion,
    concluded_at, used_working_days, promised_working_days, in_time,
    saved_days, facts, b.turn AS before_cards
FROM application AS a
LEFT JOIN before_supervision AS b ON b.application = a.number
WHERE :application::text IS NULL OR number = :application::text
ORDER BY number COLLATE "C";

-- name: step(application)
SELECT application, step, state
FROM step
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", step;

-- name: orchestrator_task(application)
SELECT application, task, step, item, department, part, round, state, outcome, issued_at,
    promised_on, promised_at, statutory_on, statutory_at, provisional, ended_at, ref,
    ledger, used_days, promised_days, statutory_days, saved_days
FROM task
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", task;

-- name: case_limit(application)
SELECT application, kind, task, start_on, due_on, due_at, provisional, ended_at, in_time
FROM case_limit
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", kind, task NULLS FIRST;

-- name: orchestrator_result(application)
SELECT application, item, department, step, outcome, decided_at, released_at, deliver_by
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
    statutory_after, limit_kind, limit_before, limit_after
FROM date_change
WHERE :application::text IS NULL OR application = :application::text
ORDER BY application COLLATE "C", turn, place;

-- name: card(application)
-- Cards of applications known here, with what their journals say. `founded`: a sensor saw it.
SELECT c.application, c.id, c.rule, c.fact, c.subject, c.department, c.state,
    (SELECT a.actor_ref FROM card_act AS a WHERE a.card = c.id AND a.act = 'lift'
        ORDER BY a.id DESC LIMIT 1) AS lifted_by,
    (SELECT count(*) FROM card_act AS a WHERE a.card = c.id AND a.act = 'raise') AS raised,
    (SELECT count(*) FROM card_act AS a WHERE a.card = c.id AND a.act = 'lift') AS lifted,
    EXISTS (SELECT FROM supervision_finding AS f WHERE f.rule = c.rule AND f.subject = c.subject
        AND f.department = c.department) AS founded
FROM card AS c
JOIN application AS p ON p.number = c.application
WHERE :application::text IS NULL OR c.application = :application::text
ORDER BY c.application COLLATE "C", c.id;

-- In the departments

-- name: departments_examination(application)
SELECT e.application, e.task, e.department, e.round, e.state, e.applicant_refs, e.until,
    d.actor_ref, d.at AS done_at
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

-- name: clock_act(application)
-- What was done to clocks, and on what: the authorisation, the proposal, the rule of that instant.
-- `asked`: when that rule held for clocks already.
SELECT t.application, t.task, c.kind, c.number, c.days, c.unit, c.approver, c.approval, c.actor_ref,
    c.actor_role, c.at, c.asked, to_json(p) AS authorisation, to_json(x) AS proposal,
    (SELECT r.rule FROM authority_rule AS r WHERE r.since <= c.at ORDER BY r.id DESC LIMIT 1) AS rule,
    (SELECT r.rule FROM authority_rule AS r WHERE r.since <= x.asked_at
        ORDER BY r.id DESC LIMIT 1) AS rule_asked,
    (SELECT coalesce(json_agg(b), '[]') FROM absence AS b
        WHERE b.person_ref = p.representative_ref AND b.department = p.department) AS absences
FROM (
    SELECT task_id, 'pause' AS kind, number, NULL::integer AS days, NULL AS unit, NULL AS approver,
        NULL AS approval, actor_ref, actor_role, at, asked, authorisation_id,
        NULL::bigint AS proposal_id
    FROM task_pause
    UNION ALL
    SELECT task_id, 'end of a pause', number, NULL, NULL, NULL, NULL, actor_ref, actor_role, at,
        asked, authorisation_id, NULL
    FROM pause_end
    UNION ALL
    SELECT e.task_id, 'extension', e.number, e.days, e.unit, e.approver, e.approval, e.actor_ref,
        e.actor_role, e.at, e.asked, o.authorisation_id, e.proposal_id
    FROM task_extension AS e
    LEFT JOIN extension_proposal AS o ON o.id = e.proposal_id
) AS c
JOIN task AS t ON t.id = c.task_id
LEFT JOIN authorisation AS p ON p.id = c.authorisation_id
LEFT JOIN extension_proposal AS x ON x.id = c.proposal_id
WHERE :application::text IS NULL OR t.application = :application::text
ORDER BY t.application COLLATE "C", t.task, c.kind, c.number;

-- name: edition(application)
-- What an application rests on, and the approval of that version that stood when it was submitted.
SELECT a.number AS application, a.catalogue_version, a.submitted_at, c.approved_at
FROM application AS a
LEFT JOIN catalogue_approval AS c ON c.version = a.catalogue_version
WHERE :application::text IS NULL OR a.number = :application::text
ORDER BY a.number COLLATE "C";

-- name: unapproved()
-- Approvals that are not what exactly one act recorded; what was in use at the first has none.
SELECT c.version, count(l.id) AS acts
FROM catalogue_approval AS c
LEFT JOIN audit_leaf AS l ON l.act = 'catalogue.approved'
    AND l.body::jsonb -> 'facts' ->> 'version' = c.version
    AND l.body::jsonb -> 'facts' ->> 'digest' = c.digest
    AND l.body::jsonb -> 'facts' ->> 'predecessor' = c.predecessor
    AND l.body::jsonb ->> 'actor' = c.approved_by
    AND (l.body::jsonb ->> 'at')::timestamptz = c.approved_at
WHERE c.approved_role <> 'founding'
GROUP BY c.version
HAVING count(l.id) <> 1
ORDER BY c.version;

-- name: departments_task(application)
SELECT t.application, t.id, t.task, t.step, t.item, t.department, t.part, t.round, t.authority,
    t.silence, t.applicant_refs, t.issued_at, t.promised_on, t.promised_at, t.statutory_on,
    t.statutory_at, t.provisional, t.state, t.ended_at, t.above_id, to_json(v) AS above,
    t.expires_at
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
-- Each signature with the record it is under. `seats`: who was present; `sent`: whom the signing
-- department ever sent; `decides`: not only asked.
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
    (SELECT coalesce(array_agg(p.officer_ref), '{}') FROM session_seat AS p
        WHERE p.session_id = s.id AND p.department = g.department) AS sent,
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
        WHERE d.state = 'open' AND d.application = i.application
            AND ((d.topic = i.topic AND d.source = i.source)
                OR d.error_class = 'UndeliverableError')
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

-- name: answers()
-- Written answers before an application, each with how often the log of acts has it, and its
-- document (null: not made).
WITH leaf AS (
    SELECT act, body::jsonb ->> 'actor' AS actor, body::jsonb -> 'facts' AS facts
    FROM audit_leaf
    WHERE application IS NULL AND act IN ('inquiry.answered', 'document.issued')
)
SELECT i.number, i.outcome, i.items, i.catalogue_version, d.kind,
    (
        SELECT count(*) FROM leaf AS l
        WHERE l.act = 'inquiry.answered' AND l.facts ->> 'inquiry' = i.number
            AND l.actor = i.owner_ref AND l.facts ->> 'outcome' = i.outcome
            AND l.facts ->> 'catalogue_version' = i.catalogue_version
            AND l.facts -> 'items' = (
                SELECT jsonb_object_agg(one ->> 'item', one -> 'outcome')
                FROM jsonb_array_elements(i.items) AS one
            )
    ) AS said,
    CASE WHEN d.inquiry IS NOT NULL THEN (
        SELECT count(*) FROM leaf AS l
        WHERE l.act = 'document.issued' AND l.facts ->> 'inquiry' = i.number
            AND l.facts ->> 'sha256' = d.sha256 AND l.facts ->> 'content' = d.content
            AND l.facts ->> 'kind' = d.kind
    ) END AS issued
FROM inquiry AS i
LEFT JOIN inquiry_document AS d ON d.inquiry = i.number
ORDER BY i.number;

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
