-- The tables every service has, in its own database. Run by each service's first migration.
-- Instants in these tables are the database's (real) time: this is plumbing. Business instants
-- stand in the payloads and in the services' own tables.

-- One row per stream = (application, topic, source). `last` is the number of the last event:
-- given out, where the source is this service; applied, where it is another. A service never
-- reads what it wrote itself, so one table serves both.
-- Rows are updated all the time and only in unindexed columns: half-empty pages keep the updates
-- inside the page (heap-only tuples), and vacuum comes early.
CREATE TABLE stream_position (
    application text NOT NULL,
    topic text NOT NULL,
    source text NOT NULL,
    last bigint NOT NULL CHECK (last >= 0),
    PRIMARY KEY (application, topic, source)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE stream_position IS 'Last event given out (own source) or applied (others) per stream';

-- What this service has to say. A row is `pending` until the broker has acknowledged it, `sent`
-- until every consumer in `awaiting` has receipted it, then `closed`. A consumer's receipt may
-- overtake the acknowledgement; then the row goes from `pending` straight to `closed`.
-- Closed rows stay: `lianshen verify` compares them with the consumers' inboxes, and after the loss
-- of a consumer's database they are what it is rebuilt from. Nothing the service does for an
-- application reads them (both partial indexes leave them out), so their number costs only disk.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    topic text NOT NULL,
    application text NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    type text NOT NULL,
    payload bytea NOT NULL,
    traceparent text,
    awaiting text[] NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'closed')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);
ALTER TABLE outbox ALTER COLUMN payload SET COMPRESSION lz4;
CREATE INDEX outbox_pending ON outbox (id) WHERE state = 'pending';
CREATE INDEX outbox_unreceipted ON outbox (next_attempt_at, id) WHERE state = 'sent';
COMMENT ON TABLE outbox IS 'Events of this service, written in the transaction of their cause';

-- What this service has been told, each event once. `applied`: its effect is in this database.
-- `parked`: an earlier event of its stream is still missing or dead. `dead`: it could not be
-- applied and waits in dead_letter. `discarded`: an operator decided to go on without it.
-- `delivered_at` is null while an applied event still has to be handed on (to the workflow).
-- `arrival` orders the applied ones: a parked event gets a new number when its turn comes.
-- Rows outlive Temporal's retention and are never deleted with an application still open.
CREATE SEQUENCE inbox_arrival AS bigint;
CREATE TABLE inbox (
    event_id uuid PRIMARY KEY,
    arrival bigint NOT NULL DEFAULT nextval('inbox_arrival'),
    topic text NOT NULL,
    source text NOT NULL,
    application text NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL,
    payload bytea NOT NULL,
    traceparent text,
    received_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL CHECK (state IN ('applied', 'parked', 'dead', 'discarded')),
    delivered_at timestamptz
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);
ALTER SEQUENCE inbox_arrival OWNED BY inbox.arrival;
ALTER TABLE inbox ALTER COLUMN payload SET COMPRESSION lz4;
CREATE INDEX inbox_waiting ON inbox (application, topic, source, seq) WHERE state <> 'applied';
CREATE INDEX inbox_undelivered ON inbox (arrival) WHERE state = 'applied' AND delivered_at IS NULL;
COMMENT ON TABLE inbox IS 'Events of others, each once; the guard against applying one twice';

-- Messages that could not be applied, as they came. `digest` (SHA-256 of `raw`) keeps a message
-- that is sent again and again from filling the table. The error names a class, a place and the
-- fields concerned, never their values.
CREATE TABLE dead_letter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid,
    topic text NOT NULL,
    "partition" integer,
    "offset" bigint,
    key bytea,
    raw bytea NOT NULL,
    digest bytea NOT NULL,
    source text,
    application text,
    seq bigint,
    type text,
    error_class text NOT NULL,
    error_message text NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'discarded')),
    at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    resolved_by text,
    UNIQUE (topic, digest)
);
CREATE INDEX dead_letter_open ON dead_letter (id) WHERE state = 'open';
COMMENT ON TABLE dead_letter IS 'Messages that could not be applied; each holds its stream';

-- One row per loop and process. `at`: the loop turned; `progress_at`: it achieved what it is for
-- (an idle turn counts, a failed one does not).
CREATE TABLE heartbeat (
    loop text NOT NULL,
    instance text NOT NULL,
    at timestamptz NOT NULL,
    progress_at timestamptz NOT NULL,
    detail text,
    PRIMARY KEY (loop, instance)
) WITH (fillfactor = 50);
COMMENT ON TABLE heartbeat IS 'Signs of life of every loop of every process';

-- One leaf per act, written in the act's transaction. `body` is the canonical record whose bytes
-- are hashed. `xid` is the writing transaction: it tells the sealer which leaves can still appear
-- (see runtime/audit.py). Leaves have no place in the tree yet; the sealer gives it.
CREATE TABLE audit_leaf (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    application text,
    act text NOT NULL,
    body text NOT NULL
);
ALTER TABLE audit_leaf ALTER COLUMN body SET COMPRESSION lz4;
CREATE INDEX audit_leaf_xid ON audit_leaf (xid, id);
CREATE INDEX audit_leaf_application ON audit_leaf (application, id);
COMMENT ON TABLE audit_leaf IS 'INSERT-only: one canonical record per act';

-- The place of a leaf in the tree: commit order, which `audit_leaf.id` is not. There is no foreign
-- key: its check would lock, and so rewrite, every leaf; `lianshen audit verify` checks it.
CREATE TABLE audit_order (
    position bigint PRIMARY KEY,
    leaf_id bigint NOT NULL UNIQUE,
    hash bytea NOT NULL
);
COMMENT ON TABLE audit_order IS 'INSERT-only: position of a leaf in the Merkle tree (RFC 6962)';

-- Hashes of whole subtrees of 2^level leaves, level 8, 16, 24 ...: a proof reads at most 256
-- hashes of each level, however many leaves there are.
CREATE TABLE audit_node (
    level smallint NOT NULL,
    index bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (level, index)
);
COMMENT ON TABLE audit_node IS 'INSERT-only: inner nodes of the Merkle tree';

-- Signed tree heads. `note` is the signed text (C2SP tlog-checkpoint); `peaks` are the roots of the
-- whole subtrees the tree consists of, largest first, from which the sealer goes on.
CREATE TABLE audit_checkpoint (
    tree_size bigint PRIMARY KEY,
    note text NOT NULL,
    peaks bytea NOT NULL
);
COMMENT ON TABLE audit_checkpoint IS 'INSERT-only: signed tree heads';

-- Grants keep the service's role from changing these tables (see migrate.py); the trigger keeps
-- even their owner from doing it by mistake.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is INSERT-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_leaf_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_order_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_order
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_node_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_node
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_checkpoint_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What was answered to an Idempotency-Key, written in the transaction of the effect. `owner` is a
-- keyed hash. A request in flight has no row: it holds an advisory lock.
CREATE TABLE idempotency (
    owner text NOT NULL,
    key text NOT NULL,
    request bytea NOT NULL,
    status smallint NOT NULL,
    headers text NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner, key)
);
CREATE INDEX idempotency_created ON idempotency (created_at);
COMMENT ON TABLE idempotency IS 'Answers by Idempotency-Key, so that a repeated request acts once';
