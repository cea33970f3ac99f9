-- Queries of runtime/web/idempotency.py.

-- name: begin(lock, owner, key)^
-- The lock belongs to the transaction. `locked` is false while another request holds the key.
-- The snapshot is older than the lock, so a key stored in between is not seen here: the primary
-- key refuses the second row then.
SELECT pg_try_advisory_xact_lock(:lock) AS locked, stored.*
FROM (SELECT 1) AS one
LEFT JOIN (
    SELECT request, status, headers, body FROM idempotency WHERE owner = :owner AND key = :key
) AS stored ON true;

-- name: keep(owner, key, request, status, headers, body)!
INSERT INTO idempotency (owner, key, request, status, headers, body)
VALUES (:owner, :key, :request, :status, :headers, :body);

-- name: purge(before)$
WITH gone AS (
    DELETE FROM idempotency
    WHERE (owner, key) IN (
        SELECT owner, key FROM idempotency WHERE created_at < :before ORDER BY created_at LIMIT 5000
    )
    RETURNING 1
)
SELECT count(*) FROM gone;
