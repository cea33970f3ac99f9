-- Every statement of the departments' own tables. `store.py` has one function for each.

-- What arrives

-- name: add_tasks(tasks, applications, project_codes, steps, items, departments, parts, rounds, authorities, silences, applicants, issued_ats, promised_ons, promised_ats, statutory_ons, statutory_ats, provisionals, traceparents, scenarios, catalogue_versions, facts, materials, participants, groups, leads, expires_ats)!
-- Put tasks on their departments' queues. Lists travel as text, joined by commas.
WITH given AS (
    SELECT * FROM unnest(
        :tasks::text[], :applications::text[], :project_codes::text[], :steps::text[],
        :items::text[], :departments::text[], :parts::text[], :rounds::integer[],
        :authorities::text[], :silences::text[], :applicants::text[], :issued_ats::timestamptz[],
        :promised_ons::date[], :promised_ats::timestamptz[], :statutory_ons::date[],
        :statutory_ats::timestamptz[], :provisionals::boolean[], :traceparents::text[],
        :scenarios::text[], :catalogue_versions::text[], :facts::text[], :materials::text[],
        :participants::text[], :groups::text[], :leads::text[], :expires_ats::timestamptz[]
    ) WITH ORDINALITY AS g (
        task, application, project_code, step, item, department, part, round, authority, silence,
        applicants, issued_at, promised_on, promised_at, statutory_on, statutory_at, provisional,
        traceparent, scenario, catalogue_version, facts, materials, participants, step_group, lead,
        expires_at, place)
), added AS (
    INSERT INTO task (task, application, project_code, step, item, department, part, round,
        authority, silence, applicant_refs, issued_at, promised_on, promised_at, statutory_on,
        statutory_at, provisional, traceparent, expires_at)
    SELECT g.task, g.application, g.project_code, g.step, g.item, g.department, g.part, g.round,
        g.authority, g.silence, string_to_array(g.applicants, ','), g.issued_at, g.promised_on,
        g.promised_at, g.statutory_on, g.statutory_at, g.provisional, g.traceparent,
        g.expires_at
    FROM given AS g
    ORDER BY g.place
    RETURNING id, task
)
INSERT INTO dossier (task_id, scenario, catalogue_version, facts, materials, participants,
    step_group, lead)
SELECT a.id, g.scenario, g.catalogue_version, g.facts::jsonb, g.materials::jsonb,
    string_to_array(g.participants, ','), g.step_group, g.lead
FROM added AS a
JOIN given AS g ON g.task = a.task;

-- name: lock_named(tasks)
-- Lock tasks by name, in the one order in which everybody locks tasks.
SELECT id, task, application, item, department, part, round, silence, state, promised_at,
    expires_at, issued_at
FROM task
WHERE task = ANY (:tasks::text[])
ORDER BY id
FOR UPDATE;

-- name: cancel_tasks(ids, reasons, ats)!
WITH given AS (
    SELECT * FROM unnest(:ids::bigint[], :reasons::text[], :ats::timestamptz[])
        AS g (id, reason, at)
), noted AS (
    INSERT INTO act (task_id, kind, note, at)
    SELECT g.id, 'cancelled', g.reason, g.at FROM given AS g ORDER BY g.id
)
UPDATE task AS t SET state = 'cancelled', ended_at = g.at, version = t.version + 1
FROM given AS g
WHERE t.id = g.id;

-- What is done

-- name: lock_tasks(ids, department)
-- Lock tasks of one department, in the one order in which everybody locks tasks.
-- `rule`: what a decision needs now; null: the role in the token.
SELECT id, task, application, item, department, part, round, authority, applicant_refs, issued_at,
    traceparent, state, claimed_by, claimed_at, version, paused_until, above_id, visit_id, promised_on, promised_at,
    expires_at, special_at, (SELECT r.rule FROM authority_rule AS r ORDER BY r.id DESC LIMIT 1) AS rule
FROM task
WHERE id = ANY (:ids::bigint[]) AND department = :department::text
ORDER BY id
FOR UPDATE;

