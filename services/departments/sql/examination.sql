-- Examinations of papers before the acceptance. `examination_store.py` has one function for each.

-- name: add_examinations(tasks, applications, project_codes, departments, rounds, items, applicants, subjects, scenarios, catalogue_versions, facts, materials, asked_ats, untils, traceparents)!
-- Lists travel as text, joined by commas.
INSERT INTO examination (task, application, project_code, department, round, items, applicant_refs,
    subjects, scenario, catalogue_version, facts, materials, asked_at, until, traceparent)
SELECT g.task, g.application, g.project_code, g.department, g.round, string_to_array(g.items, ','),
    string_to_array(g.applicants, ','), string_to_array(g.subjects, ','), g.scenario,
    g.catalogue_version, g.facts::jsonb, g.materials::jsonb, g.asked_at, g.until, g.traceparent
FROM unnest(
    :tasks::text[], :applications::text[], :project_codes::text[], :departments::text[],
    :rounds::integer[], :items::text[], :applicants::text[], :subjects::text[], :scenarios::text[],
    :catalogue_versions::text[], :facts::text[], :materials::text[], :asked_ats::timestamptz[],
    :untils::timestamptz[], :traceparents::text[]
) AS g (task, application, project_code, department, round, items, applicants, subjects, scenario,
    catalogue_version, facts, materials, asked_at, until, traceparent);

-- name: close_examinations(tasks, states, ats)
-- Close those that are still open; return all that are known, and whether they were.
WITH given AS (
    SELECT * FROM unnest(:tasks::text[], :states::text[], :ats::timestamptz[])
        AS g (task, state, at)
), closed AS (
    UPDATE examination AS e SET state = g.state, ended_at = g.at, version = e.version + 1
    FROM given AS g
    WHERE e.task = g.task AND e.state = 'open'
    RETURNING e.task
)
SELECT e.task, c.task IS NOT NULL AS closed
FROM examination AS e
JOIN given AS g ON g.task = e.task
LEFT JOIN closed AS c ON c.task = e.task;

-- name: redate_examinations(tasks, untils, whys, ats)
-- Move the time of those that are still open; return all that are known, and whether they were.
WITH given AS (
    SELECT e.id, e.task, e.until AS before, e.state = 'open' AS is_open, g.until, g.why, g.at
    FROM unnest(:tasks::text[], :untils::timestamptz[], :whys::text[], :ats::timestamptz[])
        AS g (task, until, why, at)
    JOIN examination AS e USING (task)
    FOR UPDATE OF e
), noted AS (
    INSERT INTO examination_move (examination_id, before, after, why, at)
    SELECT g.id, g.before, g.until, g.why, g.at FROM given AS g
    WHERE g.is_open AND g.before <> g.until
    ORDER BY g.id
), moved AS (
    UPDATE examination AS e SET until = g.until, version = e.version + 1
    FROM given AS g
    WHERE e.id = g.id AND g.is_open
)
SELECT task, is_open FROM given;

-- name: lock_examination(id, department)^
SELECT id, task, application, department, round, items, applicant_refs, subjects, materials,
    catalogue_version, asked_at, traceparent, state, version
FROM examination
WHERE id = :id::bigint AND department = :department::text
FOR UPDATE;

-- name: end_examination(id, findings, actor, role, at)$
-- Record what was found of an examination (locked by the caller); return its new version.
WITH recorded AS (
    INSERT INTO examination_done (examination_id, findings, actor_ref, actor_role, at)
    VALUES (:id::bigint, :findings::jsonb, :actor::text, :role::text, :at::timestamptz)
)
UPDATE examination SET state = 'done', ended_at = :at::timestamptz, version = version + 1
WHERE id = :id::bigint
RETURNING version;

-- name: list_examinations(department, state, after_at, after_id, page)
SELECT id, task, application, project_code, department, round, items, state, asked_at, until,
    ended_at, version
FROM examination
WHERE department = :department::text AND state = :state::text
    AND (:after_at::timestamptz IS NULL
        OR (until, id) > (:after_at::timestamptz, :after_id::bigint))
ORDER BY until, id
LIMIT :page::bigint;

-- name: read_examination(id, department)^
-- `department` null: of any.
SELECT e.id, e.task, e.application, e.project_code, e.department, e.round, e.items, e.state,
    e.asked_at, e.until, e.ended_at, e.version, e.scenario, e.catalogue_version, e.facts,
    e.materials, e.subjects, e.applicant_refs, d.findings, d.actor_ref, d.actor_role, (
        SELECT coalesce(jsonb_agg(to_jsonb(m) - 'id' - 'examination_id' ORDER BY m.id), '[]')
        FROM examination_move AS m WHERE m.examination_id = e.id
    ) AS moves
FROM examination AS e
LEFT JOIN examination_done AS d ON d.examination_id = e.id
WHERE e.id = :id::bigint AND (:department::text IS NULL OR e.department = :department::text);
