"""Verification of what work took: clean over what is reckoned, red over every other figure."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import orjson
import pytest

from services.verification.days import Days
from services.verification.folders import Folder
from services.verification.measures import measures
from services.verification.world import World
from tests.unit.routes import CALENDAR

MONDAY = datetime(2026, 1, 12, 2, 0, tzinfo=UTC)
LEDGER = {
    "pauses": [
        {
            "kind": "hearing",
            "from_on": "2026-01-14",
            "until_on": None,
            "cap": {"value": 1, "unit": "working_day"},
            "notice": "听证通知",
            "article": "行政许可法 46",
        }
    ]
}


def task(name: str, ended: datetime, **kept: Any) -> dict[str, Any]:
    return {
        "task": name,
        "state": "decided",
        "issued_at": MONDAY,
        "ended_at": ended,
        "promised_on": date(2026, 1, 19),
        "statutory_on": None,
        "ledger": None,
        "statutory_days": None,
        "promised_days": 5,
        **kept,
    }


def findings(**changes: Any) -> list[str]:
    """One task from Monday to Thursday, another with a day's pause that ends on Friday evening."""
    paused = {"ledger": orjson.dumps(LEDGER).decode(), "used_days": 4, "promised_days": 4}
    both = [
        task("one", datetime(2026, 1, 15, 2, tzinfo=UTC), used_days=3, saved_days=Decimal(1)),
        task("two", datetime(2026, 1, 16, 10, tzinfo=UTC), **paused, saved_days=Decimal(1)),
    ]
    head = {"calendar_version": "test", "saved_days": Decimal(2)}
    head |= changes.pop("head", {})
    both[1] |= changes
    folder = Folder(
        number="N",
        intake={},
        orchestrator={"application": [head], "task": both},
        departments={},
        moving=False,
    )
    days = Days.of_content(msgspec.to_builtins(CALENDAR))
    world = World(days=days, calendar_version="test", own=frozenset())
    return [one.message for one in measures(folder, world)]


def test_what_is_reckoned_alike_is_clean() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"used_days": 3}, "its used_days are 3, reckoned 4"),
        ({"promised_days": 5}, "its promised_days are 5, reckoned 4"),
        ({"statutory_days": 9}, "its statutory_days are 9, reckoned None"),
        ({"saved_days": Decimal("1.5")}, "it saved 1.5 days, reckoned 1.000"),
        ({"saved_days": None}, "it saved None days, reckoned 1.000"),
        ({"head": {"saved_days": Decimal(9)}}, "it saved 9 working days, reckoned 2.000"),
    ],
)
def test_what_was_bettered_is_found(changes: dict[str, Any], message: str) -> None:
    assert findings(**changes) == [message]


def test_what_is_not_measured_yet_is_left_alone() -> None:
    assert findings(head={"saved_days": None}, used_days=None) == []
