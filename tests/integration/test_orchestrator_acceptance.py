"""Acceptance by the departments, driven: workflow, rows, messages, and what later tasks carry."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from services.contracts.acceptance import Lack
from services.contracts.events import (
    ApplicationSubmitted,
    ApplicationSupplemented,
    ApplicationWithdrawn,
    ExaminationDone,
    MaterialRef,
)
from services.contracts.topics import tasks_topic
from services.contracts.vocabulary import FindingKind, Role, Service
from services.domain.case import ClockReached
from services.domain.route import Route
from services.orchestrator.api import journal_turn
from services.orchestrator.consumer import Intake
from services.orchestrator.explanation import explained, history_of
from services.orchestrator.models import DeadlineView
from services.orchestrator.workflow import DELIVER
from services.runtime.embedded.temporal import Temporal
from services.runtime.inbox import Inbox
from tests import examined_county
from tests.integration.conftest import OpenPool
from tests.integration.messaging import until
from tests.integration.orchestrator_kit import (
    BRIGADE,
    CITY,
    DAY,
    HOUR,
    LICENCE,
    MARKET,
    SCENARIO,
    START,
    WHO,
    Engine,
    Kit,
    decided,
    engine,
    submitted,
    task,
)

PLAN, EVACUATION = "material/floor-plan", "material/evacuation-plan"
CONDITION = "condition/FIRE-CHECK/1"
TODAY = date(2026, 3, 2)


class ExaminedKit(Kit):
    """The same orchestrator in a county whose departments look first."""

    def __post_init__(self) -> None:
        super().__post_init__()
        handler = Intake(examined_county.shelf(), self.clock)
        self.inbox = Inbox(handler=handler, deferred=True, attempts=1)


def application() -> ApplicationSubmitted:
    shelf = examined_county.shelf()
    catalogue = shelf.current(TODAY)
    facts = catalogue.scenario_by_code[SCENARIO].example
    plan = shelf.plan(catalogue.county.version, SCENARIO, facts, {}, TODAY)
    return submitted(plan_digest=plan.digest)


def done(
    number: str, department: str, *subjects: str, look: int = 1, at: datetime = START + HOUR
) -> ExaminationDone:
    return ExaminationDone(
        application=number,
        task=f"{number}/examination/{department}/{look}",
        department=department,
        findings=tuple(
            Lack(subject=one, kind=FindingKind.DEFECTIVE, text=f"{department}：请更正 {one}")
            for one in subjects
        ),
        actor_ref=WHO,
        actor_role=Role.OFFICER,
        done_at=at,
    )


def supplemented(number: str, *subjects: str, at: datetime, round_: int = 1) -> Any:
    materials = [one.removeprefix("material/") for one in subjects if one.startswith("material/")]
    return ApplicationSupplemented(
        application=number,
        round=round_,
        subjects=subjects,
        materials=tuple(MaterialRef(material=one, sha256="1" * 64) for one in materials),
        supplemented_at=at,
    )


@pytest_asyncio.fixture
async def running(open_service_pool: OpenPool, temporal: Temporal) -> AsyncIterator[Engine]:
    kit = ExaminedKit(pool=await open_service_pool(Service.ORCHESTRATOR))
    found = await engine(kit, temporal.address)
    async with found.working():
        yield found


async def after(running: Engine, number: str, turn: int) -> None:
    """Deliver what is there, and wait until so many turns are written."""
    await running.deliver()
    await written(running, number, turn)


async def written(running: Engine, number: str, turn: int) -> None:
    async def there() -> bool:
        query = "SELECT turn FROM application WHERE number = $1"
        return bool(await running.kit.value(query, number) >= turn)

    await until(there, f"turn {turn} of {number}", seconds=20)


async def ring(running: Engine, number: str, at: datetime) -> None:
    """Let the workflow's timer ring: on a real clock the test would take a week."""
    events = msgspec.to_builtins([ClockReached(at=at)])
    await running.handle(number).signal(DELIVER, events)


async def promise_of_a_task(kit: Kit, number: str) -> DeadlineView:
    """The promise of one task, explained as operators read it."""
    task = await kit.one("SELECT * FROM task WHERE application = $1 LIMIT 1", number)
    route = msgspec.json.decode(
        await kit.value("SELECT route FROM application WHERE number = $1", number), type=Route
    )
    journal = await kit.rows("SELECT * FROM journal WHERE application = $1 ORDER BY turn", number)
    turns: Any = [journal_turn(row) for row in journal]
    return explained(
        task, "promised", history_of(task, route, turns), examined_county.shelf().calendar
    )


async def acceptances(running: Engine, number: str) -> list[dict[str, Any]]:
    told = await running.kit.progressed(number)
    return [one["acceptance"] for one in told if one.get("acceptance")]


