"""Invariant 8: every stored date equals what the oracle of `days` makes of the plan's budgets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from services.contracts.vocabulary import Part, Service, Signal, TaskState
from services.verification.acceptance import Acceptance
from services.verification.clocks import Clocks, State, UnknownCalendarError, clock_acts
from services.verification.days import local
from services.verification.folders import Folder, Row
from services.verification.later import Waits
from services.verification.limits import limits
from services.verification.rectification import Notices
from services.verification.report import DATES, Finding
from services.verification.world import Finder, World

AFTER = timedelta(seconds=1)
DUE = ("promised_on", "promised_at", "statutory_on", "statutory_at", "provisional")
SPOKEN = {Signal.PROMISE_PASSED: "promised_at", Signal.STATUTE_PASSED: "statutory_at"}


def dates(folder: Folder, world: World) -> Iterator[Finding]:
    """8: due dates, promise, days used and what the deadlines said, by an independent reckoning."""
    driven = folder.driven
    if driven is None:
        return
    find = Finder(invariant=DATES, number=folder.number, moving=folder.moving)
    try:
        clocks = Clocks(folder, world)
    except UnknownCalendarError as unknown:
        world.unknown_calendars.add(str(unknown))
        return
    reckoning = Reckoning(folder, clocks)
    yield from clock_acts(find, folder, clocks)
    yield from _task_dates(find, folder, reckoning)
    yield from _same_everywhere(find, folder)
    yield from _promise(find, folder, reckoning)
    yield from _notices(find, folder, reckoning)
    yield from _signals(find, folder)
    yield from limits(find, reckoning)


@dataclass(frozen=True, kw_only=True)
class _Reckoned:
    """The dates of one task by the oracle."""

    promised_on: date
    promised_at: datetime
    statutory_on: date | None
    statutory_at: datetime | None
    provisional: bool


class Reckoning:
    """What bears on the dates of one application, and the dates that follow."""

    def __init__(self, folder: Folder, clocks: Clocks) -> None:
        self.folder, self.clocks = folder, clocks
        self.steps = {step["code"]: step for step in folder.route["steps"]}
        self.asked = {
            (command["step"], command["round"]): command
            for command in folder.commanded("AskRectification")
        }
        self.acceptance, self.waits = Acceptance(folder), Waits(folder)
        self.notices = Notices(folder)
        self._first: dict[str, datetime] = {}
        for row in folder.orchestrator["task"]:
            if row["round"] == 1:
                self._first.setdefault(row["step"], row["issued_at"])

    def paused(self, step: str, before_round: int) -> frozenset[date]:
        """The days that rectification took out of a step's limits before one of its rounds."""
        return self.notices.paused(step, before_round)

    @property
    def all_paused(self) -> frozenset[date]:
        """The days taken out of the application's promise."""
        longest = max((round_ for _, round_ in self.asked), default=0)
        rectified = (self.paused(step, longest + 1) for step in self.steps)
        tasks = self.clocks.last.paused(self.folder.parts)
        return tasks.union(*rectified, self.waits.days)

    def start_of(self, step: str, issued_at: datetime) -> date:
        """The day on which a step's clocks started."""
        first = self._first.get(step, issued_at)
        return self.acceptance.start_of(first, local(first))

    def of(self, row: Row) -> _Reckoned:
        """The dates of a task: a merged step is promised by the earliest of its members.

        By the calendar, the pauses and the extensions that stood when it ended, or stand now.
        """
        step, part = self.folder.parts[row["item"], row["department"]]
        then = self.clocks.at_end_of(row["task"])
        days, first = then.days, self._first.get(row["step"], row["issued_at"])
        start = self.acceptance.start_of(first, local(first))
        rectified = self.paused(row["step"], row["round"])
        members = {(one["item"], one["department"]) for one in step["parts"]}
        joint = rectified | then.paused(members)
        deciding = [one["promised"] for one in step["parts"] if one["part"] == Part.DECIDE]
        promised = min(days.due(one["value"], one["unit"], start, joint) for one in deciding)
        if part["part"] == Part.CONSULT:
            today = days.due(0, "working_day", local(row["issued_at"]))
            promised = max(days.before(promised), today)
        key = (row["item"], row["department"])
        begun = self.acceptance.statute_start_of(step, part, first, start)
        statutory = _statutory(part["statute"], begun, then, rectified, key)
        last = max(promised, statutory or promised)
        return _Reckoned(
            promised_on=promised,
            promised_at=days.close(promised),
            statutory_on=statutory,
            statutory_at=None if statutory is None else days.close(statutory),
            provisional=days.provisional(min(start, begun), last),
        )


def _statutory(
    statute: Mapping[str, Any] | None,
    start: date,
    then: State,
    rectified: frozenset[date],
    key: tuple[str, str],
) -> date | None:
    if statute is None:
        return None
    budget = statute["budget"]
    return then.days.due_extended(
        budget["value"],
        budget["unit"],
        start,
        rectified | then.paused({key}),
        then.extensions(key),
    )


