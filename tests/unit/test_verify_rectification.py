"""Verification of rectification and of silences: clean over the core, red over what must not be."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import orjson
import pytest

from services.contracts.vocabulary import Outcome
from services.domain.acceptance import examination_name
from services.domain.case import (
    AskRectification,
    ClockReached,
    EndTask,
    IssueTask,
    Rectified,
    Withdrawn,
)
from services.domain.examination import CloseExamination, Examined, StrikeSilence
from services.domain.rectifying import RectificationLapsed
from services.verification.acceptance import _silences
from services.verification.days import Days
from services.verification.folders import Folder
from services.verification.rectification import rectification
from services.verification.report import ACCEPTANCE
from services.verification.world import Finder
from tests.unit import test_acceptance, test_approval, test_rectification
from tests.unit.routes import CALENDAR, NUMBER, START, task
from tests.unit.test_acceptance import NOTICE_FROM, OVER, TITLE
from tests.unit.test_approval import DAY, HOUR
from tests.unit.test_rectification import UNTIL, asked

SECOND = timedelta(seconds=1)
Life = test_approval.Life
Stores = dict[str, Any]


def answered_late() -> tuple[Life, dict[str, Any]]:
    life = asked()
    life.tick()
    life.do(Rectified(at=START + DAY, step="j", round=1))
    life.decide(task("B", "y", 2), after=4 * DAY)
    return life, {"answered_at": START + DAY}


def closed() -> tuple[Life, dict[str, Any]]:
    life = asked()
    life.tick()
    life.do(RectificationLapsed(at=UNTIL + HOUR, step="j", round=1))
    return life, {"closed_at": UNTIL + HOUR}


def withdrawn() -> tuple[Life, dict[str, Any]]:
    life = asked()
    life.do(Withdrawn(at=START + DAY))
    return life, {"withdrawn_at": START + DAY}


def by_earlier_rules() -> tuple[Life, dict[str, Any]]:
    life = asked(edition=1)
    life.do(Rectified(at=START + DAY, step="j", round=1))
    return life, {"answered_at": START + DAY}


def stores(life: Life, ended: dict[str, Any]) -> Stores:
    """What the three stores would hold of a life with one notice."""
    ends = {one.task: one for one in life.of(EndTask)}
    [notice] = life.of(AskRectification)
    row = {"step": "j", "round": 1, "until": notice.until, "answered_at": None, "closed_at": None}
    row |= {key: at for key, at in ended.items() if key in row}
    facts = {"step": "j", "round": 1}
    leaf = {"act": "rectification.lapsed", "body": orjson.dumps({"facts": facts})}
    return {
        "rectification": [row],
        "application": [{"withdrawn_at": ended.get("withdrawn_at")}],
        "audit_leaf": [leaf] if "closed_at" in ended else [],
        "commands": orjson.loads(msgspec.json.encode(life.commands)),
        "route": msgspec.json.encode(life.case.route).decode(),
        "task": [
            {
                "step": one.step,
                "round": one.round,
                "item": one.key.split("/")[0],
                "department": one.key.split("/")[1],
                "issued_at": one.at,
                "outcome": ends[one.task].outcome if one.task in ends else None,
            }
            for one in life.of(IssueTask)
        ],
    }


def findings(held: Stores) -> list[str]:
    folder = Folder(
        number="N",
        intake={name: held[name] for name in ("rectification", "application", "audit_leaf")},
        orchestrator={
            "application": [{"route": held["route"]}],
            "task": held["task"],
            "journal": [{"commands": orjson.dumps(held["commands"]), "events": "[]"}],
        },
        departments={},
        moving=False,
    )
    world: Any = None
    return [str(one) for one in rectification(folder, world)]


@pytest.mark.parametrize("live", [answered_late, closed, withdrawn, by_earlier_rules])
def test_what_the_core_does_with_a_notice_is_lawful(
    live: Callable[[], tuple[Life, dict[str, Any]]],
) -> None:
    assert findings(stores(*live())) == []


def _lost(held: Stores) -> None:
    """The answer came too late for the core, as it once was."""
    held["task"] = [one for one in held["task"] if one["round"] == 1]


def _both(held: Stores) -> None:
    held["rectification"][0]["closed_at"] = UNTIL
    held["audit_leaf"] = [
        {"act": "rectification.lapsed", "body": '{"facts": {"step": "j", "round": 1}}'}
    ]


def _after_its_term(held: Stores) -> None:
    held["rectification"][0]["answered_at"] = UNTIL


def _before_its_term(held: Stores) -> None:
    held["rectification"][0]["closed_at"] = UNTIL - SECOND


def _not_recorded(held: Stores) -> None:
    held["audit_leaf"] = []


def _ends(held: Stores) -> dict[str, Any]:
    [found] = [one for one in held["commands"] if one["type"] == "EndRectification"]
    return dict(found)


def _longer(held: Stores) -> None:
    for one in held["commands"]:
        if one["type"] == "EndRectification":
            one["until_on"] = "2026-01-09"


def _still_waits(held: Stores) -> None:
    held["commands"].remove(_ends(held))


def _unanswered(held: Stores) -> None:
    held["rectification"][0]["answered_at"] = None


def _another_reopened(held: Stores) -> None:
    [again] = [one for one in held["task"] if one["round"] == 2]
    held["task"].append({**again, "item": "A", "department": "x"})


def _more_rounds(held: Stores) -> None:
    for one in held["commands"]:
        if one["type"] == "AskRectification":
            held["commands"].append({**one, "round": 2})
            break


@pytest.mark.parametrize(
    ("live", "spoil", "says"),
    [
        (answered_late, _lost, "the answer does not count"),
        (answered_late, _both, "answered, and closed"),
        (answered_late, _after_its_term, "after its term"),
        (closed, _before_its_term, "before its term"),
        (closed, _not_recorded, "closed or recorded, but not both"),
        (closed, _still_waits, "its step still waits"),
        (answered_late, _longer, "days were taken out for it, reckoned 2"),
        (closed, _longer, "longer than its notice"),
        (answered_late, _unanswered, "opened again without an answer"),
        (answered_late, _another_reopened, "not of those who objected"),
        (answered_late, _more_rounds, "in round 2"),
    ],
)
def test_what_must_not_become_of_a_notice_is_found(
    live: Callable[[], tuple[Life, dict[str, Any]]], spoil: Callable[[Stores], None], says: str
) -> None:
    held = stores(*live())
    spoil(held)
    assert any(says in one for one in findings(held)), findings(held)


def silences(*, heard: bool, answered: Any, spoil: str = "") -> list[str]:
    """What is found of a department z that was silent here, and says when it answered."""
    life = test_acceptance.Life()
    life.says("x")
    life.says("y")
    life.do(ClockReached(at=OVER))
    name = examination_name(NUMBER, "z", 1)
    if heard:
        life.do(Examined(at=START + DAY, task=name, department="z", findings=(TITLE,)))
    commands = orjson.loads(msgspec.json.encode(life.commands))
    struck = bool(life.all(StrikeSilence)) != (spoil == "row")
    assert [one.department for one in life.all(CloseExamination)] == ["z"]
    row = {"task": name, "arrived_at": NOTICE_FROM if struck else None}
    folder = Folder(
        number="N",
        intake={},
        orchestrator={
            "application": [
                {"submitted_at": START, "route": msgspec.json.encode(life.case.route).decode()}
            ],
            "journal": [{"commands": orjson.dumps(commands), "events": "[]"}],
            "examination": [row],
        },
        departments={"examination": [{"task": name, "done_at": answered}]},
        moving=False,
    )
    find = Finder(invariant=ACCEPTANCE, number="N", moving=False)
    days = Days.of_content(msgspec.to_builtins(CALENDAR))
    return [one.message for one in _silences(find, folder, days)]


def test_who_was_silent_is_said_by_the_departments_store() -> None:
    assert silences(heard=True, answered=START + DAY) == []
    assert silences(heard=False, answered=None) == []
    assert silences(heard=False, answered=OVER) == []
    [found] = silences(heard=False, answered=OVER - SECOND)
    assert "in time, and is silent here" in found
    [found] = silences(heard=True, answered=None)
    assert "it said nothing by" in found
    [found] = silences(heard=True, answered=START + DAY, spoil="row")
    assert found == "its silence stands and is struck out"


def test_the_fixture_is_the_cores_own_story() -> None:
    assert test_rectification.taken_out(closed()[0])
    assert closed()[0].case.items["B"] is Outcome.REFUSED
