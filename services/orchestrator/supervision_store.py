"""The orchestrator's Postgres: one function for each named block of `sql/supervision.sql`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from services.domain.supervision import Card, Fact, Removal
from services.domain.supervision_rules import SupervisionRules
from services.domain.supervision_sensors import Known, Numbered
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "supervision.sql"))
Row = asyncpg.Record


async def limits_of(conn: Connection, tasks: list[str]) -> dict[str, Row]:
    """Return the limits of tasks, what moved them, and the calendar they are reckoned by."""
    return {row["task"]: row async for row in QUERIES.limits_of(conn, tasks=tasks)}


async def holders_of(conn: Connection, application: str, at: datetime) -> list[str]:
    """Return the departments that had tasks of an application in hand at an instant."""
    rows = QUERIES.holders_of(conn, application=application, at=at)
    return [row["department"] async for row in rows]


async def raise_cards(
    conn: Connection, cards: Sequence[Card], rules: SupervisionRules
) -> list[Row]:
    """Write cards; return id, rule, subject and department of those that are new or open again."""
    rows = QUERIES.raise_cards(
        conn,
        rules=[card.rule for card in cards],
        facts=[str(card.fact) for card in cards],
        colours=[str(card.colour) for card in cards],
        articles=[card.article for card in cards],
        version=rules.version,
        subjects=[card.subject for card in cards],
        departments=[card.department for card in cards],
        applications=[card.application for card in cards],
        items=[card.item for card in cards],
        tasks=[card.task for card in cards],
        ats=[card.raised_at for card in cards],
        evidences=[orjson.dumps(card.evidence).decode() for card in cards],
    )
    return [row async for row in rows]


async def lift_cards(conn: Connection, removals: Sequence[Removal]) -> list[Row]:
    """Lift the cards whose ground has gone; return those that stood."""
    rows = QUERIES.lift_cards(
        conn,
        applications=[one.application for one in removals],
        facts=[str(one.kind) for one in removals],
        subjects=[one.subject for one in removals],
        ats=[one.at for one in removals],
        reasons=[str(one.reason) for one in removals],
    )
    return [row async for row in rows]


async def list_cards(conn: Connection, **filters: Any) -> list[Row]:
    """Return a page of cards, newest first; every filter may be None."""
    return [row async for row in QUERIES.list_cards(conn, **filters)]


async def get_card(conn: Connection, card: int) -> Row | None:
    """Return a card, or None."""
    row: Row | None = await QUERIES.get_card(conn, id=card)
    return row


async def lock_card(conn: Connection, card: int) -> Row | None:
    """Lock a card for an act; return what the act depends on, or None."""
    row: Row | None = await QUERIES.lock_card(conn, id=card)
    return row


async def acts_of_card(conn: Connection, card: int) -> list[Row]:
    """Return a card's journal, in order."""
    return [row async for row in QUERIES.acts_of_card(conn, card=card)]


async def act_on_card(conn: Connection, card: int, **act: Any) -> None:
    """Move a locked card on: its new state, and the act with its text."""
    await QUERIES.act_on_card(conn, card=card, **act)


async def standing_cards(
    conn: Connection, since: datetime, until: datetime, department: str | None = None
) -> list[Row]:
    """Return the cards raised in [since, until) that nobody has lifted."""
    rows = QUERIES.standing_cards(conn, since=since, until=until, department=department)
    return [row async for row in rows]


async def place_of(conn: Connection, name: str) -> int | None:
    """Return where a sensor looks on, held for the transaction; None: another process looks."""
    place: int | None = await QUERIES.place_of(conn, name=name)
    return place


async def move_to(conn: Connection, name: str, place: int) -> None:
    """Record how far a sensor has looked."""
    await QUERIES.move_to(conn, name=name, place=place)


async def decisions_after(
    conn: Connection, place: int, type_: str, settled: float, at_most: int
) -> list[Row]:
    """Return decisions that arrived after a place, not those of the last `settled` seconds."""
    rows = QUERIES.decisions_after(conn, place=place, type=type_, settled=settled, at_most=at_most)
    return [row async for row in rows]


async def issues_of(conn: Connection, tasks: list[str]) -> dict[str, Row]:
    """Return when tasks were issued, by name."""
    return {row["task"]: row async for row in QUERIES.issues_of(conn, tasks=tasks)}


async def numbers_before(conn: Connection, numbers: Sequence[Numbered]) -> dict[str, Known]:
    """Return what is known of document numbers so far, by event; nothing of what is new."""
    rows = QUERIES.numbers_before(conn, **_columns(numbers))
    return {
        str(row["event_id"]): Known(taken_by=row["taken_by"], highest=row["highest"])
        async for row in rows
    }


async def keep_numbers(conn: Connection, numbers: Sequence[Numbered]) -> None:
    """Keep document numbers."""
    await QUERIES.keep_numbers(conn, **_columns(numbers))


def _columns(numbers: Sequence[Numbered]) -> dict[str, list[Any]]:
    return {
        "event_ids": [UUID(one.said.event_id) for one in numbers],
        "departments": [one.said.department for one in numbers],
        "items": [one.said.item for one in numbers],
        "series": [one.series for one in numbers],
        "serials": [one.serial for one in numbers],
        "tasks": [one.said.task for one in numbers],
    }


async def letters_after(conn: Connection, place: int, settled: float, at_most: int) -> list[Row]:
    """Return dead letters after a place, not those of the last `settled` seconds."""
    rows = QUERIES.letters_after(conn, place=place, settled=settled, at_most=at_most)
    return [row async for row in rows]


async def add_findings(
    conn: Connection, facts: Sequence[Fact], rules: SupervisionRules, found_at: datetime
) -> list[Row]:
    """Write what sensors saw; return what is new of it."""
    rows = QUERIES.add_findings(
        conn,
        rules=[rules.of_fact[fact.kind].code for fact in facts],
        facts=[str(fact.kind) for fact in facts],
        subjects=[fact.subject for fact in facts],
        departments=[fact.department for fact in facts],
        applications=[fact.application for fact in facts],
        items=[fact.item for fact in facts],
        tasks=[fact.task for fact in facts],
        ats=[fact.at for fact in facts],
        found_at=found_at,
        evidences=[orjson.dumps(fact.evidence).decode() for fact in facts],
    )
    return [row async for row in rows]


async def list_findings(conn: Connection, **filters: Any) -> list[Row]:
    """Return a page of findings, newest first; every filter may be None."""
    return [row async for row in QUERIES.list_findings(conn, **filters)]
