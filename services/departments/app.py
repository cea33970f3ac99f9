"""The departments' service as one process: HTTP, consumer, relay, sealer and sweeper."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI

from services.contracts.topics import decisions_topic, receipts_topic, tasks_topic
from services.contracts.vocabulary import DepartmentSystem, Service
from services.departments import (
    api,
    assigning_api,
    authority,
    authority_api,
    clocks_api,
    examination_api,
    extending_api,
    pages,
    sessions_api,
)
from services.departments.consumer import Tasks
from services.departments.forgetting import TURN_S, Forgetting
from services.departments.papers import Papers
from services.departments.sessions_timing import Timing
from services.departments.settings import Settings
from services.departments.sweeper import lapse_sweeper
from services.runtime import auth, logs, service, telemetry
from services.runtime.catalogue_shelf import Shelf
from services.runtime.clock import Clock
from services.runtime.consumer import Consumer
from services.runtime.db import Pool, open_pool
from services.runtime.inbox import Inbox
from services.runtime.loops import Loop, Loops, every
from services.runtime.relay import Relay
from services.runtime.web import operations
from services.runtime.web.app import create_app
from services.runtime.web.site import signing_in

NAME = Service.DEPARTMENTS


def build(settings: Settings, shelf: Shelf | None = None) -> FastAPI:
    """Return the application; its lifespan opens and starts everything, and ends it in order.

    `shelf`: the county's catalogues, if they are read already.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _running(app, settings, shelf):
            yield

    app = create_app(
        title="联审 departments",
        description="A queue for each department: list, claim, give opinions, decide. "
        "Every query is scoped by the department that the bearer token names.",
        version="1",
        routers=[
            api.router,
            assigning_api.router,
            authority_api.router,
            clocks_api.router,
            examination_api.router,
            extending_api.router,
            sessions_api.router,
            sessions_api.officers,
            api.operations,
            operations.router,
        ],
        settings=settings.http,
        lifespan=lifespan,
    )
    pages.install(app, settings)
    return app


@asynccontextmanager
async def _running(app: FastAPI, settings: Settings, read: Shelf | None) -> AsyncIterator[None]:
    telemetry.setup(NAME, settings.telemetry)
    shelf = read or await service.shelf_of(settings)
    clock = service.clock_of(settings, shelf.calendar)
    hasher = service.hasher_of(settings)
    async with (
        httpx2.AsyncClient() as client,
        await open_pool(settings.database, service=NAME) as pool,
    ):
        app.state.settings, app.state.shelf = settings, shelf
        app.state.pool, app.state.clock = pool, clock
        app.state.timing = timing = Timing(
            at_once=settings.sessions.searches, seconds=settings.sessions.search_seconds
        )
        app.state.authenticator = auth.connect(settings.oidc, hasher, client)
        signing_in.connect(app, settings, NAME, client)
        app.state.papers = (
            None if settings.papers_url is None else Papers(settings.papers_url, client)
        )
        async with pool.acquire() as conn, conn.transaction():
            await authority.adopt(conn, clock, authority.Rule(settings.authorisations))
        kafka = settings.kafka
        inbox = Inbox(handler=Tasks(clock, shelf), attempts=kafka.attempts, dedup=kafka.dedup)
        operations.provide(app, pool=pool, inbox=inbox, clock=clock)
        loops = Loops(_loops(settings, shelf, pool, clock, inbox), service=NAME, pool=pool)
        service.add_checks(app, pool, loops)
        async with loops:
            yield
        timing.close()
    telemetry.shutdown()


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
    sweeper = lapse_sweeper(pool, clock, grace=settings.sweeper.grace)
    return [
        Loop(name="consumer", body=consumer.run),
        Loop(name="sweeper", body=sweeper.body(settings.sweeper.every)),
        Loop(name="forgetting", body=every(TURN_S, Forgetting(pool, clock).turn)),
        *service.housekeeping(settings, pool, NAME),
        Loop(name="relay", body=relay.run),
    ]


async def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT. Raises StartError."""
    shelf = await service.shelf_of(settings)
    await service.serve(build(settings, shelf), settings.http)


def main() -> None:
    """Read the settings from the environment and serve."""
    settings = Settings()
    logs.configure(NAME, settings.telemetry.log_level)
    service.start(NAME, lambda: serve(settings))
