"""Everything the three stores hold about one application, one application at a time.

All tables are read through cursors in the order of the application numbers and walked side by side,
so that a county's whole history takes no more memory than its longest case.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeAlias

import orjson

from services.contracts.vocabulary import Service
from services.runtime.db import Connection, beside, load

queries = load(beside(__file__))
Row: TypeAlias = Any
Rows: TypeAlias = Mapping[str, list[Row]]
YOUNG_S = 60.0
_COMMON = {name: name for name in ("outbox", "inbox", "stream_position", "audit_leaf")}
_TABLES: dict[Service, dict[str, str]] = {
    Service.INTAKE: {
        **_COMMON,
        "application": "intake_application",
        "edition": "edition",
        "task": "task_progress",
        "step": "step_progress",
        "result": "intake_result",
        "signal": "intake_signal",
        "rectification": "rectification",
        "rating": "intake_rating",
        "acceptance": "intake_acceptance",
        "acceptance_notice": "acceptance_notice",
        "acceptance_receipt": "acceptance_receipt",
        "papers_awaited": "papers_awaited",
        "later_material": "later_material",
        "document": "document",
        "bill": "bill",
        "fee_act": "fee_act",
        "fee_transfer": "fee_transfer",
        "fee_settlement": "fee_settlement",
    },
    Service.ORCHESTRATOR: {
        **_COMMON,
        "application": "orchestrator_application",
        "task": "orchestrator_task",
        "step": "step",
        "result": "orchestrator_result",
        "signal": "orchestrator_signal",
        "journal": "journal",
        "examination": "orchestrator_examination",
        "acceptance": "orchestrator_acceptance",
        "date_change": "date_change",
        "card": "card",
        "rating": "orchestrator_rating",
        "case_limit": "case_limit",
    },
    Service.DEPARTMENTS: {
        **_COMMON,
        "task": "departments_task",
        "outcome": "outcome",
        "act": "act",
        "examination": "departments_examination",
        "pause": "pause",
        "extension": "extension",
        "clock_act": "clock_act",
        "session_signature": "session_signature",
    },
}


@dataclass(frozen=True, kw_only=True)
class Folder:
    """One application in all stores: rows by table, under each service's name for the table."""

    number: str
    intake: Rows
    orchestrator: Rows
    departments: Rows
    moving: bool
    """Whether a message of it was written, received or handed on in the last minute."""

    def store(self, service: Service) -> Rows:
        """Return the tables of one service."""
        found: Rows = getattr(self, service.value)
        return found

    @property
    def received(self) -> Row:
        """Intake's row of the application, or None."""
        return next(iter(self.intake["application"]), None)

    @property
    def driven(self) -> Row:
        """The orchestrator's row of the application, or None."""
        return next(iter(self.orchestrator["application"]), None)

    @cached_property
    def route(self) -> dict[str, Any]:
        """The route the workflow runs, {} without one."""
        return {} if self.driven is None else orjson.loads(self.driven["route"])

    @cached_property
    def parts(self) -> dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]]:
        """Step and part of the route by (item, department)."""
        return {
            (part["item"], part["department"]): (step, part)
            for step in self.route.get("steps", ())
            for part in step["parts"]
        }

    @cached_property
    def commands(self) -> list[dict[str, Any]]:
        """All commands of the journal, in order; each has its `type`."""
        return [
            command
            for row in self.orchestrator["journal"]
            for command in orjson.loads(row["commands"])
        ]

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events of the journal, in order; each has its `type`."""
        return [
            event for row in self.orchestrator["journal"] for event in orjson.loads(row["events"])
        ]

    def commanded(self, kind: str) -> list[dict[str, Any]]:
        """Return the journal's commands of one kind."""
        return [command for command in self.commands if command["type"] == kind]

    def leaves(self, service: Service, *acts: str) -> list[dict[str, Any]]:
        """Return the records of acts in one service's log."""
        rows = self.store(service)["audit_leaf"]
        return [orjson.loads(row["body"]) for row in rows if row["act"] in acts]


class _Table:
    """One table's rows, handed out application by application."""

    def __init__(self, rows: AsyncIterator[Row]) -> None:
        self._rows = rows
        self.head: Row | None = None

    async def step(self) -> None:
        self.head = await anext(self._rows, None)

    async def take(self, number: str) -> list[Row]:
        found = []
        while self.head is not None and self.head["application"] == number:
            found.append(self.head)
            await self.step()
        return found


async def folders(
    connections: Mapping[Service, Connection],
    now: Mapping[Service, datetime],
    application: str | None,
) -> AsyncIterator[Folder]:
    """Yield every application any store knows, in order, inside the connections' snapshots.

    `now` are the databases' times, by service.
    """
    async with AsyncExitStack() as cursors:
        tables: dict[Service, dict[str, _Table]] = {}
        for service, conn in connections.items():
            tables[service] = {}
            for name, query in _TABLES[service].items():
                opened = getattr(queries, f"{query}_cursor")(conn, application=application)
                table = _Table(aiter(await cursors.enter_async_context(opened)))
                await table.step()
                tables[service][name] = table
        every = [table for found in tables.values() for table in found.values()]
        while heads := [table.head["application"] for table in every if table.head is not None]:
            number = min(heads)
            rows = {
                service: {name: await table.take(number) for name, table in found.items()}
                for service, found in tables.items()
            }
            yield Folder(
                number=number,
                intake=rows[Service.INTAKE],
                orchestrator=rows[Service.ORCHESTRATOR],
                departments=rows[Service.DEPARTMENTS],
                moving=any(_moved(rows[service], now[service]) for service in rows),
            )


def _moved(rows: Rows, now: datetime) -> bool:
    since = now - timedelta(seconds=YOUNG_S)
    instants = [row["created_at"] for row in rows["outbox"]]
    for row in rows["inbox"]:
        instants += [row["received_at"], row["delivered_at"] or row["received_at"]]
    return any(instant > since for instant in instants)
