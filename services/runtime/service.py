"""What the processes of all services do alike: clock, hashes, housekeeping, health, serving."""

import asyncio
import gc
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI

from services.domain.calendar import WorkingCalendar
from services.domain.samples import Sample
from services.runtime import audit, sample_files
from services.runtime.calendar_files import CalendarError
from services.runtime.catalogue_files import CatalogueError
from services.runtime.catalogue_shelf import Shelf
from services.runtime.clock import Clock, SystemClock, read
from services.runtime.db import Pool
from services.runtime.hashing import Hasher
from services.runtime.loops import Loop, Loops, every
from services.runtime.notes import Signer
from services.runtime.settings import HttpSettings, ServiceSettings
from services.runtime.web import health, idempotency

KEYS_KEPT = timedelta(days=7)
"""How long (real time) a repeated request gets its first answer: longer than any client retries."""
PURGE_EVERY_S = 30.0
GARBAGE_YOUNG = 50_000
"""New containers between two looks of the garbage collector at the youngest."""
EX_CONFIG = 78
"""The exit code of a service that cannot start on what it was given (sysexits)."""
GRACE_S = 10
"""Requests under way get so many seconds to end."""


class SettingsError(ValueError):
    """A setting that the service cannot do without is missing."""


class StartError(Exception):
    """A service cannot start on what it was given; the message is one sentence that says why."""


async def shelf_of(settings: ServiceSettings) -> Shelf:
    """Return the county's catalogues and calendar.

    Raises StartError for what cannot be read or what the linter refuses.
    """
    try:
        return await asyncio.to_thread(Shelf, settings.catalogue)
    except CatalogueError as error:
        first, more = error.findings[0], len(error.findings) - 1
        also = f" ({more} more: lianshen catalogue lint)" if more else ""
        raise StartError(f"the catalogue is refused: {first}{also}") from error
    except CalendarError as error:
        raise StartError(f"the calendar is refused: {' '.join(str(error).split())}") from error


async def samples_of(settings: ServiceSettings) -> Mapping[str, Sample]:
    """Return the county's samples of materials.

    Raises StartError for what cannot be read, and for a folder that is named and not there.
    """
    named = settings.catalogue.samples_folder
    if named is not None and not await asyncio.to_thread(named.is_dir):
        raise StartError(f"the samples are refused: there is no folder {named}")
    try:
        return await asyncio.to_thread(sample_files.load, settings.catalogue)
    except CatalogueError as error:
        raise StartError(f"the samples are refused: {error.findings[0]}") from error


def start(service: str, serving: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a service until it ends; what keeps it from starting is one sentence on stderr.

    Raises SystemExit with 78 (EX_CONFIG) then: starting it again changes nothing.
    """
    try:
        uvloop.run(serving())
    except StartError as error:
        sys.stderr.write(f"lianshen {service}: {error}\n")
        raise SystemExit(EX_CONFIG) from None


def clock_of(settings: ServiceSettings, calendar: WorkingCalendar) -> Clock:
    """Return the clock that the settings name. Raises ClockError for a demo without its state."""
    state = settings.clock.state_file
    if settings.clock.seconds_per_working_day is None or state is None:
        return SystemClock()
    return read(state, calendar)


def hasher_of(settings: ServiceSettings) -> Hasher:
    """Return the keyed hashes. Raises SettingsError without a key: there is no safe default."""
    if settings.hash_key is None:
        raise SettingsError("LIANSHEN_HASH_KEY is not set")
    return Hasher(settings.hash_key.get_secret_value())


def housekeeping(settings: ServiceSettings, pool: Pool, service: str) -> list[Loop]:
    """Return the loops every service has: forgetting old keys, and sealing (where it has a key)."""

    async def purge() -> int:
        async with pool.acquire() as conn:
            return await idempotency.purge(conn, datetime.now(UTC) - KEYS_KEPT)

    found = [Loop(name="keys", body=every(PURGE_EVERY_S, purge))]
    if settings.audit.key_file is not None:
        sealer = audit.Sealer(pool, Signer.load(audit.log_name(service), settings.audit.key_file))
        found.append(Loop(name="sealer", body=every(settings.audit.seal_seconds, sealer.seal)))
    return found


def add_checks(app: FastAPI, pool: Pool, loops: Loops) -> None:
    """Let /readyz look at the database and at every loop.

    The consumer and the relay make progress only while the broker answers them.
    """
    health.add_check(app, "database", health.database(pool))
    for name, pulse in loops.pulses.items():
        health.add_check(app, name, health.progress(pulse))


async def serve(app: FastAPI, settings: HttpSettings) -> None:
    """Answer requests until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=GRACE_S,
        log_config=None,
        access_log=False,
        server_header=False,
    )
    await _Server(config).serve()


class _Server(uvicorn.Server):
    """Calms the garbage collector when everything that a service keeps for ever is there."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Tell pages that are kept up to date to let go of their connections."""
        self.config.app.state.stopping = True  # type: ignore[union-attr]  # it is our FastAPI
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as ever: catalogue, pools, loops and workers come up in here."""
        await super().startup(sockets)
        _calm_collector()


def _calm_collector() -> None:
    """Let the garbage collector look at fewer objects, less often.

    What is loaded by now stays for ever and is not looked at again; what requests and messages
    leave behind is freed by its reference counts, so cycles may gather for a while.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_YOUNG, 20, 20)
