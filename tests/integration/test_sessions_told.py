"""A joint session on its way to the investor: message, journal, progress, and what is shown."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
import pytest_asyncio

from services.contracts.events import ApplicationProgressed
from services.contracts.sessions import (
    AppointmentAnswered,
    AppointmentOffer,
    AppointmentSettled,
    AppointmentSlot,
    SessionProgress,
    SessionTold,
)
from services.contracts.vocabulary import (
    ApplicationStatus,
    AppointmentOutcome,
    Role,
    Service,
    SessionState,
)
from services.orchestrator.deliver import KEPT_HERE, core_event
from tests.conftest import Databases
from tests.integration.conftest import OpenPool
from tests.integration.intake_kit import Intake, bearer, prepare, running
from tests.integration.orchestrator_kit import DRAINS, JOINT, LICENCE, MARKET, Kit, Story

TOLD_AT = datetime(2026, 3, 2, 2, tzinfo=UTC)
STARTS, ENDS = TOLD_AT + timedelta(days=1), TOLD_AT + timedelta(days=1, hours=2)


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    return Kit(pool=await open_service_pool(Service.ORCHESTRATOR))


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path) as found,
    ):
        yield found


def said(application: str, **changes: Any) -> SessionTold:
    given: dict[str, Any] = {
        "application": application,
        "step": JOINT,
        "department": MARKET,
        "session": 17,
        "state": SessionState.CONVENED,
        "starts_at": STARTS,
        "ends_at": ENDS,
        "told_at": TOLD_AT,
    }
    return SessionTold(**(given | changes))


async def hear(kit: Kit, story: Story, event: SessionTold) -> None:
    kit.clock.move_to(max(kit.clock.now(), event.told_at))
    assert (await kit.take(event)).applied == 1
    row = await kit.one("SELECT event_id, type, payload FROM inbox ORDER BY arrival DESC LIMIT 1")
    await kit.writer.carry_out(story.next(core_event(row)))


async def test_the_investor_is_told_and_the_journal_has_it(kit: Kit) -> None:
    story = await kit.story()
    number = story.case.route.application
    await kit.writer.carry_out(story.accepted())
    await kit.writer.carry_out(story.next(story.decide(LICENCE), story.decide(DRAINS)))
    await hear(kit, story, said(number))
    held = said(number, state=SessionState.HELD, absent=("food-health",), told_at=ENDS)
    await hear(kit, story, held)
    first, last = [one["sessions"] for one in await kit.progressed(number)][-2:]
    assert [(one["session"], one["lead"], one["state"]) for one in first] == [
        (17, MARKET, "convened")
    ]
    assert [(one["state"], one["absent"]) for one in last] == [("held", ["food-health"])]
    commands = orjson.loads(
        await kit.value("SELECT commands FROM journal ORDER BY turn DESC LIMIT 1")
    )
    assert [(one["type"], one["absent"]) for one in commands] == [("TellSession", ["food-health"])]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"department": "city-appearance"}, "the department does not lead such a step"),
        ({"step": "FIT-OUT-DRAINS"}, "the department does not lead such a step"),
        ({"step": "nowhere"}, "the department does not lead such a step"),
        ({}, "the step has not begun"),
    ],
)
async def test_what_nobody_may_say_is_ignored(kit: Kit, changes: dict[str, Any], why: str) -> None:
    story = await kit.story()
    number = story.case.route.application
    await kit.writer.carry_out(story.accepted())
    await hear(kit, story, said(number, **changes))
    commands = orjson.loads(
        await kit.value("SELECT commands FROM journal ORDER BY turn DESC LIMIT 1")
    )
    assert [(one["type"], one["why"]) for one in commands] == [("Ignore", why)]
    assert (await kit.progressed(number))[-1]["sessions"] == []


@pytest.mark.parametrize(
    ("event", "source", "error"),
    [
        ({}, "department/city-appearance", "ForeignError"),
        ({}, f"department/{MARKET}", "ForeignSourceError"),
        ({"told_at": TOLD_AT + timedelta(days=9)}, None, "NotYetError"),
    ],
)
async def test_a_forged_session_is_a_dead_letter(
    kit: Kit, event: dict[str, Any], source: str | None, error: str
) -> None:
    number = await kit.received()
    await kit.take(said(number, **event), source=source)
    assert await kit.value("SELECT error_class FROM dead_letter") == error


SLOT = {"starts_at": STARTS.isoformat(), "ends_at": ENDS.isoformat()}


@pytest.mark.parametrize(
    "changes",
    [
        {"ends_at": STARTS.isoformat()},
        {"session": 2**63},
        {"offer": {"number": 2**31, "until": TOLD_AT.isoformat()}},
        {"settled": {"offer": 2**31, "outcome": "void"}},
        {
            "offer": {
                "number": 1,
                "until": TOLD_AT.isoformat(),
                "slots": [SLOT | {"ends_at": TOLD_AT.isoformat()}],
            }
        },
    ],
    ids=["no time", "session", "offer", "settled", "slot backwards"],
)
async def test_what_intake_could_not_store_is_the_departments_fault(
    kit: Kit, changes: dict[str, Any]
) -> None:
    number = await kit.received()
    offer = {"number": 2**31 - 1, "until": TOLD_AT.isoformat(), "slots": [SLOT]}
    good = kit.raw(said(number, session=2**63 - 1, offer=AppointmentOffer.model_validate(offer)))
    message = orjson.loads(kit.raw(said(number)).value)
    message["data"] |= changes
    poison = replace(good, value=orjson.dumps(message))
    taken = await kit.inbox.take(kit.pool, [good, poison])
    assert taken.applied == 1
    assert await kit.value("SELECT error_class FROM dead_letter") == "WrongEventError"


def progressed(number: str, **session: Any) -> ApplicationProgressed:
    given: dict[str, Any] = {
        "step": JOINT,
        "session": 17,
        "lead": MARKET,
        "state": SessionState.CONVENED,
        "starts_at": STARTS,
        "ends_at": ENDS,
    }
    return ApplicationProgressed(
        application=number,
        status=ApplicationStatus.IN_PROGRESS,
        at=TOLD_AT,
        sessions=(SessionProgress(**(given | session)),),
    )


async def test_the_owner_reads_when_departments_come(intake: Intake) -> None:
    number = await intake.accepted()
    path = f"/v1/applications/{number}/sessions"
    assert (await intake.get(path)).json() == {"items": []}
    await intake.told(progressed(number), progressed(number, session=18))
    held = progressed(number, state=SessionState.HELD, absent=("food-health",))
    await intake.told(held)
    shown = (await intake.get(path)).json()["items"]
    assert [(one["session"], one["state"], one["absent"]) for one in shown] == [
        (17, "held", ["food-health"]),
        (18, "convened", []),
    ]
    assert shown[0]["starts_at"] == "2026-03-03T02:00:00Z"


async def test_a_stranger_sees_no_session(intake: Intake) -> None:
    number = await intake.accepted()
    stranger = bearer("stranger", Role.INVESTOR)
    assert (await intake.get(f"/v1/applications/{number}/sessions", stranger)).status_code == 404


async def test_an_offer_reaches_the_investor_and_his_answer_the_lead_department(kit: Kit) -> None:
    story = await kit.story()
    number = story.case.route.application
    await kit.writer.carry_out(story.accepted())
    await kit.writer.carry_out(story.next(story.decide(LICENCE), story.decide(DRAINS)))
    slot = AppointmentSlot(starts_at=STARTS + timedelta(days=1), ends_at=ENDS + timedelta(days=1))
    offer = AppointmentOffer(number=1, until=TOLD_AT + timedelta(hours=1), slots=(slot,))
    await hear(kit, story, said(number, offer=offer))
    [first] = (await kit.progressed(number))[-1]["sessions"]
    assert AppointmentOffer.model_validate(first["offer"]) == offer
    answered = AppointmentAnswered(
        application=number,
        step=JOINT,
        department=MARKET,
        session=17,
        offer=1,
        slot=slot,
        answered_by="9f2c" * 8,
        answered_at=TOLD_AT,
    )
    assert (await kit.take(answered)).applied == 1
    row = await kit.one(
        "SELECT topic, convert_from(payload, 'UTF8')::jsonb ->> 'data' AS data FROM outbox"
        " WHERE type = 'lianshen.appointment.answered.v1'"
    )
    assert row["topic"] == f"lianshen.tasks.{MARKET}.v1"
    assert AppointmentAnswered.model_validate_json(row["data"]) == answered
    assert answered.TYPE in KEPT_HERE, "the workflow has nothing to do with it"
    settled = AppointmentSettled(offer=1, outcome=AppointmentOutcome.GONE)
    await hear(kit, story, said(number, settled=settled, told_at=TOLD_AT + timedelta(minutes=1)))
    [last] = (await kit.progressed(number))[-1]["sessions"]
    assert (last["settled"], last.get("offer")) == ({"offer": 1, "outcome": "gone"}, None)
