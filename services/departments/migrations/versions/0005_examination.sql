-- Examinations by the departments before an application is accepted (行政许可法 32).

CREATE TABLE examination (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task text COLLATE "C" NOT NULL UNIQUE,
    application text COLLATE "C" NOT NULL,
    project_code text COLLATE "C" NOT NULL,
    department text NOT NULL,
    round integer NOT NULL CHECK (round > 0),
    items text[] NOT NULL,
    applicant_refs text[] NOT NULL,
    subjects text[] NOT NULL,
    scenario text NOT NULL,
    catalogue_version text NOT NULL,
    facts jsonb NOT NULL,
    materials jsonb NOT NULL,
    asked_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    traceparent text,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'silent', 'closed')),
    ended_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT examination_name_is_unique_for_ever
        CHECK (task LIKE application || '/examination/' || department || '/%'),
    CONSTRAINT examination_ended CHECK ((state = 'open') = (ended_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX examination_by_due ON examination (department, state, until, id);
CREATE INDEX examination_by_application ON examination (application, department);
COMMENT ON TABLE examination IS 'One row per look of a department at the papers of an application';
COMMENT ON COLUMN examination.subjects IS
    'materials that may be named; from the second round on everything that may be named';

-- What was found: everything at once, or nothing. Answered or silent, by the state that excludes it.
CREATE TABLE examination_done (
    examination_id bigint PRIMARY KEY REFERENCES examination (id),
    findings jsonb NOT NULL,
    actor_ref text NOT NULL,
    actor_role text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT examination_findings_are_a_list CHECK (jsonb_typeof(findings) = 'array'),
    CONSTRAINT examination_findings_say_something
        CHECK (NOT (findings @? '$[*].text ? (!(@ like_regex "\\S"))'))
);
CREATE TRIGGER examination_done_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON examination_done
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE examination_done IS 'INSERT-only: what a department found missing, once for ever';
