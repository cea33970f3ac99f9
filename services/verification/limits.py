"""Invariant 8, for the limits beside those of tasks: joint case, first review, delivery.

The figures are the law's (行政许可法 42(2), 43, 44) and stand here once more; the days are reckoned
by the oracle of `days`, from what the journal and the tables hold of pauses and extensions.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.contracts.vocabulary import Authority, LimitKind, Outcome, Part, Signal
from services.verification.days import local
from services.verification.folders import Row
from services.verification.report import Finding
from services.verification.world import Finder

if TYPE_CHECKING:
    from services.verification.dates import Reckoning

WORKING_DAY = "working_day"
JOINT_DAYS, EXTENSION_DAYS, REVIEW_DAYS, DELIVERY_DAYS = 45, 15, 20, 10
AFTER = timedelta(seconds=1)
ANY_ROUND = 1_000
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
    yield from _deliveries(find, reckoning, rules)
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
        if spoken.get((SIGNALS[kind], task), False) != passed:
            verb = "was not told" if passed else "was told"
            yield find.within(f"{SIGNALS[kind]} {verb}, ended at {row['ended_at']}", task or "")


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


def _deliveries(find: Finder, reckoning: "Reckoning", rules: dict[str, Any]) -> Iterator[Finding]:
    for row in reckoning.folder.orchestrator["result"]:
        licence = row["item"] in rules.get("licences", ()) and rules.get("delivery") is not None
        expected: date | None = None
        if licence and row["outcome"] == Outcome.GRANTED:
            paused = reckoning.paused(row["step"], ANY_ROUND)
            start = local(row["decided_at"])
            days = reckoning.clocks.when_released(row["step"]).days
            expected = days.due(DELIVERY_DAYS, WORKING_DAY, start, paused)
        if row["deliver_by"] != expected:
            yield find.within(
                f"to be delivered by {row['deliver_by']}, reckoned {expected}", row["item"]
            )


def _same(find: Finder, row: Row, start: date, due: date) -> Iterator[Finding]:
    if (row["start_on"], row["due_on"]) != (start, due):
        yield find.within(
            f"{row['kind']}: {row['start_on']} to {row['due_on']}, reckoned {start} to {due}",
            row["task"] or "",
        )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
