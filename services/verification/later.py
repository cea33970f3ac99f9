"""Papers that come later: no task without them, and whoever waits for them has been told.

What came in its term and what did not is said by intake's own store, and by nothing else.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from services.contracts.vocabulary import Service, TaskState
from services.verification.days import NO_DAYS, local, span
from services.verification.folders import Folder
from services.verification.report import CONSERVATION, LAPSES, TASKS, Finding
from services.verification.world import Finder, World

SUBJECT = "material/"
FORFEITED = "its papers were not handed in within their term"
BY_INTAKE = 3
"""The edition of the rules from which on the end of a term is intake's to say."""


class Waits:
    """What the steps of one application waited for, by the journal."""

    def __init__(self, folder: Folder) -> None:
        self.asked: dict[str, list[dict[str, Any]]] = {}
        for command in folder.commanded("AskPapers"):
            self.asked.setdefault(command["step"], []).append(command["awaited"])
        self._by_intake = folder.route.get("edition", 1) >= BY_INTAKE
        self._moved: dict[str, date] = {}
        for command in folder.commanded("ChangeStep"):
            self._moved.setdefault(command["step"], _day(command))
        self._taken: dict[str, date] = {}
        for command in folder.commanded("TakeSupplement"):
            for subject in command["subjects"]:
                self._taken.setdefault(subject.removeprefix(SUBJECT), _day(command))
        self._folder = folder

    @property
    def days(self) -> frozenset[date]:
        """The days that were waited, over all steps whose waiting is over."""
        return NO_DAYS.union(*(self._days_of(step) for step in self.asked))

    def _days_of(self, step: str) -> frozenset[date]:
        first, last = self.asked[step][0], self.asked[step][-1]
        over = self._over(step, last)
        begun = date.fromisoformat(first["since"]) + timedelta(days=1)
        return NO_DAYS if over is None or over < begun else span(begun, over)

    def _over(self, step: str, last: dict[str, Any]) -> date | None:
        """The last day of waiting: that of the last paper, none after the term; else None."""
        lacking = [self._taken.get(material) for material in last["materials"]]
        ends = [self._moved.get(step)]
        if None not in lacking:
            days = [self._came(material) for material in last["materials"]]
            ends.append(max(days))
        over = min((day for day in ends if day is not None), default=None)
        until = last.get("until") if self._by_intake else None
        return over if over is None or until is None else min(over, local(_instant(until)))

    def _came(self, material: str) -> date:
        """The day on which a paper was handed in; by earlier rules, on which that was heard."""
        given = _handed_in(self._folder).get(material) if self._by_intake else None
        return self._taken[material] if given is None else local(given)

    def lacks(self, step: dict[str, Any]) -> bool:
        """Whether papers of a step that has not begun are still to come."""
        return any(paper["material"] not in self._taken for paper in step.get("papers", ()))


def later(folder: Folder, _world: World) -> Iterator[Finding]:
    """Nothing is issued without its papers; what is awaited was told, and is shown as told."""
    if folder.driven is None:
        return
    find = Finder(invariant=TASKS, number=folder.number, moving=folder.moving)
    yield from _issued(find, folder)
    find = Finder(invariant=CONSERVATION, number=folder.number, moving=folder.moving)
    shown = {row["step"]: row for row in folder.intake["papers_awaited"]}
    asked = Waits(folder).asked
    for step, told in asked.items():
        row, subject = shown.get(step), f"{folder.number}/{step}"
        if row is None:
            yield find.across("it waits for papers, and the investor is not told", subject)
            continue
        until = told[-1].get("until")
        said = (told[-1]["materials"], until and _instant(until))
        if (row["materials"], row["until"]) != said:
            yield find.across(f"it waits for {said}, shown as {row['materials']}", subject)
    yield from _closed(folder, shown)
    for step in shown.keys() - asked.keys():
        yield find.across("papers are asked for that nobody waits for", f"{folder.number}/{step}")


