"""Samples of materials from the search to the printer, and letters that arrive while one looks."""

import pytest
from playwright.async_api import expect

from tests.e2e.town import Town
from tests.pages.browser import SEEN, Visitor
from tests.pages.conftest import LogIn
from tests.pages.test_apply_pages import begun, filled

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
MATERIAL = "land-coordinates"
MARK = "样本 SAMPLE"
SAID = {
    "zh": {"name": "项目用地坐标", "mistake": "图形不闭合", "unread": "封未读"},
    "en": {
        "name": "Coordinates of the land",
        "mistake": "The ring is not closed",
        "unread": "unread letter",
    },
}


async def test_a_sample_is_found_read_and_printed(visitor: Visitor, language: str) -> None:
    said, page = SAID[language], visitor.page
    await visitor.open("/items/LAND-PRE")
    await visitor.look("item-with-samples")
    await page.get_by_role("link", name=said["name"], exact=True).click()
    await page.wait_for_url(f"**/materials/{MATERIAL}")
    assert said["mistake"] in await visitor.words()
    mark = await page.locator(".specimen").evaluate("e => getComputedStyle(e, '::before').content")
    assert MARK in mark
    await visitor.look("material")
    await page.emulate_media(media="print")
    await page.screenshot(path=SEEN / f"{visitor.called}-material-print.png", full_page=True)
    await expect(page.locator(".specimen")).to_be_visible()
    for other in (".masthead", "h1", ".lead", ".facts", "footer"):
        await expect(page.locator(other)).to_be_hidden()
    if await page.locator(".demo-line").count():
        await expect(page.locator(".demo-line")).to_be_hidden()
    await page.emulate_media(media="screen")
    await visitor.open("/items")
    await page.fill("#q", said["name"][:4])
    await page.keyboard.press("Enter")
    await page.wait_for_url("**q=**")
    await visitor.look("items-with-materials")
    await expect(page.get_by_role("link", name=said["name"], exact=True)).to_be_visible()


async def test_a_sample_beside_the_upload_loses_nothing_typed(log_in: LogIn) -> None:
    visitor = await log_in("investor-2")
    page = visitor.page
    await begun(visitor)
    await page.locator("main form button").click()
    await page.wait_for_url("**/apply/*")
    await filled(visitor)
    place = page.locator(".slot-paper").first
    await place.locator("summary").click()
    await place.locator("input").fill("原件在窗口")
    links = page.locator(".slot a[target=_blank]")
    assert await links.count() == await page.locator(".slot").count()
    await visitor.look("apply-materials-samples")
    async with page.context.expect_page() as opened:
        await links.first.click()
    sample = await opened.value
    await expect(sample.locator(".specimen")).to_be_visible()
    await sample.close()
    await expect(place.locator("input")).to_have_value("原件在窗口")


async def test_letters_are_counted_while_one_looks(
    log_in: LogIn, town: Town, language: str
) -> None:
    visitor = await log_in("investor")
    page = visitor.page
    inbox = page.locator("nav a[href='/inbox']")
    await visitor.open("/inbox")
    read = page.locator("main form[action='/inbox'] button")
    if await read.count():  # what other tests have left
        await read.click()
        await expect(inbox.locator(".count")).to_have_count(0)
    number = await town.submit()
    await visitor.open(f"/applications/{number}")
    await expect(inbox.locator(".count")).to_be_visible(timeout=30_000)
    before = int(await inbox.locator(".count").inner_text())
    await expect(page.get_by_role("link", name=SAID[language]["unread"])).to_have_count(1)
    await town.concluded(number, seconds=90)
    await expect(inbox.locator(".count")).not_to_have_text(str(before), timeout=30_000)
    assert int(await inbox.locator(".count").inner_text()) > before
    await visitor.look("unread-letters")
    await page.locator("nav a[href='/inbox']").click()
    await page.locator("main form[action='/inbox'] button").click()
    await expect(inbox.locator(".count")).to_have_count(0)
