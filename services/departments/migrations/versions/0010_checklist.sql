-- The officers' own checklist: a working paper, kept with its task. `version` is the task's version
-- from this mark on, so that a colleague can be told what has changed since he looked.
CREATE TABLE checklist (
    task_id bigint NOT NULL REFERENCES task (id),
    subject text NOT NULL COLLATE "C" CHECK (subject ~ '^condition/'),
    met boolean,
    remark text NOT NULL,
    marked_by text NOT NULL,
    marked_role text NOT NULL,
    marked_at timestamptz NOT NULL,
    version integer NOT NULL,
    PRIMARY KEY (task_id, subject)
);
COMMENT ON TABLE checklist IS 'What officers found of the conditions of a task''s item';
COMMENT ON COLUMN checklist.met IS 'null: not looked at yet';
