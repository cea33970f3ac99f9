"""Papers that come later: no task without them, and whoever waits for them has been told."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from services.verification.days import NO_DAYS, local, span
from services.verification.folders import Folder
from services.verification.report import CONSERVATION, TASKS, Finding
from services.verification.world import Finder, World

SUBJECT = "material/"


class Waits:
    """What the steps of one application waited for, by the journal."""

    def __init__(self, folder: Folder) -> None:
        self.asked: dict[str, list[dict[str, Any]]] = {}
        for command in folder.commanded("AskPapers"):
            self.asked.setdefault(command["step"], []).append(command["awaited"])
        self._moved: dict[str, date] = {}
        for command in folder.commanded("ChangeStep"):
            self._moved.setdefault(command["step"], _day(command))
        self._taken: dict[str, date] = {}
        for command in folder.commanded("TakeSupplement"):
            for subject in command["subjects"]:
                self._taken.setdefault(subject.removeprefix(SUBJECT), _day(command))

    @property
    def days(self) -> frozenset[date]:
        """The days that were waited, over all steps whose waiting is over."""
        return NO_DAYS.union(*(self._days_of(step) for step in self.asked))

    def _days_of(self, step: str) -> frozenset[date]:
        first, last = self.asked[step][0], self.asked[step][-1]
        lacking = [self._taken.get(material) for material in last["materials"]]
        ends = [self._moved.get(step)]
        if None not in lacking:
            ends.append(max(day for day in lacking if day is not None))
        over = min((day for day in ends if day is not None), default=None)
        begun = date.fromisoformat(first["since"]) + timedelta(days=1)
        return NO_DAYS if over is None or over < begun else span(begun, over)

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
        said = (told[-1]["materials"], until and datetime.fromisoformat(until))
        if (row["materials"], row["until"]) != said:
            yield find.across(f"it waits for {said}, shown as {row['materials']}", subject)
    for step in shown.keys() - asked.keys():
        yield find.across("papers are asked for that nobody waits for", f"{folder.number}/{step}")


def _issued(find: Finder, folder: Folder) -> Iterator[Finding]:
    """Every paper of an item was there, in intake's own store, when its task was issued."""
    there: dict[str, datetime] = {}
    for row in folder.intake["later_material"]:
        known = there.get(row["material"], row["given_at"])
        there[row["material"]] = min(row["given_at"], known)
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
    return local(datetime.fromisoformat(command["at"]))