async def test_every_department_that_decides_is_asked_at_once(running: Engine) -> None:
    number = await running.kit.received(application())
    await after(running, number, 1)
    said = [one for one in await running.kit.said(number) if one["type"] == "examination.asked"]
    assert {one["topic"] for one in said} == {tasks_topic(d) for d in (BRIGADE, CITY, MARKET)}
    brigade = next(one["data"] for one in said if one["data"]["department"] == BRIGADE)
    assert brigade["items"] == ["FIRE-CHECK"]
    assert brigade["subjects"] == [EVACUATION, PLAN]
    assert brigade["until"] == "2026-03-06T09:00:00Z", "the working day before the last"
    assert brigade["materials"] == [{"material": "floor-plan", "sha256": "0" * 64}]
    [told] = await acceptances(running, number)
    assert (told["state"], told["until"]) == ("examining", "2026-03-09T09:00:00Z")
    assert await running.kit.tasks(number) == {}


async def test_one_notice_its_answer_and_the_acceptance(running: Engine) -> None:
    kit = running.kit
    number = await kit.received(application())
    await after(running, number, 1)
    await kit.take(done(number, BRIGADE, PLAN, CONDITION), done(number, MARKET, PLAN))
    await kit.take(done(number, CITY))
    await after(running, number, 2)
    notice = (await acceptances(running, number))[-1]
    assert notice["state"] == "supplementing"
    assert [(one["department"], one["subject"]) for one in notice["notice"]] == [
        (BRIGADE, PLAN),
        (BRIGADE, CONDITION),
        (MARKET, PLAN),
    ]
    assert "请更正" in notice["notice"][0]["text"]
    at = START + DAY
    kit.clock.move_to(at)
    await kit.take(supplemented(number, PLAN, CONDITION, at=at))
    await after(running, number, 3)
    again = [
        one["data"]
        for one in await kit.said(number)
        if one["type"] == "examination.asked" and one["data"]["round"] == 2
    ]
    assert [one["department"] for one in again] == [BRIGADE, MARKET], "the city has no such paper"
    assert again[0]["materials"][-1] == {"material": "floor-plan", "sha256": "1" * 64}
    await kit.take(
        done(number, BRIGADE, look=2, at=at + HOUR), done(number, MARKET, look=2, at=at + HOUR)
    )
    await after(running, number, 4)
    accepted = (await acceptances(running, number))[-1]
    assert (accepted["state"], accepted["kind"]) == ("accepted", "explicit")
    assert accepted["accepted_on"] == "2026-03-03"
    row = await kit.one("SELECT * FROM acceptance WHERE application = $1", number)
    assert (row["kind"], row["received_on"], list(row["silent"])) == (
        "explicit",
        date(2026, 3, 3),
        [],
    )
    head = await kit.one("SELECT * FROM application WHERE number = $1", number)
    assert head["status"] == "in_progress"
    assert head["promised_working_days"] == accepted["promised_days"] == row["promised_days"]
    told = (await kit.progressed(number))[-1]
    assert datetime.fromisoformat(told["promised_at"]) == head["promised_at"]
    issued = [one for one in await kit.said(number) if one["type"] == "task.issued"]
    assert issued
    assert all(one["data"]["materials"][-1]["sha256"] == "1" * 64 for one in issued)


async def test_silence_is_an_acceptance_from_the_day_of_receipt(running: Engine) -> None:
    kit = running.kit
    number = await kit.received(application())
    await after(running, number, 1)
    await kit.take(done(number, BRIGADE))
    await after(running, number, 2)
    await ring(running, number, datetime(2026, 3, 9, 9, 0, 1, tzinfo=START.tzinfo))
    await written(running, number, 3)
    row = await kit.one("SELECT * FROM acceptance WHERE application = $1", number)
    assert (row["kind"], row["accepted_on"]) == ("deemed", TODAY)
    assert list(row["silent"]) == [CITY, MARKET]
    promise = await promise_of_a_task(kit, number)
    assert (promise.deemed, promise.silent) == (True, [CITY, MARKET])
    assert promise.start_on == TODAY
    closed = [one["data"] for one in await kit.said(number) if one["type"] == "examination.closed"]
    assert [(one["department"], one["silent"]) for one in closed] == [(CITY, True), (MARKET, True)]
    states = await kit.rows(
        "SELECT department, state FROM examination WHERE application = $1 ORDER BY 1", number
    )
    assert [tuple(one) for one in states] == [
        (CITY, "silent"),
        (BRIGADE, "complete"),
        (MARKET, "silent"),
    ]
    issued = [one["data"] for one in await kit.said(number) if one["type"] == "task.issued"]
    licence = next(one for one in issued if one["item"] == LICENCE)
    assert licence["due"]["promised_on"] == "2026-03-03", "one working day from the receipt"
    assert (await acceptances(running, number))[-1]["silent"] == [CITY, MARKET]


