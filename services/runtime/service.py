"""What the processes of all services do alike: clock, hashes, housekeeping, health, serving."""

import gc
from datetime import UTC, datetime, timedelta

import uvicorn
from fastapi import FastAPI

from services.domain.calendar import WorkingCalendar
from services.runtime import audit
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
GARBAGE_YOUNG = 10_000
"""New containers between two looks of the garbage collector at the youngest."""
GRACE_S = 10
"""Requests under way get so many seconds to end."""


class SettingsError(ValueError):
    """A setting that the service cannot do without is missing."""


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
    _calm_collector()
    await uvicorn.Server(config).serve()


def _calm_collector() -> None:
    """Let the garbage collector look at fewer objects, less often.

    What is loaded by now stays for ever and is not looked at again; what requests and messages
    leave behind is freed by its reference counts, so cycles may gather for a while.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_YOUNG, 20, 20)
