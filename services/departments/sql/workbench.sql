-- What the pages of the workbench read and keep. `workbench_store.py` has one function for each.

-- The queue is looked through in windows: so many rows in the order of an index, of which those that
-- match are shown. A page costs the same however long the queue is, and what is rare is looked for
-- window by window. The last row of a full window is returned as well (`is_end`), matching or not.

-- name: tasks_forward(department, state, in_item, in_holder, in_special, in_prefix, due_before, after_at, after_id, prefix, prefix_end, item, part, holder, unclaimed, plain, size, page)
-- Tasks of one window, soonest due first. What begins with `in_` chooses the rows of the window by
-- an index. Filters may be null.
SELECT m.id, m.at, m.matches, m.place = :size::bigint AS is_end
FROM (
    SELECT w.id, w.at, w.place,
        (:item::text IS NULL OR w.item = :item::text)
            AND (:prefix::text IS NULL
                OR (w.application >= :prefix::text AND w.application < :prefix_end::text)
                OR (w.project_code >= :prefix::text AND w.project_code < :prefix_end::text))
            AND (:part::text IS NULL OR w.part = :part::text)
            AND (:holder::text IS NULL OR w.claimed_by IS NOT DISTINCT FROM :holder::text)
            AND (NOT :unclaimed::boolean OR w.claimed_by IS NULL)
            AND (NOT :plain::boolean OR w.special_at IS NULL) AS matches
    FROM (
        SELECT id, promised_at AS at, application, project_code, item, part, claimed_by, special_at,
            row_number() OVER (ORDER BY promised_at, id) AS place
        FROM task
        WHERE department = :department::text AND state = :state::text
            AND (:in_item::text IS NULL OR item = :in_item::text)
            AND (:in_holder::text IS NULL OR claimed_by = :in_holder::text)
            AND (NOT :in_special::boolean OR special_at IS NOT NULL)
            AND (NOT :in_prefix::boolean
                OR (application >= :prefix::text AND application < :prefix_end::text)
                OR (project_code >= :prefix::text AND project_code < :prefix_end::text))
            AND (:due_before::timestamptz IS NULL OR promised_at < :due_before::timestamptz)
            AND (:after_at::timestamptz IS NULL
                OR (promised_at, id) > (:after_at::timestamptz, :after_id::bigint))
        ORDER BY promised_at, id
        LIMIT :size::bigint
    ) AS w
) AS m
WHERE m.matches OR m.place = :size::bigint
ORDER BY m.at, m.id
LIMIT :page::bigint;

-- name: tasks_backward(department, state, in_item, in_holder, in_special, in_prefix, due_before, after_at, after_id, prefix, prefix_end, item, part, holder, unclaimed, plain, size, page)
-- The same from the end: the last due first.
SELECT m.id, m.at, m.matches, m.place = :size::bigint AS is_end
FROM (
    SELECT w.id, w.at, w.place,
        (:item::text IS NULL OR w.item = :item::text)
            AND (:prefix::text IS NULL
                OR (w.application >= :prefix::text AND w.application < :prefix_end::text)
                OR (w.project_code >= :prefix::text AND w.project_code < :prefix_end::text))
            AND (:part::text IS NULL OR w.part = :part::text)
            AND (:holder::text IS NULL OR w.claimed_by IS NOT DISTINCT FROM :holder::text)
            AND (NOT :unclaimed::boolean OR w.claimed_by IS NULL)
            AND (NOT :plain::boolean OR w.special_at IS NULL) AS matches
    FROM (
        SELECT id, promised_at AS at, application, project_code, item, part, claimed_by, special_at,
            row_number() OVER (ORDER BY promised_at DESC, id DESC) AS place
        FROM task
        WHERE department = :department::text AND state = :state::text
            AND (:in_item::text IS NULL OR item = :in_item::text)
            AND (:in_holder::text IS NULL OR claimed_by = :in_holder::text)
            AND (NOT :in_special::boolean OR special_at IS NOT NULL)
            AND (NOT :in_prefix::boolean
                OR (application >= :prefix::text AND application < :prefix_end::text)
                OR (project_code >= :prefix::text AND project_code < :prefix_end::text))
            AND (:due_before::timestamptz IS NULL OR promised_at < :due_before::timestamptz)
            AND (:after_at::timestamptz IS NULL
                OR (promised_at, id) < (:after_at::timestamptz, :after_id::bigint))
        ORDER BY promised_at DESC, id DESC
        LIMIT :size::bigint
    ) AS w
) AS m
WHERE m.matches OR m.place = :size::bigint
ORDER BY m.at DESC, m.id DESC
LIMIT :page::bigint;

