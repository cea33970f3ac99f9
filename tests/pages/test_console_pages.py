"""What an operator does at the console, in a real browser: what is late and why, hold, resume."""

import re

import pytest
import pytest_asyncio

from services.demonstration.officers import favourable
from tests.e2e.town import Town, silent, until
from tests.pages.browser import Visitor
from tests.pages.conftest import LogIn

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
SAID = {
    "zh": {"late": "已超承诺", "over": "还没有办结", "done": "已暂停派发", "reason": "请写明理由"},
    "en": {
        "late": "Promise broken",
        "over": "still open",
        "done": "is on hold",
        "reason": "Say why",
    },
}
BETWEEN = {"zh": "第几天", "en": "Day"}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stuck(town: Town) -> str:
    """The number of an application that everybody leaves alone, until it is late."""
    number = await town.submit(silent)

    async def is_late() -> bool:
        return bool((await town.operated(number))["late"])

    await until(is_late, "a broken promise", 90)
    return number


async def follow(visitor: Visitor, selector: str) -> None:
    """Follow the first link of these, to another page."""
    before = visitor.page.url
    await visitor.page.locator(selector).first.click()
    await visitor.page.wait_for_url(lambda url: url != before)


async def test_what_is_late_is_seen_and_why(log_in: LogIn, stuck: str, language: str) -> None:
    visitor = await log_in("operator")
    await visitor.open("/overview")
    assert SAID[language]["late"] in await visitor.words()
    await visitor.look("overview")
    await follow(visitor, "a.tile[href*='late=true']")
    await visitor.look("applications-late")
    await follow(visitor, f"a[href='/applications/{stuck}']")
    assert SAID[language]["over"] in await visitor.words()
    assert await visitor.page.locator(".node-late").count() > 0
    await visitor.look("application-late")
    await follow(visitor, ".why a[href*='/deadlines/']")
    assert BETWEEN[language] in await visitor.words()
    await visitor.look("deadline")
    await visitor.open(f"/applications/{stuck}/journal")
    await visitor.look("journal")
    await visitor.open("/dead-letters")
    await visitor.look("dead-letters")


async def test_hold_resume_and_a_graph_that_moves_by_itself(
    log_in: LogIn, town: Town, language: str
) -> None:
    number = await town.submit(silent)
    visitor = await log_in("operator")
    await visitor.open(f"/applications/{number}")
    page = visitor.page
    await follow(visitor, "a[href$='/acts/hold']")
    await page.fill("#reason", "核")
    await page.locator("main form button").click()
    await page.locator("[aria-invalid=true]").wait_for()
    assert SAID[language]["reason"] in await visitor.words()
    visitor.complaints.clear()  # the browser notes every answer of 422
    await page.fill("#reason", "材料真实性待核实")
    await visitor.look("act")
    await page.locator("main form button").click()
    await page.wait_for_url(re.compile(rf"/applications/{number}$"))
    assert SAID[language]["done"] in await page.locator(".note").inner_text()
    await page.locator("a[href$='/acts/resume']").wait_for()
    assert "材料真实性待核实" in await visitor.words()
    await visitor.look("application-held")
    await follow(visitor, "a[href$='/acts/resume']")
    await page.fill("#reason", "已核实")
    await page.locator("main form button").click()
    await page.locator("a[href$='/acts/hold']").wait_for()
    await page.evaluate("window.kept = true")
    assert await page.locator(".node-done").count() == 0
    town.verdicts[number] = favourable
    await page.locator(".node-done").first.wait_for()
    await town.concluded(number)
    await page.locator(".why .is-good, .why .is-bad").first.wait_for()
    assert await page.evaluate("window.kept"), "without a reload"
    await visitor.look("application-done")
