-- The queues of the departments that work here. Instants in these tables are business time.

-- One task: an item to decide on, or to give an opinion on. The row is narrow because it is listed
-- and updated; what never changes and is read one at a time stands in `dossier`.
-- `task` is the name the whole house uses; `id` is the one that fits into an address.
-- Numbers and codes are compared byte by byte, so that a prefix is a range of an index.
CREATE TABLE task (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task text COLLATE "C" NOT NULL UNIQUE,
    application text COLLATE "C" NOT NULL,
    project_code text COLLATE "C" NOT NULL,
    step text NOT NULL,
    item text NOT NULL,
    department text NOT NULL,
    part text NOT NULL CHECK (part IN ('decide', 'consult')),
    round integer NOT NULL CHECK (round > 0),
    authority text NOT NULL,
    silence text NOT NULL CHECK (silence IN ('none', 'no_objection')),
    applicant_refs text[] NOT NULL,
    issued_at timestamptz NOT NULL,
    promised_on date NOT NULL,
    promised_at timestamptz NOT NULL,
    statutory_on date,
    statutory_at timestamptz,
    provisional boolean NOT NULL,
    traceparent text,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'decided', 'lapsed', 'cancelled')),
    ended_at timestamptz,
    claimed_by text,
    claimed_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT task_name_is_unique_for_ever
        CHECK (task = application || '/' || item || '/' || department || '/' || round),
    CONSTRAINT task_silence_is_of_the_consulted CHECK (silence = 'none' OR part = 'consult'),
    CONSTRAINT task_ended CHECK ((state = 'open') = (ended_at IS NULL)),
    CONSTRAINT task_claimed CHECK ((claimed_by IS NULL) = (claimed_at IS NULL))
) WITH (fillfactor = 80,
        autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
        autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 2000);
CREATE INDEX task_by_due ON task (department, state, promised_at, id);
CREATE INDEX task_by_issue ON task (department, state, issued_at, id);
CREATE INDEX task_by_item ON task (department, item, promised_at, id) WHERE state = 'open';
CREATE INDEX task_by_holder ON task (claimed_by, promised_at, id)
    WHERE state = 'open' AND claimed_by IS NOT NULL;
CREATE INDEX task_by_application ON task (application, department);
CREATE INDEX task_by_project ON task (project_code, department);
CREATE INDEX task_silent ON task (promised_at, id) WHERE state = 'open' AND silence = 'no_objection';
COMMENT ON TABLE task IS 'One row per task of a department that works in our queues';

CREATE TABLE dossier (
    task_id bigint PRIMARY KEY REFERENCES task (id),
    scenario text NOT NULL,
    catalogue_version text NOT NULL,
    facts jsonb NOT NULL,
    materials jsonb NOT NULL,
    participants text[] NOT NULL
);
COMMENT ON TABLE dossier IS 'INSERT-only: what a task is about';

-- How a task ended: decided XOR lapsed, by the primary key. The instant of the commit counts.
-- `basis` is what the act rests on: the authority the item asks for, `consulted`, or `silence`.
CREATE TABLE outcome (
    task_id bigint PRIMARY KEY REFERENCES task (id),
    kind text NOT NULL CHECK (kind IN ('decision', 'opinion', 'lapse')),
    outcome text NOT NULL,
    result_number text COLLATE "C" UNIQUE,
    conditions jsonb NOT NULL,
    reasons jsonb NOT NULL,
    remedies jsonb NOT NULL,
    decided_above text,
    actor_ref text,
    actor_role text,
    department text NOT NULL,
    basis text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT outcome_of_kind CHECK (outcome IN ('granted', 'refused', 'no_objection', 'objection',
            'deemed_no_objection') AND kind = CASE outcome
        WHEN 'granted' THEN 'decision' WHEN 'refused' THEN 'decision'
        WHEN 'deemed_no_objection' THEN 'lapse' ELSE 'opinion' END),
    CONSTRAINT outcome_texts_are_lists CHECK (jsonb_typeof(conditions) = 'array'
        AND jsonb_typeof(reasons) = 'array' AND jsonb_typeof(remedies) = 'array'),
    -- 行政许可法 38: in writing, with the reasons, and with the remedies (review, suit).
    CONSTRAINT outcome_refusal_is_complete CHECK (outcome <> 'refused'
        OR (reasons @? '$[0]' AND remedies @? '$[0]')),
    CONSTRAINT outcome_objection_has_reasons CHECK (outcome <> 'objection' OR reasons @? '$[0]'),
    CONSTRAINT outcome_says_something CHECK (NOT (reasons @? '$[*] ? (!(@ like_regex "\\S"))')
        AND NOT (remedies @? '$[*] ? (!(@ like_regex "\\S"))')
        AND NOT (conditions @? '$[*] ? (!(@ like_regex "\\S"))')),
    CONSTRAINT outcome_grant_has_number
        CHECK ((outcome = 'granted') = (result_number IS NOT NULL)),
    CONSTRAINT outcome_has_actor CHECK ((kind = 'lapse') = (actor_ref IS NULL)
        AND (actor_ref IS NULL) = (actor_role IS NULL))
);
CREATE TRIGGER outcome_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON outcome
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE outcome IS 'INSERT-only: the decision, opinion or lapse of a task, one for ever';

-- What was done about a task, in order. `note` is the text of a note, or why it was cancelled.
CREATE TABLE act (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL REFERENCES task (id),
    kind text NOT NULL CHECK (kind IN ('claimed', 'released', 'noted', 'decision', 'opinion',
        'lapse', 'cancelled')),
    actor_ref text,
    actor_role text,
    note text,
    at timestamptz NOT NULL
);
CREATE INDEX act_of_task ON act (task_id, id);
CREATE TRIGGER act_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON act
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE act IS 'INSERT-only: the history of each task';
