-- Written by `lianshen schema --write`; the migrations are what is executed.

CREATE TABLE public.acceptance_examiner (
    application text NOT NULL,
    department text NOT NULL,
    state text NOT NULL,
    CONSTRAINT acceptance_examiner_state_check CHECK ((state = ANY (ARRAY['asked'::text, 'answered'::text, 'silent'::text])))
)
WITH (fillfactor='80');

CREATE TABLE public.task_progress (
    task text NOT NULL,
    application text NOT NULL,
    step text NOT NULL,
    item text NOT NULL,
    department text NOT NULL,
    part text NOT NULL,
    round integer NOT NULL,
    state text NOT NULL,
    outcome text,
    issued_at timestamp with time zone,
    decided_at timestamp with time zone,
    promised_on date,
    promised_at timestamp with time zone,
    statutory_on date,
    statutory_at timestamp with time zone,
    provisional boolean
)
WITH (fillfactor='70');

CREATE FUNCTION public.is_open_to(application text, department text) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN ((department IS NULL) OR (EXISTS (SELECT FROM public.task_progress t WHERE ((t.application = is_open_to.application) AND (t.department = is_open_to.department) AND (t.issued_at IS NOT NULL) AND (t.state <> 'cancelled'::text)))) OR (EXISTS (SELECT FROM public.acceptance_examiner e WHERE ((e.application = is_open_to.application) AND (e.department = is_open_to.department)))));

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is INSERT-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TABLE public.acceptance (
    application text NOT NULL,
    state text NOT NULL,
    round integer NOT NULL,
    until timestamp with time zone,
    outstanding text[] DEFAULT '{}'::text[] NOT NULL,
    kind text,
    accepted_on date,
    told_at timestamp with time zone NOT NULL,
    CONSTRAINT acceptance_is_dated CHECK (((state = 'accepted'::text) = ((accepted_on IS NOT NULL) AND (kind IS NOT NULL)))),
    CONSTRAINT acceptance_kind_check CHECK ((kind = ANY (ARRAY['explicit'::text, 'deemed'::text]))),
    CONSTRAINT acceptance_round_check CHECK ((round > 0)),
    CONSTRAINT acceptance_state_check CHECK ((state = ANY (ARRAY['examining'::text, 'supplementing'::text, 'accepted'::text])))
)
WITH (fillfactor='80');

COMMENT ON TABLE public.acceptance IS 'Where an application stands that departments examine; the projection';

COMMENT ON COLUMN public.acceptance.until IS 'without a notice until then the application is accepted';

