"""Intake alone, served to a browser: a county whose departments look before it accepts."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import uvicorn
from playwright.async_api import BrowserContext

from services.intake.payment import Sandbox
from tests import examined_county
from tests.integration.intake_kit import INVESTOR, Intake, running
from tests.integration.signing_in import browser


@dataclass(frozen=True, kw_only=True)
class Served:
    """An intake and where it is found."""

    intake: Intake
    base: str

    async def enter(self, context: BrowserContext) -> None:
        """Give a browser the cookie of the investor's login."""
        name, _, value = browser(self.intake.app, INVESTOR).headers["cookie"].partition("=")
        url = self.base.replace("http:", "https:")
        await context.add_cookies(
            [{"name": name, "value": value, "url": url, "secure": True, "httpOnly": True}]
        )


@asynccontextmanager
async def served(url: str, folder: Path) -> AsyncIterator[Served]:
    """Serve intake on a free port, without its loops; what the orchestrator says is told to it."""
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, folder) as it,
    ):
        it.parts = it.app.state.parts = replace(
            it.parts, shelf=examined_county.shelf(), payment=Sandbox()
        )
        with socket.create_server(("127.0.0.1", 0)) as listening:
            config = uvicorn.Config(it.app, lifespan="off", log_config=None)
            server = uvicorn.Server(config)
            task = asyncio.create_task(server.serve(sockets=[listening]))
            yield Served(intake=it, base=f"http://127.0.0.1:{listening.getsockname()[1]}")
            server.should_exit = True
            await task
