"""What one turn says to intake: every notice in it, and questions after what they are about."""

from typing import Any

import msgspec
import pytest

from services.contracts.events import ApplicationProgressed, RectificationLapseDue
from services.contracts.vocabulary import ApplicationStatus, Outcome
from services.domain.approval import apply_all
from services.domain.case import Case, Decided
from services.domain.route import RouteStep
from services.intake.consumer import notices_of
from services.orchestrator.turns import Messages, TurnInput, pinned
from tests.unit.routes import NUMBER, START, decide, route, step, task
from tests.unit.test_approval import DAY, HOUR, Life


def joint(code: str) -> RouteStep:
    parts = (decide(f"{code}1", "x"), decide(f"{code}2", "y"))
    return step(*parts, code=code, rounds=1, rectify=1)


def said(case: Case, *events: Any) -> list[Any]:
    """What a turn says to intake, in order."""
    _, commands = apply_all(case, events)
    row = {"number": NUMBER, "project_code": "P", "scenario": "s", "traceparent": None}
    pin = pinned(row, case.route, {"applicant_refs": (), "materials": ()}, {})
    turn = TurnInput(
        application=NUMBER, turn=2, events=msgspec.to_builtins(list(events)), commands=commands
    )
    out = Messages(pin, {}, {}, {}, {}).of(turn, ApplicationStatus.IN_PROGRESS)
    return [one.event for one in out if one.topic == "lianshen.progress.v1"]


def decisions(*steps: str, late: Any = HOUR) -> list[Decided]:
    return [
        Decided(at=START + late, task=task(f"{code}{n}", who), outcome=outcome)
        for code in steps
        for n, who, outcome in ((1, "x", Outcome.GRANTED), (2, "y", Outcome.REFUSED))
    ]


@pytest.mark.parametrize("steps", ["J", "JK", "JKL"])
def test_every_notice_of_a_turn_is_told(steps: str) -> None:
    life = Life(route(*(joint(code) for code in steps)))
    [told] = said(life.case, *decisions(*steps))
    assert isinstance(told, ApplicationProgressed)
    assert [(one.step, one.items) for one in notices_of(told)] == [
        (code, (f"{code}2",)) for code in steps
    ]


def test_a_question_comes_after_the_notice_it_is_about() -> None:
    """A turn after a long silence of the broker can hold both."""
    life = Life(route(joint("J"), joint("K")))
    told, asked = said(life.case, *decisions("J"), *decisions("K", late=9 * DAY))
    assert {one.step for one in notices_of(told)} == {"J", "K"}
    assert isinstance(asked, RectificationLapseDue)
    assert asked.step == "J"
