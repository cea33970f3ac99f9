"""A departments' service without its broker: real Postgres, real handler, real API, real tokens."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey

from services.contracts.envelope import Envelope
from services.contracts.events import Due, Event, TaskCancelled, TaskIssued, TaskLapseDue
from services.contracts.topics import tasks_topic
from services.contracts.vocabulary import Authority, Part, Service, Silence
from services.departments import (
    api,
    assigning_api,
    authority,
    authority_api,
    clocks_api,
    extending_api,
    sessions_api,
)
from services.departments.authority import Rule
from services.departments.consumer import Tasks
from services.departments.sessions_timing import Timing
from services.departments.settings import Settings
from services.runtime import migrate
from services.runtime.auth import Authenticator, KeyRing
from services.runtime.catalogue_shelf import Shelf
from services.runtime.clock import ManualClock
from services.runtime.db import Pool
from services.runtime.hashing import Hasher
from services.runtime.messages import Received
from services.runtime.settings import CatalogueSettings, HttpSettings
from services.runtime.web.app import create_app
from tests.conftest import Databases

ISSUER = "https://id.example"
HASHER = Hasher(b"0123456789abcdef")
KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
DUE = Due(
    promised_on=date(2026, 3, 5),
    promised_at=datetime(2026, 3, 5, 9, 0, tzinfo=UTC),
    statutory_on=date(2026, 3, 30),
    statutory_at=datetime(2026, 3, 30, 9, 0, tzinfo=UTC),
    provisional=False,
)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
REFUSAL = {"outcome": "refused", "reasons": ["不符合规划条件"], "remedies": ["可申请行政复议"]}
_numbers = count(1)


def number() -> str:
    """A new application number."""
    return f"MX20260302-{next(_numbers):06d}-7"


def ref(subject: str) -> str:
    """The keyed hash of a subject, as the tokens' bearers have it."""
    return HASHER.ref(f"{ISSUER}\n{subject}")


def token(subject: str, department: str | None, *roles: str, **more: str) -> dict[str, str]:
    """The header of somebody's access token; `more`: further claims."""
    now = time.time()
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": "lianshen",
        "sub": subject,
        "client_id": "window",
        "iat": now,
        "exp": now + 3600,
        "roles": list(roles),
        **more,
    }
    if department is not None:
        claims["department"] = department
    head = {"alg": "ES256", "typ": "at+jwt", "kid": "one"}
    return {"authorization": f"Bearer {jwt.encode(head, claims, KEY, algorithms=['ES256'])}"}


OFFICER = token("officer-1", "planning", "officer")
COLLEAGUE = token("officer-2", "planning", "officer")
CHIEF = token("chief-1", "planning", "chief_representative")
HEAD = token("head-1", "planning", "department_head")
FIRE_CHIEF = token("chief-2", "fire", "chief_representative")
SUPERVISOR = token("supervisor-1", None, "supervisor")
OPERATOR = token("operator-1", None, "operator")
INVESTOR = token("investor-1", None, "investor")


def issued(
    *,
    department: str = "planning",
    item: str = "A-PERMIT",
    part: Part = Part.DECIDE,
    application: str | None = None,
    round_: int = 1,
    **fields: Any,
) -> TaskIssued:
    """A task of planning, to decide, due on Thursday."""
    application = application or number()
    given: dict[str, Any] = {
        "step": item,
        "project_code": "P-2026-0001",
        "scenario": "plant",
        "facts": {"floor_area": 1200, "is_large": True},
        "catalogue_version": "2026.1",
        "authority": Authority.REPRESENTATIVE,
        "silence": Silence.NONE,
        "participants": (department,),
        "applicant_refs": (ref("investor-1"),),
        "issued_at": NOW,
        "due": DUE,
    }
    return TaskIssued(
        application=application,
        task=f"{application}/{item}/{department}/{round_}",
        item=item,
        department=department,
        part=part,
        round=round_,
        **(given | fields),
    )


def consult(**fields: Any) -> TaskIssued:
    """A task to give an opinion on; its silence means no objection."""
    return issued(part=Part.CONSULT, **({"silence": Silence.NO_OBJECTION} | fields))


def cancelled(task: TaskIssued, **fields: Any) -> TaskCancelled:
    return TaskCancelled(
        application=task.application,
        task=task.task,
        department=task.department,
        reason="the application was withdrawn",
        cancelled_at=NOW + timedelta(hours=1),
        **fields,
    )


