"""Verification of the limits beside those of tasks: clean over the core, else red."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import orjson
import pytest

from services.domain.approval import apply, begin
from services.domain.case import Accepted, AnyEvent, ClockReached, Rectified
from services.domain.limit_events import SentUp
from services.verification.clocks import Clocks
from services.verification.dates import Reckoning
from services.verification.days import Days
from services.verification.folders import Folder
from services.verification.limits import limits
from services.verification.report import DATES
from services.verification.world import Finder, World
from tests.unit.routes import CALENDAR, NUMBER, START, decide, step
from tests.unit.test_limit_clocks import (
    DAY,
    REVIEW,
    TUESDAY,
    A,
    B,
    above,
    extended,
    granted,
    limited,
    paused,
)

Rows = dict[str, list[dict[str, Any]]]
ROUTE = limited(
    step(above(decide("A", "d", promised=30)), decide("B", "e", promised=30), code="J"),
    review=REVIEW,
)
LATE = CALENDAR.close_of(date(2026, 4, 20))
"""After the joint limit and its extension."""


def rows_of(commands: list[dict[str, Any]]) -> Rows:
    """What the orchestrator's tables would hold of these commands."""
    found: Rows = {"task": [], "signal": [], "case_limit": [], "result": []}
    limits_: dict[Any, dict[str, Any]] = {}
    for one in commands:
        at = datetime.fromisoformat(one["at"])
        key = (one.get("kind"), one.get("task"))
        match one["type"]:
            case "IssueTask":
                item, department = one["key"].split("/")
                head = {"task": one["task"], "step": one["step"], "round": one["round"]}
                found["task"].append(
                    head | {"item": item, "department": department, "issued_at": at}
                )
            case "RaiseSignal":
                found["signal"].append(
                    {"signal": one["signal"], "task": one["task"], "lifted_at": None}
                )
            case "SetLimit":
                limits_[key] = {
                    "kind": one["kind"],
                    "task": one.get("task"),
                    "start_on": date.fromisoformat(one["start"]),
                    "due_on": date.fromisoformat(one["due_on"]),
                    "due_at": datetime.fromisoformat(one["due_at"]),
                    "ended_at": None,
                    "in_time": None,
                }
            case "EndLimit":
                limits_[key] |= {"ended_at": at, "in_time": one["in_time"]}
            case "Release":
                found["result"] += [
                    {
                        "item": result["item"],
                        "step": one["step"],
                        "outcome": result["outcome"],
                        "decided_at": datetime.fromisoformat(result["decided_at"]),
                        "deliver_by": date.fromisoformat(result["deliver_by"]),
                    }
                    for result in one["results"]
                ]
    return found | {"case_limit": list(limits_.values())}


def findings(*events: AnyEvent, spoil: Callable[[Rows], None] = lambda _: None) -> list[str]:
    case, all_ = begin(ROUTE, CALENDAR, START), []
    story = [Accepted(at=START), *events]
    for event in story:
        case, found = apply(case, event)
        all_ += found
    commands: list[dict[str, Any]] = orjson.loads(msgspec.json.encode(all_))
    rows = rows_of(commands)
    spoil(rows)
    driven = {
        "route": msgspec.json.encode(ROUTE).decode(),
        "submitted_at": START,
        "calendar_version": CALENDAR.version,
    }
    journal = {
        "turn": 1,
        "events": orjson.dumps(msgspec.to_builtins(story)),
        "commands": orjson.dumps(commands),
    }
    folder = Folder(
        number=NUMBER,
        intake={"rectification": []},
        orchestrator={"application": [driven], "journal": [journal], **rows},
        departments={},
        moving=False,
    )
    days = Days.of_content(msgspec.to_builtins(CALENDAR))
    world = World(days=days, calendar_version=CALENDAR.version, own=frozenset())
    find = Finder(invariant=DATES, number=NUMBER, moving=False)
    return [one.message for one in limits(find, Reckoning(folder, Clocks(folder, world)))]


STORIES: dict[str, list[AnyEvent]] = {
    "under way": [],
    "granted": [granted(A, TUESDAY), granted(B, TUESDAY + DAY)],
    "paused": [paused(A, TUESDAY, date(2026, 1, 12)), granted(A, TUESDAY + DAY)],
    "extended": [extended(TUESDAY), extended(TUESDAY + DAY, ref="y")],
    "sent up, then paused": [
        SentUp(at=TUESDAY, ref="u", task=A),
        paused(A, TUESDAY + DAY, date(2026, 1, 12)),
    ],
    "paused at its end": [
        granted(B, TUESDAY),
        paused(A, TUESDAY + DAY, date(2026, 1, 20)),
        granted(A, TUESDAY + 2 * DAY),
    ],
    "late": [granted(A, TUESDAY), ClockReached(at=LATE), granted(B, LATE + DAY)],
    "answered without being asked": [Rectified(at=TUESDAY, step="J", round=1)],
}


@pytest.mark.parametrize("name", STORIES)
def test_what_the_core_does_is_reckoned_alike(name: str) -> None:
    assert findings(*STORIES[name]) == []


def _more_time(rows: Rows) -> None:
    rows["case_limit"][0]["due_on"] += timedelta(days=7)


def _none(rows: Rows) -> None:
    rows["case_limit"] = [one for one in rows["case_limit"] if one["kind"] != "joint"]


def _no_review(rows: Rows) -> None:
    rows["case_limit"] = [one for one in rows["case_limit"] if one["kind"] != "first_review"]


def _later(rows: Rows) -> None:
    rows["result"][0]["deliver_by"] += timedelta(days=7)


def _untold(rows: Rows) -> None:
    rows["signal"] = []


def _in_time(rows: Rows) -> None:
    for one in rows["case_limit"]:
        one["in_time"] = True


@pytest.mark.parametrize(
    ("name", "spoil", "says"),
    [
        ("under way", _more_time, "reckoned"),
        ("under way", _none, "the limit of its joint case does not run"),
        ("under way", _no_review, "no limit of its first review runs"),
        ("granted", _later, "to be delivered by"),
        ("late", _untold, "was not told"),
        ("late", _in_time, "in_time is True"),
    ],
)
def test_what_must_not_be_is_found(name: str, spoil: Callable[[Rows], None], says: str) -> None:
    found = findings(*STORIES[name], spoil=spoil)
    assert any(says in message for message in found), found
