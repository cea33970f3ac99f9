-- Every statement of the shared plumbing. Each is called by the one function that names it.

-- name: take_numbers(source, applications, topics, counts)
-- Reserve `count` numbers of each stream; returns the last one reserved. Sorted, so that two
-- transactions lock the same rows in the same order.
INSERT INTO stream_position AS p (application, topic, source, last)
SELECT s.application, s.topic, :source::text, s.count
FROM unnest(:applications::text[], :topics::text[], :counts::bigint[])
    AS s (application, topic, count)
ORDER BY s.application, s.topic
ON CONFLICT (application, topic, source) DO UPDATE SET last = p.last + excluded.last
RETURNING application, topic, last;

-- name: add_events(event_ids, topics, applications, seqs, types, payloads, traceparents, awaiting)$
-- Store events in the order given (ids rise with the numbers of a stream) and wake the relays when
-- the transaction commits.
WITH added AS (
    INSERT INTO outbox
        (event_id, topic, application, seq, type, payload, traceparent, awaiting)
    SELECT e.event_id, e.topic, e.application, e.seq, e.type, e.payload, e.traceparent,
        string_to_array(e.awaiting, ',')
    FROM unnest(
        :event_ids::uuid[], :topics::text[], :applications::text[], :seqs::bigint[],
        :types::text[], :payloads::bytea[], :traceparents::text[], :awaiting::text[]
    ) WITH ORDINALITY
        AS e (event_id, topic, application, seq, type, payload, traceparent, awaiting, place)
    ORDER BY e.place
)
SELECT pg_notify('lianshen_outbox', '')::text;

-- name: claim_pending(batch)
-- Events the broker does not have yet, oldest first; other relays skip what is locked here.
SELECT id, topic, application, type, payload, traceparent, attempts
FROM outbox
WHERE state = 'pending' AND next_attempt_at <= now()
ORDER BY id
LIMIT :batch::bigint
FOR UPDATE SKIP LOCKED;

-- name: claim_unreceipted(batch)
-- Events some consumer has not receipted in time.
SELECT id, topic, application, type, payload, traceparent, attempts
FROM outbox
WHERE state = 'sent' AND next_attempt_at <= now()
ORDER BY next_attempt_at, id
LIMIT :batch::bigint
FOR UPDATE SKIP LOCKED;

-- name: mark_sent(ids, receipts, resend_after, resend_cap)!
-- The broker acknowledged these; look again after a time that doubles with every attempt (seconds).
UPDATE outbox
SET state = CASE WHEN awaiting = '{}' OR NOT :receipts::boolean THEN 'closed' ELSE 'sent' END,
    attempts = attempts + 1,
    next_attempt_at = now() + make_interval(
        secs => least(:resend_cap::float8, :resend_after::float8 * power(2, least(attempts, 20))))
WHERE id = ANY (:ids::bigint[]);

-- name: postpone(ids, seconds)!
-- The broker refused these; try again later, and let the others go first.
UPDATE outbox
SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => :seconds::float8)
WHERE id = ANY (:ids::bigint[]);

-- name: send_all_again()!
-- The broker has lost its log: everything unreceipted is due now, as if it had never been sent.
UPDATE outbox SET next_attempt_at = now(), attempts = 0 WHERE state = 'sent';

-- name: close_events(consumers, event_ids)!
-- Strike consumers off the events they have receipted; an event nobody is awaited for is closed.
UPDATE outbox AS o
SET awaiting = left_over.awaiting,
    state = CASE WHEN left_over.awaiting = '{}' THEN 'closed' ELSE o.state END
FROM (
    SELECT locked.id, ARRAY (
        SELECT awaited FROM unnest(locked.awaiting) AS awaited
        WHERE NOT (awaited = ANY (locked.consumers))
    ) AS awaiting
    FROM (
        SELECT stored.id, stored.awaiting, given.consumers
        FROM outbox AS stored
        JOIN (
            SELECT r.event_id, array_agg(r.consumer) AS consumers
            FROM unnest(:consumers::text[], :event_ids::uuid[]) AS r (consumer, event_id)
            GROUP BY r.event_id
        ) AS given ON given.event_id = stored.event_id
        WHERE stored.state <> 'closed'
        ORDER BY stored.id
        FOR UPDATE OF stored
    ) AS locked
) AS left_over
WHERE o.id = left_over.id;

