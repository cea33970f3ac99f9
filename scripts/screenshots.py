"""Makes the pictures in the READMEs, of a stack of its own: `make screenshots`."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.async_api import Browser, Page, async_playwright

from services.demonstration.officers import favourable
from services.intake.pages import needs
from services.runtime import catalogue_files
from tests.e2e.town import Town, open_town, until
from tests.pages.browser import Visitor
from tests.pages.conftest import FLAGS

IMAGES = Path(__file__).parents[1] / "docs" / "images"
CATALOGUE = Path("deploy/catalogue")
SCENARIO = "warehouse"
SIZE: Any = {"width": 1280, "height": 800}
LANGUAGES = {"zh": "zh-CN", "en": "en"}
LEFT_ALONE = "joint-evaluation"
LEAD = "water-resources"


def slowly(task: dict[str, Any]) -> dict[str, Any] | None:
    """Grant everything but one merged step, so that something is still to be done."""
    return None if task["step"] == LEFT_ALONE else favourable(task)


def plan_of() -> str:
    """Return the address of the plan of the scenario's first answers."""
    catalogue = catalogue_files.load(CATALOGUE / "2026.1")
    answers = needs.completed(catalogue, catalogue.scenario_by_code[SCENARIO], {})
    asked = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in answers.items()}
    return f"/needs/{SCENARIO}/plan?{urlencode(asked)}"


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Open the machine's Chromium."""
    path = os.environ.get("LIANSHEN_TEST_CHROMIUM") or shutil.which("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        await browser.close()


async def take(page: Page, address: str, name: str) -> None:
    """Take one picture."""
    await page.goto(address)
    await page.evaluate("document.fonts.ready.then(() => true)")
    await page.screenshot(path=IMAGES / f"{name}.png")
    sys.stderr.write(f"docs/images/{name}.png\n")


async def take_all(town: Town, browser: Browser) -> None:
    """Take every picture in both languages."""
    number = await town.submit(slowly)

    async def begun() -> bool:
        return bool(await town.results(number))

    await until(begun, "a first result")
    urls = town.stack.urls
    wanted = (
        ("plan", "intake", "investor", plan_of()),
        ("track", "intake", "investor", f"/applications/{number}"),
        ("queue", "departments", f"chief-{LEAD}", "/queue"),
        ("console", "orchestrator", "operator", f"/applications/{number}"),
    )
    for short, locale in LANGUAGES.items():
        for name, service, who, path in wanted:
            context = await browser.new_context(viewport=SIZE, locale=locale)
            visitor = Visitor(page=await context.new_page(), base=urls[service], called=name)
            await visitor.log_in(who, town.stack.oidc.password)
            await take(visitor.page, urls[service] + path, f"{name}.{short}")
            await context.close()


async def main() -> None:
    """Start a stack, take the pictures, stop it."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lianshen-screenshots-") as folder:
        async with open_town(Path(folder), CATALOGUE, SCENARIO) as town, chromium() as browser:
            await take_all(town, browser)


if __name__ == "__main__":
    asyncio.run(main())
