"""Temporal loses everything while applications are in flight; `lianshen rebuild` brings it back."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from services.contracts.vocabulary import Service
from services.verification import verify
from tests.faults.driver import SCENARIO, County, county, favourable, restaurant, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
SECONDS = 120.0
SETTLE = 60.0
FIRST = "BUSINESS-LICENCE"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[County]:
    stack = restaurant(tmp_path_factory.mktemp("forgetful"))
    async with stack, county(stack, SCENARIO) as found:
        yield found


async def rebuild(at: County) -> str:
    """Run the command as an operator would; return what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "rebuild", "--data", str(at.stack.data)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "COLUMNS": "200"},
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def counted(at: County, query: str, *values: object) -> int:
    connection = await asyncpg.connect(at.stack.postgres.url(Service.ORCHESTRATOR))
    try:
        return int(await connection.fetchval(query, *values))
    finally:
        await connection.close()


async def test_a_wiped_temporal_with_applications_in_flight(whole: County) -> None:
    """Some have just begun, some are half way, one is over; messages come meanwhile."""

    def only_the_first(task: dict[str, object]) -> dict[str, object] | None:
        return favourable(task) if task["item"] == FIRST else None

    async with whole.at_work():
        over = await whole.submit(1)
        assert await whole.all_concluded(over, SECONDS)
    half = await whole.submit(2)
    async with whole.at_work(only_the_first):

        async def first_is_applied() -> bool:
            query = (
                "SELECT count(*) FROM task WHERE application = ANY ($1) AND item = $2"
                " AND state = 'decided'"
            )
            return await counted(whole, query, half, FIRST) == len(half)

        await until(first_is_applied, SECONDS, "the first permits are granted")
    new = await whole.submit(2)

    async def begun() -> bool:
        query = (
            "SELECT count(*) FROM inbox WHERE application = ANY ($1) AND delivered_at IS NOT NULL"
        )
        return await counted(whole, query, new) == len(new)

    await until(begun, SECONDS, "the new ones have begun")
    await whole.stack.wipe_temporal()
    async with whole.at_work():
        meanwhile = await whole.submit(1)  # this one begins in the empty Temporal

        async def decided_meanwhile() -> bool:
            query = (
                "SELECT count(*) FROM inbox WHERE application = ANY ($1) AND delivered_at IS NULL"
            )
            return await counted(whole, query, [*half, *new]) > 0

        await until(decided_meanwhile, SECONDS, "decisions wait for workflows that are lost")
        said = await rebuild(whole)
        assert f"started {len(half) + len(new)}," in said, said
        numbers = [*over, *half, *new, *meanwhile]
        found = await whole.all_concluded(numbers, SECONDS)
    assert found == dict.fromkeys(numbers, "granted")
    report = await verify(whole.stack.data, settle=SETTLE)
    assert report.clean, "\n".join(f"{one.invariant} {one}" for one in report.findings)
    assert not report.in_flight
    assert not report.dead_letters
    query = "SELECT count(*) FROM result WHERE application = ANY ($1)"
    assert await counted(whole, query, numbers) == 5 * len(numbers), "each result once"
    assert "started 0," in await rebuild(whole), "there is nothing more to do"
