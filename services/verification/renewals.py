"""Renewals by silence (行政许可法 50): of permits that expired undecided, and of nothing else.

Reckoned from the county's files and the answers given, not from the plan: the day on which the
permit expires, that it was applied for in time, and that nobody was silent into a new licence.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import orjson

from services.contracts.vocabulary import Outcome, Part, Silence, TaskState
from services.verification.days import Days, local
from services.verification.folders import Folder, Row
from services.verification.report import LAPSES, Finding
from services.verification.world import Finder, RenewalRule, World


def renewals(folder: Folder, world: World) -> Iterator[Finding]:
    """4: silence until a permit expired renewed it; no licence rests on silence."""
    if folder.driven is None:
        return
    find = Finder(invariant=LAPSES, number=folder.number, moving=folder.moving)
    for result in folder.orchestrator["result"]:
        yield from _of_result(find, folder, world, result)
    for task in folder.departments["task"]:
        if task["part"] == Part.DECIDE:
            yield from _of_task(find, folder, world, task)


def _of_result(find: Finder, folder: Folder, world: World, result: Row) -> Iterator[Finding]:
    item, outcome = result["item"], result["outcome"]
    ended = {task["outcome"] for task in _deciding(folder, item)}
    if outcome == Outcome.GRANTED and ended != {Outcome.GRANTED}:
        yield find.within(f"{item} is granted, but it was not so decided")
    if outcome != Outcome.DEEMED_RENEWED:
        return
    part = folder.parts.get((item, result["department"]), ({}, {}))[1]
    rule = world.renewals.get((folder.driven["catalogue_version"], item))
    if rule is None or part.get("silence") != Silence.RENEWED:
        yield find.within(f"{item} counts as renewed, but it renews no permit")


def _deciding(folder: Folder, item: str) -> list[Row]:
    """The last rounds of those who decide an item, as far as they were not cancelled."""
    last: dict[str, Row] = {}
    for row in sorted(folder.orchestrator["task"], key=lambda row: int(row["round"])):
        if row["item"] == item and row["part"] == Part.DECIDE and row["outcome"] is not None:
            last[row["department"]] = row
    return list(last.values())


def _of_task(find: Finder, folder: Folder, world: World, task: Row) -> Iterator[Finding]:
    name = task["task"]
    rule = world.renewals.get((folder.driven["catalogue_version"], task["item"]))
    if rule is None:
        if task["silence"] == Silence.RENEWED:
            yield find.within("silence would renew it, but it renews no permit", name)
        return
    version = folder.route["calendar_version"]
    days = world.days_of(version)
    if days is None:
        world.unknown_calendars.add(version)
        return
    expires_on = date.fromisoformat(orjson.loads(folder.driven["facts"])[rule.expires])
    if local(folder.driven["submitted_at"]) > last_day(rule, expires_on, days):
        yield find.within(f"a renewal by {expires_on} was applied for too late", name)
    in_time = _completed_on(folder) <= expires_on
    ends_at = days.close(expires_on) if in_time else None
    yield from _ends(find, folder, task, ends_at, f"by the answers {expires_on}")


def _ends(
    find: Finder, folder: Folder, task: Row, ends_at: datetime | None, why: str
) -> Iterator[Finding]:
    """The task says until when, and was ended by then or by its silence."""
    name, expires_at = task["task"], task["expires_at"]
    silence = Silence.NONE if ends_at is None else Silence.RENEWED
    if expires_at != ends_at:
        yield find.within(f"its permit expires at {expires_at}, {why}", name)
    if task["silence"] != silence:
        yield find.within(f"its silence is {task['silence']}, not {silence}: {why}", name)
    if ends_at is None:
        return
    if task["state"] == TaskState.DECIDED and task["ended_at"] > ends_at:
        yield find.within("it was decided after its permit had expired and was renewed", name)
    if task["state"] == TaskState.OPEN and _last_instant(folder) > ends_at:
        yield find.across("its permit has expired, and it is not renewed", name)


def _completed_on(folder: Folder) -> date:
    """The day of the last paper that answered a notice, or of the application."""
    rows = folder.orchestrator["acceptance"]
    found: date = rows[-1]["received_on"] if rows else local(folder.driven["submitted_at"])
    return found


def _last_instant(folder: Folder) -> datetime:
    """The latest business time that the application's journal knows of."""
    return max(datetime.fromisoformat(one["at"]) for one in folder.commands)


def last_day(rule: RenewalRule, expires_on: date, days: Days) -> date:
    """Return the last day on which a renewal is applied for in time."""
    if not rule.counts_working_days:
        return expires_on - timedelta(days=rule.ahead)
    day = expires_on
    for _ in range(rule.ahead):
        day = days.before(day)
    return day
