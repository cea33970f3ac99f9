"""A bill desk: intake with a payment system that says what it is told to say."""

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import httpx2

from services.contracts.vocabulary import Role
from services.domain.fees import TransferState
from services.intake.payment import Order, Sandbox, Word
from services.runtime.catalogue_shelf import Shelf
from services.runtime.settings import CatalogueSettings
from tests.conftest import Databases
from tests.integration.intake_kit import (
    CATALOGUE,
    INVESTOR,
    Intake,
    bearer,
    once,
    prepare,
    running,
)

OPERATOR = bearer("operator", Role.OPERATOR)
SIGN, DRAINS, LICENCE = "sign-space-fee", "drain-works", "licence-cost"
DOCUMENT = "排水费核〔2026〕8号"
OPEN_STANDARDS = """
- id: drain-works
  name: {zh: 排水接入费, en: Drain works}
  document: {law: 城镇排水与污水处理条例, source: DRAIN}
  unit: 平方米 / m2
  note: 费率见主管部门文件 / the rate is in the department's document
- id: licence-cost
  name: {zh: 工本费, en: Cost of the paper}
  document: {law: 邻县餐饮开业一件事办事指南, source: NX}
"""
FREE = "  fee:\n    free: {law: 行政许可法, article: '58', source: ALL}\n"


def edition(folder: Path, version: str, since: date, sign_rate: str) -> None:
    """Write one edition of the neighbour county: a published rate, and two open ones."""
    shutil.copytree(CATALOGUE.folder / "2026.1", folder)
    county, fees, items = folder / "county.yaml", folder / "fees.yaml", folder / "items/set-up.yaml"
    head = county.read_text().replace("version: '2026.1'", f"version: '{version}'")
    county.write_text(head.replace("effective_from: '2026-01-01'", f"effective_from: '{since}'"))
    fees.write_text(fees.read_text().replace("amount: 30", f"amount: {sign_rate}") + OPEN_STANDARDS)
    text = items.read_text()
    assert text.count(FREE) == 2
    text = text.replace(FREE, f"  fee: {{standard: {LICENCE}}}\n", 1)
    items.write_text(text.replace(FREE, f"  fee: {{standard: {DRAINS}}}\n", 1))


@dataclass
class Till(Sandbox):
    """A payment system that says what it is told to say, and remembers what it was asked."""

    name: str = "town-bank"
    sandbox: bool = False
    word: Word | Exception = field(default_factory=lambda: Word(state=TransferState.CONFIRMED))
    asked: list[Order] = field(default_factory=list)

    async def settle(self, order: Order) -> Word:
        self.asked.append(order)
        if isinstance(self.word, Exception):
            raise self.word
        return self.word


@dataclass
class Desk:
    """Intake with a bill desk."""

    intake: Intake
    till: Till
    number: str = ""

    def path(self, rest: str = "") -> str:
        return f"/v1/applications/{self.number}/bill{rest}"

    async def bill(self, who: Mapping[str, str] = INVESTOR) -> dict[str, Any]:
        answer = await self.intake.get(self.path(), who)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def lines(self) -> dict[str, tuple[str, str | None]]:
        """Return state and amount by line."""
        shown = (await self.bill())["lines"]
        return {one["standard"]: (one["state"], one["amount"]) for one in shown}

    async def post(
        self, rest: str, body: Mapping[str, Any], who: Mapping[str, str]
    ) -> httpx2.Response:
        return await self.intake.client.post(
            self.path(rest), json=dict(body), headers={**who, **once()}
        )

    async def pay(self, *lines: str, who: Mapping[str, str] = INVESTOR) -> httpx2.Response:
        return await self.post("/payments", {"lines": lines} if lines else {}, who)

    async def assess(self, line: str, **given: str) -> httpx2.Response:
        body = {"document": DOCUMENT, **given}
        return await self.post(f"/lines/{line}/assessments", body, OPERATOR)

    async def exempt(self, line: str, **part: str) -> httpx2.Response:
        body = {"reason": "小微企业免征", "document": "财税〔2019〕45号", **part}
        return await self.post(f"/lines/{line}/exemption", body, OPERATOR)

    async def refund(self, line: str) -> httpx2.Response:
        body = {"reason": "无法定依据", "document": "退费决定〔2026〕3号"}
        return await self.post(f"/lines/{line}/refund", body, OPERATOR)

    async def acts(self) -> list[str]:
        """Return the acts of the log that are about bills."""
        return [
            one["act"] for one in await self.intake.acts() if one["act"].startswith(("bill", "fee"))
        ]

    def connect(self, till: Sandbox | None) -> None:
        self.intake.parts = replace(self.intake.parts, payment=till)
        self.intake.app.state.parts = self.intake.parts

    def shelve(self, folder: Path) -> None:
        """Put other editions on the shelf."""
        shelf = Shelf(CatalogueSettings(folder=folder, calendar_folder=CATALOGUE.calendar_folder))
        self.intake.parts = replace(self.intake.parts, shelf=shelf)
        self.intake.app.state.parts = self.intake.parts


@asynccontextmanager
async def open_desk(databases: Databases, folder: Path) -> AsyncIterator[Desk]:
    """A desk with one application whose bill is open."""
    url = await databases.fresh("intake", prepare)
    edition(folder / "shelf/2026.1", "2026.1", date(2026, 1, 1), "30")
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, folder / "files") as intake,
    ):
        found = Desk(intake=intake, till=Till())
        found.shelve(folder / "shelf")
        found.connect(found.till)
        found.number = await intake.accepted()
        yield found
