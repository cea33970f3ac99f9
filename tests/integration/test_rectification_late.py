"""Intake and orchestrator talk, with the broker played by the test: it holds messages back."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest_asyncio

from services.contracts.events import RectificationLapseDue
from services.contracts.topics import APPLICATIONS, PROGRESS
from services.contracts.vocabulary import Outcome, Service
from services.domain.case import ClockReached
from services.intake import lapsing
from services.orchestrator.workflow import DELIVER
from services.runtime.db import Pool
from services.runtime.embedded.temporal import Temporal
from services.runtime.inbox import Taken
from services.runtime.messages import Raw
from tests.integration import intake_kit
from tests.integration.conftest import OpenPool
from tests.integration.intake_kit import INVESTOR, Intake, once, problem
from tests.integration.orchestrator_kit import (
    BRIGADE,
    DRAINS,
    FIRE,
    FOOD,
    HEALTH,
    JOINT,
    LICENCE,
    SIGN,
    START,
    Engine,
    Kit,
    decided,
    engine,
    task,
)
from tests.integration.test_intake_progress import UNTIL as TERM
from tests.integration.test_intake_progress import asked_to_rectify
from tests.integration.test_orchestrator_delivery import reached

MINUTE = timedelta(minutes=1)
RACES = 40


class Town:
    """One intake and one orchestrator, and nothing between them but this."""

    def __init__(self, intake: Intake, running: Engine) -> None:
        self.intake, self.running, self.kit = intake, running, running.kit
        self._carried: dict[int, int] = {}

    async def to_orchestrator(self) -> Taken:
        """Carry what intake has said since; then it is delivered."""
        taken = await self.kit.inbox.take(
            self.kit.pool, await self._new(self.intake.pool, APPLICATIONS.name)
        )
        await self.running.deliver()
        return taken

    async def to_intake(self) -> Taken:
        """Carry what the orchestrator has said to intake since."""
        return await self.intake.inbox.take(
            self.intake.pool, await self._new(self.kit.pool, PROGRESS.name)
        )

    async def _new(self, pool: Pool, topic: str) -> list[Raw]:
        rows = await pool.fetch(
            "SELECT id, application, payload FROM outbox WHERE topic = $1 AND id > $2 ORDER BY id",
            topic,
            self._carried.get(id(pool), 0),
        )
        if rows:
            self._carried[id(pool)] = rows[-1]["id"]
        return [
            Raw(topic=topic, value=row["payload"], key=row["application"].encode()) for row in rows
        ]

    async def skip(self) -> None:
        """Carry nothing that intake has said so far: another test has workflows of its names."""
        self._carried[id(self.intake.pool)] = await self.intake.pool.fetchval(
            "SELECT coalesce(max(id), 0) FROM outbox"
        )

    async def asked(self, nth: int) -> tuple[str, datetime]:
        """An application whose joint step was objected to: its number, the end of its term.

        It is the n-th of this intake: two tests share a Temporal, and must not share a number.
        """
        for _ in range(nth - 1):
            await self.intake.accepted()
        await self.skip()
        number = await self.intake.accepted()
        assert not number.endswith("-3"), "such are the numbers of orchestrator_kit"
        await self.to_orchestrator()
        await reached(self.kit, number, 1)
        await self.kit.take(decided(task(number, LICENCE)), decided(task(number, DRAINS)))
        await self.running.deliver()
        await reached(self.kit, number, 2)
        await self.kit.take(
            decided(task(number, FIRE), Outcome.REFUSED),
            *(decided(task(number, item)) for item in (FOOD, SIGN)),
            decided(task(number, FOOD, HEALTH), Outcome.NO_OBJECTION),
        )
        await self.running.deliver()
        await reached(self.kit, number, 3)
        await self.to_intake()
        shown = (await self.intake.get(f"/v1/applications/{number}/progress")).json()
        return number, datetime.fromisoformat(shown["rectification"]["until"])

    async def term_over(self, number: str, until: datetime) -> None:
        """The workflow's timer rings: on a real clock the test would take days."""
        for clock in (self.intake.clock, self.kit.clock):
            clock.move_to(until + MINUTE)
        events = msgspec.to_builtins([ClockReached(at=until)])
        await self.running.handle(number).signal(DELIVER, events)
        await reached(self.kit, number, 4)


@pytest_asyncio.fixture
async def town(
    open_service_pool: OpenPool, temporal: Temporal, tmp_path: Path
) -> AsyncIterator[Town]:
    running = await engine(
        Kit(pool=await open_service_pool(Service.ORCHESTRATOR)), temporal.address
    )
    pool = await open_service_pool(Service.INTAKE)
    async with intake_kit.running(pool, tmp_path) as intake, running.working():
        yield Town(intake, running)


