-- Longer limits that were proposed. `extending_store.py` has one function for each.

-- name: propose(task, department, days, unit, approver, reason, authorisation, actor, role, at, budget, due_at)^
-- Propose a longer limit for a task (locked by the caller); return the id and the task's version.
WITH asked AS (
    INSERT INTO extension_proposal (task_id, department, days, unit, approver, reason,
        authorisation_id, asked_by, asked_role, asked_at, budget, due_at)
    VALUES (:task::bigint, :department::text, :days::integer, :unit::text, :approver::text,
        :reason::text, :authorisation::bigint, :actor::text, :role::text, :at::timestamptz,
        :budget::integer, :due_at::timestamptz)
    RETURNING id
), noted AS (
    INSERT INTO act (task_id, kind, actor_ref, actor_role, at)
    VALUES (:task::bigint, 'asked_extension', :actor::text, :role::text, :at::timestamptz)
)
UPDATE task SET version = version + 1
FROM asked
WHERE task.id = :task::bigint
RETURNING asked.id, task.version;

-- name: open_proposal_of(task)$
-- The proposal about a task (locked by the caller) that has no answer yet.
SELECT id FROM extension_proposal WHERE task_id = :task::bigint AND answered_at IS NULL;

-- name: read_proposal(id, department)^
SELECT p.id, p.task_id, t.task, t.application, t.item, p.days, p.unit, p.approver, p.reason,
    p.authorisation_id, p.asked_by, p.asked_role, p.asked_at, p.due_at, p.answer, p.document,
    p.answered_by, p.answered_at
FROM extension_proposal AS p
JOIN task AS t ON t.id = p.task_id
WHERE p.id = :id::bigint AND p.department = :department::text;

-- name: answer(id, answer, document, actor, role, at)$
-- Answer a proposal, whose task the caller has locked; return the task's version.
WITH answered AS (
    UPDATE extension_proposal
    SET answer = :answer::text, document = :document::text, answered_by = :actor::text,
        answered_at = :at::timestamptz
    WHERE id = :id::bigint
    RETURNING task_id
), noted AS (
    INSERT INTO act (task_id, kind, actor_ref, actor_role, at)
    SELECT task_id, 'answered_extension', :actor::text, :role::text, :at::timestamptz FROM answered
)
UPDATE task SET version = version + 1
FROM answered
WHERE task.id = answered.task_id
RETURNING task.version;

-- name: list_proposals(department, task, unanswered, after_at, after_id, page)
-- One page of what was proposed in a department, soonest due first. Filters may be null.
SELECT p.id, p.task_id, t.task, t.application, t.item, p.days, p.unit, p.approver, p.reason,
    p.authorisation_id, p.asked_by, p.asked_role, p.asked_at, p.due_at, p.answer, p.document,
    p.answered_by, p.answered_at
FROM extension_proposal AS p
JOIN task AS t ON t.id = p.task_id
WHERE p.department = :department::text
    AND (:task::bigint IS NULL OR p.task_id = :task::bigint)
    AND (NOT :unanswered::boolean OR (p.answered_at IS NULL AND t.state = 'open'))
    AND (:after_at::timestamptz IS NULL
        OR (p.due_at, p.id) > (:after_at::timestamptz, :after_id::bigint))
ORDER BY p.due_at, p.id
LIMIT :page::bigint;
