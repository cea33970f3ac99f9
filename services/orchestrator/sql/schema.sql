-- Written by `lianshen schema --write`; the migrations are what is executed.

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is INSERT-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TABLE public.acceptance (
    application text NOT NULL,
    kind text NOT NULL,
    accepted_on date NOT NULL,
    received_on date NOT NULL,
    silent text[] NOT NULL,
    promised_days integer NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT acceptance_from_receipt CHECK (((kind = 'explicit'::text) OR (accepted_on = received_on))),
    CONSTRAINT acceptance_kind_check CHECK ((kind = ANY (ARRAY['explicit'::text, 'deemed'::text])))
);

COMMENT ON TABLE public.acceptance IS 'INSERT-only: how applications were accepted by the departments';

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.application (
    number text NOT NULL,
    project_code text NOT NULL,
    scenario text NOT NULL,
    status text NOT NULL,
    turn integer DEFAULT 0 NOT NULL,
    facts jsonb NOT NULL,
    route jsonb NOT NULL,
    shared jsonb NOT NULL,
    plan_digest text NOT NULL,
    catalogue_version text NOT NULL,
    calendar_version text NOT NULL,
    traceparent text,
    submitted_at timestamp with time zone NOT NULL,
    promised_at timestamp with time zone NOT NULL,
    provisional boolean NOT NULL,
    late boolean DEFAULT false NOT NULL,
    conclusion text,
    concluded_at timestamp with time zone,
    used_working_days integer,
    promised_working_days integer NOT NULL,
    in_time boolean,
    saved_days numeric(9,3)
)
WITH (fillfactor='70');

COMMENT ON COLUMN public.application.turn IS 'last turn of the workflow that was carried out';

COMMENT ON COLUMN public.application.shared IS 'what every task of the application carries: hashes of applicants, materials';

COMMENT ON COLUMN public.application.saved_days IS 'working days that handling one after another would have taken more';

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

CREATE TABLE public.before_supervision (
    application text NOT NULL,
    turn integer NOT NULL
);

COMMENT ON TABLE public.before_supervision IS 'INSERT-only: the last turn of an application without cards';

