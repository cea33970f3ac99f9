"""The operator console without a browser: who may, what is shown, what a form does and refuses."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio

from services.contracts.vocabulary import Service
from services.domain.case import ClockReached, Held
from services.orchestrator import console_store, reprojection
from services.runtime.embedded.temporal import Temporal
from services.runtime.messages import Raw
from tests.integration.conftest import OpenPool
from tests.integration.messaging import until
from tests.integration.orchestrator_kit import (
    BRIGADE,
    CHIEF,
    CITY,
    DRAINS,
    FIRE,
    HOUR,
    INVESTOR,
    LICENCE,
    MARKET,
    OFFICER,
    OPERATOR,
    START,
    SUPERVISOR,
    Api,
    Engine,
    Kit,
    Story,
    decided,
    engine,
    problem_of,
    serving,
    task,
)
from tests.integration.signing_in import Browser, browser

NOWHERE = "NX20260302-999999-9"
MARKUP = "<script>alert(1)</script>材料待核"
READING = (
    "/overview",
    "/applications",
    "/applications/{number}",
    "/applications/{number}/journal",
    "/applications/{number}/deadlines/{item}/{department}/1",
)
OPERATING = ("/applications/{number}/acts/hold", "/dead-letters")


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    return Kit(pool=await open_service_pool(Service.ORCHESTRATOR))


@pytest_asyncio.fixture
async def running(kit: Kit, temporal: Temporal) -> Engine:
    return await engine(kit, temporal.address)


@pytest_asyncio.fixture
async def api(kit: Kit, running: Engine) -> AsyncIterator[Api]:
    async with serving(kit, running, trace_url="https://traces.example/{trace}") as found:
        yield found


def at(api: Api, who: dict[str, str]) -> Browser:
    return browser(api.app, who, "orchestrator")


async def page(
    api: Api, path: str, status: int = 200, who: dict[str, str] = OPERATOR, **more: str
) -> str:
    answer = await api.client.get(path, headers=at(api, who).headers | more)
    assert answer.status_code == status, answer.text
    return answer.text


async def send(api: Api, path: str, who: dict[str, str] = OPERATOR, **fields: str) -> Any:
    somebody = at(api, who)
    return await api.client.post(path, headers=somebody.headers, data=somebody.form(**fields))


async def underway(kit: Kit) -> Story:
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    return story


async def late(kit: Kit) -> Story:
    """An application whose drains department let its promise pass, a working day ago."""
    story = await underway(kit)
    row = await kit.one("SELECT promised_at FROM task WHERE task = $1", named(story, DRAINS))
    passed = row["promised_at"] + timedelta(seconds=1)
    await kit.writer.carry_out(story.next(ClockReached(at=passed)))
    kit.clock.move_to(passed + timedelta(days=1))
    return story


def number_of(story: Story) -> str:
    return story.case.route.application


def named(story: Story, item: str) -> str:
    return task(number_of(story), item)


def filled(path: str, number: str) -> str:
    return path.format(number=number, item=LICENCE, department=MARKET)


async def acts(kit: Kit) -> list[tuple[str, str]]:
    rows = await kit.rows("SELECT act, reason FROM operator_act ORDER BY at, event_id")
    return [(row["act"], row["reason"]) for row in rows]


async def test_who_is_let_in(kit: Kit, api: Api) -> None:
    number = number_of(await underway(kit))
    for path in (*READING, *OPERATING):
        asked = filled(path, number)
        answer = await api.client.get(asked, headers={"accept": "text/html"})
        assert (answer.status_code, answer.headers["location"][:12]) == (303, "/login?next="), path
        await page(api, asked)
        for who in (INVESTOR, OFFICER, CHIEF):
            await page(api, asked, 403, who)
        await page(api, asked, 200 if path in READING else 403, SUPERVISOR)
    nobody = await api.client.get("/", headers={"accept": "text/html"})
    assert nobody.headers["location"] == "/login?next=%2F"


async def test_everybody_finds_what_is_his(api: Api) -> None:
    watching, cards = ("overview", "applications", "simulator"), "/supervision/cards"
    for who, first in (
        *((one, "/overview") for one in (OPERATOR, SUPERVISOR)),
        *((one, cards) for one in (OFFICER, CHIEF)),
    ):
        answer = await api.client.get("/", headers=at(api, who).headers)
        assert (answer.status_code, answer.headers["location"]) == (303, first)
        text = await page(api, first, who=who)
        assert [f'href="/{one}"' in text for one in watching] == [first == "/overview"] * 3
        assert 'href="/supervision"' in text
    text = await page(api, "/", who=INVESTOR)
    assert "没有可办理的事项" in text
    assert text.count('action="/logout"') == 2
    assert 'href="/supervision"' not in text


async def test_what_is_not_there_is_said_on_a_page(kit: Kit, api: Api) -> None:
    number = number_of(await underway(kit))
    for path in (
        f"/applications/{NOWHERE}",
        f"/applications/{NOWHERE}/live",
        f"/applications/{NOWHERE}/journal",
        f"/applications/{NOWHERE}/acts/hold",
        f"/applications/{number}/acts/burn",
        f"/applications/{number}/deadlines/{FIRE}/{BRIGADE}/1",
        "/dead-letters/1",
    ):
        assert "<h1>" in await page(api, path, 404), path
    assert (await send(api, f"/applications/{NOWHERE}/acts/hold", reason="核实")).status_code == 404


async def test_a_late_one_is_counted_listed_and_explained(kit: Kit, api: Api) -> None:
    story = await late(kit)
    other = await underway(kit)
    number = number_of(story)
    assert 'href="/applications?department=city-appearance"' in await page(api, "/overview")
    listed = await page(api, "/applications?department=city-appearance")
    assert number in listed
    assert number_of(other) in listed
    assert number not in await page(api, "/applications?status=held")
    assert number not in await page(api, "/applications?scenario=bakery")
    assert number in await page(api, f"/applications?q={number[:12]}")
    assert number in await page(api, "/applications?risk=yes")
    assert number not in await page(api, "/applications?late=true")
    overdue = "/applications?late=task&department=city-appearance"
    assert number in await page(api, overdue)
    shown = await page(api, f"/applications/{number}")
    assert "已超" in shown
    assert "1 working day over" in await page(
        api, f"/applications/{number}", **{"accept-language": "en"}
    )
    assert f"/applications/{number}/deadlines/{DRAINS}/{CITY}/1" in shown
    assert "node-late" in shown
    days = await page(api, f"/applications/{number}/deadlines/{DRAINS}/{CITY}/1")
    assert "逐日说明" in days
    assert 'class="is-today"' in days or 'class="is-off"' in days


async def test_the_list_is_cut_into_pages(
    kit: Kit, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.orchestrator.pages.applications.PAGE", 2)
    numbers = [number_of(await underway(kit)) for _ in range(3)]
    first = await page(api, "/applications")
    assert [one in first for one in numbers] == [True, True, False]
    _, _, rest = first.partition('rel="next"')
    address = first[: first.index('rel="next"')].rpartition('href="')[2].rstrip('" ')
    second = await page(api, address.replace("&amp;", "&"))
    assert [one in second for one in numbers] == [False, False, True]
    assert rest
    assert numbers[0] in await page(api, "/applications?after=nonsense")
    assert numbers[0] not in await page(api, "/applications?late=task"), "none is past its promise"


async def test_hold_and_resume_by_forms(kit: Kit, running: Engine, api: Api) -> None:
    number = await kit.received()
    path = f"/applications/{number}"

    async def shows(text: str) -> bool:
        return text in await page(api, path)

    async with running.working():
        await running.deliver()
        await until(lambda: shows("acts/hold"), "the first turn")
        assert "不再派发新的任务" in await page(api, f"{path}/acts/hold")
        done = await send(api, f"{path}/acts/hold", reason=MARKUP)
        assert (done.status_code, done.headers["location"]) == (303, path)
        again = await send(api, f"{path}/acts/hold", reason=MARKUP)
        assert again.status_code == 303
        assert running.deliverer.wake.is_set()
        await running.deliver()
        await until(lambda: shows("acts/resume"), "the hold")
    shown = await page(api, path)
    assert MARKUP not in shown
    assert "&lt;script&gt;" in shown
    assert MARKUP not in await page(api, f"{path}/journal")
    assert number in await page(api, "/applications?status=held")
    assert await acts(kit) == [("hold", MARKUP)]


async def test_a_form_needs_a_reason_and_a_page_of_ours(kit: Kit, api: Api) -> None:
    number = number_of(await underway(kit))
    path = f"/applications/{number}/acts/hold"
    lost = await send(api, path, reason="  一 ")
    assert lost.status_code == 422
    assert 'aria-invalid="true"' in lost.text
    assert "  一 " in lost.text
    long = await send(api, path, reason="长" * 501)
    assert long.status_code == 422
    somebody = at(api, OPERATOR)
    forged = somebody.form(reason="核实材料") | {"csrf": "guess"}
    refused = await api.client.post(path, headers=somebody.headers, data=forged)
    assert refused.status_code == 403
    elsewhere = somebody.headers | {"sec-fetch-site": "cross-site"}
    refused = await api.client.post(path, headers=elsewhere, data=somebody.form(reason="核实材料"))
    assert refused.status_code == 403
    assert (await send(api, path, SUPERVISOR, reason="核实材料")).status_code == 403
    assert await acts(kit) == []
    assert (await send(api, path, reason="核实材料")).status_code == 303


async def test_what_is_not_receipted_is_sent_again_now(kit: Kit, api: Api) -> None:
    number = number_of(await underway(kit))
    await kit.pool.execute(
        "UPDATE outbox SET state = 'sent', attempts = 3, next_attempt_at = now() + interval '1 h'"
    )
    assert f"/applications/{number}/acts/resend" in await page(api, f"/applications/{number}")
    assert "重发过" in await page(api, "/overview")
    done = await send(api, f"/applications/{number}/acts/resend", reason="部门说没有收到")
    assert done.status_code == 303
    assert await kit.value("SELECT bool_and(next_attempt_at <= now()) FROM outbox")
    await kit.pool.execute("UPDATE outbox SET state = 'closed', awaiting = '{}'")
    none = await send(api, f"/applications/{number}/acts/resend", reason="再试", once="1" * 32)
    assert none.status_code == 409
    assert "再试" in none.text
    assert problem_of(await api.post(f"/applications/{number}/resends")) == "nothing-to-resend"
    assert await acts(kit) == [("resend", "部门说没有收到")]
    leaves = await kit.rows("SELECT act, body FROM audit_leaf WHERE act = 'operator.resend'")
    assert len(leaves) == 1
    assert "部门说没有收到" not in str(leaves[0]["body"])


async def test_one_application_is_projected_anew(kit: Kit, api: Api) -> None:
    story, other = await underway(kit), await underway(kit)
    number = number_of(story)
    assert "acts/reproject" not in await page(api, f"/applications/{number}")
    path = f"/applications/{number}/acts/reproject"
    assert (await send(api, path, reason="新日历")).status_code == 409
    await kit.pool.execute("UPDATE application SET calendar_version = 'last-year'")
    assert "acts/reproject" in await page(api, f"/applications/{number}")
    assert (await send(api, path, reason="新日历", once="1" * 32)).status_code == 303
    waiting = await kit.rows("SELECT application, type FROM inbox WHERE source = 'operator'")
    assert [(row["application"], row["type"]) for row in waiting] == [(number, reprojection.TYPE)]
    answer = await api.post(f"/applications/{number_of(other)}/reprojections")
    assert answer.json()["act"] == "reproject"


async def a_letter(kit: Kit, number: str) -> int:
    """Let a message come that cannot be read, about an application."""
    raw = Raw(topic="lianshen.applications.v1", value=b"{not json", key=number.encode())
    await kit.inbox.take(kit.pool, [raw])
    return int(await kit.value("SELECT id FROM dead_letter"))


async def test_dead_letters_are_shown_without_their_content_and_given_up(
    kit: Kit, api: Api
) -> None:
    number = number_of(await underway(kit))
    letter = f"/dead-letters/{await a_letter(kit, number)}"
    assert letter in await page(api, "/dead-letters")
    shown = await page(api, letter)
    assert "{not json" not in shown
    assert 'name="reason"' in shown
    missing = await send(api, f"{letter}/discard")
    assert missing.status_code == 422
    failing = await send(api, f"{letter}/replay", reason="已修复")
    assert failing.status_code == 409
    assert "已修复" in failing.text
    done = await send(api, f"{letter}/discard", reason="测试消息")
    assert (done.status_code, done.headers["location"]) == (303, letter)
    assert (await send(api, f"{letter}/discard", reason="测试消息")).status_code == 303
    assert 'name="reason"' not in await page(api, letter)
    gone = await api.post(f"/operations{letter}/replay")
    assert problem_of(gone) == "not-found"
    assert letter not in await page(api, "/dead-letters")
    assert letter in await page(api, "/dead-letters?state=discarded")
    leaves = await kit.rows(
        "SELECT act, body FROM audit_leaf WHERE act LIKE 'dead_letter%' ORDER BY id"
    )
    said = [(row["act"], orjson.loads(row["body"])["facts"]["reason_sha256"]) for row in leaves]
    assert said == [
        (act, hashlib.sha256(reason.encode()).hexdigest())
        for act, reason in (
            ("dead_letter.replay", "已修复"),
            ("dead_letter.discard", "测试消息"),
            ("dead_letter.discard", "测试消息"),
            ("dead_letter.replay", "核实材料"),
        )
    ]
    assert "测试消息" in await page(api, letter)


async def test_the_journal_says_who_and_what(kit: Kit, api: Api) -> None:
    story = await underway(kit)
    number = number_of(story)
    told = await kit.told(decided(named(story, LICENCE)))
    await kit.writer.carry_out(story.next(story.decide(LICENCE, ref=told)))
    shown = await page(api, f"/applications/{number}/journal")
    assert "办结：准予" in shown
    assert "9f2c9f2c" in shown
    assert "首席代表" in shown
    assert "departments" in shown
    english = await page(api, f"/applications/{number}/journal?lang=en")
    assert "chief representative" in english
    older = await page(api, f"/applications/{number}/journal?before=2")
    assert "办结：准予" not in older


async def test_what_a_live_page_watches_changes_with_what_it_shows(kit: Kit, api: Api) -> None:
    story = await underway(kit)
    number = number_of(story)

    async def revision() -> str | None:
        async with kit.pool.acquire() as conn:
            return await console_store.revision_of(conn, number)

    seen = [await revision()]
    await send(api, f"/applications/{number}/acts/hold", reason="核实材料")
    seen.append(await revision())
    await kit.writer.carry_out(story.next(Held(at=START + HOUR)))
    seen.append(await revision())
    assert len(set(seen)) == 3
