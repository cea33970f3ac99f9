-- Written by `lianshen schema --write`; the migrations are what is executed.

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is INSERT-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TABLE public.act (
    id bigint NOT NULL,
    task_id bigint NOT NULL,
    kind text NOT NULL,
    actor_ref text,
    actor_role text,
    note text,
    at timestamp with time zone NOT NULL,
    CONSTRAINT act_kind_check CHECK ((kind = ANY (ARRAY['claimed'::text, 'released'::text, 'noted'::text, 'decision'::text, 'opinion'::text, 'lapse'::text, 'cancelled'::text])))
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
    participants text[] NOT NULL
);

COMMENT ON TABLE public.dossier IS 'INSERT-only: what a task is about';

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
    CONSTRAINT outcome_grant_has_number CHECK (((outcome = 'granted'::text) = (result_number IS NOT NULL))),
    CONSTRAINT outcome_has_actor CHECK ((((kind = 'lapse'::text) = (actor_ref IS NULL)) AND ((actor_ref IS NULL) = (actor_role IS NULL)))),
    CONSTRAINT outcome_kind_check CHECK ((kind = ANY (ARRAY['decision'::text, 'opinion'::text, 'lapse'::text]))),
    CONSTRAINT outcome_objection_has_reasons CHECK (((outcome <> 'objection'::text) OR (reasons @? '$[0]'::jsonpath))),
    CONSTRAINT outcome_of_kind CHECK (((outcome = ANY (ARRAY['granted'::text, 'refused'::text, 'no_objection'::text, 'objection'::text, 'deemed_no_objection'::text])) AND (kind =
CASE outcome
    WHEN 'granted'::text THEN 'decision'::text
    WHEN 'refused'::text THEN 'decision'::text
    WHEN 'deemed_no_objection'::text THEN 'lapse'::text
    ELSE 'opinion'::text
END))),
    CONSTRAINT outcome_refusal_is_complete CHECK (((outcome <> 'refused'::text) OR ((reasons @? '$[0]'::jsonpath) AND (remedies @? '$[0]'::jsonpath)))),
    CONSTRAINT outcome_says_something CHECK (((NOT (reasons @? '$[*]?(!(@ like_regex "\\S"))'::jsonpath)) AND (NOT (remedies @? '$[*]?(!(@ like_regex "\\S"))'::jsonpath)) AND (NOT (conditions @? '$[*]?(!(@ like_regex "\\S"))'::jsonpath)))),
    CONSTRAINT outcome_texts_are_lists CHECK (((jsonb_typeof(conditions) = 'array'::text) AND (jsonb_typeof(reasons) = 'array'::text) AND (jsonb_typeof(remedies) = 'array'::text)))
);

COMMENT ON TABLE public.outcome IS 'INSERT-only: the decision, opinion or lapse of a task, one for ever';

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
    CONSTRAINT task_claimed CHECK (((claimed_by IS NULL) = (claimed_at IS NULL))),
    CONSTRAINT task_ended CHECK (((state = 'open'::text) = (ended_at IS NULL))),
    CONSTRAINT task_name_is_unique_for_ever CHECK ((task = ((((((application || '/'::text) || item) || '/'::text) || department) || '/'::text) || round))),
    CONSTRAINT task_part_check CHECK ((part = ANY (ARRAY['decide'::text, 'consult'::text]))),
    CONSTRAINT task_round_check CHECK ((round > 0)),
    CONSTRAINT task_silence_check CHECK ((silence = ANY (ARRAY['none'::text, 'no_objection'::text]))),
    CONSTRAINT task_silence_is_of_the_consulted CHECK (((silence = 'none'::text) OR (part = 'consult'::text))),
    CONSTRAINT task_state_check CHECK ((state = ANY (ARRAY['open'::text, 'decided'::text, 'lapsed'::text, 'cancelled'::text])))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='2000', autovacuum_analyze_scale_factor='0.02', autovacuum_analyze_threshold='2000');

COMMENT ON TABLE public.task IS 'One row per task of a department that works in our queues';

ALTER TABLE public.task ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.task_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY public.inbox ALTER COLUMN arrival SET DEFAULT nextval('public.inbox_arrival'::regclass);

ALTER TABLE ONLY public.act
    ADD CONSTRAINT act_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

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

ALTER TABLE ONLY public.dead_letter
    ADD CONSTRAINT dead_letter_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.dead_letter
    ADD CONSTRAINT dead_letter_topic_digest_key UNIQUE (topic, digest);

ALTER TABLE ONLY public.dossier
    ADD CONSTRAINT dossier_pkey PRIMARY KEY (task_id);

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

ALTER TABLE ONLY public.stream_position
    ADD CONSTRAINT stream_position_pkey PRIMARY KEY (application, topic, source);

ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_task_key UNIQUE (task);

CREATE INDEX act_of_task ON public.act USING btree (task_id, id);

CREATE INDEX audit_leaf_application ON public.audit_leaf USING btree (application, id);

CREATE INDEX audit_leaf_xid ON public.audit_leaf USING btree (xid, id);

CREATE INDEX dead_letter_open ON public.dead_letter USING btree (id) WHERE (state = 'open'::text);

CREATE INDEX idempotency_created ON public.idempotency USING btree (created_at);

CREATE INDEX inbox_undelivered ON public.inbox USING btree (arrival) WHERE ((state = 'applied'::text) AND (delivered_at IS NULL));

CREATE INDEX inbox_waiting ON public.inbox USING btree (application, topic, source, seq) WHERE (state <> 'applied'::text);

CREATE INDEX outbox_pending ON public.outbox USING btree (id) WHERE (state = 'pending'::text);

CREATE INDEX outbox_unreceipted ON public.outbox USING btree (next_attempt_at, id) WHERE (state = 'sent'::text);

CREATE INDEX task_by_application ON public.task USING btree (application, department);

CREATE INDEX task_by_due ON public.task USING btree (department, state, promised_at, id);

CREATE INDEX task_by_holder ON public.task USING btree (claimed_by, promised_at, id) WHERE ((state = 'open'::text) AND (claimed_by IS NOT NULL));

CREATE INDEX task_by_issue ON public.task USING btree (department, state, issued_at, id);

CREATE INDEX task_by_item ON public.task USING btree (department, item, promised_at, id) WHERE (state = 'open'::text);

CREATE INDEX task_by_project ON public.task USING btree (project_code, department);

CREATE INDEX task_silent ON public.task USING btree (promised_at, id) WHERE ((state = 'open'::text) AND (silence = 'no_objection'::text));

CREATE TRIGGER act_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.act FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_checkpoint_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_leaf_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_leaf FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_node_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_node FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_order_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_order FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER outcome_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.outcome FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

ALTER TABLE ONLY public.act
    ADD CONSTRAINT act_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.task(id);

ALTER TABLE ONLY public.dossier
    ADD CONSTRAINT dossier_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.task(id);

ALTER TABLE ONLY public.outcome
    ADD CONSTRAINT outcome_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.task(id);
