"""One visitor in a real browser, and everything that must hold on every page looked at."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from playwright.async_api import ConsoleMessage, Page, Request

AXE = (Path(__file__).parents[2] / "deploy/web/node_modules/axe-core/axe.min.js").read_text()
SEEN = Path(".cache/pages")
SERIOUS = ("serious", "critical")


@dataclass
class Visitor:
    """A page of a browser that remembers what went wrong."""

    page: Page
    base: str
    called: str
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Note what the browser complains about and whatever it asks another host for."""
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _on_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        # Parts of the browser itself, as its viewer of PDF, are no other host.
        if url.scheme in ("http", "https") and not request.url.startswith(self.base + "/"):
            self.complaints.append(f"other host: {url.netloc}")

    async def log_in(self, name: str, password: str, onward: str = "/") -> None:
        """Log in as anybody would, at the provider's own page, and come back."""
        await self.page.goto(f"{self.base}/login?next={quote(onward, safe='')}")
        await self.page.fill("#name", name)
        await self.page.fill("#password", password)
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_url(f"{self.base}/**")
        assert "/login" not in self.page.url, await self.words()

    async def open(self, path: str) -> None:
        """Go to a page of the site."""
        answer = await self.page.goto(self.base + path)
        assert answer is not None
        assert answer.status < 400, f"{path}: {answer.status}"

    async def look(self, name: str) -> None:
        """Check what must hold on every page, and keep a picture of it."""
        await self.page.evaluate("document.fonts.ready.then(() => true)")
        await self.page.screenshot(path=SEEN / f"{self.called}-{name}.png", full_page=True)
        assert await self.page.evaluate(
            "document.documentElement.scrollWidth <= window.innerWidth"
        ), f"{name} is wider than the screen"
        assert await self.page.locator("h1").count() == 1
        barriers = await self._inaccessible()
        assert not barriers, f"{name}: {barriers}"
        assert self.complaints == [], name

    async def _inaccessible(self) -> list[str]:
        # Not a script element: the policy of the page would rightly refuse it.
        await self.page.evaluate(AXE)
        found = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:120]}"
            for one in found["violations"]
            if one["impact"] in SERIOUS
        ]

    async def words(self) -> str:
        """Return what can be read in the main part of the page."""
        return re.sub(r"\s+", " ", await self.page.locator("main").inner_text())
