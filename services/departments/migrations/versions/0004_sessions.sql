-- Joint sessions of merged steps. Instants in these tables are business time; people are keyed
-- hashes.

-- The merged step a task is part of, and who convenes its sessions.
ALTER TABLE dossier
    ADD COLUMN step_group text,
    ADD COLUMN lead text;

-- Who can be sent to a session. One row for a person and department, for as long as he is listed.
CREATE TABLE roster (
    officer_ref text PRIMARY KEY,
    department text NOT NULL,
    listed_at timestamptz NOT NULL,
    listed_by text NOT NULL,
    left_at timestamptz
);
CREATE INDEX roster_of_department ON roster (department, officer_ref) WHERE left_at IS NULL;
COMMENT ON TABLE roster IS 'Officers who can be sent to joint sessions';

-- When somebody of the roster is not free, besides absences and sessions.
CREATE TABLE engagement (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    officer_ref text NOT NULL REFERENCES roster (officer_ref),
    kind text NOT NULL CHECK (kind IN ('duty', 'training', 'leave', 'other')),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    noted_by text NOT NULL,
    noted_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    CONSTRAINT engagement_lasts CHECK (starts_at < ends_at)
);
CREATE INDEX engagement_of_officer ON engagement (officer_ref, ends_at) WHERE withdrawn_at IS NULL;
COMMENT ON TABLE engagement IS 'When officers of the roster are not free';

-- One session of a merged step. `held`: attendance was taken. `recorded`: the shared record is
-- there, and members sign. A session that was cancelled or recorded makes room for the next one.
CREATE TABLE session (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    application text COLLATE "C" NOT NULL,
    step text NOT NULL,
    step_group text NOT NULL,
    procedure text NOT NULL,
    lead text NOT NULL,
    place text NOT NULL CHECK (place ~ '\S'),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    travel interval NOT NULL CHECK (travel >= interval '0'),
    state text NOT NULL DEFAULT 'convened'
        CHECK (state IN ('convened', 'held', 'recorded', 'cancelled')),
    convened_by text NOT NULL,
    convened_role text NOT NULL,
    convened_at timestamptz NOT NULL,
    held_at timestamptz,
    cancelled_at timestamptz,
    cancelled_by text,
    cancellation text,
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT session_lasts CHECK (starts_at < ends_at),
    CONSTRAINT session_is_not_backdated CHECK (convened_at <= starts_at),
    CONSTRAINT session_held CHECK ((state IN ('held', 'recorded')) = (held_at IS NOT NULL)
        AND held_at >= starts_at),
    CONSTRAINT session_cancelled CHECK ((state = 'cancelled') = (cancelled_at IS NOT NULL)
        AND (cancelled_at IS NULL) = (cancelled_by IS NULL)
        AND (cancelled_at IS NULL) = (cancellation IS NULL))
);
CREATE UNIQUE INDEX session_one_at_a_time ON session (application, step)
    WHERE state IN ('convened', 'held');
CREATE INDEX session_of_application ON session (application, id);
CREATE INDEX session_by_lead ON session (lead, starts_at, id);
COMMENT ON TABLE session IS 'Joint sessions: convened, held, recorded - or cancelled';

-- What is decided on in a session. A task that ends elsewhere keeps its place here.
CREATE TABLE session_task (
    session_id bigint NOT NULL REFERENCES session (id),
    task_id bigint NOT NULL REFERENCES task (id),
    PRIMARY KEY (session_id, task_id)
);
CREATE INDEX session_of_task ON session_task (task_id);
COMMENT ON TABLE session_task IS 'INSERT-only: the tasks a session was convened for';
CREATE TRIGGER session_task_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON session_task
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A department in a session. `until`: its clock when the session was convened; null: it was over.
-- `present`: enough of its officers were there; null: attendance was not taken yet.
CREATE TABLE session_member (
    session_id bigint NOT NULL REFERENCES session (id),
    department text NOT NULL,
    needed integer NOT NULL CHECK (needed > 0),
    until timestamptz,
    present boolean,
    PRIMARY KEY (session_id, department)
);
CREATE INDEX session_of_department ON session_member (department, session_id);
COMMENT ON TABLE session_member IS 'Departments that meet, and whether they came';

-- An officer in a session. Who was replaced (`released_at`) is free again.
CREATE TABLE session_seat (
    session_id bigint NOT NULL REFERENCES session (id),
    officer_ref text NOT NULL REFERENCES roster (officer_ref),
    department text NOT NULL,
    instead_of text,
    named_by text NOT NULL,
    named_at timestamptz NOT NULL,
    released_at timestamptz,
    present boolean,
    PRIMARY KEY (session_id, officer_ref),
    FOREIGN KEY (session_id, department) REFERENCES session_member (session_id, department),
    CONSTRAINT session_seat_substitute_is_another CHECK (instead_of <> officer_ref)
);
CREATE INDEX session_seat_of_officer ON session_seat (officer_ref) WHERE released_at IS NULL;
COMMENT ON TABLE session_seat IS 'Officers sent to a session, substitutes among them';

-- The one record that all share. `findings` is an object: department -> what it found.
CREATE TABLE session_record (
    session_id bigint PRIMARY KEY REFERENCES session (id),
    minutes text NOT NULL CHECK (minutes ~ '\S'),
    findings jsonb NOT NULL CHECK (jsonb_typeof(findings) = 'object'),
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    recorded_by text NOT NULL,
    recorded_role text NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE TRIGGER session_record_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON session_record
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE session_record IS 'INSERT-only: the shared record of a session';

-- A member signs the record by ending its tasks of the session with it.
CREATE TABLE session_signature (
    session_id bigint NOT NULL REFERENCES session_record (session_id),
    department text NOT NULL,
    sha256 text NOT NULL,
    tasks bigint[] NOT NULL CHECK (cardinality(tasks) > 0),
    actor_ref text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (session_id, department),
    FOREIGN KEY (session_id, department) REFERENCES session_member (session_id, department)
);
CREATE TRIGGER session_signature_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON session_signature FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE session_signature IS 'INSERT-only: who signed the record, and the tasks it ended';

ALTER TABLE act DROP CONSTRAINT act_kind_check;
ALTER TABLE act ADD CONSTRAINT act_kind_check CHECK (kind IN ('claimed', 'released', 'noted',
    'decision', 'opinion', 'lapse', 'cancelled', 'reassigned', 'special', 'asked_above',
    'answered_above', 'visited', 'signed', 'session'));
