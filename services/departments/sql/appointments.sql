-- The applicant's word about a session's time. `appointments_store.py` has one function for each.

-- name: add_offer(session, until, slots, at)$
-- Make the next offer about a session (locked by the caller); return its number.
INSERT INTO session_offer (session_id, number, until, slots, made_at)
SELECT :session::bigint, coalesce(max(number), 0) + 1, :until::timestamptz, :slots::jsonb,
    :at::timestamptz
FROM session_offer
WHERE session_id = :session::bigint
RETURNING number;

-- name: offer_of(session, number)^
SELECT number, until, slots FROM session_offer
WHERE session_id = :session::bigint AND number = :number::integer;

-- name: add_answer(session, offer, starts, ends, actor, answered, outcome, at)$
-- Store an answer with what became of it; null when the offer was answered before.
INSERT INTO session_answer (session_id, offer, starts_at, ends_at, actor_ref, answered_at, outcome,
    settled_at)
VALUES (:session::bigint, :offer::integer, :starts::timestamptz, :ends::timestamptz, :actor::text,
    :answered::timestamptz, :outcome::text, :at::timestamptz)
ON CONFLICT (session_id, offer) DO NOTHING
RETURNING offer;

-- name: move_session(id, starts, ends)!
-- Hold a session (locked by the caller) at another time, with the same people.
UPDATE session
SET starts_at = :starts::timestamptz, ends_at = :ends::timestamptz, version = version + 1
WHERE id = :id::bigint;

-- name: touch_session(id)!
-- Whoever looks at a session (locked by the caller) learns that it was answered.
UPDATE session SET version = version + 1 WHERE id = :id::bigint;

-- name: offers_of(session)
-- What was offered about a session and answered to it, the last first.
SELECT o.number, o.until, o.slots, o.made_at, a.starts_at, a.ends_at, a.actor_ref, a.answered_at,
    a.outcome, a.settled_at
FROM session_offer AS o
LEFT JOIN session_answer AS a ON a.session_id = o.session_id AND a.offer = o.number
WHERE o.session_id = :session::bigint
ORDER BY o.number DESC;