def _task_dates(find: Finder, folder: Folder, reckoning: Reckoning) -> Iterator[Finding]:
    for row in folder.orchestrator["task"]:
        if (row["item"], row["department"]) not in folder.parts:
            continue  # invariant 2 has it
        expected = reckoning.of(row)
        for name in DUE:
            if row[name] != getattr(expected, name):
                yield find.within(
                    f"{name} is {row[name]}, reckoned {getattr(expected, name)}", row["task"]
                )


def _same_everywhere(find: Finder, folder: Folder) -> Iterator[Finding]:
    driven = {row["task"]: row for row in folder.orchestrator["task"]}
    for service in (Service.INTAKE, Service.DEPARTMENTS):
        for row in folder.store(service)["task"]:
            known = driven.get(row["task"])
            if known is None:
                continue  # invariant 2 has it
            if service is Service.DEPARTMENTS and _ended_before_moved(folder, row):
                continue
            for name in DUE:
                if row[name] != known[name]:
                    yield find.across(
                        f"{name} is {known[name]}, in {service} {row[name]}", row["task"]
                    )


def _ended_before_moved(folder: Folder, row: Row) -> bool:
    """Whether a department ended a task before it heard that its dates were moved: they stay."""
    dates = (row["promised_at"], row["statutory_at"])
    moved = (one for one in folder.orchestrator["date_change"] if one["task"] == row["task"])
    before = {(one["promised_before"], one["statutory_before"]) for one in moved}
    return row["ended_at"] is not None and dates in before


def _promise(find: Finder, folder: Folder, reckoning: Reckoning) -> Iterator[Finding]:
    driven, days = folder.driven, reckoning.clocks.last.days
    start = local(driven["submitted_at"])
    if date.fromisoformat(folder.route["start"]) != start:
        yield find.within(f"its plan starts on {folder.route['start']}, not on {start}")
    paused, whole = reckoning.all_paused, reckoning.acceptance
    start = whole.on or start
    promised = days.due(whole.promised_days(days), "working_day", start, paused)
    if driven["promised_at"] != days.close(promised):
        yield find.within(f"it is promised for {driven['promised_at']}, reckoned {promised}")
    if driven["concluded_at"] is None:
        return
    used = days.count(start, local(driven["concluded_at"]), paused)
    if driven["used_working_days"] != used:
        yield find.within(f"it took {driven['used_working_days']} working days, reckoned {used}")
    if driven["in_time"] != (driven["concluded_at"] <= driven["promised_at"]):
        yield find.within(f"in_time is {driven['in_time']}")


def _notices(find: Finder, folder: Folder, reckoning: Reckoning) -> Iterator[Finding]:
    """The term of each notice, in the journal and as the investor sees it."""
    shown = {(row["step"], row["round"]): row for row in folder.intake["rectification"]}
    for (step, round_), command in reckoning.asked.items():
        budget = reckoning.steps[step]["rectification"]["budget"]
        asked = datetime.fromisoformat(command["at"])
        days = reckoning.clocks.when_asked(step, round_).days
        until = days.close(days.due(budget["value"], budget["unit"], local(asked)))
        subject = f"{folder.number}/{step}/{round_}"
        if datetime.fromisoformat(command["until"]) != until:
            yield find.within(f"its term ends at {command['until']}, reckoned {until}", subject)
        row = shown.get((step, round_))
        if row is None:
            yield find.across("its notice is not shown", subject)
        elif row["until"] != until:
            yield find.across(f"its term is shown as {row['until']}, reckoned {until}", subject)
    for step, round_ in shown.keys() - reckoning.asked.keys():
        yield find.across(
            "a notice is shown that was never sent", f"{folder.number}/{step}/{round_}"
        )


def _signals(find: Finder, folder: Folder) -> Iterator[Finding]:
    """A deadline has spoken of a task exactly if the task ended after it; all see the same."""
    spoken = {(row["task"], row["signal"]): row for row in folder.orchestrator["signal"]}
    for row in folder.orchestrator["task"]:
        if row["state"] not in (TaskState.DECIDED, TaskState.LAPSED):
            continue
        for signal, column in SPOKEN.items():
            said = spoken.get((row["task"], signal))
            stands = said is not None and said["lifted_at"] is None
            passed = row[column] is not None and row["ended_at"] >= row[column] + AFTER
            if stands != passed:
                verb = "was told" if stands else "was not told"
                yield find.within(f"{signal} {verb}, ended at {row['ended_at']}", row["task"])
    shown = {(row["task"], row["signal"]): row for row in folder.intake["signal"]}
    yield from _same_signals(find, spoken, shown)


def _same_signals(
    find: Finder, spoken: Mapping[Any, Row], shown: Mapping[Any, Row]
) -> Iterator[Finding]:
    columns: Sequence[str] = ("at", "lifted_at")
    for key in spoken.keys() | shown.keys():
        here, there = spoken.get(key), shown.get(key)
        if here is None or there is None or any(here[name] != there[name] for name in columns):
            yield find.across(f"{key[1]} is not shown as it was told", key[0] or "")
