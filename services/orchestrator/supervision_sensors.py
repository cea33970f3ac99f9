"""The loop of the sensors: looks at what has come since the last look, and writes what it sees.

It runs beside everything else and holds nothing up: a decision is never refused because of it. What
it has looked at is remembered in Postgres, so that nothing is looked at twice or left out. Only the
beginning of a burst of decisions is kept in memory: a burst cut in two by a restart may be missed.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace
from pydantic import AwareDatetime, TypeAdapter, ValidationError
from pydantic_core import from_json

from services.contracts.events import TaskDecided
from services.contracts.wire import TaskName
from services.domain.supervision import Fact, judge
from services.domain.supervision_rules import FactKind
from services.domain.supervision_sensors import (
    Known,
    Refused,
    Said,
    numbered,
    of_decision,
    of_numbers,
    of_refused,
    sudden,
    waited_long,
)
from services.orchestrator import supervision_store
from services.orchestrator.store import Row
from services.orchestrator.supervision_turns import Supervision, raise_
from services.runtime import audit
from services.runtime.clock import Clock
from services.runtime.db import Connection, Pool
from services.runtime.decoding import place_of

MOST = 2_000
DECISIONS, LETTERS = "decisions", "letters"
INSTANTS = ("decided_at", "paused_at", "ended_at", "extended_at", "done_at", "lapsed_at")
"""Where a department's message says when it was done."""
_INSTANT: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)
_TASK: TypeAdapter[str] = TypeAdapter(TaskName)


class Sensors:
    """One look after another; several processes may have them, one looks at a time."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        supervision: Supervision,
        *,
        settled: float,
    ) -> None:
        """Keep everything.

        Args:
            pool: of the orchestrator's database.
            clock: business time.
            supervision: the rules, and the calendar in force.
            settled: seconds that a message is left alone first.
        """
        self._pool = pool
        self._clock = clock
        self._rules = supervision.rules
        self._calendar = supervision.calendar
        self._settled = settled
        self._waited: list[Said] = []

    async def look(self) -> int:
        """Look at everything that has come since; return how many findings are new."""
        return await self._all(self._decisions) + await self._all(self._letters)

    async def _all(self, look: Callable[[Connection], Any]) -> int:
        found, more = 0, True
        while more:
            async with self._pool.acquire() as conn, conn.transaction():
                new, more = await look(conn)
                found += new
        return found

    async def _decisions(self, conn: Connection) -> tuple[int, bool]:
        place = await supervision_store.place_of(conn, DECISIONS)
        if place is None:
            return 0, False
        rows = await supervision_store.decisions_after(
            conn, place, TaskDecided.TYPE, self._settled, MOST
        )
        if not rows:
            return 0, False
        facts = await self._seen(conn, rows)
        new = await self._record(conn, facts)
        await supervision_store.move_to(conn, DECISIONS, rows[-1]["arrival"])
        return new, len(rows) == MOST

    async def _seen(self, conn: Connection, rows: Sequence[Row]) -> list[Fact]:
        told = [_said(row, TaskDecided.model_validate(_data(row["payload"]))) for row in rows]
        issues = await supervision_store.issues_of(conn, [said.task for said in told])
        decisions = [_issued(said, issues.get(said.task)) for said in told]
        rules, calendar, now = self._rules.of_fact, self._calendar(), self._clock.now()
        facts = [fact for said in decisions for fact in of_decision(said, rules, calendar, now)]
        numbers = [found for said in decisions if (found := numbered(said)) is not None]
        if numbers:
            known: Mapping[str, Known] = await supervision_store.numbers_before(conn, numbers)
            await supervision_store.keep_numbers(conn, numbers)
            facts += of_numbers(numbers, known, rules)
        return facts + self._sudden(decisions)

    def _sudden(self, decisions: Sequence[Said]) -> list[Fact]:
        rule, calendar = self._rules.of_fact.get(FactKind.SUDDEN_DECISIONS), self._calendar()
        if rule is None:
            return []
        late = [said for said in decisions if waited_long(said, rule, calendar)]
        if not late:
            return []
        together = [*self._waited, *late]
        window = timedelta(seconds=rule.thresholds.within_seconds or 0)
        last = max(said.decided_at for said in together)
        self._waited = [said for said in together if last - said.decided_at <= window]
        return list(sudden(together, rule))

    async def _letters(self, conn: Connection) -> tuple[int, bool]:
        place = await supervision_store.place_of(conn, LETTERS)
        if place is None:
            return 0, False
        rows = await supervision_store.letters_after(conn, place, self._settled, MOST)
        if not rows:
            return 0, False
        refused = (_refused(row, self._clock.now()) for row in rows)
        facts = [fact for one in refused if one is not None and (fact := of_refused(one))]
        new = await self._record(conn, facts)
        await supervision_store.move_to(conn, LETTERS, rows[-1]["id"])
        return new, len(rows) == MOST

    async def _record(self, conn: Connection, facts: Sequence[Fact]) -> int:
        """Write findings, each once, with an audit leaf; and the cards that they are."""
        known = {
            (fact.kind, fact.subject, fact.department): fact
            for fact in facts
            if fact.kind in self._rules.of_fact
        }
        if not known:
            return 0
        now = self._clock.now()
        rows = await supervision_store.add_findings(conn, list(known.values()), self._rules, now)
        leaves = [
            audit.Leaf(
                at=now,
                act="finding.recorded",
                application=row["application"],
                facts={key: row[key] for key in ("id", "rule", "subject", "department")},
            )
            for row in rows
        ]
        await audit.leaves(conn, leaves)
        new = {(row["rule"], row["subject"], row["department"]) for row in rows}
        judged = (judge(fact, self._rules, self._calendar()) for fact in known.values())
        cards = [card for card in judged if card is not None]
        fresh = [one for one in cards if (one.rule, one.subject, one.department) in new]
        await raise_(conn, fresh, self._rules)
        return len(rows)


def _data(payload: bytes) -> Any:
    """Return the data of a message, read as leniently as when it came: nothing may stop a look."""
    return from_json(payload)["data"]


def _said(row: Row, event: TaskDecided) -> Said:
    return Said(
        event_id=str(row["event_id"]),
        source=row["source"],
        application=event.application,
        task=event.task,
        department=event.department,
        actor_ref=event.actor_ref,
        decided_at=event.decided_at,
        number=event.result_number,
    )


def _issued(said: Said, row: Row | None) -> Said:
    """Return a decision with the instant its task was issued, where there is such a task."""
    return said if row is None else replace(said, issued_at=row["issued_at"])


def _refused(row: Row, now: datetime) -> Refused | None:
    """Return a dead letter that is a department's word about an application, or None."""
    place = place_of(row["topic"])
    if row["application"] is None or place is None or place.department is None:
        return None
    data = _data(row["raw"])
    data = data if isinstance(data, dict) else {}
    instants = (_instant(data.get(name)) for name in INSTANTS)
    return Refused(
        letter=row["id"],
        error=row["error_class"],
        department=place.department,
        application=row["application"],
        task=_task(data.get("task")),
        at=next((at for at in instants if at is not None), now),
        data=data,
    )


def _instant(value: Any) -> datetime | None:
    """Return an instant of a message that nobody has vouched for, in UTC; None if it is none."""
    try:
        return _INSTANT.validate_python(value).astimezone(UTC)
    except (ValidationError, OverflowError):
        return None


def _task(value: Any) -> str | None:
    """Return the name of a task, or None. A NUL is no character that the database keeps."""
    try:
        found = _TASK.validate_python(value)
    except ValidationError:
        return None
    return None if "\x00" in found else found
