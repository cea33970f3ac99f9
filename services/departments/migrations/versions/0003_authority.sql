-- Who may act for a department, and on what ground. Instants in these tables are business time;
-- people are keyed hashes.

-- Since when a decision needs a written authorisation, or only the role in the token. No row: the
-- role is enough.
CREATE TABLE authority_rule (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule text NOT NULL CHECK (rule IN ('role', 'required')),
    since timestamptz NOT NULL
);
CREATE TRIGGER authority_rule_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON authority_rule
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE authority_rule IS 'INSERT-only: what a decision has needed, and since when';

-- Refuses every change of a row but one: that the columns named are filled in, all of them, once.
CREATE FUNCTION refuse_all_but_closing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    closing text[] := TG_ARGV;
    before jsonb := to_jsonb(OLD);
    after jsonb;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        after := to_jsonb(NEW);
        IF before - closing = after - closing AND before ->> TG_ARGV[0] IS NULL THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a row of % is closed once, and not changed', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- 授权书. `items` null: every item of the department. The days of the term are both included.
CREATE TABLE authorisation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    department text NOT NULL,
    representative_ref text NOT NULL,
    substitute_ref text,
    items text[],
    powers text[] NOT NULL,
    valid_from date NOT NULL,
    valid_until date NOT NULL,
    document text NOT NULL,
    granted_by text NOT NULL,
    granted_role text NOT NULL,
    granted_at timestamptz NOT NULL,
    revoked_by text,
    revoked_at timestamptz,
    revocation text,
    CONSTRAINT authorisation_gives_something CHECK (cardinality(powers) > 0
        AND powers <@ ARRAY['decide', 'pre_review', 'special'] AND cardinality(items) > 0),
    CONSTRAINT authorisation_term CHECK (valid_from <= valid_until),
    CONSTRAINT authorisation_is_given_by_another CHECK (granted_by <> representative_ref
        AND granted_by IS DISTINCT FROM substitute_ref),
    CONSTRAINT authorisation_substitute_is_another
        CHECK (representative_ref IS DISTINCT FROM substitute_ref),
    CONSTRAINT authorisation_revoked CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)
        AND (revoked_at IS NULL) = (revocation IS NULL))
);
CREATE INDEX authorisation_of_representative ON authorisation (representative_ref, department);
CREATE INDEX authorisation_of_substitute ON authorisation (substitute_ref, department)
    WHERE substitute_ref IS NOT NULL;
CREATE INDEX authorisation_of_department ON authorisation (department, id);
CREATE TRIGGER authorisation_closed_once BEFORE UPDATE OR DELETE ON authorisation FOR EACH ROW
    EXECUTE FUNCTION refuse_all_but_closing('revoked_at', 'revoked_by', 'revocation');
COMMENT ON TABLE authorisation IS 'Written authorisations (授权书): given, and revoked at most once';

-- From `since` until `until` (null: until further notice) or until it was ended.
CREATE TABLE absence (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    department text NOT NULL,
    person_ref text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text,
    CONSTRAINT absence_lasts CHECK (since < until),
    CONSTRAINT absence_is_not_backdated CHECK (since >= recorded_at),
    CONSTRAINT absence_ended CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX absence_of_person ON absence (person_ref, since);
CREATE INDEX absence_of_department ON absence (department, id);
CREATE TRIGGER absence_closed_once BEFORE UPDATE OR DELETE ON absence FOR EACH ROW
    EXECUTE FUNCTION refuse_all_but_closing('ended_at', 'ended_by');
COMMENT ON TABLE absence IS 'Who was absent when: a substitute stands in, claims hold nobody up';

-- 报批: a task that needs more than its representative has goes up, once, with a clock of its own.
-- `budget` is in working days; `due_on` is never later than the task's promise.
CREATE TABLE approval_above (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL UNIQUE REFERENCES task (id),
    department text NOT NULL,
    level text NOT NULL CHECK (level IN ('department_head', 'government_head', 'higher_level')),
    proposal text NOT NULL CHECK (proposal IN ('granted', 'refused')),
    opinion text NOT NULL CHECK (opinion ~ '\S'),
    authorisation_id bigint REFERENCES authorisation (id),
    asked_by text NOT NULL,
    asked_role text NOT NULL,
    asked_at timestamptz NOT NULL,
    budget integer NOT NULL CHECK (budget > 0),
    due_on date NOT NULL,
    due_at timestamptz NOT NULL,
    answered_at timestamptz,
    answered_by text,
    answer text CHECK (answer IN ('granted', 'refused')),
    document text CHECK (document ~ '\S'),
    CONSTRAINT approval_above_answered CHECK ((answered_at IS NULL) = (answered_by IS NULL)
        AND (answered_at IS NULL) = (answer IS NULL) AND (answered_at IS NULL) = (document IS NULL)),
    CONSTRAINT approval_above_is_by_another CHECK (answered_by <> asked_by)
);
CREATE INDEX approval_above_of_department ON approval_above (department, id);
CREATE INDEX approval_above_open ON approval_above (department, due_at, id)
    WHERE answered_at IS NULL;
CREATE TRIGGER approval_above_closed_once BEFORE UPDATE OR DELETE ON approval_above FOR EACH ROW
    EXECUTE FUNCTION refuse_all_but_closing('answered_at', 'answered_by', 'answer', 'document');
COMMENT ON TABLE approval_above IS 'What went up (报批), and what came back: asked and answered once';

-- 行政许可法 34: facts are verified by at least two. The record counts when two have signed it.
CREATE TABLE site_visit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL REFERENCES task (id),
    department text NOT NULL,
    visited_on date NOT NULL,
    officers text[] NOT NULL CHECK (cardinality(officers) >= 2),
    findings text NOT NULL CHECK (findings ~ '\S'),
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT site_visit_recorder_was_there CHECK (recorded_by = ANY (officers))
);
CREATE INDEX site_visit_of_task ON site_visit (task_id, id);
CREATE TRIGGER site_visit_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON site_visit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE site_visit IS 'INSERT-only: records of what officers saw on the spot';

CREATE TABLE site_visit_signature (
    visit_id bigint NOT NULL REFERENCES site_visit (id),
    officer_ref text NOT NULL,
    role text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (visit_id, officer_ref)
);
CREATE TRIGGER site_visit_signature_insert_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON site_visit_signature
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE site_visit_signature IS 'INSERT-only: each officer signs with a token of his own';

-- The last of each, on the row that everybody locks: whoever has locked a task knows of them.
ALTER TABLE task
    ADD COLUMN above_id bigint REFERENCES approval_above (id),
    ADD COLUMN visit_id bigint REFERENCES site_visit (id),
    ADD COLUMN special_at timestamptz;

-- What a decision rests on, beside the authority that its item asks for.
ALTER TABLE outcome
    ADD COLUMN authorisation_id bigint REFERENCES authorisation (id),
    ADD COLUMN above_id bigint REFERENCES approval_above (id);
CREATE INDEX outcome_by_authorisation ON outcome (authorisation_id)
    WHERE authorisation_id IS NOT NULL;

ALTER TABLE act DROP CONSTRAINT act_kind_check;
ALTER TABLE act ADD CONSTRAINT act_kind_check CHECK (kind IN ('claimed', 'released', 'noted',
    'decision', 'opinion', 'lapse', 'cancelled', 'reassigned', 'special', 'asked_above',
    'answered_above', 'visited', 'signed'));
