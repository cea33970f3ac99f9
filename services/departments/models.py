"""What the queues' API is asked and answers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.contracts.events import Due, MaterialRef, Text
from services.contracts.vocabulary import Authority, Outcome, Part, Role, Silence
from services.departments.deciding import Ended, Entry, Verdict
from services.departments.store import Row
from services.runtime.web.etag import Expected
from services.runtime.web.pages import Page
from services.runtime.web.problems import Problem, body_of

State: TypeAlias = Literal["open", "decided", "lapsed", "cancelled"]
Kind: TypeAlias = Literal[
    "claimed",
    "released",
    "noted",
    "decision",
    "opinion",
    "lapse",
    "cancelled",
    "paused",
    "pause_ended",
    "extended",
    "redated",
    "session",
    "reassigned",
    "special",
    "asked_above",
    "answered_above",
    "visited",
    "signed",
]
LARGEST_BATCH = 100
LARGEST_ID = 2**63 - 1
NUMBER = "MX20260105-000001-7"
TASK = f"{NUMBER}/fire-design-review/fire/1"
REASON = "疏散宽度不符合《建筑防火通用规范》第7.1.4条"
REMEDIES = ("可自收到本决定之日起六十日内申请行政复议", "可在六个月内向人民法院提起行政诉讼")


def _written(text: str) -> str:
    """Refuse the one character that Postgres has no place for."""
    if "\x00" in text:
        raise ValueError("含有不允许的字符 / It contains a character that is not allowed")
    return text


Written = Annotated[Text, AfterValidator(_written)]
Texts = Annotated[tuple[Written, ...], Field(max_length=20)]
TaskId = Annotated[int, Field(ge=1, le=LARGEST_ID, description="Number of the task here.")]
Ref = Annotated[str, Field(description="Keyed hash of a person.", examples=["9f2c" * 8])]


class Asked(BaseModel):
    """Base of the bodies: a member that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewNote(Asked):
    """A note for one's colleagues; the applicant never sees it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "已电话核实图纸版本"}]})

    text: Written = Field(examples=["已电话核实图纸版本"])


class Opinion(Asked):
    """What a consulted department thinks."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"outcome": "no_objection"},
                {"outcome": "objection", "reasons": [REASON]},
            ]
        }
    )

    outcome: Literal[Outcome.NO_OBJECTION, Outcome.OBJECTION]
    reasons: Texts = Field(default=(), description="Compulsory with an objection.")

    def entry(self, task: int, expected: Expected) -> Entry:
        """Return it as the use case takes it."""
        return Entry(id=task, outcome=self.outcome, reasons=self.reasons, expected=expected)


class Decision(Asked):
    """A grant, or a refusal with its reasons and remedies (行政许可法 38)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"outcome": "granted", "conditions": ["开工前完成消防设计技术交底"]},
                {"outcome": "refused", "reasons": [REASON], "remedies": [*REMEDIES]},
            ]
        }
    )

    outcome: Literal[Outcome.GRANTED, Outcome.REFUSED]
    conditions: Texts = Field(default=(), description="What a grant is subject to.")
    reasons: Texts = Field(default=(), description="Compulsory with a refusal.")
    remedies: Texts = Field(default=(), description="复议 and 诉讼; compulsory with a refusal.")
    decided_above: Written | None = Field(
        default=None,
        description="Which decision is recorded; compulsory when the authority is not "
        "`representative`, refused when it is.",
    )

    def entry(self, task: int, expected: Expected) -> Entry:
        """Return it as the use case takes it."""
        return Entry(
            id=task,
            outcome=self.outcome,
            conditions=self.conditions,
            reasons=self.reasons,
            remedies=self.remedies,
            decided_above=self.decided_above,
            expected=expected,
        )


class BatchEntry(Asked):
    """One task of a batch: a decision or an opinion, as the task's part asks."""

    id: TaskId
    outcome: Literal[Outcome.GRANTED, Outcome.REFUSED, Outcome.NO_OBJECTION, Outcome.OBJECTION]
    conditions: Texts = ()
    reasons: Texts = ()
    remedies: Texts = ()
    decided_above: Written | None = None
    version: int | None = Field(default=None, description="Refuse if it has another version now.")

    def entry(self) -> Entry:
        """Return it as the use case takes it."""
        return Entry(
            id=self.id,
            outcome=self.outcome,
            conditions=self.conditions,
            reasons=self.reasons,
            remedies=self.remedies,
            decided_above=self.decided_above,
            expected=None if self.version is None else Expected(frozenset({str(self.version)})),
        )


class Batch(Asked):
    """Up to a hundred decisions and opinions, each on its own merits."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "entries": [
                        {"id": 4711, "outcome": "granted", "version": 2},
                        {"id": 4712, "outcome": "no_objection"},
                    ]
                }
            ]
        }
    )

    entries: tuple[BatchEntry, ...] = Field(min_length=1, max_length=LARGEST_BATCH)


class TaskSummary(BaseModel):
    """A task as it stands in a list."""

    id: TaskId
    task: str = Field(
        examples=[TASK], description="Its name: application, item, department, round."
    )
    application: str = Field(examples=[NUMBER])
    project_code: str
    step: str
    item: str
    part: Part
    round: int
    authority: Authority
    silence: Silence
    state: State
    outcome: Outcome | None
    issued_at: datetime
    ended_at: datetime | None
    due: Due
    claimed_by: Ref | None
    claimed_at: datetime | None
    special_at: datetime | None = Field(description="Since when it goes before the others (特办).")
    expires_at: datetime | None = Field(description="End of the permit that silence would renew.")
    version: int = Field(description="Also its ETag.")


class TaskPage(Page):
    """A page of a department's queue."""

    items: list[TaskSummary]


