"""Invariant 8, for the limits beside those of tasks: joint case, first review, delivery.

The figures are the law's (行政许可法 42(2), 43, 44) and stand here once more; the days are reckoned
by the oracle of `days`, from what the journal and the tables hold of pauses and extensions.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.contracts.vocabulary import (
    Authority,
    LimitKind,
    Outcome,
    Part,
    Signal,
    TaskState,
)
from services.verification.days import local
from services.verification.folders import Folder, Row
from services.verification.report import Finding
from services.verification.world import Finder

if TYPE_CHECKING:
    from services.verification.dates import Reckoning

WORKING_DAY = "working_day"
JOINT_DAYS, EXTENSION_DAYS, REVIEW_DAYS, DELIVERY_DAYS = 45, 15, 20, 10
AFTER = timedelta(seconds=1)
ANY_ROUND = 1_000
BY_LAST_ACT = 3
"""The edition of the rules by which no late message is the delay of a licence's department."""
ACTED = (TaskState.DECIDED, TaskState.LAPSED)
SIGNALS = {
    LimitKind.JOINT: Signal.JOINT_LIMIT_PASSED,
    LimitKind.FIRST_REVIEW: Signal.FIRST_REVIEW_OVERDUE,
    LimitKind.DELIVERY: Signal.DELIVERY_OVERDUE,
}


def limits(find: Finder, reckoning: "Reckoning") -> Iterator[Finding]:
    """Every limit runs that must, ends on the day reckoned, and has spoken if it was passed."""
    folder = reckoning.folder
    rules = folder.route.get("limits")
    if rules is None:
        return
    rows = {(row["kind"], row["task"]): row for row in folder.orchestrator["case_limit"]}
    yield from _joint(find, reckoning, rules, rows)
    yield from _reviews(find, reckoning, rules, rows)
    yield from _deliveries(find, reckoning, rules, rows)
    spoken = {
        (row["signal"], row["task"]): row["lifted_at"] is None
        for row in folder.orchestrator["signal"]
    }
    for (kind, task), row in rows.items():
        if row["ended_at"] is None:
            continue
        passed = row["ended_at"] >= row["due_at"] + AFTER
        if row["in_time"] == passed:
            yield find.within(f"{kind}: in_time is {row['in_time']}", task or "")
        over = max(_last_act(reckoning, row), default=row["ended_at"]) >= row["due_at"] + AFTER
        if spoken.get((SIGNALS[kind], task), False) != over:
            verb = "was not told" if over else "was told"
            yield find.within(f"{SIGNALS[kind]} {verb}, ended at {row['ended_at']}", task or "")


def _last_act(reckoning: "Reckoning", row: Row) -> Iterator[datetime]:
    """When the departments of a released step acted: of a licence's delay that is told of them."""
    folder = reckoning.folder
    if row["kind"] != LimitKind.DELIVERY or folder.route.get("edition", 1) < BY_LAST_ACT:
        return
    item = _item(row["task"])
    for result in folder.orchestrator["result"]:
        if result["item"] == item:
            tasks = (one for one in folder.orchestrator["task"] if one["step"] == result["step"])
            yield from (one["ended_at"] for one in tasks if one["state"] in ACTED)


def _joint(
    find: Finder, reckoning: "Reckoning", rules: dict[str, Any], rows: dict[Any, Row]
) -> Iterator[Finding]:
    folder = reckoning.folder
    known = [*folder.events, *folder.commands]
    accepted = any(one["type"] in ("Accepted", "Accept") for one in known)
    row = rows.get((LimitKind.JOINT, None))
    if rules.get("joint") is None or not accepted:
        if row is not None:
            yield find.within("the limit of a joint case runs, but there is none")
        return
    if row is None:
        yield find.within("the limit of its joint case does not run")
        return
    days = reckoning.clocks.last.days
    start = reckoning.acceptance.on or local(folder.driven["submitted_at"])
    refused = {command["ref"] for command in folder.commanded("Ignore")}
    extensions = [
        (local(_instant(one["at"])), one["budget"]["value"], one["budget"]["unit"])
        for one in folder.events
        if one["type"] == "JointExtended" and one["ref"] not in refused
    ]
    if len(extensions) > 1 or any(more > EXTENSION_DAYS for _, more, _ in extensions):
        yield find.within(f"its joint case was extended by {[more for _, more, _ in extensions]}")
    due = days.due_extended(JOINT_DAYS, WORKING_DAY, start, reckoning.all_paused, extensions)
    yield from _same(find, row, start, due)


