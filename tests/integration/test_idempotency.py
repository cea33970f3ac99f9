"""Idempotency-Key: one key, one effect, one answer; whatever clients and connections do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import JSONResponse, Response

from services.contracts.vocabulary import Role
from services.runtime import auth
from services.runtime.auth import Principal
from services.runtime.db import Connection, Pool
from services.runtime.settings import HttpSettings
from services.runtime.web import idempotency
from services.runtime.web.app import create_app
from services.runtime.web.idempotency import Asked, asked, idempotent
from services.runtime.web.problems import Problem, problem_responses
from tests.conftest import Databases

BASE = Path(auth.__file__).with_name("sql") / "base.sql"
KEY = {"idempotency-key": "6b0c2f0e-8d0b-4a53"}
router = APIRouter()


@router.post("/orders", status_code=201, responses=problem_responses(*idempotency.PROBLEMS))
async def order(
    request: Request, what: dict[str, Any], by: Annotated[Asked, Depends(asked)]
) -> Response:
    state = request.app.state
    async with (
        state.pool.acquire() as conn,
        conn.transaction(),
        idempotent(conn, by) as slot,
    ):
        if slot.stored is not None:
            return slot.stored
        number = await conn.fetchval("INSERT INTO effect DEFAULT VALUES RETURNING number")
        state.entered.set()
        await asyncio.wait_for(state.gate.wait(), 30)
        if what.get("fail"):
            raise RuntimeError("after the effect")
        return slot.keep(
            JSONResponse({"number": number}, 201, headers={"location": f"/orders/{number}"})
        )


async def prepare(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(BASE.read_text(encoding="utf-8"))
    await connection.execute("CREATE TABLE effect (number serial)")
    await connection.close()


@pytest_asyncio.fixture
async def pool(databases: Databases) -> AsyncIterator[Pool]:
    url = await databases.fresh("idempotency", prepare)
    async with asyncpg.create_pool(url, min_size=1, max_size=8) as pool:
        yield pool


class Whoever:
    """Stands at the place of identity: the caller says who it is (auth has its own tests)."""

    async def principal(self, token: str) -> Principal:
        return Principal(
            subject=token,
            ref=token * 8,
            roles=frozenset({Role.INVESTOR}),
            department=None,
            client="c",
        )


@pytest_asyncio.fixture
async def app(pool: Pool) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = create_app(
        title="t",
        description="t",
        version="1",
        routers=[router],
        settings=HttpSettings(),
        lifespan=lifespan,
    )
    app.state.pool = pool
    app.state.authenticator = Whoever()
    app.state.gate, app.state.entered = asyncio.Event(), asyncio.Event()
    app.state.gate.set()
    return app


@pytest_asyncio.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False),
        base_url="http://test",
        headers={"authorization": "Bearer aaaa"},
    ) as found:
        yield found


async def effects(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM effect"))


def code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def test_a_repetition_gets_the_first_answer_and_acts_no_more(
    client: httpx2.AsyncClient, pool: Pool
) -> None:
    first = await client.post("/orders", json={"a": 1}, headers=KEY)
    second = await client.post("/orders", json={"a": 1}, headers=KEY)
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert second.headers["location"] == first.headers["location"] == "/orders/1"
    assert second.headers["content-type"] == first.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert await effects(pool) == 1


@pytest.mark.parametrize(
    "key", [b"short", b"x" * 129, b'a"b"c"d"e', "八个汉字八个汉字".encode(), b""]
)
async def test_a_key_is_required_and_has_a_form(
    client: httpx2.AsyncClient, pool: Pool, key: bytes
) -> None:
    assert code(await client.post("/orders", json={})) == (400, "idempotency-key-missing")
    answer = await client.post("/orders", json={}, headers=[(b"idempotency-key", key)])
    assert code(answer) == (400, "idempotency-key-malformed")
    assert await effects(pool) == 0


async def test_the_quoted_form_of_the_draft_is_the_same_key(
    client: httpx2.AsyncClient, pool: Pool
) -> None:
    for value in (KEY["idempotency-key"], f'"{KEY["idempotency-key"]}"'):
        answer = await client.post("/orders", json={}, headers={"idempotency-key": value})
        assert answer.status_code == 201
    assert await effects(pool) == 1


async def test_a_key_used_for_another_body_is_refused(
    client: httpx2.AsyncClient, pool: Pool
) -> None:
    await client.post("/orders", json={"a": 1}, headers=KEY)
    answer = await client.post("/orders", json={"a": 2}, headers=KEY)
    assert code(answer) == (422, "idempotency-key-reused")
    assert await effects(pool) == 1


async def test_the_same_key_of_another_person_is_another_key(
    client: httpx2.AsyncClient, pool: Pool
) -> None:
    await client.post("/orders", json={}, headers=KEY)
    other = await client.post("/orders", json={}, headers={**KEY, "authorization": "Bearer bbbb"})
    assert (other.status_code, other.json()) == (201, {"number": 2})


async def test_while_the_first_is_in_flight_the_second_is_told_to_wait(
    app: FastAPI, client: httpx2.AsyncClient, pool: Pool
) -> None:
    app.state.gate.clear()
    first = asyncio.create_task(client.post("/orders", json={}, headers=KEY))
    await asyncio.wait_for(app.state.entered.wait(), 30)
    second = await client.post("/orders", json={}, headers=KEY)
    assert code(second) == (409, "request-in-flight")
    assert second.headers["retry-after"] == "1"
    app.state.gate.set()
    assert (await first).json() == (await client.post("/orders", json={}, headers=KEY)).json()
    assert await effects(pool) == 1


async def test_after_a_failure_the_key_is_free_and_nothing_has_happened(
    client: httpx2.AsyncClient, pool: Pool
) -> None:
    failed = await client.post("/orders", json={"fail": True}, headers=KEY)
    assert code(failed) == (500, "internal")
    assert await effects(pool) == 0
    assert (await client.post("/orders", json={}, headers=KEY)).status_code == 201
    assert await effects(pool) == 1


async def test_many_at_once_act_once(client: httpx2.AsyncClient, pool: Pool) -> None:
    async def insist() -> tuple[int, bytes]:
        for _ in range(200):
            answer = await client.post("/orders", json={}, headers=KEY)
            if answer.status_code != 409:
                return answer.status_code, answer.content
            await asyncio.sleep(0.01)
        raise AssertionError("always in flight")

    answers = set(await asyncio.gather(*(insist() for _ in range(20))))
    assert len(answers) == 1
    assert await effects(pool) == 1


async def test_a_key_stored_between_look_up_and_lock_is_found_by_the_primary_key(
    pool: Pool,
) -> None:
    """Without the lock the row is the last guard: the second transaction cannot commit."""
    mine = Asked(owner="o" * 32, key="k" * 8, request=b"r" * 32)

    async def overtaken(one: Connection, other: Connection) -> None:
        async with one.transaction(), idempotent(one, mine) as slot:
            await one.execute("INSERT INTO effect DEFAULT VALUES")
            await other.execute(
                "INSERT INTO idempotency (owner, key, request, status, headers, body) "
                "VALUES ($1, $2, $3, 201, '{}', '')",
                mine.owner,
                mine.key,
                mine.request,
            )
            slot.keep(Response(status_code=201))

    async with pool.acquire() as one, pool.acquire() as other:
        with pytest.raises(Problem) as refused:
            await overtaken(one, other)
    assert refused.value.kind.status == 409
    assert await effects(pool) == 0


async def test_forgetting_the_answer_is_an_error_and_undoes_the_effect(pool: Pool) -> None:
    mine = Asked(owner="o" * 32, key="k" * 8, request=b"r" * 32)
    with pytest.raises(RuntimeError, match="without an answer"):
        async with pool.acquire() as conn, conn.transaction(), idempotent(conn, mine):
            await conn.execute("INSERT INTO effect DEFAULT VALUES")
    assert await effects(pool) == 0


async def test_old_keys_can_be_forgotten(client: httpx2.AsyncClient, pool: Pool) -> None:
    await client.post("/orders", json={}, headers=KEY)
    async with pool.acquire() as conn:
        now = datetime.now(UTC)
        assert await idempotency.purge(conn, now - timedelta(days=1)) == 0
        assert await idempotency.purge(conn, now + timedelta(days=1)) == 1


def test_the_digest_keeps_parts_apart() -> None:
    assert idempotency.digest(b"ab", b"c") != idempotency.digest(b"a", b"bc")
    base = Asked(owner="o", key="k", request=b"")
    assert base.about(b"a").request == idempotency.digest(b"a")
