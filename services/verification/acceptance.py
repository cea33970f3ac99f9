"""Invariant 12: accepted by the departments as the law has it, or from the receipt (32)."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from services.contracts.vocabulary import AcceptanceKind, LimitStart, Part, Service
from services.verification.clocks import Clocks, UnknownCalendarError
from services.verification.days import Days, local
from services.verification.folders import Folder, Row
from services.verification.report import ACCEPTANCE, Finding
from services.verification.world import Finder, World

WITHIN = 5
"""Working days from the receipt to the one notice (行政许可法 32(4))."""
ANSWERED = {"complete", "incomplete"}
AFTER = timedelta(seconds=1)
TOLD_SINCE = 3
"""The edition of the rules from which on departments are told that their time was moved."""


class Acceptance:
    """From which day an application was worked on, by its journal."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        found = folder.commanded("Accept")
        self.command: Mapping[str, Any] | None = found[-1] if found else None

    @property
    def on(self) -> date | None:
        """The day that counts as the acceptance; None: on the spot, or not yet."""
        return None if self.command is None else date.fromisoformat(self.command["on"])

    def start_of(self, issued_at: datetime, usual: date) -> date:
        """Return the day on which a step's clocks started."""
        return usual if self.on is None or not self._began_with(issued_at) else self.on

    def statute_start_of(
        self, step: Mapping[str, Any], part: Mapping[str, Any], issued_at: datetime, start: date
    ) -> date:
        """Return the day on which the limit of the law started: a receipt may be earlier."""
        statute = part["statute"]
        if self.command is None or statute is None or statute["start"] != LimitStart.RECEIPT:
            return start
        waited = step.get("papers") or any(one["requires"] for one in step["parts"])
        if waited or not self._began_with(issued_at):
            return start
        return min(start, date.fromisoformat(self.command["received_on"]))

    def _began_with(self, issued_at: datetime) -> bool:
        return self.command is not None and issued_at == _at(self.command)

    def promised_days(self, days: Days) -> int:
        """Return the working days promised, by a pass of our own through the route."""
        if self.on is None:
            return int(self._folder.route["promised_days"])
        due: dict[str, date] = {}
        for step in self._folder.route["steps"]:
            needed = {item for part in step["parts"] for item in part["requires"]}
            begin = max([due[item] for item in needed if item in due] or [self.on])
            budgets = [p["promised"] for p in step["parts"] if p["part"] == Part.DECIDE]
            ends = min(days.due(one["value"], one["unit"], begin) for one in budgets)
            due |= {part["item"]: ends for part in step["parts"]}
        return days.count(self.on, max(due.values()), frozenset())


def acceptance(folder: Folder, world: World) -> Iterator[Finding]:
    """12: one notice in time that names no more than the first, or accepted from the receipt."""
    if folder.driven is None or "acceptance" not in folder.route:
        return
    find = Finder(invariant=ACCEPTANCE, number=folder.number, moving=folder.moving)
    yield from _accepted_once(find, folder)
    yield from _notices(find, folder)
    yield from _looks(find, folder)
    yield from _redated(find, folder)
    yield from _shown(find, folder)
    try:
        clocks = Clocks(folder, world)
    except UnknownCalendarError:
        return  # invariant 8 notes it
    yield from _in_time(find, folder, clocks.last.days)
    yield from _silences(find, folder, clocks.last.days)