-- name: receive(event_ids, topics, sources, applications, seqs, types, payloads, traceparents, states, delivered)
-- Lock the streams of a batch, then store the events that are new. Returns one row per stream:
-- its position and which of the ids are new. The join makes the locks come first, in one order;
-- events arrive in the order of their numbers.
WITH incoming AS (
    SELECT * FROM unnest(
        :event_ids::uuid[], :topics::text[], :sources::text[], :applications::text[],
        :seqs::bigint[], :types::text[], :payloads::bytea[], :traceparents::text[],
        :states::text[]
    ) WITH ORDINALITY
        AS e (event_id, topic, source, application, seq, type, payload, traceparent, state, place)
), stream AS (
    INSERT INTO stream_position AS p (application, topic, source, last)
    SELECT DISTINCT i.application, i.topic, i.source, 0 FROM incoming AS i
    ORDER BY i.application, i.topic, i.source
    ON CONFLICT (application, topic, source) DO UPDATE SET last = p.last
    RETURNING application, topic, source, last
), fresh AS (
    INSERT INTO inbox (event_id, topic, source, application, seq, type, payload, traceparent,
        state, delivered_at)
    SELECT i.event_id, i.topic, i.source, i.application, i.seq, i.type, i.payload, i.traceparent,
        i.state, CASE WHEN :delivered::boolean THEN now() END
    FROM incoming AS i
    JOIN stream AS s
        ON s.application = i.application AND s.topic = i.topic AND s.source = i.source
    ORDER BY i.seq, i.place
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id, application, topic, source
)
SELECT s.application, s.topic, s.source, s.last,
    array_agg(f.event_id) FILTER (WHERE f.event_id IS NOT NULL) AS fresh
FROM stream AS s
LEFT JOIN fresh AS f
    ON f.application = s.application AND f.topic = s.topic AND f.source = s.source
GROUP BY s.application, s.topic, s.source, s.last;

-- name: waiting(applications, topics, sources, lasts)
-- What waits behind the positions given: parked events, and discarded ones to step over.
SELECT i.event_id, i.topic, i.source, i.application, i.seq, i.type, i.payload, i.state
FROM inbox AS i
JOIN unnest(:applications::text[], :topics::text[], :sources::text[], :lasts::bigint[])
    AS s (application, topic, source, last)
    ON i.application = s.application AND i.topic = s.topic AND i.source = s.source
        AND i.seq > s.last
WHERE i.state IN ('parked', 'discarded')
ORDER BY i.seq;

-- name: advance(applications, topics, sources, lasts)!
UPDATE stream_position AS p SET last = s.last
FROM unnest(:applications::text[], :topics::text[], :sources::text[], :lasts::bigint[])
    AS s (application, topic, source, last)
WHERE p.application = s.application AND p.topic = s.topic AND p.source = s.source;

-- name: mark_waiting(event_ids, states)!
-- These are not applied after all: parked or dead.
UPDATE inbox AS i SET state = s.state, delivered_at = NULL
FROM unnest(:event_ids::uuid[], :states::text[]) AS s (event_id, state)
WHERE i.event_id = s.event_id;

-- name: mark_applied(event_ids, delivered)!
-- The turn of these events has come after one that was parked; they arrive now, in this order.
UPDATE inbox AS i
SET state = 'applied', arrival = s.arrival, delivered_at = CASE WHEN :delivered::boolean THEN now() END
FROM (
    SELECT ordered.event_id, nextval('inbox_arrival') AS arrival
    FROM (
        SELECT e.event_id FROM unnest(:event_ids::uuid[]) WITH ORDINALITY AS e (event_id, place)
        ORDER BY e.place
    ) AS ordered
) AS s
WHERE i.event_id = s.event_id;

-- name: bury(event_ids, topics, partitions, offsets, keys, raws, digests, sources, applications, seqs, types, error_classes, error_messages)!
-- Keep messages that could not be applied. One that comes again is counted, not kept twice.
INSERT INTO dead_letter AS d (event_id, topic, "partition", "offset", key, raw, digest, source,
    application, seq, type, error_class, error_message)
SELECT DISTINCT ON (l.topic, l.digest) l.*
FROM unnest(
    :event_ids::uuid[], :topics::text[], :partitions::integer[], :offsets::bigint[],
    :keys::bytea[], :raws::bytea[], :digests::bytea[], :sources::text[], :applications::text[],
    :seqs::bigint[], :types::text[], :error_classes::text[], :error_messages::text[]
) AS l (event_id, topic, "partition", "offset", key, raw, digest, source, application, seq, type,
    error_class, error_message)
ORDER BY l.topic, l.digest
ON CONFLICT (topic, digest) DO UPDATE SET
    attempts = d.attempts + 1,
    event_id = coalesce(excluded.event_id, d.event_id),
    error_class = excluded.error_class,
    error_message = excluded.error_message,
    state = CASE WHEN excluded.event_id IS NULL THEN d.state ELSE 'open' END;

