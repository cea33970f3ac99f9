"""Verification of ratings: clean over what is right, red over each thing that must not be."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import orjson
import pytest

from services.verification.days import Days
from services.verification.folders import Folder
from services.verification.ratings import ratings
from services.verification.world import World
from tests.unit.routes import CALENDAR

AT = datetime(2026, 1, 12, 2, 0, tzinfo=UTC)
DUE = date(2026, 1, 19)
SAID = "今后一次告知"
Store = dict[str, list[dict[str, Any]]]


def leaf(act: str, **facts: Any) -> dict[str, Any]:
    return {"act": act, "body": orjson.dumps({"act": act, "facts": facts}).decode()}


def stores() -> tuple[Store, Store]:
    """What intake and the orchestrator hold of one good and one bad rating, answered and closed."""
    good = {"department": "good", "grade": "satisfied", "rated_at": AT}
    bad = {"department": "bad", "grade": "very_dissatisfied", "rated_at": AT}
    results = [
        {"item": name, "department": name, "released_at": AT - timedelta(hours=1)}
        for name in ("good", "bad")
    ]
    nothing = dict.fromkeys(
        ("id", "opened_at", "due_on", "calendar_version", "answer", "answered_at", "closed_at")
    )
    followed = {
        "id": 7,
        "opened_at": AT,
        "due_on": DUE,
        "calendar_version": "test",
        "answer": SAID,
        "answered_at": AT,
        "closed_at": AT,
    }
    intake: Store = {
        "rating": [
            good | {"state": None, "answer": None},
            bad | {"state": "closed", "answer": SAID},
        ],
        "result": results,
        "audit_leaf": [
            leaf("rating.given", department=one["department"], grade=one["grade"])
            for one in (good, bad)
        ],
    }
    orchestrator: Store = {
        "rating": [good | nothing, bad | followed],
        "audit_leaf": [
            leaf(f"follow_up.{act}", follow_up=7) for act in ("opened", "answered", "closed")
        ],
    }
    return intake, orchestrator


def findings(spoil: Callable[[Store, Store], None], *, moving: bool = False) -> list[Any]:
    intake, orchestrator = stores()
    spoil(intake, orchestrator)
    days = Days.of_content(msgspec.to_builtins(CALENDAR))
    world = World(days=days, calendar_version="test", own=frozenset())
    folder = Folder(
        number="N", intake=intake, orchestrator=orchestrator, departments={}, moving=moving
    )
    return list(ratings(folder, world))


def test_what_is_right_is_clean() -> None:
    assert findings(lambda *_: None) == []


def _early(intake: Store, _: Store) -> None:
    intake["result"][0]["released_at"] = AT + timedelta(minutes=1)


def _of_nothing(intake: Store, _: Store) -> None:
    del intake["result"][1]


def _unrecorded(intake: Store, _: Store) -> None:
    del intake["audit_leaf"][0]


def _forged(_: Store, orchestrator: Store) -> None:
    orchestrator["rating"][0]["grade"] = "very_satisfied"


def _lost(_: Store, orchestrator: Store) -> None:
    del orchestrator["rating"][0]


def _not_shown(intake: Store, _: Store) -> None:
    intake["rating"][1]["state"] = "open"


def _another_answer(intake: Store, _: Store) -> None:
    intake["rating"][1]["answer"] = "别的话"


def _not_followed_up(intake: Store, orchestrator: Store) -> None:
    orchestrator["rating"][1] |= {"id": None, "answer": None}
    intake["rating"][1] |= {"state": None, "answer": None}


def _longer(_: Store, orchestrator: Store) -> None:
    orchestrator["rating"][1]["due_on"] = DUE + timedelta(days=1)


def _closed_by_nobody(_: Store, orchestrator: Store) -> None:
    del orchestrator["audit_leaf"][2]


def _answered_twice(_: Store, orchestrator: Store) -> None:
    orchestrator["audit_leaf"].append(orchestrator["audit_leaf"][1])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_early, "good was rated before any result of it was out"),
        (_of_nothing, "bad was rated before any result of it was out"),
        (_unrecorded, "its ratings are not those of the log of acts"),
        (_forged, "the rating of good is not the same in both stores"),
        (_lost, "the rating of good is in one store alone"),
        (_not_shown, "the follow-up of bad is closed, shown as open"),
        (_another_answer, "the follow-up of bad is closed, shown as closed"),
        (_not_followed_up, "bad: rated very_dissatisfied, without a follow-up"),
        (
            _longer,
            "bad: its follow-up is due on 2026-01-20, not 5 working days after the rating",
        ),
        (_closed_by_nobody, "bad: its follow-up was closed 0 times by the log of acts"),
        (_answered_twice, "bad: its follow-up was answered 2 times by the log of acts"),
    ],
)
def test_what_must_not_be_is_found(spoil: Callable[[Store, Store], None], message: str) -> None:
    assert [one.message for one in findings(spoil)] == [message]


def test_what_is_under_way_between_the_stores_is_in_flight() -> None:
    assert [one.in_flight for one in findings(_lost, moving=True)] == [True]
    assert [one.in_flight for one in findings(_longer, moving=True)] == [False]


def test_a_calendar_that_nobody_kept_is_named() -> None:
    intake, orchestrator = stores()
    orchestrator["rating"][1]["calendar_version"] = "gone"
    world = World(days=Days(), calendar_version="test", own=frozenset())
    folder = Folder(
        number="N", intake=intake, orchestrator=orchestrator, departments={}, moving=False
    )
    assert list(ratings(folder, world)) == []
    assert world.unknown_calendars == {"gone"}
