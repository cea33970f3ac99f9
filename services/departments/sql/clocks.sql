-- Pauses with notice, extensions, and dates that were moved. `clocks_store.py` has one function
-- for each.

-- name: clock_of(id)^
-- What bears on a task's clock; the caller has locked the task. `pauses` and `extensions` are the
-- task's own, which number the next; `extended` is how often the item was, in any round.
SELECT t.part, t.statutory_on, t.paused_until, d.catalogue_version,
    (SELECT count(*)::integer FROM task_pause AS p WHERE p.task_id = t.id) AS pauses,
    (SELECT count(*)::integer FROM task_extension AS e WHERE e.task_id = t.id) AS extensions,
    (SELECT count(*)::integer FROM task AS o JOIN task_extension AS e ON e.task_id = o.id
        WHERE o.application = t.application AND o.department = t.department
            AND o.item = t.item) AS extended
FROM task AS t
JOIN dossier AS d ON d.task_id = t.id
WHERE t.id = :id::bigint;

-- name: pauses_of(id, department)
-- A task's pauses, first to last; `department` null: of any.
SELECT p.number, p.kind, p.from_on, p.until_on, e.ended_on, p.cap_value, p.cap_unit, p.notice,
    p.article, p.reason, p.actor_ref, p.at
FROM task_pause AS p
JOIN task AS t ON t.id = p.task_id
LEFT JOIN pause_end AS e ON e.task_id = p.task_id AND e.number = p.number
WHERE p.task_id = :id::bigint AND (:department::text IS NULL OR t.department = :department::text)
ORDER BY p.number;

-- name: item_pauses(id)
-- The pauses of a task's item in every round. A task that has ended has ended its pause.
SELECT p.kind, p.from_on, least(p.until_on, e.ended_on,
        (o.ended_at AT TIME ZONE 'Asia/Shanghai')::date) AS until_on, p.notice, p.article
FROM task AS t
JOIN task AS o ON o.application = t.application AND o.department = t.department
    AND o.item = t.item
JOIN task_pause AS p ON p.task_id = o.id
LEFT JOIN pause_end AS e ON e.task_id = p.task_id AND e.number = p.number
WHERE t.id = :id::bigint
ORDER BY o.round, p.number;

-- name: extensions_of(id, department)
SELECT e.number, e.days, e.unit, e.approver, e.approval, e.article, e.reason, e.actor_ref, e.at
FROM task_extension AS e
JOIN task AS t ON t.id = e.task_id
WHERE e.task_id = :id::bigint AND (:department::text IS NULL OR t.department = :department::text)
ORDER BY e.number;

-- name: add_pause(id, number, kind, from_on, until_on, cap_value, cap_unit, notice, article, reason, actor, role, at, authorisation)$
-- Pause a task (locked by the caller); return its new version.
WITH added AS (
    INSERT INTO task_pause (task_id, number, kind, from_on, until_on, cap_value, cap_unit, notice,
        article, reason, actor_ref, actor_role, at, authorisation_id, asked)
    VALUES (:id::bigint, :number::integer, :kind::text, :from_on::date, :until_on::date,
        :cap_value::integer, :cap_unit::text, :notice::text, :article::text, :reason::text,
        :actor::text, :role::text, :at::timestamptz, :authorisation::bigint, true)
), noted AS (
    INSERT INTO act (task_id, kind, actor_ref, actor_role, note, at)
    VALUES (:id::bigint, 'paused', :actor::text, :role::text, :notice::text, :at::timestamptz)
)
UPDATE task SET paused_until = :until_on::date, version = version + 1
WHERE id = :id::bigint
RETURNING version;

-- name: end_pause(id, number, ended_on, actor, role, at, authorisation)$
WITH ended AS (
    INSERT INTO pause_end (task_id, number, ended_on, actor_ref, actor_role, at, authorisation_id,
        asked)
    VALUES (:id::bigint, :number::integer, :ended_on::date, :actor::text, :role::text,
        :at::timestamptz, :authorisation::bigint, true)
), noted AS (
    INSERT INTO act (task_id, kind, actor_ref, actor_role, at)
    VALUES (:id::bigint, 'pause_ended', :actor::text, :role::text, :at::timestamptz)
)
UPDATE task SET paused_until = NULL, version = version + 1
WHERE id = :id::bigint
RETURNING version;

-- name: add_extension(id, number, days, unit, approver, approval, article, reason, actor, role, at, proposal)$
WITH added AS (
    INSERT INTO task_extension (task_id, number, days, unit, approver, approval, article, reason,
        actor_ref, actor_role, at, proposal_id, asked)
    VALUES (:id::bigint, :number::integer, :days::integer, :unit::text, :approver::text,
        :approval::text, :article::text, :reason::text, :actor::text, :role::text,
        :at::timestamptz, :proposal::bigint, true)
), noted AS (
    INSERT INTO act (task_id, kind, actor_ref, actor_role, note, at)
    VALUES (:id::bigint, 'extended', :actor::text, :role::text, :approval::text,
        :at::timestamptz)
)
UPDATE task SET version = version + 1
WHERE id = :id::bigint
RETURNING version;

-- name: redate_tasks(ids, whys, ats, promised_ons, promised_ats, statutory_ons, statutory_ats, provisionals)!
-- Move the dates of tasks (open, locked by the caller).
WITH given AS (
    SELECT * FROM unnest(
        :ids::bigint[], :whys::text[], :ats::timestamptz[], :promised_ons::date[],
        :promised_ats::timestamptz[], :statutory_ons::date[], :statutory_ats::timestamptz[],
        :provisionals::boolean[]
    ) AS g (id, why, at, promised_on, promised_at, statutory_on, statutory_at, provisional)
), noted AS (
    INSERT INTO act (task_id, kind, note, at)
    SELECT g.id, 'redated', g.why, g.at FROM given AS g ORDER BY g.id
)
UPDATE task AS t
SET promised_on = g.promised_on, promised_at = g.promised_at, statutory_on = g.statutory_on,
    statutory_at = g.statutory_at, provisional = g.provisional, version = t.version + 1
FROM given AS g
WHERE t.id = g.id;
