"""What arrives at the orchestrator: taken in with its own plan, or refused with a reason."""

from datetime import timedelta
from typing import Any

import msgspec
import orjson
import pytest
import pytest_asyncio

from services.contracts.events import TaskLapsed
from services.contracts.vocabulary import Outcome, Service
from services.domain.route import Route
from services.orchestrator.consumer import (
    AHEAD,
    ForeignSourceError,
    Intake,
    NotYetError,
    PlanMismatchError,
    UnknownTaskError,
)
from services.runtime.catalogue_shelf import UnknownVersionError
from services.runtime.decoding import decode
from tests.integration.conftest import OpenPool
from tests.integration.orchestrator_kit import (
    CITY,
    DRAINS,
    JOINT,
    LICENCE,
    START,
    Kit,
    decided,
    plan,
    shelf,
    submitted,
    task,
)


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    return Kit(pool=await open_service_pool(Service.ORCHESTRATOR))


async def handle(kit: Kit, *events: Any) -> None:
    """Give events to the handler itself, as the inbox does."""
    received = [decode(kit.raw(event)) for event in events]
    async with kit.pool.acquire() as conn, conn.transaction():
        await Intake(shelf(), kit.clock)(conn, received)


async def letters(kit: Kit) -> list[str]:
    return [row["error_class"] for row in await kit.rows("SELECT error_class FROM dead_letter")]


async def test_an_application_gets_its_row_with_its_route(kit: Kit) -> None:
    event = submitted()
    taken = await kit.take(event)
    assert (taken.applied, taken.dead) == (1, 0)

    row = await kit.one("SELECT * FROM application WHERE number = $1", event.application)
    assert (row["status"], row["turn"]) == ("received", 0)
    assert row["submitted_at"] == START
    assert row["promised_at"] == plan().promised_at
    assert row["promised_working_days"] == plan().promised_days
    assert row["plan_digest"] == event.plan_digest
    route = msgspec.json.decode(row["route"], type=Route)
    assert {step.code for step in route.steps} == {LICENCE, DRAINS, JOINT}
    shared = orjson.loads(row["shared"])
    assert shared["applicant_refs"] == list(event.applicant_refs)
    assert [one["material"] for one in shared["materials"]] == ["floor-plan"]
    waiting = await kit.one("SELECT state, delivered_at FROM inbox")
    assert (waiting["state"], waiting["delivered_at"]) == ("applied", None)


async def test_a_plan_that_differs_from_the_one_shown_is_refused(kit: Kit) -> None:
    event = submitted(plan_digest="0" * 64)
    with pytest.raises(PlanMismatchError, match=event.application):
        await handle(kit, event)
    assert await kit.value("SELECT count(*) FROM application") == 0


async def test_facts_that_were_changed_on_the_way_are_refused(kit: Kit) -> None:
    """The digest binds the answers too: other facts are another plan."""
    with pytest.raises(PlanMismatchError):
        await handle(kit, submitted(facts=submitted().facts | {"seats": 20}))


async def test_an_unknown_catalogue_version_is_refused(kit: Kit) -> None:
    with pytest.raises(UnknownVersionError):
        await handle(kit, submitted(catalogue_version="1999.1"))


async def test_what_is_refused_becomes_a_dead_letter_and_holds_nobody_else_up(kit: Kit) -> None:
    good, bad = submitted(), submitted(plan_digest="0" * 64)
    taken = await kit.take(bad, good)
    assert (taken.applied, taken.dead) == (1, 1)
    assert await letters(kit) == ["PlanMismatchError"]
    assert [row["number"] for row in await kit.rows("SELECT number FROM application")] == [
        good.application
    ]


async def test_a_duplicate_is_left_alone(kit: Kit) -> None:
    event = submitted()
    await kit.take(event)
    story_turns = await kit.one("SELECT * FROM application")
    await kit.pool.execute("UPDATE application SET status = 'in_progress', turn = 3")
    # Told again under another identity: the guard is the number, not only the inbox.
    async with kit.pool.acquire() as conn, conn.transaction():
        await Intake(shelf(), kit.clock)(conn, [decode(kit.raw(event))])
    row = await kit.one("SELECT * FROM application")
    assert (row["status"], row["turn"]) == ("in_progress", 3)
    assert row["route"] == story_turns["route"]


async def test_many_applications_of_one_poll_are_all_taken_in(kit: Kit) -> None:
    events = [submitted() for _ in range(20)]
    assert (await kit.take(*events)).applied == 20
    assert await kit.value("SELECT count(*) FROM application") == 20


async def test_a_decision_on_a_task_that_was_never_issued_is_refused(kit: Kit) -> None:
    number = await kit.received()
    with pytest.raises(UnknownTaskError, match="no such task"):
        await handle(kit, decided(task(number, LICENCE)))


async def test_a_decision_on_an_issued_task_waits_for_its_workflow(kit: Kit) -> None:
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    await kit.told(decided(task(story.case.route.application, LICENCE)))
    assert await kit.undelivered() == 2
    assert await letters(kit) == []


async def test_a_decision_from_the_future_is_refused(kit: Kit) -> None:
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    name = task(story.case.route.application, LICENCE)
    soon = kit.clock.now() + AHEAD
    with pytest.raises(NotYetError):
        await handle(kit, decided(name, decided_at=soon + timedelta(seconds=1)))
    await handle(kit, decided(name, decided_at=soon))


async def test_a_lapse_from_the_future_is_refused(kit: Kit) -> None:
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    number = story.case.route.application
    late = kit.clock.now() + 2 * AHEAD
    event = TaskLapsed(
        application=number, task=task(number, DRAINS), department=CITY, lapsed_at=late
    )
    with pytest.raises(NotYetError):
        await handle(kit, event)


async def test_only_a_department_with_own_software_may_sign_as_itself(kit: Kit) -> None:
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    forged = decided(task(story.case.route.application, DRAINS), Outcome.GRANTED)
    taken = await kit.take(forged, source=f"department/{CITY}")
    assert (taken.applied, taken.dead) == (0, 1)
    assert await letters(kit) == [ForeignSourceError.__name__]
