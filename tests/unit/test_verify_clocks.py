"""Verification of what departments did to clocks: each pause that changed nothing is explained."""

from datetime import date
from typing import Any

import orjson
import pytest

from services.verification.clocks import Clocks, clock_acts
from services.verification.days import Days
from services.verification.folders import Folder
from services.verification.report import DATES
from services.verification.world import Finder, World
from tests.unit.routes import NUMBER

TASK = f"{NUMBER}/A/d/1"
OTHER = f"{NUMBER}/B/e/1"


def said(kind: str, ref: str, task: str, number: int) -> dict[str, Any]:
    name = "pause" if kind == "Paused" else "extension"
    return {"type": kind, "ref": ref, "task": task, name: number}


def ignored(kind: str, ref: str) -> dict[str, Any]:
    return {"type": "Ignore", "event": kind, "ref": ref, "why": "", "at": "2026-01-06T01:00:00Z"}


def pause(task: str, number: int, notice: str) -> dict[str, Any]:
    return {
        "task": task,
        "number": number,
        "kind": "hearing",
        "from_on": date(2026, 1, 6),
        "notice": notice,
    }


def extension(task: str, number: int) -> dict[str, Any]:
    return {
        "task": task,
        "number": number,
        "days": 10,
        "unit": "working_day",
        "approver": "department_head",
    }


def folder(
    events: list[dict[str, Any]],
    commands: list[dict[str, Any]],
    pauses: list[dict[str, Any]],
    extensions: list[dict[str, Any]],
) -> Folder:
    tasks = [
        {"task": name, "item": name.split("/")[1], "department": name.split("/")[2]}
        for name in (TASK, OTHER)
    ]
    journal = [{"turn": 1, "events": orjson.dumps(events), "commands": orjson.dumps(commands)}]
    route = {"calendar_version": "v", "steps": []}
    driven = {"route": orjson.dumps(route), "calendar_version": "v"}
    return Folder(
        number=NUMBER,
        intake={"application": []},
        orchestrator={"application": [driven], "journal": journal, "date_change": []},
        departments={"task": tasks, "pause": pauses, "extension": extensions},
        moving=False,
    )


def findings(found: Folder) -> list[str]:
    world = World(days=Days(), calendar_version="v", own=frozenset())
    find = Finder(invariant=DATES, number=NUMBER, moving=False)
    return [one.message for one in clock_acts(find, found, Clocks(found, world))]


def test_what_the_core_ignored_changed_no_clock_and_that_is_right() -> None:
    found = folder(
        [said("Paused", "r1", TASK, 1), said("Extended", "r2", OTHER, 1)],
        [ignored("Paused", "r1"), ignored("Extended", "r2")],
        [pause(TASK, 1, "n1")],
        [extension(OTHER, 1)],
    )
    assert findings(found) == []


@pytest.mark.parametrize("other", [OTHER, TASK])
def test_one_that_was_ignored_excuses_no_other(other: str) -> None:
    found = folder(
        [said("Paused", "r1", TASK, 1)],
        [ignored("Paused", "r1")],
        [pause(TASK, 1, "n1"), pause(other, 2, "n2")],
        [],
    )
    assert findings(found) == [
        "pauses: ('hearing', '2026-01-06', 'n2') was done, but changed no clock"
    ]


def test_a_pause_that_was_ignored_excuses_no_extension() -> None:
    found = folder(
        [said("Paused", "r1", TASK, 1)],
        [ignored("Paused", "r1")],
        [pause(TASK, 1, "n1")],
        [extension(TASK, 1)],
    )
    [message] = findings(found)
    assert message.startswith("extensions: (10,")


def test_a_pause_that_stands_was_done_by_somebody() -> None:
    ledger = {
        "type": "ChangeLedger",
        "key": "A/d",
        "step": "A",
        "at": "2026-01-06T01:00:00Z",
        "ledger": {
            "pauses": [
                {"kind": "hearing", "from_on": "2026-01-06", "until_on": "2026-01-07", "cap": None}
                | {"notice": "n1", "article": ""}
            ],
            "extensions": [],
        },
    }
    [message] = findings(folder([], [ledger], [], []))
    assert message.endswith("stands, but nobody did it")