-- name: end_tasks(ids, kinds, outcomes, numbers, conditions, reasons, remedies, aboves, actor, roles, bases, ats, states, authorisations, approvals)
-- Record how tasks (locked by the caller) ended; return their new versions.
WITH given AS (
    SELECT * FROM unnest(
        :ids::bigint[], :kinds::text[], :outcomes::text[], :numbers::text[], :conditions::text[],
        :reasons::text[], :remedies::text[], :aboves::text[], :roles::text[], :bases::text[],
        :ats::timestamptz[], :states::text[], :authorisations::bigint[], :approvals::bigint[]
    ) AS g (id, kind, outcome, number, conditions, reasons, remedies, above, role, basis, at, state,
        authorisation, approval)
), recorded AS (
    INSERT INTO outcome (task_id, kind, outcome, result_number, conditions, reasons, remedies,
        decided_above, actor_ref, actor_role, department, basis, at, authorisation_id, above_id)
    SELECT g.id, g.kind, g.outcome, g.number, g.conditions::jsonb, g.reasons::jsonb,
        g.remedies::jsonb, g.above, :actor::text, g.role, t.department, g.basis, g.at,
        g.authorisation, g.approval
    FROM given AS g
    JOIN task AS t ON t.id = g.id
), noted AS (
    INSERT INTO act (task_id, kind, actor_ref, actor_role, at)
    SELECT g.id, g.kind, :actor::text, g.role, g.at FROM given AS g ORDER BY g.id
)
UPDATE task AS t SET state = g.state, ended_at = g.at, version = t.version + 1
FROM given AS g
WHERE t.id = g.id
RETURNING t.id, t.version;

-- name: set_holder(id, holder, at, kind, actor, role)$
-- Claim or release a task (locked by the caller); return its new version.
WITH noted AS (
    INSERT INTO act (task_id, kind, actor_ref, actor_role, at)
    VALUES (:id::bigint, :kind::text, :actor::text, :role::text, :at::timestamptz)
)
UPDATE task
SET claimed_by = :holder::text,
    claimed_at = CASE WHEN :holder::text IS NOT NULL THEN :at::timestamptz END,
    version = version + 1
WHERE id = :id::bigint
RETURNING version;

-- name: add_note(id, actor, role, note, at)$
INSERT INTO act (task_id, kind, actor_ref, actor_role, note, at)
VALUES (:id::bigint, 'noted', :actor::text, :role::text, :note::text, :at::timestamptz)
RETURNING id;

-- What is read

-- name: plan_anew()!
-- For this transaction: plan the list with the filters that are really given. A plan made once
-- for every mixture of them would walk a whole queue for the rarest.
SET LOCAL plan_cache_mode = force_custom_plan;

-- name: queue_by_due(department, state, item, part, holder, unclaimed, special, due_before, prefix, prefix_end, after_at, after_id, page)
-- One page of a department's queue, soonest due first. Filters may be null.
SELECT t.id, t.task, t.application, t.project_code, t.step, t.item, t.part, t.round, t.authority,
    t.silence, t.state, t.issued_at, t.promised_on, t.promised_at, t.statutory_on, t.statutory_at,
    t.provisional, t.claimed_by, t.claimed_at, t.ended_at, t.version, t.special_at, t.expires_at,
    o.outcome
FROM task AS t
LEFT JOIN outcome AS o ON o.task_id = t.id
WHERE t.department = :department::text
    AND t.state = :state::text
    AND (:item::text IS NULL OR t.item = :item::text)
    AND (:part::text IS NULL OR t.part = :part::text)
    AND (:holder::text IS NULL OR t.claimed_by = :holder::text)
    AND (NOT :unclaimed::boolean OR t.claimed_by IS NULL)
    AND (NOT :special::boolean OR t.special_at IS NOT NULL)
    AND (:due_before::timestamptz IS NULL OR t.promised_at < :due_before::timestamptz)
    AND (:prefix::text IS NULL
        OR (t.application >= :prefix::text AND t.application < :prefix_end::text)
        OR (t.project_code >= :prefix::text AND t.project_code < :prefix_end::text))
    AND (:after_at::timestamptz IS NULL
        OR (t.promised_at, t.id) > (:after_at::timestamptz, :after_id::bigint))
ORDER BY t.promised_at, t.id
LIMIT :page::bigint;

-- name: queue_by_issue(department, state, item, part, holder, unclaimed, special, due_before, prefix, prefix_end, after_at, after_id, page)
-- The same, first issued first.
SELECT t.id, t.task, t.application, t.project_code, t.step, t.item, t.part, t.round, t.authority,
    t.silence, t.state, t.issued_at, t.promised_on, t.promised_at, t.statutory_on, t.statutory_at,
    t.provisional, t.claimed_by, t.claimed_at, t.ended_at, t.version, t.special_at, t.expires_at,
    o.outcome
