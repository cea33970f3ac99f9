"""The live forecast: what is to be expected of running applications, by what tasks have taken.

How long a part lasts is known by its own past (`item/department`); where that is too short, by how
much of its promises its department has used; where that is too short too, it is assumed. It is
learnt anew when somebody asks and the last time is long ago; if nobody asks, nothing is done.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from services.contracts.vocabulary import Outcome, StepState, TaskState
from services.domain.calendar import WorkingCalendar
from services.domain.limits import Ledger, last_day_of
from services.domain.route import Route, RoutePart
from services.domain.simulation_forecast import DRAWS, Forecast, OpenTask, Standing, forecast
from services.domain.simulation_plans import promised_hours
from services.domain.simulation_times import HOUR_S, Times, WorkingTime, measured
from services.domain.turn import ENDED_STEPS, part_key
from services.orchestrator.store import Row
from services.runtime.clock import Clock
from services.runtime.db import Connection, Pool, beside, load

QUERIES = load(beside(__file__, "forecast.sql"))
LOOKED_BACK = timedelta(days=365)
LEARNT_FROM = 50_000
LEARNT_AGAIN_S = 900.0
ENOUGH = 5
"""So many tasks are needed to say how long a part lasts."""
SHORTEST_S = HOUR_S // 2
"""What is promised for the moment of its issue is reckoned as half an hour."""
ASSUMED = Times(hours=(0.2, 0.65, 1.1))
"""Shares of the promise that tasks use where nothing is known: one in nine is late."""
AT_MOST = 2_000
"""So many applications are looked at for the list, the next promise first."""
LIST_DRAWS = 60
RISKY = 0.8
"""With a smaller chance than this an application is at risk."""
LISTED_AGAIN_S = 60.0
CHUNK = 20


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """One application's head and its forecast. `learnt` is the share of its parts with a past."""

    head: Row
    forecast: Forecast
    learnt: float


@dataclass(frozen=True, kw_only=True)
class Risks:
    """Applications looked at, the smallest chance first, and whether there were more."""

    found: Sequence[Foreseen]
    more: bool


class Past:
    """How long parts have lasted, in working hours, and what share of the promise that was."""

    def __init__(self, rows: Sequence[Row], line: WorkingTime) -> None:
        """Learn from ended tasks; `line` begins on or before the day the first was issued."""
        parts: dict[str, list[float]] = {}
        shares: dict[str, list[float]] = {}
        for row in rows:
            issued = line.place_of(row["issued_at"])
            lasted = line.place_of(row["ended_at"]) - issued
            promised = max(line.place_of(row["promised_at"]) - issued, SHORTEST_S)
            parts.setdefault(_key(row), []).append(lasted / HOUR_S)
            shares.setdefault(row["department"], []).append(lasted / promised)
        self._parts = {k: measured(found) for k, found in parts.items() if len(found) >= ENOUGH}
        self._shares = {k: measured(found) for k, found in shares.items() if len(found) >= ENOUGH}
        self._made: dict[tuple[str, float], Times] = {}
        self._day = line.day

    def knows(self, part: RoutePart) -> bool:
        """Whether the past says anything of a part or its department."""
        return part_key(part) in self._parts or part.department in self._shares

    def times(self, part: RoutePart) -> Times:
        """Return how long a part is to be expected to last."""
        found = self._parts.get(part_key(part))
        if found is not None:
            return found
        promised = promised_hours(part, self._day)
        name = (part.department, promised)
        if name not in self._made:
            shares = self._shares.get(part.department, ASSUMED)
            self._made[name] = Times(hours=tuple(share * promised for share in shares.hours))
        return self._made[name]


