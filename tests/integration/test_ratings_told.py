"""A rating on its way: given at intake, followed up, answered, shown to the applicant, closed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import orjson
import pytest_asyncio

from services.contracts.ratings import RatingGiven
from services.contracts.vocabulary import Grade, Outcome, Role, Service
from services.domain.approval import begin
from services.domain.route import Route
from services.runtime.embedded.temporal import Temporal
from services.runtime.messages import Raw
from tests.conftest import Databases
from tests.integration import orchestrator_kit as centre
from tests.integration.conftest import OpenPool
from tests.integration.intake_kit import (
    COMPANY,
    HASHER,
    INVESTOR,
    ISSUER,
    PERSON,
    STRANGER,
    SUPERVISOR,
    Intake,
    bearer,
    once,
    prepare,
    problem,
    running,
)
from tests.integration.orchestrator_kit import (
    CITY,
    DAY,
    DRAINS,
    LICENCE,
    MARKET,
    START,
    Engine,
    Kit,
    Story,
    problem_of,
)

NAMED = "某科长"
COMMENT = f"{NAMED}让我来回跑了三次"
ANSWER = "已向申请人说明，今后一次告知全部要求。"
CITY_CHIEF = centre.bearer("city-chief", Role.CHIEF_REPRESENTATIVE, department=CITY)


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    return Kit(pool=await open_service_pool(Service.ORCHESTRATOR))


@pytest_asyncio.fixture
async def engine(kit: Kit, temporal: Temporal) -> Engine:
    return await centre.engine(kit, temporal.address)


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path) as found,
    ):
        yield found


class Road:
    """Carries what each service has said to the other, every record once."""

    def __init__(self, intake: Intake, kit: Kit) -> None:
        self._ways = [
            (intake.pool, kit.pool, kit.inbox, 0),
            (kit.pool, intake.pool, intake.inbox, 0),
        ]

    async def carry(self) -> None:
        for place, (source, target, inbox, last) in enumerate(self._ways):
            rows = await source.fetch(
                "SELECT id, topic, payload, application FROM outbox WHERE id > $1 "
                "AND topic IN ('lianshen.applications.v1', 'lianshen.progress.v1') ORDER BY id",
                last,
            )
            if rows:
                taken = await inbox.take(
                    target,
                    [Raw(topic=row["topic"], value=row["payload"], key=b"a") for row in rows],
                )
                assert (taken.applied, taken.dead) == (len(rows), 0)
                self._ways[place] = (source, target, inbox, rows[-1]["id"])


async def rated(intake: Intake, number: str, department: str, grade: Grade, **more: Any) -> Any:
    headers = {**more.pop("who", INVESTOR), **(more.pop("key", None) or once())}
    return await intake.client.post(
        f"/v1/applications/{number}/ratings",
        json={"department": department, "grade": grade, **more},
        headers=headers,
    )


async def story_of(kit: Kit, number: str) -> Story:
    row = await kit.one("SELECT route FROM application WHERE number = $1", number)
    return Story(
        begin(msgspec.json.decode(row["route"], type=Route), centre.shelf().calendar, START)
    )


async def shown(intake: Intake, number: str, who: Any = INVESTOR) -> dict[str, Any]:
    answer = await intake.get(f"/v1/applications/{number}/ratings", who)
    assert answer.status_code == 200, answer.text
    return {one["department"]: one for one in answer.json()["items"]}


async def delivered(intake: Intake, kit: Kit) -> tuple[str, Road]:
    """An application with results of two departments out; the road between the services."""
    number = await intake.accepted()
    road = Road(intake, kit)
    await road.carry()
    problem(await rated(intake, number, MARKET, Grade.SATISFIED), 409, "nothing-to-rate")
    story = await story_of(kit, number)
    await kit.writer.carry_out(story.accepted())
    await kit.writer.carry_out(story.next(story.decide(LICENCE), story.decide(DRAINS)))
    await road.carry()
    return number, road


async def test_the_applicant_rates_once_and_his_words_stay(intake: Intake, kit: Kit) -> None:
    number, road = await delivered(intake, kit)
    before = await shown(intake, number)
    assert {name: one["grade"] for name, one in before.items()} == {MARKET: None, CITY: None}
    officer = bearer("investor", Role.INVESTOR, Role.OFFICER, department=MARKET)
    stranger = await rated(intake, number, MARKET, Grade.SATISFIED, who=STRANGER)
    problem(stranger, 404, "not-found")
    own = await rated(intake, number, MARKET, Grade.SATISFIED, who=officer)
    problem(own, 403, "not-the-applicant")
    key = once()
    bad = await rated(intake, number, MARKET, Grade.VERY_DISSATISFIED, comment=COMMENT, key=key)
    assert bad.status_code == 201, bad.text
    again = await rated(intake, number, MARKET, Grade.VERY_DISSATISFIED, comment=COMMENT, key=key)
    assert again.json() == bad.json()
    problem(await rated(intake, number, MARKET, Grade.SATISFIED), 409, "already-rated")
    said = orjson.dumps([await intake.outbox(), await intake.acts()]).decode()
    assert NAMED not in said
    assert said.count(HASHER.ref(COMMENT)) == 2
    await road.carry()
    rows = await kit.rows("SELECT payload FROM inbox")
    assert not any(NAMED.encode() in row["payload"] for row in rows)
    # The comment is read by the supervision and by the department it is about, by nobody else.
    assert (await shown(intake, number, SUPERVISOR))[MARKET]["comment"] == COMMENT
    market = bearer("chief", Role.CHIEF_REPRESENTATIVE, department=MARKET)
    assert set(await shown(intake, number, market)) == {MARKET}
    fire = bearer("fire", Role.CHIEF_REPRESENTATIVE, department="fire-rescue")
    for who in (STRANGER, fire):
        assert (await intake.get(f"/v1/applications/{number}/ratings", who)).status_code == 404


async def follow_up_of(intake: Intake, number: str) -> Any:
    return (await shown(intake, number))[MARKET]["follow_up"]


async def test_a_bad_rating_is_answered_shown_and_closed(
    intake: Intake, kit: Kit, engine: Engine
) -> None:
    number, road = await delivered(intake, kit)
    await rated(intake, number, MARKET, Grade.VERY_DISSATISFIED)
    await rated(intake, number, CITY, Grade.BASICALLY_SATISFIED)
    await road.carry()
    found = await kit.rows("SELECT department, due_on FROM follow_up")
    assert [(row["department"], str(row["due_on"])) for row in found] == [(MARKET, "2026-03-09")]
    assert await kit.value("SELECT count(*) FROM rating") == 2
    told = await follow_up_of(intake, number)
    assert (told["state"], told["due_at"]) == ("open", "2026-03-09T09:00:00Z")
    async with centre.serving(kit, engine) as api:
        await _answered_and_closed(api, intake, road, number)
    told = await follow_up_of(intake, number)
    assert (told["state"], told["answer"]) == ("closed", ANSWER)
    assert told["closed_at"] is not None
    leaves = await kit.rows("SELECT act, body FROM audit_leaf WHERE act LIKE 'follow_up.%'")
    assert [row["act"] for row in leaves] == [
        *("follow_up.opened", "follow_up.answered", "follow_up.closed")
    ]
    assert not any(ANSWER in row["body"] for row in leaves)


async def made_of(kit: Kit, subject: str) -> str:
    """Let somebody be who the application is about; return what was there before."""
    before: str = await kit.value("SELECT shared::text FROM application")
    ref = orjson.dumps([HASHER.ref(f"{ISSUER}\n{subject}")]).decode()
    put = "UPDATE application SET shared = jsonb_set(shared, '{applicant_refs}', $1::jsonb)"
    await kit.pool.execute(put, ref)
    return before


async def _answered_and_closed(api: centre.Api, intake: Intake, road: Road, number: str) -> None:
    path, text = "/supervision/follow-ups", {"text": ANSWER}
    assert (await api.get(path, centre.SUPERVISOR, overdue=True)).json()["items"] == []
    api.kit.clock.move_to(START + 8 * DAY)
    [listed] = (await api.get(path, centre.SUPERVISOR, overdue=True)).json()["items"]
    assert (listed["department"], listed["overdue"]) == (MARKET, True)
    assert (await api.get(path, CITY_CHIEF)).json()["items"] == []
    assert (await api.get(path, CITY_CHIEF, department=MARKET)).json()["items"] == []
    assert len((await api.get(path, centre.CHIEF, state="open")).json()["items"]) == 1
    act = f"{path}/{listed['id']}"
    assert problem_of(await api.post(f"{act}/closures", centre.SUPERVISOR, text)) == "conflict"
    assert problem_of(await api.post(f"{act}/answers", CITY_CHIEF, text)) == "not-found"
    assert problem_of(await api.post(f"{act}/answers", centre.SUPERVISOR, text)) == "forbidden"
    before = await made_of(api.kit, "chief")
    assert problem_of(await api.post(f"{act}/answers", centre.CHIEF, text)) == "own-application"
    await api.kit.pool.execute("UPDATE application SET shared = $1::jsonb", before)
    answered = await api.post(f"{act}/answers", centre.CHIEF, text)
    assert (answered.status_code, answered.json()["state"]) == (201, "answered")
    assert problem_of(await api.post(f"{act}/answers", centre.CHIEF, text)) == "conflict"
    assert problem_of(await api.post(f"{act}/closures", centre.CHIEF, text)) == "forbidden"
    await road.carry()
    told = await follow_up_of(intake, number)
    assert (told["state"], told["answer"], told["closed_at"]) == ("answered", ANSWER, None)
    closed = await api.post(f"{act}/closures", centre.SUPERVISOR, {"text": "情况属实，已整改"})
    assert (closed.json()["state"], closed.json()["overdue"]) == ("closed", False)
    assert problem_of(await api.post(f"{act}/closures", centre.SUPERVISOR, text)) == "conflict"
    assert problem_of(await api.post(f"{path}/99/answers", centre.CHIEF, text)) == "not-found"
    await road.carry()


async def test_an_agent_rates_nothing_and_the_applicant_does(intake: Intake, kit: Kit) -> None:
    paper = await intake.uploaded()
    number = await intake.accepted(
        agent={
            "name": "王某",
            "id_number": PERSON,
            "phone": "0375-5550101",
            "authorisation": paper,
        }
    )
    road = Road(intake, kit)
    await road.carry()
    story = await story_of(kit, number)
    await kit.writer.carry_out(story.accepted())
    await kit.writer.carry_out(story.next(story.decide(LICENCE, Outcome.REFUSED)))
    await road.carry()
    # It was handed in with the agent's account: that account is not the applicant's word.
    problem(await rated(intake, number, MARKET, Grade.SATISFIED), 403, "not-the-applicant")
    applicant = bearer("boss", Role.INVESTOR, number=COMPANY)
    assert (await rated(intake, number, MARKET, Grade.SATISFIED, who=applicant)).status_code == 201


async def test_a_rating_after_the_end_is_taken_and_holds_up_nothing(
    kit: Kit, engine: Engine
) -> None:
    """The workflow is gone (here: never was); the rating is in the tables, the road is free."""
    story = await kit.story()
    number = story.case.route.application
    await kit.writer.carry_out(story.accepted())
    await kit.pool.execute("UPDATE inbox SET delivered_at = now()")
    await kit.take(
        RatingGiven(
            application=number, department=MARKET, grade=Grade.SATISFIED, rated_at=START + DAY
        )
    )
    assert await kit.undelivered() == 1
    assert await engine.deliver() == 1
    assert await kit.undelivered() == 0
    assert await kit.value("SELECT grade FROM rating WHERE application = $1", number) == "satisfied"
    # A second word on the same department (a repeated submission elsewhere) changes nothing.
    second = RatingGiven(
        application=number, department=MARKET, grade=Grade.DISSATISFIED, rated_at=START + DAY
    )
    assert (await kit.take(second)).dead == 0
    assert await kit.value("SELECT count(*) FROM follow_up") == 0
