"""The routes that need no login answer whatever is sent: never with an error of their own."""

import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from tests.conftest import Databases
from tests.integration.intake_kit import INVESTOR, Intake, once, prepare, problem, running

REGISTER = "/v1/public/results"
PIECES = [
    *("", "0", "-1", "%00", "%2500", "x" * 300, "%ff", "%f0%9f%8f%97", "%ed%a0%80", "..", "%2f"),
    *("QX20260302-000001-0", "9999-12-31", "2100-01-01", "1e999", "true", "null", "'--", "%25"),
    *("WyJhIl0", "WzEsMiwzXQ", "eyJhIjoxfQ", "AAAA-AAAA-AAAA-AAAA", "FIRE-CHECK", "\u4e2d"),
]
NAMES = ("item", "department", "project_code", "since", "until", "limit", "after", "number", "code")
VALUES: list[Any] = [
    *(None, True, 0, -1, 10**18, 10**400, 1.5, "", "\0", "x" * 300, "restaurant", [], {}, [[]]),
    *({"a\0": 1}, {"area_m2": 10**400}, {"area_m2": "\0"}, "9999-12-31", "2026-03-02"),
]


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=2) as pool,
        running(pool, tmp_path) as found,
    ):
        yield found


def paths(rolls: random.Random) -> str:
    """One address of a public route with odd parts."""
    place = rolls.choice(
        [
            f"/v1/catalogue/items/{rolls.choice(PIECES)}",
            f"/v1/catalogue/scenarios/{rolls.choice(PIECES)}",
            f"{REGISTER}/{rolls.choice(PIECES)}",
            *("/v1/catalogue/items", REGISTER, f"{REGISTER}.csv", "/v1/public/verification"),
        ]
    )
    names = rolls.sample(NAMES, rolls.randint(0, 4))
    query = "&".join(f"{one}={rolls.choice(PIECES)}" for one in names)
    return quote(f"{place}?{query}", safe="/?&=%-.")


async def test_no_address_makes_the_public_routes_fail(intake: Intake) -> None:
    rolls = random.Random(20260302)
    for _ in range(400):
        path = paths(rolls)
        answer = await intake.client.get(path)
        assert answer.status_code < 500, (path, answer.text)
        if "%00" in path:
            assert answer.status_code in (404, 422), (path, answer.text)


async def test_no_body_makes_the_plan_preview_fail(intake: Intake) -> None:
    rolls = random.Random(20260303)
    example = intake.submission()["answers"]
    for _ in range(150):
        body: dict[str, Any] = {"scenario": "restaurant", "answers": dict(example)}
        for name in rolls.sample(("scenario", "answers", "held", "start"), rolls.randint(1, 2)):
            body[name] = rolls.choice(VALUES)
        if isinstance(body["answers"], dict) and example and rolls.random() < 0.5:
            body["answers"] = {**body["answers"], rolls.choice(list(example)): rolls.choice(VALUES)}
        answer = await post(intake.client, "/v1/plans", body)
        assert answer.status_code < 500, (body, answer.text)


async def post(client: httpx2.AsyncClient, path: str, body: Any, **headers: str) -> httpx2.Response:
    content = json.dumps(body)  # orjson refuses what others may send
    return await client.post(
        path, content=content, headers={"content-type": "application/json", **headers}
    )


@pytest.mark.parametrize("path", [f"{REGISTER}/a%00b", f"{REGISTER}?item=a%00", "/v1/plans?x=%00"])
async def test_what_no_text_can_hold_is_refused_in_an_address(intake: Intake, path: str) -> None:
    found = problem(await intake.client.get(path), 422, "invalid")
    assert "NUL" in found["errors"][0]["message"]


async def test_what_no_text_can_hold_is_refused_in_a_body(intake: Intake) -> None:
    body = intake.submission()
    body["project"] = {**body["project"], "name": "a\0b"}
    answer = await intake.client.post("/v1/applications", json=body, headers={**INVESTOR, **once()})
    assert "NUL" in problem(answer, 422, "invalid")["detail"], answer.text
    assert await intake.acts() == []
