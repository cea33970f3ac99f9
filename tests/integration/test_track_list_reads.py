"""The list of one's applications: what waits stands in it, and few statements are asked for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest_asyncio

from services.intake.pages.waiting import waiting_among, waiting_for
from services.intake.payment import Sandbox
from tests import examined_county
from tests.conftest import Databases
from tests.integration.intake_kit import INVESTOR, STRANGER, Intake, prepare, running
from tests.integration.signing_in import browser
from tests.integration.waiting_told import accepted, convened, noticed, objected

MOST = 15


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path) as found,
    ):
        found.parts = found.app.state.parts = replace(found.parts, shelf=examined_county.shelf())
        yield found


@asynccontextmanager
async def counted(pool: Any) -> AsyncIterator[list[str]]:
    """Count the statements of a pool's connections, but for what makes them ready again."""
    asked: list[str] = []

    def note(record: Any) -> None:
        if "UNLISTEN" not in record.query:
            asked.append(record.query)

    held = [await pool.acquire() for _ in range(pool.get_max_size())]
    plain = [one._con for one in held]
    for one in plain:
        one.add_query_logger(note)
    for one in held:
        await pool.release(one)
    yield asked
    for one in plain:
        one.remove_query_logger(note)


async def test_ten_applications_are_listed_with_few_statements(intake: Intake) -> None:
    numbers = [await intake.accepted() for _ in range(10)]
    await intake.told(*(accepted(one) for one in numbers[2:]))
    await intake.told(noticed(numbers[0]))
    mine = browser(intake.app, INVESTOR)
    await intake.client.get("/applications", headers=mine.headers)
    async with counted(intake.pool) as asked:
        answer = await intake.client.get("/applications", headers=mine.headers)
    assert answer.status_code == 200
    assert all(one in answer.text for one in numbers)
    assert f"/applications/{numbers[0]}/notice" in answer.text
    assert 2 <= len(asked) <= MOST, "\n".join(asked)


async def test_the_list_says_what_each_page_says(intake: Intake) -> None:
    intake.parts = intake.app.state.parts = replace(intake.parts, payment=Sandbox())
    numbers = [await intake.accepted() for _ in range(5)]
    await intake.told(noticed(numbers[0]))
    for one in numbers[1:]:
        await intake.told(accepted(one))
    await intake.told(objected(numbers[2]))
    await intake.told(convened(numbers[3]))
    tokens = intake.app.state.authenticator
    who = await tokens.principal(INVESTOR["authorization"].removeprefix("Bearer "))
    other = await tokens.principal(STRANGER["authorization"].removeprefix("Bearer "))
    found = await waiting_among(intake.parts, who, numbers)
    for one in numbers:
        assert found.get(one, []) == await waiting_for(intake.parts, who, one), one
    assert any(found.values())
    assert await waiting_among(intake.parts, other, numbers) == {}
