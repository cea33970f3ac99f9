"""What is to be expected of running applications, and who may ask."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
import pytest_asyncio

from services.contracts.vocabulary import Outcome, Service
from services.domain.case import ClockReached, Withdrawn
from services.orchestrator.forecast import LEARNT_AGAIN_S, LISTED_AGAIN_S, Forecaster
from services.runtime.embedded.temporal import Temporal
from tests.integration.conftest import OpenPool
from tests.integration.orchestrator_kit import (
    CHIEF,
    CITY,
    DAY,
    DRAINS,
    FIRE,
    FOOD,
    HEALTH,
    HOUR,
    INVESTOR,
    JOINT,
    LICENCE,
    MARKET,
    OFFICER,
    OPERATOR,
    SIGN,
    START,
    SUPERVISOR,
    Api,
    Kit,
    Story,
    engine,
    problem_of,
    serving,
    shelf,
)


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    return Kit(pool=await open_service_pool(Service.ORCHESTRATOR))


@pytest_asyncio.fixture
async def api(kit: Kit, temporal: Temporal) -> AsyncIterator[Api]:
    async with serving(kit, await engine(kit, temporal.address)) as found:
        yield found


def number_of(story: Story) -> str:
    return story.case.route.application


async def underway(kit: Kit) -> Story:
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    return story


async def past(kit: Kit, item: str, department: str, hours: float, count: int = 5) -> None:
    """Let tasks of one part have lasted so many hours of a morning each."""
    story = await underway(kit)
    for number in range(count):
        await kit.pool.execute(
            "INSERT INTO task (task, application, step, item, department, part, round, state,"
            " outcome, issued_at, promised_on, promised_at, provisional, ended_at)"
            " VALUES ($1, $2, 's', $3, $4, 'decide', $5, 'decided', 'granted', $6, $7, $8, false,"
            " $9)",
            f"past/{item}/{number}",
            number_of(story),
            item,
            department,
            100 + number,
            START,
            date(2026, 3, 4),
            START + 2 * DAY,
            START + timedelta(hours=hours),
        )
    await kit.writer.carry_out(story.next(Withdrawn(at=START)))


async def test_who_may_ask(kit: Kit, api: Api) -> None:
    number = number_of(await underway(kit))
    for path in (f"/applications/{number}/forecast", "/forecasts/at-risk"):
        for who in (OPERATOR, SUPERVISOR):
            assert problem_of(await api.get(path, who)) == "ok"
        for who in (INVESTOR, OFFICER, CHIEF):
            assert problem_of(await api.get(path, who)) == "forbidden"
        assert problem_of(await api.get(path, None)) == "unauthenticated"


async def test_what_has_no_future(kit: Kit, api: Api) -> None:
    nowhere = await api.get("/applications/NX20260302-999999-9/forecast")
    assert problem_of(nowhere) == "not-found"
    received = await kit.received()
    assert problem_of(await api.get(f"/applications/{received}/forecast")) == "conflict"
    story = await underway(kit)
    await kit.writer.carry_out(story.next(Withdrawn(at=START + HOUR)))
    assert problem_of(await api.get(f"/applications/{number_of(story)}/forecast")) == "conflict"
    listed = (await api.get("/forecasts/at-risk", below=1)).json()
    assert listed == {"items": [], "more": False}


async def test_an_application_in_its_first_hour_has_every_chance(kit: Kit, api: Api) -> None:
    await past(kit, LICENCE, MARKET, 1)
    await past(kit, DRAINS, CITY, 2)
    story = await underway(kit)
    found = (await api.get(f"/applications/{number_of(story)}/forecast")).json()
    assert found["chance"] > 0.9
    assert found["late"] is False
    assert found["learnt"] == pytest.approx(4 / 6), "of two departments nothing is known"
    assert found["likely_on"] <= found["latest_on"]


async def test_the_slow_part_holds_it_back(kit: Kit, api: Api) -> None:
    await past(kit, LICENCE, MARKET, 1)
    await past(kit, DRAINS, CITY, 24 * 7 + 1)
    story = await underway(kit)
    found = (await api.get(f"/applications/{number_of(story)}/forecast")).json()
    assert found["holding"] == {"item": DRAINS, "department": CITY}
    assert found["holding_share"] == 1.0


async def test_those_at_risk_are_listed_before_they_are_late(kit: Kit, api: Api) -> None:
    calm, slow = await underway(kit), await underway(kit)
    await kit.writer.carry_out(
        calm.next(calm.decide(LICENCE), calm.decide(DRAINS), *_inspected(calm))
    )
    at = slow.case.promised_at - timedelta(hours=1)
    kit.clock.move_to(at)
    listed = (await api.get("/forecasts/at-risk")).json()
    numbers = [one["number"] for one in listed["items"]]
    assert numbers == [number_of(slow)], "the other one is over"
    assert listed["items"][0]["chance"] < 0.2
    assert listed["items"][0]["late"] is False


def _inspected(story: Story) -> list[object]:
    joint = [story.decide(item) for item in (FIRE, FOOD, SIGN)]
    return [*joint, story.decide(FOOD, Outcome.NO_OBJECTION, department=HEALTH)]


async def test_the_list_is_short_and_says_so(kit: Kit, api: Api) -> None:
    for _ in range(3):
        story = await underway(kit)
    kit.clock.move_to(story.case.promised_at + DAY)
    listed = (await api.get("/forecasts/at-risk", limit=2)).json()
    assert (len(listed["items"]), listed["more"]) == (2, True)
    nobody = (await api.get("/forecasts/at-risk", below=0)).json()
    assert nobody == {"items": [], "more": False}


async def test_whoever_puts_something_right_is_waited_for(kit: Kit, api: Api) -> None:
    story = await underway(kit)
    await kit.writer.carry_out(story.next(story.decide(LICENCE), story.decide(DRAINS)))
    said = [
        story.decide(FIRE, Outcome.REFUSED),
        *(story.decide(item) for item in (FOOD, SIGN)),
        story.decide(FOOD, Outcome.NO_OBJECTION, department=HEALTH),
    ]
    await kit.writer.carry_out(story.next(*said))
    assert story.case.steps[JOINT].state == "rectifying"
    found = (await api.get(f"/applications/{number_of(story)}/forecast")).json()
    assert found["holding"] is None
    assert found["status"] == "rectifying"
    assert found["chance"] > 0.5


async def test_an_application_that_is_late_is_said_to_be(kit: Kit, api: Api) -> None:
    story = await underway(kit)
    at = story.case.promised_at + timedelta(seconds=1)
    await kit.writer.carry_out(story.next(ClockReached(at=at)))
    kit.clock.move_to(at)
    found = (await api.get(f"/applications/{number_of(story)}/forecast")).json()
    assert (found["chance"], found["late"]) == (0.0, True)


async def test_what_was_learnt_is_kept_for_a_while(kit: Kit) -> None:
    real = 0.0
    forecaster = Forecaster(kit.pool, kit.clock, lambda: shelf().calendar, real=lambda: real)
    await past(kit, DRAINS, CITY, 1)
    story = await underway(kit)
    first = await forecaster.of(number_of(story))
    await past(kit, LICENCE, MARKET, 100)
    assert first is not None
    again = await forecaster.of(number_of(story))
    assert again is not None
    assert again.learnt == first.learnt
    assert len((await forecaster.at_risk()).found) == 1
    other = await underway(kit)
    assert len((await forecaster.at_risk()).found) == 1
    real = LISTED_AGAIN_S + 1
    assert len((await forecaster.at_risk()).found) == 2
    real = LEARNT_AGAIN_S + 1
    later = await forecaster.of(number_of(other))
    assert later is not None
    assert later.learnt > first.learnt
