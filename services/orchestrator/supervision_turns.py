"""The supervision in a turn: what it says raises and lifts cards, in the turn's own transaction.

A turn that says nothing costs a look at the types of its commands, and no statement.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from services.domain.calendar import WorkingCalendar
from services.domain.limits import EMPTY, Ledger
from services.domain.supervision import Card, Fact, Removal, judge
from services.domain.supervision_facts import LIMITS, seen, touches, whole_passed_at, with_limit
from services.domain.supervision_rules import SupervisionRules
from services.orchestrator import clock_store, supervision_store
from services.orchestrator.supervision_store import Row
from services.runtime import audit, supervision_files
from services.runtime.db import Connection

if TYPE_CHECKING:
    from services.orchestrator.turns import Pinned, TurnInput


class Supervision:
    """The rules, and every calendar that an application is reckoned by."""

    def __init__(self, rules: SupervisionRules, calendar: Callable[[], WorkingCalendar]) -> None:
        """Keep the rules and how to get the calendar in force."""
        self.rules = rules
        self.calendar = calendar
        self._known: dict[str, WorkingCalendar] = {}

    @classmethod
    def read(cls, file: Path, calendar: Callable[[], WorkingCalendar]) -> Self:
        """Return the supervision by the rules in a file. Raises CatalogueError."""
        return cls(supervision_files.load(file), calendar)

    async def write(
        self, conn: Connection, turns: Sequence["TurnInput"], pins: Mapping[str, "Pinned"]
    ) -> None:
        """Raise and lift the cards of turns, after everything else of them is written."""
        facts: list[Fact] = []
        removals: list[Removal] = []
        for turn in turns:
            if not touches(turn.commands):
                continue
            holders = []
            passed_at = whole_passed_at(turn.commands)
            if passed_at is not None:
                holders = await supervision_store.holders_of(conn, turn.application, passed_at)
            found = seen(pins[turn.application].route, turn.commands, turn.events, holders)
            facts += (fact for fact in found.facts if self._matters(fact))
            removals += found.removals
        if removals:
            await lift(conn, removals)
        if facts:
            await raise_(conn, await self._cards(conn, facts), self.rules)

    def _matters(self, fact: Fact) -> bool:
        rule = self.rules.of_fact.get(fact.kind)
        return rule is not None and rule.is_card

    async def _cards(self, conn: Connection, facts: Sequence[Fact]) -> list[Card]:
        tasks = [fact.task for fact in facts if fact.task is not None]
        limits = await supervision_store.limits_of(conn, tasks) if tasks else {}
        cards = []
        for fact in facts:
            row = limits.get(fact.task or "")
            calendar = await self._calendar(conn, row)
            card = judge(_limited(fact, row), self.rules, calendar)
            if card is not None:
                cards.append(card)
        return cards

    async def _calendar(self, conn: Connection, row: Row | None) -> WorkingCalendar:
        """Return the calendar an application is reckoned by; the one in force where none is."""
        current = self.calendar()
        version = current.version if row is None else row["calendar_version"]
        if version == current.version:
            return current
        if version not in self._known:
            self._known[version] = await clock_store.calendar_of(conn, version)
        return self._known[version]


def _limited(fact: Fact, row: Row | None) -> Fact:
    """Return a fact about a task's limit with the limit as it stands after the turn."""
    column = LIMITS.get(fact.kind)
    if row is None or column is None or row[column] is None:
        return fact
    ledger = row["ledger"]
    return with_limit(
        fact,
        issued_at=row["issued_at"],
        due_at=row[column],
        ledger=EMPTY if ledger is None else msgspec.json.decode(ledger, type=Ledger),
    )


async def raise_(conn: Connection, cards: Sequence[Card], rules: SupervisionRules) -> None:
    """Write cards, each new one (or one that is open again) with its audit leaf."""
    once = {(card.rule, card.subject, card.department): card for card in cards}
    if not once:
        return
    rows = await supervision_store.raise_cards(conn, list(once.values()), rules)
    given = ((row, once[row["rule"], row["subject"], row["department"]]) for row in rows)
    await audit.leaves(
        conn,
        [
            audit.Leaf(
                at=card.raised_at,
                act="card.raised",
                application=card.application,
                facts=_facts(row) | {"colour": str(card.colour), "evidence": card.evidence},
            )
            for row, card in given
        ],
    )


async def lift(conn: Connection, removals: Sequence[Removal]) -> None:
    """Lift the cards whose ground has gone, each with its audit leaf."""
    rows = await supervision_store.lift_cards(conn, removals)
    await audit.leaves(
        conn,
        [
            audit.Leaf(
                at=row["at"],
                act="card.lifted",
                application=row["application"],
                facts=_facts(row) | {"reason": row["reason"]},
            )
            for row in rows
        ],
    )


def _facts(row: Row) -> dict[str, Any]:
    return {
        "card": row["id"],
        "rule": row["rule"],
        "subject": row["subject"],
        "department": row["department"],
    }
