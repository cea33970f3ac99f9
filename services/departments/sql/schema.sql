-- Written by `lianshen schema --write`; the migrations are what is executed.

CREATE FUNCTION public.refuse_all_but_closing() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is INSERT-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TABLE public.absence (
    id bigint NOT NULL,
    department text NOT NULL,
    person_ref text NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone,
    recorded_by text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    ended_by text,
    substitute_ref text,
    CONSTRAINT absence_by_another CHECK ((substitute_ref <> person_ref)),
    CONSTRAINT absence_ended CHECK (((ended_at IS NULL) = (ended_by IS NULL))),
    CONSTRAINT absence_is_not_backdated CHECK ((since >= recorded_at)),
    CONSTRAINT absence_lasts CHECK ((since < until))
);

COMMENT ON TABLE public.absence IS 'Who was absent when: a substitute stands in, claims hold nobody up';

ALTER TABLE public.absence ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.absence_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.act (
    id bigint NOT NULL,
    task_id bigint NOT NULL,
    kind text NOT NULL,
    actor_ref text,
    actor_role text,
    note text,
    at timestamp with time zone NOT NULL,
    CONSTRAINT act_kind_check CHECK ((kind = ANY (ARRAY['claimed'::text, 'released'::text, 'noted'::text, 'decision'::text, 'opinion'::text, 'lapse'::text, 'cancelled'::text, 'reassigned'::text, 'special'::text, 'asked_above'::text, 'answered_above'::text, 'visited'::text, 'signed'::text, 'session'::text, 'paused'::text, 'pause_ended'::text, 'extended'::text, 'redated'::text, 'asked_extension'::text, 'answered_extension'::text])))
);

COMMENT ON TABLE public.act IS 'INSERT-only: the history of each task';

ALTER TABLE public.act ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.act_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.approval_above (
    id bigint NOT NULL,
    task_id bigint NOT NULL,
    department text NOT NULL,
    level text NOT NULL,
    proposal text NOT NULL,
    opinion text NOT NULL,
    authorisation_id bigint,
    asked_by text NOT NULL,
    asked_role text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    budget integer NOT NULL,
    due_on date NOT NULL,
    due_at timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    answered_by text,
    answer text,
    document text,
    CONSTRAINT approval_above_answer_check CHECK ((answer = ANY (ARRAY['granted'::text, 'refused'::text]))),
    CONSTRAINT approval_above_answered CHECK ((((answered_at IS NULL) = (answered_by IS NULL)) AND ((answered_at IS NULL) = (answer IS NULL)) AND ((answered_at IS NULL) = (document IS NULL)))),
    CONSTRAINT approval_above_budget_check CHECK ((budget > 0)),
    CONSTRAINT approval_above_document_check CHECK ((document ~ '\S'::text)),
    CONSTRAINT approval_above_is_by_another CHECK ((answered_by <> asked_by)),
    CONSTRAINT approval_above_level_check CHECK ((level = ANY (ARRAY['department_head'::text, 'government_head'::text, 'higher_level'::text]))),
    CONSTRAINT approval_above_opinion_check CHECK ((opinion ~ '\S'::text)),
    CONSTRAINT approval_above_proposal_check CHECK ((proposal = ANY (ARRAY['granted'::text, 'refused'::text])))
);

COMMENT ON TABLE public.approval_above IS 'What went up (报批), and what came back: asked and answered once';

ALTER TABLE public.approval_above ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.approval_above_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit_checkpoint (
    tree_size bigint NOT NULL,
    note text NOT NULL,
    peaks bytea NOT NULL
);

COMMENT ON TABLE public.audit_checkpoint IS 'INSERT-only: signed tree heads';

CREATE TABLE public.audit_leaf (
    id bigint NOT NULL,
    xid bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    application text,
    act text NOT NULL,
    body text NOT NULL
);
ALTER TABLE ONLY public.audit_leaf ALTER COLUMN body SET COMPRESSION lz4;

COMMENT ON TABLE public.audit_leaf IS 'INSERT-only: one canonical record per act';

ALTER TABLE public.audit_leaf ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_leaf_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit_node (
    level smallint NOT NULL,
    index bigint NOT NULL,
    hash bytea NOT NULL
);

COMMENT ON TABLE public.audit_node IS 'INSERT-only: inner nodes of the Merkle tree';

CREATE TABLE public.audit_order (
    "position" bigint NOT NULL,
    leaf_id bigint NOT NULL,
    hash bytea NOT NULL
);

COMMENT ON TABLE public.audit_order IS 'INSERT-only: position of a leaf in the Merkle tree (RFC 6962)';

CREATE TABLE public.authorisation (
    id bigint NOT NULL,
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
    granted_at timestamp with time zone NOT NULL,
    revoked_by text,
    revoked_at timestamp with time zone,
    revocation text,
    CONSTRAINT authorisation_gives_something CHECK (((cardinality(powers) > 0) AND (powers <@ ARRAY['decide'::text, 'pre_review'::text, 'special'::text]) AND (cardinality(items) > 0))),
    CONSTRAINT authorisation_is_given_by_another CHECK (((granted_by <> representative_ref) AND (granted_by IS DISTINCT FROM substitute_ref))),
    CONSTRAINT authorisation_revoked CHECK ((((revoked_at IS NULL) = (revoked_by IS NULL)) AND ((revoked_at IS NULL) = (revocation IS NULL)))),
    CONSTRAINT authorisation_substitute_is_another CHECK ((representative_ref IS DISTINCT FROM substitute_ref)),
    CONSTRAINT authorisation_term CHECK ((valid_from <= valid_until))
);

COMMENT ON TABLE public.authorisation IS 'Written authorisations (授权书): given, and revoked at most once';

ALTER TABLE public.authorisation ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.authorisation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.authority_rule (
    id bigint NOT NULL,
    rule text NOT NULL,
    since timestamp with time zone NOT NULL,
    CONSTRAINT authority_rule_rule_check CHECK ((rule = ANY (ARRAY['role'::text, 'required'::text])))
);

COMMENT ON TABLE public.authority_rule IS 'INSERT-only: what a decision has needed, and since when';

