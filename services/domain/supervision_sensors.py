"""Sensors of handling outside the system (体外循环): what does not fit what the stores know.

A finding is no verdict: it says what was seen, and where to look. The rules say which findings are
cards. Everything is decided by what was told and what stands; nothing is guessed about people.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from services.contracts.times import DateTime
from services.contracts.vocabulary import Outcome
from services.domain.calendar import WorkingCalendar
from services.domain.supervision import Evidence, Fact, text_of
from services.domain.supervision_rules import FactKind, Rule

_NUMBER = re.compile(r"([^\x00]*?)(\d{1,18})([^\d\x00]*)")
OWN_SOFTWARE = "department/"


class Said(Struct, frozen=True, kw_only=True):
    """A decision as it was told; `issued_at` None: nobody was given such a task."""

    event_id: str
    source: str
    application: str
    task: str
    department: str
    actor_ref: str
    decided_at: DateTime
    number: str | None = None
    issued_at: DateTime | None = None

    @property
    def item(self) -> str:
        """The item of the task."""
        return self.task.split("/")[1]

    @property
    def by_own_software(self) -> bool:
        """Whether it came from a department's own software, and not from our queues."""
        return self.source.startswith(OWN_SOFTWARE)


class Numbered(Struct, frozen=True, kw_only=True):
    """A document number taken apart: its series, and its place in it."""

    said: Said
    series: str
    serial: int


class Known(Struct, frozen=True, kw_only=True):
    """What is known of a number before: the task that has it, and the highest of its series."""

    taken_by: str | None = None
    highest: int | None = None


def numbered(said: Said) -> Numbered | None:
    """Return a decision's number taken apart, where it is one that somebody counts.

    Our own queues make numbers of the application's: nobody counts them.
    """
    found = _NUMBER.fullmatch(said.number or "") if said.by_own_software else None
    if found is None:
        return None
    return Numbered(said=said, series=f"{found[1]}#{found[3]}", serial=int(found[2]))


def of_decision(
    said: Said, rules: Mapping[FactKind, Rule], calendar: WorkingCalendar, heard_at: datetime
) -> Iterator[Fact]:
    """Yield what one decision says by itself: dated back, told late, out of hours."""
    issued_at = said.issued_at
    if issued_at is not None and said.decided_at < issued_at:
        yield _fact(
            FactKind.DECIDED_BEFORE_ISSUED,
            said,
            {"decided_at": text_of(said.decided_at), "issued_at": text_of(issued_at)},
        )
    days = calendar.local_date(said.decided_at), calendar.local_date(heard_at)
    late = rules.get(FactKind.TOLD_LATE)
    allowed = late.thresholds.working_days if late is not None else None
    passed = calendar.working_days_between(*days)
    if allowed is not None and passed > allowed:
        evidence = {"decided_at": text_of(said.decided_at), "heard_at": text_of(heard_at)}
        yield _fact(FactKind.TOLD_LATE, said, evidence | {"working_days": passed})
    if said.by_own_software and not _in_hours(said.decided_at, calendar):
        evidence = {"decided_at": text_of(said.decided_at)}
        yield _fact(FactKind.OUT_OF_HOURS, said, evidence)


def _in_hours(at: datetime, calendar: WorkingCalendar) -> bool:
    day = calendar.local_date(at)
    return calendar.is_working(day) and calendar.opening_of(day) <= at <= calendar.close_of(day)


def of_numbers(
    found: Sequence[Numbered], known: Mapping[str, Known], rules: Mapping[FactKind, Rule]
) -> Iterator[Fact]:
    """Yield what document numbers say, in the order in which they came.

    Args:
        found: the numbers, in order.
        known: what was known of each before all of them, by its event.
        rules: by kind of fact.
    """
    taken: dict[tuple[str, str, str, int], str] = {}
    highest: dict[tuple[str, str, str], int] = {}
    skipped = rules.get(FactKind.NUMBERS_SKIPPED)
    for one in found:
        said, before = one.said, known.get(one.said.event_id, Known())
        series = (said.department, said.item, one.series)
        number = (*series, one.serial)
        other = taken.get(number, before.taken_by)
        top = highest.get(series, before.highest)
        evidence: Evidence = {"number": said.number, "decided_at": text_of(said.decided_at)}
        subject = f"{said.department}/{said.item}/{said.number}"
        if other is not None and other != said.task:
            yield _fact(FactKind.NUMBER_TWICE, said, evidence | {"also": other}, subject)
        elif top is not None and one.serial < top:
            yield _fact(FactKind.NUMBER_BACKWARDS, said, evidence | {"highest": top}, subject)
        elif top is not None and skipped is not None and skipped.thresholds.at_least is not None:
            missing = one.serial - top - 1
            if missing >= skipped.thresholds.at_least:
                told = evidence | {"highest": top, "missing": missing}
                yield _fact(FactKind.NUMBERS_SKIPPED, said, told, subject)
        taken.setdefault(number, said.task)
        highest[series] = max(one.serial, one.serial if top is None else top)