-- name: examinations_forward(department, state, in_prefix, due_before, after_at, after_id, prefix, prefix_end, item, size, page)
-- Examinations of one window, soonest due first.
SELECT m.id, m.at, m.matches, m.place = :size::bigint AS is_end
FROM (
    SELECT w.id, w.at, w.place,
        (:item::text IS NULL OR :item::text = ANY (w.items))
            AND (:prefix::text IS NULL
                OR (w.application >= :prefix::text AND w.application < :prefix_end::text)
                OR (w.project_code >= :prefix::text AND w.project_code < :prefix_end::text)) AS matches
    FROM (
        SELECT id, until AS at, application, project_code, items,
            row_number() OVER (ORDER BY until, id) AS place
        FROM examination
        WHERE department = :department::text AND state = :state::text
            AND (NOT :in_prefix::boolean
                OR (application >= :prefix::text AND application < :prefix_end::text)
                OR (project_code >= :prefix::text AND project_code < :prefix_end::text))
            AND (:due_before::timestamptz IS NULL OR until < :due_before::timestamptz)
            AND (:after_at::timestamptz IS NULL
                OR (until, id) > (:after_at::timestamptz, :after_id::bigint))
        ORDER BY until, id
        LIMIT :size::bigint
    ) AS w
) AS m
WHERE m.matches OR m.place = :size::bigint
ORDER BY m.at, m.id
LIMIT :page::bigint;

-- name: examinations_backward(department, state, in_prefix, due_before, after_at, after_id, prefix, prefix_end, item, size, page)
-- The same from the end: the last due first.
SELECT m.id, m.at, m.matches, m.place = :size::bigint AS is_end
FROM (
    SELECT w.id, w.at, w.place,
        (:item::text IS NULL OR :item::text = ANY (w.items))
            AND (:prefix::text IS NULL
                OR (w.application >= :prefix::text AND w.application < :prefix_end::text)
                OR (w.project_code >= :prefix::text AND w.project_code < :prefix_end::text)) AS matches
    FROM (
        SELECT id, until AS at, application, project_code, items,
            row_number() OVER (ORDER BY until DESC, id DESC) AS place
        FROM examination
        WHERE department = :department::text AND state = :state::text
            AND (NOT :in_prefix::boolean
                OR (application >= :prefix::text AND application < :prefix_end::text)
                OR (project_code >= :prefix::text AND project_code < :prefix_end::text))
            AND (:due_before::timestamptz IS NULL OR until < :due_before::timestamptz)
            AND (:after_at::timestamptz IS NULL
                OR (until, id) < (:after_at::timestamptz, :after_id::bigint))
        ORDER BY until DESC, id DESC
        LIMIT :size::bigint
    ) AS w
) AS m
WHERE m.matches OR m.place = :size::bigint
ORDER BY m.at DESC, m.id DESC
LIMIT :page::bigint;

-- name: in_hand(department, holders, size)
-- What is open in the hands of each of some officers: the first ones, in the order of the queue.
SELECT t.id, t.promised_at AS at, t.special_at IS NOT NULL AS is_special
FROM unnest(:holders::text[]) AS h (holder)
CROSS JOIN LATERAL (
    SELECT id, promised_at, special_at
    FROM task
    WHERE department = :department::text AND state = 'open' AND claimed_by = h.holder
    ORDER BY special_at IS NULL, promised_at, id
    LIMIT :size::bigint
) AS t
ORDER BY t.special_at IS NULL, t.promised_at, t.id;

-- name: begin_with(prefix, prefix_end, most)$
-- How many tasks and examinations there are, in all departments, whose number or project begins
-- so; each is counted up to `most` and no further.
SELECT (SELECT count(*) FROM (SELECT FROM task
        WHERE application >= :prefix::text AND application < :prefix_end::text
        LIMIT :most::bigint) AS c)
    + (SELECT count(*) FROM (SELECT FROM task
        WHERE project_code >= :prefix::text AND project_code < :prefix_end::text
        LIMIT :most::bigint) AS c)
    + (SELECT count(*) FROM (SELECT FROM examination
        WHERE application >= :prefix::text AND application < :prefix_end::text
        LIMIT :most::bigint) AS c)
    + (SELECT count(*) FROM (SELECT FROM examination
        WHERE project_code >= :prefix::text AND project_code < :prefix_end::text
        LIMIT :most::bigint) AS c);

-- name: tasks_shown(ids, department)
-- What a list shows of tasks; those of another department are not there.
SELECT t.id, t.application, t.project_code, t.item, t.part, t.round, t.state, t.issued_at,
    t.promised_on, t.promised_at, t.provisional, t.claimed_by, t.claimed_at, t.ended_at, t.version,
    t.special_at, t.paused_until, o.outcome