ALTER TABLE public.authority_rule ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.authority_rule_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.checklist (
    task_id bigint NOT NULL,
    subject text NOT NULL COLLATE pg_catalog."C",
    met boolean,
    remark text NOT NULL,
    marked_by text NOT NULL,
    marked_role text NOT NULL,
    marked_at timestamp with time zone NOT NULL,
    version integer NOT NULL,
    CONSTRAINT checklist_subject_check CHECK ((subject ~ '^condition/'::text))
);

COMMENT ON TABLE public.checklist IS 'What officers found of the conditions of a task''s item';

COMMENT ON COLUMN public.checklist.met IS 'null: not looked at yet';

CREATE TABLE public.colleague (
    ref text NOT NULL,
    department text NOT NULL,
    name text NOT NULL,
    named_at timestamp with time zone NOT NULL,
    CONSTRAINT colleague_name_check CHECK (((name ~ '\S'::text) AND (length(name) <= 100)))
);

COMMENT ON TABLE public.colleague IS 'Names of those who have logged in at the workbench, by department';

CREATE TABLE public.dead_letter (
    id bigint NOT NULL,
    event_id uuid,
    topic text NOT NULL,
    partition integer,
    "offset" bigint,
    key bytea,
    raw bytea NOT NULL,
    digest bytea NOT NULL,
    source text,
    application text,
    seq bigint,
    type text,
    error_class text NOT NULL,
    error_message text NOT NULL,
    attempts integer DEFAULT 1 NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    resolved_at timestamp with time zone,
    resolved_by text,
    reason text,
    CONSTRAINT dead_letter_state_check CHECK ((state = ANY (ARRAY['open'::text, 'replayed'::text, 'discarded'::text])))
);

COMMENT ON TABLE public.dead_letter IS 'Messages that could not be applied; each holds its stream';

ALTER TABLE public.dead_letter ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.dead_letter_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.dossier (
    task_id bigint NOT NULL,
    scenario text NOT NULL,
    catalogue_version text NOT NULL,
    facts jsonb NOT NULL,
    materials jsonb NOT NULL,
    participants text[] NOT NULL,
    step_group text,
    lead text
);

COMMENT ON TABLE public.dossier IS 'INSERT-only: what a task is about';

CREATE TABLE public.engagement (
    id bigint NOT NULL,
    officer_ref text NOT NULL,
    kind text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    noted_by text NOT NULL,
    noted_at timestamp with time zone NOT NULL,
    withdrawn_at timestamp with time zone,
    CONSTRAINT engagement_kind_check CHECK ((kind = ANY (ARRAY['duty'::text, 'training'::text, 'leave'::text, 'other'::text]))),
    CONSTRAINT engagement_lasts CHECK ((starts_at < ends_at))
);

COMMENT ON TABLE public.engagement IS 'When officers of the roster are not free';

ALTER TABLE public.engagement ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.engagement_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.examination (
    id bigint NOT NULL,
    task text NOT NULL COLLATE pg_catalog."C",
    application text NOT NULL COLLATE pg_catalog."C",
    project_code text NOT NULL COLLATE pg_catalog."C",
    department text NOT NULL,
    round integer NOT NULL,
    items text[] NOT NULL,
    applicant_refs text[] NOT NULL,
    subjects text[] NOT NULL,
    scenario text NOT NULL,
    catalogue_version text NOT NULL,
    facts jsonb NOT NULL,
    materials jsonb NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    traceparent text,
    state text DEFAULT 'open'::text NOT NULL,
    ended_at timestamp with time zone,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT examination_ended CHECK (((state = 'open'::text) = (ended_at IS NULL))),
    CONSTRAINT examination_name_is_unique_for_ever CHECK ((task ~~ (((application || '/examination/'::text) || department) || '/%'::text))),
    CONSTRAINT examination_round_check CHECK ((round > 0)),
    CONSTRAINT examination_state_check CHECK ((state = ANY (ARRAY['open'::text, 'done'::text, 'silent'::text, 'closed'::text])))
)
WITH (fillfactor='80');

COMMENT ON TABLE public.examination IS 'One row per look of a department at the papers of an application';

COMMENT ON COLUMN public.examination.subjects IS 'materials that may be named; from the second round on everything that may be named';

CREATE TABLE public.examination_done (
    examination_id bigint NOT NULL,
    findings jsonb NOT NULL,
    actor_ref text NOT NULL,
    actor_role text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT examination_findings_are_a_list CHECK ((jsonb_typeof(findings) = 'array'::text)),
    CONSTRAINT examination_findings_say_something CHECK ((NOT (findings @? '$[*]."text"?(!(@ like_regex "\\S"))'::jsonpath)))
);

COMMENT ON TABLE public.examination_done IS 'INSERT-only: what a department found missing, once for ever';

ALTER TABLE public.examination ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.examination_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.examination_move (
    id bigint NOT NULL,
    examination_id bigint NOT NULL,
    before timestamp with time zone NOT NULL,
    after timestamp with time zone NOT NULL,
    why text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT examination_was_moved CHECK ((before <> after))
);

COMMENT ON TABLE public.examination_move IS 'INSERT-only: every move of the time for an examination';

ALTER TABLE public.examination_move ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.examination_move_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.extension_proposal (
    id bigint NOT NULL,
    task_id bigint NOT NULL,
    department text NOT NULL,
    days integer NOT NULL,
    unit text NOT NULL,
    approver text NOT NULL,
    reason text NOT NULL,
    authorisation_id bigint,
    asked_by text NOT NULL,
    asked_role text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    budget integer NOT NULL,
    due_at timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    answered_by text,
    answer text,
    document text,
    CONSTRAINT extension_proposal_answer_check CHECK ((answer = ANY (ARRAY['approved'::text, 'refused'::text]))),
    CONSTRAINT extension_proposal_answered CHECK ((((answered_at IS NULL) = (answered_by IS NULL)) AND ((answered_at IS NULL) = (answer IS NULL)) AND ((answered_at IS NULL) = (document IS NULL)))),
    CONSTRAINT extension_proposal_budget_check CHECK ((budget > 0)),
    CONSTRAINT extension_proposal_days_check CHECK ((days > 0)),
    CONSTRAINT extension_proposal_document_check CHECK ((document ~ '^\S+$'::text)),
    CONSTRAINT extension_proposal_is_answered_by_another CHECK ((answered_by <> asked_by)),
    CONSTRAINT extension_proposal_reason_check CHECK ((reason ~ '\S'::text)),
    CONSTRAINT extension_proposal_unit_check CHECK ((unit = ANY (ARRAY['working_day'::text, 'calendar_day'::text])))
);

