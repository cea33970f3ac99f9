-- Every statement about joint sessions. `sessions_store.py` has one function for each.

-- Who can be sent

-- name: list_officer(officer, department, actor, at)$
-- Put somebody on the roster of a department; null when he stands on another department's.
INSERT INTO roster (officer_ref, department, listed_at, listed_by)
VALUES (:officer::text, :department::text, :at::timestamptz, :actor::text)
ON CONFLICT (officer_ref) DO UPDATE
SET department = excluded.department, left_at = NULL,
    listed_at = CASE WHEN roster.left_at IS NULL THEN roster.listed_at ELSE excluded.listed_at END,
    listed_by = CASE WHEN roster.left_at IS NULL THEN roster.listed_by ELSE excluded.listed_by END
WHERE roster.left_at IS NOT NULL OR roster.department = excluded.department
RETURNING listed_at;

-- name: strike_officer(officer, department, at)$
-- Take somebody off the roster; null when he is not on it.
UPDATE roster SET left_at = :at::timestamptz
WHERE officer_ref = :officer::text AND department = :department::text AND left_at IS NULL
RETURNING officer_ref;

-- name: roster_of(departments)
-- Who can be sent by these departments.
SELECT officer_ref, department, listed_at
FROM roster
WHERE department = ANY (:departments::text[]) AND left_at IS NULL
ORDER BY department, officer_ref;

-- name: lock_officers(officers)
-- Lock officers in the one order in which everybody locks them: whoever holds the lock knows when
-- they are free.
SELECT officer_ref, department
FROM roster
WHERE officer_ref = ANY (:officers::text[]) AND left_at IS NULL
ORDER BY officer_ref
FOR UPDATE;

-- name: taken(officers, since, until, beside)
-- When officers are not free between two instants; `beside`: a session that does not count.
SELECT officer_ref, starts_at, ends_at, kind, id
FROM (
    SELECT e.officer_ref, e.starts_at, e.ends_at, e.kind, e.id
    FROM engagement AS e
    WHERE e.officer_ref = ANY (:officers::text[]) AND e.withdrawn_at IS NULL
    UNION ALL
    SELECT a.person_ref, a.since,
        least(a.ended_at, coalesce(a.until, :until::timestamptz)), 'absence', a.id
    FROM absence AS a
    WHERE a.person_ref = ANY (:officers::text[])
    UNION ALL
    SELECT p.officer_ref, s.starts_at - s.travel, s.ends_at + s.travel, 'session', s.id
    FROM session_seat AS p
    JOIN session AS s ON s.id = p.session_id
    WHERE p.officer_ref = ANY (:officers::text[]) AND p.released_at IS NULL
        AND s.state <> 'cancelled' AND s.id IS DISTINCT FROM :beside::bigint
) AS t
WHERE t.starts_at < :until::timestamptz AND t.ends_at > :since::timestamptz
    AND t.starts_at < t.ends_at
ORDER BY officer_ref, starts_at, kind, id;

-- name: loads(officers, since)
-- To how many sessions since an instant, and still to come, officers were sent.
SELECT p.officer_ref, count(*) AS sessions
FROM session_seat AS p
JOIN session AS s ON s.id = p.session_id
WHERE p.officer_ref = ANY (:officers::text[]) AND p.released_at IS NULL
    AND s.state <> 'cancelled' AND s.starts_at >= :since::timestamptz
GROUP BY p.officer_ref;

-- name: add_engagement(officer, department, kind, starts, ends, actor, at)$
-- Note when somebody of the department's roster is not free; null when he is not on it.
INSERT INTO engagement (officer_ref, kind, starts_at, ends_at, noted_by, noted_at)
SELECT officer_ref, :kind::text, :starts::timestamptz, :ends::timestamptz, :actor::text,
    :at::timestamptz
FROM roster
WHERE officer_ref = :officer::text AND department = :department::text AND left_at IS NULL
RETURNING id;

-- name: withdraw_engagement(id, officer, department, at)$
UPDATE engagement AS e SET withdrawn_at = :at::timestamptz
FROM roster AS r
WHERE e.id = :id::bigint AND e.officer_ref = :officer::text AND e.withdrawn_at IS NULL
    AND r.officer_ref = e.officer_ref AND r.department = :department::text
RETURNING e.id;

-- What a session is about

-- name: step_tasks(application, step)
-- The open tasks of a step, of every department.
SELECT t.id, t.task, t.application, t.step, t.item, t.department, t.part, t.promised_at,
    t.statutory_at, t.applicant_refs, d.step_group, d.lead, d.catalogue_version
