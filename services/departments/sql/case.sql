-- What the page of one task shows, and its checklist. `case_store.py` has one function for each.

-- name: read_case(id, department)^
-- Everything about one task, without locking it; `department` null: of any. `rule`: what a
-- decision needs now; null: the role alone.
SELECT t.id, t.task, t.application, t.project_code, t.step, t.item, t.part, t.round, t.authority,
    t.silence, t.state, t.issued_at, t.promised_on, t.promised_at, t.statutory_on, t.statutory_at,
    t.provisional, t.claimed_by, t.claimed_at, t.ended_at, t.version, t.special_at, t.department,
    t.applicant_refs, t.paused_until, t.above_id, t.visit_id,
    d.scenario, d.catalogue_version, d.facts, d.materials, d.participants, d.step_group, d.lead,
    o.kind, o.outcome, o.result_number, o.conditions, o.reasons, o.remedies, o.decided_above,
    o.actor_ref, o.actor_role, o.basis, o.at AS decided_at, o.authorisation_id,
    (SELECT r.rule FROM authority_rule AS r ORDER BY r.id DESC LIMIT 1) AS rule
FROM task AS t
JOIN dossier AS d ON d.task_id = t.id
LEFT JOIN outcome AS o ON o.task_id = t.id
WHERE t.id = :id::bigint AND (:department::text IS NULL OR t.department = :department::text);

-- name: said_by_others(application, item, department)
-- How the other tasks of an application ended; those still open have no outcome.
SELECT t.id, t.step, t.item, t.department, t.part, t.round, t.state, t.promised_on, t.ended_at,
    o.outcome, o.conditions, o.reasons
FROM task AS t
LEFT JOIN outcome AS o ON o.task_id = t.id
WHERE t.application = :application::text AND t.state <> 'cancelled'
    AND (t.department, t.item) <> (:department::text, :item::text)
ORDER BY t.ended_at, t.id;

-- name: round_before(application, item, department, round)^
-- The round of a task before this one: what was handed in then, and how it ended.
SELECT t.id, t.round, t.issued_at, t.ended_at, d.materials, o.outcome, o.reasons
FROM task AS t
JOIN dossier AS d ON d.task_id = t.id
LEFT JOIN outcome AS o ON o.task_id = t.id
WHERE t.application = :application::text AND t.department = :department::text
    AND t.item = :item::text AND t.round < :round::integer
ORDER BY t.round DESC
LIMIT 1;

-- name: pauses_of_step(application, step)
-- What stopped the promise of a step: the pauses of everybody who signs it, each as far as it
-- lasts or has lasted.
SELECT t.id, p.kind, p.from_on, least(p.until_on, e.ended_on,
        (t.ended_at AT TIME ZONE 'Asia/Shanghai')::date) AS until_on, p.cap_value, p.cap_unit,
    p.notice, p.article
FROM task AS t
JOIN task_pause AS p ON p.task_id = t.id
LEFT JOIN pause_end AS e ON e.task_id = p.task_id AND e.number = p.number
WHERE t.application = :application::text AND t.step = :step::text
ORDER BY p.from_on, t.id, p.number;

-- name: checklist_of(task)
SELECT subject, met, remark, marked_by, marked_role, marked_at, version
FROM checklist
WHERE task_id = :task::bigint
ORDER BY subject;

-- name: keep_checklist(task, subjects, mets, remarks, actor, role, at)$
-- Keep what was found of conditions (task locked by the caller); return the task's new version.
-- What somebody found before and nobody changes stays his.
WITH given AS (
    SELECT * FROM unnest(:subjects::text[], :mets::boolean[], :remarks::text[])
        AS g (subject, met, remark)
), moved AS (
    UPDATE task SET version = version + 1 WHERE id = :task::bigint RETURNING id, version
), kept AS (
    INSERT INTO checklist (task_id, subject, met, remark, marked_by, marked_role, marked_at, version)
    SELECT m.id, g.subject, g.met, g.remark, :actor::text, :role::text, :at::timestamptz, m.version
    FROM given AS g, moved AS m
    ON CONFLICT (task_id, subject) DO UPDATE
    SET met = excluded.met, remark = excluded.remark, marked_by = excluded.marked_by,
        marked_role = excluded.marked_role, marked_at = excluded.marked_at,
        version = excluded.version
    WHERE (checklist.met, checklist.remark) IS DISTINCT FROM (excluded.met, excluded.remark)
)
SELECT version FROM moved;

-- name: version_of(id)$
SELECT version FROM task WHERE id = :id::bigint;