COMMENT ON TABLE public.extension_proposal IS 'Longer limits proposed, and what the approver answered';

ALTER TABLE public.extension_proposal ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.extension_proposal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.heartbeat (
    loop text NOT NULL,
    instance text NOT NULL,
    at timestamp with time zone NOT NULL,
    progress_at timestamp with time zone NOT NULL,
    detail text
)
WITH (fillfactor='50');

COMMENT ON TABLE public.heartbeat IS 'Signs of life of every loop of every process';

CREATE TABLE public.idempotency (
    owner text NOT NULL,
    key text NOT NULL,
    request bytea NOT NULL,
    status smallint NOT NULL,
    headers text NOT NULL,
    body bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.idempotency IS 'Answers by Idempotency-Key, so that a repeated request acts once';

CREATE TABLE public.inbox (
    event_id uuid NOT NULL,
    arrival bigint NOT NULL,
    topic text NOT NULL,
    source text NOT NULL,
    application text NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL,
    payload bytea NOT NULL,
    traceparent text,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    state text NOT NULL,
    delivered_at timestamp with time zone,
    CONSTRAINT inbox_state_check CHECK ((state = ANY (ARRAY['applied'::text, 'parked'::text, 'dead'::text, 'discarded'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='20000', autovacuum_vacuum_insert_scale_factor='0', autovacuum_vacuum_insert_threshold='50000', autovacuum_analyze_scale_factor='0', autovacuum_analyze_threshold='20000');
ALTER TABLE ONLY public.inbox ALTER COLUMN payload SET COMPRESSION lz4;

COMMENT ON TABLE public.inbox IS 'Events of others, each once; the guard against applying one twice';

CREATE SEQUENCE public.inbox_arrival
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.inbox_arrival OWNED BY public.inbox.arrival;

CREATE TABLE public.outbox (
    id bigint NOT NULL,
    event_id uuid NOT NULL,
    topic text NOT NULL,
    application text NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL,
    payload bytea NOT NULL,
    traceparent text,
    awaiting text[] NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT outbox_seq_check CHECK ((seq > 0)),
    CONSTRAINT outbox_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'sent'::text, 'closed'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='20000', autovacuum_vacuum_insert_scale_factor='0', autovacuum_vacuum_insert_threshold='50000', autovacuum_analyze_scale_factor='0', autovacuum_analyze_threshold='20000');
ALTER TABLE ONLY public.outbox ALTER COLUMN payload SET COMPRESSION lz4;

COMMENT ON TABLE public.outbox IS 'Events of this service, written in the transaction of their cause';

ALTER TABLE public.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.outcome (
    task_id bigint NOT NULL,
    kind text NOT NULL,
    outcome text NOT NULL,
    result_number text COLLATE pg_catalog."C",
    conditions jsonb NOT NULL,
    reasons jsonb NOT NULL,
    remedies jsonb NOT NULL,
    decided_above text,
    actor_ref text,
    actor_role text,
    department text NOT NULL,
    basis text NOT NULL,
    at timestamp with time zone NOT NULL,
    authorisation_id bigint,
    above_id bigint,
    CONSTRAINT outcome_grant_has_number CHECK (((outcome = ANY (ARRAY['granted'::text, 'deemed_renewed'::text])) = (result_number IS NOT NULL))),
    CONSTRAINT outcome_has_actor CHECK ((((kind = 'lapse'::text) = (actor_ref IS NULL)) AND ((actor_ref IS NULL) = (actor_role IS NULL)))),
    CONSTRAINT outcome_kind_check CHECK ((kind = ANY (ARRAY['decision'::text, 'opinion'::text, 'lapse'::text]))),
    CONSTRAINT outcome_objection_has_reasons CHECK (((outcome <> 'objection'::text) OR (reasons @? '$[0]'::jsonpath))),
    CONSTRAINT outcome_of_kind CHECK (((outcome = ANY (ARRAY['granted'::text, 'refused'::text, 'deemed_renewed'::text, 'no_objection'::text, 'objection'::text, 'deemed_no_objection'::text])) AND (kind =
CASE outcome
    WHEN 'granted'::text THEN 'decision'::text
    WHEN 'refused'::text THEN 'decision'::text
    WHEN 'deemed_renewed'::text THEN 'lapse'::text
    WHEN 'deemed_no_objection'::text THEN 'lapse'::text
    ELSE 'opinion'::text
END))),
    CONSTRAINT outcome_refusal_is_complete CHECK (((outcome <> 'refused'::text) OR ((reasons @? '$[0]'::jsonpath) AND (remedies @? '$[0]'::jsonpath)))),
    CONSTRAINT outcome_says_something CHECK (((NOT (reasons @? '$[*]?(!(@ like_regex "\\S"))'::jsonpath)) AND (NOT (remedies @? '$[*]?(!(@ like_regex "\\S"))'::jsonpath)) AND (NOT (conditions @? '$[*]?(!(@ like_regex "\\S"))'::jsonpath)))),
    CONSTRAINT outcome_texts_are_lists CHECK (((jsonb_typeof(conditions) = 'array'::text) AND (jsonb_typeof(reasons) = 'array'::text) AND (jsonb_typeof(remedies) = 'array'::text)))
);

COMMENT ON TABLE public.outcome IS 'INSERT-only: the decision, opinion or lapse of a task, one for ever';

CREATE TABLE public.pause_end (
    task_id bigint NOT NULL,
    number integer NOT NULL,
    ended_on date NOT NULL,
    actor_ref text NOT NULL,
    actor_role text NOT NULL,
    at timestamp with time zone NOT NULL,
    authorisation_id bigint,
    asked boolean DEFAULT false NOT NULL
);

COMMENT ON TABLE public.pause_end IS 'INSERT-only: pauses that ended before the day of their notice';

COMMENT ON COLUMN public.pause_end.asked IS 'whether it needed what the rule on authorisations says';

CREATE TABLE public.roster (
    officer_ref text NOT NULL,
    department text NOT NULL,
    listed_at timestamp with time zone NOT NULL,
    listed_by text NOT NULL,
    left_at timestamp with time zone
);

COMMENT ON TABLE public.roster IS 'Officers who can be sent to joint sessions';

CREATE TABLE public.saved_view (
    id bigint NOT NULL,
    officer_ref text NOT NULL,
    department text NOT NULL,
    name text NOT NULL,
    query text NOT NULL,
    saved_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    CONSTRAINT saved_view_name_check CHECK (((name ~ '\S'::text) AND (length(name) <= 40))),
    CONSTRAINT saved_view_query_check CHECK ((length(query) <= 500))
);

COMMENT ON TABLE public.saved_view IS 'Filters of the queue that officers have given a name, each his own';

ALTER TABLE public.saved_view ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.saved_view_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.session (
    id bigint NOT NULL,
    application text NOT NULL COLLATE pg_catalog."C",
    step text NOT NULL,
    step_group text NOT NULL,
    procedure text NOT NULL,
    lead text NOT NULL,
    place text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    travel interval NOT NULL,
    state text DEFAULT 'convened'::text NOT NULL,
    convened_by text NOT NULL,
    convened_role text NOT NULL,
    convened_at timestamp with time zone NOT NULL,
    held_at timestamp with time zone,
    cancelled_at timestamp with time zone,
    cancelled_by text,
    cancellation text,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT session_cancelled CHECK ((((state = 'cancelled'::text) = (cancelled_at IS NOT NULL)) AND ((cancelled_at IS NULL) = (cancelled_by IS NULL)) AND ((cancelled_at IS NULL) = (cancellation IS NULL)))),
    CONSTRAINT session_held CHECK ((((state = ANY (ARRAY['held'::text, 'recorded'::text])) = (held_at IS NOT NULL)) AND (held_at >= starts_at))),
    CONSTRAINT session_is_not_backdated CHECK ((convened_at <= starts_at)),
    CONSTRAINT session_lasts CHECK ((starts_at < ends_at)),
    CONSTRAINT session_place_check CHECK ((place ~ '\S'::text)),
    CONSTRAINT session_state_check CHECK ((state = ANY (ARRAY['convened'::text, 'held'::text, 'recorded'::text, 'cancelled'::text]))),
    CONSTRAINT session_travel_check CHECK ((travel >= '00:00:00'::interval))
);

COMMENT ON TABLE public.session IS 'Joint sessions: convened, held, recorded - or cancelled';

CREATE TABLE public.session_answer (
    session_id bigint NOT NULL,
    offer integer NOT NULL,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    actor_ref text NOT NULL,
    answered_at timestamp with time zone NOT NULL,
    outcome text NOT NULL,
    settled_at timestamp with time zone NOT NULL,
    CONSTRAINT session_answer_asks CHECK (
CASE outcome
    WHEN 'confirmed'::text THEN (starts_at IS NULL)
    WHEN 'void'::text THEN true
    ELSE (starts_at IS NOT NULL)
END),
    CONSTRAINT session_answer_lasts CHECK ((((starts_at IS NULL) = (ends_at IS NULL)) AND ((starts_at IS NULL) OR (starts_at < ends_at)))),
    CONSTRAINT session_answer_outcome_check CHECK ((outcome = ANY (ARRAY['confirmed'::text, 'moved'::text, 'gone'::text, 'void'::text])))
);

COMMENT ON TABLE public.session_answer IS 'INSERT-only: what the applicant said to an offer, and what became of it';

ALTER TABLE public.session ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.session_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.session_member (
    session_id bigint NOT NULL,
    department text NOT NULL,
    needed integer NOT NULL,
    until timestamp with time zone,
    present boolean,
    attested_by text,
    attested_role text,
    attested_at timestamp with time zone,
    CONSTRAINT session_member_needed_check CHECK ((needed > 0))
);

COMMENT ON TABLE public.session_member IS 'Departments that meet, and whether they came';

CREATE TABLE public.session_offer (
    session_id bigint NOT NULL,
    number integer NOT NULL,
    until timestamp with time zone NOT NULL,
    slots jsonb NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT session_offer_can_be_answered CHECK ((made_at < until)),
    CONSTRAINT session_offer_number_check CHECK ((number > 0)),
    CONSTRAINT session_offer_slots_check CHECK ((jsonb_typeof(slots) = 'array'::text))
);

COMMENT ON TABLE public.session_offer IS 'INSERT-only: what the applicant may answer about a session';

COMMENT ON COLUMN public.session_offer.slots IS 'a list of {starts_at, ends_at}';

CREATE TABLE public.session_photo (
    id bigint NOT NULL,
    session_id bigint NOT NULL,
    department text NOT NULL,
    media_type text NOT NULL,
    sha256 text NOT NULL,
    content bytea NOT NULL,
    added_by text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    CONSTRAINT session_photo_media_type_check CHECK ((media_type = ANY (ARRAY['image/jpeg'::text, 'image/png'::text]))),
    CONSTRAINT session_photo_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);

COMMENT ON TABLE public.session_photo IS 'INSERT-only: photos of a joint session';

ALTER TABLE public.session_photo ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.session_photo_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.session_record (
    session_id bigint NOT NULL,
    minutes text NOT NULL,
    findings jsonb NOT NULL,
    sha256 text NOT NULL,
    recorded_by text NOT NULL,
    recorded_role text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT session_record_findings_check CHECK ((jsonb_typeof(findings) = 'object'::text)),
    CONSTRAINT session_record_minutes_check CHECK ((minutes ~ '\S'::text)),
    CONSTRAINT session_record_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);

COMMENT ON TABLE public.session_record IS 'INSERT-only: the shared record of a session';

CREATE TABLE public.session_seat (
    session_id bigint NOT NULL,
    officer_ref text NOT NULL,
    department text NOT NULL,
    instead_of text,
    named_by text NOT NULL,
    named_at timestamp with time zone NOT NULL,
    released_at timestamp with time zone,
    present boolean,
    CONSTRAINT session_seat_substitute_is_another CHECK ((instead_of <> officer_ref))
);

COMMENT ON TABLE public.session_seat IS 'Officers sent to a session, substitutes among them';

CREATE TABLE public.session_signature (
    session_id bigint NOT NULL,
    department text NOT NULL,
    sha256 text NOT NULL,
    tasks bigint[] NOT NULL,
    actor_ref text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT session_signature_tasks_check CHECK ((cardinality(tasks) > 0))
);

COMMENT ON TABLE public.session_signature IS 'INSERT-only: who signed the record, and the tasks it ended';

CREATE TABLE public.session_task (
    session_id bigint NOT NULL,
    task_id bigint NOT NULL
);

COMMENT ON TABLE public.session_task IS 'INSERT-only: the tasks a session was convened for';

CREATE TABLE public.site_visit (
    id bigint NOT NULL,
    task_id bigint NOT NULL,
    department text NOT NULL,
    visited_on date NOT NULL,
    officers text[] NOT NULL,
    findings text NOT NULL,
    recorded_by text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT site_visit_findings_check CHECK ((findings ~ '\S'::text)),
    CONSTRAINT site_visit_officers_check CHECK ((cardinality(officers) >= 2)),
    CONSTRAINT site_visit_recorder_was_there CHECK ((recorded_by = ANY (officers)))
);

COMMENT ON TABLE public.site_visit IS 'INSERT-only: records of what officers saw on the spot';

ALTER TABLE public.site_visit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.site_visit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.site_visit_signature (
    visit_id bigint NOT NULL,
    officer_ref text NOT NULL,
    role text NOT NULL,
    at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.site_visit_signature IS 'INSERT-only: each officer signs with a token of his own';

CREATE TABLE public.stream_position (
    application text NOT NULL,
    topic text NOT NULL,
    source text NOT NULL,
    last bigint NOT NULL,
    CONSTRAINT stream_position_last_check CHECK ((last >= 0))
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000');

COMMENT ON TABLE public.stream_position IS 'Last event given out (own source) or applied (others) per stream';

CREATE TABLE public.task (
    id bigint NOT NULL,
    task text NOT NULL COLLATE pg_catalog."C",
    application text NOT NULL COLLATE pg_catalog."C",
    project_code text NOT NULL COLLATE pg_catalog."C",
    step text NOT NULL,
    item text NOT NULL,
    department text NOT NULL,
    part text NOT NULL,
    round integer NOT NULL,
    authority text NOT NULL,
    silence text NOT NULL,
    applicant_refs text[] NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    promised_on date NOT NULL,
    promised_at timestamp with time zone NOT NULL,
    statutory_on date,
    statutory_at timestamp with time zone,
    provisional boolean NOT NULL,
    traceparent text,
    state text DEFAULT 'open'::text NOT NULL,
    ended_at timestamp with time zone,
    claimed_by text,
    claimed_at timestamp with time zone,
    version integer DEFAULT 1 NOT NULL,
    above_id bigint,
    visit_id bigint,
    special_at timestamp with time zone,
    paused_until date,
    expires_at timestamp with time zone,
    CONSTRAINT task_claimed CHECK (((claimed_by IS NULL) = (claimed_at IS NULL))),
    CONSTRAINT task_ended CHECK (((state = 'open'::text) = (ended_at IS NULL))),
    CONSTRAINT task_name_is_unique_for_ever CHECK ((task = ((((((application || '/'::text) || item) || '/'::text) || department) || '/'::text) || round))),
    CONSTRAINT task_part_check CHECK ((part = ANY (ARRAY['decide'::text, 'consult'::text]))),
    CONSTRAINT task_renewal_has_an_end CHECK (((silence = 'renewed'::text) = (expires_at IS NOT NULL))),
    CONSTRAINT task_round_check CHECK ((round > 0)),
    CONSTRAINT task_silence_check CHECK ((silence = ANY (ARRAY['none'::text, 'no_objection'::text, 'renewed'::text]))),
    CONSTRAINT task_silence_of_part CHECK (((silence = 'none'::text) OR (silence =
CASE part
    WHEN 'consult'::text THEN 'no_objection'::text
    ELSE 'renewed'::text
END))),
    CONSTRAINT task_state_check CHECK ((state = ANY (ARRAY['open'::text, 'decided'::text, 'lapsed'::text, 'cancelled'::text])))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='2000', autovacuum_analyze_scale_factor='0.02', autovacuum_analyze_threshold='2000');

COMMENT ON TABLE public.task IS 'One row per task of a department that works in our queues';

COMMENT ON COLUMN public.task.paused_until IS 'last day of the pause that nobody has ended; it may be over';

CREATE TABLE public.task_extension (
    task_id bigint NOT NULL,
    number integer NOT NULL,
    days integer NOT NULL,
    unit text NOT NULL,
    approver text NOT NULL,
    approval text NOT NULL,
    article text NOT NULL,
    reason text NOT NULL,
    actor_ref text NOT NULL,
    actor_role text NOT NULL,
    at timestamp with time zone NOT NULL,
    asked boolean DEFAULT false NOT NULL,
    proposal_id bigint,
    CONSTRAINT task_extension_approval_check CHECK ((approval ~ '^\S+$'::text)),
    CONSTRAINT task_extension_days_check CHECK ((days > 0)),
    CONSTRAINT task_extension_number_check CHECK ((number > 0)),
    CONSTRAINT task_extension_reason_check CHECK ((reason ~ '\S'::text)),
    CONSTRAINT task_extension_unit_check CHECK ((unit = ANY (ARRAY['working_day'::text, 'calendar_day'::text])))
);

COMMENT ON TABLE public.task_extension IS 'INSERT-only: every extension of a statutory limit';

COMMENT ON COLUMN public.task_extension.asked IS 'whether it needed what the rule on authorisations says';

ALTER TABLE public.task ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.task_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.task_pause (
    task_id bigint NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    from_on date NOT NULL,
    until_on date NOT NULL,
    cap_value integer,
    cap_unit text,
    notice text NOT NULL,
    article text NOT NULL,
    reason text NOT NULL,
    actor_ref text NOT NULL,
    actor_role text NOT NULL,
    at timestamp with time zone NOT NULL,
    authorisation_id bigint,
    asked boolean DEFAULT false NOT NULL,
    CONSTRAINT task_pause_cap CHECK (((cap_value IS NULL) = (cap_unit IS NULL))),
    CONSTRAINT task_pause_cap_unit_check CHECK ((cap_unit = ANY (ARRAY['working_day'::text, 'calendar_day'::text]))),
    CONSTRAINT task_pause_lasts CHECK ((until_on >= from_on)),
    CONSTRAINT task_pause_notice_check CHECK ((notice ~ '^\S+$'::text)),
    CONSTRAINT task_pause_number_check CHECK ((number > 0)),
    CONSTRAINT task_pause_reason_check CHECK ((reason ~ '\S'::text))
);

COMMENT ON TABLE public.task_pause IS 'INSERT-only: every pause of a task, with its written notice';

COMMENT ON COLUMN public.task_pause.asked IS 'whether it needed what the rule on authorisations says';

ALTER TABLE ONLY public.inbox ALTER COLUMN arrival SET DEFAULT nextval('public.inbox_arrival'::regclass);

ALTER TABLE ONLY public.absence
    ADD CONSTRAINT absence_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.act
    ADD CONSTRAINT act_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.approval_above
    ADD CONSTRAINT approval_above_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.approval_above
    ADD CONSTRAINT approval_above_task_id_key UNIQUE (task_id);

ALTER TABLE ONLY public.audit_checkpoint
    ADD CONSTRAINT audit_checkpoint_pkey PRIMARY KEY (tree_size);

ALTER TABLE ONLY public.audit_leaf
    ADD CONSTRAINT audit_leaf_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_node
    ADD CONSTRAINT audit_node_pkey PRIMARY KEY (level, index);

ALTER TABLE ONLY public.audit_order
    ADD CONSTRAINT audit_order_leaf_id_key UNIQUE (leaf_id);

ALTER TABLE ONLY public.audit_order
    ADD CONSTRAINT audit_order_pkey PRIMARY KEY ("position");

ALTER TABLE ONLY public.authorisation
    ADD CONSTRAINT authorisation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.authority_rule
    ADD CONSTRAINT authority_rule_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.checklist
    ADD CONSTRAINT checklist_pkey PRIMARY KEY (task_id, subject);

ALTER TABLE ONLY public.colleague
    ADD CONSTRAINT colleague_pkey PRIMARY KEY (ref);

ALTER TABLE ONLY public.dead_letter
    ADD CONSTRAINT dead_letter_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.dead_letter
    ADD CONSTRAINT dead_letter_topic_digest_key UNIQUE (topic, digest);

ALTER TABLE ONLY public.dossier
    ADD CONSTRAINT dossier_pkey PRIMARY KEY (task_id);

ALTER TABLE ONLY public.engagement
    ADD CONSTRAINT engagement_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.examination_done
    ADD CONSTRAINT examination_done_pkey PRIMARY KEY (examination_id);

ALTER TABLE ONLY public.examination_move
    ADD CONSTRAINT examination_move_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.examination
    ADD CONSTRAINT examination_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.examination
    ADD CONSTRAINT examination_task_key UNIQUE (task);

ALTER TABLE ONLY public.extension_proposal
    ADD CONSTRAINT extension_proposal_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.heartbeat
    ADD CONSTRAINT heartbeat_pkey PRIMARY KEY (loop, instance);

ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (owner, key);

ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (event_id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_event_id_key UNIQUE (event_id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.outcome
    ADD CONSTRAINT outcome_pkey PRIMARY KEY (task_id);

ALTER TABLE ONLY public.outcome
    ADD CONSTRAINT outcome_result_number_key UNIQUE (result_number);

ALTER TABLE ONLY public.pause_end
    ADD CONSTRAINT pause_end_pkey PRIMARY KEY (task_id, number);

ALTER TABLE ONLY public.roster
    ADD CONSTRAINT roster_pkey PRIMARY KEY (officer_ref);

ALTER TABLE ONLY public.saved_view
    ADD CONSTRAINT saved_view_has_its_own_name UNIQUE (officer_ref, department, name);

ALTER TABLE ONLY public.saved_view
    ADD CONSTRAINT saved_view_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.session_answer
    ADD CONSTRAINT session_answer_pkey PRIMARY KEY (session_id, offer);

ALTER TABLE public.session_member
    ADD CONSTRAINT session_member_attested CHECK ((((attested_at IS NULL) = (attested_by IS NULL)) AND ((attested_at IS NULL) = (attested_role IS NULL)) AND ((attested_at IS NOT NULL) OR (present IS NOT TRUE)))) NOT VALID;

ALTER TABLE ONLY public.session_member
    ADD CONSTRAINT session_member_pkey PRIMARY KEY (session_id, department);

ALTER TABLE ONLY public.session_offer
    ADD CONSTRAINT session_offer_pkey PRIMARY KEY (session_id, number);

ALTER TABLE ONLY public.session_photo
    ADD CONSTRAINT session_photo_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.session_photo
    ADD CONSTRAINT session_photo_session_id_sha256_key UNIQUE (session_id, sha256);

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.session_record
    ADD CONSTRAINT session_record_pkey PRIMARY KEY (session_id);

ALTER TABLE ONLY public.session_seat
    ADD CONSTRAINT session_seat_pkey PRIMARY KEY (session_id, officer_ref);

ALTER TABLE ONLY public.session_signature
    ADD CONSTRAINT session_signature_pkey PRIMARY KEY (session_id, department);

ALTER TABLE ONLY public.session_task
    ADD CONSTRAINT session_task_pkey PRIMARY KEY (session_id, task_id);

ALTER TABLE ONLY public.site_visit
    ADD CONSTRAINT site_visit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.site_visit_signature
    ADD CONSTRAINT site_visit_signature_pkey PRIMARY KEY (visit_id, officer_ref);

ALTER TABLE ONLY public.stream_position
    ADD CONSTRAINT stream_position_pkey PRIMARY KEY (application, topic, source);

ALTER TABLE ONLY public.task_extension
    ADD CONSTRAINT task_extension_pkey PRIMARY KEY (task_id, number);

ALTER TABLE ONLY public.task_extension
    ADD CONSTRAINT task_extension_proposal_id_key UNIQUE (proposal_id);

ALTER TABLE ONLY public.task_pause
    ADD CONSTRAINT task_pause_pkey PRIMARY KEY (task_id, number);

ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_task_key UNIQUE (task);

CREATE INDEX absence_of_department ON public.absence USING btree (department, id);

CREATE INDEX absence_of_person ON public.absence USING btree (person_ref, since);

CREATE INDEX act_of_task ON public.act USING btree (task_id, id);

CREATE INDEX approval_above_of_department ON public.approval_above USING btree (department, id);

CREATE INDEX approval_above_open ON public.approval_above USING btree (department, due_at, id) WHERE (answered_at IS NULL);

CREATE INDEX audit_leaf_application ON public.audit_leaf USING btree (application, id);

CREATE INDEX audit_leaf_xid ON public.audit_leaf USING btree (xid, id);

CREATE INDEX authorisation_of_department ON public.authorisation USING btree (department, id);

CREATE INDEX authorisation_of_representative ON public.authorisation USING btree (representative_ref, department);

CREATE INDEX authorisation_of_substitute ON public.authorisation USING btree (substitute_ref, department) WHERE (substitute_ref IS NOT NULL);

CREATE INDEX colleague_of_department ON public.colleague USING btree (department, name);

CREATE INDEX dead_letter_open ON public.dead_letter USING btree (id) WHERE (state = 'open'::text);

CREATE INDEX dossier_led ON public.dossier USING btree (lead, task_id DESC) WHERE (step_group IS NOT NULL);

CREATE INDEX engagement_of_officer ON public.engagement USING btree (officer_ref, ends_at) WHERE (withdrawn_at IS NULL);

CREATE INDEX examination_by_application ON public.examination USING btree (application, department);

CREATE INDEX examination_by_due ON public.examination USING btree (department, state, until, id);

CREATE INDEX examination_by_project ON public.examination USING btree (project_code, department);

CREATE INDEX examination_move_by_examination ON public.examination_move USING btree (examination_id, id);

CREATE INDEX extension_proposal_of_department ON public.extension_proposal USING btree (department, due_at, id);

CREATE INDEX extension_proposal_of_task ON public.extension_proposal USING btree (task_id, id);

CREATE UNIQUE INDEX extension_proposal_one_at_a_time ON public.extension_proposal USING btree (task_id) WHERE (answered_at IS NULL);

CREATE INDEX idempotency_created ON public.idempotency USING btree (created_at);

CREATE INDEX inbox_undelivered ON public.inbox USING btree (arrival) WHERE ((state = 'applied'::text) AND (delivered_at IS NULL));

CREATE INDEX inbox_waiting ON public.inbox USING btree (application, topic, source, seq) WHERE (state <> 'applied'::text);

CREATE INDEX outbox_pending ON public.outbox USING btree (id) WHERE (state = 'pending'::text);

CREATE INDEX outbox_unreceipted ON public.outbox USING btree (next_attempt_at, id) WHERE (state = 'sent'::text);

CREATE INDEX outcome_by_authorisation ON public.outcome USING btree (authorisation_id) WHERE (authorisation_id IS NOT NULL);

CREATE INDEX roster_of_department ON public.roster USING btree (department, officer_ref) WHERE (left_at IS NULL);

CREATE INDEX session_by_lead ON public.session USING btree (lead, starts_at, id);

CREATE INDEX session_of_application ON public.session USING btree (application, id);

CREATE INDEX session_of_department ON public.session_member USING btree (department, session_id);

CREATE INDEX session_of_task ON public.session_task USING btree (task_id);

CREATE UNIQUE INDEX session_one_at_a_time ON public.session USING btree (application, step) WHERE (state = ANY (ARRAY['convened'::text, 'held'::text]));

CREATE INDEX session_seat_of_officer ON public.session_seat USING btree (officer_ref) WHERE (released_at IS NULL);

CREATE INDEX site_visit_of_task ON public.site_visit USING btree (task_id, id);

CREATE INDEX task_by_application ON public.task USING btree (application, department);

CREATE INDEX task_by_due ON public.task USING btree (department, state, promised_at, id);

CREATE INDEX task_by_holder ON public.task USING btree (claimed_by, promised_at, id) WHERE ((state = 'open'::text) AND (claimed_by IS NOT NULL));

CREATE INDEX task_by_issue ON public.task USING btree (department, state, issued_at, id);

CREATE INDEX task_by_item ON public.task USING btree (department, item, promised_at, id) WHERE (state = 'open'::text);

CREATE INDEX task_by_project ON public.task USING btree (project_code, department);

CREATE INDEX task_silent_by_end ON public.task USING btree (COALESCE(expires_at, promised_at), id) WHERE ((state = 'open'::text) AND (silence <> 'none'::text));

CREATE INDEX task_special ON public.task USING btree (department, promised_at, id) WHERE ((state = 'open'::text) AND (special_at IS NOT NULL));

CREATE TRIGGER absence_closed_once BEFORE DELETE OR UPDATE ON public.absence FOR EACH ROW EXECUTE FUNCTION public.refuse_all_but_closing('ended_at', 'ended_by');

CREATE TRIGGER act_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.act FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER approval_above_closed_once BEFORE DELETE OR UPDATE ON public.approval_above FOR EACH ROW EXECUTE FUNCTION public.refuse_all_but_closing('answered_at', 'answered_by', 'answer', 'document');

CREATE TRIGGER audit_checkpoint_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_leaf_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_leaf FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_node_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_node FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_order_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_order FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER authorisation_closed_once BEFORE DELETE OR UPDATE ON public.authorisation FOR EACH ROW EXECUTE FUNCTION public.refuse_all_but_closing('revoked_at', 'revoked_by', 'revocation');

CREATE TRIGGER authority_rule_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.authority_rule FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER examination_done_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.examination_done FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER examination_move_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.examination_move FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER extension_proposal_closed_once BEFORE DELETE OR UPDATE ON public.extension_proposal FOR EACH ROW EXECUTE FUNCTION public.refuse_all_but_closing('answered_at', 'answered_by', 'answer', 'document');

CREATE TRIGGER outcome_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.outcome FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER pause_end_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.pause_end FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER session_answer_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.session_answer FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER session_offer_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.session_offer FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER session_photo_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.session_photo FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER session_record_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.session_record FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER session_signature_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.session_signature FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER session_task_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.session_task FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER site_visit_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.site_visit FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER site_visit_signature_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.site_visit_signature FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER task_extension_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.task_extension FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER task_pause_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.task_pause FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

ALTER TABLE ONLY public.act
    ADD CONSTRAINT act_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.task(id);

ALTER TABLE ONLY public.approval_above
    ADD CONSTRAINT approval_above_authorisation_id_fkey FOREIGN KEY (authorisation_id) REFERENCES public.authorisation(id);

ALTER TABLE ONLY public.approval_above
    ADD CONSTRAINT approval_above_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.task(id);

ALTER TABLE ONLY public.checklist
    ADD CONSTRAINT checklist_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.task(id);

ALTER TABLE ONLY public.dossier
    ADD CONSTRAINT dossier_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.task(id);

ALTER TABLE ONLY public.engagement
    ADD CONSTRAINT engagement_officer_ref_fkey FOREIGN KEY (officer_ref) REFERENCES public.roster(officer_ref);

ALTER TABLE ONLY public.examination_done
    ADD CONSTRAINT examination_done_examination_id_fkey FOREIGN KEY (examination_id) REFERENCES public.examination(id);

ALTER TABLE ONLY public.examination_move
    ADD CONSTRAINT examination_move_examination_id_fkey FOREIGN KEY (examination_id) REFERENCES public.examination(id);

ALTER TABLE ONLY public.extension_proposal
    ADD CONSTRAINT extension_proposal_authorisation_id_fkey FOREIGN KEY (authorisation_id) REFERENCES public.authorisation(id);

ALTER TABLE ONLY public.extension_proposal
    ADD CONSTRAINT extension_proposal_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.task(id);

ALTER TABLE ONLY public.outcome
    ADD CONSTRAINT outcome_above_id_fkey FOREIGN KEY (above_id) REFERENCES public.approval_above(id);

ALTER TABLE ONLY public.outcome
    ADD CONSTRAINT outcome_authorisation_id_fkey FOREIGN KEY (authorisation_id) REFERENCES public.authorisation(id);

ALTER TABLE ONLY public.outcome
    ADD CONSTRAINT outcome_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.task(id);

ALTER TABLE ONLY public.pause_end
    ADD CONSTRAINT pause_end_authorisation_id_fkey FOREIGN KEY (authorisation_id) REFERENCES public.authorisation(id);

ALTER TABLE ONLY public.pause_end
    ADD CONSTRAINT pause_end_task_id_number_fkey FOREIGN KEY (task_id, number) REFERENCES public.task_pause(task_id, number);

ALTER TABLE ONLY public.session_answer
    ADD CONSTRAINT session_answer_session_id_offer_fkey FOREIGN KEY (session_id, offer) REFERENCES public.session_offer(session_id, number);

ALTER TABLE ONLY public.session_member
    ADD CONSTRAINT session_member_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.session(id);

ALTER TABLE ONLY public.session_offer
    ADD CONSTRAINT session_offer_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.session(id);

ALTER TABLE ONLY public.session_photo
    ADD CONSTRAINT session_photo_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.session(id);

ALTER TABLE ONLY public.session_record
    ADD CONSTRAINT session_record_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.session(id);

ALTER TABLE ONLY public.session_seat
    ADD CONSTRAINT session_seat_officer_ref_fkey FOREIGN KEY (officer_ref) REFERENCES public.roster(officer_ref);

ALTER TABLE ONLY public.session_seat
    ADD CONSTRAINT session_seat_session_id_department_fkey FOREIGN KEY (session_id, department) REFERENCES public.session_member(session_id, department);

ALTER TABLE ONLY public.session_seat
    ADD CONSTRAINT session_seat_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.session(id);

ALTER TABLE ONLY public.session_signature
    ADD CONSTRAINT session_signature_session_id_department_fkey FOREIGN KEY (session_id, department) REFERENCES public.session_member(session_id, department);

ALTER TABLE ONLY public.session_signature
    ADD CONSTRAINT session_signature_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.session_record(session_id);

ALTER TABLE ONLY public.session_task
    ADD CONSTRAINT session_task_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.session(id);

ALTER TABLE ONLY public.session_task
    ADD CONSTRAINT session_task_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.task(id);

ALTER TABLE ONLY public.site_visit_signature
    ADD CONSTRAINT site_visit_signature_visit_id_fkey FOREIGN KEY (visit_id) REFERENCES public.site_visit(id);

ALTER TABLE ONLY public.site_visit
    ADD CONSTRAINT site_visit_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.task(id);

ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_above_id_fkey FOREIGN KEY (above_id) REFERENCES public.approval_above(id);

ALTER TABLE ONLY public.task_extension
    ADD CONSTRAINT task_extension_proposal_id_fkey FOREIGN KEY (proposal_id) REFERENCES public.extension_proposal(id);

ALTER TABLE ONLY public.task_extension
    ADD CONSTRAINT task_extension_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.task(id);

ALTER TABLE ONLY public.task_pause
    ADD CONSTRAINT task_pause_authorisation_id_fkey FOREIGN KEY (authorisation_id) REFERENCES public.authorisation(id);

ALTER TABLE ONLY public.task_pause
    ADD CONSTRAINT task_pause_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.task(id);

ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_visit_id_fkey FOREIGN KEY (visit_id) REFERENCES public.site_visit(id);