CREATE TABLE public.acceptance_notice (
    application text NOT NULL,
    round integer NOT NULL,
    lines jsonb NOT NULL,
    sent_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.acceptance_notice IS 'INSERT-only: what has to be put right, told at once (32(4))';

CREATE TABLE public.acceptance_receipt (
    application text NOT NULL,
    place integer NOT NULL,
    outcome text NOT NULL,
    dated date NOT NULL,
    at timestamp with time zone NOT NULL,
    told jsonb NOT NULL,
    CONSTRAINT acceptance_receipt_outcome_check CHECK ((outcome = ANY (ARRAY['fixed_on_the_spot'::text, 'incomplete'::text, 'accepted'::text])))
);

COMMENT ON TABLE public.acceptance_receipt IS 'INSERT-only: acceptance and non-acceptance, in writing (32)';

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.application (
    number text NOT NULL,
    owner_ref text NOT NULL,
    project_code text NOT NULL,
    project_name text NOT NULL,
    project_address text NOT NULL,
    scenario text NOT NULL,
    answers jsonb NOT NULL,
    held jsonb NOT NULL,
    catalogue_version text NOT NULL,
    calendar_version text NOT NULL,
    plan_digest text NOT NULL,
    submitted_at timestamp with time zone NOT NULL,
    promised_days integer NOT NULL,
    statutory_serial_days integer NOT NULL,
    traceparent text,
    status text DEFAULT 'received'::text NOT NULL,
    promised_at timestamp with time zone NOT NULL,
    provisional boolean NOT NULL,
    conclusion text,
    concluded_at timestamp with time zone,
    used_working_days integer,
    in_time boolean,
    withdrawn_at timestamp with time zone,
    version integer DEFAULT 1 NOT NULL
)
WITH (fillfactor='80');

COMMENT ON COLUMN public.application.owner_ref IS 'keyed hash of whoever submitted it';

COMMENT ON COLUMN public.application.plan_digest IS 'in plan; no foreign key: its check would lock the one row that a busy day''s applications share';

COMMENT ON COLUMN public.application.withdrawn_at IS 'the investor withdrew; status follows when it is done';

COMMENT ON COLUMN public.application.version IS 'rises with every change; the ETag';

CREATE SEQUENCE public.application_number
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.appointment_answer (
    application text NOT NULL,
    lead text NOT NULL,
    session bigint NOT NULL,
    offer integer NOT NULL,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    answered_by text NOT NULL,
    answered_at timestamp with time zone NOT NULL,
    outcome text,
    settled_at timestamp with time zone,
    CONSTRAINT appointment_answer_check CHECK (((starts_at IS NULL) = (ends_at IS NULL))),
    CONSTRAINT appointment_answer_check1 CHECK (((outcome IS NULL) = (settled_at IS NULL))),
    CONSTRAINT appointment_answer_outcome_check CHECK ((outcome = ANY (ARRAY['confirmed'::text, 'moved'::text, 'gone'::text, 'void'::text])))
);

COMMENT ON TABLE public.appointment_answer IS 'what the investor said to an offer, once, and what became of it; outcome null: not yet known';

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

CREATE TABLE public.bill (
    application text NOT NULL,
    accepted_on date NOT NULL,
    catalogue_version text NOT NULL,
    lines jsonb NOT NULL,
    drawn_up_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.bill IS 'INSERT-only: the one bill of an application, by the standards in force on accepted_on';

COMMENT ON COLUMN public.bill.lines IS 'standards, documents, rates, quantities, amounts';

CREATE TABLE public.catalogue_approval (
    version text NOT NULL,
    digest text NOT NULL,
    predecessor text,
    effective_from date NOT NULL,
    reason text,
    differences jsonb NOT NULL,
    approved_by text,
    approved_role text NOT NULL,
    approved_at timestamp with time zone NOT NULL,
    CONSTRAINT catalogue_approval_approved_role_check CHECK ((approved_role = ANY (ARRAY['founding'::text, 'supervisor'::text]))),
    CONSTRAINT catalogue_approval_differences_check CHECK ((jsonb_typeof(differences) = 'array'::text)),
    CONSTRAINT catalogue_approval_digest_check CHECK ((digest ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT catalogue_approval_is_somebodys CHECK (((approved_role = 'founding'::text) = ((approved_by IS NULL) AND (reason IS NULL) AND (predecessor IS NULL)))),
    CONSTRAINT catalogue_approval_reason_check CHECK ((reason ~ '\S'::text))
);

COMMENT ON TABLE public.catalogue_approval IS 'INSERT-only: catalogue versions that may be used; founding: in use when this county began here';

COMMENT ON COLUMN public.catalogue_approval.digest IS 'of the content that was approved';

CREATE TABLE public.clock_notice (
    application text NOT NULL,
    task text NOT NULL,
    why text NOT NULL,
    notice text NOT NULL,
    article text NOT NULL,
    reason text NOT NULL,
    kind text,
    until date,
    days integer,
    unit text,
    approver text,
    at timestamp with time zone NOT NULL,
    ended_on date,
    ended_at timestamp with time zone,
    CONSTRAINT clock_notice_check CHECK (((why = 'paused'::text) = ((kind IS NOT NULL) AND (until IS NOT NULL)))),
    CONSTRAINT clock_notice_check1 CHECK (((why = 'extended'::text) = ((days IS NOT NULL) AND (unit IS NOT NULL) AND (approver IS NOT NULL)))),
    CONSTRAINT clock_notice_ended_sooner CHECK ((((ended_on IS NULL) = (ended_at IS NULL)) AND ((ended_on IS NULL) OR ((until IS NOT NULL) AND (ended_on < until))))),
    CONSTRAINT clock_notice_why_check CHECK ((why = ANY (ARRAY['paused'::text, 'extended'::text])))
);

COMMENT ON TABLE public.clock_notice IS 'what departments told the applicant of pauses and extensions';

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
    application text NOT NULL,
    task text DEFAULT ''::text NOT NULL,
    signal text NOT NULL,
    at timestamp with time zone NOT NULL,
    lifted_at timestamp with time zone
);

COMMENT ON COLUMN public.deadline_signal.task IS 'empty: the application as a whole';

CREATE TABLE public.document (
    application text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    item text,
    number text NOT NULL,
    code text NOT NULL,
    title_zh text NOT NULL,
    title_en text NOT NULL,
    dated date NOT NULL,
    content text NOT NULL,
    sha256 text NOT NULL,
    size bigint NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    CONSTRAINT document_check CHECK (((kind = ANY (ARRAY['grant'::text, 'refusal'::text])) = (item IS NOT NULL))),
    CONSTRAINT document_size_check CHECK ((size > 0))
);

COMMENT ON TABLE public.document IS 'INSERT-only: sealed documents as they were handed out';

COMMENT ON COLUMN public.document.name IS 'its name within the application';

COMMENT ON COLUMN public.document.code IS 'what proves, with the number, that one has the document';

COMMENT ON COLUMN public.document.dated IS 'local date of the act it puts in writing';

COMMENT ON COLUMN public.document.content IS 'SHA-256 of what it says, without layout and seal';

CREATE TABLE public.draft (
    id uuid NOT NULL,
    owner_ref text NOT NULL,
    scenario text NOT NULL,
    answers jsonb NOT NULL,
    fields jsonb DEFAULT '{}'::jsonb NOT NULL,
    catalogue_version text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    touched_at timestamp with time zone DEFAULT now() NOT NULL,
    application text,
    CONSTRAINT draft_answers_check CHECK ((jsonb_typeof(answers) = 'object'::text)),
    CONSTRAINT draft_fields_check CHECK ((jsonb_typeof(fields) = 'object'::text)),
    CONSTRAINT draft_handed_in_is_empty CHECK (((application IS NULL) OR ((fields = '{}'::jsonb) AND (answers = '{}'::jsonb))))
);

COMMENT ON TABLE public.draft IS 'Applications being filled in; removed by their owner, or when forgotten';

COMMENT ON COLUMN public.draft.owner_ref IS 'keyed hash of whoever fills it in';

COMMENT ON COLUMN public.draft.fields IS 'what was typed, section by section (personal data)';

COMMENT ON COLUMN public.draft.catalogue_version IS 'the version that its plan was last looked at under';

COMMENT ON COLUMN public.draft.touched_at IS 'real time: what its retention counts from';

COMMENT ON COLUMN public.draft.application IS 'what it became; from then on it holds nothing else';

CREATE TABLE public.draft_file (
    id uuid NOT NULL,
    draft uuid NOT NULL,
    slot text NOT NULL,
    file_name text NOT NULL,
    size bigint NOT NULL,
    mark text NOT NULL,
    received bigint DEFAULT 0 NOT NULL,
    media_type text,
    sha256 text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT draft_file_check CHECK (((received >= 0) AND (received <= size))),
    CONSTRAINT draft_file_check1 CHECK (((sha256 IS NULL) = (media_type IS NULL))),
    CONSTRAINT draft_file_check2 CHECK (((sha256 IS NULL) OR (received = size))),
    CONSTRAINT draft_file_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT draft_file_size_check CHECK ((size > 0))
);

COMMENT ON TABLE public.draft_file IS 'Files put to drafts, whole and checked (with their SHA-256) or still on their way';

COMMENT ON COLUMN public.draft_file.slot IS 'the material that it is, or the authorisation of the agent';

COMMENT ON COLUMN public.draft_file.mark IS 'what tells a file from a later one of the same name and size: when it was changed';

COMMENT ON COLUMN public.draft_file.received IS 'bytes that are here: where the transfer goes on';

CREATE TABLE public.fee_act (
    id bigint NOT NULL,
    application text NOT NULL,
    line text NOT NULL,
    kind text NOT NULL,
    rate numeric,
    quantity numeric,
    amount numeric(14,2),
    reason text,
    document text NOT NULL,
    at timestamp with time zone NOT NULL,
    actor_ref text NOT NULL,
    remitted numeric(14,2),
    share numeric,
    CONSTRAINT fee_act_amount_check CHECK ((amount >= (0)::numeric)),
    CONSTRAINT fee_act_check CHECK (((kind = 'assessed'::text) = (amount IS NOT NULL))),
    CONSTRAINT fee_act_check1 CHECK (((kind = 'exempted'::text) = (reason IS NOT NULL))),
    CONSTRAINT fee_act_kind_check CHECK ((kind = ANY (ARRAY['assessed'::text, 'exempted'::text]))),
    CONSTRAINT fee_act_quantity_check CHECK ((quantity > (0)::numeric)),
    CONSTRAINT fee_act_rate_check CHECK ((rate > (0)::numeric)),
    CONSTRAINT fee_act_remits_once CHECK (((num_nonnulls(remitted, share) = 0) OR ((kind = 'exempted'::text) AND (num_nonnulls(remitted, share) = 1)))),
    CONSTRAINT fee_act_remitted_check CHECK ((remitted > (0)::numeric)),
    CONSTRAINT fee_act_share_check CHECK (((share > (0)::numeric) AND (share < (1)::numeric)))
);

COMMENT ON TABLE public.fee_act IS 'INSERT-only: what operators recorded about lines of bills';

COMMENT ON COLUMN public.fee_act.document IS 'the paper that it rests on';

COMMENT ON COLUMN public.fee_act.remitted IS 'the sum that an exemption remits; none and no share: all';

COMMENT ON COLUMN public.fee_act.share IS 'the share of the amount that an exemption remits';

ALTER TABLE public.fee_act ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.fee_act_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.fee_settlement (
    application text NOT NULL,
    line text NOT NULL,
    kind text NOT NULL,
    transfer uuid NOT NULL,
    amount numeric(14,2) NOT NULL,
    CONSTRAINT fee_settlement_amount_check CHECK ((amount > (0)::numeric)),
    CONSTRAINT fee_settlement_kind_check CHECK ((kind = ANY (ARRAY['payment'::text, 'refund'::text])))
);

COMMENT ON TABLE public.fee_settlement IS 'Lines of transfers that were begun or confirmed';

CREATE TABLE public.fee_transfer (
    id uuid NOT NULL,
    application text NOT NULL,
    kind text NOT NULL,
    lines text[] NOT NULL,
    amount numeric(14,2) NOT NULL,
    adapter text NOT NULL,
    sandbox boolean NOT NULL,
    state text DEFAULT 'begun'::text NOT NULL,
    reference text,
    pay_at text,
    refund_of uuid,
    reason text,
    document text,
    begun_at timestamp with time zone NOT NULL,
    begun_by text NOT NULL,
    asked_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT fee_transfer_amount_check CHECK ((amount > (0)::numeric)),
    CONSTRAINT fee_transfer_check CHECK (((state = 'begun'::text) = (ended_at IS NULL))),
    CONSTRAINT fee_transfer_check1 CHECK (((kind = 'refund'::text) = (num_nulls(refund_of, reason, document) = 0))),
    CONSTRAINT fee_transfer_check2 CHECK (((kind = 'refund'::text) OR (num_nulls(refund_of, reason, document) = 3))),
    CONSTRAINT fee_transfer_kind_check CHECK ((kind = ANY (ARRAY['payment'::text, 'refund'::text]))),
    CONSTRAINT fee_transfer_lines_check CHECK ((cardinality(lines) > 0)),
    CONSTRAINT fee_transfer_state_check CHECK ((state = ANY (ARRAY['begun'::text, 'confirmed'::text, 'failed'::text])))
);

COMMENT ON TABLE public.fee_transfer IS 'Payments and refunds; the id is the number of the order';

COMMENT ON COLUMN public.fee_transfer.reference IS 'the payment system''s own number';

COMMENT ON COLUMN public.fee_transfer.asked_at IS 'when the payment system was last asked (real time)';

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

CREATE TABLE public.inquiry (
    number text NOT NULL,
    owner_ref text NOT NULL,
    party_kind text NOT NULL,
    party_name text NOT NULL,
    project_name text NOT NULL,
    scenario text NOT NULL,
    answers jsonb NOT NULL,
    held jsonb NOT NULL,
    catalogue_version text NOT NULL,
    outcome text NOT NULL,
    items jsonb NOT NULL,
    answered_at timestamp with time zone NOT NULL,
    CONSTRAINT inquiry_outcome_check CHECK ((outcome = ANY (ARRAY['not_needed'::text, 'not_in_power'::text]))),
    CONSTRAINT inquiry_party_kind_check CHECK ((party_kind = ANY (ARRAY['person'::text, 'company'::text])))
);

COMMENT ON TABLE public.inquiry IS 'INSERT-only: what was asked before applying, and the answer (32(1), 32(2))';

COMMENT ON COLUMN public.inquiry.party_name IS 'personal data where the party is a person';

COMMENT ON COLUMN public.inquiry.items IS 'what was said of every item, and who is in power';

CREATE TABLE public.inquiry_document (
    inquiry text NOT NULL,
    kind text NOT NULL,
    code text NOT NULL,
    title_zh text NOT NULL,
    title_en text NOT NULL,
    dated date NOT NULL,
    content text NOT NULL,
    sha256 text NOT NULL,
    size bigint NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    CONSTRAINT inquiry_document_kind_check CHECK ((kind = ANY (ARRAY['not_needed'::text, 'not_in_power'::text]))),
    CONSTRAINT inquiry_document_size_check CHECK ((size > 0))
);

COMMENT ON TABLE public.inquiry_document IS 'INSERT-only: sealed answers as they were handed out';

CREATE SEQUENCE public.inquiry_number
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.joint_limit (
    application text NOT NULL,
    start_on date NOT NULL,
    due_on date NOT NULL,
    due_at timestamp with time zone NOT NULL,
    days integer NOT NULL,
    unit text NOT NULL,
    article text NOT NULL,
    provisional boolean NOT NULL
)
WITH (fillfactor='80');

COMMENT ON TABLE public.joint_limit IS 'The projection; there is none of an application that is no joint case';

CREATE TABLE public.joint_session (
    application text NOT NULL,
    lead text NOT NULL,
    session bigint NOT NULL,
    step text NOT NULL,
    state text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    absent text[] NOT NULL,
    told_at timestamp with time zone NOT NULL,
    offer integer,
    offer_until timestamp with time zone,
    offer_slots jsonb,
    CONSTRAINT joint_session_check CHECK ((starts_at < ends_at)),
    CONSTRAINT joint_session_offer_check CHECK ((offer > 0)),
    CONSTRAINT joint_session_offer_is_whole CHECK ((((offer IS NULL) = (offer_until IS NULL)) AND ((offer IS NULL) = (offer_slots IS NULL)))),
    CONSTRAINT joint_session_state_check CHECK ((state = ANY (ARRAY['convened'::text, 'held'::text, 'recorded'::text, 'cancelled'::text])))
);

COMMENT ON TABLE public.joint_session IS 'when departments meet about an application';

COMMENT ON COLUMN public.joint_session.offer_slots IS 'a list of {starts_at, ends_at}';

CREATE TABLE public.letter (
    id bigint NOT NULL,
    owner_ref text NOT NULL,
    application text NOT NULL,
    kind text NOT NULL,
    source uuid NOT NULL,
    place smallint NOT NULL,
    facts jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    read_at timestamp with time zone,
    written_at timestamp with time zone DEFAULT now() NOT NULL,
    queued boolean DEFAULT false NOT NULL
)
WITH (fillfactor='90');

COMMENT ON TABLE public.letter IS 'one letter; no words, no personal data';

COMMENT ON COLUMN public.letter.source IS 'the event that it tells of, or a number of its own';

COMMENT ON COLUMN public.letter.place IS 'its place among those of one event';

COMMENT ON COLUMN public.letter.at IS 'business time';

COMMENT ON COLUMN public.letter.written_at IS 'real time: too old a letter is not sent any more';

COMMENT ON COLUMN public.letter.queued IS 'it is to be sent, or was: while there is an adapter that sends';

ALTER TABLE public.letter ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.letter_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.letter_sending (
    letter bigint NOT NULL,
    channel text NOT NULL,
    attempts integer NOT NULL,
    next_attempt_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT letter_sending_channel_check CHECK ((channel = ANY (ARRAY['sms'::text, 'email'::text])))
)
WITH (fillfactor='80');

COMMENT ON TABLE public.letter_sending IS 'how far a letter has come by a channel; real time';

COMMENT ON COLUMN public.letter_sending.ended_at IS 'it was sent, or is not sent any more: without an address, or too old';

CREATE TABLE public.material (
    application text NOT NULL,
    place integer NOT NULL,
    material text NOT NULL,
    upload uuid,
    reference text,
    step text,
    round integer,
    given_at timestamp with time zone NOT NULL,
    CONSTRAINT material_check CHECK (((upload IS NULL) <> (reference IS NULL)))
);

COMMENT ON COLUMN public.material.step IS 'the merged step whose rectification it answers; null on submission';

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

CREATE TABLE public.papers_awaited (
    application text NOT NULL,
    step text NOT NULL,
    items text[] NOT NULL,
    materials text[] NOT NULL,
    since date NOT NULL,
    until timestamp with time zone,
    told_at timestamp with time zone NOT NULL,
    closed text[] DEFAULT '{}'::text[] NOT NULL,
    closed_at timestamp with time zone,
    untils jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT papers_awaited_materials_check CHECK ((cardinality(materials) > 0)),
    CONSTRAINT papers_closed_are_dated CHECK (((closed = '{}'::text[]) = (closed_at IS NULL)))
)
WITH (fillfactor='80');

COMMENT ON TABLE public.papers_awaited IS 'its turn has come, no clock of it runs; over when the step begins';

COMMENT ON COLUMN public.papers_awaited.until IS 'what needs them is given up after it; null: no term';

COMMENT ON COLUMN public.papers_awaited.closed IS 'papers that had not been committed when their term was over: they are taken no more';

COMMENT ON COLUMN public.papers_awaited.closed_at IS 'when the last of them was closed';

COMMENT ON COLUMN public.papers_awaited.untils IS 'the end of the term of each paper that was ever awaited; empty by rules that had one for all';

CREATE TABLE public.party (
    application text NOT NULL,
    capacity text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    id_number text NOT NULL,
    phone text NOT NULL,
    authorisation uuid,
    email text,
    CONSTRAINT party_capacity_check CHECK ((capacity = ANY (ARRAY['applicant'::text, 'agent'::text]))),
    CONSTRAINT party_check CHECK (((capacity = 'agent'::text) = (authorisation IS NOT NULL))),
    CONSTRAINT party_email_check CHECK (((length(email) >= 3) AND (length(email) <= 254))),
    CONSTRAINT party_kind_check CHECK ((kind = ANY (ARRAY['person'::text, 'company'::text])))
);

COMMENT ON TABLE public.party IS 'Personal data of applicants and agents';

COMMENT ON COLUMN public.party.authorisation IS 'the upload that authorises the agent';

COMMENT ON COLUMN public.party.email IS 'where letters are sent to, if given: personal data';

CREATE TABLE public.plan (
    digest text NOT NULL,
    body bytea NOT NULL
);
ALTER TABLE ONLY public.plan ALTER COLUMN body SET COMPRESSION lz4;

COMMENT ON TABLE public.plan IS 'Canonical bytes of every plan an application was received under';

CREATE TABLE public.rating (
    application text NOT NULL,
    department text NOT NULL,
    grade text NOT NULL,
    comment text,
    rated_at timestamp with time zone NOT NULL,
    CONSTRAINT rating_comment_check CHECK (((length(comment) >= 1) AND (length(comment) <= 2000))),
    CONSTRAINT rating_grade_check CHECK ((grade = ANY (ARRAY['very_satisfied'::text, 'satisfied'::text, 'basically_satisfied'::text, 'dissatisfied'::text, 'very_dissatisfied'::text])))
);

COMMENT ON COLUMN public.rating.comment IS 'the applicant''s own words: may name people, never leave';

CREATE TABLE public.rating_follow_up (
    application text NOT NULL,
    department text NOT NULL,
    state text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    answer text,
    answered_at timestamp with time zone,
    closed_at timestamp with time zone,
    CONSTRAINT rating_follow_up_check CHECK (((answer IS NULL) = (answered_at IS NULL))),
    CONSTRAINT rating_follow_up_check1 CHECK (((state = 'open'::text) = (answer IS NULL))),
    CONSTRAINT rating_follow_up_check2 CHECK (((state = 'closed'::text) = (closed_at IS NOT NULL))),
    CONSTRAINT rating_follow_up_state_check CHECK ((state = ANY (ARRAY['open'::text, 'answered'::text, 'closed'::text])))
);

CREATE TABLE public.rectification (
    application text NOT NULL,
    step text NOT NULL,
    round integer NOT NULL,
    items text[] NOT NULL,
    reasons text[] NOT NULL,
    until timestamp with time zone NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    closed_at timestamp with time zone,
    CONSTRAINT rectification_ends_once CHECK (((answered_at IS NULL) OR (closed_at IS NULL)))
);

COMMENT ON TABLE public.rectification IS 'The one notice of a merged step, and when it was answered';

COMMENT ON COLUMN public.rectification.closed_at IS 'when it was closed because no answer had been committed in its term';

CREATE TABLE public.remedy (
    id uuid NOT NULL,
    application text NOT NULL,
    item text NOT NULL,
    kind text NOT NULL,
    authority text NOT NULL,
    reference text NOT NULL,
    filed_on date NOT NULL,
    noted_at timestamp with time zone NOT NULL,
    noted_by text NOT NULL,
    outcome text,
    ended_on date,
    ended_at timestamp with time zone,
    ended_by text,
    CONSTRAINT remedy_check CHECK ((num_nulls(outcome, ended_on, ended_at, ended_by) = ANY (ARRAY[0, 4]))),
    CONSTRAINT remedy_check1 CHECK ((ended_on >= filed_on)),
    CONSTRAINT remedy_kind_check CHECK ((kind = ANY (ARRAY['review'::text, 'suit'::text]))),
    CONSTRAINT remedy_outcome_check CHECK ((outcome = ANY (ARRAY['upheld'::text, 'changed'::text, 'annulled'::text, 'unlawful'::text, 'ended'::text])))
);

COMMENT ON TABLE public.remedy IS 'Administrative reviews and suits against decisions, and how they ended';

COMMENT ON COLUMN public.remedy.noted_by IS 'keyed hash of whoever noted it';

CREATE TABLE public.result (
    application text NOT NULL,
    item text NOT NULL,
    department text NOT NULL,
    outcome text NOT NULL,
    number text,
    reasons text[] NOT NULL,
    remedies text[] NOT NULL,
    conditions text[] NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    released_at timestamp with time zone NOT NULL
);

CREATE TABLE public.step_progress (
    application text NOT NULL,
    step text NOT NULL,
    state text NOT NULL
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

CREATE TABLE public.supplement (
    id bigint NOT NULL,
    application text NOT NULL,
    round integer NOT NULL,
    subject text NOT NULL,
    statement text,
    given_at timestamp with time zone NOT NULL,
    CONSTRAINT supplement_check CHECK (((statement IS NOT NULL) = (subject ~~ 'condition/%'::text))),
    CONSTRAINT supplement_round_check CHECK ((round >= 0))
);

COMMENT ON COLUMN public.supplement.round IS 'the notice that is answered; 0: none';

ALTER TABLE public.supplement ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.supplement_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.upload (
    id uuid NOT NULL,
    owner_ref text NOT NULL,
    sha256 text NOT NULL,
    media_type text NOT NULL,
    file_name text NOT NULL,
    size bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT upload_size_check CHECK ((size > 0))
);

COMMENT ON TABLE public.upload IS 'Files handed in; the content lies under its SHA-256 in the file store';

ALTER TABLE ONLY public.inbox ALTER COLUMN arrival SET DEFAULT nextval('public.inbox_arrival'::regclass);

ALTER TABLE ONLY public.acceptance_examiner
    ADD CONSTRAINT acceptance_examiner_pkey PRIMARY KEY (application, department);

ALTER TABLE ONLY public.acceptance_notice
    ADD CONSTRAINT acceptance_notice_pkey PRIMARY KEY (application, round);

ALTER TABLE ONLY public.acceptance
    ADD CONSTRAINT acceptance_pkey PRIMARY KEY (application);

ALTER TABLE ONLY public.acceptance_receipt
    ADD CONSTRAINT acceptance_receipt_pkey PRIMARY KEY (application, place);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.application
    ADD CONSTRAINT application_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.appointment_answer
    ADD CONSTRAINT appointment_answer_pkey PRIMARY KEY (application, lead, session, offer);

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

ALTER TABLE ONLY public.bill
    ADD CONSTRAINT bill_pkey PRIMARY KEY (application);

ALTER TABLE ONLY public.catalogue_approval
    ADD CONSTRAINT catalogue_approval_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.clock_notice
    ADD CONSTRAINT clock_notice_pkey PRIMARY KEY (application, task, why, notice, at);

ALTER TABLE ONLY public.dead_letter
    ADD CONSTRAINT dead_letter_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.dead_letter
    ADD CONSTRAINT dead_letter_topic_digest_key UNIQUE (topic, digest);

ALTER TABLE ONLY public.deadline_signal
    ADD CONSTRAINT deadline_signal_pkey PRIMARY KEY (application, task, signal);

ALTER TABLE ONLY public.document
    ADD CONSTRAINT document_code_key UNIQUE (code);

ALTER TABLE ONLY public.document
    ADD CONSTRAINT document_pkey PRIMARY KEY (application, name);

ALTER TABLE ONLY public.document
    ADD CONSTRAINT document_sha256_key UNIQUE (sha256);

ALTER TABLE ONLY public.draft
    ADD CONSTRAINT draft_application_key UNIQUE (application);

ALTER TABLE ONLY public.draft_file
    ADD CONSTRAINT draft_file_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.draft
    ADD CONSTRAINT draft_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.fee_act
    ADD CONSTRAINT fee_act_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.fee_settlement
    ADD CONSTRAINT fee_settlement_pkey PRIMARY KEY (application, line, kind);

ALTER TABLE ONLY public.fee_transfer
    ADD CONSTRAINT fee_transfer_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.heartbeat
    ADD CONSTRAINT heartbeat_pkey PRIMARY KEY (loop, instance);

ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (owner, key);

ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (event_id);

ALTER TABLE ONLY public.inquiry_document
    ADD CONSTRAINT inquiry_document_code_key UNIQUE (code);

ALTER TABLE ONLY public.inquiry_document
    ADD CONSTRAINT inquiry_document_pkey PRIMARY KEY (inquiry);

ALTER TABLE ONLY public.inquiry_document
    ADD CONSTRAINT inquiry_document_sha256_key UNIQUE (sha256);

ALTER TABLE ONLY public.inquiry
    ADD CONSTRAINT inquiry_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.joint_limit
    ADD CONSTRAINT joint_limit_pkey PRIMARY KEY (application);

ALTER TABLE ONLY public.joint_session
    ADD CONSTRAINT joint_session_pkey PRIMARY KEY (application, lead, session);

ALTER TABLE ONLY public.letter
    ADD CONSTRAINT letter_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.letter_sending
    ADD CONSTRAINT letter_sending_pkey PRIMARY KEY (letter, channel);

ALTER TABLE ONLY public.letter
    ADD CONSTRAINT letter_source_place_key UNIQUE (source, place);

ALTER TABLE ONLY public.material
    ADD CONSTRAINT material_pkey PRIMARY KEY (application, place);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_event_id_key UNIQUE (event_id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.papers_awaited
    ADD CONSTRAINT papers_awaited_pkey PRIMARY KEY (application, step);

ALTER TABLE ONLY public.party
    ADD CONSTRAINT party_pkey PRIMARY KEY (application, capacity);

ALTER TABLE ONLY public.plan
    ADD CONSTRAINT plan_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY public.rating_follow_up
    ADD CONSTRAINT rating_follow_up_pkey PRIMARY KEY (application, department);

ALTER TABLE ONLY public.rating
    ADD CONSTRAINT rating_pkey PRIMARY KEY (application, department);

ALTER TABLE ONLY public.rectification
    ADD CONSTRAINT rectification_pkey PRIMARY KEY (application, step, round);

ALTER TABLE ONLY public.remedy
    ADD CONSTRAINT remedy_application_item_kind_reference_key UNIQUE (application, item, kind, reference);

ALTER TABLE ONLY public.remedy
    ADD CONSTRAINT remedy_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.result
    ADD CONSTRAINT result_pkey PRIMARY KEY (application, item);

ALTER TABLE ONLY public.step_progress
    ADD CONSTRAINT step_progress_pkey PRIMARY KEY (application, step);

ALTER TABLE ONLY public.stream_position
    ADD CONSTRAINT stream_position_pkey PRIMARY KEY (application, topic, source);

ALTER TABLE ONLY public.supplement
    ADD CONSTRAINT supplement_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.task_progress
    ADD CONSTRAINT task_progress_pkey PRIMARY KEY (task);

ALTER TABLE ONLY public.upload
    ADD CONSTRAINT upload_pkey PRIMARY KEY (id);

CREATE INDEX application_by_owner ON public.application USING btree (owner_ref, submitted_at DESC, number DESC);

CREATE INDEX application_by_project ON public.application USING btree (project_code);

CREATE INDEX audit_leaf_application ON public.audit_leaf USING btree (application, id);

CREATE INDEX audit_leaf_xid ON public.audit_leaf USING btree (xid, id);

CREATE INDEX dead_letter_open ON public.dead_letter USING btree (id) WHERE (state = 'open'::text);

CREATE INDEX draft_by_owner ON public.draft USING btree (owner_ref, updated_at DESC);

CREATE INDEX draft_by_touch ON public.draft USING btree (touched_at);

CREATE UNIQUE INDEX draft_file_coming ON public.draft_file USING btree (draft, slot) WHERE (sha256 IS NULL);

CREATE INDEX draft_file_of_draft ON public.draft_file USING btree (draft, created_at, id);

CREATE UNIQUE INDEX draft_file_there ON public.draft_file USING btree (draft, slot) WHERE (sha256 IS NOT NULL);

CREATE INDEX fee_act_by_application ON public.fee_act USING btree (application);

CREATE UNIQUE INDEX fee_act_exempted_once ON public.fee_act USING btree (application, line) WHERE (kind = 'exempted'::text);

CREATE INDEX fee_settlement_by_transfer ON public.fee_settlement USING btree (transfer);

CREATE INDEX fee_transfer_begun ON public.fee_transfer USING btree (adapter, asked_at) WHERE (state = 'begun'::text);

CREATE INDEX fee_transfer_by_application ON public.fee_transfer USING btree (application);

CREATE INDEX idempotency_created ON public.idempotency USING btree (created_at);

CREATE INDEX inbox_undelivered ON public.inbox USING btree (arrival) WHERE ((state = 'applied'::text) AND (delivered_at IS NULL));

CREATE INDEX inbox_waiting ON public.inbox USING btree (application, topic, source, seq) WHERE (state <> 'applied'::text);

CREATE INDEX inquiry_by_owner ON public.inquiry USING btree (owner_ref);

CREATE INDEX letter_not_queued ON public.letter USING btree (written_at) WHERE (NOT queued);

CREATE INDEX letter_of_owner ON public.letter USING btree (owner_ref, at DESC, id DESC);

CREATE INDEX letter_sending_due ON public.letter_sending USING btree (next_attempt_at) WHERE (ended_at IS NULL);

CREATE INDEX letter_unread ON public.letter USING btree (owner_ref) WHERE (read_at IS NULL);

CREATE INDEX outbox_pending ON public.outbox USING btree (id) WHERE (state = 'pending'::text);

CREATE INDEX outbox_unreceipted ON public.outbox USING btree (next_attempt_at, id) WHERE (state = 'sent'::text);

CREATE INDEX result_by_number ON public.result USING btree (number) WHERE (number IS NOT NULL);

CREATE INDEX result_registered ON public.result USING btree (released_at DESC, application DESC, item DESC) WHERE (outcome = ANY (ARRAY['granted'::text, 'deemed_renewed'::text]));

CREATE INDEX result_registered_by_department ON public.result USING btree (department, released_at DESC, application DESC, item DESC) WHERE (outcome = ANY (ARRAY['granted'::text, 'deemed_renewed'::text]));

CREATE INDEX result_registered_by_item ON public.result USING btree (item, released_at DESC, application DESC) WHERE (outcome = ANY (ARRAY['granted'::text, 'deemed_renewed'::text]));

CREATE INDEX supplement_by_application ON public.supplement USING btree (application, id);

CREATE INDEX task_progress_by_application ON public.task_progress USING btree (application, department);

CREATE INDEX upload_by_content ON public.upload USING btree (sha256);

CREATE TRIGGER acceptance_notice_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.acceptance_notice FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER acceptance_receipt_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.acceptance_receipt FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_checkpoint_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_leaf_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_leaf FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_node_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_node FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_order_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_order FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER bill_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.bill FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER catalogue_approval_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.catalogue_approval FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER document_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.document FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER fee_act_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.fee_act FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER inquiry_document_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.inquiry_document FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER inquiry_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.inquiry FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER supplement_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.supplement FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

ALTER TABLE ONLY public.acceptance
    ADD CONSTRAINT acceptance_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.acceptance_examiner
    ADD CONSTRAINT acceptance_examiner_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.acceptance_notice
    ADD CONSTRAINT acceptance_notice_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.acceptance_receipt
    ADD CONSTRAINT acceptance_receipt_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.appointment_answer
    ADD CONSTRAINT appointment_answer_application_lead_session_fkey FOREIGN KEY (application, lead, session) REFERENCES public.joint_session(application, lead, session);

ALTER TABLE ONLY public.bill
    ADD CONSTRAINT bill_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.catalogue_approval
    ADD CONSTRAINT catalogue_approval_predecessor_fkey FOREIGN KEY (predecessor) REFERENCES public.catalogue_approval(version);

ALTER TABLE ONLY public.clock_notice
    ADD CONSTRAINT clock_notice_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.deadline_signal
    ADD CONSTRAINT deadline_signal_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.document
    ADD CONSTRAINT document_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.document
    ADD CONSTRAINT document_application_item_fkey FOREIGN KEY (application, item) REFERENCES public.result(application, item);

ALTER TABLE ONLY public.draft
    ADD CONSTRAINT draft_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.draft_file
    ADD CONSTRAINT draft_file_draft_fkey FOREIGN KEY (draft) REFERENCES public.draft(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.fee_act
    ADD CONSTRAINT fee_act_application_fkey FOREIGN KEY (application) REFERENCES public.bill(application);

ALTER TABLE ONLY public.fee_settlement
    ADD CONSTRAINT fee_settlement_application_fkey FOREIGN KEY (application) REFERENCES public.bill(application);

ALTER TABLE ONLY public.fee_settlement
    ADD CONSTRAINT fee_settlement_transfer_fkey FOREIGN KEY (transfer) REFERENCES public.fee_transfer(id);

ALTER TABLE ONLY public.fee_transfer
    ADD CONSTRAINT fee_transfer_application_fkey FOREIGN KEY (application) REFERENCES public.bill(application);

ALTER TABLE ONLY public.fee_transfer
    ADD CONSTRAINT fee_transfer_refund_of_fkey FOREIGN KEY (refund_of) REFERENCES public.fee_transfer(id);

ALTER TABLE ONLY public.inquiry_document
    ADD CONSTRAINT inquiry_document_inquiry_fkey FOREIGN KEY (inquiry) REFERENCES public.inquiry(number);

ALTER TABLE ONLY public.joint_limit
    ADD CONSTRAINT joint_limit_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.joint_session
    ADD CONSTRAINT joint_session_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.letter
    ADD CONSTRAINT letter_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.letter_sending
    ADD CONSTRAINT letter_sending_letter_fkey FOREIGN KEY (letter) REFERENCES public.letter(id);

ALTER TABLE ONLY public.material
    ADD CONSTRAINT material_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.material
    ADD CONSTRAINT material_upload_fkey FOREIGN KEY (upload) REFERENCES public.upload(id);

ALTER TABLE ONLY public.papers_awaited
    ADD CONSTRAINT papers_awaited_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.party
    ADD CONSTRAINT party_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.party
    ADD CONSTRAINT party_authorisation_fkey FOREIGN KEY (authorisation) REFERENCES public.upload(id);

ALTER TABLE ONLY public.rating
    ADD CONSTRAINT rating_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.rating_follow_up
    ADD CONSTRAINT rating_follow_up_application_department_fkey FOREIGN KEY (application, department) REFERENCES public.rating(application, department);

ALTER TABLE ONLY public.rectification
    ADD CONSTRAINT rectification_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.remedy
    ADD CONSTRAINT remedy_application_item_fkey FOREIGN KEY (application, item) REFERENCES public.result(application, item);

ALTER TABLE ONLY public.result
    ADD CONSTRAINT result_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.step_progress
    ADD CONSTRAINT step_progress_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.supplement
    ADD CONSTRAINT supplement_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);

ALTER TABLE ONLY public.task_progress
    ADD CONSTRAINT task_progress_application_fkey FOREIGN KEY (application) REFERENCES public.application(number);