async def rectify(intake: Intake, number: str) -> Any:
    papers = [{"material": "evacuation-plan", "reference": "原件"}]
    return await intake.client.post(
        f"/v1/applications/{number}/rectifications",
        json={"step": JOINT, "round": 1, "materials": papers},
        headers={**INVESTOR, **once()},
    )


async def notice(intake: Intake, number: str) -> Any:
    [row] = await intake.pool.fetch(
        "SELECT answered_at, closed_at FROM rectification WHERE application = $1", number
    )
    return row


async def test_an_answer_whose_message_is_held_back_past_the_term_counts(town: Town) -> None:
    number, until = await town.asked(1)
    town.intake.clock.move_to(until - MINUTE)
    answer = await rectify(town.intake, number)
    assert answer.status_code == 202, answer.text
    await town.term_over(number, until)
    assert (await town.to_intake()).dead == 0
    row = await notice(town.intake, number)
    assert (row["answered_at"], row["closed_at"]) == (until - MINUTE, None)
    assert (await town.kit.tasks(number)).keys().isdisjoint({f"{FIRE}/{BRIGADE}/2"})
    await town.to_orchestrator()
    await reached(town.kit, number, 5)
    assert (await town.kit.tasks(number))[f"{FIRE}/{BRIGADE}/2"] == "open"
    await town.kit.take(decided(task(number, FIRE, round_=2), decided_at=until + MINUTE))
    await town.running.deliver()
    assert await town.running.ended(number) == "granted"


async def test_when_nothing_came_intake_closes_the_notice_and_the_step_is_over(
    town: Town,
) -> None:
    number, until = await town.asked(2)
    await town.term_over(number, until)
    await town.to_intake()
    row = await notice(town.intake, number)
    assert (row["answered_at"], row["closed_at"]) == (None, until + MINUTE)
    act = (await town.intake.acts())[-1]
    assert (act["act"], act["facts"]["round"]) == (lapsing.LAPSED, 1)
    problem(await rectify(town.intake, number), 409, "nothing-to-rectify")
    await town.to_orchestrator()
    assert await town.running.ended(number) == "partly_granted"
    head = await town.kit.one("SELECT * FROM application WHERE number = $1", number)
    assert head["used_working_days"] == 0, "from the notice to the end of its term none counts"
    await town.to_intake()
    shown = (await town.intake.get(f"/v1/applications/{number}/progress")).json()
    assert (shown["conclusion"], shown["used_working_days"]) == ("partly_granted", 0)
    [closed] = shown["notices"]
    assert datetime.fromisoformat(closed["closed_at"]) == until + MINUTE


def question(number: str, **changes: Any) -> RectificationLapseDue:
    given = {"application": number, "step": JOINT, "round": 1, "due_at": TERM} | changes
    return RectificationLapseDue(**given)


async def test_an_answer_and_a_closing_race_and_exactly_one_wins(town: Town) -> None:
    intake = town.intake
    numbers = [await intake.accepted() for _ in range(RACES)]
    await intake.told(*(asked_to_rectify(number) for number in numbers))
    intake.clock.move_to(TERM - timedelta(milliseconds=1))
    answers = await asyncio.gather(
        *(rectify(intake, number) for number in numbers),
        *(intake.told(question(number)) for number in reversed(numbers)),
    )
    told: dict[str, list[str]] = {number: [] for number in numbers}
    for row in await intake.pool.fetch("SELECT application, payload FROM outbox ORDER BY id"):
        told[row["application"]].append(orjson.loads(row["payload"])["type"])
    for number, answer in zip(numbers, answers, strict=False):
        row = await notice(intake, number)
        won = answer.status_code == 202
        assert ((row["answered_at"] is None), (row["closed_at"] is None)) == (not won, won)
        word = "lianshen.application.rectified.v1" if won else "lianshen.rectification.lapsed.v1"
        assert told[number] == ["lianshen.application.submitted.v1", word]


async def test_what_cannot_be_asked_is_refused(town: Town) -> None:
    intake = town.intake
    number = await intake.accepted()
    await intake.told(asked_to_rectify(number))
    assert (await intake.told(question(number, due_at=TERM - MINUTE))).dead == 1
    row = await notice(intake, number)
    assert row["closed_at"] is None
    other = await intake.accepted()
    assert (await intake.told(question(other))).dead == 1


async def test_a_withdrawal_that_is_on_its_way_is_not_overtaken_by_a_closing(town: Town) -> None:
    intake = town.intake
    number = await intake.accepted()
    await intake.told(asked_to_rectify(number))
    await intake.client.post(
        f"/v1/applications/{number}/withdrawal", headers={**INVESTOR, **once()}
    )
    intake.clock.move_to(datetime(2026, 3, 12, 9, 1, tzinfo=UTC))
    await intake.told(question(number))
    assert (await notice(intake, number))["closed_at"] is None
    assert intake_kit.NOW == START, "both services live on one day"
