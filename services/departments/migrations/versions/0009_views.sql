-- What the workbench keeps for those who use it. People are keyed hashes.

-- A filter of the queue that an officer has given a name. `query` is the filter as it stands in the
-- address of the page; `seen_at`, when the officer was last here: then it is kept for a year.
CREATE TABLE saved_view (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    officer_ref text NOT NULL,
    department text NOT NULL,
    name text NOT NULL CHECK (name ~ '\S' AND length(name) <= 40),
    query text NOT NULL CHECK (length(query) <= 500),
    saved_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT saved_view_has_its_own_name UNIQUE (officer_ref, department, name)
);
COMMENT ON TABLE saved_view IS 'Filters of the queue that officers have given a name, each his own';

-- What colleagues call each other, as the OpenID provider said at their last login here. It is shown
-- inside the department and stands nowhere else; a year after somebody was last here (`named_at`) it
-- is deleted.
CREATE TABLE colleague (
    ref text PRIMARY KEY,
    department text NOT NULL,
    name text NOT NULL CHECK (name ~ '\S' AND length(name) <= 100),
    named_at timestamptz NOT NULL
);
CREATE INDEX colleague_of_department ON colleague (department, name);
COMMENT ON TABLE colleague IS 'Names of those who have logged in at the workbench, by department';

-- What goes before the others (特办) is few among many.
CREATE INDEX task_special ON task (department, promised_at, id)
    WHERE state = 'open' AND special_at IS NOT NULL;
CREATE INDEX examination_by_project ON examination (project_code, department);
