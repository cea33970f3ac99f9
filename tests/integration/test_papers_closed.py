"""The end of the term of a paper that comes later: intake's store decides, never a message."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest_asyncio

from services.contracts.events import ApplicationProgressed, PapersAwaited
from services.contracts.later import PapersLapsed, PapersLapseDue
from services.contracts.vocabulary import ApplicationStatus, Service
from services.domain.case import ClockReached
from services.intake import lapsing_papers
from services.intake.store import Paper, lock_own
from services.intake.supplement_store import add_supplements
from services.orchestrator.consumer import Intake as Handler
from services.orchestrator.workflow import DELIVER
from services.runtime.embedded.temporal import Temporal
from services.runtime.inbox import Inbox
from tests import later_county
from tests.integration import intake_kit
from tests.integration.conftest import OpenPool
from tests.integration.intake_kit import INVESTOR, NOW, Intake, once, problem
from tests.integration.messaging import until
from tests.integration.orchestrator_kit import (
    BRIGADE,
    DRAINS,
    FIRE,
    JOINT,
    LICENCE,
    Kit,
    decided,
    engine,
    supervision,
    task,
)
from tests.integration.test_orchestrator_delivery import reached
from tests.integration.test_rectification_late import Town

PAPER = later_county.PAPER
TERM = NOW + timedelta(days=3)
MINUTE = timedelta(minutes=1)
RACES = 8
OWNER = "SELECT owner_ref FROM application WHERE number = $1"


class TermKit(Kit):
    """The orchestrator of a county in which that paper has a term."""

    def __post_init__(self) -> None:
        super().__post_init__()
        handler = Handler(later_county.shelf(later_county.TERM), self.clock, supervision())
        self.inbox = Inbox(handler=handler, deferred=True, attempts=1)


@pytest_asyncio.fixture
async def intake(open_service_pool: OpenPool, tmp_path: Path) -> AsyncIterator[Intake]:
    pool = await open_service_pool(Service.INTAKE)
    shelf = later_county.shelf(later_county.TERM)
    async with intake_kit.running(pool, tmp_path, shelf=shelf) as found:
        yield found


@pytest_asyncio.fixture
async def town(
    open_service_pool: OpenPool, temporal: Temporal, intake: Intake
) -> AsyncIterator[Town]:
    kit = TermKit(pool=await open_service_pool(Service.ORCHESTRATOR))
    running = await engine(kit, temporal.address)
    async with running.working():
        yield Town(intake, running)


async def submitted(intake: Intake) -> str:
    """Submit everything but the paper that comes later; return the number."""
    papers = [
        {"material": one.id, "reference": f"原件 {one.id}"}
        for one in intake.asked()
        if one.id != PAPER
    ]
    return await intake.accepted(materials=papers)


async def hand_in(intake: Intake, number: str) -> Any:
    given = {"round": 0, "materials": [{"material": PAPER, "reference": "图纸 3"}]}
    return await intake.client.post(
        f"/v1/applications/{number}/supplements", json=given, headers={**INVESTOR, **once()}
    )


def awaiting(number: str, **terms: datetime | None) -> ApplicationProgressed:
    """Papers are awaited, by name until when; PAPER alone by rules that told one term for all."""
    known = {name.replace("_", "-"): until for name, until in terms.items()}
    untils = {name: until for name, until in known.items() if until is not None}
    papers = PapersAwaited(
        step=JOINT,
        items=(FIRE,),
        materials=tuple(known) or (PAPER,),
        since=NOW.date(),
        until=min(untils.values(), default=None) if known else TERM,
        untils=untils,
    )
    return ApplicationProgressed(
        application=number, status=ApplicationStatus.IN_PROGRESS, at=NOW, papers=(papers,)
    )


def question(number: str, **changes: Any) -> PapersLapseDue:
    given = {"application": number, "step": JOINT, "materials": (PAPER,), "due_at": TERM + MINUTE}
    return PapersLapseDue(**(given | changes))


async def closed_of(intake: Intake, number: str) -> list[str]:
    query = "SELECT closed FROM papers_awaited WHERE application = $1"
    return list(await intake.pool.fetchval(query, number))


async def awaited(town: Town, nth: int) -> tuple[str, datetime]:
    """An application whose joint step waits for the paper: its number, the end of the term."""
    for _ in range(nth - 1):
        await submitted(town.intake)
    await town.skip()
    number = await submitted(town.intake)
    await town.to_orchestrator()
    await reached(town.kit, number, 1)
    await town.kit.take(decided(task(number, LICENCE)), decided(task(number, DRAINS)))
    await town.running.deliver()
    await reached(town.kit, number, 2)
    await town.to_intake()
    shown = (await town.intake.get(f"/v1/applications/{number}/progress")).json()
    return number, datetime.fromisoformat(shown["awaited"][0]["until"])


async def term_over(town: Town, number: str, last: datetime) -> None:
    """The workflow's timer rings on the working morning after the term."""
    morning = town.kit.clock.now() + timedelta(days=7)
    assert morning > last
    for clock in (town.intake.clock, town.kit.clock):
        clock.move_to(morning)
    events = msgspec.to_builtins([ClockReached(at=morning)])
    await town.running.handle(number).signal(DELIVER, events)
    await reached(town.kit, number, 3)