FROM task AS t
JOIN dossier AS d ON d.task_id = t.id
WHERE t.application = :application::text AND t.step = :step::text AND t.state = 'open'
ORDER BY t.id;

-- name: add_session(application, step, group_code, procedure, lead, place, starts, ends, travel, actor, role, at)$
INSERT INTO session (application, step, step_group, procedure, lead, place, starts_at, ends_at,
    travel, convened_by, convened_role, convened_at)
VALUES (:application::text, :step::text, :group_code::text, :procedure::text, :lead::text,
    :place::text, :starts::timestamptz, :ends::timestamptz, :travel::interval, :actor::text,
    :role::text, :at::timestamptz)
RETURNING id;

-- name: add_session_tasks(session, tasks)!
INSERT INTO session_task (session_id, task_id)
SELECT :session::bigint, t FROM unnest(:tasks::bigint[]) AS t;

-- name: add_members(session, departments, needed, untils)!
INSERT INTO session_member (session_id, department, needed, until)
SELECT :session::bigint, g.department, g.needed, g.until
FROM unnest(:departments::text[], :needed::integer[], :untils::timestamptz[])
    AS g (department, needed, until);

-- name: add_seats(session, officers, departments, actor, at)!
INSERT INTO session_seat (session_id, officer_ref, department, named_by, named_at)
SELECT :session::bigint, g.officer, g.department, :actor::text, :at::timestamptz
FROM unnest(:officers::text[], :departments::text[]) AS g (officer, department);

-- name: note_tasks(session, actor, role, note, at)!
-- Write into the history of every task of a session.
INSERT INTO act (task_id, kind, actor_ref, actor_role, note, at)
SELECT task_id, 'session', :actor::text, :role::text, :note::text, :at::timestamptz
FROM session_task
WHERE session_id = :session::bigint
ORDER BY task_id;

-- What is done

-- name: lock_session(id, department)^
-- Lock a session that a department is a member of. All its tasks are one application's.
SELECT s.id, s.application, s.step, s.procedure, s.lead, s.place, s.starts_at, s.ends_at, s.travel,
    s.state, s.version, t.applicant_refs, t.traceparent
FROM session AS s
CROSS JOIN LATERAL (
    SELECT k.applicant_refs, k.traceparent
    FROM session_task AS x
    JOIN task AS k ON k.id = x.task_id
    WHERE x.session_id = s.id
    ORDER BY k.id
    LIMIT 1
) AS t
WHERE s.id = :id::bigint AND (s.lead = :department::text OR EXISTS (
    SELECT FROM session_member AS m
    WHERE m.session_id = s.id AND m.department = :department::text))
FOR UPDATE OF s;

-- name: replace_seat(session, officer, instead_of, department, actor, at)!
-- Send somebody instead of another. Who was replaced before can come back.
WITH released AS (
    UPDATE session_seat SET released_at = :at::timestamptz, present = NULL
    WHERE session_id = :session::bigint AND officer_ref = :instead_of::text
), unsettled AS (
    UPDATE session_member
    SET present = NULL, attested_by = NULL, attested_role = NULL, attested_at = NULL
    WHERE session_id = :session::bigint AND department = :department::text
)
INSERT INTO session_seat (session_id, officer_ref, department, instead_of, named_by, named_at)
VALUES (:session::bigint, :officer::text, :department::text, :instead_of::text, :actor::text,
    :at::timestamptz)
ON CONFLICT (session_id, officer_ref) DO UPDATE
SET released_at = NULL, instead_of = excluded.instead_of, named_by = excluded.named_by,
    named_at = excluded.named_at, present = NULL;

-- name: attest(session, department, officers, actor, role, at)!
-- Record who of those that a department sent is there, and with that whether the department is.
WITH seats AS (
    UPDATE session_seat SET present = officer_ref = ANY (:officers::text[])
    WHERE session_id = :session::bigint AND department = :department::text AND released_at IS NULL
    RETURNING present
)
UPDATE session_member AS m
SET present = (SELECT count(*) FILTER (WHERE s.present) FROM seats AS s) >= m.needed,
    attested_by = :actor::text, attested_role = :role::text, attested_at = :at::timestamptz
WHERE m.session_id = :session::bigint AND m.department = :department::text;

-- name: set_state(id, state, at, actor, reason)$
-- Move a session (locked by the caller) on; return its version.
UPDATE session
SET state = :state::text,
    version = version + 1,
    held_at = CASE WHEN :state::text IN ('convened', 'cancelled') THEN NULL
        WHEN :state::text = 'held' THEN :at::timestamptz ELSE held_at END,
    cancelled_at = CASE WHEN :state::text = 'cancelled' THEN :at::timestamptz END,
    cancelled_by = CASE WHEN :state::text = 'cancelled' THEN :actor::text END,
    cancellation = CASE WHEN :state::text = 'cancelled' THEN :reason::text END
