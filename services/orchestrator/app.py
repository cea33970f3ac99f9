"""The orchestrator as one process: HTTP, consumer, deliverer, Temporal worker, relay, sweeper.

Consumer and worker share a process: what the consumer takes in is carried out by a writer at hand,
and the first tasks are out before Temporal has told anybody of the application.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI
from temporalio.client import Client

from services.contracts.topics import (
    APPLICATIONS,
    PROGRESS,
    decisions_topic,
    receipts_topic,
    tasks_topic,
)
from services.contracts.vocabulary import Service
from services.orchestrator import (
    api,
    clock_store,
    clocks_api,
    figures_api,
    forecast_api,
    limits_api,
    operating_api,
    pages,
    ratings_api,
    supervision_api,
    worker,
)
from services.orchestrator.activities import Activities
from services.orchestrator.consumer import Intake
from services.orchestrator.deliver import Deliverer
from services.orchestrator.forecast import Forecaster
from services.orchestrator.reprojection import Calendars
from services.orchestrator.settings import Settings
from services.orchestrator.simulating import Simulator
from services.orchestrator.starting import Starter
from services.orchestrator.supervision_sensors import Sensors
from services.orchestrator.supervision_turns import Supervision
from services.orchestrator.sweeper import timer_sweeper
from services.orchestrator.writer import TurnWriter
from services.runtime import auth, logs, service, telemetry
from services.runtime.catalogue_shelf import Shelf
from services.runtime.consumer import Consumer
from services.runtime.db import Pool, open_pool
from services.runtime.inbox import Inbox
from services.runtime.loops import Loop, Loops, every
from services.runtime.relay import Relay
from services.runtime.sweeper import Sweeper
from services.runtime.web import health, operations
from services.runtime.web.app import create_app
from services.runtime.web.site import signing_in

NAME = Service.ORCHESTRATOR


def build(settings: Settings, shelf: Shelf | None = None) -> FastAPI:
    """Return the application; its lifespan opens and starts everything, and ends it in order.

    `shelf`: the county's catalogues, if they are read already.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _running(app, settings, shelf):
            yield

    app = create_app(
        title="联审 orchestrator",
        description="For operators and supervisors: every application, its graph, its journal, its "
        "deadlines explained day by day; hold and resume; dead letters.",
        version="1",
        routers=[
            *(api.router, clocks_api.router, forecast_api.router, operations.router),
            *(ratings_api.router, figures_api.router, figures_api.public),
            *(limits_api.router, operating_api.router),
            supervision_api.router,
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
    temporal = await worker.connect(settings.temporal)
    async with (
        httpx2.AsyncClient() as client,
        await open_pool(settings.database, service=NAME) as pool,
    ):
        async with pool.acquire() as conn:
            await clock_store.keep_calendar(conn, shelf.calendar)
        supervision = await asyncio.to_thread(
            Supervision.read, settings.supervision.rules, lambda: shelf.calendar
        )
        pace = settings.kafka.pace
        activities = Activities(
            TurnWriter(pool, clock, shelf.systems, pace=pace, supervision=supervision), clock
        )
        calendars = Calendars(pool, lambda: shelf.calendar)
        starter = Starter(
            client=temporal,
            task_queue=settings.temporal.task_queue,
            calendars=calendars,
            clock=clock,
            carry_out=activities.carry_out if settings.temporal.first_turn_ahead else None,
        )
        deliverer = Deliverer(
            pool=pool, client=temporal, starter=starter, calendars=calendars, clock=clock, pace=pace
        )
        state = app.state
        state.settings, state.shelf, state.pool, state.clock = settings, shelf, pool, clock
        state.deliverer = deliverer
        state.forecaster = Forecaster(pool, clock, lambda: shelf.calendar)
        state.authenticator = auth.connect(settings.oidc, hasher, client)
        signing_in.connect(app, settings, NAME, client)
        state.supervision = supervision
        state.simulator = Simulator(settings.catalogue)
        sensors = Sensors(pool, clock, supervision, settled=settings.supervision.settled)
        measurer = figures_api.provide(
            app, pool=pool, clock=clock, shelf=shelf, settings=settings.report
        )
        kafka = settings.kafka
        inbox = Inbox(
            handler=Intake(shelf, clock, supervision),
            deferred=True,
            attempts=kafka.attempts,
            dedup=kafka.dedup,
        )
        operations.provide(app, pool=pool, inbox=inbox, clock=clock)
        sweeper = timer_sweeper(pool, clock, grace=settings.sweeper.grace)
        found = _loops(settings, shelf, pool, inbox, deliverer, sweeper)
        found.insert(0, Loop(name="figures", body=measurer.body(settings.report.measure_every)))
        found.insert(0, Loop(name="sensors", body=every(settings.supervision.every, sensors.look)))
        loops = Loops(found, service=NAME, pool=pool)
        service.add_checks(app, pool, loops)
        health.add_check(app, "temporal", lambda: _check_temporal(temporal))
        async with worker.build_worker(temporal, settings.temporal, activities), loops:
            yield
    telemetry.shutdown()


def _loops(
    settings: Settings,
    shelf: Shelf,
    pool: Pool,
    inbox: Inbox,
    deliverer: Deliverer,
    sweeper: Sweeper,
) -> list[Loop]:
    """Return the loops in the order they are stopped in: what feeds the others first."""
    departments = sorted(shelf.departments)
    consumer = Consumer(
        pool=pool,
        settings=settings.kafka,
        name=NAME,
        topics=[APPLICATIONS.name, *map(decisions_topic, departments), receipts_topic(NAME)],
        inbox=inbox,
        after_commit=lambda taken: deliverer.wake.set() if taken.applied else None,
    )
    relay = Relay(
        pool=pool,
        settings=settings.kafka,
        service=NAME,
        topics=[PROGRESS.name, *map(tasks_topic, departments)],
    )
    return [
        Loop(name="consumer", body=consumer.run),
        Loop(name="deliverer", body=deliverer.run),
        Loop(name="sweeper", body=sweeper.body(settings.sweeper.every)),
        *service.housekeeping(settings, pool, NAME),
        Loop(name="relay", body=relay.run),
    ]


async def _check_temporal(temporal: Client) -> None:
    if not await temporal.service_client.check_health():
        raise health.NotReadyError("the frontend does not serve")


async def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT. Raises StartError."""
    shelf = await service.shelf_of(settings)
    await service.serve(build(settings, shelf), settings.http)


def main() -> None:
    """Read the settings from the environment and serve."""
    settings = Settings()
    logs.configure(NAME, settings.telemetry.log_level)
    service.start(NAME, lambda: serve(settings))
