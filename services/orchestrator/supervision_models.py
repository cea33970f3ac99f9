"""What the supervision's API takes and answers."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.domain.catalogue_base import Basis, Limit, Name
from services.domain.supervision import CardState
from services.domain.supervision_rules import Colour, FactKind
from services.orchestrator.models import EXAMPLE_NUMBER, Shown
from services.runtime.web.pages import Page

EXAMPLE_TASK = f"{EXAMPLE_NUMBER}/FIRE-CHECK/fire-rescue/1"
EXAMPLE_EVIDENCE = {
    "step": "FIRE-CHECK",
    "passed_at": "2026-03-09T09:00:01Z",
    "issued_on": "2026-03-02",
    "due_on": "2026-03-09",
    "due_at": "2026-03-09T09:00:00Z",
    "working_days": 5,
    "calendar": "2024-2026-1f0c7a2e",
    "pauses": [],
    "extensions": [],
}
EXAMPLE_FINDING = {
    "number": "消验〔2026〕20号",
    "decided_at": "2026-03-09T07:10:00Z",
    "highest": 12,
    "missing": 7,
}


Said = Annotated[str, Field(min_length=2, max_length=4000, pattern=r"^[^\x00]*$")]
"""What somebody says of a card; the database keeps no NUL."""


def _body(example: dict[str, str]) -> ConfigDict:
    return ConfigDict(
        frozen=True,
        extra="forbid",
        str_strip_whitespace=True,
        json_schema_extra={"examples": [dict(example)]},
    )


class RuleView(Shown):
    """One rule of the supervision."""

    code: str = Field(examples=["statute-passed"])
    reads: FactKind = Field(description="The kind of fact it reads.")
    colour: Colour = Field(description="`light`: no card; shown, or listed among the findings.")
    name: Name
    basis: Basis
    thresholds: dict[str, int] = Field(
        description="From where on a sensor speaks.", examples=[{"working_days": 1}]
    )


class EscalationView(Shown):
    """So many cards of one department within a calendar month: an entry on the red list."""

    code: str = Field(examples=["two-yellow"])
    colour: Colour
    cards: int = Field(examples=[2])
    name: Name
    basis: Basis


class RulesView(Shown):
    """The rules of the supervision in force."""

    version: str = Field(examples=["2026.1"])
    appeal_within: Limit
    rules: list[RuleView]
    escalations: list[EscalationView]


class CardView(Shown):
    """A yellow or red card."""

    id: int
    colour: Colour = Field(examples=[Colour.YELLOW])
    rule: str = Field(examples=["promise-passed"])
    name: Name | None = Field(description="What the rule is called; absent when it is no more.")
    fact: FactKind = Field(examples=[FactKind.PROMISE_PASSED])
    article: str = Field(examples=["行政许可法 42, 74"])
    department: str = Field(examples=["fire-rescue"])
    item: str | None = Field(examples=["FIRE-CHECK"])
    application: str | None = Field(examples=[EXAMPLE_NUMBER])
    task: str | None = Field(examples=[EXAMPLE_TASK])
    subject: str = Field(
        description="What it is about: a task in its round, an examination, a session, a number.",
        examples=[EXAMPLE_TASK],
    )
    raised_at: datetime
    evidence: dict[str, Any] = Field(
        description="Facts, dates, and everything that was not counted; no person, no free text.",
        examples=[EXAMPLE_EVIDENCE],
    )
    state: CardState


class CardActView(Shown):
    """One entry of a card's journal. Without `actor_ref` it was a later fact that lifted it."""

    act: str = Field(description="raise, appeal, uphold or lift.", examples=["appeal"])
    at: datetime
    actor_ref: str | None = Field(description="Keyed hash of whoever acted.", examples=["9f2c" * 8])
    text: str | None = Field(
        description="The appeal, or the reason; of a later fact the kind of it.",
        examples=["系统故障，非我单位原因"],
    )


class CardWhole(CardView):
    """A card with its journal, and until when it can be appealed."""

    appeal_until: datetime
    journal: list[CardActView]


class CardPage(Page):
    """A page of cards, newest first."""

    items: list[CardView]


class FindingView(Shown):
    """What a sensor saw; `card` is the card it led to."""

    id: int
    rule: str = Field(examples=["numbers-skipped"])
    name: Name | None
    fact: FactKind = Field(examples=[FactKind.NUMBERS_SKIPPED])
    department: str = Field(examples=["fire-rescue"])
    item: str | None = Field(examples=["FIRE-CHECK"])
    application: str | None = Field(examples=[EXAMPLE_NUMBER])
    task: str | None = Field(examples=[EXAMPLE_TASK])
    subject: str = Field(examples=["fire-rescue/FIRE-CHECK/消验〔2026〕20号"])
    at: datetime = Field(description="When it is said to have happened.")
    found_at: datetime
    evidence: dict[str, Any] = Field(examples=[EXAMPLE_FINDING])
    card: int | None


class FindingPage(Page):
    """A page of findings, newest first."""

    items: list[FindingView]


class RedListEntry(Shown):
    """A department that has so many cards in a month that its leader is told."""

    department: str = Field(examples=["fire-rescue"])
    rule: str = Field(examples=["two-yellow"])
    name: Name
    colour: Colour
    cards: list[int] = Field(description="The cards it rests on; lifted ones do not count.")


class RedList(Shown):
    """Who is on the red list of a month."""

    month: str = Field(examples=["2026-03"])
    items: list[RedListEntry]


class AppealRequest(BaseModel):
    """Why a card is wrong, in the department's words."""

    model_config = _body({"text": "当日系统故障，决定已按时作出，见附件文号"})

    text: Said


class DecisionRequest(BaseModel):
    """What the supervisor says to a card: it stands, or it is lifted."""

    model_config = _body(
        {"decision": "lift", "reason": "经核实，当日系统停机两小时，不属承办单位责任"}
    )

    decision: Literal["uphold", "lift"]
    reason: Said


class CardMoved(Shown):
    """What became of a card."""

    id: int
    state: CardState
    at: datetime
