-- What stops and lengthens the clocks of tasks. Dates follow from it elsewhere and come back.

-- 行政许可法 45: the time needed is told in writing; without a notice there is no row.
CREATE TABLE task_pause (
    task_id bigint NOT NULL REFERENCES task (id),
    number integer NOT NULL CHECK (number > 0),
    kind text NOT NULL,
    from_on date NOT NULL,
    until_on date NOT NULL,
    cap_value integer,
    cap_unit text CHECK (cap_unit IN ('working_day', 'calendar_day')),
    notice text NOT NULL CHECK (notice ~ '^\S+$'),
    article text NOT NULL,
    reason text NOT NULL CHECK (reason ~ '\S'),
    actor_ref text NOT NULL,
    actor_role text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (task_id, number),
    CONSTRAINT task_pause_lasts CHECK (until_on >= from_on),
    CONSTRAINT task_pause_cap CHECK ((cap_value IS NULL) = (cap_unit IS NULL))
);
CREATE TRIGGER task_pause_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON task_pause
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE task_pause IS 'INSERT-only: every pause of a task, with its written notice';

CREATE TABLE pause_end (
    task_id bigint NOT NULL,
    number integer NOT NULL,
    ended_on date NOT NULL,
    actor_ref text NOT NULL,
    actor_role text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (task_id, number),
    FOREIGN KEY (task_id, number) REFERENCES task_pause (task_id, number)
);
CREATE TRIGGER pause_end_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pause_end
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE pause_end IS 'INSERT-only: pauses that ended before the day of their notice';

-- 行政许可法 42: the approver is the one that the catalogue names for the item.
CREATE TABLE task_extension (
    task_id bigint NOT NULL REFERENCES task (id),
    number integer NOT NULL CHECK (number > 0),
    days integer NOT NULL CHECK (days > 0),
    unit text NOT NULL CHECK (unit IN ('working_day', 'calendar_day')),
    approver text NOT NULL,
    approval text NOT NULL CHECK (approval ~ '^\S+$'),
    article text NOT NULL,
    reason text NOT NULL CHECK (reason ~ '\S'),
    actor_ref text NOT NULL,
    actor_role text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (task_id, number)
);
CREATE TRIGGER task_extension_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON task_extension
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE task_extension IS 'INSERT-only: every extension of a statutory limit';

ALTER TABLE task ADD COLUMN paused_until date;
COMMENT ON COLUMN task.paused_until IS 'last day of the pause that nobody has ended; it may be over';

ALTER TABLE act DROP CONSTRAINT act_kind_check;
ALTER TABLE act ADD CONSTRAINT act_kind_check CHECK (kind IN ('claimed', 'released', 'noted',
    'decision', 'opinion', 'lapse', 'cancelled', 'reassigned', 'special', 'asked_above',
    'answered_above', 'visited', 'signed', 'session', 'paused', 'pause_ended', 'extended',
    'redated'));
