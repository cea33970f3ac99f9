-- Who may act, and on what ground. `authority_store.py` has one function for each.

-- The rule

-- name: guard(department)$
-- From here to the end of the transaction nobody changes who may act for the department. Whoever
-- decides shares this; it is a statement of its own, so that the next one sees what was committed.
SELECT pg_advisory_xact_lock_shared(1818847593, hashtext(:department::text));

-- name: guard_alone(department)$
-- The same, alone: no decision of the department is under way.
SELECT pg_advisory_xact_lock(1818847593, hashtext(:department::text));

-- name: rule()$
SELECT rule FROM authority_rule ORDER BY id DESC LIMIT 1;

-- name: set_rule(rule, since)!
INSERT INTO authority_rule (rule, since) VALUES (:rule::text, :since::timestamptz);

-- Authorisations

-- name: grant_authorisation(department, representative, substitute, items, powers, valid_from, valid_until, document, actor, role, at)$
INSERT INTO authorisation (department, representative_ref, substitute_ref, items, powers, valid_from,
    valid_until, document, granted_by, granted_role, granted_at)
VALUES (:department::text, :representative::text, :substitute::text, :items::text[], :powers::text[],
    :valid_from::date, :valid_until::date, :document::text, :actor::text, :role::text,
    :at::timestamptz)
RETURNING id;

-- name: read_authorisation(id, department)^
SELECT id, department, representative_ref, substitute_ref, items, powers, valid_from, valid_until,
    document, granted_by, granted_at, revoked_by, revoked_at, revocation
FROM authorisation
WHERE id = :id::bigint AND department = :department::text;

-- name: revoke_authorisation(id, actor, at, reason)!
UPDATE authorisation
SET revoked_by = :actor::text, revoked_at = :at::timestamptz, revocation = :reason::text
WHERE id = :id::bigint;

-- name: list_authorisations(department, person, on_day, after, page)
-- One page of a department's authorisations, first given first. `person`: only those he acts under;
-- `on_day`: only those that hold on that day.
SELECT id, department, representative_ref, substitute_ref, items, powers, valid_from, valid_until,
    document, granted_by, granted_at, revoked_by, revoked_at, revocation
FROM authorisation
WHERE department = :department::text AND id > :after::bigint
    AND (:person::text IS NULL OR :person::text IN (representative_ref, substitute_ref))
    AND (:on_day::date IS NULL
        OR (:on_day::date BETWEEN valid_from AND valid_until AND revoked_at IS NULL))
ORDER BY id
LIMIT :page::bigint;

-- name: authorisations_of(person, department, at, on_day)
-- What somebody may do for a department at an instant: his own authorisations, and those of
-- representatives who are absent and whose substitute he is.
SELECT a.id, a.items, a.powers, a.representative_ref = :person::text AS own
FROM authorisation AS a
WHERE a.department = :department::text AND a.revoked_at IS NULL
    AND a.granted_at <= :at::timestamptz
    AND :on_day::date BETWEEN a.valid_from AND a.valid_until
    AND (a.representative_ref = :person::text
        OR (a.substitute_ref = :person::text AND EXISTS (
            SELECT FROM absence AS b
            WHERE b.person_ref = a.representative_ref AND b.department = a.department
                AND b.ended_at IS NULL AND b.since <= :at::timestamptz
                AND (b.until IS NULL OR b.until > :at::timestamptz))))
ORDER BY a.id;

-- Absences

-- name: record_absence(department, person, substitute, since, until, actor, at)$
INSERT INTO absence (department, person_ref, substitute_ref, since, until, recorded_by, recorded_at)
VALUES (:department::text, :person::text, :substitute::text, :since::timestamptz,
    :until::timestamptz, :actor::text, :at::timestamptz)
RETURNING id;

-- name: read_absence(id, department)^
SELECT id, department, person_ref, substitute_ref, since, until, recorded_by, recorded_at, ended_at, ended_by
FROM absence
WHERE id = :id::bigint AND department = :department::text;

-- name: end_absence(id, actor, at)!
UPDATE absence SET ended_at = :at::timestamptz, ended_by = :actor::text WHERE id = :id::bigint;

-- name: list_absences(department, person, at, after, page)
-- One page of the absences that are not over at an instant, first recorded first. `person`: only
-- his.
SELECT id, department, person_ref, substitute_ref, since, until, recorded_by, recorded_at, ended_at,
    ended_by
