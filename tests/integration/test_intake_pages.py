"""The public pages of intake, on a real database, with the catalogue of another county."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from services.contracts.events import ApplicationProgressed, Result
from services.contracts.vocabulary import ApplicationStatus, Outcome
from services.intake.pages import needs
from tests.conftest import Databases
from tests.integration.intake_kit import SCENARIO, Intake, prepare, running

HTML = {"accept": "text/html"}
FIRE = "FIRE-CHECK"
DECIDED = datetime(2026, 3, 5, 3, 0, tzinfo=UTC)
PUBLIC = ("/", "/items", f"/items/{FIRE}", "/needs", f"/needs/{SCENARIO}", "/register", "/verify")


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=4) as pool,
        running(pool, tmp_path) as found,
    ):
        yield found


async def page(intake: Intake, path: str, status: int = 200) -> httpx2.Response:
    answer = await intake.client.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    return answer


class Tags(HTMLParser):
    """Collects what a page asks of a browser."""

    def __init__(self) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.addresses: list[str] = []
        self._in: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.inline += [name for name in found if name.startswith("on") or name == "style"]
        self.addresses += [
            value for name in ("href", "src", "action") if (value := found.get(name))
        ]
        if tag == "style" or (tag == "script" and "src" not in found):
            self.inline.append(tag)


async def test_every_page_is_there_in_both_languages_and_obeys_its_policy(intake: Intake) -> None:
    for path in PUBLIC:
        for language in ("zh-CN", "en"):
            answer = await page(intake, f"{path}?lang={language}")
            assert f'<html lang="{language}">' in answer.text
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert "unsafe" not in answer.headers["content-security-policy"]
            tags = Tags()
            tags.feed(answer.text)
            assert not tags.inline, path
            assert all(one.startswith(("/", "#")) for one in tags.addresses), path


async def test_what_a_page_loads_is_there_packed_and_kept(intake: Intake) -> None:
    answer = await page(intake, "/")
    loaded = re.findall(r'"(/static/[^"]+)"', answer.text)
    assert len(loaded) == 7
    weight = len(answer.content)
    for address in loaded:
        got = await intake.client.get(address, headers={"accept-encoding": "gzip"})
        assert got.status_code == 200
        assert "immutable" in got.headers["cache-control"]
        weight += int(got.headers["content-length"])
    assert weight < 300_000
    styles = (await intake.client.get(next(one for one in loaded if "type.css" in one))).text
    piece = re.search(r"url\((type/[^)]+woff2)\)", styles)
    assert piece
    assert (await intake.client.get(f"/static/{piece[1]}")).status_code == 200
    for nothing in ("/static/none.css", "/static/type/../../package.json", "/static/type/x.woff2"):
        assert (await intake.client.get(nothing)).status_code == 404


async def test_the_language_is_remembered(intake: Intake) -> None:
    assert '<html lang="en">' in (await page(intake, "/?lang=en")).text
    assert '<html lang="en">' in (await page(intake, "/items")).text


async def test_a_search_finds_chinese_words_and_codes(intake: Intake) -> None:
    for words in ("消防", "fire-check"):
        text = (await page(intake, f"/items?{urlencode({'q': words})}")).text
        assert f"/items/{FIRE}" in text
        assert "SIGNBOARD" not in text
    assert "没有符合条件的事项" in (await page(intake, "/items?q=zzz")).text


async def test_what_is_typed_is_shown_as_text(intake: Intake) -> None:
    text = (await page(intake, f"/items?{urlencode({'q': '<script>alert(1)</script>'})}")).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


async def test_the_questions_end_in_the_plan(intake: Intake) -> None:
    catalogue = intake.parts.catalogue()
    scenario = catalogue.scenario_by_code[SCENARIO]
    first = await page(intake, f"/needs/{SCENARIO}")
    assert "需要的审批" in first.text
    answers = needs.completed(catalogue, scenario, {})
    assert answers
    sent = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in answers.items()
    }
    there = await intake.client.get(f"/needs/{SCENARIO}?{urlencode(sent)}", headers=HTML)
    assert there.status_code == 303
    plan = (await page(intake, there.headers["location"])).text
    assert f"{intake.plan.totals.promised_critical} 个工作日" in plan
    for step in intake.plan.steps:
        assert step.name.zh in plan
    for paper in intake.plan.materials:
        assert (paper.name.zh in plan) or not paper.asked
    back = await intake.client.get(f"/needs/{SCENARIO}/plan", headers=HTML)
    assert back.headers["location"] == f"/needs/{SCENARIO}?"


async def test_a_bad_answer_says_what_to_do(intake: Intake) -> None:
    scenario = intake.parts.catalogue().scenario_by_code[SCENARIO]
    question = scenario.questions[0].question
    text = (await page(intake, f"/needs/{SCENARIO}?{urlencode({question: '???'})}")).text
    assert 'role="alert"' in text


async def test_the_register_shows_what_was_granted(intake: Intake) -> None:
    assert "还没有符合条件的准予决定" in (await page(intake, "/register")).text
    number = await intake.accepted()
    granted = Result(
        item=FIRE,
        department="fire-rescue",
        outcome=Outcome.GRANTED,
        number=f"{FIRE}-{number}",
        reasons=(),
        remedies=(),
        decided_at=DECIDED,
        released_at=DECIDED,
    )
    taken = await intake.told(
        ApplicationProgressed(
            application=number,
            status=ApplicationStatus.IN_PROGRESS,
            at=DECIDED,
            results=(granted,),
        )
    )
    assert not taken.dead
    assert f"{FIRE}-{number}" in (await page(intake, "/register")).text
    assert f"{FIRE}-{number}" not in (await page(intake, "/register?item=SIGNBOARD")).text
    assert "核对后再试" in (await page(intake, "/verify?number=x&code=y")).text


@pytest.mark.parametrize("path", ["/nothing", "/items/NONE", "/needs/none", "/needs/none/plan"])
async def test_what_is_not_there_is_said_to_people(intake: Intake, path: str) -> None:
    answer = await page(intake, path, 404)
    assert "<h1>" in answer.text
    machine = await intake.client.get(path, headers={"accept": "application/json"})
    assert machine.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    "path",
    [
        "/static/type/" + "x" * 300,
        "/register?after=WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwiYSIsImIiXQ",
    ],
)
async def test_no_address_makes_a_page_fail(intake: Intake, path: str) -> None:
    answer = await intake.client.get(path, headers=HTML)
    assert 400 <= answer.status_code < 500


async def test_what_a_browser_calls_us_is_not_believed(intake: Intake) -> None:
    assert (await intake.client.get("/", headers=HTML | {"host": "["})).status_code < 500
    answer = await intake.client.get("http://test//evil.example/x", headers=HTML)
    assert answer.status_code == 404
    assert 'href="//' not in answer.text
