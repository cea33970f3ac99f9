"""The department's queue and its head's pages, in a real browser, by people who are logged in."""

import re

import pytest

from tests.e2e.town import Town, silent, until
from tests.pages.browser import Visitor
from tests.pages.conftest import LogIn

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
DEPARTMENT = "urban-management"
"""Two tasks of it begin with every application."""
TASKS = 2
SAID = {
    "zh": {
        "mine": "已由您承办 2 件",
        "view": "视图已保存",
        "signed": "授权书已签发",
        "valid": "有效",
    },
    "en": {
        "mine": "2 are in your hands now",
        "view": "The view was saved",
        "signed": "The authorisation was signed",
        "valid": "in force",
    },
}


async def waiting(town: Town) -> str:
    """Hand in an application whose tasks here wait for somebody to claim them."""
    window = town.windows[DEPARTMENT]
    number = await town.submit(silent)

    async def taken_up() -> bool:
        found = await town.queue(DEPARTMENT, number, "open")
        return len(found) == TASKS and all(one["claimed_by"] for one in found)

    await until(taken_up, f"the tasks of {number}")
    for one in await town.queue(DEPARTMENT, number, "open"):
        await window.officer.post(f"/v1/tasks/{one['id']}/release", etag=f'"{one["version"]}"')
    return number


async def focused(visitor: Visitor) -> str:
    """Return where the link that has the focus leads to."""
    found = await visitor.page.evaluate("document.activeElement.getAttribute('href') ?? ''")
    return str(found)


async def test_with_the_keyboard_alone(log_in: LogIn, town: Town, language: str) -> None:
    """Move, choose two, claim them, look for them, open one."""
    number = await waiting(town)
    visitor = await log_in(f"officer-{DEPARTMENT}")
    page, press = visitor.page, visitor.page.keyboard.press
    await visitor.open(f"/queue?whose=none&q={number}")
    await visitor.look("queue")
    await press("j")
    first = await focused(visitor)
    await press("x")
    await press("j")
    second = await focused(visitor)
    assert {first[:7], second[:7]} == {"/tasks/"}
    assert first != second
    await press("k")
    assert await focused(visitor) == first
    await press("j")
    await press("x")
    assert await page.locator("[data-key-chosen] output").inner_text() == "2"
    await press("c")
    await page.wait_for_url("**result=**")
    assert SAID[language]["mine"] in await page.locator(".claimed").inner_text()
    for path in (first, second):
        assert await page.locator(f".claimed a[href='{path}']").count() == 1
    await visitor.look("claimed")
    await visitor.open("/queue")
    await press("/")
    await page.keyboard.type(number)
    await press("Enter")
    await page.wait_for_url(f"**q={number}**")
    await press("j")
    assert await focused(visitor) in {first, second}
    await press("Enter")
    await page.wait_for_url("**/tasks/*")
    assert number in await visitor.words()


async def test_single_keys_can_be_switched_off(log_in: LogIn, town: Town) -> None:
    await waiting(town)
    visitor = await log_in(f"officer-{DEPARTMENT}")
    await visitor.open("/queue")
    await visitor.page.evaluate("localStorage.setItem('keys-off', 'yes')")
    await visitor.page.keyboard.press("j")
    assert await focused(visitor) == ""
    await visitor.page.evaluate("localStorage.removeItem('keys-off')")
    await visitor.page.keyboard.press("j")
    assert await focused(visitor)


async def test_a_filter_is_saved_as_a_view_and_the_numbers_move(
    log_in: LogIn, town: Town, size: str, language: str
) -> None:
    await waiting(town)
    visitor = await log_in(f"chief-{DEPARTMENT}")
    page, name = visitor.page, f"{size} {language}"
    await visitor.open("/queue")
    await page.select_option("#kind", "decide")
    await page.locator(".queue-filter button[type=submit]").click()
    await page.wait_for_url("**kind=decide**")
    await page.locator(".views summary").click()
    await page.fill("#name", name)
    await visitor.look("view-new")
    await page.keyboard.press("Enter")
    await page.locator(".note").wait_for()
    assert SAID[language]["view"] in await page.locator(".note").inner_text()
    link = page.locator(".views li a", has_text=name)
    assert await link.get_attribute("aria-current") == "true"
    await visitor.look("view")
    await visitor.open("/queue")
    before = await page.locator(".count").first.inner_text()
    await town.submit(silent)
    await page.wait_for_function(
        "before => document.querySelector('.count').innerText !== before", arg=before
    )
    await link.click()
    await page.wait_for_url(re.compile("kind=decide"))
    await page.locator(".views li", has_text=name).locator("button").click()
    await link.wait_for(state="detached")


async def test_the_head_signs_an_authorisation(log_in: LogIn, town: Town, language: str) -> None:
    chief = await log_in(f"chief-{DEPARTMENT}")
    await chief.open("/queue")
    head = await log_in(f"head-{DEPARTMENT}")
    await head.open("/department")
    await head.look("head")
    await head.page.locator(".tabs a").nth(1).click()
    await head.look("absences")
    await head.page.locator(".tabs a").nth(2).click()
    signing = head.page.locator("form[data-keep=grant]")
    await signing.locator("#representative").select_option(index=1)
    await signing.locator("#valid_until").fill("2030-12-31")
    await signing.locator("#document").fill("2026/3")
    await signing.locator("button[type=submit]").click()
    await head.page.locator(".note-ok").wait_for()
    assert SAID[language]["signed"] in await head.page.locator(".note-ok").inner_text()
    assert SAID[language]["valid"] in await head.words()
    assert "2026/3" in await head.words()
    await head.look("authorisations")