def _at(command: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(command["at"])


def _accepted_once(find: Finder, folder: Folder) -> Iterator[Finding]:
    accepted = folder.commanded("Accept")
    if len(accepted) > 1:
        yield find.within(f"it was accepted {len(accepted)} times")
    kinds = [command["type"] for command in folder.commands]
    if "IssueTask" in kinds and ("Accept" not in kinds[: kinds.index("IssueTask")]):
        yield find.within("a task was issued before it was accepted")
    rows = folder.orchestrator["acceptance"]
    if len(rows) != len(accepted):
        yield find.within(f"it was accepted {len(accepted)} times and has {len(rows)} acceptances")
    for row, command in zip(rows, accepted, strict=False):
        same = (row["kind"], row["accepted_on"].isoformat(), list(row["silent"]))
        if same != (command["kind"], command["on"], list(command["silent"])):
            yield find.within("its acceptance is not the one in the journal")


def _notices(find: Finder, folder: Folder) -> Iterator[Finding]:
    """One to a round; a later one names nothing that the first did not."""
    notices = folder.commanded("SendNotice")
    rounds = [notice["round"] for notice in notices]
    if rounds != list(range(1, len(rounds) + 1)):
        yield find.within(f"its notices are those of the rounds {rounds}")
    named = [{s for found in one["findings"].values() for s in found} for one in notices]
    for later in named[1:]:
        if more := later - named[0]:
            yield find.within(f"a later notice names {min(more)}, which the first did not")
    shown = {row["round"] for row in folder.intake["acceptance_notice"]}
    for round_ in sorted(shown.symmetric_difference(rounds)):
        yield find.across(f"notice {round_} was sent or is shown, but not both")


def _in_time(find: Finder, folder: Folder, days: Days) -> Iterator[Finding]:
    """A notice goes out within five working days; else it is accepted from the receipt."""
    for command, received, until in _limits(folder, days):
        match command["type"]:
            case "SendNotice" if _at(command) > until:
                yield find.within(f"notice {command['round']} was sent after {until}")
            case "Accept":
                closed = bool(folder.commanded("CloseExamination"))
                yield from _kind(find, command, received, until, closed=closed)
            case _:
                pass  # says nothing about the limit


def _kind(
    find: Finder, command: Mapping[str, Any], received: date, until: datetime, *, closed: bool
) -> Iterator[Finding]:
    on, at = date.fromisoformat(command["on"]), _at(command)
    if command["received_on"] != received.isoformat():
        yield find.within(f"it was received on {received}, not on {command['received_on']}")
    if command["kind"] == AcceptanceKind.DEEMED:
        if on != received or at < until + AFTER or not closed:
            yield find.within(f"nobody was silent until {until}, or it is accepted from {on}")
    elif on != local(at):
        yield find.within(f"it was accepted on {local(at)}, and counts from {on}")


def _looks(find: Finder, folder: Folder) -> Iterator[Finding]:
    """Every look as it stands in the department, with what was found, by whom it may be."""
    here = {row["task"]: row for row in folder.orchestrator["examination"]}
    there = {row["task"]: row for row in folder.departments["examination"]}
    for name, row in there.items():
        if name not in here:
            yield find.across("a department has it, but it was never asked for", name)
        elif row["state"] == "done" and here[name]["state"] not in ANSWERED | {"silent", "closed"}:
            yield find.across("its answer has not reached the orchestrator", name)
        elif row["state"] in {"silent", "closed"} and here[name]["state"] != row["state"]:
            yield find.across(f"it is {here[name]['state']} here, {row['state']} there", name)
        if row["actor_ref"] is not None and row["actor_ref"] in row["applicant_refs"]:
            yield find.within("it was examined by somebody who applied for it", name)
    leaves = folder.leaves(Service.DEPARTMENTS, "examination.done")
    recorded = {leaf["facts"]["task"] for leaf in leaves}
    for name, row in there.items():
        if (row["state"] == "done") != (name in recorded):
            yield find.within("it was answered or recorded, but not both", name)


def _redated(find: Finder, folder: Folder) -> Iterator[Finding]:
    """A department has until the day that is on record here, whatever calendar came."""
    if folder.route.get("edition", 1) < TOLD_SINCE:
        return
    here = {row["task"]: row["until"] for row in folder.orchestrator["examination"]}
    for row in folder.departments["examination"]:
        due = here.get(row["task"], row["until"])
        if row["state"] == "open" and row["until"] != due:
            yield find.across(f"an answer is due by {due}, there by {row['until']}", row["task"])


def _silences(find: Finder, folder: Folder, days: Days) -> Iterator[Finding]:
    """Who was silent is said by the instant of the department's commit, not by a message."""
    if folder.route.get("edition", 1) == 1:
        return
    too_late = {
        one["task"]
        for one in folder.commanded("AskExamination")
        if _at(one) > datetime.fromisoformat(one["until"])
        and folder.route.get("edition", 1) >= TOLD_SINCE
    }
    struck = {one["task"] for one in folder.commanded("StrikeSilence")}
    here = {row["task"]: row for row in folder.orchestrator["examination"]}
    there = {row["task"]: row for row in folder.departments["examination"]}
    for command, _, until in _limits(folder, days):
        if command["type"] != "CloseExamination" or not command["silent"]:
            continue
        name, closed = command["task"], min(_at(command), until + AFTER)
        if name in too_late:
            yield find.within("it was asked when its time was over, and is silent", name)
        if (here[name]["arrived_at"] is not None) != (name in struck):
            yield find.within("its silence stands and is struck out", name)
        answered = there[name]["done_at"] if name in there else None
        if name not in there or (answered is not None and answered < closed) == (name in struck):
            continue  # (a department's own software has no rows here)
        if name in struck:
            yield find.within(f"its silence was struck out, but it said nothing by {closed}", name)
        else:
            yield find.across(f"it answered at {answered}, in time, and is silent here", name)


def _limits(folder: Folder, days: Days) -> Iterator[tuple[Mapping[str, Any], date, datetime]]:
    """Every command, with the day from which the limit of the notice counts then, and its end."""
    received = local(folder.driven["submitted_at"])
    for command in folder.commands:
        if command["type"] == "TakeSupplement" and command["state"] == "supplementing":
            received = local(_at(command))
        yield command, received, days.close(days.due(WITHIN, "working_day", received))


def _shown(find: Finder, folder: Folder) -> Iterator[Finding]:
    accepted = next(iter(folder.orchestrator["acceptance"]), None)
    shown: Row = next(iter(folder.intake["acceptance"]), None)
    if accepted is None:
        if shown is not None and shown["state"] == "accepted":
            yield find.across("it is shown as accepted, and is not")
        return
    said = None if shown is None else (shown["kind"], shown["accepted_on"])
    if said != (accepted["kind"], accepted["accepted_on"]):
        yield find.across(f"it was accepted on {accepted['accepted_on']}, shown as {said}")
    given = [row for row in folder.intake["acceptance_receipt"] if row["outcome"] == "accepted"]
    if len(given) != 1:
        yield find.across(f"its acceptance has {len(given)} receipts")