class OutcomeView(BaseModel):
    """How a task ended."""

    kind: Literal["decision", "opinion", "lapse"]
    outcome: Outcome
    result_number: str | None = Field(examples=[f"fire-design-review-{NUMBER}-fire-1"])
    conditions: list[str]
    reasons: list[str]
    remedies: list[str]
    decided_above: str | None
    actor_ref: Ref | None
    actor_role: Role | None
    basis: str = Field(description="An authority, `consulted`, or `silence`.")
    authorisation_id: int | None = Field(description="The written authorisation it rests on.")
    above_id: int | None = Field(description="What came back from above, and was recorded.")
    decided_at: datetime


class TaskDetail(TaskSummary):
    """A task with everything it is about."""

    department: str
    scenario: str
    catalogue_version: str
    facts: dict[str, bool | int | float | str]
    materials: list[MaterialRef]
    participants: list[str] = Field(description="Departments that sign this step together.")
    group: str | None = Field(description="The catalogue's group of a merged step.")
    lead: str | None = Field(description="The department that convenes its joint sessions.")
    ended: OutcomeView | None


class Act(BaseModel):
    """Something that was done about a task."""

    id: int
    kind: Kind
    actor_ref: Ref | None
    actor_role: Role | None
    note: str | None = Field(description="Text of a note, or the reason of the act.")
    at: datetime


class ActPage(Page):
    """A page of a task's history, oldest first."""

    items: list[Act]


class ItemCount(BaseModel):
    """What is open in a queue on one item."""

    item: str
    part: Part
    open: int
    unclaimed: int
    mine: int
    overdue: int = Field(description="The promised instant is over.")


class Counts(BaseModel):
    """What is open in a queue: the sums, and item by item."""

    department: str
    open: int
    unclaimed: int
    mine: int
    overdue: int
    items: list[ItemCount]


class HoldingView(BaseModel):
    """Who has a task in hand, and since when."""

    id: TaskId
    task: str = Field(examples=[TASK])
    version: int
    claimed_by: Ref | None
    claimed_at: datetime | None


class NoteAdded(BaseModel):
    """A note has been added."""

    id: int
    at: datetime


class EndedView(BaseModel):
    """A task has ended as wanted."""

    id: TaskId
    task: str = Field(examples=[TASK])
    application: str = Field(examples=[NUMBER])
    outcome: Outcome
    result_number: str | None = Field(examples=[f"fire-design-review-{NUMBER}-fire-1"])
    decided_at: datetime
    version: int


class EntryAnswer(BaseModel):
    """What became of one entry of a batch: exactly one of the two."""

    id: TaskId
    ended: EndedView | None = None
    problem: dict[str, Any] | None = Field(
        default=None, description="Problem details (RFC 9457) of this entry alone."
    )


class BatchAnswer(BaseModel):
    """What became of each entry, in the order asked."""

    results: list[EntryAnswer]


class SilentTask(BaseModel):
    """An open task whose silence means something and whose time to speak is over."""

    id: TaskId
    task: str = Field(examples=[TASK])
    application: str
    department: str
    item: str
    promised_at: datetime
    expires_at: datetime | None = Field(description="End of the permit it renews, if it does.")


class SilentPage(Page):
    """Silent tasks, the longest first. In order, this list is empty a moment after it fills."""

    items: list[SilentTask]


_SUMMARY = (
    *("id", "task", "application", "project_code", "step", "item", "part", "round", "authority"),
    *("silence", "state", "outcome", "issued_at", "ended_at", "claimed_by", "claimed_at"),
    *("special_at", "expires_at", "version"),
)
_DUE = ("promised_on", "promised_at", "statutory_on", "statutory_at", "provisional")


def summary(row: Row) -> dict[str, Any]:
    """Return a `TaskSummary` as plain data."""
    return {name: row[name] for name in _SUMMARY} | {"due": {name: row[name] for name in _DUE}}


def detail(row: Row) -> dict[str, Any]:
    """Return a `TaskDetail` as plain data."""
    ended = None
    if row["kind"] is not None:
        names = (
            *("kind", "outcome", "result_number", "decided_above", "actor_ref", "actor_role"),
            *("basis", "decided_at", "authorisation_id", "above_id"),
        )
        ended = {name: row[name] for name in names} | _fragments(
            row, "conditions", "reasons", "remedies"
        )
    plain = ("department", "scenario", "catalogue_version", "participants")
    return (
        summary(row)
        | {name: row[name] for name in plain}
        | {"group": row["step_group"], "lead": row["lead"]}
        | _fragments(row, "facts", "materials")
        | {"ended": ended}
    )


def _fragments(row: Row, *names: str) -> dict[str, orjson.Fragment]:
    """Return jsonb columns as the JSON they are."""
    return {name: orjson.Fragment(row[name]) for name in names}


def counts(department: str, rows: list[Row]) -> dict[str, Any]:
    """Return `Counts` as plain data."""
    sums = ("open", "unclaimed", "mine", "overdue")
    items = [dict(row) for row in rows]
    totals = {name: sum(item[name] for item in items) for name in sums}
    return {"department": department, **totals, "items": items}


def ended(one: Ended) -> dict[str, Any]:
    """Return an `EndedView` as plain data."""
    return {name: getattr(one, name) for name in EndedView.model_fields}


def batch_answer(ids: Sequence[int], verdicts: Sequence[Verdict], language: str) -> dict[str, Any]:
    """Return a `BatchAnswer` as plain data; `ids` are the tasks asked about, in order."""
    results: list[dict[str, Any]] = []
    for id_, verdict in zip(ids, verdicts, strict=True):
        if isinstance(verdict, Problem):
            results.append({"id": id_, "problem": body_of(verdict, language, None)})
        else:
            results.append({"id": id_, "ended": ended(verdict)})
    return {"results": results}
