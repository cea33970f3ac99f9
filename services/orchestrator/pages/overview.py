"""What runs, what is late or stands still, what waits where, and whether everything is alive."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.contracts.vocabulary import ApplicationStatus, Role
from services.domain.calendar import ONE_DAY
from services.orchestrator import console_store
from services.orchestrator.acts import ENDED
from services.orchestrator.figures import midnight
from services.orchestrator.forecast import LISTED_AGAIN_S, RISKY, Forecaster, Foreseen
from services.orchestrator.pages.applications_words import KINDS, STATUSES
from services.orchestrator.pages.frame import (
    DEPARTMENTS,
    WATCHERS,
    Anybody,
    Named,
    Pages,
    Titles,
    Watcher,
    today_of,
)
from services.orchestrator.store import Row
from services.runtime import heartbeats
from services.runtime.heartbeats import ALARM_AFTER_S, Beat
from services.runtime.web.site.live import live, seen
from services.runtime.web.site.session import Session

router = APIRouter(include_in_schema=False)
RUNNING = tuple(status for status in ApplicationStatus if status not in ENDED)
INVESTORS = (ApplicationStatus.SUPPLEMENTING, ApplicationStatus.RECTIFYING)
SOON_S = 0.1
RARELY_S = 300.0
"""While somebody looks on, what may become late is foreseen anew so often."""
FRESH_S = 1.0
"""All streams look at one reading, which is no older."""
MINUTE_S, HOUR_S = 60, 3600
AGES_S = (MINUTE_S, 120, 300, 600, 1200, 1800)
"""An age moves the page when it passes one of these, or another whole hour."""


@dataclass(frozen=True, kw_only=True)
class Count:
    """Applications of one status."""

    status: ApplicationStatus
    number: int
    late: int


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Messages that wait for one thing on one topic, so many seconds or longer (`age`)."""

    topic: str
    kind: str
    number: int
    again: int
    age: int


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """One loop: silent, or without progress, for so many seconds or longer."""

    loop: str
    instance: str
    silent: int
    stalled: int
    detail: str | None
    beat: Beat = field(repr=False, compare=False)

    @property
    def is_alarming(self) -> bool:
        """Whether somebody should look at it."""
        return max(self.silent, self.stalled) >= ALARM_AFTER_S


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Everything on the page. Its representation changes with what is shown."""

    counts: tuple[Count, ...]
    in_hand: tuple[tuple[str, int, int], ...]
    """Department, open tasks, those past their promise."""
    queues: tuple[Queue, ...]
    pulses: tuple[Pulse, ...]
    cards: dict[str, int]
    dead: int
    risks: tuple[Foreseen, ...] | None = field(repr=False)
    """None: not foreseen yet. Those that are late already are not among them."""
    more: bool
    risky: tuple[str, ...]

    @property
    def running(self) -> int:
        """All that is not over."""
        return sum(one.number for one in self.counts)

    @property
    def late(self) -> int:
        """All that is not over and has broken its promise."""
        return sum(one.late for one in self.counts)

    def of(self, *statuses: ApplicationStatus) -> int:
        """Return how many have one of these statuses."""
        return sum(one.number for one in self.counts if one.status in statuses)


@router.get("/")
async def home(request: Request, session: Anybody, site: Pages) -> Response:
    """The console begins with what somebody may see."""
    if session.principal.has(*WATCHERS):
        return RedirectResponse("/overview", status_code=303)
    if session.principal.has(*DEPARTMENTS):
        return RedirectResponse("/supervision/cards", status_code=303)
    return site.page(request, "nothing.html", session=session)


@router.get("/overview")
async def overview(request: Request, session: Watcher, site: Pages, titles: Named) -> Response:
    """What runs, and what needs somebody."""
    found = await read(request.app.state, LISTED_AGAIN_S)
    return site.page(
        request,
        "orchestrator/overview.html",
        session=session,
        revision=seen(repr(found)),
        **_context(session, found, titles),
    )


@router.get("/overview/live")
async def overview_live(request: Request, session: Watcher, site: Pages, titles: Named) -> Response:
    """The same, whenever it changes."""
    reading = _reading(request.app.state)

    async def revision() -> str:
        return repr(await reading.now())

    async def render() -> str:
        context = _context(session, await reading.now(), titles)
        return site.fragment(request, "orchestrator/_overview.html", session=session, **context)

    return await live(request, revision, render)


def _context(session: Session, found: Overview, titles: Titles) -> dict[str, Any]:
    return {
        "operates": session.principal.has(Role.OPERATOR),
        "seen": found,
        "titles": titles,
        "statuses": STATUSES,
        "kinds": KINDS,
        "investors": INVESTORS,
        "held": ApplicationStatus.HELD,
    }


class Reading:
    """What all streams of a process look at: it is looked up once, however many look on."""

    def __init__(
        self, look: Callable[[], Awaitable[Overview]], real: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep how to look; `real`: seconds."""
        self._look, self._real = look, real
        self._found: tuple[float, Overview] | None = None
        self._lock = asyncio.Lock()

    async def now(self) -> Overview:
        """Return the overview, FRESH_S old at most."""
        async with self._lock:
            begun = self._real()
            if self._found is None or begun - self._found[0] >= FRESH_S:
                self._found = (begun, await self._look())
            return self._found[1]


