"""The intake service as one process: HTTP, the projection's consumer, relay and sealer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
from fastapi import FastAPI

from services.contracts.topics import APPLICATIONS, PROGRESS, receipts_topic
from services.contracts.vocabulary import Service
from services.intake import (
    api,
    api_acceptance,
    api_approvals,
    api_clocks,
    api_documents,
    api_fees,
    api_files,
    api_later,
    api_letters,
    api_outcomes,
    api_public,
    api_ratings,
    api_register,
    api_sessions,
    drafts,
    editions,
    pages,
)
from services.intake.consumer import Projection
from services.intake.editions import Editions
from services.intake.files import FileStore
from services.intake.letters_carriers import Carrier, carrier_of
from services.intake.letters_sending import Sending, sending_loop
from services.intake.parts import Parts
from services.intake.payment import adapter_of
from services.intake.payments import asking
from services.intake.settings import Settings
from services.runtime import auth, logs, service, telemetry
from services.runtime.catalogue_shelf import Shelf
from services.runtime.consumer import Consumer
from services.runtime.db import open_pool
from services.runtime.inbox import Inbox
from services.runtime.loops import Loop, Loops
from services.runtime.relay import Relay
from services.runtime.web import health, operations
from services.runtime.web.app import create_app
from services.runtime.web.site import signing_in

if TYPE_CHECKING:
    from services.intake.documents.press import Press

NAME = Service.INTAKE


def build(settings: Settings, shelf: Shelf | None = None) -> FastAPI:
    """Return the application; its lifespan opens and starts everything, and ends it in order.

    `shelf`: the county's catalogues, if they are read already.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _running(app, settings, shelf):
            yield

    app = create_app(
        title="联审 intake",
        description="For investors: what is needed, one application, its progress, its results. "
        "The catalogue and the plan preview are public; everything else is one's own, by the "
        "bearer token.",
        version="1",
        routers=[
            *(api_public.router, api_register.router, api.router, api_documents.router),
            *(api_outcomes.router, api_approvals.router),
            *(api_acceptance.router, api_sessions.router, api_ratings.router),
            *(api_clocks.router, api_later.router, api_fees.router, api_files.router),
            api_letters.router,
            operations.router,
        ],
        settings=settings.http,
        lifespan=lifespan,
    )
    app.state.uploads = settings.uploads
    app.state.drafts = settings.drafts
    pages.install(app, settings)
    return app


@asynccontextmanager
async def _running(app: FastAPI, settings: Settings, read: Shelf | None) -> AsyncIterator[None]:
    telemetry.setup(NAME, settings.telemetry)
    shelf = read or await service.shelf_of(settings)
    limits = settings.uploads
    hasher = service.hasher_of(settings)
    async with (
        httpx2.AsyncClient() as client,
        await open_pool(settings.database, service=NAME) as pool,
    ):
        clock = service.clock_of(settings, shelf.calendar)
        parts = Parts(
            pool=pool,
            clock=clock,
            shelf=shelf,
            editions=await Editions.open(pool, shelf, clock),
            hasher=hasher,
            files=FileStore(limits.folder, max_file_bytes=limits.max_file_bytes),
            samples=await service.samples_of(settings),
            press=await asyncio.to_thread(_press, settings),
            payment=adapter_of(settings.payment),
            payment_timeout=settings.payment.timeout,
        )
        app.state.parts = parts
        app.state.authenticator = auth.connect(settings.oidc, hasher, client)
        signing_in.connect(app, settings, NAME, client)
        inbox = Inbox(
            handler=Projection(parts.clock),
            attempts=settings.kafka.attempts,
            dedup=settings.kafka.dedup,
        )
        operations.provide(app, pool=pool, inbox=inbox, clock=parts.clock)
        carrier = carrier_of(settings.letters)
        running = _loops(settings, parts, inbox)
        if carrier is not None:
            running.insert(0, _letters(settings, parts, carrier))
        loops = Loops(running, service=NAME, pool=pool)
        service.add_checks(app, pool, loops)
        health.add_check(app, "catalogue", lambda: editions.warn(parts.editions, clock, shelf))
        async with loops:
            yield
        if parts.press is not None:
            await asyncio.to_thread(parts.press.close)
        if parts.payment is not None:
            await parts.payment.close()
        if carrier is not None:
            await carrier.close()
    telemetry.shutdown()


def _press(settings: Settings) -> "Press | None":
    """Return what makes documents; None without a seal. Raises SealError for one that is none."""
    if settings.seal.key_file is None:
        return None
    from services.intake.documents.press import Press

    return Press.open(settings.seal, _base(settings))


def _base(settings: Settings) -> str:
    """Return the address of the pages, without a slash at its end."""
    http = settings.http
    return (http.public_url or f"http://{http.host}:{http.port}").rstrip("/")


def _letters(settings: Settings, parts: Parts, carrier: Carrier) -> Loop:
    """Return the loop that sends letters."""
    sending = Sending(parts=parts, carrier=carrier, settings=settings.letters, base=_base(settings))
    return Loop(name="letters", body=sending_loop(sending))


def _loops(settings: Settings, parts: Parts, inbox: Inbox) -> list[Loop]:
    """Return the loops in the order they are stopped in: the relay last."""
    consumer = Consumer(
        pool=parts.pool,
        settings=settings.kafka,
        name=NAME,
        topics=[PROGRESS.name, receipts_topic(NAME)],
        inbox=inbox,
    )
    relay = Relay(
        pool=parts.pool, settings=settings.kafka, service=NAME, topics=[APPLICATIONS.name]
    )
    paying = asking(parts, settings.payment.ask_every)
    return [
        Loop(name="consumer", body=consumer.run),
        *([Loop(name="payments", body=paying)] if parts.payment else []),
        Loop(
            name="editions",
            body=editions.watching(parts.editions, parts.pool, parts.clock, parts.shelf),
        ),
        Loop(name="drafts", body=drafts.watching(parts, settings.drafts.keep_days)),
        *service.housekeeping(settings, parts.pool, NAME),
        Loop(name="relay", body=relay.run),
    ]


async def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT. Raises StartError."""
    shelf = await service.shelf_of(settings)
    await editions.check_before(settings.database, shelf)
    await service.serve(build(settings, shelf), settings.http)


def main() -> None:
    """Read the settings from the environment and serve."""
    settings = Settings()
    logs.configure(NAME, settings.telemetry.log_level)
    service.start(NAME, lambda: serve(settings))