def lapse_due(task: TaskIssued, **fields: Any) -> TaskLapseDue:
    given = {"due_at": task.due.promised_at} | fields
    return TaskLapseDue(
        application=task.application, task=task.task, department=task.department, **given
    )


def received(event: Any, *, topic: str | None = None, traceparent: str = TRACE) -> Received:
    """An event as the consumer hands it over."""
    envelope = Envelope(
        id=uuid4(),
        type=event.TYPE,
        source=Service.ORCHESTRATOR,
        subject=event.application,
        time=NOW,
        seq=1,
        traceparent=traceparent,
        data={},
    )
    return Received(envelope=envelope, event=event, topic=topic or tasks_topic(event.department))


@dataclass(kw_only=True)
class Desk:
    """The service, its database and its clock, in a test's hands."""

    pool: Pool
    client: httpx2.AsyncClient
    clock: ManualClock
    app: FastAPI
    url: str
    keys: "count[int]" = field(default_factory=lambda: count(1))

    async def put(self, *events: Event) -> list[int]:
        """Hand events to the consumer's handler; return the ids of the tasks issued, in order."""
        async with self.pool.acquire() as conn, conn.transaction():
            await Tasks(self.clock, shelf())(conn, [received(event) for event in events])
            names = [event.task for event in events if isinstance(event, TaskIssued)]
            found = await conn.fetch("SELECT id, task FROM task WHERE task = ANY ($1)", names)
        ids = {row["task"]: row["id"] for row in found}
        return [ids[name] for name in names]

    async def get(self, path: str, who: Mapping[str, str], **params: Any) -> httpx2.Response:
        return await self.client.get(f"/v1{path}", headers=dict(who), params=params)

    async def post(
        self,
        path: str,
        who: Mapping[str, str],
        body: Any = None,
        *,
        version: int | None = 1,
        key: str | None = None,
    ) -> httpx2.Response:
        headers = {**who, "idempotency-key": key or f"test-key-{next(self.keys)}"}
        if version is not None:
            headers["if-match"] = f'"{version}"'
        return await self.client.post(f"/v1{path}", headers=headers, json=body)

    async def require(self) -> None:
        """From now on a decision needs a written authorisation."""
        async with self.pool.acquire() as conn, conn.transaction():
            assert await authority.adopt(conn, self.clock, Rule.REQUIRED)

    async def decide(self, task: int, body: Any, who: Mapping[str, str] = CHIEF) -> httpx2.Response:
        return await self.post(f"/tasks/{task}/decision", who, body)

    async def rows(self, query: str, *values: Any) -> Sequence[asyncpg.Record]:
        async with self.pool.acquire() as conn:
            return await conn.fetch(query, *values)

    async def value(self, query: str, *values: Any) -> Any:
        async with self.pool.acquire() as conn:
            return await conn.fetchval(query, *values)


@cache
def shelf() -> Shelf:
    """The county's catalogue and calendar, read once."""
    return Shelf(CatalogueSettings())


async def prepare(url: str) -> None:
    await migrate.upgrade_async(Service.DEPARTMENTS, url)


@asynccontextmanager
async def open_desk(databases: Databases) -> AsyncIterator[Desk]:
    """A service over a fresh database."""

    async def keys() -> Mapping[str, Any]:
        return {"keys": [KEY.as_dict(private=False)]}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    url = await databases.fresh("queues", prepare)
    clock = ManualClock(NOW + timedelta(hours=2))
    app = create_app(
        title="test",
        description="test",
        version="1",
        routers=[
            *(api.router, assigning_api.router, authority_api.router, clocks_api.router),
            extending_api.router,
            *(sessions_api.router, sessions_api.officers, api.operations),
        ],
        settings=HttpSettings(),
        lifespan=lifespan,
    )
    app.state.authenticator = Authenticator(
        issuer=ISSUER, audience="lianshen", keys=KeyRing(keys), hasher=HASHER
    )
    transport = httpx2.ASGITransport(app=app)
    async with (
        asyncpg.create_pool(url, min_size=2, max_size=10) as pool,
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        app.state.pool, app.state.clock = pool, clock
        app.state.settings, app.state.shelf = Settings(), shelf()
        app.state.timing = Timing(at_once=1, seconds=10.0)
        yield Desk(pool=pool, client=client, clock=clock, app=app, url=url)


def code_of(answer: httpx2.Response) -> str:
    """The code of a problem, or `ok`."""
    if answer.is_success:
        return "ok"
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return str(answer.json()["type"]).removeprefix("urn:lianshen:problem:")
