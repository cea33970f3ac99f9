-- What the head of a department sees of it. `head_store.py` has one function for each.

-- name: load_of_people(department, now)
-- What officers have in hand, and how much of it is late.
SELECT claimed_by AS ref, count(*) AS open,
    count(*) FILTER (WHERE promised_at < :now::timestamptz) AS late, min(promised_at) AS next_due
FROM task
WHERE department = :department::text AND state = 'open' AND claimed_by IS NOT NULL
GROUP BY claimed_by
ORDER BY open DESC, ref;

-- name: load_of_items(department, items, now, most)
-- What is open of each item and how much of it is late, each counted up to `most` and no further.
SELECT i.item,
    (SELECT count(*) FROM (SELECT FROM task
        WHERE department = :department::text AND item = i.item AND state = 'open'
        LIMIT :most::bigint) AS c) AS open,
    (SELECT count(*) FROM (SELECT FROM task
        WHERE department = :department::text AND item = i.item AND state = 'open'
            AND promised_at < :now::timestamptz
        LIMIT :most::bigint) AS c) AS late
FROM unnest(:items::text[]) AS i (item)
ORDER BY late DESC, open DESC, i.item;

-- name: kept(department, since, now, most)^
-- Of the tasks whose promise fell into a time: how many ended within it. Of each state the latest
-- `most` are looked at.
SELECT count(*) AS due,
    count(*) FILTER (WHERE d.ended_at <= d.promised_at) AS kept
FROM (
    (SELECT ended_at, promised_at FROM task
    WHERE department = :department::text AND state = 'decided'
        AND promised_at >= :since::timestamptz AND promised_at < :now::timestamptz
    ORDER BY promised_at DESC
    LIMIT :most::bigint)
    UNION ALL
    (SELECT NULL, promised_at FROM task
    WHERE department = :department::text AND state = 'lapsed'
        AND promised_at >= :since::timestamptz AND promised_at < :now::timestamptz
    ORDER BY promised_at DESC
    LIMIT :most::bigint)
    UNION ALL
    (SELECT NULL, promised_at FROM task
    WHERE department = :department::text AND state = 'open'
        AND promised_at >= :since::timestamptz AND promised_at < :now::timestamptz
    ORDER BY promised_at DESC
    LIMIT :most::bigint)
) AS d;
