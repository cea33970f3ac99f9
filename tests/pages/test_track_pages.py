"""An investor follows his application until it is over, and afterwards, in a real browser."""

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from services.demonstration.officers import favourable
from services.intake.pages import needs
from services.runtime import catalogue_files
from tests.e2e.town import Town, silent
from tests.pages.browser import Visitor
from tests.pages.conftest import LogIn

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
WAIT_MS = 90_000
SAID = {
    "zh": {
        "hand": "谁在办理",
        "done": "都已准予",
        "why": "为什么是",
        "thanks": "谢谢",
        "undo": "撤回不能取消",
    },
    "en": {
        "hand": "Who has it now",
        "done": "items were granted",
        "why": "Why",
        "thanks": "Thank you",
        "undo": "cannot be undone",
    },
}


async def test_it_changes_before_ones_eyes_until_it_is_over(
    town: Town, log_in: LogIn, language: str
) -> None:
    said = SAID[language]
    number = await town.submit(silent)
    await town.until(number, lambda found: bool(found["held_by"]), "tasks")
    visitor = await log_in("investor")
    page = visitor.page
    await visitor.open(f"/applications/{number}")
    assert said["hand"] in await visitor.words()
    await visitor.look("track-under-way")
    await page.evaluate("window.notReloaded = true")
    town.verdicts[number] = favourable
    await page.locator("#standing", has_text=said["done"]).wait_for(timeout=WAIT_MS)
    assert await page.evaluate("window.notReloaded") is True
    assert said["hand"] not in await visitor.words()
    await visitor.look("track-done")
    await page.locator(f"a[href='/applications/{number}/history']").first.click()
    assert await page.locator(".events li").count() > 5
    await visitor.look("track-history")


async def test_a_withdrawal_says_what_it_means_before_it_is_one(
    town: Town, log_in: LogIn, language: str
) -> None:
    number = await town.submit(silent)
    visitor = await log_in("investor")
    await visitor.open("/applications")
    await visitor.look("track-list")
    await visitor.page.locator(f"h2 a[href='/applications/{number}']").click()
    await visitor.page.locator("p.after a").click()
    assert SAID[language]["undo"] in await visitor.words()
    await visitor.look("track-withdrawal")
    await visitor.page.locator("form[action$=withdrawal] button").focus()
    await visitor.page.keyboard.press("Enter")
    await visitor.page.wait_for_url(f"**/applications/{number}")
    assert await visitor.page.locator(".note-ok").count() == 1
    await town.concluded(number)


async def test_every_date_is_explained_day_by_day(
    town: Town, log_in: LogIn, granted: str, language: str
) -> None:
    visitor = await log_in("investor")
    await visitor.open(f"/applications/{granted}/explain")
    assert SAID[language]["why"] in await visitor.words()
    assert await visitor.page.locator(".leaf .day-counted").count() > 3
    assert await visitor.page.locator(".day-due").count() == 1
    await visitor.look("track-explain")
    await visitor.page.locator("#task").select_option(index=1)
    await visitor.page.locator("#limit").select_option("statutory")
    await visitor.page.locator("form.filters button").click()
    await visitor.page.wait_for_url("**limit=statutory**")
    assert await visitor.page.locator(".day-due").count() == 1
    await visitor.look("track-explain-task")


async def test_results_are_downloaded_and_the_service_is_rated(
    town: Town, log_in: LogIn, language: str
) -> None:
    number = await town.submit()
    await town.concluded(number, seconds=90)
    visitor = await log_in("investor")
    page = visitor.page
    await visitor.open(f"/applications/{number}/results")
    await visitor.look("track-results")
    assert await _downloaded(visitor, "section.result a[download]") == b"%PDF"
    assert await _downloaded(visitor, "a[href$=bundle]") == b"PK\x03\x04"
    ratings = page.locator("details.rated")
    before = await ratings.count()
    await ratings.first.locator("summary").focus()
    await page.keyboard.press("Enter")
    await ratings.first.locator("input[value=dissatisfied]").check()
    await ratings.first.locator("textarea").fill("来回跑了三次")
    await visitor.look("track-rating")
    await ratings.first.locator("button").click()
    await page.wait_for_url(re.compile("results#ratings"))
    assert SAID[language]["thanks"] in await page.locator(".note-ok").inner_text()
    assert await ratings.count() == before - 1
    assert "来回跑了三次" in await visitor.words()


async def _downloaded(visitor: Visitor, what: str) -> bytes:
    """Return how the file begins that a link leads to."""
    async with visitor.page.expect_download() as waiting:
        await visitor.page.locator(what).first.click()
    path = await (await waiting.value).path()
    return path.read_bytes()[:4]


async def test_what_is_not_needed_can_be_had_in_writing(log_in: LogIn, town: Town) -> None:
    catalogue = catalogue_files.load(Path("deploy/catalogue/2026.1"))
    answers = needs.completed(catalogue, catalogue.scenario_by_code["warehouse"], {})
    assert answers
    sent = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in answers.items()}
    visitor = await log_in("investor")
    page = visitor.page
    await visitor.open(f"/needs/warehouse/plan?{urlencode(sent)}")
    await page.locator("a[href^='/inquiries/new/']").click()
    await page.locator("input[name=item]").first.check()
    await page.fill("#project", "小型低风险仓库")
    await page.fill("#name", "示例仓储有限公司")
    await visitor.look("track-ask")
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"/inquiries/[A-Z]"))
    await visitor.look("track-answer")
    assert await _downloaded(visitor, "a[href$=document]") == b"%PDF"


async def test_everybody_reads_how_the_departments_keep_their_promises(
    visitor: Visitor, town: Town
) -> None:
    visitor.base = town.stack.urls["orchestrator"]
    await visitor.open("/performance")
    assert (
        await visitor.page.locator("nav a").first.get_attribute("href")
        == (town.stack.urls["intake"])
    )
    await visitor.look("performance")
