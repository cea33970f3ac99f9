"""The words that every layer shares. docs/glossary.md gives the statutory term of each."""

from enum import StrEnum


class Unit(StrEnum):
    """Unit of a time limit (行政许可法 82; a plain 日 in another law is a calendar day)."""

    WORKING_DAY = "working_day"
    CALENDAR_DAY = "calendar_day"


class LimitStart(StrEnum):
    """The act that starts a limit: 受理 (行政许可法 42) or 收到 (环境影响评价法 22, 建筑法 8)."""

    ACCEPTANCE = "acceptance"
    RECEIPT = "receipt"


class Part(StrEnum):
    """What a department does in a step: decide on an item, or give an opinion on it."""

    DECIDE = "decide"
    CONSULT = "consult"


class Outcome(StrEnum):
    """How one task ended. The first three belong to DECIDE, the others to CONSULT.

    A renewal that is deemed granted is no grant: it prolongs a permit there is (行政许可法 50).
    """

    GRANTED = "granted"
    REFUSED = "refused"
    DEEMED_RENEWED = "deemed_renewed"
    NO_OBJECTION = "no_objection"
    OBJECTION = "objection"
    DEEMED_NO_OBJECTION = "deemed_no_objection"


GRANTING = frozenset({Outcome.GRANTED, Outcome.DEEMED_RENEWED})
"""What an item ends in that the applicant may go by."""
FAVOURABLE = frozenset({*GRANTING, Outcome.NO_OBJECTION, Outcome.DEEMED_NO_OBJECTION})
OUTCOMES_OF = {
    Part.DECIDE: frozenset({Outcome.GRANTED, Outcome.REFUSED}),
    Part.CONSULT: frozenset({Outcome.NO_OBJECTION, Outcome.OBJECTION}),
}


class Silence(StrEnum):
    """What silence means: of a consulted unit (超时默许), or about a renewal (行政许可法 50).

    A deemed opinion is never a licence; a deemed renewal prolongs one that there is.
    """

    NONE = "none"
    NO_OBJECTION = "no_objection"
    RENEWED = "renewed"


DEEMED = {
    Silence.NO_OBJECTION: Outcome.DEEMED_NO_OBJECTION,
    Silence.RENEWED: Outcome.DEEMED_RENEWED,
}
"""What a task ends in by silence."""
SILENCE_OF = {
    Silence.NO_OBJECTION: Part.CONSULT,
    Silence.RENEWED: Part.DECIDE,
}
"""Whose silence it is: that of a unit asked for its opinion, or of whoever decides a renewal."""


class TaskState(StrEnum):
    """The state of one task as the workflow drives it."""

    WAITING = "waiting"
    OPEN = "open"
    DECIDED = "decided"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"


class StepState(StrEnum):
    """The state of one step: a single item, or a merged step with a barrier."""

    WAITING = "waiting"
    OPEN = "open"
    RECTIFYING = "rectifying"
    DONE = "done"
    CANCELLED = "cancelled"


class SessionState(StrEnum):
    """How far a joint session has come. `held`: attendance was taken; `recorded`: to be signed."""

    CONVENED = "convened"
    HELD = "held"
    RECORDED = "recorded"
    CANCELLED = "cancelled"


class AppointmentOutcome(StrEnum):
    """What became of the applicant's word about a session's time.

    `gone`: the other time is taken, or outside a clock by now; `void`: there was nothing to answer
    any more, or it came too late. In both cases the session stays as it is.
    """

    CONFIRMED = "confirmed"
    MOVED = "moved"
    GONE = "gone"
    VOID = "void"


class ApplicationStatus(StrEnum):
    """The status people are shown. Exactly one holds at any time (conservation)."""

    RECEIVED = "received"
    SUPPLEMENTING = "supplementing"
    IN_PROGRESS = "in_progress"
    HELD = "held"
    RECTIFYING = "rectifying"
    CONCLUDED = "concluded"
    WITHDRAWN = "withdrawn"


class AcceptanceMode(StrEnum):
    """How the county accepts: with the submission, or after its departments have looked."""

    ON_THE_SPOT = "on_the_spot"
    BY_DEPARTMENTS = "by_departments"


class AcceptanceState(StrEnum):
    """Where an application stands before it is accepted, and after (行政许可法 32)."""

    EXAMINING = "examining"
    SUPPLEMENTING = "supplementing"
    ACCEPTED = "accepted"


class AcceptanceKind(StrEnum):
    """How an application was accepted: by the departments' word, or because no notice came."""

    EXPLICIT = "explicit"
    DEEMED = "deemed"


