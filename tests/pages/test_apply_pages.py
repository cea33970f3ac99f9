"""One application from the questions to the receipt, as an investor makes it, in a real browser."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from playwright.async_api import Browser, FilePayload, Route, expect

from services.intake.pages.apply_shown import sent_of
from services.runtime import catalogue_files
from tests.e2e.town import Town
from tests.pages.browser import Visitor
from tests.pages.conftest import SIZES, LogIn

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
SCENARIO = "warehouse"
COMPANY = "91350100M000100Y43"
PERSON = "11010519491231002X"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n" + b"%" * 1_300_000 + b"\nstartxref\n9\n%%EOF\n"
PEOPLE = {
    "project.name": "示例物流园一期",
    "project.address": "高新区创业路 8 号",
    "applicant.name": "示例物流有限公司",
    "applicant.id_number": COMPANY,
    "applicant.phone": "0375-5550100",
}
SAID = {
    "zh": {
        "again": "正在重试",
        "there": "已上传",
        "not": "文件内容与扩展名不符",
        "gaps": "还差",
        "ready": "都齐了",
        "receipt": "收件回执",
    },
    "en": {
        "again": "trying again",
        "there": "Uploaded",
        "not": "not what the extension says",
        "gaps": "missing",
        "ready": "Everything is there",
        "receipt": "Receipt",
    },
}


def paper(name: str, content: bytes) -> FilePayload:
    """Return a file to choose."""
    return {"name": name, "mimeType": "application/pdf", "buffer": content}


def plan_address() -> str:
    """Return the address of the plan that the example's answers lead to."""
    catalogue = catalogue_files.load(Path("deploy/catalogue/2026.1"))
    sent = sent_of(catalogue.scenario_by_code[SCENARIO].example)
    return f"/needs/{SCENARIO}/plan?{urlencode(sent)}"


async def begun(visitor: Visitor) -> None:
    """Go from the plan to the first section of a draft."""
    await visitor.open(plan_address())
    await visitor.page.locator("a.btn-primary").first.click()
    await visitor.page.wait_for_url(f"**/apply/new/{SCENARIO}?**")


async def filled(visitor: Visitor) -> None:
    for name, text in PEOPLE.items():
        await visitor.page.fill(f"[id='{name}']", text)
    await visitor.page.locator("[name=action][value=next]").click()
    await visitor.page.wait_for_url("**/materials")


async def named(visitor: Visitor) -> None:
    """Say of every paper that was not uploaded where its original is, and go on."""
    papers = visitor.page.locator(".slot-paper")
    for place in range(await papers.count()):
        await papers.nth(place).locator("summary").click()
        await papers.nth(place).locator("input").fill("原件已交窗口 12 号")
    await visitor.page.locator("[name=action][value=next]").click()
    await visitor.page.wait_for_url("**/review")


async def broken(visitor: Visitor, times: int) -> list[str]:
    """Let the connection break at the second piece, so many times; return what was sent where."""
    left, offsets = times, []

    async def answer(route: Route) -> None:
        nonlocal left
        offset = route.request.headers.get("upload-offset", "")
        if route.request.method == "PUT" and offset != "0" and left:
            left -= 1
            await route.abort("connectionreset")
            return
        if route.request.method == "PUT":
            offsets.append(offset)
        await route.continue_()

    await visitor.page.route("**/files/**", answer)
    return offsets


async def sent_over_a_bad_line(visitor: Visitor, said: dict[str, str]) -> None:
    """The first paper goes up though the connection breaks; what is no PDF is refused."""
    slots = visitor.page.locator(".slot")
    first, second = slots.nth(0), slots.nth(1)
    offsets = await broken(visitor, 2)
    await first.locator("input[type=file]").set_input_files(paper("总平面图.pdf", PDF))
    await expect(first.locator(".slot-said")).to_contain_text(said["again"])
    await expect(first.locator(".slot-file")).to_contain_text("总平面图.pdf", timeout=20_000)
    assert offsets == sorted(set(offsets), key=int), "a piece was sent twice"
    assert len(offsets) == 3
    assert said["there"] in await first.inner_text()
    await second.locator("input[type=file]").set_input_files(paper("plan.pdf", b"MZ" + b"0" * 99))
    await expect(second.locator(".slot-said")).to_contain_text(said["not"])
    visitor.complaints.clear()  # the browser notes the broken connections, and the refusal