-- name: list_letters(state, before, page)
-- One page of dead letters, newest first, below the id `before`.
SELECT id, event_id, topic, "partition", "offset", source, application, seq, type, error_class,
    error_message, attempts, state, at, resolved_at, resolved_by, reason
FROM dead_letter
WHERE state = :state::text AND id < :before::bigint
ORDER BY id DESC
LIMIT :page::bigint;

-- name: get_letter(letter)^
SELECT id, event_id, topic, "partition", "offset", source, application, seq, type, error_class,
    error_message, attempts, state, at, resolved_at, resolved_by, reason
FROM dead_letter
WHERE id = :letter::bigint;

-- name: lock_letter(letter)^
SELECT id, event_id, topic, "partition", "offset", key, raw, source, application, seq, type,
    error_class, error_message, attempts, state, at, resolved_at, resolved_by
FROM dead_letter
WHERE id = :letter::bigint
FOR UPDATE;

-- name: resolve_letter(letter, state, actor, reason)!
UPDATE dead_letter
SET state = :state::text, resolved_at = now(), resolved_by = :actor::text, reason = :reason::text
WHERE id = :letter::bigint;

-- name: note_attempt(letter, error_class, error_message)!
UPDATE dead_letter
SET attempts = attempts + 1, error_class = :error_class::text, error_message = :error_message::text
WHERE id = :letter::bigint;

-- name: dig_up(event_id)!
-- Take a dead event out of the inbox, so that it can be received again.
DELETE FROM inbox WHERE event_id = :event_id::uuid AND state = 'dead';

-- name: discard_event(event_id)^
-- A dead event, or one that was applied and could not be handed on.
UPDATE inbox SET state = 'discarded'
WHERE event_id = :event_id::uuid AND (state = 'dead'
    OR (state = 'applied' AND delivered_at IS NULL AND EXISTS (
        SELECT FROM dead_letter AS d
        WHERE d.event_id = :event_id::uuid AND d.state = 'open'
            AND d.error_class = 'UndeliverableError')))
RETURNING application, topic, source, seq;

-- name: state_of(event_id)$
SELECT state FROM inbox WHERE event_id = :event_id::uuid;

-- name: lock_stream(application, topic, source)$
SELECT last FROM stream_position
WHERE application = :application::text AND topic = :topic::text AND source = :source::text
FOR UPDATE;

-- name: backlog()^
-- What is waiting in this database, for health pages and alarms.
SELECT
    (SELECT count(*) FROM outbox WHERE state = 'pending') AS pending,
    (SELECT count(*) FROM outbox WHERE state = 'sent' AND attempts > 1) AS unreceipted,
    (SELECT count(*) FROM inbox WHERE state = 'parked') AS parked,
    (SELECT count(*) FROM inbox WHERE state = 'applied' AND delivered_at IS NULL) AS undelivered,
    (SELECT count(*) FROM dead_letter WHERE state = 'open') AS dead;

-- name: waiting_since()^
-- How long (seconds) the oldest that waits has waited, by queue, and what time it is here.
SELECT clock_timestamp() AS now,
    coalesce(extract(epoch FROM clock_timestamp() - (
        SELECT min(created_at) FROM outbox WHERE state = 'pending'
    )), 0)::float8 AS outbox,
    coalesce(extract(epoch FROM clock_timestamp() - (
        SELECT min(waits.since) FROM (
            SELECT min(received_at) AS since FROM inbox WHERE state = 'parked'
            UNION ALL
            SELECT min(received_at) FROM inbox WHERE state = 'applied' AND delivered_at IS NULL
        ) AS waits
    )), 0)::float8 AS inbox;

-- name: beat(loops, instance, ats, progress_ats, details)!
INSERT INTO heartbeat AS h (loop, instance, at, progress_at, detail)
SELECT b.loop, :instance::text, b.at, b.progress_at, b.detail
FROM unnest(:loops::text[], :ats::timestamptz[], :progress_ats::timestamptz[], :details::text[])
    AS b (loop, at, progress_at, detail)
ORDER BY b.loop
ON CONFLICT (loop, instance) DO UPDATE
SET at = excluded.at, progress_at = excluded.progress_at, detail = excluded.detail;

-- name: forget_instances(older_than)!
-- Processes that ended long ago (seconds).
DELETE FROM heartbeat WHERE at < now() - make_interval(secs => :older_than::float8);

-- name: read_heartbeats()
SELECT loop, instance, at, progress_at, detail FROM heartbeat ORDER BY loop, instance;
