"""Dead letters through the API: for operators only, listed, replayed, given up, and recorded."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import orjson
import pytest_asyncio
from fastapi import FastAPI

from services.contracts.vocabulary import Role, Service
from services.runtime.auth import Principal
from services.runtime.clock import SystemClock
from services.runtime.db import Connection, Pool
from services.runtime.heartbeats import Beat, Writer
from services.runtime.inbox import Inbox
from services.runtime.messages import Raw, Received
from services.runtime.migrate import upgrade_async
from services.runtime.settings import HttpSettings
from services.runtime.web import operations
from services.runtime.web.app import create_app
from tests.conftest import Databases

NUMBER = "LS20260302-000001-1"
TOPIC = "lianshen.applications.v1"


async def prepare(url: str) -> None:
    await upgrade_async(Service.DEPARTMENTS, url)


class Whoever:
    """Stands at the place of identity: the token is the role (auth has its own tests)."""

    async def principal(self, token: str) -> Principal:
        return Principal(
            subject=token, ref="a" * 32, roles=frozenset({Role(token)}), department=None, client="c"
        )


class Effects:
    """A handler whose trouble the test ends."""

    def __init__(self) -> None:
        self.broken = True
        self.applied: list[int] = []

    async def handle(self, _conn: Connection, events: Sequence[Received]) -> None:
        if self.broken:
            raise RuntimeError("110101199003070011")
        self.applied += [event.seq for event in events]


@pytest_asyncio.fixture
async def pool(databases: Databases) -> AsyncIterator[Pool]:
    url = await databases.fresh("operations", prepare)
    async with asyncpg.create_pool(url, min_size=1, max_size=4) as pool:
        yield pool


def withdrawn(seq: int) -> Raw:
    body: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "type": "lianshen.application.withdrawn.v1",
        "source": "intake",
        "subject": NUMBER,
        "time": datetime.now(UTC),
        "seq": seq,
        "data": {"application": NUMBER, "withdrawn_at": datetime.now(UTC)},
    }
    return Raw(topic=TOPIC, value=orjson.dumps(body), key=NUMBER.encode(), partition=0, offset=seq)


@asynccontextmanager
async def serve(pool: Pool, inbox: Inbox, role: str) -> AsyncIterator[httpx2.AsyncClient]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = create_app(
        title="t",
        description="t",
        version="1",
        routers=[operations.router],
        settings=HttpSettings(),
        lifespan=lifespan,
    )
    app.state.authenticator = Whoever()
    operations.provide(app, pool=pool, inbox=inbox, clock=SystemClock())
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(
        transport=transport,
        base_url="http://test/v1/operations",
        headers={"authorization": f"Bearer {role}"},
    ) as client:
        yield client


async def acts(pool: Pool) -> list[str]:
    return [row["act"] for row in await pool.fetch("SELECT act FROM audit_leaf ORDER BY id")]


async def test_a_dead_letter_is_seen_replayed_and_given_up(pool: Pool) -> None:
    effects = Effects()
    inbox = Inbox(handler=effects.handle, attempts=1)
    await inbox.take(pool, [withdrawn(1), withdrawn(2), Raw(topic=TOPIC, value=b"not json")])
    async with serve(pool, inbox, "operator") as client:
        listed = (await client.get("/dead-letters")).json()
        assert "110101199003070011" not in str(listed)
        by_seq = {one["seq"]: one["id"] for one in listed["items"]}
        assert {one["application"] for one in listed["items"]} == {NUMBER, None}

        failing = await client.post(f"/dead-letters/{by_seq[1]}/replay")
        assert failing.status_code == 409
        assert failing.json()["type"].endswith("dead-letter-still-failing")
        assert "110101199003070011" not in failing.text

        effects.broken = False
        replayed = await client.post(f"/dead-letters/{by_seq[1]}/replay")
        assert replayed.json() == {"id": by_seq[1], "state": "replayed"}
        assert effects.applied[0] == 1
        assert (await client.post(f"/dead-letters/{by_seq[1]}/replay")).status_code == 404

        given_up = await client.post(f"/dead-letters/{by_seq[None]}/discard")
        assert given_up.json()["state"] == "discarded"
        discarded = (await client.get("/dead-letters?state=discarded")).json()["items"]
        assert [one["resolved_by"] for one in discarded] == ["a" * 32]
        assert (await client.post("/dead-letters/999/discard")).status_code == 404
    assert await acts(pool) == ["dead_letter.replay"] * 3 + ["dead_letter.discard"] * 2


async def test_pages_of_dead_letters(pool: Pool) -> None:
    inbox = Inbox(handler=Effects().handle, attempts=1)
    await inbox.take(pool, [Raw(topic=TOPIC, value=b"%d" % number) for number in range(5)])
    async with serve(pool, inbox, "operator") as client:
        seen: list[int] = []
        after: str | None = ""
        while after is not None:
            page = (await client.get(f"/dead-letters?limit=2{after}")).json()
            seen += [one["id"] for one in page["items"]]
            after = f"&after={page['next']}" if page["next"] else None
        assert seen == sorted(seen, reverse=True)
        assert len(set(seen)) == 5
        assert (await client.get("/dead-letters?after=x!")).status_code == 400
        assert (await client.get("/dead-letters?limit=101")).status_code == 422


async def test_what_waits_is_told_to_a_monitoring_system(pool: Pool) -> None:
    inbox = Inbox(handler=Effects().handle, attempts=1)
    await inbox.take(pool, [withdrawn(1), withdrawn(2), Raw(topic=TOPIC, value=b"not json")])
    await pool.execute("UPDATE inbox SET received_at = now() - interval '1 hour'")
    beat = Beat(loop="relay", at=datetime.now(UTC), progress_at=datetime.now(UTC))
    await Writer(pool, "host-1").write([beat])
    async with serve(pool, inbox, "operator") as client:
        assert (await client.get("/nothing")).status_code == 404
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = dict(
        line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")
    )
    letters = await pool.fetchval("SELECT count(*) FROM dead_letter WHERE state = 'open'")
    assert float(found['lianshen_backlog_rows{state="dead"}']) == letters > 0
    assert float(found['lianshen_backlog_rows{state="parked"}']) == 1
    assert 3600 <= float(found['lianshen_queue_age_seconds{queue="inbox"}']) < 3700
    assert found['lianshen_queue_age_seconds{queue="outbox"}'] == "0"
    assert found['lianshen_requests_total{status="4xx"}'] == "1"
    age = found['lianshen_loop_progress_age_seconds{loop="relay",instance="host-1"}']
    assert 0 <= float(age) < 60
    assert NUMBER not in answer.text


async def test_operators_alone_may_look_or_act(pool: Pool) -> None:
    inbox = Inbox(handler=Effects().handle, attempts=1)
    for role in Role:
        if role is Role.OPERATOR:
            continue
        async with serve(pool, inbox, role) as client:
            assert (await client.get("/dead-letters")).status_code == 403
            assert (await client.get("/metrics")).status_code == 403
            assert (await client.post("/dead-letters/1/replay")).status_code == 403
            assert (await client.post("/dead-letters/1/discard")).status_code == 403
    assert await acts(pool) == []