FROM task AS t
LEFT JOIN outcome AS o ON o.task_id = t.id
WHERE t.id = ANY (:ids::bigint[]) AND t.department = :department::text;

-- name: examinations_shown(ids, department)
SELECT id, application, project_code, items, round, state, asked_at, until, ended_at, version
FROM examination
WHERE id = ANY (:ids::bigint[]) AND department = :department::text;

-- name: pauses_in(ids)
-- The days on which tasks' clocks stood still: the pauses of everybody who signs their steps.
SELECT t.id AS task_id, p.from_on, least(p.until_on, e.ended_on,
        (o.ended_at AT TIME ZONE 'Asia/Shanghai')::date) AS until_on,
    p.cap_value, p.cap_unit, p.kind, p.notice, p.article
FROM task AS t
JOIN task AS o ON o.application = t.application AND o.step = t.step
JOIN task_pause AS p ON p.task_id = o.id
LEFT JOIN pause_end AS e ON e.task_id = p.task_id AND e.number = p.number
WHERE t.id = ANY (:ids::bigint[])
ORDER BY t.id, p.from_on, o.id, p.number;

-- name: counts(department, holder, now, tomorrow, size, most)^
-- What waits for a department and for one officer, each counted up to `most` and no further.
SELECT
    (SELECT count(*) FROM (SELECT FROM task
        WHERE department = :department::text AND state = 'open'
        LIMIT :most::bigint) AS c) AS open,
    (SELECT count(*) FROM (SELECT FROM task
        WHERE department = :department::text AND state = 'open' AND promised_at < :now::timestamptz
        LIMIT :most::bigint) AS c) AS late,
    (SELECT count(*) FROM (SELECT FROM task
        WHERE department = :department::text AND state = 'open'
            AND promised_at < :tomorrow::timestamptz
        LIMIT :most::bigint) AS c) AS today,
    (SELECT count(*) FROM (SELECT FROM task
        WHERE claimed_by = :holder::text AND department = :department::text AND state = 'open'
        LIMIT :most::bigint) AS c) AS mine,
    (SELECT count(*) FROM (
        SELECT FROM (SELECT claimed_by FROM task
            WHERE department = :department::text AND state = 'open'
            ORDER BY promised_at, id
            LIMIT :size::bigint) AS w
        WHERE w.claimed_by IS NULL
        LIMIT :most::bigint) AS c) AS unclaimed,
    (SELECT count(*) FROM (SELECT FROM examination
        WHERE department = :department::text AND state = 'open'
        LIMIT :most::bigint) AS c) AS examinations;

-- Views

-- name: save_view(officer, department, name, query, at)!
-- Keep a view; one of the same name is replaced.
INSERT INTO saved_view (officer_ref, department, name, query, saved_at, seen_at)
VALUES (:officer::text, :department::text, :name::text, :query::text, :at::timestamptz,
    :at::timestamptz)
ON CONFLICT (officer_ref, department, name)
    DO UPDATE SET query = excluded.query, saved_at = excluded.saved_at, seen_at = excluded.seen_at;

-- name: views_of(officer, department)
SELECT id, name, query
FROM saved_view
WHERE officer_ref = :officer::text AND department = :department::text
ORDER BY name, id;

-- name: drop_view(id, officer, department)$
DELETE FROM saved_view
WHERE id = :id::bigint AND officer_ref = :officer::text AND department = :department::text
RETURNING name;

-- Colleagues

-- name: call_colleague(ref, department, name, at)!
-- Whoever comes again is noted once a day.
INSERT INTO colleague (ref, department, name, named_at)
VALUES (:ref::text, :department::text, :name::text, :at::timestamptz)
ON CONFLICT (ref) DO UPDATE
SET department = excluded.department, name = excluded.name, named_at = excluded.named_at
WHERE (colleague.department, colleague.name) <> (excluded.department, excluded.name)
    OR colleague.named_at < excluded.named_at - interval '1 day';

-- name: colleagues_of(department)
SELECT ref, name, named_at FROM colleague WHERE department = :department::text ORDER BY name, ref;

-- name: keep_views(officer, at)!
-- Note that somebody who has saved views is here, once a day.
UPDATE saved_view SET seen_at = :at::timestamptz
WHERE officer_ref = :officer::text AND seen_at < :at::timestamptz - interval '1 day';

-- name: forget_people(before)$
-- Names and views of those who have not been here since. Returns how many.
WITH names AS (
    DELETE FROM colleague WHERE named_at < :before::timestamptz RETURNING ref
), views AS (
    DELETE FROM saved_view WHERE seen_at < :before::timestamptz RETURNING id
)
SELECT (SELECT count(*) FROM names) + (SELECT count(*) FROM views);
