"""Health: /healthz says that the process runs, /readyz that everything it needs does too."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Annotated

import structlog
from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from services.runtime.db import Pool
from services.runtime.heartbeats import ALARM_AFTER_S
from services.runtime.loops import Pulse

CHECK_SECONDS = 3.0
REMEMBER_SECONDS = 1.0

router = APIRouter(tags=["health"])
_log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[str | None]]


class NotReadyError(Exception):
    """A check found its part not ready; the message says why, for everybody to read."""


class Alive(BaseModel):
    """The process answers."""

    status: Annotated[str, Field(examples=["ok"])] = "ok"


class PartReadiness(BaseModel):
    """One thing that the service needs."""

    ready: bool
    reason: str | None = None
    milliseconds: float


class Readiness(BaseModel):
    """Everything that the service needs, by name."""

    ready: bool
    checks: dict[str, PartReadiness]


def add_check(app: FastAPI, name: str, check: Check) -> None:
    """Register a check. It returns when its part is ready and raises NotReadyError otherwise.

    What it returns is for everybody to read as well: it works, but somebody should look at it.

    Any other exception, or more than three seconds, counts as not ready as well.
    """
    app.state.checks[name] = check


def database(pool: Pool) -> Check:
    """Return the check that the database answers."""

    async def answers() -> None:
        async with pool.acquire() as conn:
            await conn.fetchval("SELECT 1")

    return answers


def progress(pulse: Pulse, within: float = ALARM_AFTER_S) -> Check:
    """Return the check that a loop achieved something within so many seconds."""

    async def lives() -> None:
        if pulse.since_progress > within:
            message = f"no progress for {pulse.since_progress:.0f} s"
            raise NotReadyError(message)

    return lives


@router.get("/healthz", operation_id="alive")
async def alive() -> Alive:
    """Say that the process runs."""
    return Alive()


@router.get(
    "/readyz", operation_id="ready", response_model=Readiness, responses={503: {"model": Readiness}}
)
async def ready(request: Request) -> JSONResponse:
    """Check loops, database, broker and whatever else is registered; 503 when one is not ready.

    The result is remembered for a second, so that asking cannot become a load.
    """
    state = request.app.state
    remembered: tuple[float, Readiness] | None = getattr(state, "readiness", None)
    if remembered is None or time.monotonic() - remembered[0] > REMEMBER_SECONDS:
        remembered = (time.monotonic(), await examine(state.checks))
        state.readiness = remembered
    found = remembered[1]
    return JSONResponse(found.model_dump(), status_code=200 if found.ready else 503)


async def examine(checks: dict[str, Check]) -> Readiness:
    """Run all checks at once."""
    names = list(checks)
    parts = await asyncio.gather(*(_examine_one(name, checks[name]) for name in names))
    return Readiness(
        ready=all(part.ready for part in parts), checks=dict(zip(names, parts, strict=True))
    )


async def _examine_one(name: str, check: Check) -> PartReadiness:
    started = time.perf_counter()
    ready, reason = False, None
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            reason = await check()
            ready = True
    except NotReadyError as error:
        reason = str(error)
    except TimeoutError:
        reason = "no answer"
    except Exception as error:  # whatever the check met, its part is not ready
        _log.warning("readiness_check_failed", check=name, error_type=type(error).__name__)
        reason = type(error).__name__
    return PartReadiness(
        ready=ready,
        reason=reason,
        milliseconds=round((time.perf_counter() - started) * 1000, 1),
    )
