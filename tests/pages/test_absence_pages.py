"""One's own absence, in a real browser: recorded, seen by the substitute, ended."""

import pytest
from playwright.async_api import expect

from tests.e2e.town import Town
from tests.pages.conftest import LogIn
from tests.pages.test_queue_pages import DEPARTMENT, waiting

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
SAID = {
    "zh": {
        "recorded": "缺勤已登记",
        "in": "由您替补",
        "taken": "已由您承办 1 件",
        "ended": "缺勤已结束",
    },
    "en": {
        "recorded": "The absence was recorded",
        "in": "You stand in for",
        "taken": "1 is in your hands now",
        "ended": "The absence was ended",
    },
}


async def test_an_officer_is_absent_and_a_colleague_takes_up(
    log_in: LogIn, town: Town, language: str
) -> None:
    number, said = await waiting(town), SAID[language]
    chief = await log_in(f"chief-{DEPARTMENT}")
    await chief.open("/queue")
    officer = await log_in(f"officer-{DEPARTMENT}")
    page = officer.page
    await officer.open(f"/queue?whose=none&q={number}")
    for box in await page.locator(".queue-pick input").all():
        await box.check()
    await page.locator("[data-key-claim]").click()
    await page.wait_for_url("**result=**")
    await officer.open("/absence")
    await officer.look("absence")
    await page.select_option("#substitute", index=1)
    await page.locator("form[data-keep] button").click()
    note = page.locator(".note[role=status]")
    await expect(note).to_contain_text(said["recorded"])
    await officer.look("absent")
    await chief.open("/queue")
    await chief.look("stands-in")
    await chief.page.locator(".note a").click()
    await chief.page.wait_for_url("**/absence")
    await expect(chief.page.locator("section h2")).to_contain_text(said["in"])
    row = chief.page.locator("tr", has_text=number).first
    await row.locator("input").check()
    await chief.look("absent-colleague")
    await chief.page.locator("section form button").click()
    await expect(chief.page.locator(".claimed")).to_contain_text(said["taken"])
    await page.locator(".row-acts button").click()
    await expect(note).to_contain_text(said["ended"])
    await chief.open("/queue")
    assert said["in"] not in await chief.words()
