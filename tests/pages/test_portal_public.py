"""What anybody does at the portal without logging in, in a real browser."""

import statistics
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.intake.pages import needs
from services.runtime import catalogue_files
from tests.e2e.town import Town
from tests.pages.browser import Visitor

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
ITEM = "CONSTRUCTION-PERMIT"
SAID = {
    "zh": {
        "needs": "我的项目要办什么？",
        "plan": "办理方案",
        "paths": "关键路径",
        "none": "没有符合条件",
    },
    "en": {
        "needs": "What does my project need?",
        "plan": "Plan",
        "paths": "critical path",
        "none": "Nothing matches",
    },
}


async def test_the_ways_in(visitor: Visitor, language: str) -> None:
    await visitor.open("/")
    assert SAID[language]["needs"] in await visitor.words()
    await visitor.look("home")
    await visitor.page.locator("nav a").nth(1).click()
    await visitor.look("items")
    await visitor.page.fill("#q", "zzzz")
    await visitor.page.keyboard.press("Enter")
    await visitor.page.wait_for_url("**q=zzzz**")
    assert SAID[language]["none"] in await visitor.words()
    await visitor.look("nothing-found")


async def test_every_item_has_its_page(visitor: Visitor) -> None:
    await visitor.open("/items")
    links = visitor.page.locator("table a")
    count = await links.count()
    assert count == len(catalogue_files.load(Path("deploy/catalogue/2026.1")).items)
    for place in (0, count // 2, count - 1):
        await links.nth(place).click()
        await visitor.look(f"item-{place}")
        await visitor.page.go_back()


async def test_from_the_questions_to_the_plan(visitor: Visitor, language: str) -> None:
    """With the keyboard alone: every question is answered by its own control."""
    catalogue = catalogue_files.load(Path("deploy/catalogue/2026.1"))
    scenario = catalogue.scenario_by_code["warehouse"]
    answers = needs.completed(catalogue, scenario, {})
    assert answers
    await visitor.open("/needs/warehouse")
    await visitor.look("question")
    for name, value in answers.items():
        control = visitor.page.locator(f"form [name='{name}']:not([type=hidden])")
        sent = str(value).lower() if isinstance(value, bool) else str(value)
        if await control.first.get_attribute("type") == "radio":
            chosen = visitor.page.locator(f"form [name='{name}'][value='{sent}']")
            await chosen.focus()
            await visitor.page.keyboard.press("Space")
        else:
            await control.focus()
            await visitor.page.keyboard.type(sent)
        before = visitor.page.url
        await visitor.page.keyboard.press("Enter")
        await visitor.page.wait_for_url(lambda url, before=before: url != before)
    assert "/needs/warehouse/plan" in visitor.page.url
    words = await visitor.words()
    assert SAID[language]["plan"] in words
    assert SAID[language]["paths"] in words
    assert await visitor.page.locator("svg .bar").count() > 5
    await visitor.look("plan")


async def made(town: Town, number: str) -> dict[str, Any]:
    """Return a grant of an application; a document is made when it is first asked for."""
    path = f"/v1/applications/{number}/documents"
    paper = next(one for one in (await town.investor.get(path))["items"] if one["kind"] == "grant")
    async with httpx2.AsyncClient(base_url=town.stack.urls["intake"]) as client:
        token = await town.stack.tokens("investor").get()
        answer = await client.get(paper["href"], headers={"authorization": f"Bearer {token}"})
        assert answer.content.startswith(b"%PDF")
    found = (await town.investor.get(path))["items"]
    return next(one for one in found if one["name"] == paper["name"])


async def test_the_register_and_the_check_of_a_document(
    visitor: Visitor, town: Town, granted: str
) -> None:
    paper = await made(town, granted)
    await visitor.open("/register")
    assert paper["number"] in await visitor.words()
    await visitor.look("register")
    await visitor.open("/verify")
    await visitor.page.fill("#number", paper["number"])
    await visitor.page.fill("#code", paper["code"].lower())
    await visitor.page.keyboard.press("Enter")
    await visitor.page.wait_for_url("**code=**")
    assert paper["sha256"] in await visitor.words()
    await visitor.look("verified")
    await visitor.page.fill("#code", "AAAA-AAAA-AAAA-AAAA")
    await visitor.page.keyboard.press("Enter")
    await visitor.page.wait_for_url("**AAAA-AAAA**")
    assert await visitor.page.locator("[role=alert]").count() == 1


async def test_the_language_is_changed_on_the_page_and_kept(visitor: Visitor) -> None:
    await visitor.open("/items?q=permit")
    was = await visitor.page.locator("html").get_attribute("lang")
    await visitor.page.locator(".language").click()
    now = await visitor.page.locator("html").get_attribute("lang")
    assert {was, now} == {"zh-CN", "en"}
    assert "q=permit" in visitor.page.url
    await visitor.open("/")
    assert await visitor.page.locator("html").get_attribute("lang") == now


async def test_the_first_byte_comes_soon(town: Town) -> None:
    """150 ms at the median, of the pages that anybody opens first."""
    async with httpx2.AsyncClient(base_url=town.stack.urls["intake"]) as client:
        for path in ("/", "/items", "/needs/plant", f"/items/{ITEM}"):
            taken = []
            for _ in range(15):
                began = time.perf_counter()
                answer = await client.get(path, headers={"accept": "text/html"})
                taken.append(time.perf_counter() - began)
                assert answer.status_code == 200, path
            assert statistics.median(taken) < 0.15, path
