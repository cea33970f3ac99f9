"""A deadline explained day by day, from what is stored: start, budget, calendar, ledger.

The calendar is the one the application is reckoned by, not the newest; the ledger holds what was
known of pauses and extensions when the task ended or was asked about its silence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import msgspec

from services.contracts.vocabulary import AcceptanceKind, LimitStart, Part, PauseKind, StepState
from services.domain.calendar import ZONE, WorkingCalendar
from services.domain.limits import EMPTY, DayLine, Ledger, Pause, due_on, explain
from services.domain.route import Budget, Route, RoutePart, RouteStep
from services.domain.turn import part_key
from services.orchestrator.explanation_later import Wait, days_waited, wait_of
from services.orchestrator.models import DayView, DeadlineView
from services.orchestrator.store import Row

Kind = Literal["promised", "statutory"]


class NoDeadlineError(LookupError):
    """The task has no deadline of this kind."""


@dataclass(kw_only=True)
class History:
    """What the journal tells of one task's clocks, up to its end."""

    step: RouteStep
    part: RoutePart
    calendar_version: str
    start: date | None = None
    pauses: tuple[Pause, ...] = ()
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    statute_start: date | None = None
    wait: Wait | None = None
    deemed: bool = False
    silent: tuple[str, ...] = ()
    _accepted: dict[str, Any] | None = None
    _asked: date | None = None

    @property
    def joint(self) -> Ledger:
        """What stops the promise of the step: its own pauses and those of all its parts."""
        found = (self.ledgers.get(part_key(part), EMPTY) for part in self.step.parts)
        return Ledger(pauses=(*self.pauses, *(pause for one in found for pause in one.pauses)))

    @property
    def own(self) -> Ledger:
        """What stops and lengthens the limit that the law sets this part."""
        found = self.ledgers.get(part_key(self.part), EMPTY)
        return Ledger(pauses=(*self.pauses, *found.pauses), extensions=found.extensions)

    def take(self, command: dict[str, Any]) -> None:
        """Take in one command of the journal."""
        if command["type"] == "ChangeCalendar":
            self.calendar_version = command["version"]
        if command["type"] == "Accept":
            self._accepted = command
        if command.get("step") != self.step.code:
            return
        self.wait = wait_of(command, self.wait)
        day = command["at"].astimezone(ZONE).date()
        if command["type"] == "AskRectification":
            self._asked = day
        elif command["type"] == "EndRectification":
            until = msgspec.convert(command["until_on"], date)
            self.pauses += (_pause(self.step, msgspec.convert(command["from_on"], date), until),)
            self._asked = None
        elif command["type"] == "ChangeLedger":
            self.ledgers[command["key"]] = msgspec.convert(command["ledger"], Ledger)
        elif command["type"] == "ChangeStep" and command["state"] == StepState.OPEN:
            if self.start is None:
                self._begin(command["at"], day)
            if self._asked is not None:
                self.pauses += (_pause(self.step, self._asked, day),)
                self._asked = None

    def _begin(self, at: datetime, day: date) -> None:
        """A step that begins with the acceptance begins on the day that counts as it (32(4))."""
        self.start = self.statute_start = day
        accepted = self._accepted
        if accepted is not None and accepted["at"] == at:
            self.start = self.statute_start = msgspec.convert(accepted["on"], date)
            self.deemed = accepted["kind"] == AcceptanceKind.DEEMED
            self.silent = tuple(accepted["silent"])
            waited = self.step.papers or any(part.requires for part in self.step.parts)
            statute = self.part.statute
            if statute and statute.start is LimitStart.RECEIPT and not waited:
                received_on = msgspec.convert(accepted["received_on"], date)
                self.statute_start = min(self.start, received_on)


def history_of(task: Row, route: Route, journal: Sequence[Row]) -> History:
    """Return what the journal tells of a task's clocks."""
    step = next(found for found in route.steps if found.code == task["step"])
    part = next(
        p for p in step.parts if (p.item, p.department) == (task["item"], task["department"])
    )
    found = History(step=step, part=part, calendar_version=route.calendar_version)
    for command in _until_end(task["task"], journal):
        found.take(command)
    return found


def _until_end(task: str, journal: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Yield what was commanded until a task ended, or was asked about its silence."""
    for turn in journal:
        for command in turn["commands"]:
            if command["type"] in {"EndTask", "AskLapse"} and command["task"] == task:
                return
            yield command


def explained(task: Row, kind: Kind, history: History, calendar: WorkingCalendar) -> DeadlineView:
    """Return the deadline of a task under the calendar that its history names.

    Raises:
        NoDeadlineError: an opinion has no statutory limit; a task not issued has no deadline.
    """
    start = history.start if kind == "promised" else history.statute_start
    if start is None:
        raise NoDeadlineError
    budget, article, ledger = _limit(history, kind, start, calendar)
    lines = list(explain(budget, start, calendar, ledger))
    if kind == "promised" and history.part.part is Part.CONSULT:
        lines = _until_opinion(lines, task["promised_on"])
    return DeadlineView(
        task=task["task"],
        kind=kind,
        start_on=start,
        deemed=history.deemed,
        silent=list(history.silent),
        due_on=lines[-1].day,
        days=budget.value,
        unit=budget.unit,
        article=article,
        calendar_version=calendar.version,
        lines=[view(line) for line in (*days_waited(history.wait, start, calendar), *lines)],
    )


def _limit(
    history: History, kind: Kind, start: date, calendar: WorkingCalendar
) -> tuple[Budget, str | None, Ledger]:
    if kind == "statutory":
        statute = history.part.statute
        if statute is None:
            raise NoDeadlineError
        return statute.budget, statute.article, history.own
    joint = history.joint
    deciding = (p.promised for p in history.step.parts if p.part is Part.DECIDE)
    first = min(deciding, key=lambda budget: due_on(budget, start, calendar, joint))
    return first, None, joint


def _until_opinion(lines: list[DayLine], last: date) -> list[DayLine]:
    """An opinion is due before the step: the last day belongs to the joint opinion."""
    return [line for line in lines if line.day <= last]


def _pause(step: RouteStep, from_on: date, until_on: date) -> Pause:
    return Pause(
        kind=PauseKind.RECTIFICATION,
        from_on=from_on,
        until_on=until_on,
        cap=None,
        notice=f"{step.code} {from_on}",
        article=step.rectification.article if step.rectification else "",
    )


def view(line: DayLine) -> DayView:
    """Return a day as it is shown."""
    return DayView(
        day=line.day,
        counted=line.counted,
        number=line.number,
        reason_zh=line.reason_zh,
        reason_en=line.reason_en,
        article=line.article or None,
        provisional=line.provisional,
    )
