"""Writes turns: many applications' turns in one transaction, each exactly once."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
import orjson

from services.contracts.events import ExaminationDone
from services.contracts.vocabulary import ApplicationStatus, DepartmentSystem, Service
from services.domain.case import (
    ChangeStep,
    EndTask,
    IssueTask,
    RaiseSignal,
    Release,
)
from services.domain.examination import (
    TakeSupplement,
)
from services.domain.route import Route
from services.orchestrator import (
    acceptance_turns,
    clock_turns,
    later_turns,
    limit_turns,
    renewal_turns,
)
from services.orchestrator.store import Store
from services.orchestrator.supervision_turns import Supervision
from services.orchestrator.turns import Messages, Pinned, TurnInput, commands_of, pinned
from services.runtime import audit, outbox
from services.runtime.clock import Clock
from services.runtime.db import Connection, Pool
from services.runtime.loops import Pace

PINNED_KEPT = 20_000
MOST = 100
Carried: TypeAlias = list[dict[str, Any]] | None
"""The events a turn was carried out with, where they are not those that were asked for."""
_Waiting: TypeAlias = tuple[TurnInput, asyncio.Future[Carried]]


class OutOfTurnError(Exception):
    """A turn was handed over before the turn that precedes it, or its application, was written."""


class TurnWriter:
    """Groups the turns that wait into transactions; `carry_out` returns when its turn is written.

    While one transaction is under way the next turns gather, and when many applications move, for
    `pace` seconds more; so one application alone is written at once, and a hundred that
    come together share a handful of statements.
    """

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        systems: dict[str, DepartmentSystem],
        *,
        pace: float = 0.0,
        supervision: Supervision | None = None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._systems = systems
        self._pace = Pace(pace)
        self._supervision = supervision
        self._store = Store()
        self._pinned: OrderedDict[str, Pinned] = OrderedDict()
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def carry_out(self, turn: TurnInput) -> Carried:
        """Write one turn. Raises what its transaction raised; then nothing of it is written.

        Returns None; or, when the turn had been carried out before with other events, those events:
        the workflow forgot what it had done (its worker died before Temporal knew of it), and other
        messages came before it began again. What is written stands.
        """
        done: asyncio.Future[Carried] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        return await done

    async def _write_all(self) -> None:
        while self._waiting:
            if len(self._waiting) < MOST:
                await asyncio.sleep(self._pace.wait)
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            self._pace.start(turn.application for turn, _ in batch)
            try:
                carried = await self._write([turn for turn, _ in batch])
            except Exception as error:
                await self._write_singly(batch, error)
            else:
                for turn, done in batch:
                    _settle(done, carried.get(turn.application))

    async def _write_singly(self, batch: list[_Waiting], error: Exception) -> None:
        """One bad turn must not hold up the others: give each a transaction of its own."""
        if len(batch) == 1:
            _settle(batch[0][1], error)
            return
        for turn, done in batch:
            try:
                carried = await self._write([turn])
            except Exception as own:
                _settle(done, own)
            else:
                _settle(done, carried.get(turn.application))

    async def _write(self, turns: list[TurnInput]) -> dict[str, Carried]:
        """Write turns; return, by application, with what other events they were written before."""
        async with self._pool.acquire() as conn, conn.transaction():
            statuses, left, carried = await self._begin(conn, turns)
            if not left:
                return carried
            pins = await self._pins(conn, left)
            decided = await self._decided(conn, left)
            clocks = await self._store.payloads(conn, refs) if (refs := _clock_refs(left)) else {}
            examined = await self._examined(conn, left)
            await self._write_rows(conn, left, pins)
            events = []
            for turn in left:
                messages = Messages(
                    pins[turn.application], self._systems, decided, clocks, examined
                )
                events += messages.of(turn, statuses[turn.application])
            await outbox.add(conn, Service.ORCHESTRATOR, events)
            return carried

    async def _begin(
        self, conn: Connection, turns: list[TurnInput]
    ) -> tuple[dict[str, ApplicationStatus], list[TurnInput], dict[str, Carried]]:
        """Move the applications on; leave out what was carried out before."""
        rows = await self._store.begin_turns(conn, turns)
        statuses = {row["number"]: ApplicationStatus(row["status"]) for row in rows}
        left = [turn for turn in turns if turn.application in statuses]
        behind = [turn for turn in turns if turn.application not in statuses]
        carried: dict[str, Carried] = {}
        if behind:
            before = await self._store.events_of_turns(conn, behind)
            for turn in behind:
                if turn.application not in before:
                    raise OutOfTurnError(f"{turn.application}: turn {turn.turn}")
                if before[turn.application] != turn.events:
                    carried[turn.application] = before[turn.application]
        return statuses, left, carried

    async def _pins(self, conn: Connection, turns: Sequence[TurnInput]) -> dict[str, Pinned]:
        for turn in turns:
            if any(isinstance(command, TakeSupplement) for command in turn.commands):
                self._pinned.pop(turn.application, None)
        missing = [turn.application for turn in turns if turn.application not in self._pinned]
        if missing:
            for row in await self._store.pinned(conn, missing):
                route = msgspec.json.decode(row["route"], type=Route)
                self._pinned[row["number"]] = pinned(
                    row, route, orjson.loads(row["shared"]), orjson.loads(row["facts"])
                )
        found = {turn.application: self._pinned[turn.application] for turn in turns}
        for number in [n for n, pin in found.items() if pin.route.acceptance is not None]:
            del self._pinned[number]  # its papers change: they are read anew with every turn
        while len(self._pinned) > PINNED_KEPT:
            self._pinned.popitem(last=False)
        return found

    async def _decided(
        self, conn: Connection, turns: Sequence[TurnInput]
    ) -> dict[UUID, renewal_turns.Ended]:
        refs = [ref for turn in turns for ref in turn.refs()]
        if not refs:
            return {}
        found = await self._store.payloads(conn, refs)
        return {ref: renewal_turns.ended(data) for ref, data in found.items()}

    async def _examined(
        self, conn: Connection, turns: Sequence[TurnInput]
    ) -> dict[UUID, ExaminationDone]:
        refs = [ref for turn in turns for ref in acceptance_turns.refs(turn.commands)]
        if not refs:
            return {}
        found = await self._store.payloads(conn, refs)
        return {ref: ExaminationDone.model_validate(data) for ref, data in found.items()}

    async def _write_rows(
        self, conn: Connection, turns: list[TurnInput], pins: dict[str, Pinned]
    ) -> None:
        store = self._store
        parts = {
            (turn.application, key): part
            for turn in turns
            for key, (_, part) in pins[turn.application].parts.items()
        }
        await store.issue_tasks(conn, commands_of(turns, IssueTask), parts)
        await store.end_tasks(conn, [c for _, c in commands_of(turns, EndTask) if c.issued])
        await store.change_steps(conn, commands_of(turns, ChangeStep))
        await store.add_results(conn, commands_of(turns, Release))
        await store.raise_signals(conn, commands_of(turns, RaiseSignal))
        lifted = [(t, c) for t in turns for c in clock_turns.lasting_lifts(t.commands)]
        await store.lift_signals(conn, lifted)
        await clock_turns.write(conn, turns)
        await limit_turns.write(conn, turns)
        await acceptance_turns.write(conn, turns)
        await later_turns.write(conn, turns)
        if self._supervision is not None:
            await self._supervision.write(conn, turns, pins)
        now = self._clock.now()
        await store.write_journal(conn, turns, now)
        await audit.leaves(
            conn,
            [
                audit.Leaf(
                    at=turn.at,
                    act="turn",
                    application=turn.application,
                    facts={"turn": turn.turn, "commands": msgspec.to_builtins(turn.commands)},
                )
                for turn in turns
            ],
        )


def _clock_refs(turns: Sequence[TurnInput]) -> list[UUID]:
    return [ref for turn in turns for ref in clock_turns.refs(turn.commands)]


def _settle(done: asyncio.Future[Carried], outcome: Carried | Exception) -> None:
    if done.done():
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)
