"""The orchestrator without its broker: real Postgres, real handler, real core; Temporal on demand.

The county is the restaurant's: two permits at once, then a joint inspection of three permits and a
unit that is consulted and may keep silent, with one round of rectification.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import msgspec
import orjson
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey
from temporalio.client import Client, WorkflowHandle

from services.contracts.events import (
    ApplicationSubmitted,
    Event,
    ExaminationDone,
    MaterialRef,
    SessionTold,
    TaskDecided,
    TaskExtended,
    TaskLapsed,
    TaskPaused,
    TaskPauseEnded,
)
from services.contracts.topics import APPLICATIONS, decisions_topic
from services.contracts.vocabulary import DepartmentSystem, Outcome, Role, Service
from services.domain.approval import apply, begin
from services.domain.case import Accepted, AnyEvent, Case, Decided
from services.domain.plan import Plan
from services.domain.route import Route
from services.orchestrator import figures_api
from services.orchestrator.activities import Activities
from services.orchestrator.app import build
from services.orchestrator.consumer import Intake
from services.orchestrator.deliver import Deliverer
from services.orchestrator.forecast import Forecaster
from services.orchestrator.reprojection import Calendars
from services.orchestrator.settings import Settings, TemporalSettings
from services.orchestrator.starting import Starter
from services.orchestrator.supervision_turns import Supervision
from services.orchestrator.turns import TurnInput
from services.orchestrator.worker import build_worker, connect
from services.orchestrator.workflow import workflow_id
from services.orchestrator.writer import TurnWriter
from services.runtime.auth import Authenticator, KeyRing
from services.runtime.catalogue_shelf import Shelf
from services.runtime.clock import ManualClock
from services.runtime.db import Pool
from services.runtime.hashing import Hasher
from services.runtime.inbox import Inbox, Taken
from services.runtime.messages import Outgoing, Raw, encode, new_event_id
from services.runtime.settings import CatalogueSettings
from services.runtime.web import operations

ISSUER = "https://id.example"
HASHER = Hasher(b"0123456789abcdef")
START = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
"""A Monday, half past nine in the county."""
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SCENARIO = "restaurant"
LICENCE, DRAINS = "BUSINESS-LICENCE", "FIT-OUT-DRAINS"
FIRE, FOOD, SIGN = "FIRE-CHECK", "FOOD-PERMIT", "SIGNBOARD"
JOINT = "opening-inspection"
MARKET, CITY, BRIGADE, HEALTH = (
    "market-supervision",
    "city-appearance",
    "fire-rescue",
    "food-health",
)
DECIDES = {LICENCE: MARKET, DRAINS: CITY, FIRE: BRIGADE, FOOD: MARKET, SIGN: CITY}
WHO = "9f2c" * 8
REASONS, REMEDIES = ("疏散宽度不足",), ("六十日内可申请行政复议",)
_KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
_numbers = count(1)
FROM_DEPARTMENTS = (
    *(ExaminationDone, TaskDecided, TaskLapsed),
    *(TaskPaused, TaskPauseEnded, TaskExtended, SessionTold),
)


@cache
def shelf() -> Shelf:
    """The restaurant's county; reading it takes longer than most tests."""
    return Shelf(
        CatalogueSettings(
            folder=Path("tests/fixtures/restaurant"), calendar_folder=Path("deploy/calendar")
        )
    )


@cache
def supervision() -> Supervision:
    """The shipped rules of supervision."""
    return Supervision.read(Path("deploy/supervision/rules.yaml"), lambda: shelf().calendar)


def number() -> str:
    """A new application number; no two tests of a session share a workflow."""
    return f"NX20260302-{next(_numbers):06d}-3"


def plan() -> Plan:
    """The plan of the scenario's example, handed in on START."""
    catalogue = shelf().current(date(2026, 3, 2))
    return shelf().plan(
        catalogue.county.version,
        SCENARIO,
        catalogue.scenario_by_code[SCENARIO].example,
        {},
        date(2026, 3, 2),
    )


