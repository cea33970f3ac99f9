"""The departments' service as one process: HTTP, consumer, relay, sealer and sweeper."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import uvicorn
import uvloop
from fastapi import FastAPI

from services.contracts.topics import decisions_topic, receipts_topic, tasks_topic
from services.contracts.vocabulary import DepartmentSystem, Service
from services.departments import api
from services.departments.consumer import Tasks
from services.departments.settings import Settings
from services.departments.sweeper import Sweeper
from services.runtime import audit, auth, logs, telemetry
from services.runtime.catalogue_shelf import Shelf
from services.runtime.clock import Clock, SystemClock, read
from services.runtime.consumer import Consumer
from services.runtime.db import Pool, open_pool
from services.runtime.hashing import Hasher
from services.runtime.heartbeats import ALARM_AFTER_S
from services.runtime.inbox import Inbox
from services.runtime.loops import Loop, Loops, Pulse, every
from services.runtime.notes import Signer
from services.runtime.relay import Relay
from services.runtime.web import health, idempotency, operations
from services.runtime.web.app import create_app

NAME = Service.DEPARTMENTS
KEYS_KEPT = timedelta(days=7)
"""How long (real time) a repeated request gets its first answer: longer than any client retries."""
PURGE_EVERY_S = 30.0
GRACE_S = 10


class SettingsError(ValueError):
    """A setting that the service cannot do without is missing."""


def build(settings: Settings) -> FastAPI:
    """Return the application; its lifespan opens and starts everything, and ends it in order."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _running(app, settings):
            yield

    return create_app(
        title="联审 departments",
        description="A queue for each department: list, claim, give opinions, decide. "
        "Every query is scoped by the department that the bearer token names.",
        version="1",
        routers=[api.router, api.operations, operations.router],
        settings=settings.http,
        lifespan=lifespan,
    )


@asynccontextmanager
async def _running(app: FastAPI, settings: Settings) -> AsyncIterator[None]:
    telemetry.setup(NAME, settings.telemetry)
    shelf = await asyncio.to_thread(Shelf, settings.catalogue)
    clock = _clock(settings, shelf)
    hasher = _hasher(settings)
    async with (
        httpx2.AsyncClient() as client,
        await open_pool(settings.database, service=NAME) as pool,
    ):
        app.state.settings, app.state.shelf = settings, shelf
        app.state.pool, app.state.clock = pool, clock
        app.state.authenticator = auth.connect(settings.oidc, hasher, client)
        kafka = settings.kafka
        inbox = Inbox(handler=Tasks(clock), attempts=kafka.attempts, dedup=kafka.dedup)
        operations.provide(app, pool=pool, inbox=inbox, clock=clock)
        loops = Loops(_loops(settings, shelf, pool, clock, inbox), service=NAME, pool=pool)
        _add_checks(app, pool, loops)
        async with loops:
            yield
    telemetry.shutdown()


def _clock(settings: Settings, shelf: Shelf) -> Clock:
    state = settings.clock.state_file
    if settings.clock.seconds_per_working_day is None or state is None:
        return SystemClock()
    return read(state, shelf.calendar)


def _hasher(settings: Settings) -> Hasher:
    if settings.hash_key is None:
        raise SettingsError("LIANSHEN_HASH_KEY is not set")
    return Hasher(settings.hash_key.get_secret_value())


def shared_departments(shelf: Shelf) -> list[str]:
    """Return the departments that work in our queues, sorted."""
    systems = shelf.systems.items()
    return sorted(code for code, system in systems if system is DepartmentSystem.SHARED)


def _loops(settings: Settings, shelf: Shelf, pool: Pool, clock: Clock, inbox: Inbox) -> list[Loop]:
    """Return the loops in the order they are stopped in: what feeds the relay first."""
    departments, kafka = shared_departments(shelf), settings.kafka
    consumer = Consumer(
        pool=pool,
        settings=kafka,
        name=NAME,
        topics=[*map(tasks_topic, departments), receipts_topic(NAME)],
        inbox=inbox,
    )
    relay = Relay(
        pool=pool, settings=kafka, service=NAME, topics=[*map(decisions_topic, departments)]
    )
    sweeper = Sweeper(pool, clock, grace=settings.sweeper.grace)
    found = [
        Loop(name="consumer", body=consumer.run),
        Loop(name="sweeper", body=sweeper.body(settings.sweeper.every)),
        Loop(name="keys", body=every(PURGE_EVERY_S, lambda: _purge(pool))),
    ]
    if settings.audit.key_file is not None:
        sealer = audit.Sealer(pool, Signer.load(NAME, settings.audit.key_file))
        found.append(Loop(name="sealer", body=every(settings.audit.seal_seconds, sealer.seal)))
    return [*found, Loop(name="relay", body=relay.run)]


async def _purge(pool: Pool) -> int:
    async with pool.acquire() as conn:
        return await idempotency.purge(conn, datetime.now(UTC) - KEYS_KEPT)


def _add_checks(app: FastAPI, pool: Pool, loops: Loops) -> None:
    async def database() -> None:
        async with pool.acquire() as conn:
            await conn.fetchval("SELECT 1")

    health.add_check(app, "database", database)
    for name, pulse in loops.pulses.items():
        health.add_check(app, name, _check_of(pulse))


def _check_of(pulse: Pulse) -> health.Check:
    """The consumer and the relay make progress only while the broker answers them."""

    async def check() -> None:
        silent = pulse.since_progress
        if silent > ALARM_AFTER_S:
            message = f"no progress for {silent:.0f} s ({pulse.detail or 'silent'})"
            raise health.NotReadyError(message)

    return check


async def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        build(settings),
        host=settings.http.host,
        port=settings.http.port,
        forwarded_allow_ips=settings.http.trusted_proxies,
        timeout_graceful_shutdown=GRACE_S,
        log_config=None,
        access_log=False,
        server_header=False,
    )
    await uvicorn.Server(config).serve()


def main() -> None:
    """Read the settings from the environment and serve."""
    settings = Settings()
    logs.configure(NAME, settings.telemetry.log_level)
    uvloop.run(serve(settings))
