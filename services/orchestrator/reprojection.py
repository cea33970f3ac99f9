"""Projecting running applications onto another calendar: an operator's act, recorded for each.

New days reach a running application only so, never by a start of the service with other files. Each
case is asked through its own inbox, so the order of what happens to it stays one order; the core
derives every date anew and each that moved is recorded with before, after and why.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import orjson

from services.contracts.times import DateTime
from services.domain.calendar import WorkingCalendar
from services.domain.case import Reprojected
from services.orchestrator import clock_store
from services.orchestrator.conflict import forbid_own
from services.orchestrator.store import Row
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.db import Connection, Pool
from services.runtime.web.problems import CONFLICT, Problem, Words

TYPE = "lianshen.operator.reprojected.v1"
YEARS_AHEAD = 3


class Calendars:
    """The calendar in force here, and every other by which an application was ever reckoned."""

    def __init__(self, pool: Pool, current: Callable[[], WorkingCalendar]) -> None:
        self._pool = pool
        self.current = current
        self._known: dict[str, WorkingCalendar] = {}
        self._trimmed: dict[tuple[str, int], Any] = {}

    async def of(self, version: str) -> WorkingCalendar:
        """Return a calendar. Raises UnknownCalendarError."""
        current = self.current()
        if version == current.version:
            return current
        if version not in self._known:
            async with self._pool.acquire() as conn:
                self._known[version] = await clock_store.calendar_of(conn, version)
        return self._known[version]

    async def from_year(self, version: str, year: int) -> Any:
        """Return a calendar as a workflow needs it: from the year before, a few years on, no names.

        It is written into the history of every application.
        """
        key = (version, year)
        if key not in self._trimmed:
            calendar = (await self.of(version)).within(year - 1, year + YEARS_AHEAD)
            self._trimmed[key] = msgspec.to_builtins(calendar.nameless())
        return self._trimmed[key]


async def core_event(row: Row, calendars: Calendars) -> Reprojected:
    """Return the core's event for an operator's act. Raises UnknownCalendarError."""
    data = orjson.loads(row["payload"])["data"]
    return Reprojected(
        at=msgspec.convert(data["at"], DateTime),
        ref=str(row["event_id"]),
        calendar=await calendars.of(data["calendar"]),
    )


async def perform(
    conn: Connection,
    *,
    calendar: WorkingCalendar,
    reason: str,
    actor_ref: str,
    at: datetime,
    number: str | None = None,
) -> int:
    """Ask all running applications, or one, to be reckoned by `calendar`; return how many are.

    Runs in the caller's transaction. An application that is reckoned by it already is left alone.
    """
    await clock_store.keep_calendar(conn, calendar)
    asked = await clock_store.reproject(
        conn, calendar.version, TYPE, number=number, reason=reason, actor_ref=actor_ref, at=at
    )
    facts = {"calendar": calendar.version, "applications": asked}
    await audit.leaf(conn, "operator.reproject", number, actor_ref, facts, at=at)
    return asked


async def perform_one(
    conn: Connection,
    *,
    head: Row,
    calendar: WorkingCalendar,
    reason: str,
    who: Principal,
    at: datetime,
) -> None:
    """Ask one application to be reckoned by `calendar`, in the caller's transaction.

    Raises Problem 403 about an application of one's own, 409 when it is over, or is reckoned by
    that calendar already.
    """
    forbid_own(who, head["applicant_refs"])
    if not await perform(
        conn,
        calendar=calendar,
        reason=reason,
        actor_ref=who.ref,
        at=at,
        number=head["number"],
    ):
        words = Words(
            "办件已办结，或已按现行日历推算",
            "It is over, or it is reckoned by the calendar in force already",
        )
        raise Problem(CONFLICT, words)