def _reading(state: Any) -> Reading:
    found: Reading | None = getattr(state, "overview", None)
    if found is None:
        found = state.overview = Reading(lambda: read(state, RARELY_S))
    return found


async def read(state: Any, oldest: float) -> Overview:
    """Look at everything; the forecast may be `oldest` seconds old."""
    now, today = state.clock.now(), today_of(state)
    async with state.pool.acquire() as conn:
        counts = await console_store.counts(conn, RUNNING)
        in_hand = await console_store.in_hand(conn, now)
        queues = await console_store.queues(conn)
        cards = await console_store.cards_between(conn, midnight(today), midnight(today + ONE_DAY))
        here = await console_store.clock_here(conn)
        beats = await heartbeats.read(conn)
        backlog = await heartbeats.backlog(conn)
    forecaster: Forecaster = state.forecaster
    foreseen = await forecaster.at_risk_soon(SOON_S, oldest)
    risks = tuple(filter(_is_risky, foreseen.found)) if foreseen else None
    return Overview(
        counts=tuple(_count(row) for row in counts),
        in_hand=tuple((row["department"], row["number"], row["late"]) for row in in_hand),
        queues=tuple(_queue(row) for row in queues),
        pulses=tuple(_pulse(instance, beat, here) for instance, beat in beats),
        cards=cards,
        dead=backlog.dead,
        risks=risks,
        more=bool(foreseen and foreseen.more),
        risky=tuple(one.head["number"] for one in risks or ()),
    )


def _is_risky(found: Foreseen) -> bool:
    return found.forecast.chance < RISKY and not found.head["late"]


def _count(row: Row) -> Count:
    return Count(status=ApplicationStatus(row["status"]), number=row["number"], late=row["late"])


def _queue(row: Row) -> Queue:
    return Queue(
        topic=row["topic"],
        kind=row["kind"],
        number=row["number"],
        again=row["again"],
        age=passed(row["age"]),
    )


def _pulse(instance: str, beat: Beat, here: datetime) -> Pulse:
    return Pulse(
        loop=beat.loop,
        instance=instance,
        silent=passed((here - beat.at).total_seconds()),
        stalled=passed((here - beat.progress_at).total_seconds()),
        detail=beat.detail,
        beat=beat,
    )


def passed(seconds: float) -> int:
    """Return which of a few ages was passed (seconds): a page does not move for the time alone."""
    if seconds >= HOUR_S:
        return int(seconds) // HOUR_S * HOUR_S
    return max((age for age in AGES_S if age <= seconds), default=0)
