"""A journal, written as the orchestrator writes it and read as Postgres gives it, is the case."""

import json
from datetime import datetime, timedelta
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.contracts.vocabulary import OUTCOMES_OF, PauseKind, StepState, TaskState, Unit
from services.domain.acceptance import examination_name
from services.domain.approval import apply_all, begin, next_instant
from services.domain.case import (
    Accepted,
    AnyEvent,
    Case,
    ClockReached,
    Decided,
    Extended,
    Held,
    Lapsed,
    Paused,
    PauseEnded,
    Rectified,
    Reprojected,
    Resumed,
    Withdrawn,
)
from services.domain.examination import Examined, Received, Supplemented
from services.domain.route import Budget, Route, RouteAcceptance
from services.domain.turn import task_name
from services.orchestrator.rebuild import RebuildError, replay
from tests.unit.routes import CALENDAR, START, decide, route, routes, step

Journal = list[dict[str, Any]]
SUBJECTS = ("material/plan", "condition/I0a/1", "material/unknown")
OTHER = replace(CALENDAR, version="other")
WEEK = Budget(value=5, unit=Unit.WORKING_DAY)


def written(turn: int, events: list[AnyEvent], commands: tuple[Any, ...]) -> dict[str, Any]:
    """A row as `write_journal` makes it and jsonb gives it back: keys in another order."""
    said = orjson.dumps(msgspec.to_builtins(events)).decode()
    followed = msgspec.json.encode(commands).decode()
    return {
        "turn": turn,
        "events": json.dumps(json.loads(said), sort_keys=True),
        "commands": json.dumps(json.loads(followed), sort_keys=True),
    }


def happening(draw: st.DrawFn, case: Case, at: datetime) -> AnyEvent:
    """Anything that may come next."""
    if not case.accepted:
        return before_acceptance(draw, case, at)
    name = _a_task(draw, case)
    steps = [code for code, s in case.steps.items() if s.state is StepState.RECTIFYING]
    number = draw(st.integers(1, 3))
    choices: list[AnyEvent] = [
        ClockReached(at=max(at, next_instant(case) or at)),
        Held(at=at, ref="h"),
        Resumed(at=at),
        Reprojected(at=at, calendar=draw(st.sampled_from((OTHER, CALENDAR)))),
        *(Rectified(at=at, step=code, round=case.steps[code].round) for code in steps),
    ]
    if name is not None:
        task, outcomes = name
        until = CALENDAR.local_date(at) + timedelta(days=draw(st.integers(0, 20)))
        choices += [
            *(Decided(at=at, ref="d", task=task, outcome=outcome) for outcome in outcomes),
            Lapsed(at=at, task=task),
            Paused(
                at=at,
                task=task,
                pause=number,
                kind=PauseKind.HEARING,
                until=until,
                cap=draw(st.sampled_from((None, WEEK))),
                notice="n-1",
                article="行政许可法 45",
            ),
            PauseEnded(at=at, task=task, pause=number),
            Extended(
                at=at,
                task=task,
                extension=number,
                budget=WEEK,
                approver="department_head",
                article="行政许可法 42",
            ),
        ]
    if draw(st.integers(0, 30)) == 0:
        choices = [Withdrawn(at=at)]
    return draw(st.sampled_from(choices))


def before_acceptance(draw: st.DrawFn, case: Case, at: datetime) -> AnyEvent:
    """Anything that may come while departments look at the papers."""
    assert case.examination is not None
    subjects = draw(st.lists(st.sampled_from(SUBJECTS), unique=True, max_size=2))
    choices: list[AnyEvent] = [
        ClockReached(at=max(at, next_instant(case) or at)),
        Held(at=at),
        Withdrawn(at=at),
        Reprojected(at=at, calendar=OTHER),
        *(
            Examined(
                at=at,
                ref="e",
                task=examination_name(case.route.application, code, one.number),
                department=code,
                findings=tuple(subjects),
            )
            for code, one in case.examination.examiners.items()
        ),
        *(
            Supplemented(at=at, round=n, subjects=tuple(subjects), complete=draw(st.booleans()))
            for n in (0, case.examination.round)
        ),
    ]
    return draw(st.sampled_from(choices))


def _a_task(draw: st.DrawFn, case: Case) -> tuple[str, tuple[Any, ...]] | None:
    found = [key for key, task in case.tasks.items() if task.state is TaskState.OPEN]
    if not found:
        return None
    key = draw(st.sampled_from(found))
    _, part = case.route.parts[key]
    name = task_name(case.route.application, part, case.tasks[key].round)
    return name, tuple(sorted(OUTCOMES_OF[part.part]))


@st.composite
def lives(draw: st.DrawFn) -> tuple[Case, Case, Journal]:
    """An application when received, what became of it, and its journal: turns of
    one to three events, as signals come together."""
    of = draw(routes())
    at, journal = START, Journal()
    events: list[AnyEvent] = [Accepted(at=at, ref="s")]
    if draw(st.booleans()):
        departments = tuple(sorted({part.department for _, part in of.parts.values()}))
        of = replace(
            of,
            acceptance=RouteAcceptance(
                departments=departments, uses={"plan": departments}, budget=WEEK, article="32"
            ),
        )
        events = [Received(at=at, ref="s")]
    first = case = begin(of, CALENDAR, START)
    for _ in range(draw(st.integers(1, 12))):
        case, commands = apply_all(case, events)
        if commands:
            journal.append(written(len(journal) + 1, events, commands))
        at += timedelta(hours=draw(st.integers(-3, 40)))
        events = [happening(draw, case, at) for _ in range(draw(st.integers(1, 3)))]
    return first, case, journal


def told(case: Case, journal: Journal) -> dict[str, Any]:
    return {"number": case.route.application, "turn": len(journal), "submitted_at": START}


@settings(max_examples=300, deadline=None)
@given(lives())
def test_a_life_is_read_again_from_its_journal(life: tuple[Case, Case, Journal]) -> None:
    first, case, journal = life
    found = replay(told(case, journal), journal, first.route, CALENDAR)
    # What gave no command was not written; of it nothing is left but the time that it moved on.
    assert replace(found, at=case.at) == case
    workflow = msgspec.convert(msgspec.to_builtins(found), Case)
    assert workflow == found, "as the workflow takes it in"


def simple() -> tuple[Route, Journal]:
    of = route(step(decide("A", "a")), step(decide("B", "b", "A")))
    case = begin(of, CALENDAR, START)
    journal = Journal()
    for events in ([Accepted(at=START)], [ClockReached(at=START + timedelta(days=30))]):
        case, commands = apply_all(case, events)
        journal.append(written(len(journal) + 1, list(events), commands))
    return of, journal


def test_a_turn_that_is_missing_is_an_error() -> None:
    of, journal = simple()
    life = {"number": "n", "turn": 2, "submitted_at": START}
    replay(life, journal, of, CALENDAR)
    for damaged in (journal[1:], journal[:1], journal[::-1], []):
        with pytest.raises(RebuildError, match="does not hold the turns 1 to 2"):
            replay(life, damaged, of, CALENDAR)


def test_a_turn_that_would_be_another_today_is_an_error() -> None:
    of, journal = simple()
    life = {"number": "n", "turn": 2, "submitted_at": START}
    others = (replace(of, promised_at=START), route(step(decide("A", "a", promised=9))))
    for other in others:
        with pytest.raises(RebuildError, match="gives other commands"):
            replay(life, journal, other, CALENDAR)
    replay(life, journal, of, CALENDAR)