def waited_long(said: Said, rule: Rule | None, calendar: WorkingCalendar) -> bool:
    """Whether a decision came after so long a silence that it may be one of many at once."""
    if rule is None or rule.thresholds.working_days is None or said.issued_at is None:
        return False
    days = calendar.local_date(said.issued_at), calendar.local_date(said.decided_at)
    return calendar.working_days_between(*days) >= rule.thresholds.working_days


def sudden(found: Iterable[Said], rule: Rule) -> Iterator[Fact]:
    """Yield every burst: so many decisions of one officer within so many seconds.

    `found` are decisions that have `waited_long`, in any order.
    """
    window = timedelta(seconds=rule.thresholds.within_seconds or 0)
    least = rule.thresholds.at_least or 1
    by_officer: dict[tuple[str, str], list[Said]] = defaultdict(list)
    for said in found:
        by_officer[said.department, said.actor_ref].append(said)
    for (department, officer), decisions in by_officer.items():
        for burst in _bursts(decisions, window):
            if len(burst) < least:
                continue
            first, last = burst[0], burst[-1]
            yield Fact(
                kind=FactKind.SUDDEN_DECISIONS,
                subject=f"{department}/{officer}/{text_of(first.decided_at)}",
                department=department,
                at=first.decided_at,
                evidence={
                    "decisions": len(burst),
                    "first_at": text_of(first.decided_at),
                    "last_at": text_of(last.decided_at),
                    "tasks": [said.task for said in burst],
                },
            )


def _bursts(decisions: Iterable[Said], window: timedelta) -> Iterator[list[Said]]:
    """Yield decisions (one at least) in order, cut where the first is more than `window` ago."""
    burst: list[Said] = []
    for said in sorted(decisions, key=lambda one: (one.decided_at, one.task)):
        if burst and said.decided_at - burst[0].decided_at > window:
            yield burst
            burst = []
        burst.append(said)
    yield burst


REFUSALS = {
    "UnknownTaskError": FactKind.TASK_UNKNOWN,
    "ForeignSourceError": FactKind.SOURCE_FOREIGN,
    "DatedBackError": FactKind.CLOCK_DATED_BACK,
}
"""What a refusal of a department's word means, by the class of its error."""


class Refused(Struct, frozen=True, kw_only=True):
    """What a department said and was refused, by the class of the error and what it says."""

    letter: int
    error: str
    department: str
    application: str
    task: str | None
    at: DateTime
    data: Mapping[str, Any]


def of_refused(refused: Refused) -> Fact | None:
    """Return what a refused word says, or None."""
    data, kind = refused.data, REFUSALS.get(refused.error)
    explained = data.get("reasons") and data.get("remedies")
    if kind is None and data.get("outcome") == Outcome.REFUSED and not explained:
        kind = FactKind.REFUSAL_UNREASONED
    if kind is None:
        return None
    return Fact(
        kind=kind,
        subject=refused.task or f"letter/{refused.letter}",
        department=refused.department,
        at=refused.at,
        application=refused.application,
        item=refused.task.split("/")[1] if refused.task else None,
        task=refused.task,
        evidence={"letter": refused.letter, "said_of": text_of(refused.at)},
    )


def _fact(kind: FactKind, said: Said, evidence: Evidence, subject: str = "") -> Fact:
    return Fact(
        kind=kind,
        subject=subject or said.task,
        department=said.department,
        at=said.decided_at,
        application=said.application,
        item=said.item,
        task=said.task,
        evidence=evidence,
    )
