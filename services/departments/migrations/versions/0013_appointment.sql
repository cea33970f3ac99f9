-- The applicant's word about a session's time. Instants are business time.

-- Until when he may answer, and the other times that he may choose from. The last offer counts.
CREATE TABLE session_offer (
    session_id bigint NOT NULL REFERENCES session (id),
    number integer NOT NULL CHECK (number > 0),
    until timestamptz NOT NULL,
    slots jsonb NOT NULL CHECK (jsonb_typeof(slots) = 'array'),
    made_at timestamptz NOT NULL,
    PRIMARY KEY (session_id, number),
    CONSTRAINT session_offer_can_be_answered CHECK (made_at < until)
);
COMMENT ON TABLE session_offer IS 'INSERT-only: what the applicant may answer about a session';
COMMENT ON COLUMN session_offer.slots IS 'a list of {starts_at, ends_at}';
CREATE TRIGGER session_offer_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON session_offer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- `starts_at`, `ends_at`: the time asked for; null: the time was confirmed.
CREATE TABLE session_answer (
    session_id bigint NOT NULL,
    offer integer NOT NULL,
    starts_at timestamptz,
    ends_at timestamptz,
    actor_ref text NOT NULL,
    answered_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('confirmed', 'moved', 'gone', 'void')),
    settled_at timestamptz NOT NULL,
    PRIMARY KEY (session_id, offer),
    FOREIGN KEY (session_id, offer) REFERENCES session_offer (session_id, number),
    CONSTRAINT session_answer_lasts CHECK ((starts_at IS NULL) = (ends_at IS NULL)
        AND (starts_at IS NULL OR starts_at < ends_at)),
    CONSTRAINT session_answer_asks CHECK (
        CASE outcome WHEN 'confirmed' THEN starts_at IS NULL
            WHEN 'void' THEN true ELSE starts_at IS NOT NULL END)
);
COMMENT ON TABLE session_answer IS 'INSERT-only: what the applicant said to an offer, and what became of it';
CREATE TRIGGER session_answer_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON session_answer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Who is to take up what somebody absent has in hand. It gives him no authority: only a written
-- authorisation does.
ALTER TABLE absence ADD COLUMN substitute_ref text
    CONSTRAINT absence_by_another CHECK (substitute_ref <> person_ref);