FROM absence
WHERE department = :department::text AND id > :after::bigint AND ended_at IS NULL
    AND (:person::text IS NULL OR person_ref = :person::text)
    AND (until IS NULL OR until > :at::timestamptz)
ORDER BY id
LIMIT :page::bigint;

-- name: absent(people, department, at)
-- Which of these people are absent at an instant.
SELECT DISTINCT person_ref
FROM absence
WHERE person_ref = ANY (:people::text[]) AND department = :department::text
    AND ended_at IS NULL AND since <= :at::timestamptz
    AND (until IS NULL OR until > :at::timestamptz);

-- name: stood_in_for(person, department, at, on_day)
-- Who is absent at an instant and has somebody as his substitute: by an authorisation, or named
-- when his absence was recorded. Until when, and how many tasks he has in hand. He is authorised
-- when the paper gives the power to decide, by the rule under which papers give any.
SELECT DISTINCT ON (b.person_ref) b.person_ref, b.until,
    coalesce('decide' = ANY (a.powers)
        AND (SELECT rule FROM authority_rule ORDER BY id DESC LIMIT 1) = 'required', false)
        AS is_authorised,
    (SELECT count(*) FROM task AS t
        WHERE t.department = b.department AND t.state = 'open' AND t.claimed_by = b.person_ref)
        AS in_hand
FROM absence AS b
LEFT JOIN authorisation AS a ON a.department = b.department
    AND a.representative_ref = b.person_ref AND a.substitute_ref = :person::text
    AND a.revoked_at IS NULL AND a.granted_at <= :at::timestamptz
    AND :on_day::date BETWEEN a.valid_from AND a.valid_until
WHERE b.department = :department::text AND b.person_ref <> :person::text
    AND b.ended_at IS NULL AND b.since <= :at::timestamptz
    AND (b.until IS NULL OR b.until > :at::timestamptz)
    AND (b.substitute_ref = :person::text OR a.id IS NOT NULL)
ORDER BY b.person_ref, is_authorised DESC, b.until DESC;

-- Approvals above

-- name: ask_above(task, department, level, proposal, opinion, authorisation, actor, role, at, budget, due_on, due_at)^
-- Send a task (locked by the caller) up; return the id and the task's new version.
WITH asked AS (
    INSERT INTO approval_above (task_id, department, level, proposal, opinion, authorisation_id,
        asked_by, asked_role, asked_at, budget, due_on, due_at)
    VALUES (:task::bigint, :department::text, :level::text, :proposal::text, :opinion::text,
        :authorisation::bigint, :actor::text, :role::text, :at::timestamptz, :budget::integer,
        :due_on::date, :due_at::timestamptz)
    RETURNING id
), noted AS (
    INSERT INTO act (task_id, kind, actor_ref, actor_role, at)
    VALUES (:task::bigint, 'asked_above', :actor::text, :role::text, :at::timestamptz)
)
UPDATE task SET above_id = asked.id, version = version + 1
FROM asked
WHERE task.id = :task::bigint
RETURNING asked.id, task.version;

-- name: answer_above(id, answer, document, actor, role, at)$
-- Answer what went up, whose task the caller has locked; return the task's new version.
WITH answered AS (
    UPDATE approval_above
    SET answer = :answer::text, document = :document::text, answered_by = :actor::text,
        answered_at = :at::timestamptz
    WHERE id = :id::bigint
    RETURNING task_id
), noted AS (
    INSERT INTO act (task_id, kind, actor_ref, actor_role, at)
    SELECT task_id, 'answered_above', :actor::text, :role::text, :at::timestamptz FROM answered
)
UPDATE task SET version = version + 1
FROM answered
WHERE task.id = answered.task_id
RETURNING task.version;

-- name: aboves(ids)
-- What became of what went up.
SELECT id, task_id, level, asked_by, due_at, answer, document, answered_at
FROM approval_above
WHERE id = ANY (:ids::bigint[]);

-- name: task_of_above(id, department)^
SELECT task_id, asked_by FROM approval_above
WHERE id = :id::bigint AND department = :department::text;

-- name: list_aboves(department, task, unanswered, overdue_at, after_at, after_id, page)
-- One page of what went up in a department, soonest due first. Filters may be null.
SELECT v.id, v.task_id, t.task, t.application, t.item, v.level, v.proposal, v.opinion,
    v.authorisation_id, v.asked_by, v.asked_role, v.asked_at, v.due_on, v.due_at, v.answer,
    v.document, v.answered_by, v.answered_at
