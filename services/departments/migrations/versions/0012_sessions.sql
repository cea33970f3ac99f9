-- Photos of what was seen in a joint session, taken before its record is written.
CREATE TABLE session_photo (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id bigint NOT NULL REFERENCES session (id),
    department text NOT NULL,
    media_type text NOT NULL CHECK (media_type IN ('image/jpeg', 'image/png')),
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    content bytea NOT NULL,
    added_by text NOT NULL,
    added_at timestamptz NOT NULL,
    UNIQUE (session_id, sha256)
);
COMMENT ON TABLE session_photo IS 'INSERT-only: photos of a joint session';
CREATE TRIGGER session_photo_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON session_photo
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The newest merged steps that a department leads: what it may have to convene.
CREATE INDEX dossier_led ON dossier (lead, task_id DESC) WHERE step_group IS NOT NULL;

-- Why an operator replayed or discarded it; the log of acts has the SHA-256 of it.
ALTER TABLE dead_letter ADD COLUMN reason text;
