-- The time for an examination is moved by a new calendar: before, after and why.

CREATE TABLE examination_move (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    examination_id bigint NOT NULL REFERENCES examination (id),
    before timestamptz NOT NULL,
    after timestamptz NOT NULL,
    why text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT examination_was_moved CHECK (before <> after)
);
CREATE INDEX examination_move_by_examination ON examination_move (examination_id, id);
CREATE TRIGGER examination_move_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON examination_move
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE examination_move IS 'INSERT-only: every move of the time for an examination';
