"""What stood of calendars, pauses and extensions when: read from the journal, command by command.

And invariant 8, for clocks: what departments did to them is what stands in the ledgers, and every
move of a date is on record.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, TypeAlias

from services.verification.days import NO_DAYS, Days
from services.verification.folders import Folder, Row
from services.verification.report import Finding
from services.verification.world import Finder, World

NUMBERED = {"Paused": "pause", "Extended": "extension"}
"""What departments do to clocks, with the name of its number."""
Key: TypeAlias = tuple[str, str]
"""Item and department of a part."""


class UnknownCalendarError(LookupError):
    """A calendar that is neither in the county's folder nor kept by the orchestrator."""


@dataclass(frozen=True, kw_only=True)
class State:
    """The clocks of one application at one place of its journal."""

    days: Days
    ledgers: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict)

    def paused(self, parts: Iterable[Key]) -> frozenset[date]:
        """The days that pauses of these parts take out."""
        found = NO_DAYS
        for key in parts:
            for pause in self.ledgers.get(key, {}).get("pauses", ()):
                cap = pause["cap"]
                found |= self.days.pause(
                    date.fromisoformat(pause["from_on"]),
                    date.fromisoformat(pause["until_on"]),
                    None if cap is None else (cap["value"], cap["unit"]),
                )
        return found

    def extensions(self, key: Key) -> list[tuple[date, int, str]]:
        """The extensions of a part: the day of approval, days, their unit."""
        return [
            (date.fromisoformat(one["on"]), one["budget"]["value"], one["budget"]["unit"])
            for one in self.ledgers.get(key, {}).get("extensions", ())
        ]


class Clocks:
    """The states of one application's clocks, at the places where they matter."""

    def __init__(self, folder: Folder, world: World) -> None:
        """Walk the journal. Raises UnknownCalendarError."""
        self._world = world
        self.last = State(days=self._days(folder.route["calendar_version"]))
        self._ends: dict[str, State] = {}
        self._asked: dict[tuple[str, int], State] = {}
        self._limits: dict[tuple[str, str | None], State] = {}
        self._released: dict[str, State] = {}
        for command in folder.commands:
            self._take(command)

    def at_end_of(self, task: str) -> State:
        """What stood when a task ended or was asked about its silence; else what stands now."""
        return self._ends.get(task, self.last)

    def when_asked(self, step: str, round_: int) -> State:
        """What stood when the notice of a step was sent."""
        return self._asked.get((step, round_), self.last)

    def at_end_of_limit(self, kind: str, task: str | None) -> State:
        """What stood when a limit beside those of tasks ended; else what stands now."""
        return self._limits.get((kind, task), self.last)

    def when_released(self, step: str) -> State:
        """What stood when the results of a step were released."""
        return self._released.get(step, self.last)

    def _take(self, command: Mapping[str, Any]) -> None:
        match command["type"]:
            case "ChangeCalendar":
                self.last = replace(self.last, days=self._days(command["version"]))
            case "ChangeLedger":
                item, department = command["key"].split("/")
                ledgers = {**self.last.ledgers, (item, department): command["ledger"]}
                self.last = replace(self.last, ledgers=ledgers)
            case "EndTask" | "AskLapse":
                self._ends.setdefault(command["task"], self.last)
            case "AskRectification":
                self._asked[command["step"], command["round"]] = self.last
            case "Release":
                self._released[command["step"]] = self.last
            case "EndLimit":
                self._limits[command["kind"], command.get("task")] = self.last
            case _:
                pass  # not about clocks

    def _days(self, version: str) -> Days:
        found = self._world.days_of(version)
        if found is None:
            raise UnknownCalendarError(version)
        return found


def clock_acts(find: Finder, folder: Folder, clocks: Clocks) -> Iterator[Finding]:
    """What departments did to clocks stands in the ledgers; moves of dates are on record."""
    yield from _calendars(find, folder)
    yield from _moves(find, folder)
    ignored = _ignored(folder)
    shared = {(row["item"], row["department"]) for row in folder.departments["task"]}
    of_task = {row["task"]: row for row in folder.departments["task"]}
    for kind, event in (("pauses", "Paused"), ("extensions", "Extended")):
        rows = folder.departments[kind.removesuffix("s")]
        done: dict[Key, list[tuple[Any, bool]]] = {}
        for row in rows:
            task = of_task[row["task"]]
            excused = (event, row["task"], row["number"]) in ignored
            found = done.setdefault((task["item"], task["department"]), [])
            found.append((_done(row, kind), excused))
        for key in shared:
            stands = [_stands(one, kind) for one in clocks.last.ledgers.get(key, {}).get(kind, ())]
            subject = f"{folder.number}/{'/'.join(key)}"
            for one in stands:
                if one not in [act for act, _ in done.get(key, [])]:
                    yield find.across(f"{kind}: {one} stands, but nobody did it", subject)
            for one, excused in done.get(key, []):
                if one not in stands and not excused:
                    yield find.across(f"{kind}: {one} was done, but changed no clock", subject)


def _ignored(folder: Folder) -> set[tuple[str, str, int]]:
    """Return the pauses and extensions that the core has ignored: event, task and number of each.

    What was ignored is known by the message it came in: another message is not excused by it.
    """
    refs = {one["ref"] for one in folder.commanded("Ignore")}
    return {
        (event["type"], event["task"], event[NUMBERED[event["type"]]])
        for event in folder.events
        if event["type"] in NUMBERED and event["ref"] in refs
    }


def _done(row: Row, kind: str) -> tuple[Any, ...]:
    if kind == "pauses":
        return (row["kind"], row["from_on"].isoformat(), row["notice"])
    return (row["days"], row["unit"], row["approver"])


def _stands(one: Mapping[str, Any], kind: str) -> tuple[Any, ...]:
    if kind == "pauses":
        return (one["kind"], one["from_on"], one["notice"])
    return (one["budget"]["value"], one["budget"]["unit"], one["approver"])


def _calendars(find: Finder, folder: Folder) -> Iterator[Finding]:
    """It was received under the calendar its plan was made by, and is reckoned by the last one."""
    received, first = folder.received, folder.route["calendar_version"]
    if received is not None and received["calendar_version"] != first:
        yield find.across(f"planned by calendar {first}, shown {received['calendar_version']}")
    changed = folder.commanded("ChangeCalendar")
    last = changed[-1]["version"] if changed else first
    if folder.driven["calendar_version"] != last:
        yield find.within(f"reckoned by {folder.driven['calendar_version']}, projected to {last}")


def _moves(find: Finder, folder: Folder) -> Iterator[Finding]:
    """Every move of a date stands with what it was and what it is."""
    stored = {
        (row["task"], row["why"], row["promised_before"], row["promised_after"])
        for row in folder.orchestrator["date_change"]
        if row["limit_kind"] is None
    }
    told = {
        *(
            (one["task"], one["why"], _at(one["before"]), _at(one["dates"]))
            for one in folder.commanded("Redate")
        ),
        *(
            (None, one["why"], _instant(one["before"]), _instant(one["promised_at"]))
            for one in folder.commanded("Repromise")
        ),
    }
    for task, why, before, after in told ^ stored:
        yield find.within(
            f"moved from {before} to {after} ({why}): not on record, or never", task or ""
        )


def _at(dates: Mapping[str, Any]) -> datetime:
    return _instant(dates["promised_at"])


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
