"""The orchestrator's Postgres: one method for each named block of `sql/queries.sql`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import orjson

from services.contracts.vocabulary import Signal
from services.domain.case import (
    ChangeStatus,
    ChangeStep,
    Conclude,
    EndTask,
    IssueTask,
    LiftSignal,
    RaiseSignal,
    Release,
)
from services.domain.route import RoutePart
from services.orchestrator.lateness import Standing
from services.orchestrator.turns import TurnInput
from services.runtime.db import Connection, load_queries

QUERIES = load_queries("services.orchestrator")
Row = asyncpg.Record


class Store:
    """Statements of the write side, for many applications at a time."""

    async def add_applications(self, conn: Connection, rows: Sequence[tuple[object, ...]]) -> None:
        """Add applications received (columns as `add_applications` in queries.sql has them)."""
        names = (
            "numbers",
            "project_codes",
            "scenarios",
            "facts",
            "routes",
            "shareds",
            "plan_digests",
            "catalogue_versions",
            "calendar_versions",
            "traceparents",
            "submitted_ats",
            "promised_ats",
            "provisionals",
            "promised_days",
        )
        await QUERIES.add_applications(conn, **_columns(names, rows))

    async def undelivered(self, conn: Connection, but_not: list[str], at_most: int) -> list[Row]:
        """Return which messages workflows have not been given, in order of arrival.

        Those of the applications in `but_not` are left out.
        """
        return [row async for row in QUERIES.undelivered(conn, but_not=but_not, at_most=at_most)]

    async def messages(self, conn: Connection, ids: list[UUID]) -> list[Row]:
        """Return messages with what they say, in order of arrival."""
        return [row async for row in QUERIES.messages(conn, event_ids=ids)]

    async def open_tasks(self, conn: Connection, numbers: list[str]) -> dict[str, int]:
        """Return how many tasks of applications are open, where any is."""
        rows = QUERIES.open_tasks(conn, numbers=numbers)
        return {row["application"]: row["open"] async for row in rows}

    async def starts_of(self, conn: Connection, numbers: list[str]) -> dict[str, Row]:
        """Return what workflows are started with, by application."""
        rows = QUERIES.starts_of(conn, numbers=numbers)
        return {row["number"]: row async for row in rows}

    async def at_first_turn(self, conn: Connection, numbers: list[str]) -> frozenset[str]:
        """Return those to which nothing has happened since their first turn."""
        rows = QUERIES.at_first_turn(conn, numbers=numbers)
        return frozenset([row["number"] async for row in rows])

    async def standing_of(self, conn: Connection, number: str) -> Standing | None:
        """Return what of an application bears on the order of late messages; None: unknown."""
        row = await QUERIES.standing_of(conn, number=number)
        return None if row is None else Standing(**row)

    async def mark_delivered(self, conn: Connection, ids: list[UUID]) -> None:
        """Record that Temporal has taken these messages."""
        await QUERIES.mark_delivered(conn, event_ids=ids)

    async def get_application(self, conn: Connection, number: str) -> Row | None:
        """Return one application's row, or None."""
        row: Row | None = await QUERIES.get_application(conn, number=number)
        return row

    async def get_task(self, conn: Connection, task: str) -> Row | None:
        """Return one task's row, or None."""
        row: Row | None = await QUERIES.get_task(conn, task=task)
        return row

    async def known_tasks(self, conn: Connection, tasks: list[str]) -> set[str]:
        """Return those of the tasks that were issued."""
        return {row["task"] async for row in QUERIES.known_tasks(conn, tasks=tasks)}

    async def begin_turns(self, conn: Connection, turns: Sequence[TurnInput]) -> list[Row]:
        """Move applications from turn n-1 to n; return number, turn and status of those moved."""
        return [row async for row in QUERIES.begin_turns(conn, **_heads(turns))]

    async def events_of_turns(
        self, conn: Connection, turns: Sequence[TurnInput]
    ) -> dict[str, list[dict[str, Any]]]:
        """Return, by application, the events that turns were carried out with, if they were."""
        rows = QUERIES.events_of_turns(
            conn,
            numbers=[turn.application for turn in turns],
            turns=[turn.turn for turn in turns],
        )
        return {row["application"]: orjson.loads(row["events"]) async for row in rows}

    async def pinned(self, conn: Connection, numbers: list[str]) -> list[Row]:
        """Return what never changes of each application."""
        return [row async for row in QUERIES.pinned(conn, numbers=numbers)]

    async def payloads(self, conn: Connection, ids: list[UUID]) -> dict[UUID, Any]:
        """Return the data of messages received."""
        rows = QUERIES.payloads(conn, event_ids=ids)
        return {row["event_id"]: orjson.loads(row["payload"])["data"] async for row in rows}

    async def issue_tasks(
        self,
        conn: Connection,
        issued: list[tuple[TurnInput, IssueTask]],
        parts: dict[tuple[str, str], RoutePart],
    ) -> None:
        """Add the tasks that were put on departments' queues."""
        if not issued:
            return
        rows = []
        for turn, command in issued:
            part, dates = parts[turn.application, command.key], command.dates
            rows.append(
                (
                    command.task,
                    turn.application,
                    command.step,
                    part.item,
                    part.department,
                    part.part,
                    command.round,
                    command.at,
                    dates.promised_on,
                    dates.promised_at,
                    dates.statutory_on,
                    dates.statutory_at,
                    dates.provisional,
                )
            )
        names = (
            "tasks",
            "applications",
            "steps",
            "items",
            "departments",
            "parts",
            "rounds",
            "issued_ats",
            "promised_ons",
            "promised_ats",
            "statutory_ons",
            "statutory_ats",
            "provisionals",
        )
        await QUERIES.issue_tasks(conn, **_columns(names, rows))

    async def end_tasks(self, conn: Connection, ended: list[EndTask]) -> None:
        """Record how tasks ended."""
        if ended:
            rows = [
                (c.task, c.state, c.outcome, c.at, UUID(c.ref) if c.ref else None) for c in ended
            ]
            names = ("tasks", "states", "outcomes", "ended_ats", "refs")
            await QUERIES.end_tasks(conn, **_columns(names, rows))

    async def change_steps(
        self, conn: Connection, changed: list[tuple[TurnInput, ChangeStep]]
    ) -> None:
        """Record the last state of each step that changed."""
        if changed:
            last = {
                (t.application, c.step): (t.application, c.step, c.state, c.at) for t, c in changed
            }
            names = ("applications", "steps", "states", "changed_ats")
            await QUERIES.change_steps(conn, **_columns(names, list(last.values())))

    async def add_results(
        self, conn: Connection, released: list[tuple[TurnInput, Release]]
    ) -> None:
        """Add the results that were released together."""
        rows = [
            (
                *(t.application, r.item, r.department, c.step, r.outcome, r.decided_at, c.at),
                r.deliver_by,
            )
            for t, c in released
            for r in c.results
        ]
        if rows:
            names = (
                "applications",
                "items",
                "departments",
                "steps",
                "outcomes",
                "decided_ats",
                "released_ats",
                "deliver_bys",
            )
            await QUERIES.add_results(conn, **_columns(names, rows))

    async def raise_signals(
        self, conn: Connection, raised: list[tuple[TurnInput, RaiseSignal]]
    ) -> None:
        """Record what deadlines said."""
        if raised:
            last = {(t.application, c.task, c.signal): c.at for t, c in raised}
            rows = [(*key, at) for key, at in last.items()]
            names = ("applications", "tasks", "signals", "ats")
            await QUERIES.raise_signals(conn, **_columns(names, rows))

    async def lift_signals(
        self, conn: Connection, lifted: list[tuple[TurnInput, LiftSignal]]
    ) -> None:
        """Record that signals were taken back."""
        if lifted:
            rows = [(t.application, c.task, c.signal, c.at) for t, c in lifted]
            names = ("applications", "tasks", "signals", "ats")
            await QUERIES.lift_signals(conn, **_columns(names, rows))

    async def write_journal(
        self, conn: Connection, turns: Sequence[TurnInput], now: datetime
    ) -> None:
        """Write what happened and what followed, one row a turn."""
        rows = [
            (
                turn.application,
                turn.turn,
                turn.at,
                orjson.dumps(turn.events).decode(),
                msgspec.json.encode(turn.commands).decode(),
            )
            for turn in turns
        ]
        names = ("applications", "turns", "ats", "events", "commands")
        await QUERIES.write_journal(conn, written_at=now, **_columns(names, rows))