FROM approval_above AS v
JOIN task AS t ON t.id = v.task_id
WHERE v.department = :department::text
    AND (:task::bigint IS NULL OR v.task_id = :task::bigint)
    AND (NOT :unanswered::boolean OR (v.answered_at IS NULL AND t.state = 'open'))
    AND (:overdue_at::timestamptz IS NULL
        OR v.due_at < coalesce(v.answered_at, :overdue_at::timestamptz))
    AND (:after_at::timestamptz IS NULL
        OR (v.due_at, v.id) > (:after_at::timestamptz, :after_id::bigint))
ORDER BY v.due_at, v.id
LIMIT :page::bigint;

-- Site visits

-- name: record_visit(task, department, visited_on, officers, findings, actor, role, at)^
-- Record a visit about a task (locked by the caller), signed by whoever records it; return the id
-- and the task's new version.
WITH recorded AS (
    INSERT INTO site_visit (task_id, department, visited_on, officers, findings, recorded_by,
        recorded_at)
    VALUES (:task::bigint, :department::text, :visited_on::date, :officers::text[],
        :findings::text, :actor::text, :at::timestamptz)
    RETURNING id
), signed AS (
    INSERT INTO site_visit_signature (visit_id, officer_ref, role, at)
    SELECT id, :actor::text, :role::text, :at::timestamptz FROM recorded
), noted AS (
    INSERT INTO act (task_id, kind, actor_ref, actor_role, at)
    VALUES (:task::bigint, 'visited', :actor::text, :role::text, :at::timestamptz)
)
UPDATE task SET visit_id = recorded.id, version = version + 1
FROM recorded
WHERE task.id = :task::bigint
RETURNING recorded.id, task.version;

-- name: task_of_visit(id, department)^
SELECT task_id, officers FROM site_visit
WHERE id = :id::bigint AND department = :department::text;

-- name: sign_visit(id, task, actor, role, at)$
-- Sign a record whose task the caller has locked; return how many have signed it. Signing twice
-- changes nothing.
WITH signed AS (
    INSERT INTO site_visit_signature (visit_id, officer_ref, role, at)
    VALUES (:id::bigint, :actor::text, :role::text, :at::timestamptz)
    ON CONFLICT (visit_id, officer_ref) DO NOTHING
    RETURNING visit_id
), noted AS (
    INSERT INTO act (task_id, kind, actor_ref, actor_role, at)
    SELECT :task::bigint, 'signed', :actor::text, :role::text, :at::timestamptz FROM signed
)
SELECT (SELECT count(*) FROM site_visit_signature WHERE visit_id = :id::bigint)
    + (SELECT count(*) FROM signed);

-- name: signatures(ids)
-- How many officers have signed each record.
SELECT visit_id, count(*) AS signed
FROM site_visit_signature
WHERE visit_id = ANY (:ids::bigint[])
GROUP BY visit_id;

-- name: visits_of(id, department, after, page)
-- One page of the records of a task, in order. One row with a null id when there are none: the
-- task is there; no row: it is not.
SELECT v.id, v.visited_on, v.officers, v.findings, v.recorded_by, v.recorded_at,
    ARRAY(SELECT s.officer_ref FROM site_visit_signature AS s WHERE s.visit_id = v.id
        ORDER BY s.at, s.officer_ref) AS signed_by
FROM task AS t
LEFT JOIN site_visit AS v ON v.task_id = t.id AND v.id > :after::bigint
WHERE t.id = :id::bigint AND (:department::text IS NULL OR t.department = :department::text)
ORDER BY v.id
LIMIT :page::bigint;

-- Who works on a task

-- name: reassign(id, holder, reason, actor, role, at)$
-- Give a task (locked by the caller) into somebody's hands; return its new version.
WITH noted AS (
    INSERT INTO act (task_id, kind, actor_ref, actor_role, note, at)
    VALUES (:id::bigint, 'reassigned', :actor::text, :role::text, :reason::text, :at::timestamptz)
)
UPDATE task SET claimed_by = :holder::text, claimed_at = :at::timestamptz, version = version + 1
WHERE id = :id::bigint
RETURNING version;

-- name: handle_specially(id, reason, actor, role, at)$
-- Put a task (locked by the caller) before the others of its queue; return its new version.
WITH noted AS (
    INSERT INTO act (task_id, kind, actor_ref, actor_role, note, at)
    VALUES (:id::bigint, 'special', :actor::text, :role::text, :reason::text, :at::timestamptz)
)
UPDATE task SET special_at = :at::timestamptz, version = version + 1
WHERE id = :id::bigint
RETURNING version;
