"""Renewal by silence through all three services: applied for, left undecided, renewed, told."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from services.contracts.events import (
    EVENTS,
    ApplicationProgressed,
    ApplicationSubmitted,
    Event,
    TaskIssued,
    TaskLapsed,
    TaskLapseDue,
)
from services.contracts.vocabulary import Outcome, Service, Silence
from services.departments.consumer import Tasks
from services.domain.case import ClockReached, Lapsed
from services.orchestrator.consumer import Intake as Taking
from services.orchestrator.settings import TemporalSettings
from services.runtime.db import Pool
from services.runtime.inbox import Inbox
from services.verification.conservation import conservation, tasks
from services.verification.decisions import decisions, lapses
from services.verification.folders import folders, queries
from services.verification.renewals import renewals
from services.verification.sources import Sources
from services.verification.supervision import supervision
from services.verification.world import read
from tests.integration.conftest import OpenPool
from tests.integration.departments_parts import received, shelf
from tests.integration.intake_kit import INVESTOR, Intake, once, problem, running
from tests.integration.orchestrator_kit import Kit
from tests.integration.orchestrator_kit import supervision as rules

SCENARIO, ITEM, OFFICE = "permit-renewal", "DRAINAGE-RENEWAL", "urban-management"
EXPIRES_ON = date(2026, 4, 10)
EXPIRES_AT = datetime(2026, 4, 10, 9, 0, tzinfo=UTC)
"""Close of business of the last day: 17:00 in the county."""
AFTER = EXPIRES_AT + timedelta(seconds=1)
SOURCES = Sources(
    dsns={},
    verifiers={},
    catalogue=Path("deploy/catalogue"),
    calendar=Path("deploy/calendar"),
    temporal=TemporalSettings(),
)


class RenewalKit(Kit):
    """The orchestrator with the county's own catalogue."""

    def __post_init__(self) -> None:
        super().__post_init__()
        handler = Taking(shelf(), self.clock, rules())
        self.inbox = Inbox(handler=handler, deferred=True, attempts=1)


@dataclass(kw_only=True)
class County:
    """The three services, each with its database; what they say is carried by hand."""

    intake: Intake
    kit: RenewalKit
    queues: Pool

    async def apply(self, expires_on: date) -> Any:
        papers = ("applicant-identity", "agent-authorisation", "sewer-quality-report")
        body = {
            "project": {"code": "2603-410402-04-01-123456", "name": "厂区", "address": "8 号"},
            "scenario": SCENARIO,
            "answers": {"sewer_permit_expires": expires_on.isoformat()},
            "applicant": {
                "name": "示例泵业有限公司",
                "kind": "company",
                "id_number": "91350100M000100Y43",
                "phone": "0375-5550100",
            },
            "materials": [{"material": one, "reference": "原件"} for one in papers],
        }
        return await self.intake.client.post(
            "/v1/applications", json=body, headers={**INVESTOR, **once()}
        )

    async def to_queue(self, event: Event) -> None:
        async with self.queues.acquire() as conn, conn.transaction():
            await Tasks(self.kit.clock, shelf())(conn, [received(event)])

    async def last(self, pool: Pool, kind: type[Event]) -> Any:
        """Return the last event of a type that a service said."""
        rows = await pool.fetch(
            "SELECT payload FROM outbox WHERE type = $1 ORDER BY id DESC LIMIT 1", kind.TYPE
        )
        return EVENTS[kind.TYPE].model_validate(orjson.loads(rows[0]["payload"])["data"])

    async def found(self) -> Sequence[str]:
        """Return what a verification of the three stores finds of decisions and silences."""
        checks = (conservation, tasks, decisions, lapses, renewals, supervision)
        world, found = read(SOURCES), []
        pools = dict(zip(Service, (self.intake.pool, self.kit.pool, self.queues), strict=True))
        async with AsyncExitStack() as opened:
            stores = {}
            for service, pool in pools.items():
                stores[service] = await opened.enter_async_context(pool.acquire())
                await opened.enter_async_context(stores[service].transaction(readonly=True))
            now = {service: await queries.begin(conn) for service, conn in stores.items()}
            async for folder in folders(stores, now, None):
                found += [str(one) for check in checks for one in check(folder, world)]
        return found


@pytest_asyncio.fixture
async def county(open_service_pool: OpenPool, tmp_path: Path) -> AsyncIterator[County]:
    pool = await open_service_pool(Service.INTAKE)
    kit = RenewalKit(pool=await open_service_pool(Service.ORCHESTRATOR))
    queues = await open_service_pool(Service.DEPARTMENTS)
    async with running(pool, tmp_path, shelf=shelf()) as intake:
        yield County(intake=intake, kit=kit, queues=queues)


