"""A stack with one application that was granted, and browsers to look at it with."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.e2e.town import Town, open_town
from tests.pages.browser import Visitor

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
SIZES = {"desk": (1280, 800), "phone": (390, 844)}
LANGUAGES = {"zh": "zh-CN", "en": "en"}
Visit = Callable[[], Awaitable[Visitor]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Every service, with officers who grant what they get."""
    data = tmp_path_factory.mktemp("pages")
    async with open_town(data, Path("deploy/catalogue"), "warehouse") as found:
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def granted(town: Town) -> str:
    """The number of an application that was concluded."""
    number = await town.submit()
    await town.concluded(number, seconds=90)
    return number


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium: the one that LIANSHEN_TEST_CHROMIUM names, or the machine's."""
    path = os.environ.get("LIANSHEN_TEST_CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.fail("no Chromium: `make test-pages` finds or installs one")
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield found
        await found.close()


@pytest.fixture(params=sorted(SIZES))
def size(request: pytest.FixtureRequest) -> str:
    """The name of a screen."""
    return str(request.param)


@pytest.fixture(params=sorted(LANGUAGES))
def language(request: pytest.FixtureRequest) -> str:
    """The short name of a language."""
    return str(request.param)


USUAL = {("desk", "zh"), ("phone", "en")}
"""Screens and languages that are tried together; each of both is there."""
ALL_VIEWS = "LIANSHEN_TEST_VIEWS"


def pytest_report_header() -> str:
    """Say which screens and languages are tried."""
    usual = ", ".join(f"{size}-{language}" for size, language in sorted(USUAL))
    return f"views: {'all' if os.environ.get(ALL_VIEWS) == 'all' else usual} ({ALL_VIEWS}=all)"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the other two of the four, unless all are asked for: they take as long again."""
    if os.environ.get(ALL_VIEWS) == "all":
        return
    kept = [item for item in items if _is_usual(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _is_usual(item: pytest.Item) -> bool:
    params = getattr(getattr(item, "callspec", None), "params", {})
    if "size" not in params or "language" not in params:
        return True
    return (params["size"], params["language"]) in USUAL


def service_of(name: str) -> str:
    """Return the service whose pages somebody works with, by the name he logs in with."""
    kind = name.partition("-")[0]
    if kind == "investor":
        return "intake"
    return "departments" if kind in ("officer", "chief", "head") else "orchestrator"


LogIn = Callable[[str], Awaitable[Visitor]]


@pytest_asyncio.fixture(loop_scope="session")
async def log_in(town: Town, browser: Browser, size: str, language: str) -> AsyncIterator[LogIn]:
    """A function: somebody who went through the login page; each has a browser of his own."""
    contexts = []
    width, height = SIZES[size]

    async def entered(name: str) -> Visitor:
        context = await browser.new_context(
            viewport={"width": width, "height": height}, locale=LANGUAGES[language]
        )
        contexts.append(context)
        found = Visitor(
            page=await context.new_page(),
            base=town.stack.urls[service_of(name)],
            called=f"{name}-{size}-{language}",
        )
        await found.log_in(name, town.stack.oidc.password)
        found.listen()
        return found

    yield entered
    for context in contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(town: Town, browser: Browser, size: str, language: str) -> AsyncIterator[Visitor]:
    """Somebody with a screen and a language, at the investor portal."""
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height}, locale=LANGUAGES[language]
    )
    found = Visitor(
        page=await context.new_page(),
        base=town.stack.urls["intake"],
        called=f"portal-{size}-{language}",
    )
    found.listen()
    yield found
    await context.close()
