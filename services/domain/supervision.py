"""The electronic supervision: what happened, what the rules make of it, what becomes of a card.

Pure: facts and rules in, cards out. A fact carries its evidence: dates, what was counted and what
was not, documents by their numbers; never a person and never a free text. A card has one subject
(a task in its round, an examination, a session, a result number), and a rule gives each department
at most one card for each subject. What removes the ground of a card lifts it, and the card stays.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from services.contracts.times import DateTime
from services.contracts.vocabulary import DateChange
from services.domain.calendar import WorkingCalendar
from services.domain.limits import Ledger, due_on
from services.domain.route import Budget
from services.domain.supervision_rules import Colour, Escalation, FactKind, SupervisionRules

Evidence = dict[str, Any]


class Overrun(Struct, frozen=True, kw_only=True):
    """A limit of a task as it stands, with everything that stopped or lengthened it."""

    issued_at: DateTime
    due_at: DateTime
    ledger: Ledger


class Fact(Struct, frozen=True, kw_only=True):
    """Something that happened and that a department answers for."""

    kind: FactKind
    subject: str
    department: str
    at: DateTime
    application: str | None = None
    item: str | None = None
    task: str | None = None
    evidence: Evidence = {}
    overrun: Overrun | None = None


ACT_IN_TIME = "act_in_time"
"""The ground of a card has gone because what was asked for had been done in time."""


class Removal(Struct, frozen=True, kw_only=True):
    """A fact is none: what was done or told before it had forestalled or moved the limit.

    `why`: what moved the limit; None: it had been kept.
    """

    kind: FactKind
    subject: str
    at: DateTime
    application: str
    why: DateChange | None = None

    @property
    def reason(self) -> str:
        """The reason as the card's journal has it."""
        return ACT_IN_TIME if self.why is None else str(self.why)


class Card(Struct, frozen=True, kw_only=True):
    """A yellow or red card, as it is raised."""

    rule: str
    fact: FactKind
    colour: Colour
    article: str
    subject: str
    department: str
    raised_at: DateTime
    application: str | None
    item: str | None
    task: str | None
    evidence: Evidence


def judge(fact: Fact, rules: SupervisionRules, calendar: WorkingCalendar) -> Card | None:
    """Return the card that a fact is worth, or None.

    None for what no rule reads or a rule only lists, for a day that is within its limit when all
    pauses and extensions told are counted, and for a fact without evidence.
    """
    rule = rules.of_fact.get(fact.kind)
    if rule is None or not rule.is_card:
        return None
    evidence = fact.evidence
    if fact.overrun is not None:
        if fact.at <= fact.overrun.due_at:
            return None
        evidence = evidence | _counted(fact.overrun, calendar)
    if not evidence:
        return None
    basis = rule.basis
    return Card(
        rule=rule.code,
        fact=fact.kind,
        colour=rule.colour,
        article=f"{basis.law} {basis.article}" if basis.article else basis.law,
        subject=fact.subject,
        department=fact.department,
        raised_at=fact.at,
        application=fact.application,
        item=fact.item,
        task=fact.task,
        evidence=evidence,
    )


def _counted(overrun: Overrun, calendar: WorkingCalendar) -> Evidence:
    """Return what was counted, and everything that was not, with its notice."""
    issued_on = calendar.local_date(overrun.issued_at)
    due = calendar.local_date(overrun.due_at)
    ledger = overrun.ledger
    return {
        "issued_on": issued_on.isoformat(),
        "due_on": due.isoformat(),
        "due_at": text_of(overrun.due_at),
        "working_days": calendar.working_days_between(issued_on, due),
        "calendar": calendar.version,
        "pauses": [
            {
                "kind": str(one.kind),
                "from_on": one.from_on.isoformat(),
                "until_on": one.until_on.isoformat() if one.until_on else None,
                "notice": one.notice,
            }
            for one in ledger.pauses
        ],
        "extensions": [
            {
                "on": one.on.isoformat(),
                "days": one.budget.value,
                "unit": str(one.budget.unit),
                "approver": one.approver,
            }
            for one in ledger.extensions
        ],
    }


def text_of(at: datetime) -> str:
    """Return an instant (UTC) as evidence has it."""
    return at.isoformat().replace("+00:00", "Z")


class CardState(StrEnum):
    """How far a card has come. A lifted card stays, with the reason."""

    OPEN = "open"
    APPEALED = "appealed"
    UPHELD = "upheld"
    LIFTED = "lifted"


class CardAct(StrEnum):
    """What can be done to a card."""

    APPEAL = "appeal"
    UPHOLD = "uphold"
    LIFT = "lift"


_NEXT = {
    (CardState.OPEN, CardAct.APPEAL): CardState.APPEALED,
    (CardState.OPEN, CardAct.LIFT): CardState.LIFTED,
    (CardState.APPEALED, CardAct.UPHOLD): CardState.UPHELD,
    (CardState.APPEALED, CardAct.LIFT): CardState.LIFTED,
    (CardState.UPHELD, CardAct.LIFT): CardState.LIFTED,
}


def after(state: CardState, act: CardAct) -> CardState | None:
    """Return the state of a card after an act; None when the act means nothing in this state."""
    return _NEXT.get((state, act))


def appeal_until(
    raised_at: datetime, rules: SupervisionRules, calendar: WorkingCalendar
) -> datetime:
    """Return the instant (close of business) until which a card can be appealed."""
    term = Budget(value=rules.appeal_within.value, unit=rules.appeal_within.unit)
    return calendar.close_of(due_on(term, calendar.local_date(raised_at), calendar))


class Standing(Struct, frozen=True, kw_only=True):
    """A card that stands, as the red list counts it."""

    id: int
    department: str
    colour: Colour
    raised_on: date


class Escalated(Struct, frozen=True, kw_only=True):
    """An entry on the red list: a department, the rule, and the cards it rests on."""

    escalation: Escalation
    department: str
    cards: tuple[int, ...]


def red_list(
    standing: Iterable[Standing], rules: SupervisionRules, month: date
) -> tuple[Escalated, ...]:
    """Return who is on the red list of the month that `month` lies in, by department and rule.

    Lifted cards are not among the `standing`; cards of other months do not count.
    """
    found: dict[tuple[str, Colour], list[int]] = defaultdict(list)
    for card in standing:
        if (card.raised_on.year, card.raised_on.month) == (month.year, month.month):
            found[card.department, card.colour].append(card.id)
    departments = sorted({department for department, _ in found})
    entries: Sequence[Escalated] = [
        Escalated(escalation=rule, department=department, cards=tuple(sorted(cards)))
        for department in departments
        for rule in rules.escalations
        if len(cards := found.get((department, Colour(rule.colour)), [])) >= rule.cards
    ]
    return tuple(entries)