async def test_a_permit_that_expires_undecided_is_renewed_and_shown_as_that(
    county: County,
) -> None:
    """ALL 50: from the application to the public register; a verification finds nothing."""
    late = await county.apply(date(2026, 3, 31))
    body = problem(late, 422, "facts-invalid")
    assert "行政许可法 50" in str(body["errors"])
    answer = await county.apply(EXPIRES_ON)
    assert answer.status_code == 201, answer.text
    number = answer.json()["number"]

    kit = county.kit
    story = await kit.story(await county.last(county.intake.pool, ApplicationSubmitted))
    await kit.writer.carry_out(story.accepted())
    issued = await county.last(kit.pool, TaskIssued)
    assert (issued.silence, issued.expires_at) == (Silence.RENEWED, EXPIRES_AT)
    await county.to_queue(issued)
    await county.intake.told(await county.last(kit.pool, ApplicationProgressed))

    kit.clock.move_to(AFTER)
    await kit.writer.carry_out(story.next(ClockReached(at=AFTER)))
    await county.to_queue(await county.last(kit.pool, TaskLapseDue))
    lapsed = await county.last(county.queues, TaskLapsed)
    assert lapsed.result_number == f"{ITEM}-{number}-{OFFICE}-1"
    ref = await _heard(county, lapsed)
    await kit.writer.carry_out(story.next(Lapsed(at=lapsed.lapsed_at, task=lapsed.task, ref=ref)))
    told = await county.last(kit.pool, ApplicationProgressed)
    [result] = told.results
    assert (result.outcome, result.number) == (Outcome.DEEMED_RENEWED, lapsed.result_number)
    cards = await kit.rows("SELECT fact, colour FROM card ORDER BY id")
    assert ("renewal_lapsed", "red") in [tuple(one) for one in cards]

    await county.intake.told(told)
    register = (await county.intake.client.get("/v1/public/results")).json()
    [shown] = register["items"]
    assert (shown["number"], shown["outcome"]) == (lapsed.result_number, "deemed_renewed")
    page = await county.intake.client.get("/register", headers={"accept": "text/html"})
    assert "视为准予延续" in page.text
    listed = (await county.intake.get(f"/v1/applications/{number}/documents")).json()
    [paper] = [one for one in listed["items"] if one["item"] == ITEM]
    assert paper["kind"] == "grant"
    assert paper["dated"] == EXPIRES_ON.isoformat()
    kinds = {row["kind"] for row in await county.intake.pool.fetch("SELECT kind FROM letter")}
    assert "renewed" in kinds
    assert await county.found() == []


async def test_the_questionnaire_asks_for_the_day_and_says_what_follows(county: County) -> None:
    async def page(path: str, status: int = 200) -> str:
        answer = await county.intake.client.get(path, headers={"accept": "text/html"})
        assert answer.status_code == status, answer.text
        return answer.text

    assert 'type="date" name="sewer_permit_expires" value=""' in await page(f"/needs/{SCENARIO}")
    late = await page(f"/needs/{SCENARIO}/plan?sewer_permit_expires=2026-03-20&lang=en", 422)
    assert 'value="2026-03-20"' in late
    assert "30 days before the permit expires (行政许可法 50)" in late
    found = await page(f"/needs/{SCENARIO}/plan?sewer_permit_expires={EXPIRES_ON}&lang=en")
    assert "it counts as renewed (行政许可法 50)" in found
    assert "before the permit expires" in await page(f"/items/{ITEM}?lang=en")


async def _heard(county: County, said: TaskLapsed) -> str:
    """Let the orchestrator hear what the department's store said, under the id it said it with."""
    row = await county.queues.fetchrow("SELECT event_id FROM outbox WHERE type = $1", said.TYPE)
    raw = county.kit.raw(said, event_id=row["event_id"])
    assert (await county.kit.inbox.take(county.kit.pool, [raw])).applied == 1
    return str(row["event_id"])


@pytest.mark.parametrize(
    ("store", "statement", "says"),
    [
        (
            Service.ORCHESTRATOR,
            "UPDATE result SET outcome = 'granted'",
            "is granted, but it was not so decided",
        ),
        (
            Service.DEPARTMENTS,
            "UPDATE task SET expires_at = expires_at - interval '1 day'",
            "its permit expires at",
        ),
        (
            Service.DEPARTMENTS,
            "UPDATE task SET silence = 'none', expires_at = null",
            "its silence is none, not renewed",
        ),
        (
            Service.DEPARTMENTS,
            "UPDATE task SET state = 'open', ended_at = null",
            "its permit has expired, and it is not renewed",
        ),
    ],
)
async def test_a_licence_by_silence_is_found(
    county: County, store: Service, statement: str, says: str
) -> None:
    await test_a_permit_that_expires_undecided_is_renewed_and_shown_as_that(county)
    pool = county.kit.pool if store is Service.ORCHESTRATOR else county.queues
    await pool.execute(statement)
    assert any(says in one for one in await county.found())