async def test_a_paper_whose_message_is_held_back_past_the_term_counts(town: Town) -> None:
    number, last = await awaited(town, 4)
    town.intake.clock.move_to(last - MINUTE)
    answer = await hand_in(town.intake, number)
    assert answer.status_code == 202, answer.text
    await term_over(town, number, last)
    assert (await town.to_intake()).dead == 0
    assert await closed_of(town.intake, number) == []
    assert (await town.kit.tasks(number)).keys().isdisjoint({f"{FIRE}/{BRIGADE}/1"})
    await town.to_orchestrator()
    await reached(town.kit, number, 4)
    assert (await town.kit.tasks(number))[f"{FIRE}/{BRIGADE}/1"] == "open"


async def test_what_did_not_come_is_closed_and_what_needs_it_given_up(town: Town) -> None:
    number, last = await awaited(town, 5)
    await term_over(town, number, last)
    await town.to_intake()
    assert await closed_of(town.intake, number) == [PAPER]
    act = (await town.intake.acts())[-1]
    assert (act["act"], act["facts"]["materials"]) == (lapsing_papers.LAPSED, [PAPER])
    problem(await hand_in(town.intake, number), 422, "incomplete")
    papers = (await town.intake.get(f"/v1/applications/{number}/papers")).json()
    assert (papers["awaited"], papers["papers"][0]["state"]) == ([], "not_needed")
    await town.to_orchestrator()
    await reached(town.kit, number, 4)
    tasks = await town.kit.tasks(number)
    assert f"{FIRE}/{BRIGADE}/1" not in tasks
    await town.to_intake()
    shown = (await town.intake.get(f"/v1/applications/{number}/progress")).json()
    assert shown["awaited"] == []


async def test_a_paper_and_a_closing_race_and_exactly_one_wins(intake: Intake) -> None:
    numbers = [await submitted(intake) for _ in range(RACES)]
    await intake.told(*(awaiting(number) for number in numbers))
    intake.clock.move_to(TERM)
    answers = await asyncio.gather(
        *(hand_in(intake, number) for number in numbers),
        *(intake.told(question(number)) for number in reversed(numbers)),
    )
    told: dict[str, list[str]] = {number: [] for number in numbers}
    for row in await intake.pool.fetch("SELECT application, payload FROM outbox ORDER BY id"):
        told[row["application"]].append(orjson.loads(row["payload"])["type"])
    for number, answer in zip(numbers, answers, strict=False):
        won = answer.status_code == 202
        assert (await closed_of(intake, number) == []) is won
        word = "lianshen.application.supplemented.v1" if won else PapersLapsed.TYPE
        assert told[number] == ["lianshen.application.submitted.v1", word]


async def test_a_closing_waits_for_whoever_is_handing_it_in(intake: Intake) -> None:
    """However a paper and the question cross: what is being committed comes first."""
    number = await submitted(intake)
    await intake.told(awaiting(number))

    async def waits_or_is_over() -> bool:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return closing.done() or bool(await intake.pool.fetchval(waiting))

    async with intake.pool.acquire() as conn, conn.transaction():
        await lock_own(conn, number, (await intake.pool.fetchval(OWNER, number)))
        given = {
            "pieces": [(f"material/{PAPER}", None)],
            "papers": [Paper(material=PAPER, reference="图纸 3")],
        }
        await add_supplements(conn, application=number, round_=0, at=TERM, **given)
        closing = asyncio.create_task(intake.told(question(number)))
        await until(waits_or_is_over, "the question is heard")
    assert (await closing).dead == 0
    assert await closed_of(intake, number) == []


async def test_a_question_about_what_came_is_answered_whatever_is_awaited_since(
    intake: Intake,
) -> None:
    """The paper was heard of in the turn that asked: what is left is told before the question."""
    for left in (None, TERM + timedelta(days=9)):
        number = await submitted(intake)
        await intake.told(awaiting(number, **{PAPER: TERM, "site_plan": left}))
        assert (await hand_in(intake, number)).status_code == 202
        await intake.told(awaiting(number, site_plan=left))
        assert (await intake.told(question(number))).dead == 0
        assert await closed_of(intake, number) == []


async def test_each_paper_is_closed_by_its_own_term(intake: Intake) -> None:
    terms = {PAPER: TERM, "site_plan": TERM + timedelta(days=9), "plain": None}
    for lasts in (("site-plan",), ("plain",), (PAPER, "site-plan")):
        number = await submitted(intake)
        await intake.told(awaiting(number, **terms))
        told = question(number, materials=lasts)
        assert (await intake.told(told)).dead == 1, "its own term lasts"
        assert await closed_of(intake, number) == []


async def test_one_paper_closes_alone_and_may_be_asked_about_again(intake: Intake) -> None:
    number, later = await submitted(intake), TERM + timedelta(days=9)
    await intake.told(awaiting(number, **{PAPER: TERM, "site_plan": later}))
    assert (await intake.told(question(number))).dead == 0
    await intake.told(awaiting(number, site_plan=later))
    assert (await intake.told(question(number))).dead == 0
    assert await closed_of(intake, number) == [PAPER]


async def test_what_cannot_be_asked_is_refused_and_a_withdrawal_is_not_overtaken(
    intake: Intake,
) -> None:
    number, other = await submitted(intake), await submitted(intake)
    await intake.told(awaiting(number))
    assert (await intake.told(question(number, due_at=TERM - MINUTE))).dead == 1
    assert (await intake.told(question(other))).dead == 1
    gone = await submitted(intake)
    await intake.told(awaiting(gone))
    await intake.client.post(f"/v1/applications/{gone}/withdrawal", headers={**INVESTOR, **once()})
    assert (await intake.told(question(gone))).dead == 0
    assert await closed_of(intake, number) == await closed_of(intake, gone) == []