def submitted(**changes: Any) -> ApplicationSubmitted:
    """An application as intake sends it."""
    catalogue = shelf().current(date(2026, 3, 2))
    given: dict[str, Any] = {
        "application": number(),
        "project_code": "P-2026-0001",
        "scenario": SCENARIO,
        "facts": catalogue.scenario_by_code[SCENARIO].example,
        "catalogue_version": catalogue.county.version,
        "calendar_version": shelf().calendar.version,
        "plan_digest": plan().digest,
        "applicant_refs": ("ab" * 16,),
        "materials": (MaterialRef(material="floor-plan", sha256="0" * 64),),
        "submitted_at": START,
    }
    return ApplicationSubmitted(**given | changes)


def task(application: str, item: str, department: str | None = None, round_: int = 1) -> str:
    """The name of a task; of the department that decides the item, unless another is named."""
    return f"{application}/{item}/{department or DECIDES[item]}/{round_}"


def decided(name: str, outcome: Outcome = Outcome.GRANTED, **changes: Any) -> TaskDecided:
    """A department's word, with what its outcome needs."""
    application, item, department, _ = name.split("/")
    given: dict[str, Any] = {
        "application": application,
        "task": name,
        "department": department,
        "outcome": outcome,
        "actor_ref": WHO,
        "actor_role": Role.CHIEF_REPRESENTATIVE,
        "decided_at": START + HOUR,
    }
    if outcome is Outcome.GRANTED:
        given["result_number"] = f"{item}-〔2026〕1"
    if outcome in {Outcome.REFUSED, Outcome.OBJECTION}:
        given["reasons"] = REASONS
    if outcome is Outcome.REFUSED:
        given["remedies"] = REMEDIES
    return TaskDecided(**given | changes)


@dataclass
class Story:
    """One application driven by the core alone: its turns hold real commands."""

    case: Case
    turn: int = 0

    def next(self, *events: AnyEvent) -> TurnInput:
        """Return the turn in which these events are applied."""
        commands: list[Any] = []
        for event in events:
            self.case, found = apply(self.case, event)
            commands += found
        self.turn += 1
        return TurnInput(
            application=self.case.route.application,
            turn=self.turn,
            events=msgspec.to_builtins(list(events)),
            commands=tuple(commands),
        )

    def accepted(self) -> TurnInput:
        """Return the first turn."""
        return self.next(Accepted(at=START))

    def decide(self, item: str, outcome: Outcome = Outcome.GRANTED, **of: Any) -> Decided:
        """Return the event that a department decided, an hour after START unless `at` says else."""
        given = {"at": START + HOUR, "ref": ""} | of
        department, round_ = given.pop("department", None), given.pop("round_", 1)
        name = task(self.case.route.application, item, department, round_)
        return Decided(task=name, outcome=outcome, **given)


