"""The supervision on its pages: who sees what, appeals and decisions by forms, the simulator."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest_asyncio

from services.contracts.vocabulary import Role, Service
from services.domain.case import ClockReached
from services.orchestrator.simulating import Simulator
from services.runtime.embedded.temporal import Temporal
from services.runtime.settings import CatalogueSettings
from tests.integration.conftest import OpenPool
from tests.integration.orchestrator_kit import (
    CITY,
    DRAINS,
    INVESTOR,
    OPERATOR,
    SUPERVISOR,
    Api,
    Kit,
    bearer,
    engine,
    serving,
    task,
)
from tests.integration.signing_in import Browser, browser

HEAD_OF_CITY = bearer("head", Role.DEPARTMENT_HEAD, department=CITY)
HEAD_ELSEWHERE = bearer("other", Role.DEPARTMENT_HEAD, department="market")
MARKUP = "<script>alert(1)</script>停机"


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    return Kit(pool=await open_service_pool(Service.ORCHESTRATOR))


@pytest_asyncio.fixture
async def api(kit: Kit, temporal: Temporal) -> AsyncIterator[Api]:
    async with serving(kit, await engine(kit, temporal.address)) as found:
        yield found


def at(api: Api, who: dict[str, str]) -> Browser:
    return browser(api.client._transport.app, who, "orchestrator")  # type: ignore[attr-defined]  # the transport of this process


async def page(api: Api, who: dict[str, str], path: str, status: int = 200) -> httpx2.Response:
    answer = await api.client.get(path, headers=at(api, who).headers)
    assert answer.status_code == status, answer.text
    return answer


async def send(api: Api, who: dict[str, str], path: str, **fields: str) -> httpx2.Response:
    """Send a form from a page of ours; `once` may be given to send the same again."""
    somebody = at(api, who)
    return await api.client.post(path, headers=somebody.headers, data=somebody.form(**fields))


async def a_card(kit: Kit) -> int:
    """Let the city's department be late; return its card."""
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    row = await kit.one(
        "SELECT promised_at FROM task WHERE task = $1", task(story.case.route.application, DRAINS)
    )
    late = row["promised_at"] + timedelta(seconds=1)
    kit.clock.move_to(late)
    await kit.writer.carry_out(story.next(ClockReached(at=late)))
    found = await kit.one("SELECT id FROM card WHERE department = $1", CITY)
    return int(found["id"])


async def test_an_appeal_is_made_refused_twice_and_decided(kit: Kit, api: Api) -> None:
    card = f"/supervision/cards/{await a_card(kit)}"
    shown = await page(api, HEAD_OF_CITY, card)
    assert f'action="{card}/appeal"' in shown.text
    assert f'action="{card}/decision"' not in shown.text
    await page(api, HEAD_ELSEWHERE, card, 404)
    await page(api, INVESTOR, card, 403)

    empty = await send(api, HEAD_OF_CITY, f"{card}/appeal", text=" ")
    assert empty.status_code == 422
    assert 'role="alert"' in empty.text
    done = await send(api, HEAD_OF_CITY, f"{card}/appeal", text=MARKUP, once="1" * 32)
    assert (done.status_code, done.headers["location"]) == (303, card)
    again = await send(api, HEAD_OF_CITY, f"{card}/appeal", text=MARKUP, once="1" * 32)
    assert again.status_code == 303
    other = await send(api, HEAD_OF_CITY, f"{card}/appeal", text="再申诉一次", once="2" * 32)
    assert other.status_code == 409

    shown = await page(api, SUPERVISOR, card)
    assert MARKUP not in shown.text
    assert "&lt;script&gt;" in shown.text
    assert (
        await send(api, OPERATOR, f"{card}/decision", decision="lift", reason="是")
    ).status_code == 403
    lost = await send(api, SUPERVISOR, f"{card}/decision", decision="burn", reason="写了很久的理由")
    assert lost.status_code == 422
    assert "写了很久的理由" in lost.text
    done = await send(api, SUPERVISOR, f"{card}/decision", decision="lift", reason="停机属实")
    assert done.status_code == 303
    assert (await kit.one("SELECT state FROM card WHERE department = $1", CITY))[
        "state"
    ] == "lifted"


async def test_a_form_from_elsewhere_changes_nothing(kit: Kit, api: Api) -> None:
    card = f"/supervision/cards/{await a_card(kit)}"
    somebody = at(api, HEAD_OF_CITY)
    forged = somebody.headers | {"sec-fetch-site": "cross-site"}
    fields = somebody.form(text="当日停机")
    for headers, form in ((forged, fields), (somebody.headers, fields | {"csrf": "guess"})):
        answer = await api.client.post(f"{card}/appeal", headers=headers, data=form)
        assert answer.status_code == 403
    assert (await kit.one("SELECT state FROM card WHERE department = $1", CITY))["state"] == "open"


async def test_every_page_is_there_for_its_people(kit: Kit, api: Api) -> None:
    await a_card(kit)
    for path in ("", "/cards", "/findings", "/follow-ups", "/cards?colour=red", "/reports/2026-03"):
        for language in ("zh-CN", "en"):
            sign = "&" if "?" in path else "?"
            shown = await page(api, SUPERVISOR, f"/supervision{path}{sign}lang={language}")
            assert shown.text.count("<h1>") == 1
        await page(api, INVESTOR, f"/supervision{path}", 403)
    assert (
        (await page(api, HEAD_OF_CITY, "/supervision", 303)).headers["location"].endswith("/cards")
    )
    assert DRAINS not in (await page(api, HEAD_ELSEWHERE, "/supervision/cards")).text
    csv = await page(api, SUPERVISOR, "/supervision/reports/2026-03.csv")
    assert csv.headers["content-type"].startswith("text/csv")
    await page(api, HEAD_OF_CITY, "/supervision/reports/2026-03.csv", 403)
    nobody = await api.client.get("/supervision", headers={"accept": "text/html"})
    assert nobody.headers["location"] == "/login?next=%2Fsupervision"


async def test_the_simulator_shows_the_distribution_of_what_was_chosen(api: Api) -> None:
    app = api.client._transport.app  # type: ignore[attr-defined]  # the transport of this process
    app.state.simulator = Simulator(
        CatalogueSettings(folder="tests/fixtures/restaurant", calendar_folder="deploy/calendar")
    )
    empty = await page(api, OPERATOR, "/simulator")
    assert "data:image/svg" not in empty.text
    asked = "/simulator?scenario=restaurant&applications=5&silent=50&officers-city=3"
    found = await page(api, OPERATOR, asked)
    assert "data:image/svg" in found.text
    assert 'id="officers-city"' not in found.text or 'value="3"' in found.text
    await page(api, OPERATOR, "/simulator?scenario=restaurant&applications=100000", 422)
    await page(api, HEAD_OF_CITY, "/simulator", 403)
    app.state.simulator = Simulator(CatalogueSettings(folder="nowhere"))
    broken = await page(api, OPERATOR, "/simulator?scenario=restaurant&applications=5", 422)
    assert 'role="alert"' in broken.text
