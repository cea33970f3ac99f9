"""What an investor does: questions, form, papers, the one notice, the bill, results, rating."""

import io
import re
import zipfile

from playwright.async_api import expect

from tests.pages.browser import Visitor
from tests.pages.whole_people import Cast, pdf, photo, pressed

ANSWERS = {
    "area_m2": "260",
    "seats": "80",
    "premises": "street",
    "fits_out": "true",
    "has_sign": "true",
    "sign_area_m2": "6",
}
AS_IT_IS = ANSWERS | {"fits_out": "false"}
"""The rooms stay as they are: two working days less are promised."""
PEOPLE = {
    "project.name": "河畔小馆",
    "project.address": "滨河路 18 号一层",
    "applicant.name": "示例餐饮有限公司",
    "applicant.id_number": "91350100M000100Y43",
    "applicant.phone": "0375-5550100",
}
LEFT_OUT = "sign-design"
PICTURE = "premises-title"
NUMBER = re.compile(r"/applications/([A-Z0-9-]+)/")


async def applies(
    cast: Cast, name: str, place: int, given: dict[str, str] = ANSWERS, looks: bool = True
) -> tuple[Visitor, str]:
    """From the first page to the receipt; return the visitor and the application's number."""
    visitor = await cast.guest("intake", place)
    await visitor.open("/")
    await _look(visitor, "01-home", looks)
    await visitor.page.locator("a[href='/needs/restaurant']").first.click()
    await _questions(visitor, given, looks)
    await _look(visitor, "03-plan", looks)
    await visitor.page.locator("a.btn-primary").first.click()
    await visitor.page.fill("#name", name)
    await visitor.page.fill("#password", cast.stack.oidc.password)
    await visitor.page.keyboard.press("Enter")
    await visitor.page.wait_for_url("**/apply/new/restaurant?**")
    visitor.listen()
    await _look(visitor, "04-apply", looks)
    await visitor.page.locator("main form button").click()
    await visitor.page.wait_for_url("**/apply/*")
    for field, text in PEOPLE.items():
        await visitor.page.fill(f"[id='{field}']", text)
    await _look(visitor, "05-people", looks)
    await visitor.page.locator("[name=action][value=next]").click()
    await visitor.page.wait_for_url("**/materials")
    await _papers(visitor)
    await _look(visitor, "06-papers", looks)
    await visitor.page.locator("[name=action][value=next]").click()
    await visitor.page.wait_for_url("**/review")
    await _look(visitor, "07-review", looks)
    incomplete = visitor.page.locator("main form input[type=checkbox]")
    if await incomplete.count():
        await incomplete.check()
    await visitor.page.locator("main form button[type=submit]").click()
    await visitor.page.wait_for_url("**/receipt")
    await _look(visitor, "08-receipt", looks)
    found = NUMBER.search(visitor.page.url)
    assert found is not None, visitor.page.url
    return visitor, found[1]


async def _look(visitor: Visitor, name: str, looks: bool) -> None:
    if looks:
        await visitor.look(name)


async def _questions(visitor: Visitor, given: dict[str, str], looks: bool) -> None:
    """Answer whatever is asked, until the plan is there."""
    page = visitor.page
    for _ in range(len(given)):
        asked = page.locator("fieldset input").first
        name = await asked.get_attribute("name")
        assert name is not None
        if await asked.get_attribute("type") == "radio":
            await page.check(f"fieldset input[value='{given[name]}']")
        else:
            await asked.fill(given[name])
        if name == "fits_out":
            await _look(visitor, "02-question", looks)
        async with page.expect_navigation():
            await page.locator("main form button").first.click()
    assert "/plan" in page.url, page.url


async def _papers(visitor: Visitor) -> None:
    """Upload every paper but one."""
    slots = visitor.page.locator(".slot")
    ids = [await slots.nth(n).get_attribute("id") for n in range(await slots.count())]
    assert f"slot-{LEFT_OUT}" in ids
    for slot in (one for one in ids if one and one != f"slot-{LEFT_OUT}"):
        name = slot.removeprefix("slot-")
        file = photo(name) if name == PICTURE else pdf(name)
        await visitor.page.locator(f"#{slot} input[type=file]").set_input_files(file)
    for slot in (one for one in ids if one and one != f"slot-{LEFT_OUT}"):
        await expect(visitor.page.locator(f"#{slot} .slot-file")).to_be_visible(timeout=20_000)


async def answers(visitor: Visitor, number: str, pieces: dict[str, str]) -> None:
    """Answer the one notice piece by piece, led there by a letter."""
    page = visitor.page
    await visitor.open("/inbox")
    await visitor.look("12-inbox")
    await page.locator(".mail-unread", has_text=number).locator("button").first.click()
    await page.wait_for_url(f"**/applications/{number}/notice")
    await visitor.look("13-notice")
    assert await page.locator(".pieces > li").count() == len(pieces)
    for anchor, words in pieces.items():
        piece = page.locator(f"#{anchor}")
        if words:
            await piece.locator("textarea").fill(words)
        else:
            await piece.locator("input[type=file]").set_input_files(pdf(anchor))
        await pressed(visitor, piece.locator("form button"))
    assert await page.locator(".pieces > li:not(.piece-done)").count() == 0
    await visitor.look("14-notice-answered")


async def pays(visitor: Visitor, number: str) -> None:
    """Pay the one bill."""
    await visitor.open(f"/applications/{number}/bill")
    assert "180.00" in await visitor.words()
    await visitor.look("20-bill")
    await pressed(visitor, visitor.page.locator("form[action$='/bill/payments'] button"))
    await visitor.look("21-bill-paid")


async def confirms(visitor: Visitor, number: str) -> None:
    """Say that the time of the joint inspection suits."""
    page = visitor.page
    await visitor.open(f"/applications/{number}")
    await expect(page.locator("#mine-title")).to_be_visible(timeout=30_000)
    await visitor.look("24-asked-to-confirm")
    await page.locator(f".mine a[href='/applications/{number}/session']").first.click()
    await page.wait_for_url("**/session")
    await visitor.look("24-appointment")
    await pressed(visitor, page.locator("form:has(input[name=act][value=confirm]) button"))
    await visitor.look("24-confirmed")


async def takes_and_rates(visitor: Visitor, number: str, results: int) -> None:
    """Download the results one by one and together, and say how it was."""
    page = visitor.page
    await visitor.open(f"/applications/{number}")
    await visitor.look("40-done")
    await page.locator(f"a[href='/applications/{number}/results']").first.click()
    await page.wait_for_url("**/results")
    await visitor.look("41-results")
    links = page.locator("section.result a[download]")
    assert await links.count() == results
    for place in range(results):
        assert (await _downloaded(visitor, f"section.result a[download] >> nth={place}"))[
            :4
        ] == b"%PDF"
    bundle = zipfile.ZipFile(io.BytesIO(await _downloaded(visitor, "a[href$=bundle]")))
    assert sum(name.endswith(".pdf") for name in bundle.namelist()) >= results
    await page.locator("details.rated summary").first.click()
    rated = page.locator("details.rated").first
    await rated.locator("input[value=satisfied]").check()
    await rated.locator("textarea").fill("只跑了一次，样样说得清楚")
    await visitor.look("42-rating")
    await pressed(visitor, rated.locator("button"))
    await visitor.look("43-rated")


async def _downloaded(visitor: Visitor, what: str) -> bytes:
    async with visitor.page.expect_download() as waiting:
        await visitor.page.locator(what).first.click()
    content: bytes = (await (await waiting.value).path()).read_bytes()
    return content
