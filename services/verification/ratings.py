"""Invariant 14: ratings are of what was released, the same in both stores, and followed up.

A rating may be a little ahead of the orchestrator, and its answer of intake: those are compared
across the stores. Everything else holds at every moment.
"""

from collections.abc import Iterator
from typing import Any

from services.contracts.vocabulary import Service
from services.verification.days import local
from services.verification.folders import Folder, Row
from services.verification.report import RATINGS, Finding
from services.verification.world import Finder, World

GIVEN = "rating.given"
TERMS = {"dissatisfied": 15, "very_dissatisfied": 5}
"""Working days in which a bad rating has to be answered and closed."""


def ratings(folder: Folder, world: World) -> Iterator[Finding]:
    """14: one rating for a released department, told, recorded, and followed up where it is bad."""
    find = Finder(invariant=RATINGS, number=folder.number, moving=folder.moving)
    given = {row["department"]: row for row in folder.intake["rating"]}
    taken = {row["department"]: row for row in folder.orchestrator["rating"]}
    yield from (find.within(one) for one in _rested(folder, given))
    for department in sorted(given.keys() | taken.keys()):
        yield from (find.across(one) for one in _same(department, given, taken))
    for department, row in sorted(taken.items()):
        yield from (find.within(f"{department}: {one}") for one in _followed(folder, row, world))


def _rested(folder: Folder, given: dict[str, Row]) -> Iterator[str]:
    """Each rests on a result that was out, and stands in the log once, as it is in the table."""
    released: dict[str, Any] = {}
    for row in folder.intake["result"]:
        at = released.get(row["department"], row["released_at"])
        released[row["department"]] = min(at, row["released_at"])
    for department, row in given.items():
        if department not in released or row["rated_at"] < released[department]:
            yield f"{department} was rated before any result of it was out"
    logged = sorted(
        (leaf["facts"]["department"], leaf["facts"]["grade"])
        for leaf in folder.leaves(Service.INTAKE, GIVEN)
    )
    if logged != sorted((department, row["grade"]) for department, row in given.items()):
        yield "its ratings are not those of the log of acts"


def _same(department: str, given: dict[str, Row], taken: dict[str, Row]) -> Iterator[str]:
    """Both stores have the same rating, and the applicant is shown how its follow-up stands."""
    ours, theirs = given.get(department), taken.get(department)
    if ours is None or theirs is None:
        yield f"the rating of {department} is in one store alone"
        return
    if (ours["grade"], ours["rated_at"]) != (theirs["grade"], theirs["rated_at"]):
        yield f"the rating of {department} is not the same in both stores"
    if (ours["state"], ours["answer"]) != (_state(theirs), theirs["answer"]):
        yield f"the follow-up of {department} is {_state(theirs)}, shown as {ours['state']}"


def _state(row: Row) -> str | None:
    if row["id"] is None:
        return None
    if row["closed_at"] is not None:
        return "closed"
    return "open" if row["answered_at"] is None else "answered"


def _followed(folder: Folder, row: Row, world: World) -> Iterator[str]:
    """A bad rating has a follow-up with the term of its grade; each of its acts is in the log."""
    days = TERMS.get(row["grade"])
    if (days is None) != (row["id"] is None):
        yield f"rated {row['grade']}, {'with' if row['id'] else 'without'} a follow-up"
    if days is None or row["id"] is None:
        return
    calendar = world.days_of(row["calendar_version"])
    if calendar is None:
        world.unknown_calendars.add(row["calendar_version"])
    elif row["due_on"] != calendar.due(days, "working_day", local(row["opened_at"])):
        yield f"its follow-up is due on {row['due_on']}, not {days} working days after the rating"
    acts = {"opened": row["opened_at"], "answered": row["answered_at"], "closed": row["closed_at"]}
    for act, at in acts.items():
        leaves = [
            leaf
            for leaf in folder.leaves(Service.ORCHESTRATOR, f"follow_up.{act}")
            if leaf["facts"]["follow_up"] == row["id"]
        ]
        if len(leaves) != (at is not None):
            yield f"its follow-up was {act} {len(leaves)} times by the log of acts"