CREATE TABLE public.calendar (
    version text NOT NULL,
    content jsonb NOT NULL,
    kept_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.calendar IS 'every calendar an application was ever reckoned by, whole';

CREATE TABLE public.card (
    id bigint NOT NULL,
    rule text NOT NULL,
    fact text NOT NULL,
    colour text NOT NULL,
    article text NOT NULL,
    rules_version text NOT NULL,
    subject text NOT NULL,
    department text NOT NULL,
    application text,
    item text,
    task text,
    raised_at timestamp with time zone NOT NULL,
    evidence jsonb NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    CONSTRAINT card_colour_check CHECK ((colour = ANY (ARRAY['yellow'::text, 'red'::text]))),
    CONSTRAINT card_evidence_check CHECK ((evidence <> '{}'::jsonb)),
    CONSTRAINT card_state_check CHECK ((state = ANY (ARRAY['open'::text, 'appealed'::text, 'upheld'::text, 'lifted'::text])))
)
WITH (fillfactor='80');

COMMENT ON TABLE public.card IS 'Yellow and red cards; a lifted card stays, its history is in card_act';

COMMENT ON COLUMN public.card.subject IS 'what it is about: a task in its round, an examination, a session, a number';

COMMENT ON COLUMN public.card.application IS 'as it was named; no reference: it may be one that nobody knows';

CREATE TABLE public.card_act (
    id bigint NOT NULL,
    card bigint NOT NULL,
    act text NOT NULL,
    at timestamp with time zone NOT NULL,
    actor_ref text,
    text text,
    CONSTRAINT card_act_act_check CHECK ((act = ANY (ARRAY['raise'::text, 'appeal'::text, 'uphold'::text, 'lift'::text]))),
    CONSTRAINT card_act_said CHECK (((act = ANY (ARRAY['appeal'::text, 'uphold'::text])) <= ((text IS NOT NULL) AND (actor_ref IS NOT NULL)))),
    CONSTRAINT card_lift_reason CHECK (((act <> 'lift'::text) OR (text IS NOT NULL)))
);

COMMENT ON TABLE public.card_act IS 'INSERT-only: the journal of every card; actor_ref null: a later fact';

ALTER TABLE public.card_act ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.card_act_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.card ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.card_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.case_limit (
    application text NOT NULL,
    kind text NOT NULL,
    task text,
    start_on date NOT NULL,
    days integer NOT NULL,
    unit text NOT NULL,
    article text NOT NULL,
    ledger jsonb NOT NULL,
    calendar_version text NOT NULL,
    due_on date NOT NULL,
    due_at timestamp with time zone NOT NULL,
    provisional boolean NOT NULL,
    ended_at timestamp with time zone,
    in_time boolean,
    CONSTRAINT case_limit_days_check CHECK ((days > 0)),
    CONSTRAINT case_limit_ended CHECK (((ended_at IS NULL) = (in_time IS NULL))),
    CONSTRAINT case_limit_kind_check CHECK ((kind = ANY (ARRAY['joint'::text, 'first_review'::text, 'delivery'::text]))),
    CONSTRAINT case_limit_of_whole CHECK (((kind = 'joint'::text) = (task IS NULL))),
    CONSTRAINT case_limit_unit_check CHECK ((unit = ANY (ARRAY['working_day'::text, 'calendar_day'::text])))
);

COMMENT ON TABLE public.case_limit IS 'limits beside promise and statute of a task; task null: of the whole';

COMMENT ON COLUMN public.case_limit.ledger IS 'what stops and lengthens it: its days are explained by this';

CREATE TABLE public.date_change (
    application text NOT NULL,
    turn integer NOT NULL,
    place integer NOT NULL,
    task text,
    why text NOT NULL,
    ref uuid,
    at timestamp with time zone NOT NULL,
    promised_before timestamp with time zone,
    promised_after timestamp with time zone,
    statutory_before timestamp with time zone,
    statutory_after timestamp with time zone,
    limit_kind text,
    limit_before timestamp with time zone,
    limit_after timestamp with time zone,
    CONSTRAINT date_change_limit_kind_check CHECK ((limit_kind = ANY (ARRAY['acceptance'::text, 'joint'::text, 'first_review'::text, 'delivery'::text]))),
    CONSTRAINT date_change_of_one CHECK ((((limit_kind IS NULL) = (limit_before IS NULL)) AND ((limit_kind IS NULL) = (limit_after IS NULL)) AND ((limit_kind IS NULL) = (promised_before IS NOT NULL)) AND ((limit_kind IS NULL) = (promised_after IS NOT NULL))))
);

COMMENT ON TABLE public.date_change IS 'every move of a date that had been told; task null: of the whole';

COMMENT ON COLUMN public.date_change.ref IS 'the message that moved it; null: an act of this service';

COMMENT ON COLUMN public.date_change.limit_kind IS 'null: promise and statute were moved';

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

CREATE TABLE public.deadline_signal (
    id bigint NOT NULL,
    application text NOT NULL,
    task text,
    signal text NOT NULL,
    at timestamp with time zone NOT NULL,
    lifted_at timestamp with time zone
);

ALTER TABLE public.deadline_signal ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.deadline_signal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.examination (
    task text NOT NULL,
    application text NOT NULL,
    department text NOT NULL,
    round integer NOT NULL,
    state text DEFAULT 'asked'::text NOT NULL,
    findings jsonb DEFAULT '[]'::jsonb NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    ref uuid,
    arrived_at timestamp with time zone,
    CONSTRAINT examination_ended CHECK (((state = 'asked'::text) = (ended_at IS NULL))),
    CONSTRAINT examination_found CHECK (((state = 'incomplete'::text) = (findings @? '$[0]'::jsonpath))),
    CONSTRAINT examination_round_check CHECK ((round > 0)),
    CONSTRAINT examination_state_check CHECK ((state = ANY (ARRAY['asked'::text, 'complete'::text, 'incomplete'::text, 'silent'::text, 'closed'::text])))
)
WITH (fillfactor='80');

COMMENT ON TABLE public.examination IS 'One row per look of one department at the papers of an application';

COMMENT ON COLUMN public.examination.findings IS 'subjects that were found missing: material/<id>, condition/<item>/<n>';

COMMENT ON COLUMN public.examination.arrived_at IS 'of an answer given in time (ended_at) that came when silence stood here; else null';

CREATE TABLE public.follow_up (
    id bigint NOT NULL,
    application text NOT NULL,
    department text NOT NULL,
    grade text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    due_on date NOT NULL,
    due_at timestamp with time zone NOT NULL,
    calendar_version text NOT NULL,
    answer text,
    answered_by text,
    answered_at timestamp with time zone,
    closing text,
    closed_by text,
    closed_at timestamp with time zone,
    CONSTRAINT follow_up_check CHECK ((num_nulls(answer, answered_by, answered_at) = ANY (ARRAY[0, 3]))),
    CONSTRAINT follow_up_check1 CHECK ((num_nulls(closing, closed_by, closed_at) = ANY (ARRAY[0, 3]))),
    CONSTRAINT follow_up_check2 CHECK (((closed_at IS NULL) OR (answered_at IS NOT NULL)))
);

COMMENT ON TABLE public.follow_up IS 'A bad rating is answered by its department and closed, in a term';

ALTER TABLE public.follow_up ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.follow_up_id_seq
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

CREATE TABLE public.journal (
    application text NOT NULL,
    turn integer NOT NULL,
    at timestamp with time zone NOT NULL,
    written_at timestamp with time zone NOT NULL,
    events jsonb NOT NULL,
    commands jsonb NOT NULL
);

CREATE TABLE public.operator_act (
    event_id uuid NOT NULL,
    application text NOT NULL,
    act text NOT NULL,
    reason text NOT NULL,
    actor_ref text NOT NULL,
    at timestamp with time zone NOT NULL
);

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

CREATE TABLE public.own_clock_act (
    task text NOT NULL,
    act text NOT NULL,
    number integer NOT NULL,
    kind text,
    from_on date NOT NULL,
    until_on date,
    cap_value integer,
    cap_unit text,
    CONSTRAINT own_clock_act_act_check CHECK ((act = ANY (ARRAY['pause'::text, 'extension'::text]))),
    CONSTRAINT own_clock_act_number_check CHECK ((number > 0)),
    CONSTRAINT own_clock_act_pause CHECK ((((act = 'pause'::text) = (kind IS NOT NULL)) AND ((act = 'pause'::text) = (until_on IS NOT NULL))))
);

COMMENT ON TABLE public.own_clock_act IS 'accepted pauses and extensions of departments with own software';

CREATE TABLE public.papers_awaited (
    application text NOT NULL,
    step text NOT NULL,
    materials text[] NOT NULL,
    since date NOT NULL,
    until timestamp with time zone,
    told_at timestamp with time zone NOT NULL,
    CONSTRAINT papers_awaited_materials_check CHECK ((cardinality(materials) > 0))
)
WITH (fillfactor='80');

COMMENT ON TABLE public.papers_awaited IS 'the waiting is over when the step has a row of its own: it began, or was cancelled';

CREATE TABLE public.rating (
    application text NOT NULL,
    department text NOT NULL,
    grade text NOT NULL,
    comment_ref text,
    rated_at timestamp with time zone NOT NULL,
    CONSTRAINT rating_grade_check CHECK ((grade = ANY (ARRAY['very_satisfied'::text, 'satisfied'::text, 'basically_satisfied'::text, 'dissatisfied'::text, 'very_dissatisfied'::text])))
);

COMMENT ON TABLE public.rating IS 'INSERT-only: once per application and department';

COMMENT ON COLUMN public.rating.comment_ref IS 'keyed hash of the comment, which stays with intake';

CREATE TABLE public.result (
    application text NOT NULL,
    item text NOT NULL,
    department text NOT NULL,
    step text NOT NULL,
    outcome text NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    released_at timestamp with time zone NOT NULL,
    deliver_by date
);

COMMENT ON COLUMN public.result.deliver_by IS 'of a licence: the day by which it must be delivered (行政许可法 44)';

CREATE TABLE public.result_seen (
    event_id uuid NOT NULL,
    department text NOT NULL,
    item text NOT NULL,
    series text NOT NULL,
    serial bigint NOT NULL,
    task text NOT NULL
);

COMMENT ON TABLE public.result_seen IS 'document numbers of departments with software of their own';

CREATE TABLE public.step (
    application text NOT NULL,
    step text NOT NULL,
    state text NOT NULL,
    changed_at timestamp with time zone NOT NULL
)
WITH (fillfactor='70');

CREATE TABLE public.stream_position (
    application text NOT NULL,
    topic text NOT NULL,
    source text NOT NULL,
    last bigint NOT NULL,
    CONSTRAINT stream_position_last_check CHECK ((last >= 0))
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000');

COMMENT ON TABLE public.stream_position IS 'Last event given out (own source) or applied (others) per stream';

CREATE TABLE public.supervision_cursor (
    name text NOT NULL,
    place bigint NOT NULL
);

COMMENT ON TABLE public.supervision_cursor IS 'how far the sensors have looked';

CREATE TABLE public.supervision_finding (
    id bigint NOT NULL,
    rule text NOT NULL,
    fact text NOT NULL,
    subject text NOT NULL,
    department text NOT NULL,
    application text,
    item text,
    task text,
    at timestamp with time zone NOT NULL,
    found_at timestamp with time zone NOT NULL,
    evidence jsonb NOT NULL,
    CONSTRAINT supervision_finding_evidence_check CHECK ((evidence <> '{}'::jsonb))
);

COMMENT ON TABLE public.supervision_finding IS 'INSERT-only: what the sensors of handling outside the system saw';

ALTER TABLE public.supervision_finding ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.supervision_finding_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.task (
    task text NOT NULL,
    application text NOT NULL,
    step text NOT NULL,
    item text NOT NULL,
    department text NOT NULL,
    part text NOT NULL,
    round integer NOT NULL,
    state text NOT NULL,
    outcome text,
    issued_at timestamp with time zone NOT NULL,
    promised_on date NOT NULL,
    promised_at timestamp with time zone NOT NULL,
    statutory_on date,
    statutory_at timestamp with time zone,
    provisional boolean NOT NULL,
    ended_at timestamp with time zone,
    ref uuid,
    ledger jsonb,
    used_days integer,
    promised_days integer,
    statutory_days integer,
    saved_days numeric(9,3)
)
WITH (fillfactor='70');

COMMENT ON COLUMN public.task.ledger IS 'pauses and extensions of its own, over all rounds so far';

COMMENT ON COLUMN public.task.used_days IS 'working days from its issue to its end, without pauses';

COMMENT ON COLUMN public.task.promised_days IS 'working days that were promised for it, without pauses';

COMMENT ON COLUMN public.task.statutory_days IS 'working days that the law gave it, without pauses';

COMMENT ON COLUMN public.task.saved_days IS 'its share of the working days on which others were handled at the same time';

ALTER TABLE ONLY public.inbox ALTER COLUMN arrival SET DEFAULT nextval('public.inbox_arrival'::regclass);

ALTER TABLE ONLY public.acceptance
    ADD CONSTRAINT acceptance_pkey PRIMARY KEY (application);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.application
    ADD CONSTRAINT application_pkey PRIMARY KEY (number);

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

ALTER TABLE ONLY public.before_supervision
    ADD CONSTRAINT before_supervision_pkey PRIMARY KEY (application);

ALTER TABLE ONLY public.calendar
    ADD CONSTRAINT calendar_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.card_act
    ADD CONSTRAINT card_act_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.card
    ADD CONSTRAINT card_once UNIQUE (rule, subject, department);

ALTER TABLE ONLY public.card
    ADD CONSTRAINT card_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.date_change
    ADD CONSTRAINT date_change_pkey PRIMARY KEY (application, turn, place);

ALTER TABLE ONLY public.dead_letter
    ADD CONSTRAINT dead_letter_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.dead_letter
    ADD CONSTRAINT dead_letter_topic_digest_key UNIQUE (topic, digest);

ALTER TABLE ONLY public.deadline_signal
    ADD CONSTRAINT deadline_signal_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.examination
    ADD CONSTRAINT examination_pkey PRIMARY KEY (task);

ALTER TABLE ONLY public.supervision_finding
    ADD CONSTRAINT finding_once UNIQUE (rule, subject, department);

ALTER TABLE ONLY public.follow_up
    ADD CONSTRAINT follow_up_application_department_key UNIQUE (application, department);

ALTER TABLE ONLY public.follow_up
    ADD CONSTRAINT follow_up_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.heartbeat
    ADD CONSTRAINT heartbeat_pkey PRIMARY KEY (loop, instance);

ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (owner, key);

ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (event_id);

ALTER TABLE ONLY public.journal
    ADD CONSTRAINT journal_pkey PRIMARY KEY (application, turn);

ALTER TABLE ONLY public.operator_act
    ADD CONSTRAINT operator_act_pkey PRIMARY KEY (event_id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_event_id_key UNIQUE (event_id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.own_clock_act
    ADD CONSTRAINT own_clock_act_pkey PRIMARY KEY (task, act, number);

ALTER TABLE ONLY public.papers_awaited
    ADD CONSTRAINT papers_awaited_pkey PRIMARY KEY (application, step);

ALTER TABLE ONLY public.rating
    ADD CONSTRAINT rating_pkey PRIMARY KEY (application, department);

ALTER TABLE ONLY public.result
    ADD CONSTRAINT result_pkey PRIMARY KEY (application, item);

ALTER TABLE ONLY public.result_seen
    ADD CONSTRAINT result_seen_pkey PRIMARY KEY (event_id);

ALTER TABLE ONLY public.step
    ADD CONSTRAINT step_pkey PRIMARY KEY (application, step);

ALTER TABLE ONLY public.stream_position
    ADD CONSTRAINT stream_position_pkey PRIMARY KEY (application, topic, source);

ALTER TABLE ONLY public.supervision_cursor
    ADD CONSTRAINT supervision_cursor_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.supervision_finding
    ADD CONSTRAINT supervision_finding_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_application_item_department_round_key UNIQUE (application, item, department, round);

ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_pkey PRIMARY KEY (task);

CREATE INDEX application_by_end ON public.application USING btree (concluded_at) WHERE (concluded_at IS NOT NULL);

CREATE INDEX application_by_project ON public.application USING btree (project_code, number);

CREATE INDEX application_by_status ON public.application USING btree (status, promised_at, number);

CREATE INDEX application_unmeasured ON public.application USING btree (number) WHERE ((concluded_at IS NOT NULL) AND (saved_days IS NULL));

CREATE INDEX audit_leaf_application ON public.audit_leaf USING btree (application, id);

CREATE INDEX audit_leaf_xid ON public.audit_leaf USING btree (xid, id);

CREATE INDEX card_act_by_card ON public.card_act USING btree (card, id);

CREATE INDEX card_by_application ON public.card USING btree (application);

CREATE INDEX card_by_day ON public.card USING btree (raised_at);

CREATE INDEX card_by_department ON public.card USING btree (department, id);

CREATE UNIQUE INDEX case_limit_once ON public.case_limit USING btree (application, kind, COALESCE(task, ''::text));

CREATE INDEX case_limit_running ON public.case_limit USING btree (due_at) WHERE (ended_at IS NULL);

CREATE INDEX dead_letter_open ON public.dead_letter USING btree (id) WHERE (state = 'open'::text);

CREATE UNIQUE INDEX deadline_signal_once ON public.deadline_signal USING btree (application, COALESCE(task, ''::text), signal);

CREATE INDEX examination_by_application ON public.examination USING btree (application, asked_at);

CREATE INDEX finding_by_department ON public.supervision_finding USING btree (department, id);

CREATE INDEX follow_up_by_term ON public.follow_up USING btree (due_at, id);

CREATE INDEX idempotency_created ON public.idempotency USING btree (created_at);

CREATE INDEX inbox_by_arrival ON public.inbox USING brin (arrival) WITH (pages_per_range='32');

CREATE INDEX inbox_undelivered ON public.inbox USING btree (arrival) WHERE ((state = 'applied'::text) AND (delivered_at IS NULL));

CREATE INDEX inbox_waiting ON public.inbox USING btree (application, topic, source, seq) WHERE (state <> 'applied'::text);

CREATE INDEX operator_act_by_application ON public.operator_act USING btree (application, at, event_id);

CREATE INDEX outbox_pending ON public.outbox USING btree (id) WHERE (state = 'pending'::text);

CREATE INDEX outbox_unreceipted ON public.outbox USING btree (next_attempt_at, id) WHERE (state = 'sent'::text);

CREATE INDEX rating_by_day ON public.rating USING btree (rated_at);

CREATE INDEX result_seen_by_series ON public.result_seen USING btree (department, item, series, serial);

CREATE INDEX task_by_end ON public.task USING btree (ended_at) WHERE (state = ANY (ARRAY['decided'::text, 'lapsed'::text]));

CREATE INDEX task_open ON public.task USING btree (promised_at, task) WHERE (state = 'open'::text);

CREATE INDEX task_unmeasured ON public.task USING btree (ended_at) WHERE ((state = ANY (ARRAY['decided'::text, 'lapsed'::text])) AND (used_days IS NULL));

CREATE TRIGGER acceptance_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.acceptance FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_checkpoint_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_leaf_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_leaf FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_node_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_node FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_order_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_order FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER before_supervision_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.before_supervision FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER card_act_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.card_act FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER rating_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.rating FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER supervision_finding_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.supervision_finding FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

ALTER TABLE ONLY public.acceptance
    ADD CONSTRAINT acceptance_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.card_act
    ADD CONSTRAINT card_act_card_fkey FOREIGN KEY (card) REFERENCES public.card(id);

ALTER TABLE ONLY public.case_limit
    ADD CONSTRAINT case_limit_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.date_change
    ADD CONSTRAINT date_change_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.deadline_signal
    ADD CONSTRAINT deadline_signal_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.examination
    ADD CONSTRAINT examination_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.follow_up
    ADD CONSTRAINT follow_up_application_department_fkey FOREIGN KEY (application, department) REFERENCES public.rating(application, department);

ALTER TABLE ONLY public.journal
    ADD CONSTRAINT journal_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.operator_act
    ADD CONSTRAINT operator_act_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.own_clock_act
    ADD CONSTRAINT own_clock_act_task_fkey FOREIGN KEY (task) REFERENCES public.task(task);

ALTER TABLE ONLY public.papers_awaited
    ADD CONSTRAINT papers_awaited_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.rating
    ADD CONSTRAINT rating_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.result
    ADD CONSTRAINT result_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.step
    ADD CONSTRAINT step_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);