WHERE id = :id::bigint
RETURNING version;

-- name: add_record(session, minutes, findings, sha256, actor, role, at)!
INSERT INTO session_record (session_id, minutes, findings, sha256, recorded_by, recorded_role,
    recorded_at)
VALUES (:session::bigint, :minutes::text, :findings::jsonb, :sha256::text, :actor::text,
    :role::text, :at::timestamptz);

-- name: lock_session_tasks(session)
-- Lock the tasks of a session, in the one order in which everybody locks tasks.
SELECT t.id, t.department, t.state
FROM session_task AS s
JOIN task AS t ON t.id = s.task_id
WHERE s.session_id = :session::bigint
ORDER BY t.id
FOR UPDATE OF t;

-- name: add_signature(session, department, sha256, tasks, actor, at)!
INSERT INTO session_signature (session_id, department, sha256, tasks, actor_ref, at)
VALUES (:session::bigint, :department::text, :sha256::text, :tasks::bigint[], :actor::text,
    :at::timestamptz);

-- What is read

-- name: list_sessions(department, state, since, after_at, after_id, page)
-- One page of the sessions that a department is a member of, in the order of time.
SELECT s.id, s.application, s.step, s.step_group, s.procedure, s.lead, s.place, s.starts_at,
    s.ends_at, s.travel, s.state, s.convened_by, s.convened_at, s.held_at, s.cancelled_at,
    s.cancellation, s.version
FROM session AS s
JOIN session_member AS m ON m.session_id = s.id AND m.department = :department::text
WHERE (:state::text IS NULL OR s.state = :state::text)
    AND (:since::timestamptz IS NULL OR s.ends_at >= :since::timestamptz)
    AND (:after_at::timestamptz IS NULL
        OR (s.starts_at, s.id) > (:after_at::timestamptz, :after_id::bigint))
ORDER BY s.starts_at, s.id
LIMIT :page::bigint;

-- name: read_session(id, department)^
-- One session; `department` null: of any.
SELECT s.id, s.application, s.step, s.step_group, s.procedure, s.lead, s.place, s.starts_at,
    s.ends_at, s.travel, s.state, s.convened_by, s.convened_at, s.held_at, s.cancelled_at,
    s.cancellation, s.version, r.minutes, r.findings, r.sha256, r.recorded_by, r.recorded_at
FROM session AS s
LEFT JOIN session_record AS r ON r.session_id = s.id
WHERE s.id = :id::bigint AND (:department::text IS NULL OR EXISTS (
    SELECT FROM session_member AS m
    WHERE m.session_id = s.id AND m.department = :department::text));

-- name: members_of(session)
SELECT m.department, m.needed, m.until, m.present, m.attested_at, m.attested_by, g.sha256, g.actor_ref, g.at AS signed_at
FROM session_member AS m
LEFT JOIN session_signature AS g
    ON g.session_id = m.session_id AND g.department = m.department
WHERE m.session_id = :session::bigint
ORDER BY m.department;

-- name: seats_of(session)
SELECT officer_ref, department, instead_of, named_by, named_at, released_at, present
FROM session_seat
WHERE session_id = :session::bigint
ORDER BY department, named_at, officer_ref;

-- name: tasks_of(session)
SELECT t.id, t.task, t.item, t.department, t.part, t.state, t.version, t.applicant_refs, o.outcome,
    o.result_number, o.at AS ended_at
FROM session_task AS s
JOIN task AS t ON t.id = s.task_id
LEFT JOIN outcome AS o ON o.task_id = t.id
WHERE s.session_id = :session::bigint
ORDER BY t.id;

-- name: to_convene(department, newest)
-- Merged steps that a department leads, with something open that no session was convened for.
-- Only its newest tasks are looked at: however long the history, that is as much work as ever.
SELECT t.application, t.step, d.step_group, min(t.promised_at) AS promised_at
FROM (
    SELECT task_id, step_group FROM dossier
    WHERE lead = :department::text AND step_group IS NOT NULL
    ORDER BY task_id DESC
    LIMIT :newest::integer
) AS d
JOIN task AS t ON t.id = d.task_id
WHERE t.state = 'open' AND NOT EXISTS (
    SELECT FROM session_task AS st JOIN session AS s ON s.id = st.session_id
    WHERE st.task_id = t.id AND s.state <> 'cancelled')
GROUP BY t.application, t.step, d.step_group
ORDER BY min(t.promised_at), t.application, t.step;
