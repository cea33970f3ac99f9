"""Cards in the transaction of the turn, appeals and decisions by the API, and the sensors."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest_asyncio

from services.contracts.fees import FeeRepaid
from services.contracts.vocabulary import Outcome, PauseKind, Role, Service
from services.domain.case import ClockReached, Lapsed, Paused
from services.domain.supervision import Removal
from services.domain.supervision_rules import FactKind
from services.orchestrator import supervision_store
from services.orchestrator.consumer import Intake
from services.orchestrator.supervision_sensors import Sensors
from services.runtime.catalogue_shelf import Shelf
from services.runtime.embedded.temporal import Temporal
from services.runtime.inbox import Inbox
from services.runtime.settings import CatalogueSettings
from tests.integration.conftest import OpenPool
from tests.integration.orchestrator_kit import (
    BRIGADE,
    CHIEF,
    CITY,
    DRAINS,
    FIRE,
    FOOD,
    HASHER,
    HEALTH,
    INVESTOR,
    ISSUER,
    LICENCE,
    MARKET,
    OFFICER,
    OPERATOR,
    SIGN,
    SUPERVISOR,
    Api,
    Kit,
    Story,
    bearer,
    decided,
    engine,
    problem_of,
    serving,
    supervision,
    task,
)

HEAD_OF_CITY = bearer("head", Role.DEPARTMENT_HEAD, department=CITY)
OFFICER_OF_CITY = bearer("officer-2", Role.OFFICER, department=CITY)
DAY = timedelta(days=1)


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    return Kit(pool=await open_service_pool(Service.ORCHESTRATOR))


@pytest_asyncio.fixture
async def api(kit: Kit, temporal: Temporal) -> AsyncIterator[Api]:
    async with serving(kit, await engine(kit, temporal.address)) as found:
        yield found


def at(day: int, hour: int = 2, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


async def begun(kit: Kit) -> Story:
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    return story


async def clock(kit: Kit, story: Story, instant: datetime) -> None:
    kit.clock.move_to(instant)
    await kit.writer.carry_out(story.next(ClockReached(at=instant)))


async def cards(kit: Kit, department: str | None = None) -> list[tuple[str, str, str]]:
    """Rule, subject without the application, and state of every card."""
    rows = await kit.rows(
        "SELECT rule, subject, state FROM card WHERE $1::text IS NULL OR department = $1"
        " ORDER BY id",
        department,
    )
    return [(row["rule"], row["subject"].partition("/")[2], row["state"]) for row in rows]


async def leaves(kit: Kit, act: str) -> list[dict[str, Any]]:
    rows = await kit.rows("SELECT body FROM audit_leaf WHERE act = $1 ORDER BY id", act)
    return [orjson.loads(row["body"]) for row in rows]


async def test_a_late_department_gets_its_yellow_and_its_red_card_appeals_and_is_lifted(
    kit: Kit, api: Api
) -> None:
    story = await begun(kit)
    row = await kit.one(
        "SELECT promised_at, statutory_at FROM task WHERE task = $1",
        task(story.case.route.application, DRAINS),
    )
    await clock(kit, story, row["promised_at"])
    assert await cards(kit, CITY) == []
    await clock(kit, story, row["promised_at"] + timedelta(seconds=1))
    assert await cards(kit, CITY) == [("promise-passed", f"{DRAINS}/{CITY}/1", "open")]
    [yellow] = (await api.get("/supervision/cards", HEAD_OF_CITY)).json()["items"]
    assert yellow["colour"] == "yellow"
    assert yellow["evidence"]["due_at"] == row["promised_at"].isoformat().replace("+00:00", "Z")
    assert yellow["task"] == task(story.case.route.application, DRAINS)
    path = f"/supervision/cards/{yellow['id']}"
    text = {"text": "当日系统停机，决定已作出"}
    appealed = await api.post(f"{path}/appeals", HEAD_OF_CITY, text)
    assert appealed.json()["state"] == "appealed", appealed.text
    assert problem_of(await api.post(f"{path}/appeals", HEAD_OF_CITY, text)) == "conflict"

    await clock(kit, story, row["statutory_at"] + timedelta(seconds=1))
    await kit.writer.carry_out(story.next(story.decide(DRAINS, at=row["statutory_at"] + DAY)))
    assert await cards(kit, CITY) == [
        ("promise-passed", f"{DRAINS}/{CITY}/1", "appealed"),
        ("statute-passed", f"{DRAINS}/{CITY}/1", "open"),
    ]
    raised = [one["facts"] for one in await leaves(kit, "card.raised")]
    assert [one["rule"] for one in raised if one["department"] == CITY] == [
        "promise-passed",
        "statute-passed",
    ]
    lift = {"decision": "lift", "reason": "停机属实，不计责任"}
    assert (await api.post(f"{path}/decisions", SUPERVISOR, lift)).json()["state"] == "lifted"
    assert problem_of(await api.post(f"{path}/decisions", SUPERVISOR, lift)) == "conflict"
    whole = (await api.get(path, SUPERVISOR)).json()
    assert [one["act"] for one in whole["journal"]] == ["raise", "appeal", "lift"]
    assert whole["journal"][1]["text"] == text["text"]
    [leaf] = await leaves(kit, "card.lift")
    assert leaf["facts"]["state"] == "lifted"
    assert "停机" not in orjson.dumps(leaf).decode()


async def test_a_card_stands_against_its_appeal_and_counts_on_the_red_list(
    kit: Kit, api: Api
) -> None:
    story = await begun(kit)
    await clock(kit, story, at(4))
    [yellow] = (await api.get("/supervision/cards", SUPERVISOR, colour="yellow")).json()["items"]
    path = f"/supervision/cards/{yellow['id']}"
    upheld = {"decision": "uphold", "reason": "理由不成立"}
    assert problem_of(await api.post(f"{path}/decisions", SUPERVISOR, upheld)) == "conflict"
    assert (await api.post(f"{path}/appeals", CHIEF, {"text": "不属我处"})).status_code == 201
    done = await api.post(f"{path}/decisions", SUPERVISOR, upheld)
    assert done.json()["state"] == "upheld"
    await clock(kit, story, at(5, 10))
    listed = (await api.get("/supervision/red-list", SUPERVISOR, month="2026-03")).json()
    assert [(one["department"], one["rule"]) for one in listed["items"]] == [(MARKET, "any-red")]
    other = (await api.get("/supervision/red-list", SUPERVISOR, month="2026-04")).json()
    assert other["items"] == []


async def test_an_appeal_has_its_term(kit: Kit, api: Api) -> None:
    await clock(kit, await begun(kit), at(10))
    [card] = (await api.get("/supervision/cards", HEAD_OF_CITY)).json()["items"]
    path = f"/supervision/cards/{card['id']}"
    until = datetime.fromisoformat((await api.get(path, HEAD_OF_CITY)).json()["appeal_until"])
    assert until == at(16, 9)
    kit.clock.move_to(until + timedelta(seconds=1))
    answer = await api.post(f"{path}/appeals", HEAD_OF_CITY, {"text": "迟到的申诉"})
    assert problem_of(answer) == "conflict"


async def test_who_sees_what_and_who_may_act(kit: Kit, api: Api) -> None:
    story = await begun(kit)
    await clock(kit, story, at(31))
    paths = ("/supervision/cards", "/supervision/findings", "/supervision/rules")
    for path in paths:
        assert problem_of(await api.get(path, None)) == "unauthenticated"
        assert problem_of(await api.get(path, INVESTOR)) == "forbidden"
        for who in (SUPERVISOR, OPERATOR, OFFICER, CHIEF):
            assert problem_of(await api.get(path, who)) == "ok"
    own = (await api.get("/supervision/cards", OFFICER_OF_CITY)).json()["items"]
    assert {one["department"] for one in own} == {CITY}
    every = (await api.get("/supervision/cards", SUPERVISOR)).json()["items"]
    assert {one["department"] for one in every} == {CITY, MARKET}
    others = await api.get("/supervision/cards", OFFICER_OF_CITY, department=MARKET)
    assert problem_of(others) == "not-found"
    foreign = next(one["id"] for one in every if one["department"] == MARKET)
    path = f"/supervision/cards/{foreign}"
    assert problem_of(await api.get(path, OFFICER_OF_CITY)) == "not-found"
    text = {"text": "不是我单位的"}
    assert problem_of(await api.post(f"{path}/appeals", HEAD_OF_CITY, text)) == "not-found"
    assert problem_of(await api.post(f"{path}/appeals", OFFICER_OF_CITY, text)) == "forbidden"
    lift = {"decision": "lift", "reason": "撤销"}
    for who in (OPERATOR, CHIEF, HEAD_OF_CITY):
        assert problem_of(await api.post(f"{path}/decisions", who, lift)) == "forbidden"
    nowhere = "/supervision/cards/999999"
    assert problem_of(await api.get(nowhere, SUPERVISOR)) == "not-found"
    assert problem_of(await api.post(f"{nowhere}/decisions", SUPERVISOR, lift)) == "not-found"


async def make_it_of(kit: Kit, *subjects: str) -> None:
    """Let these people be who the application is about."""
    refs = [HASHER.ref(f"{ISSUER}\n{one}") for one in subjects]
    await kit.pool.execute(
        "UPDATE application SET shared = jsonb_set(shared, '{applicant_refs}', $1::jsonb)",
        orjson.dumps(refs).decode(),
    )


async def test_nobody_appeals_about_his_own_application_nor_holds_it(kit: Kit, api: Api) -> None:
    story = await begun(kit)
    await clock(kit, story, at(31))
    await make_it_of(kit, "head", "operator")
    [card, *_] = (await api.get("/supervision/cards", HEAD_OF_CITY)).json()["items"]
    path = f"/supervision/cards/{card['id']}/appeals"
    answer = await api.post(path, HEAD_OF_CITY, {"text": "申诉"})
    assert problem_of(answer) == "own-application"
    held = await api.post(f"/applications/{card['application']}/hold", OPERATOR, {"reason": "核实"})
    assert problem_of(held) == "own-application"


async def test_nobody_decides_on_a_card_about_his_own_application(kit: Kit, api: Api) -> None:
    story = await begun(kit)
    await clock(kit, story, at(31))
    await make_it_of(kit, "supervisor")
    [card, *_] = (await api.get("/supervision/cards", SUPERVISOR)).json()["items"]
    path = f"/supervision/cards/{card['id']}/decisions"
    answer = await api.post(path, SUPERVISOR, {"decision": "lift", "reason": "撤销"})
    assert problem_of(answer) == "own-application"


async def test_what_comes_late_lifts_the_card_and_the_card_stays(kit: Kit) -> None:
    story = await begun(kit)
    promised = (await kit.one("SELECT promised_at FROM task WHERE item = $1", DRAINS))[
        "promised_at"
    ]
    await clock(kit, story, promised + timedelta(seconds=1))
    told = Paused(
        at=promised - timedelta(hours=4),
        ref="",
        task=task(story.case.route.application, DRAINS),
        pause=1,
        kind=PauseKind.INSPECTION,
        until=date(2026, 3, 31),
        cap=None,
        notice="市容检告〔2026〕1号",
        article="行政许可法 45",
    )
    await kit.writer.carry_out(story.next(told))
    assert await cards(kit, CITY) == [("promise-passed", f"{DRAINS}/{CITY}/1", "lifted")]
    [act] = await kit.rows("SELECT text, actor_ref FROM card_act WHERE act = 'lift'")
    assert (act["text"], act["actor_ref"]) == ("paused", None)
    [leaf] = await leaves(kit, "card.lifted")
    assert leaf["facts"]["reason"] == "paused"
    again = (await kit.one("SELECT promised_at FROM task WHERE item = $1", DRAINS))["promised_at"]
    await clock(kit, story, again + timedelta(seconds=1))
    [card] = await kit.rows("SELECT state, evidence FROM card WHERE department = $1", CITY)
    assert card["state"] == "open"
    [pause] = orjson.loads(card["evidence"])["pauses"]
    assert pause["notice"] == "市容检告〔2026〕1号"
    acts = await kit.rows(
        "SELECT act FROM card_act JOIN card ON card.id = card WHERE department = $1"
        " ORDER BY card_act.id",
        CITY,
    )
    assert [one["act"] for one in acts] == ["raise", "lift", "raise"]


async def test_a_lift_looks_at_the_cards_of_its_application_only(kit: Kit) -> None:
    story = await begun(kit)
    promised = await kit.value("SELECT promised_at FROM task WHERE item = $1", DRAINS)
    await clock(kit, story, promised + timedelta(seconds=1))
    card = await kit.one("SELECT fact, subject, application FROM card WHERE department = $1", CITY)

    async def lifted(application: str) -> int:
        gone = Removal(
            kind=FactKind(card["fact"]),
            subject=card["subject"],
            at=promised,
            application=application,
        )
        async with kit.pool.acquire() as conn:
            return len(await supervision_store.lift_cards(conn, [gone]))

    assert await lifted(card["application"] + "x") == 0
    assert await lifted(card["application"]) == 1
    async with kit.pool.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL enable_seqscan = off")
        sql = f"EXPLAIN {supervision_store.QUERIES.lift_cards.sql}"
        plan = "\n".join(row[0] for row in await conn.fetch(sql, [], [], [], [], []))
    assert "card_by_application" in plan, plan


async def test_a_step_that_is_overrun_and_a_unit_that_keeps_silent(kit: Kit) -> None:
    story = await begun(kit)
    await kit.writer.carry_out(
        story.next(story.decide(LICENCE, at=at(3)), story.decide(DRAINS, at=at(3)))
    )
    row = await kit.one("SELECT promised_at FROM task WHERE item = $1 LIMIT 1", FIRE)
    silent = task(story.case.route.application, FOOD, HEALTH)
    await kit.writer.carry_out(
        story.next(
            story.decide(FOOD, at=at(4)),
            story.decide(SIGN, at=at(4)),
            ClockReached(at=row["promised_at"]),
            Lapsed(at=row["promised_at"], task=silent),
        )
    )
    assert await cards(kit) == [("opinion-silent", f"{FOOD}/{HEALTH}/1", "open")]
    await clock(kit, story, row["promised_at"] + timedelta(seconds=1))
    assert (await cards(kit))[1:] == [("step-overrun", f"{FIRE}/{BRIGADE}/1", "open")]
    assert not story.case.late


async def test_a_turn_without_a_fact_asks_the_database_for_nothing(kit: Kit) -> None:
    story = await begun(kit)
    await kit.writer.carry_out(story.next(story.decide(LICENCE), story.decide(DRAINS)))
    assert await cards(kit) == []
    assert await leaves(kit, "card.raised") == []


def sensors(kit: Kit) -> Sensors:
    return Sensors(kit.pool, kit.clock, supervision(), settled=0.0)


async def findings(kit: Kit) -> list[tuple[str, str]]:
    rows = await kit.rows("SELECT rule, department FROM supervision_finding ORDER BY id")
    return [(row["rule"], row["department"]) for row in rows]


def own_software(kit: Kit, folder: Path) -> str:
    """Let a department work with software of its own; return the source it signs with."""
    shutil.copytree("tests/fixtures/restaurant", folder, dirs_exist_ok=True)
    file = folder / "2026.1" / "departments.yaml"
    file.write_text(file.read_text().replace("window: '3'", "window: '3', system: own"))
    calendar = Path("deploy/calendar")
    found = Shelf(CatalogueSettings(folder=folder, calendar_folder=calendar))
    kit.inbox = Inbox(handler=Intake(found, kit.clock), deferred=True, attempts=1)
    return f"department/{CITY}"


async def test_sensors_find_a_decision_that_nobody_asked_for(kit: Kit, api: Api) -> None:
    application = await kit.received()
    planted = task(application, DRAINS, CITY, 7)
    taken = await kit.take(decided(planted))
    assert taken.dead == 1
    looked = sensors(kit)
    assert await looked.look() == 1
    assert await looked.look() == 0
    assert await findings(kit) == [("outside-task", CITY)]
    [card] = (await api.get("/supervision/cards", HEAD_OF_CITY)).json()["items"]
    assert (card["rule"], card["colour"], card["subject"]) == ("outside-task", "red", planted)
    [found] = (await api.get("/supervision/findings", HEAD_OF_CITY)).json()["items"]
    assert (found["card"], found["task"]) == (card["id"], planted)
    assert [one["facts"]["rule"] for one in await leaves(kit, "finding.recorded")] == [
        "outside-task"
    ]


async def test_sensors_find_what_is_dated_back_told_late_or_at_once_after_long_silence(
    kit: Kit,
) -> None:
    stories = [await begun(kit) for _ in range(5)]
    early = decided(task(stories[0].case.route.application, LICENCE), decided_at=at(1))
    await kit.take(early)
    looked = sensors(kit)
    assert await looked.look() == 1
    assert await findings(kit) == [("dated-back", MARKET)]
    names = [task(story.case.route.application, DRAINS) for story in stories]
    kit.clock.move_to(at(16))
    for name in names[:3]:
        await kit.take(decided(name, decided_at=at(16)))
    await looked.look()
    assert len(await findings(kit)) == 1
    for name in names[3:]:
        await kit.take(decided(name, decided_at=at(16) + timedelta(seconds=20)))
    await looked.look()
    assert (await findings(kit))[1:] == [("sudden-decisions", CITY)]
    kit.clock.move_to(at(18))
    await kit.take(decided(task(stories[1].case.route.application, LICENCE), decided_at=at(16)))
    await looked.look()
    assert (await findings(kit))[2:] == [("told-late", MARKET)]


async def test_sensors_read_the_numbers_of_a_department_with_software_of_its_own(
    kit: Kit, tmp_path: Path
) -> None:
    stories = [await begun(kit) for _ in range(5)]
    source = own_software(kit, tmp_path)
    names = [task(story.case.route.application, DRAINS) for story in stories]
    for name, number in zip(names, (10, 11, 11, 20), strict=False):
        said = decided(name, result_number=f"市容许〔2026〕{number}号")
        assert (await kit.take(said, source=source)).applied == 1
    looked = sensors(kit)
    await looked.look()
    assert await findings(kit) == [("number-twice", CITY), ("numbers-skipped", CITY)]
    [(rule, _, _)] = await cards(kit, CITY)
    assert rule == "number-twice"
    kit.clock.move_to(at(2, 14))
    late = decided(names[4], result_number="市容许〔2026〕9号", decided_at=at(2, 14))
    await kit.take(late, source=source)
    await looked.look()
    assert {rule for rule, _ in (await findings(kit))[2:]} == {"number-backwards", "out-of-hours"}


async def test_a_system_that_nobody_registered_is_found(kit: Kit) -> None:
    story = await begun(kit)
    said = decided(task(story.case.route.application, DRAINS))
    assert (await kit.take(said, source=f"department/{CITY}")).dead == 1
    assert await sensors(kit).look() == 1
    assert await findings(kit) == [("outside-source", CITY)]
    assert await cards(kit) == []


async def test_a_refusal_without_reasons_of_a_foreign_system_is_a_red_card(kit: Kit) -> None:
    story = await begun(kit)
    name = task(story.case.route.application, DRAINS)
    raw = kit.raw(decided(name, Outcome.REFUSED))
    content = orjson.loads(raw.value)
    content["data"]["remedies"] = []
    bare = orjson.dumps(content).replace(b'"remedies":[]', b'"remedies":[],"more":NaN')
    await kit.inbox.take(kit.pool, [replace(raw, value=bare)])
    assert await sensors(kit).look() == 1
    assert await cards(kit, CITY) == [("refusal-without-reasons", f"{DRAINS}/{CITY}/1", "open")]


async def test_a_fee_that_is_paid_back_is_a_red_card_of_whom_it_was_charged_for(kit: Kit) -> None:
    application = (await begun(kit)).case.route.application
    repaid = FeeRepaid(
        application=application,
        line="sign-space-fee",
        departments=(CITY, MARKET),
        amount="180.00",
        transfer=UUID(int=7),
        repaid_at=at(3),
    )
    assert (await kit.take(repaid)).applied == 1
    assert {(one[0], one[1]) for one in await cards(kit)} == {
        ("unlawful-fee", "fee/sign-space-fee")
    }
    [card] = await kit.rows("SELECT colour, evidence FROM card WHERE department = $1", CITY)
    assert card["colour"] == "red"
    assert orjson.loads(card["evidence"])["amount"] == "180.00"


async def test_an_impossible_message_does_not_blind_the_sensors(kit: Kit) -> None:
    story = await begun(kit)
    raw = kit.raw(decided(task(story.case.route.application, DRAINS), Outcome.REFUSED))
    content = orjson.loads(raw.value)
    content["data"] |= {"task": "a/b\x00/c/1", "decided_at": "0001-01-01T00:00:00+14:00"}
    await kit.inbox.take(kit.pool, [replace(raw, value=orjson.dumps(content))])
    assert await sensors(kit).look() == 0
    assert (await kit.one("SELECT place FROM supervision_cursor WHERE name = 'letters'"))[0] > 0
