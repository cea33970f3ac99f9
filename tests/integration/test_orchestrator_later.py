"""A step that waits for a paper, driven: workflow, rows, messages, dates, forecast, rebuild."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import msgspec
import orjson
import pytest
import pytest_asyncio

from services.contracts.events import ApplicationSubmitted, ApplicationSupplemented, MaterialRef
from services.contracts.vocabulary import Role, Service
from services.domain.route import Route
from services.orchestrator.consumer import Intake
from services.orchestrator.rebuild import replay
from services.runtime.embedded.temporal import Temporal
from services.runtime.inbox import Inbox
from tests import later_county
from tests.integration.conftest import OpenPool
from tests.integration.messaging import until
from tests.integration.orchestrator_kit import (
    BRIGADE,
    DRAINS,
    FIRE,
    HOUR,
    JOINT,
    LICENCE,
    SCENARIO,
    START,
    Engine,
    Kit,
    bearer,
    decided,
    engine,
    serving,
    shelf,
    submitted,
    supervision,
    task,
)

pytestmark = pytest.mark.asyncio
TODAY = date(2026, 3, 2)
OPERATOR = bearer("operator", Role.OPERATOR)
HANDED = START + timedelta(days=3)
"""Thursday."""
CHECK = f"{FIRE}/{BRIGADE}/1"


class LaterKit(Kit):
    """The same orchestrator in a county in which a paper comes later."""

    def __post_init__(self) -> None:
        super().__post_init__()
        handler = Intake(later_county.shelf(), self.clock, supervision())
        self.inbox = Inbox(handler=handler, deferred=True, attempts=1)


def application(*papers: str) -> ApplicationSubmitted:
    county = later_county.shelf()
    catalogue = county.current(TODAY)
    facts = catalogue.scenario_by_code[SCENARIO].example
    plan = county.plan(catalogue.county.version, SCENARIO, facts, {}, TODAY)
    there = ("floor-plan", *papers)
    materials = tuple(MaterialRef(material=one, sha256="0" * 64) for one in there)
    return submitted(plan_digest=plan.digest, materials=materials)


def handed_in(number: str) -> ApplicationSupplemented:
    return ApplicationSupplemented(
        application=number,
        round=0,
        subjects=(f"material/{later_county.PAPER}",),
        materials=(MaterialRef(material=later_county.PAPER, sha256="2" * 64),),
        supplemented_at=HANDED,
    )


@pytest_asyncio.fixture
async def running(open_service_pool: OpenPool, temporal: Temporal) -> AsyncIterator[Engine]:
    kit = LaterKit(pool=await open_service_pool(Service.ORCHESTRATOR))
    found = await engine(kit, temporal.address)
    async with found.working():
        yield found


async def turns(running: Engine, number: str, count: int) -> None:
    """Deliver what is there, and wait until so many turns are written."""
    await running.deliver()

    async def there() -> bool:
        row = await running.kit.one("SELECT turn FROM application WHERE number = $1", number)
        return bool(row["turn"] >= count)

    await until(there, f"turn {count}")


async def test_a_step_waits_for_its_paper_and_starts_on_the_day_it_comes(running: Engine) -> None:
    kit = running.kit
    number = await kit.received(application())
    await turns(running, number, 1)
    await kit.take(decided(task(number, LICENCE)), decided(task(number, DRAINS)))
    await turns(running, number, 2)
    [[one]] = [said["papers"] for said in await kit.progressed(number) if said.get("papers")]
    assert (one["step"], one["items"]) == (JOINT, [FIRE])
    assert (one["materials"], one["since"]) == ([later_county.PAPER], "2026-03-02")
    assert CHECK not in await kit.tasks(number)
    row = await kit.one("SELECT * FROM papers_awaited WHERE application = $1", number)
    assert (row["step"], list(row["materials"]), row["since"]) == (
        JOINT,
        [later_county.PAPER],
        TODAY,
    )
    kit.clock.move_to(START + timedelta(days=2))
    async with serving(kit, running) as api:
        answer = await api.get(f"/applications/{number}/forecast", OPERATOR)
    assert answer.status_code == 200, answer.text
    assert answer.json()["holding"] is None, "the investor holds it"

    kit.clock.move_to(HANDED + HOUR)
    await kit.take(handed_in(number))
    await running.deliver()

    async def issued_at_last() -> bool:
        return (await kit.tasks(number)).get(CHECK) == "open"

    await until(issued_at_last, "the task, when its paper is there")
    said = await kit.said(number)
    [issued] = [m["data"] for m in said if m["data"].get("task") == task(number, FIRE)]
    assert later_county.PAPER in [paper["material"] for paper in issued["materials"]]
    assert issued["issued_at"].startswith("2026-03-05")
    change = await kit.one("SELECT * FROM date_change WHERE application = $1", number)
    calendar = shelf().calendar
    before, after = (calendar.local_date(change[f"promised_{one}"]) for one in ("before", "after"))
    assert change["why"] == "papers"
    assert calendar.working_days_between(before, after) == 3

    async with serving(kit, running) as api:
        path = f"/applications/{number}/deadlines/{FIRE}/{BRIGADE}/1"
        explained = (await api.get(path, OPERATOR)).json()
    assert explained["start_on"] == "2026-03-05"
    waited = [line for line in explained["lines"] if line["article"] == "目录：后续材料"]
    assert [line["day"] for line in waited] == ["2026-03-03", "2026-03-04"]
    assert not any(line["counted"] for line in waited)
    assert later_county.PAPER in waited[0]["reason_zh"]
    await _is_rebuilt(running, number)


async def _is_rebuilt(running: Engine, number: str) -> None:
    """The journal leads to the state that the workflow is in."""
    kit = running.kit
    life = await kit.one("SELECT * FROM application WHERE number = $1", number)
    journal = await kit.rows(
        "SELECT turn, events, commands FROM journal WHERE application = $1 ORDER BY turn", number
    )
    route = msgspec.json.decode(life["route"], type=Route)
    case = replay(life, journal, route, shelf().calendar)
    kept = await running.handle(number).query("case")
    made = orjson.loads(msgspec.json.encode(case))
    assert {**made, "calendar": None} == {**kept, "calendar": None}, "the calendar is cut to size"


async def test_a_paper_that_was_handed_in_with_the_application_is_not_awaited(
    running: Engine,
) -> None:
    kit = running.kit
    number = await kit.received(application(later_county.PAPER))
    await turns(running, number, 1)
    await kit.take(decided(task(number, LICENCE)), decided(task(number, DRAINS)))
    await turns(running, number, 2)
    assert (await kit.tasks(number))[CHECK] == "open"
    assert not any(said.get("papers") for said in await kit.progressed(number))