class Forecaster:
    """Forecasts on demand; keeps what it has learnt, and the last list, for a while (real time)."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        calendar: Callable[[], WorkingCalendar],
        *,
        real: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._calendar = calendar
        self._real = real
        self._past: tuple[float, Past] | None = None
        self._risks: tuple[float, Risks] | None = None
        self._busy = asyncio.Lock()
        self._making: asyncio.Task[Risks] | None = None

    async def of(self, number: str) -> Foreseen | None:
        """Return one application's forecast; None when it is not accepted, or over."""
        async with self._pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
            heads = await self._heads(conn, [number], 1)
            found = await self._standings(conn, heads)
        if not found:
            return None
        past = await self._learnt()
        return await asyncio.to_thread(self._foresee, past, found[0], DRAWS)

    async def at_risk(self, oldest: float = LISTED_AGAIN_S) -> Risks:
        """Return running applications, the smallest chance first; not older than `oldest`."""
        async with self._busy:
            now = self._real()
            if self._risks is None or now - self._risks[0] > oldest:
                self._risks = (now, await self._list())
            return self._risks[1]

    async def numbers_at_risk(self) -> list[str]:
        """Return the applications of `at_risk` whose chance is smaller than RISKY."""
        found = (await self.at_risk()).found
        return [one.head["number"] for one in found if one.forecast.chance < RISKY]

    async def at_risk_soon(self, seconds: float, oldest: float) -> Risks | None:
        """Return `at_risk` if it is there within `seconds`; None: it is still being made."""
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self.at_risk(oldest))
        done, _ = await asyncio.wait({self._making}, timeout=seconds)
        return self._making.result() if done else None

    async def _list(self) -> Risks:
        async with self._pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
            heads = await self._heads(conn, None, AT_MOST + 1)
            found = await self._standings(conn, heads[:AT_MOST])
        past = await self._learnt()
        made: list[Foreseen] = []
        for first in range(0, len(found), CHUNK):  # in pieces: the workflows need this process too
            made += await asyncio.to_thread(self._foresee_all, past, found[first : first + CHUNK])
        made.sort(key=lambda one: (one.forecast.chance, one.head["promised_at"]))
        return Risks(found=made, more=len(heads) > AT_MOST)

    def _foresee_all(self, past: Past, found: Sequence["_Found"]) -> list[Foreseen]:
        return [self._foresee(past, one, LIST_DRAWS) for one in found]

    def _foresee(self, past: Past, of: "_Found", draws: int) -> Foreseen:
        head, route, standing = of
        issued = [task.issued_at for task in standing.open.values()]
        calendar = self._calendar()
        first = calendar.local_date(min([*issued, *standing.asked.values(), standing.now]))
        line = WorkingTime(calendar, first)
        parts = list(route.parts.values())
        return Foreseen(
            head=head,
            forecast=forecast(route, standing, past.times, line, draws=draws),
            learnt=sum(past.knows(part) for _, part in parts) / len(parts),
        )

    async def _learnt(self) -> Past:
        now = self._real()
        if self._past is None or now - self._past[0] > LEARNT_AGAIN_S:
            since = self._clock.now() - LOOKED_BACK
            async with self._pool.acquire() as conn:
                ended = QUERIES.ended_tasks(conn, since=since, at_most=LEARNT_FROM)
                rows = [row async for row in ended]
            self._past = (now, await asyncio.to_thread(self._learn, rows))
        return self._past[1]

    def _learn(self, rows: Sequence[Row]) -> Past:
        calendar = self._calendar()
        first = min((row["issued_at"] for row in rows), default=self._clock.now())
        return Past(rows, WorkingTime(calendar, calendar.local_date(first)))

    async def _heads(self, conn: Connection, numbers: list[str] | None, at_most: int) -> list[Row]:
        rows = QUERIES.running_applications(conn, numbers=numbers, at_most=at_most)
        return [row async for row in rows]

    async def _standings(self, conn: Connection, heads: Sequence[Row]) -> list["_Found"]:
        numbers = [head["number"] for head in heads]
        tasks = await _by_application(QUERIES.latest_tasks(conn, numbers=numbers))
        steps = await _by_application(QUERIES.step_states(conn, numbers=numbers))
        awaited = await _by_application(QUERIES.awaited_steps(conn, numbers=numbers))
        found = []
        for head in heads:
            route = msgspec.json.decode(head["route"], type=Route)
            number = head["number"]
            rows = (tasks.get(number, []), steps.get(number, []), awaited.get(number, []))
            standing = self._standing(head, *rows)
            if any(standing.steps.get(step.code) not in ENDED_STEPS for step in route.steps):
                found.append((head, route, standing))
        return found

    def _standing(
        self, head: Row, tasks: Sequence[Row], steps: Sequence[Row], awaited: Sequence[Row]
    ) -> Standing:
        calendar = self._calendar()
        queued = [row for row in tasks if row["state"] == TaskState.OPEN]
        rectifying = {s["step"] for s in steps if s["state"] == StepState.RECTIFYING}
        return Standing(
            now=self._clock.now(),
            promised_at=head["promised_at"],
            steps={row["step"]: StepState(row["state"]) for row in steps},
            open={_key(row): _open(row, calendar) for row in queued},
            adverse=frozenset(
                _key(row)
                for row in tasks
                if row["step"] in rectifying and row["outcome"] in ADVERSE
            ),
            asked={row["step"]: row["changed_at"] for row in steps if row["step"] in rectifying},
            awaited={row["step"]: row["since"] for row in awaited},
        )


_Found = tuple[Row, Route, Standing]
ADVERSE = {Outcome.REFUSED, Outcome.OBJECTION}


async def _by_application(rows: Any) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    async for row in rows:
        found.setdefault(row["application"], []).append(row)
    return found


def _key(row: Row) -> str:
    return f"{row['item']}/{row['department']}"


def _open(row: Row, calendar: WorkingCalendar) -> OpenTask:
    """Return an open task, with the pause that stops its clock today or later."""
    ledger = msgspec.json.decode(row["ledger"], type=Ledger) if row["ledger"] else Ledger()
    last = ledger.pauses[-1] if ledger.pauses else None
    until = None if last is None else last_day_of(last, calendar)
    return OpenTask(
        issued_at=row["issued_at"],
        promised_at=row["promised_at"],
        paused_from=None if last is None or until is None else last.from_on,
        paused_until=until,
    )