def _closed(folder: Folder, shown: dict[str, Any]) -> Iterator[Finding]:
    """4: a paper was handed in or closed, never both; given up is what was closed."""
    find = Finder(invariant=LAPSES, number=folder.number, moving=folder.moving)
    there = _handed_in(folder)
    leaves = {
        (leaf["facts"]["step"], material)
        for leaf in folder.leaves(Service.INTAKE, "papers.lapsed")
        for material in leaf["facts"]["materials"]
    }
    closed = {(step, material) for step, row in shown.items() for material in row["closed"]}
    for step, material in sorted(closed ^ leaves):
        yield find.within(f"{material} was closed or recorded, but not both", _of(folder, step))
    for step, material in sorted(closed):
        row, given = shown[step], there.get(material)
        until = _until_of(row, material)
        if until is None or row["closed_at"] <= until:
            yield find.within(f"{material} was closed before its term", _of(folder, step))
        if given is not None and (until is None or given <= until):
            yield find.within(f"{material} was handed in, and closed", _of(folder, step))
    if folder.route.get("edition", 1) < BY_INTAKE:
        return
    given_up = {
        (command["step"], material)
        for command in folder.commanded("GiveUpPapers")
        for material in command["materials"]
    }
    for step, material in sorted(given_up - closed):
        yield find.across(f"{material} was given up, and is not closed", _of(folder, step))
    for step, material in sorted(closed - given_up):
        if folder.driven["conclusion"] is None:
            yield find.across(f"{material} was closed, and is still awaited", _of(folder, step))
    yield from _forfeited(find, folder, given_up)


def _until_of(row: dict[str, Any], material: str) -> datetime | None:
    """The end of a paper's own term, kept when the step awaits others; once one held for all."""
    untils: dict[str, str] = orjson.loads(row["untils"])
    if not untils:
        found: datetime | None = row["until"]
        return found
    return _instant(untils[material]) if material in untils else None


def _forfeited(find: Finder, folder: Folder, given_up: set[tuple[str, str]]) -> Iterator[Finding]:
    """Only what needs a paper that was given up ends for want of it."""
    for command in folder.commanded("EndTask"):
        if command["state"] != TaskState.CANCELLED or command["reason"] != FORFEITED:
            continue
        item, step = command["key"].partition("/")[0], command["step"]
        papers = next(one["papers"] for one in folder.route["steps"] if one["code"] == step)
        needed = {(step, one["material"]) for one in papers if item in one["items"]}
        if needed.isdisjoint(given_up):
            yield find.across("it was given up for papers that nobody closed", command["task"])


def _handed_in(folder: Folder) -> dict[str, datetime]:
    """When each later paper was first handed in, by intake's own store."""
    there: dict[str, datetime] = {}
    for row in folder.intake["later_material"]:
        known = there.get(row["material"], row["given_at"])
        there[row["material"]] = min(row["given_at"], known)
    return there


def _of(folder: Folder, step: str) -> str:
    return f"{folder.number}/{step}"


def _issued(find: Finder, folder: Folder) -> Iterator[Finding]:
    """Every paper of an item was there, in intake's own store, when its task was issued."""
    there = _handed_in(folder)
    papers = {
        (step["code"], item, paper["material"])
        for step in folder.route["steps"]
        for paper in step.get("papers", ())
        for item in paper["items"]
    }
    for row in folder.orchestrator["task"]:
        for step, item, material in sorted(papers):
            if (row["step"], row["item"]) != (step, item):
                continue
            if material not in there or there[material] > row["issued_at"]:
                yield find.within(f"it was issued before {material} was there", row["task"])


def awaits(folder: Folder, step: dict[str, Any]) -> bool:
    """Whether a step that could begin waits for papers of the investor, who has been told."""
    waits = Waits(folder)
    return step["code"] in waits.asked and waits.lacks(step)


def _day(command: dict[str, Any]) -> date:
    return local(_instant(command["at"]))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
