"""Everybody of one application from its questions to its ratings, each at a browser of his own."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import typst
from playwright.async_api import Browser, BrowserContext, FilePayload, Locator

from services.runtime import calendar_files, clock
from services.runtime.clock import WorkingClock
from services.runtime.embedded.stack import Stack
from tests.e2e.town import CALENDAR
from tests.pages.browser import Visitor
from tests.pages.conftest import LANGUAGES, SIZES, service_of

VIEWS = (("phone", "zh"), ("desk", "en"), ("desk", "zh"), ("phone", "en"))
TYPE = '#set page(width: 12cm, height: 8cm)\n#set text(font: "Libertinus Serif", size: 20pt)\n'


def pdf(title: str) -> FilePayload:
    """Return a real page in PDF, with a title on it."""
    content = typst.compile(f"{TYPE}{title}".encode())
    assert isinstance(content, bytes)
    return {"name": f"{title}.pdf", "mimeType": "application/pdf", "buffer": content}


def photo(name: str, width: int = 320, height: int = 240) -> FilePayload:
    """Return a real picture in PNG: a sky that grows lighter downwards."""
    lines = (b"\0" + bytes((70 + y // 3, 120 + y // 3, 180)) * width for y in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    content = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"".join(lines)))
        + chunk(b"IEND", b"")
    )
    return {"name": f"{name}.png", "mimeType": "image/png", "buffer": content}


@dataclass(kw_only=True)
class Cast:
    """Who takes part. `turn` says who has which screen and language: 0 to 3, all differ."""

    stack: Stack
    browser: Browser
    turn: int
    people: dict[str, Visitor] = field(default_factory=dict)
    contexts: list[BrowserContext] = field(default_factory=list)

    @property
    def clock(self) -> WorkingClock:
        """The clock on everybody's wall."""
        assert self.stack.clock_file is not None
        return clock.read(self.stack.clock_file, calendar_files.load(CALENDAR))

    async def guest(self, service: str, place: int) -> Visitor:
        """Somebody at a browser who has not logged in."""
        size, language = VIEWS[(place + self.turn) % len(VIEWS)]
        width, height = SIZES[size]
        context = await self.browser.new_context(
            viewport={"width": width, "height": height}, locale=LANGUAGES[language]
        )
        self.contexts.append(context)
        page = await context.new_page()
        called = f"whole-{size}-{language}"
        return Visitor(page=page, base=self.stack.urls[service], called=called)

    async def enter(self, name: str, place: int) -> Visitor:
        """Somebody who has logged in."""
        found = await self.guest(service_of(name), place)
        await found.log_in(name, self.stack.oidc.password)
        found.listen()
        self.people[name] = found
        return found

    async def leave(self) -> None:
        """Close every browser."""
        for context in self.contexts:
            await context.close()


async def pressed(visitor: Visitor, button: Locator) -> None:
    """Press a button that sends a form; wait for the note of the page that answers."""
    async with visitor.page.expect_navigation():
        await button.click()
    assert await visitor.page.locator("[role=alert]").count() == 0, await visitor.words()
    await visitor.page.locator("p.note").first.wait_for()


async def typed(visitor: Visitor, words: str) -> None:
    """Type as on a keyboard."""
    await visitor.page.keyboard.type(words)


async def tabbed(visitor: Visitor, selector: str, most: int = 120) -> None:
    """Go on with the tabulator until something has the focus."""
    for _ in range(most):
        await visitor.page.keyboard.press("Tab")
        if await visitor.page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"the tabulator does not lead to {selector}")


async def keys(visitor: Visitor, wanted: Sequence[str]) -> None:
    """Press keys one after the other."""
    for key in wanted:
        await visitor.page.keyboard.press(key)
