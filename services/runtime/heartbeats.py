"""Heartbeats: the loops' signs of life, in Postgres, where everybody can look."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from services.runtime.db import Connection, Pool, beside, is_transient, load

EVERY_S = 5.0
ALARM_AFTER_S = 60.0
"""A loop without progress for so long is an alarm."""
_FORGET_AFTER_S = 86_400.0
_queries = load(beside(__file__))
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """One loop: when it last turned, when it last achieved something, and its last error."""

    loop: str
    at: datetime
    progress_at: datetime
    detail: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """What is waiting in a service's database (rows)."""

    pending: int
    unreceipted: int
    parked: int
    undelivered: int
    dead: int


class Writer:
    """Writes the beats of one process."""

    def __init__(self, pool: Pool, instance: str) -> None:
        self._pool = pool
        self._instance = instance
        self._forgotten = False

    async def write(self, beats: Sequence[Beat]) -> None:
        """Write beats. A database that is away is the loops' trouble, not ours."""
        try:
            async with self._pool.acquire() as conn:
                if not self._forgotten:
                    await _queries.forget_instances(conn, older_than=_FORGET_AFTER_S)
                    self._forgotten = True
                await _queries.beat(
                    conn,
                    loops=[beat.loop for beat in beats],
                    instance=self._instance,
                    ats=[beat.at for beat in beats],
                    progress_ats=[beat.progress_at for beat in beats],
                    details=[beat.detail for beat in beats],
                )
        except Exception as error:
            if not is_transient(error):
                raise
            _log.warning("heartbeat not written", error=type(error).__name__)


async def read(conn: Connection) -> list[tuple[str, Beat]]:
    """Return every process's beats as (instance, beat)."""
    return [
        (
            row["instance"],
            Beat(**{key: row[key] for key in ("loop", "at", "progress_at", "detail")}),
        )
        async for row in _queries.read_heartbeats(conn)
    ]


async def backlog(conn: Connection) -> Backlog:
    """Return what is waiting."""
    return Backlog(**dict(await _queries.backlog(conn)))
