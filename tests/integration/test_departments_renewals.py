"""Renewal by silence in the departments' store: decided, or renewed by law, and never both."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from services.contracts.events import TaskIssued
from services.contracts.vocabulary import Silence
from services.departments.lapsing import LapseRefusedError
from services.departments.sweeper import lapse_sweeper
from tests.integration.departments_parts import (
    CHIEF,
    DUE,
    OFFICER,
    OPERATOR,
    REFUSAL,
    Desk,
    code_of,
    issued,
    lapse_due,
)

EXPIRES_AT = datetime(2026, 3, 31, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RACES = 200


def renewal(**fields: Any) -> TaskIssued:
    """A permit to prolong, which expires at the end of March."""
    return issued(**({"silence": Silence.RENEWED, "expires_at": EXPIRES_AT} | fields))


def expired(task: TaskIssued) -> Any:
    return lapse_due(task, due_at=EXPIRES_AT + SECOND)


async def told(desk: Desk) -> list[dict[str, Any]]:
    rows = await desk.rows("SELECT type, payload FROM outbox ORDER BY id")
    return [{"type": row["type"], **orjson.loads(row["payload"])["data"]} for row in rows]


async def test_a_permit_that_expired_undecided_is_renewed_told_and_recorded(desk: Desk) -> None:
    """ALL 50, end to end in this service: queue, refusal after the end, silence, message, leaf."""
    task = renewal()
    [id_] = await desk.put(task)
    shown = (await desk.get(f"/tasks/{id_}", OFFICER)).json()
    assert (shown["silence"], shown["expires_at"]) == ("renewed", "2026-03-31T09:00:00Z")
    desk.clock.move_to(EXPIRES_AT + SECOND)
    for body in ({"outcome": "granted"}, REFUSAL):
        late = await desk.decide(id_, body)
        assert (late.status_code, code_of(late)) == (409, "renewed-by-law")
        assert late.json()["expires_at"] == EXPIRES_AT.isoformat()
    await desk.put(expired(task))
    number = f"A-PERMIT-{task.application}-planning-1"
    [outcome] = await desk.rows("SELECT * FROM outcome")
    assert (outcome["kind"], outcome["outcome"]) == ("lapse", "deemed_renewed")
    assert (outcome["result_number"], outcome["basis"]) == (number, "silence")
    assert outcome["actor_ref"] is None
    [event] = await told(desk)
    assert (event["type"], event["result_number"]) == ("lianshen.task.lapsed.v1", number)
    [leaf] = await desk.rows("SELECT act, body FROM audit_leaf WHERE act = 'task.lapsed'")
    assert number in leaf["body"]
    ended = (await desk.get(f"/tasks/{id_}", OFFICER)).json()["ended"]
    assert (ended["outcome"], ended["result_number"]) == ("deemed_renewed", number)
    assert code_of(await desk.decide(id_, {"outcome": "granted"})) == "task-ended"


async def test_what_is_decided_on_the_last_day_stands(desk: Desk) -> None:
    task = renewal()
    [id_] = await desk.put(task)
    desk.clock.move_to(EXPIRES_AT)
    assert code_of(await desk.decide(id_, REFUSAL)) == "ok"
    await desk.put(expired(task))
    [row] = await desk.rows("SELECT state, (SELECT outcome FROM outcome) FROM task")
    assert tuple(row) == ("decided", "refused")
    assert [event["type"] for event in await told(desk)] == ["lianshen.task.decided.v1"]


async def test_nothing_is_renewed_before_its_end_and_nothing_else_at_all(desk: Desk) -> None:
    task, plain = renewal(), issued()
    await desk.put(task, plain)
    desk.clock.move_to(EXPIRES_AT + SECOND)
    with pytest.raises(LapseRefusedError, match="valid longer"):
        await desk.put(lapse_due(task, due_at=DUE.promised_at))
    with pytest.raises(LapseRefusedError, match="means nothing"):
        await desk.put(expired(plain))
    for fields in ({"silence": Silence.NO_OBJECTION}, {"silence": Silence.RENEWED}):
        with pytest.raises(asyncpg.CheckViolationError):
            await desk.put(issued(**fields))  # who decides; a renewal without an end


async def test_the_sweeper_alarms_about_a_permit_that_expired_and_that_nobody_asked_about(
    desk: Desk,
) -> None:
    task, seconds = renewal(), 0.0
    await desk.put(task)
    sweeper = lapse_sweeper(desk.pool, desk.clock, grace=60, real=lambda: seconds)
    desk.clock.move_to(EXPIRES_AT)
    assert await sweeper.sweep() == 0
    seconds = 61.0
    assert await sweeper.sweep() == 0  # long after its promise, but valid
    desk.clock.move_to(EXPIRES_AT + timedelta(minutes=1))
    assert await sweeper.sweep() == 0
    seconds = 122.0
    assert await sweeper.sweep() == 1
    answer = await desk.get("/operations/silent-tasks", OPERATOR)
    assert [one["task"] for one in answer.json()["items"]] == [task.task]
    await desk.put(expired(task))
    assert await sweeper.sweep() == 0


async def test_a_permit_that_expires_before_the_promise_is_alarmed_about_when_it_expires(
    desk: Desk,
) -> None:
    early, task = DUE.promised_at - timedelta(days=2), renewal()
    soon = renewal(expires_at=early)
    await desk.put(task, soon)
    desk.clock.move_to(early + SECOND)
    answer = await desk.get("/operations/silent-tasks", OPERATOR)
    assert [one["task"] for one in answer.json()["items"]] == [soon.task]
    desk.clock.move_to(EXPIRES_AT + SECOND)
    found: list[str] = []
    place: dict[str, Any] = {}
    for _ in range(2):
        page = (await desk.get("/operations/silent-tasks", OPERATOR, limit=1, **place)).json()
        found += [one["task"] for one in page["items"]]
        place = {"after": page.get("next")}
    assert found == [soon.task, task.task]


async def test_races_between_a_decision_and_a_renewal_by_law(desk: Desk) -> None:
    """The instant of the commit decides, in the department's Postgres: exactly one wins each."""
    desk.clock.move_to(EXPIRES_AT)
    tasks = [renewal() for _ in range(RACES)]
    ids = await desk.put(*tasks)
    answers: list[int] = []

    async def decide(id_: int, late: int) -> None:
        await asyncio.sleep(late * 0.0005)
        answers.append((await desk.decide(id_, REFUSAL, CHIEF)).status_code)

    async def lapse(task: TaskIssued, late: int) -> None:
        await asyncio.sleep(late * 0.0005)
        await desk.put(expired(task))

    pairs = list(enumerate(zip(tasks, ids, strict=True)))
    for start in range(0, RACES, 4):
        racing = pairs[start : start + 4]
        await asyncio.gather(
            *(decide(id_, place % 5) for place, (_, id_) in racing),
            *(lapse(task, place % 13) for place, (task, _) in racing),
        )
    rows = await desk.rows(
        "SELECT t.state, o.outcome, count(*) OVER (PARTITION BY t.id) AS outcomes"
        " FROM task AS t JOIN outcome AS o ON o.task_id = t.id"
    )
    assert len(rows) == RACES
    assert {row["outcomes"] for row in rows} == {1}
    seen = {(row["state"], row["outcome"]) for row in rows}
    assert seen == {("decided", "refused"), ("lapsed", "deemed_renewed")}, "one side always won"
    decided = sum(row["state"] == "decided" for row in rows)
    assert (answers.count(200), answers.count(409)) == (decided, RACES - decided)
    events = await told(desk)
    assert len(events) == RACES == len({event["task"] for event in events})