@dataclass(kw_only=True)
class Kit:
    """One orchestrator's database, and ways to act on it."""

    pool: Pool
    clock: ManualClock = field(default_factory=lambda: ManualClock(START + 2 * HOUR))
    systems: dict[str, DepartmentSystem] = field(default_factory=lambda: shelf().systems)
    _seqs: dict[tuple[str, str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.writer = TurnWriter(self.pool, self.clock, self.systems, supervision=supervision())
        self.inbox = Inbox(
            handler=Intake(shelf(), self.clock, supervision()), deferred=True, attempts=1
        )

    async def take(self, *events: Event, source: str | None = None) -> Taken:
        """Let events arrive, in one batch."""
        return await self.inbox.take(self.pool, [self.raw(event, source) for event in events])

    def raw(self, event: Any, source: str | None = None, event_id: UUID | None = None) -> Raw:
        """An event as a record of the broker, numbered within its stream."""
        if isinstance(event, FROM_DEPARTMENTS):
            topic, usual = decisions_topic(event.department), str(Service.DEPARTMENTS)
        else:
            topic, usual = APPLICATIONS.name, str(Service.INTAKE)
        source = source or usual
        seq = next(self._seqs.setdefault((event.application, topic, source), count(1)))
        outgoing = Outgoing(
            topic=topic, application=event.application, event=event, at=START, consumers=()
        )
        found = event_id or new_event_id()
        value = encode(outgoing, source=source, event_id=found, seq=seq)
        return Raw(topic=topic, value=value, key=event.application.encode())

    async def received(self, event: ApplicationSubmitted | None = None) -> str:
        """Let an application arrive; return its number."""
        event = event or submitted()
        assert (await self.take(event)).applied == 1
        return event.application

    async def story(self, event: ApplicationSubmitted | None = None) -> Story:
        """Let an application arrive; return it, to be driven by hand."""
        application = await self.received(event)
        row = await self.one("SELECT route FROM application WHERE number = $1", application)
        route = msgspec.json.decode(row["route"], type=Route)
        return Story(begin(route, shelf().calendar, START))

    async def told(self, event: TaskDecided) -> str:
        """Let a department's word arrive; return its id, by which the core refers to it."""
        assert (await self.take(event)).applied == 1
        row = await self.one("SELECT event_id FROM inbox ORDER BY arrival DESC LIMIT 1")
        return str(row["event_id"])

    async def said(self, application: str) -> list[dict[str, Any]]:
        """Everything in the outbox about an application: topic, type, data, who is awaited."""
        rows = await self.rows(
            "SELECT topic, type, payload, awaiting FROM outbox WHERE application = $1 ORDER BY id",
            application,
        )
        return [
            {
                "topic": row["topic"],
                "type": row["type"].removeprefix("lianshen.").removesuffix(".v1"),
                "data": orjson.loads(row["payload"])["data"],
                "awaiting": list(row["awaiting"]),
            }
            for row in rows
        ]

    async def progressed(self, application: str) -> list[dict[str, Any]]:
        """What the investor was told, turn by turn."""
        said = await self.said(application)
        return [one["data"] for one in said if one["type"] == "application.progressed"]

    async def rows(self, query: str, *values: Any) -> Sequence[Any]:
        return await self.pool.fetch(query, *values)

    async def one(self, query: str, *values: Any) -> Any:
        found = await self.pool.fetchrow(query, *values)
        assert found is not None
        return found

    async def value(self, query: str, *values: Any) -> Any:
        return await self.pool.fetchval(query, *values)

    async def undelivered(self) -> int:
        """How many messages no workflow has been given."""
        return int(await self.value("SELECT count(*) FROM inbox WHERE delivered_at IS NULL"))

    async def tasks(self, application: str) -> dict[str, str]:
        """The state of every task issued, by item, department and round."""
        rows = await self.rows("SELECT task, state FROM task WHERE application = $1", application)
        return {row["task"].partition("/")[2]: row["state"] for row in rows}


@dataclass(kw_only=True)
class Engine:
    """A deliverer and its Temporal, with queues of their own."""

    kit: Kit
    client: Client
    settings: TemporalSettings
    deliverer: Deliverer

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Run the worker. What is started without one waits in the queue."""
        activities = Activities(self.kit.writer, self.kit.clock)
        async with build_worker(self.client, self.settings, activities):
            yield

    def handle(self, application: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(workflow_id(application))

    async def ended(self, application: str) -> str:
        """Wait for the end of a workflow, not for ever; return its conclusion."""
        async with asyncio.timeout(20):
            return str(await self.handle(application).result())

    async def kept(self, application: str) -> bytes:
        """Everything that Temporal keeps of a workflow, payloads as they are."""
        history = await self.handle(application).fetch_history()
        return b"".join(event.SerializeToString() for event in history.events)

    async def deliver(self) -> int:
        """Hand over one batch."""
        return await self.deliverer.turn()


async def engine(kit: Kit, address: str, *, pace: float = 0.0) -> Engine:
    """Connect to Temporal, on a task queue that nobody else works on."""
    settings = TemporalSettings(address=address, task_queue=f"test-{new_event_id()}")
    client = await connect(settings)
    deliverer = deliverer_of(kit, client, settings.task_queue, pace=pace)
    return Engine(kit=kit, client=client, settings=settings, deliverer=deliverer)


def deliverer_of(kit: Kit, client: Client, task_queue: str, *, pace: float = 0.0) -> Deliverer:
    """Return a deliverer as the service has it."""
    calendars = Calendars(kit.pool, lambda: shelf().calendar)
    starter = Starter(
        client=client,
        task_queue=task_queue,
        calendars=calendars,
        clock=kit.clock,
        carry_out=Activities(kit.writer, kit.clock).carry_out,
    )
    return Deliverer(
        pool=kit.pool,
        client=client,
        starter=starter,
        calendars=calendars,
        clock=kit.clock,
        pace=pace,
    )


def bearer(subject: str, *roles: Role, department: str | None = None) -> dict[str, str]:
    """The header of somebody's access token."""
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": "lianshen",
        "sub": subject,
        "client_id": "test",
        "exp": time.time() + 6 * 3600,
        "roles": [role.value for role in roles],
    }
    if department:
        claims["department"] = department
    head = {"alg": "ES256", "typ": "at+jwt", "kid": "one"}
    return {"authorization": f"Bearer {jwt.encode(head, claims, _KEY, algorithms=['ES256'])}"}


OPERATOR = bearer("operator", Role.OPERATOR)
SUPERVISOR = bearer("supervisor", Role.SUPERVISOR)
INVESTOR = bearer("investor", Role.INVESTOR)
OFFICER = bearer("officer", Role.OFFICER, department=MARKET)
CHIEF = bearer("chief", Role.CHIEF_REPRESENTATIVE, department=MARKET)


@dataclass(kw_only=True)
class Api:
    """The operator API in this process."""

    kit: Kit
    client: httpx2.AsyncClient
    app: FastAPI
    keys: Any = field(default_factory=lambda: count(1))

    async def get(
        self, path: str, who: Mapping[str, str] | None = OPERATOR, **query: Any
    ) -> httpx2.Response:
        return await self.client.get(f"/v1{path}", headers=dict(who or {}), params=query)

    async def post(
        self,
        path: str,
        who: Mapping[str, str] | None = OPERATOR,
        body: Any = None,
        *,
        key: str | None = None,
    ) -> httpx2.Response:
        headers = {**(who or {}), "idempotency-key": key or f"test-key-{next(self.keys)}"}
        return await self.client.post(
            f"/v1{path}", headers=headers, json={"reason": "核实材料"} if body is None else body
        )


@asynccontextmanager
async def serving(kit: Kit, running: Engine, **settings: Any) -> AsyncIterator[Api]:
    """Serve the API without the loops: messages wait until a test has them delivered."""

    async def keys() -> Mapping[str, Any]:
        return {"keys": [_KEY.as_dict(private=False)]}

    given = Settings(temporal=running.settings, **settings)
    app: FastAPI = build(given)
    state = app.state
    state.settings, state.shelf, state.pool, state.clock = given, shelf(), kit.pool, kit.clock
    state.deliverer, state.supervision = running.deliverer, supervision()
    state.forecaster = Forecaster(kit.pool, kit.clock, lambda: shelf().calendar)
    figures_api.provide(app, pool=kit.pool, clock=kit.clock, shelf=shelf(), settings=given.report)
    operations.provide(app, pool=kit.pool, inbox=kit.inbox, clock=kit.clock)
    state.authenticator = Authenticator(
        issuer=ISSUER, audience="lianshen", keys=KeyRing(keys), hasher=HASHER
    )
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Api(kit=kit, client=client, app=app)


def problem_of(answer: httpx2.Response) -> str:
    """The code of a problem, or `ok`."""
    if answer.is_success:
        return "ok"
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return str(answer.json()["type"]).removeprefix("urn:lianshen:problem:")