class AcceptanceOutcome(StrEnum):
    """The five outcomes of an application (行政许可法 32); each has a dated receipt."""

    NOT_NEEDED = "not_needed"
    NOT_IN_POWER = "not_in_power"
    FIXED_ON_THE_SPOT = "fixed_on_the_spot"
    INCOMPLETE = "incomplete"
    ACCEPTED = "accepted"


class FindingKind(StrEnum):
    """What is wrong with a material or a condition: not there, or not in the form required."""

    MISSING = "missing"
    DEFECTIVE = "defective"


class Conclusion(StrEnum):
    """How a whole application ended."""

    GRANTED = "granted"
    PARTLY_GRANTED = "partly_granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Signal(StrEnum):
    """What a deadline says: one working day before the promise, promise passed, statute passed.

    The last three are facts about the limits beside those of a task: see `LimitKind`.
    """

    WARNING = "warning"
    PROMISE_PASSED = "promise_passed"
    STATUTE_PASSED = "statute_passed"
    JOINT_LIMIT_PASSED = "joint_limit_passed"
    FIRST_REVIEW_OVERDUE = "first_review_overdue"
    DELIVERY_OVERDUE = "delivery_overdue"


class LimitKind(StrEnum):
    """A limit beside the promise and the statute of a task.

    The notice of what is missing (行政许可法 32), the joint case as a whole (42(2)), the first
    review of what a higher authority decides (43), the delivery of a licence (44).
    """

    ACCEPTANCE = "acceptance"
    JOINT = "joint"
    FIRST_REVIEW = "first_review"
    DELIVERY = "delivery"


class PauseKind(StrEnum):
    """A procedure whose time is not counted (行政许可法 45, or the rule the catalogue names)."""

    HEARING = "hearing"
    TENDER = "tender"
    AUCTION = "auction"
    INSPECTION = "inspection"
    TESTING = "testing"
    QUARANTINE = "quarantine"
    APPRAISAL = "appraisal"
    EXPERT_REVIEW = "expert_review"
    PUBLICITY = "publicity"
    COMMISSIONED_EVALUATION = "commissioned_evaluation"
    CONSULTATION = "consultation"
    RECTIFICATION = "rectification"
    PAPERS = "papers"


class Approver(StrEnum):
    """Who approves that a limit is extended: by the law, or by the item's own rule."""

    DEPARTMENT_HEAD = "department_head"
    GOVERNMENT_HEAD = "government_head"
    APPROVING_BODY = "approving_body"
    PRINCIPAL = "principal"


class DateChange(StrEnum):
    """Why a date that had been told was moved. Nothing else ever moves one."""

    PAUSED = "paused"
    PAUSE_ENDED = "pause_ended"
    EXTENDED = "extended"
    CALENDAR = "calendar"
    PAPERS = "papers"
    RECTIFIED = "rectified"


class Grade(StrEnum):
    """How the applicant rates a department's service (好差评), best first; the last two are bad."""

    VERY_SATISFIED = "very_satisfied"
    SATISFIED = "satisfied"
    BASICALLY_SATISFIED = "basically_satisfied"
    DISSATISFIED = "dissatisfied"
    VERY_DISSATISFIED = "very_dissatisfied"


class FollowUpState(StrEnum):
    """How far the follow-up of a bad rating has come: the department answers, then it is closed."""

    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"


class Role(StrEnum):
    """Who may ask. The claim `roles` of the bearer token carries them."""

    INVESTOR = "investor"
    OFFICER = "officer"
    CHIEF_REPRESENTATIVE = "chief_representative"
    DEPARTMENT_HEAD = "department_head"
    SUPERVISOR = "supervisor"
    OPERATOR = "operator"
    GOVERNMENT_HEAD = "government_head"


class Authority(StrEnum):
    """Who must decide an item: the chief representative at the window, or higher (报批)."""

    REPRESENTATIVE = "representative"
    DEPARTMENT_HEAD = "department_head"
    GOVERNMENT_HEAD = "government_head"
    HIGHER_LEVEL = "higher_level"


class DepartmentSystem(StrEnum):
    """Whether a department works in our queues, or with software of its own over Kafka."""

    SHARED = "shared"
    OWN = "own"


class Service(StrEnum):
    """The three services, by the name they sign their messages with."""

    INTAKE = "intake"
    ORCHESTRATOR = "orchestrator"
    DEPARTMENTS = "departments"