async def test_from_the_plan_to_the_receipt(log_in: LogIn, language: str) -> None:
    said = SAID[language]
    visitor = await log_in("investor-2")
    page = visitor.page
    await begun(visitor)
    await visitor.look("apply-start")
    await page.locator("main form button").click()
    await page.wait_for_url("**/apply/*")
    draft = page.url
    await page.locator("[name=action][value=next]").click()
    await expect(page.locator("[aria-invalid=true]")).to_have_count(len(PEOPLE))
    visitor.complaints.clear()  # the browser notes the 422
    await visitor.look("apply-wrong")
    await filled(visitor)
    await sent_over_a_bad_line(visitor, said)
    await visitor.look("apply-uploads")
    await page.goto(f"{draft}/review")
    assert said["gaps"] in await visitor.words()
    await visitor.look("apply-gaps")
    await page.locator(".alert-box a").first.click()
    await page.wait_for_url("**/materials#slot-*")
    await named(visitor)
    assert said["ready"] in await visitor.words()
    await visitor.look("apply-review")
    await page.locator("main form button[type=submit]").dblclick()
    await page.wait_for_url("**/receipt")
    assert said["receipt"] in await visitor.words()
    await visitor.look("apply-receipt")
    async with page.expect_download() as waiting:
        await page.locator("a[href$='/documents/submission']").click()
    sealed = await (await waiting.value).path()
    assert sealed.read_bytes().startswith(b"%PDF")
    await page.goto(draft)
    assert page.url.endswith("/receipt")


@pytest.mark.parametrize(("size", "language"), [("desk", "zh"), ("phone", "en")])
async def test_drafts_are_kept_changed_and_removed(log_in: LogIn) -> None:
    """With the keyboard, as far as the section of people; then the answers, then the removal."""
    visitor = await log_in("investor")
    page = visitor.page
    await begun(visitor)
    await page.locator("main form button").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/apply/*")
    draft = page.url
    await page.locator("[id='project.name']").focus()
    await page.keyboard.type(PEOPLE["project.name"])
    await page.keyboard.press("Tab")
    await page.keyboard.type(PEOPLE["project.address"])
    await page.locator("input[name=acting][value=agent]").focus()
    await page.keyboard.press("Space")
    await expect(page.locator("[id='agent.name']")).to_be_visible()
    await page.context.clear_cookies(name=re.compile("lianshen-intake"))
    await page.locator("[name=action][value=save]").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url(draft)  # by way of the provider, who knows him still
    await expect(page.locator("[id='project.name']")).to_have_value(PEOPLE["project.name"])
    visitor.complaints.clear()  # the provider is another host
    await page.locator("[name=action][value=save]").click()
    await page.locator(".note-ok").wait_for()
    await visitor.look("apply-people")
    await visitor.open(draft.removeprefix(visitor.base) + "/facts")
    await visitor.look("apply-facts")
    await page.locator(".facts a").first.click()
    await page.wait_for_url("**draft=**")
    await visitor.open("/apply")
    assert PEOPLE["project.name"] in await visitor.words()
    await visitor.look("apply-drafts")
    await page.locator("a[href$='/removal']").first.click()
    await page.wait_for_url("**/removal")
    await visitor.look("apply-removal")
    await page.locator("main form button").click()
    await page.wait_for_url("**/apply")
    assert draft.removeprefix(visitor.base) not in await page.content()


@pytest_asyncio.fixture(loop_scope="session")
async def plain(town: Town, browser: Browser) -> AsyncIterator[Visitor]:
    """Somebody whose browser runs no scripts."""
    width, height = SIZES["desk"]
    context = await browser.new_context(
        viewport={"width": width, "height": height}, java_script_enabled=False
    )
    yield Visitor(page=await context.new_page(), base=town.stack.urls["intake"], called="plain")
    await context.close()


async def test_it_works_without_scripts(plain: Visitor, town: Town) -> None:
    await plain.log_in("investor", town.stack.oidc.password)
    page = plain.page
    await begun(plain)
    await page.locator("main form button").click()
    await page.wait_for_url("**/apply/*")
    await page.locator("input[name=acting][value=agent]").check()
    agent = {"agent.name": "司马清", "agent.id_number": PERSON, "agent.phone": "0375-5550101"}
    for name, text in agent.items():
        await page.fill(f"[id='{name}']", text)
    await filled(plain)
    file = paper("授权委托书.pdf", PDF)
    await page.locator(".slot input[type=file]").first.set_input_files(file)
    await named(plain)
    assert "授权委托书.pdf" in await page.content()
    await page.locator("main form button[type=submit]").click()
    await page.wait_for_url("**/receipt")
