-- What a session and a written authorisation ask for anew.

-- On whose written authorisation a clock was stopped or let run on. Null: by the role alone.
ALTER TABLE task_pause ADD COLUMN authorisation_id bigint REFERENCES authorisation (id);
ALTER TABLE pause_end ADD COLUMN authorisation_id bigint REFERENCES authorisation (id);

-- What was done before any of this was asked for stays `false`.
ALTER TABLE task_pause ADD COLUMN asked boolean NOT NULL DEFAULT false;
ALTER TABLE pause_end ADD COLUMN asked boolean NOT NULL DEFAULT false;
ALTER TABLE task_extension ADD COLUMN asked boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN task_pause.asked IS 'whether it needed what the rule on authorisations says';
COMMENT ON COLUMN pause_end.asked IS 'whether it needed what the rule on authorisations says';
COMMENT ON COLUMN task_extension.asked IS 'whether it needed what the rule on authorisations says';

-- 行政许可法 42: a longer limit is proposed by who has the task and approved by another: the head of
-- the department, who names the document of whoever else has to approve it. `budget`: working days.
CREATE TABLE extension_proposal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL REFERENCES task (id),
    department text NOT NULL,
    days integer NOT NULL CHECK (days > 0),
    unit text NOT NULL CHECK (unit IN ('working_day', 'calendar_day')),
    approver text NOT NULL,
    reason text NOT NULL CHECK (reason ~ '\S'),
    authorisation_id bigint REFERENCES authorisation (id),
    asked_by text NOT NULL,
    asked_role text NOT NULL,
    asked_at timestamptz NOT NULL,
    budget integer NOT NULL CHECK (budget > 0),
    due_at timestamptz NOT NULL,
    answered_at timestamptz,
    answered_by text,
    answer text CHECK (answer IN ('approved', 'refused')),
    document text CHECK (document ~ '^\S+$'),
    CONSTRAINT extension_proposal_answered CHECK ((answered_at IS NULL) = (answered_by IS NULL)
        AND (answered_at IS NULL) = (answer IS NULL) AND (answered_at IS NULL) = (document IS NULL)),
    CONSTRAINT extension_proposal_is_answered_by_another CHECK (answered_by <> asked_by)
);
CREATE UNIQUE INDEX extension_proposal_one_at_a_time ON extension_proposal (task_id)
    WHERE answered_at IS NULL;
CREATE INDEX extension_proposal_of_task ON extension_proposal (task_id, id);
CREATE INDEX extension_proposal_of_department ON extension_proposal (department, due_at, id);
CREATE TRIGGER extension_proposal_closed_once BEFORE UPDATE OR DELETE ON extension_proposal
    FOR EACH ROW
    EXECUTE FUNCTION refuse_all_but_closing('answered_at', 'answered_by', 'answer', 'document');
COMMENT ON TABLE extension_proposal IS 'Longer limits proposed, and what the approver answered';

ALTER TABLE task_extension ADD COLUMN proposal_id bigint UNIQUE REFERENCES extension_proposal (id);

-- Who came is said by each department of its own officers, not by the one that convened.
ALTER TABLE session_member
    ADD COLUMN attested_by text,
    ADD COLUMN attested_role text,
    ADD COLUMN attested_at timestamptz,
    ADD CONSTRAINT session_member_attested CHECK ((attested_at IS NULL) = (attested_by IS NULL)
        AND (attested_at IS NULL) = (attested_role IS NULL)
        AND (attested_at IS NOT NULL OR present IS NOT TRUE)) NOT VALID;

ALTER TABLE act DROP CONSTRAINT act_kind_check;
ALTER TABLE act ADD CONSTRAINT act_kind_check CHECK (kind IN ('claimed', 'released', 'noted',
    'decision', 'opinion', 'lapse', 'cancelled', 'reassigned', 'special', 'asked_above',
    'answered_above', 'visited', 'signed', 'session', 'paused', 'pause_ended', 'extended',
    'redated', 'asked_extension', 'answered_extension'));
