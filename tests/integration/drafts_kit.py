"""The portal as somebody who fills in drafts sees it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2

from services.intake.pages.apply_shown import sent_of
from tests.conftest import Databases
from tests.integration.intake_kit import COMPANY, INVESTOR, SCENARIO, Intake, prepare, running
from tests.integration.signing_in import Browser, browser

JSON = {"accept": "application/json"}
SITE_PLAN = "floor-plan"
PEOPLE = {
    "project.code": "2603-410402-04-01-123456",
    "project.name": "饭店",
    "project.address": "创业路 8 号",
    "applicant.kind": "company",
    "applicant.name": "示例餐饮有限公司",
    "applicant.id_number": COMPANY,
    "applicant.phone": "0375-5550100",
    "acting": "self",
}


@dataclass
class Portal:
    """The portal, and somebody who is logged in."""

    intake: Intake
    me: Browser
    folder: Path

    async def get(self, path: str, who: Browser | None = None, **more: str) -> httpx2.Response:
        headers = {**(who or self.me).headers, **more}
        return await self.intake.client.get(path, headers=headers)

    async def post(self, path: str, who: Browser | None = None, **sent: Any) -> httpx2.Response:
        who = who or self.me
        form = who.form(uuid4().hex) | sent.pop("form", {})
        return await self.intake.client.post(path, headers=who.headers, data=form, **sent)

    async def begun(self) -> str:
        """Begin a draft with the answers of the example; return its address."""
        answers = sent_of(self.intake.parts.catalogue().scenario_by_code[SCENARIO].example)
        answer = await self.post(f"/apply/new/{SCENARIO}", form=answers)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def filled(self) -> str:
        """Return the address of a draft that lacks nothing."""
        draft = await self.begun()
        assert (await self.post(draft, form={**PEOPLE, "action": "next"})).status_code == 303
        papers = {f"reference:{one.id}": "原件已交窗口" for one in self.intake.asked()}
        answer = await self.post(f"{draft}/materials", form={**papers, "action": "next"})
        assert answer.headers["location"] == f"{draft}/review"
        return draft

    async def announce(
        self, draft: str, content: bytes, name: str = "plan.pdf", slot: str = SITE_PLAN
    ) -> httpx2.Response:
        return await self.intake.client.post(
            f"{draft}/slots/{slot}",
            data={"name": name, "size": str(len(content)), "mark": "1"},
            headers={**self.me.headers, **JSON, "x-csrf-token": self.me.csrf},
        )

    async def send(
        self, address: str, piece: bytes, offset: int, who: Browser | None = None
    ) -> httpx2.Response:
        who = who or self.me
        return await self.intake.client.put(
            address,
            content=piece,
            headers={
                **who.headers,
                **JSON,
                "x-csrf-token": who.csrf,
                "upload-offset": str(offset),
                "content-type": "application/octet-stream",
            },
        )

    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]

    async def count(self, table: str) -> int:
        return int(await self.intake.pool.fetchval(f"SELECT count(*) FROM {table}"))


@asynccontextmanager
async def portal_of(databases: Databases, folder: Path) -> AsyncIterator[Portal]:
    """Open a portal of its own, with files in a folder."""
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, folder, max_file_bytes=3_000_000) as intake,
    ):
        yield Portal(intake=intake, me=browser(intake.app, INVESTOR), folder=folder)


def number_in(answer: httpx2.Response) -> str:
    """Return the application of the receipt that an answer leads to."""
    found = re.fullmatch(r"/applications/([A-Z0-9-]+)/receipt", answer.headers["location"])
    assert found, answer.headers["location"]
    return found[1]