class ReadStore:
    """Statements of the operator's side, for one application or one page at a time."""

    async def list_applications(self, conn: Connection, **filters: Any) -> list[Row]:
        """Return a page in the order of the promise; every filter may be None."""
        return [row async for row in QUERIES.list_applications(conn, **filters)]

    async def graph(self, conn: Connection, number: str) -> dict[str, list[Row]]:
        """Return steps, tasks, results, signals and operators' acts of an application."""
        return {
            name: [row async for row in getattr(QUERIES, name)(conn, application=number)]
            for name in ("steps_of", "tasks_of", "results_of", "signals_of", "acts_of")
        }

    async def route_of(self, conn: Connection, number: str) -> str | None:
        """Return the route of an application as JSON, or None."""
        row = await QUERIES.route_of(conn, number=number)
        return None if row is None else str(row["route"])

    async def journal_of(
        self, conn: Connection, number: str, after_turn: int, at_most: int
    ) -> list[Row]:
        """Return turns after one, in order."""
        rows = QUERIES.journal_of(conn, application=number, after_turn=after_turn, at_most=at_most)
        return [row async for row in rows]

    async def add_operator_act(self, conn: Connection, **act: Any) -> None:
        """Record an operator's act and hand its event to the inbox, to be delivered."""
        await QUERIES.add_operator_act(conn, **act)

    async def overdue_without_signal(
        self, conn: Connection, before: datetime, at_most: int
    ) -> list[Row]:
        """Return open tasks whose promise is over and of which no timer has spoken."""
        rows = QUERIES.overdue_without_signal(conn, before=before, at_most=at_most)
        return [row async for row in rows]


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """Return rows as named columns, the shape that `unnest` takes."""
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _heads(turns: Sequence[TurnInput]) -> dict[str, list[Any]]:
    """Return the columns by which `begin_turns` moves the applications' rows."""
    rows = []
    for turn in turns:
        told = [c for c in turn.commands if isinstance(c, ChangeStatus)]
        status = told[-1] if told else None
        end = next((c for c in turn.commands if isinstance(c, Conclude)), None)
        issued = [c for c in turn.commands if isinstance(c, IssueTask)]
        rows.append(
            (
                turn.application,
                turn.turn,
                status and status.status,
                status and status.promised_at,
                any(c.dates.provisional for c in issued),
                any(
                    isinstance(c, RaiseSignal)
                    and c.task is None
                    and c.signal is Signal.PROMISE_PASSED
                    for c in turn.commands
                ),
                end and end.conclusion,
                end and end.at,
                end and end.used_working_days,
                end and end.in_time,
            )
        )
    names = (
        "numbers",
        "turns",
        "statuses",
        "promised_ats",
        "provisionals",
        "lates",
        "conclusions",
        "concluded_ats",
        "used",
        "in_times",
    )
    return _columns(names, rows)
