"""Verification of the limits beside those of tasks: clean over the core, else red."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import orjson
import pytest
from msgspec.structs import replace

from services.contracts.vocabulary import Outcome
from services.domain.approval import apply, begin
from services.domain.case import Accepted, AnyEvent, ClockReached, Decided, Rectified, Withdrawn
from services.domain.limit_events import SentUp
from services.domain.route import Route
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
                    head
                    | {"item": item, "department": department, "issued_at": at}
                    | {"state": "open", "outcome": None, "ended_at": None}
                )
            case "EndTask":
                [task] = [row for row in found["task"] if row["task"] == one["task"]]
                task |= {"state": one["state"], "outcome": one["outcome"], "ended_at": at}
            case "LiftSignal":
                _lift(found["signal"], one, at)
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
                        "released_at": at,
                        "decided_at": datetime.fromisoformat(result["decided_at"]),
                        "deliver_by": result["deliver_by"]
                        and date.fromisoformat(result["deliver_by"]),
                    }
                    for result in one["results"]
                ]
    return found | {"case_limit": list(limits_.values())}


def _lift(signals: list[dict[str, Any]], lifted: dict[str, Any], at: datetime) -> None:
    for row in signals:
        if (row["signal"], row["task"]) == (lifted["signal"], lifted["task"]):
            row["lifted_at"] = at


def findings(
    *events: AnyEvent, spoil: Callable[[Rows], None] = lambda _: None, of: Route = ROUTE
) -> list[str]:
    case, all_ = begin(of, CALENDAR, START), []
    story = [Accepted(at=START), *events]
    for event in story:
        case, found = apply(case, event)
        all_ += found
    commands: list[dict[str, Any]] = orjson.loads(msgspec.json.encode(all_))
    rows = rows_of(commands)
    spoil(rows)
    driven = {
        "route": msgspec.json.encode(of).decode(),
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
    "heard of late": [granted(A, TUESDAY), ClockReached(at=LATE), granted(B, TUESDAY + DAY)],
    "refused": [
        granted(A, TUESDAY),
        Decided(at=TUESDAY, task=B, outcome=Outcome.REFUSED, ref="r"),
    ],
    "withdrawn": [
        granted(A, TUESDAY),
        ClockReached(at=LATE),
        Withdrawn(at=TUESDAY + DAY),
    ],
    "answered without being asked": [Rectified(at=TUESDAY, step="J", round=1)],
}


STORIES["at once and late"] = [ClockReached(at=LATE), granted(A, TUESDAY)]
ROUTES = {"at once and late": limited(step(decide("A", "d", promised=30)), joint=None, review=None)}


@pytest.mark.parametrize("name", STORIES)
def test_what_the_core_does_is_reckoned_alike(name: str) -> None:
    assert findings(*STORIES[name], of=ROUTES.get(name, ROUTE)) == []


def test_by_earlier_rules_a_late_licence_without_a_limit_was_told_of() -> None:
    of, story = replace(ROUTES["at once and late"], edition=2), STORIES["at once and late"]
    assert findings(*story, of=of) == []
    [said] = findings(*story, of=of, spoil=_untold)
    assert "nothing says so" in said


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


def _deliveries(rows: Rows) -> list[dict[str, Any]]:
    return [one for one in rows["case_limit"] if one["kind"] == "delivery"]


def _delivery_later(rows: Rows) -> None:
    _deliveries(rows)[0]["due_on"] += timedelta(days=1)


def _of_another(rows: Rows) -> None:
    _deliveries(rows)[0]["task"] = f"{NUMBER}/A/other/1"


def _of_no_licence(rows: Rows) -> None:
    _deliveries(rows)[0]["task"] = f"{NUMBER}/C/d/1"


def _without_delivery(rows: Rows) -> None:
    rows["case_limit"] = [one for one in rows["case_limit"] if one["kind"] != "delivery"]


def _not_granted(rows: Rows) -> None:
    for one in rows["task"]:
        one["outcome"] = None


def _told_again(rows: Rows) -> None:
    for one in rows["signal"]:
        one["lifted_at"] = None


@pytest.mark.parametrize(
    ("name", "spoil", "says"),
    [
        ("late", _delivery_later, "reckoned"),
        ("late", _of_another, "its delivery counts from"),
        ("late", _of_no_licence, "it is no licence"),
        ("late", _not_granted, "nobody has granted it"),
        ("granted", _without_delivery, "no limit of its delivery ran"),
        ("at once and late", _without_delivery, "nothing says so"),
        ("heard of late", _told_again, "was told"),
        ("withdrawn", _told_again, "was told"),
        ("under way", _more_time, "reckoned"),
        ("under way", _none, "the limit of its joint case does not run"),
        ("under way", _no_review, "no limit of its first review runs"),
        ("granted", _later, "to be delivered by"),
        ("late", _untold, "was not told"),
        ("late", _in_time, "in_time is True"),
    ],
)
def test_what_must_not_be_is_found(name: str, spoil: Callable[[Rows], None], says: str) -> None:
    found = findings(*STORIES[name], spoil=spoil, of=ROUTES.get(name, ROUTE))
    assert any(says in message for message in found), found