async def test_an_answer_in_time_that_comes_after_the_notice_is_no_silence(
    running: Engine,
) -> None:
    kit = running.kit
    number = await kit.received(application())
    await after(running, number, 1)
    await kit.take(done(number, BRIGADE, PLAN), done(number, MARKET))
    await after(running, number, 2)
    morning = datetime(2026, 3, 9, 1, 0, tzinfo=START.tzinfo)
    await ring(running, number, morning)
    await written(running, number, 3)
    assert (await acceptances(running, number))[-1]["silent"] == [CITY]
    kit.clock.move_to(morning)
    await kit.take(done(number, CITY, PLAN, at=START + DAY))
    await after(running, number, 4)
    row = await kit.one(
        "SELECT * FROM examination WHERE application = $1 AND department = $2", number, CITY
    )
    assert (row["state"], row["findings"]) == ("incomplete", f'["{PLAN}"]')
    assert (row["ended_at"], row["arrived_at"]) == (START + DAY, morning)
    told = (await acceptances(running, number))[-1]
    assert (told["in_time"], told["outstanding"]) == ([CITY], [PLAN])
    assert not told.get("silent")
    assert not told.get("notice"), "there is one notice, and it is out"


async def test_a_withdrawal_before_the_acceptance_ends_it(running: Engine) -> None:
    kit = running.kit
    number = await kit.received(application())
    await after(running, number, 1)
    await kit.take(ApplicationWithdrawn(application=number, withdrawn_at=START + HOUR))
    await running.deliver()
    assert await running.ended(number) == "withdrawn"
    closed = [one["data"] for one in await kit.said(number) if one["type"] == "examination.closed"]
    assert {(one["department"], one["silent"]) for one in closed} == {
        (BRIGADE, False),
        (CITY, False),
        (MARKET, False),
    }


async def test_what_was_never_asked_is_refused_at_the_door(running: Engine) -> None:
    kit = running.kit
    number = await kit.received(application())
    await after(running, number, 1)
    taken = await kit.take(done(number, BRIGADE, look=7))
    assert taken.applied == 0
    letters = await kit.rows("SELECT error_class FROM dead_letter")
    assert [row["error_class"] for row in letters] == ["UnknownTaskError"]


@pytest.mark.parametrize("decision", [True, False])
async def test_it_goes_on_to_its_end(running: Engine, *, decision: bool) -> None:
    kit = running.kit
    number = await kit.received(application())
    await after(running, number, 1)
    await kit.take(*(done(number, code) for code in (BRIGADE, CITY, MARKET)))
    await after(running, number, 2)
    if decision:
        await kit.take(decided(task(number, LICENCE)))
        await after(running, number, 3)
        assert (await kit.tasks(number))[f"{LICENCE}/{MARKET}/1"] == "decided"
    else:
        at = START + timedelta(hours=2)
        await kit.take(ApplicationWithdrawn(application=number, withdrawn_at=at))
        await running.deliver()
        assert await running.ended(number) == "withdrawn"


async def test_a_submission_that_was_too_long_on_its_way_is_nobodys_silence(
    running: Engine,
) -> None:
    number = await running.kit.received(application())
    heard_at = START + 9 * DAY
    running.kit.clock.move_to(heard_at)
    await after(running, number, 2)
    row = await running.kit.one("SELECT * FROM acceptance WHERE application = $1", number)
    assert (row["kind"], row["accepted_on"], list(row["silent"])) == ("deemed", TODAY, [])
    looks = await running.kit.rows("SELECT state, asked_at FROM examination")
    assert {(one["state"], one["asked_at"]) for one in looks} == {("closed", heard_at)}
    said = [one["data"] for one in await running.kit.said(number) if "closed" in one["type"]]
    assert {one["silent"] for one in said} == {False}


async def test_an_answer_that_is_heard_of_after_the_limit_strikes_the_silence_out(
    running: Engine,
) -> None:
    """The orchestrator itself was away: nobody was told in time, and nobody was silent."""
    number = await running.kit.received(application())
    await after(running, number, 1)
    await running.kit.take(*(done(number, one) for one in (BRIGADE, CITY, MARKET)))
    running.kit.clock.move_to(START + 9 * DAY)
    await after(running, number, 2)
    row = await running.kit.one("SELECT * FROM acceptance WHERE application = $1", number)
    assert (row["kind"], row["accepted_on"]) == ("deemed", TODAY)
    looks = await running.kit.rows("SELECT state FROM examination")
    assert {one["state"] for one in looks} == {"complete"}