FROM task AS t
LEFT JOIN outcome AS o ON o.task_id = t.id
WHERE t.department = :department::text
    AND t.state = :state::text
    AND (:item::text IS NULL OR t.item = :item::text)
    AND (:part::text IS NULL OR t.part = :part::text)
    AND (:holder::text IS NULL OR t.claimed_by = :holder::text)
    AND (NOT :unclaimed::boolean OR t.claimed_by IS NULL)
    AND (NOT :special::boolean OR t.special_at IS NOT NULL)
    AND (:due_before::timestamptz IS NULL OR t.promised_at < :due_before::timestamptz)
    AND (:prefix::text IS NULL
        OR (t.application >= :prefix::text AND t.application < :prefix_end::text)
        OR (t.project_code >= :prefix::text AND t.project_code < :prefix_end::text))
    AND (:after_at::timestamptz IS NULL
        OR (t.issued_at, t.id) > (:after_at::timestamptz, :after_id::bigint))
ORDER BY t.issued_at, t.id
LIMIT :page::bigint;

-- name: count_queue(department, holder, now)
-- What is open in a department's queue, by item and part.
SELECT item, part, count(*) AS open,
    count(*) FILTER (WHERE claimed_by IS NULL) AS unclaimed,
    count(*) FILTER (WHERE claimed_by = :holder::text) AS mine,
    count(*) FILTER (WHERE promised_at < :now::timestamptz) AS overdue
FROM task
WHERE department = :department::text AND state = 'open'
GROUP BY item, part
ORDER BY item, part;

-- name: read_task(id, department)^
-- One task with its dossier and outcome; `department` null: of any.
SELECT t.id, t.task, t.application, t.project_code, t.step, t.item, t.part, t.round, t.authority,
    t.silence, t.state, t.issued_at, t.promised_on, t.promised_at, t.statutory_on, t.statutory_at,
    t.provisional, t.claimed_by, t.claimed_at, t.ended_at, t.version, t.special_at, t.expires_at,
    t.department,
    d.scenario, d.catalogue_version, d.facts, d.materials, d.participants, d.step_group, d.lead,
    o.kind, o.outcome, o.result_number, o.conditions, o.reasons, o.remedies, o.decided_above,
    o.actor_ref, o.actor_role, o.basis, o.at AS decided_at, o.authorisation_id, o.above_id
FROM task AS t
JOIN dossier AS d ON d.task_id = t.id
LEFT JOIN outcome AS o ON o.task_id = t.id
WHERE t.id = :id::bigint AND (:department::text IS NULL OR t.department = :department::text);

-- name: acts_of(id, department, after, page)
-- One page of a task's history, in order. One row with a null id when there are none: the task is
-- there; no row: it is not.
SELECT a.id, a.kind, a.actor_ref, a.actor_role, a.note, a.at
FROM task AS t
LEFT JOIN act AS a ON a.task_id = t.id AND a.id > :after::bigint
WHERE t.id = :id::bigint AND (:department::text IS NULL OR t.department = :department::text)
ORDER BY a.id
LIMIT :page::bigint;

-- name: silent_tasks(before, after_at, after_id, page)
-- Open tasks whose silence means something and whose time was over before `before`: the
-- orchestrator should have asked for their lapse. A permit is renewed when it expires.
SELECT id, task, application, department, item, promised_at, expires_at
FROM task
WHERE state = 'open' AND silence <> 'none'
    AND coalesce(expires_at, promised_at) < :before::timestamptz
    AND (:after_at::timestamptz IS NULL
        OR (coalesce(expires_at, promised_at), id) > (:after_at::timestamptz, :after_id::bigint))
ORDER BY coalesce(expires_at, promised_at), id
LIMIT :page::bigint;

-- name: work_done(at_most)
-- The latest decisions and opinions whose officer had claimed the task: what the work took.
SELECT item, department, claimed_at, ended_at
FROM task
WHERE state = 'decided' AND claimed_at IS NOT NULL AND ended_at > claimed_at
ORDER BY ended_at DESC, id DESC
LIMIT :at_most::bigint;
