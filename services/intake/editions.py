"""Which catalogue version a new application rests on: the one place that chooses it.

A county's catalogue changes by a new version that the supervisor has approved, and in no other
way: nobody pulls an item out of the centre or changes a fee on his own (不得擅自回撤项目). What was
in use when the county began here needs no approval; its content is kept all the same, so that a
file that was changed afterwards is found at the next start. Running applications keep theirs.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any

import asyncpg
import structlog

from services.contracts.vocabulary import Service
from services.domain import editions
from services.domain.catalogue import Catalogue
from services.domain.catalogue_changes import digest_of
from services.intake.store import Row
from services.runtime.catalogue_shelf import NoCatalogueError, Shelf
from services.runtime.clock import Clock
from services.runtime.db import Connection, Pool, beside, load
from services.runtime.loops import Body, every
from services.runtime.service import StartError
from services.runtime.settings import DatabaseSettings

QUERIES = load(beside(__file__, "editions.sql"))
AGAIN_S = 30.0
"""Seconds until a process hears of what another one has approved."""
FOUNDING = "founding"

_log = structlog.get_logger(__name__)


class Editions:
    """Which versions of those on the shelf may be used."""

    def __init__(self, approved: Iterable[str]) -> None:
        """Keep the versions that were approved so far."""
        self._approved = frozenset(approved)

    @classmethod
    async def open(cls, pool: Pool, shelf: Shelf, clock: Clock) -> "Editions":
        """Return what may be used; record what is in use at the first start of all.

        Raises:
            StartError: a version is not what was approved.
        """
        async with pool.acquire() as conn, conn.transaction():
            await QUERIES.alone(conn)
            rows = await approvals(conn)
            if not rows:
                await _found(conn, shelf, clock.now())
                rows = await approvals(conn)
        check(shelf, rows)
        return cls(row["version"] for row in rows)

    def current(self, shelf: Shelf, day: date) -> Catalogue:
        """Return the version that an application of a day rests on. Raises NoCatalogueError."""
        found = editions.usable(shelf.catalogues, self._approved, day)
        if found is None:
            message = f"no approved catalogue version holds on {day}"
            raise NoCatalogueError(message)
        return found

    def predecessor_of(self, shelf: Shelf, catalogue: Catalogue) -> Catalogue | None:
        """Return the approved version that a new one follows."""
        begins = catalogue.county.effective_from
        before = (
            found
            for found in shelf.catalogues
            if found.county.version in self._approved and found.county.effective_from < begins
        )
        return max(before, key=lambda found: found.county.effective_from, default=None)

    def approved(self, shelf: Shelf) -> tuple[Catalogue, ...]:
        """Return the versions that may be used or could once, the latest first."""
        ready = (c for c in shelf.catalogues if c.county.version in self._approved)
        return tuple(sorted(ready, key=lambda found: found.county.effective_from, reverse=True))

    def unapproved(self, shelf: Shelf) -> tuple[Catalogue, ...]:
        """Return the versions that wait for the supervisor, by the day they should begin."""
        waiting = (c for c in shelf.catalogues if c.county.version not in self._approved)
        return tuple(sorted(waiting, key=lambda found: found.county.effective_from))

    def overdue(self, shelf: Shelf, day: date) -> tuple[str, ...]:
        """Return the versions that should hold by their days and wait for the supervisor."""
        return tuple(
            found.county.version
            for found in self.unapproved(shelf)
            if found.county.effective_from <= day <= (found.county.effective_to or day)
        )

    async def refresh(self, pool: Pool) -> None:
        """Hear of what was approved."""
        async with pool.acquire() as conn:
            self._approved = frozenset([row["version"] for row in await approvals(conn)])


def watching(found: Editions, pool: Pool, clock: Clock, shelf: Shelf) -> Body:
    """Return the loop that hears of approvals and warns of versions that lack one."""
    warned: set[str] = set()

    async def look() -> None:
        await found.refresh(pool)
        overdue = set(found.overdue(shelf, shelf.calendar.local_date(clock.now())))
        for version in sorted(overdue - warned):
            _log.warning("catalogue version not approved, its predecessor is used", version=version)
        warned.clear()
        warned.update(overdue)

    return every(AGAIN_S, look)


async def warn(found: Editions, clock: Clock, shelf: Shelf) -> str | None:
    """Return what everybody may read of versions that are used no sooner than they are approved."""
    overdue = found.overdue(shelf, shelf.calendar.local_date(clock.now()))
    return f"not approved, predecessor in use: {', '.join(overdue)}" if overdue else None


async def approvals(conn: Connection) -> list[Row]:
    """Return every approval, first given first."""
    return [row async for row in QUERIES.approvals(conn)]


def check(shelf: Shelf, rows: Iterable[Row]) -> None:
    """Raise StartError when a version's files are not what was approved under its name."""
    known = {found.county.version: found for found in shelf.catalogues}
    for row in rows:
        found = known.get(row["version"])
        if found is not None and digest_of(found) != row["digest"]:
            raise StartError(
                f"目录版本 {row['version']} 批准后被改动，请恢复原文件或另立新版本 / "
                f"catalogue version {row['version']} was changed after it was approved: restore "
                "its files, or make a new version of the change"
            )


async def check_before(settings: DatabaseSettings, shelf: Shelf) -> None:
    """Look at what was approved before anything is opened. Raises StartError, OSError."""
    async with _connected(settings) as conn:
        check(shelf, await approvals(conn))


@asynccontextmanager
async def _connected(settings: DatabaseSettings) -> AsyncIterator[Connection]:
    conn: Any = await asyncpg.connect(
        settings.dsn_of(Service.INTAKE), timeout=settings.connect_timeout
    )
    try:
        yield conn
    finally:
        await conn.close()


async def _found(conn: Connection, shelf: Shelf, now: datetime) -> None:
    """Record what is in use already: what applications rest on, and what holds today."""
    used = {row["catalogue_version"]: row["since"] async for row in QUERIES.used(conn)}
    day = shelf.calendar.local_date(now)
    ordered = sorted(shelf.catalogues, key=lambda found: found.county.effective_from)
    holding = editions.in_force(ordered, day) or ordered[0]
    for found in ordered:
        version = found.county.version
        if found is holding or version in used:
            await add(conn, found, at=min(used.get(version, now), now), role=FOUNDING)


async def add(
    conn: Connection,
    catalogue: Catalogue,
    *,
    at: datetime,
    role: str,
    predecessor: str | None = None,
    reason: str | None = None,
    differences: str = "[]",
    actor: str | None = None,
) -> None:
    """Store that a version may be used; `differences` is JSON.

    Raises:
        asyncpg.UniqueViolationError: it is approved already.
    """
    await QUERIES.add_approval(
        conn,
        version=catalogue.county.version,
        digest=digest_of(catalogue),
        predecessor=predecessor,
        effective_from=catalogue.county.effective_from,
        reason=reason,
        differences=differences,
        actor=actor,
        role=role,
        at=at,
    )