def _reviews(
    find: Finder, reckoning: "Reckoning", rules: dict[str, Any], rows: dict[Any, Row]
) -> Iterator[Finding]:
    for task in reckoning.folder.orchestrator["task"]:
        key = (task["item"], task["department"])
        step, part = reckoning.folder.parts.get(key, ({}, {}))
        above = part.get("authority") == Authority.HIGHER_LEVEL and part["part"] == Part.DECIDE
        if not above or task["round"] != 1 or rules.get("review") is None:
            continue
        row = rows.get((LimitKind.FIRST_REVIEW, task["task"]))
        if row is None:
            yield find.within("no limit of its first review runs", task["task"])
            continue
        then = reckoning.clocks.at_end_of_limit(LimitKind.FIRST_REVIEW, task["task"])
        start = reckoning.start_of(step["code"], task["issued_at"])
        due = then.days.due(REVIEW_DAYS, WORKING_DAY, start, then.paused({key}))
        yield from _same(find, row, start, due)


def _deliveries(
    find: Finder, reckoning: "Reckoning", rules: dict[str, Any], rows: dict[Any, Row]
) -> Iterator[Finding]:
    folder = reckoning.folder
    licences = rules.get("licences", ()) if rules.get("delivery") is not None else ()
    found = {_item(task): row for (kind, task), row in rows.items() if kind == LimitKind.DELIVERY}
    for item in sorted(found.keys() - set(licences)):
        yield find.within("its delivery has a limit, and it is no licence", item)
    for item in sorted(found.keys() & set(licences)):
        yield from _delivery(find, reckoning, found[item], item)
    for row in folder.orchestrator["result"]:
        expected: date | None = None
        if row["item"] in licences and row["outcome"] == Outcome.GRANTED:
            paused = reckoning.paused(row["step"], ANY_ROUND)
            start = local(row["decided_at"])
            days = reckoning.clocks.when_released(row["step"]).days
            expected = days.due(DELIVERY_DAYS, WORKING_DAY, start, paused)
            if row["item"] not in found:
                yield from _unlimited(find, reckoning, row, days.close(expected))
        if row["deliver_by"] != expected:
            yield find.within(
                f"to be delivered by {row['deliver_by']}, reckoned {expected}", row["item"]
            )


def _delivery(find: Finder, reckoning: "Reckoning", row: Row, item: str) -> Iterator[Finding]:
    """It counts from the last decision, and stands while the step waits for the investor."""
    folder = reckoning.folder
    granted = [
        (one["ended_at"], one["task"], one["step"])
        for one in folder.orchestrator["task"]
        if one["item"] == item and one["outcome"] == Outcome.GRANTED
    ]
    if not granted:
        yield find.within("its delivery has a limit, and nobody has granted it", item)
        return
    decided_at, task, step = max(granted)
    if row["task"] != task:
        yield find.within(f"its delivery counts from {row['task']}, not from {task}", item)
        return
    days = reckoning.clocks.at_end_of_limit(LimitKind.DELIVERY, task).days
    start = local(decided_at)
    due = days.due(DELIVERY_DAYS, WORKING_DAY, start, reckoning.paused(step, ANY_ROUND))
    yield from _same(find, row, start, due)


def _unlimited(
    find: Finder, reckoning: "Reckoning", row: Row, due_at: datetime
) -> Iterator[Finding]:
    """What waited for others of its step had a limit, and what was late has one, or was told."""
    folder, item = reckoning.folder, row["item"]
    if _waited(folder, row["step"], item):
        yield find.within("it waited for its step, and no limit of its delivery ran", item)
    if row["released_at"] < due_at + AFTER:
        return
    told = {
        _item(one["task"])
        for one in folder.orchestrator["signal"]
        if one["signal"] == Signal.DELIVERY_OVERDUE and one["lifted_at"] is None
    }
    if folder.route.get("edition", 1) >= BY_LAST_ACT or item not in told:
        yield find.within(f"it was delivered after {due_at}, and nothing says so", item)


def _waited(folder: Folder, step: str, item: str) -> bool:
    """Whether, by the journal, another of its step was ended after it and before the release."""
    ends = [one for one in folder.commanded("EndTask") if one["step"] == step]
    items = [one["key"].partition("/")[0] for one in ends]
    return item in items and items[-1] != item


def _item(task: str) -> str:
    return task.split("/")[1]


def _same(find: Finder, row: Row, start: date, due: date) -> Iterator[Finding]:
    if (row["start_on"], row["due_on"]) != (start, due):
        yield find.within(
            f"{row['kind']}: {row['start_on']} to {row['due_on']}, reckoned {start} to {due}",
            row["task"] or "",
        )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
