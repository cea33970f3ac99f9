"""Invariant 4, for the investor: a notice was answered in its term or closed, never both.

And invariant 8: how long each was out of the limits, reckoned from what intake committed and not
from the journal; who sees a step again, and how often.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, TypeAlias

from services.contracts.vocabulary import FAVOURABLE, Outcome, Service
from services.verification.days import NO_DAYS, local, span
from services.verification.folders import Folder, Row
from services.verification.report import DATES, LAPSES, Finding
from services.verification.world import Finder, World

Notice: TypeAlias = tuple[str, int]
"""A step's code and the round of its notice."""


class Notices:
    """The notices of one application, and the days that each took out of the limits."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.asked = {_notice(one): one for one in folder.commanded("AskRectification")}
        self.ended = {_notice(one): one for one in folder.commanded("EndRectification")}
        self.rows = {_notice(row): row for row in folder.intake["rectification"]}
        self._issued: dict[Notice, date] = {}
        for row in folder.orchestrator["task"]:
            self._issued.setdefault((row["step"], row["round"]), local(row["issued_at"]))

    def paused(self, step: str, before_round: int) -> frozenset[date]:
        """The days that notices took out of a step's limits before one of its rounds."""
        own = (one for one in self.asked if one[0] == step and one[1] < before_round)
        return NO_DAYS.union(*(self.days_of(one) for one in own))

    def days_of(self, notice: Notice) -> frozenset[date]:
        """The days of one notice: from the day it was sent to the day on which its time ended."""
        last = self._last_of(notice) if notice in self.ended else self.reopened(notice)
        return NO_DAYS if last is None else span(local(_at(self.asked[notice])), last)

    def _last_of(self, notice: Notice) -> date:
        """When its time ended, by intake: with the answer, the withdrawal, or the term."""
        row, until = self.rows.get(notice), _instant(self.asked[notice]["until"])
        received = self._folder.received
        ends = [until]
        if row is not None and row["answered_at"] is not None:
            ends.append(row["answered_at"])
        elif received is not None and received["withdrawn_at"] is not None:
            ends.append(received["withdrawn_at"])
        return local(min(ends))

    def reopened(self, notice: Notice) -> date | None:
        """The day on which those who objected saw it again: by earlier rules its last."""
        return self._issued.get((notice[0], notice[1] + 1))


def rectification(folder: Folder, _world: World) -> Iterator[Finding]:
    """4 and 8: an answer in time counts; bounded in days and rounds; only who objected again."""
    if folder.driven is None:
        return
    notices = Notices(folder)
    find = Finder(invariant=LAPSES, number=folder.number, moving=folder.moving)
    closings = {
        (leaf["facts"]["step"], leaf["facts"]["round"])
        for leaf in folder.leaves(Service.INTAKE, "rectification.lapsed")
    }
    for notice, row in notices.rows.items():
        yield from _ended_once(find, row, _subject(folder, notice))
        if (row["closed_at"] is not None) != (notice in closings):
            yield find.within("it was closed or recorded, but not both", _subject(folder, notice))
        if folder.route.get("edition", 1) > 1:
            yield from _applied(find, folder, notices, notice)
    find = Finder(invariant=DATES, number=folder.number, moving=folder.moving)
    yield from _bounded(find, folder, notices)
    yield from _reopened(find, folder, notices)


def _ended_once(find: Finder, row: Row, subject: str) -> Iterator[Finding]:
    answered, closed, until = row["answered_at"], row["closed_at"], row["until"]
    if answered is not None and closed is not None:
        yield find.within("it was answered, and closed for want of an answer", subject)
    if answered is not None and answered >= until:
        yield find.within(f"it was answered at {answered}, after its term {until}", subject)
    if closed is not None and closed < until:
        yield find.within(f"it was closed at {closed}, before its term {until}", subject)


def _applied(find: Finder, folder: Folder, notices: Notices, notice: Notice) -> Iterator[Finding]:
    """What intake says of a notice is what became of its step."""
    row, subject = notices.rows[notice], _subject(folder, notice)
    ended, again = notice in notices.ended, notices.reopened(notice)
    if row["answered_at"] is not None and not again and not _withdrawn(folder):
        yield find.across("it was answered in time, and the answer does not count", subject)
    if row["closed_at"] is not None and not ended:
        yield find.across("it was closed, and its step still waits", subject)
    if row["answered_at"] is None and again:
        yield find.across("its step was opened again without an answer", subject)


def _bounded(find: Finder, folder: Folder, notices: Notices) -> Iterator[Finding]:
    rules = {step["code"]: step["rectification"] for step in folder.route["steps"]}
    for (step, round_), asked in notices.asked.items():
        if round_ > rules[step]["rounds"]:
            yield find.within(f"{step} was to be put right in round {round_}")
        ended = notices.ended.get((step, round_))
        if ended is None:
            continue
        days = notices.days_of((step, round_))
        said = span(date.fromisoformat(ended["from_on"]), date.fromisoformat(ended["until_on"]))
        if said != days:
            yield find.across(
                f"{len(said)} days were taken out for it, reckoned {len(days)}",
                _subject(folder, (step, round_)),
            )
        if max(said) > local(_instant(asked["until"])):
            yield find.within("it lasted longer than its notice", _subject(folder, (step, round_)))


def _reopened(find: Finder, folder: Folder, notices: Notices) -> Iterator[Finding]:
    """Only a part that stood against its item is seen again, and all that did are."""
    tasks: dict[Notice, dict[tuple[str, str], Row]] = {}
    for row in folder.orchestrator["task"]:
        key = (row["item"], row["department"])
        tasks.setdefault((row["step"], row["round"]), {})[key] = row
    for (step, round_), again in tasks.items():
        if round_ == 1:
            continue
        before = tasks.get((step, round_ - 1), {})
        objected = {key for key, row in before.items() if _is_adverse(row)}
        if again.keys() != objected:
            yield find.within(
                f"round {round_} is not of those who objected", f"{folder.number}/{step}"
            )
        if (step, round_ - 1) not in notices.asked:
            yield find.within(f"round {round_} follows no notice", f"{folder.number}/{step}")


def _is_adverse(row: Row) -> bool:
    return row["outcome"] is not None and Outcome(row["outcome"]) not in FAVOURABLE


def _withdrawn(folder: Folder) -> bool:
    received = folder.received
    return received is not None and received["withdrawn_at"] is not None


def _notice(row: Mapping[str, Any]) -> Notice:
    return row["step"], row["round"]


def _subject(folder: Folder, notice: Notice) -> str:
    return f"{folder.number}/{notice[0]}/{notice[1]}"


def _at(command: Mapping[str, Any]) -> datetime:
    return _instant(command["at"])


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
