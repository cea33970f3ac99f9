"""Logging in and out at the pages, at the embedded provider, in a real browser."""

import pytest
from playwright.async_api import Browser

from tests.e2e.town import Town
from tests.pages.browser import Visitor
from tests.pages.conftest import LogIn

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


async def test_in_and_out_again(log_in: LogIn, language: str) -> None:
    visitor = await log_in("investor")
    await visitor.open("/items?q=permit")
    assert await visitor.page.locator(".visit-name").inner_text() == "investor"
    await visitor.look("logged-in")
    await visitor.page.locator(".visit button").click()
    visitor.complaints.clear()  # the provider is another host
    await visitor.page.locator("button[name=logout]").click()
    await visitor.page.wait_for_url(f"{visitor.base}/")
    assert await visitor.page.locator(".visit-name").count() == 0


async def test_a_wrong_password_is_told_and_can_be_corrected(visitor: Visitor, town: Town) -> None:
    visitor.complaints.clear()
    await visitor.page.goto(f"{visitor.base}/login?next=/register")
    await visitor.page.fill("#name", "investor")
    await visitor.page.fill("#password", "guess")
    await visitor.page.keyboard.press("Enter")
    await visitor.page.locator("[role=alert]").wait_for()
    await visitor.page.fill("#name", "investor")
    await visitor.page.fill("#password", town.stack.oidc.password)
    await visitor.page.keyboard.press("Enter")
    await visitor.page.wait_for_url(f"{visitor.base}/register")


async def test_the_components_that_all_pages_share(visitor: Visitor) -> None:
    await visitor.open("/styleguide")
    await visitor.look("styleguide")


async def test_the_provider_lets_nothing_else_onto_its_pages(browser: Browser, town: Town) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    answer = await page.goto(f"{town.stack.urls['intake']}/login")
    assert answer is not None
    policy = (await answer.all_headers())["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    await context.close()


async def test_a_session_that_ends_over_a_form_takes_nothing_with_it(
    browser: Browser, town: Town
) -> None:
    context = await browser.new_context()
    base = town.stack.urls["departments"]
    head = Visitor(page=await context.new_page(), base=base, called="head")
    await head.log_in("head-urban-management", town.stack.oidc.password, "/department/absences")
    field = head.page.locator("form[data-keep=absence] input[name=until]")
    await field.fill("2026-12-01T09:00")
    await context.clear_cookies(name="__Host-lianshen-departments")
    async with head.page.expect_response(f"{base}/login/return?**"):
        await head.page.locator("form[data-keep=absence] button").click()
    await head.page.wait_for_url(f"{base}/department/absences")
    assert await field.input_value() == "2026-12-01T09:00"
    await context.close()
