"""Letters of the centre to an investor: a kind and typed facts, words when they are read.

They are written in the transaction of what they tell of, once for each event.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.contracts.clocks import Days
from services.contracts.vocabulary import (
    AcceptanceKind,
    Conclusion,
    FollowUpState,
    PauseKind,
)
from services.domain.plan import Plan
from services.intake import letters_store as store
from services.intake.parts import Parts
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.messages import new_event_id
from services.runtime.web import pages
from services.runtime.web.problems import NOT_FOUND, Problem

NEWEST = (datetime(9999, 12, 31, tzinfo=UTC), 2**63 - 1)


class LetterKind(StrEnum):
    """What a letter is about."""

    RECEIVED = "received"
    NOTICE = "notice"
    ACCEPTED = "accepted"
    BILL = "bill"
    BILL_CHANGED = "bill_changed"
    REFUND = "refund"
    RECTIFICATION = "rectification"
    PAPERS = "papers"
    PAPERS_CLOSED = "papers_closed"
    SESSION = "session"
    SESSION_MOVED = "session_moved"
    SESSION_KEPT = "session_kept"
    SESSION_UNMOVED = "session_unmoved"
    SESSION_CANCELLED = "session_cancelled"
    DATE_CHANGED = "date_changed"
    CLOCK_STOPPED = "clock_stopped"
    CLOCK_RESUMED = "clock_resumed"
    LIMIT_EXTENDED = "limit_extended"
    GRANTED = "granted"
    RENEWED = "renewed"
    REFUSED = "refused"
    CONCLUDED = "concluded"
    FOLLOW_UP = "follow_up"


class LetterFacts(BaseModel):
    """What a letter says, without words. Which members are there depends on its kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str | None = None
    items: tuple[str, ...] = ()
    department: str | None = None
    session: int | None = None
    offer: int | None = None
    round: int | None = None
    count: int | None = None
    day: date | None = None
    until: AwareDatetime | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    promised_at: AwareDatetime | None = None
    days: Days | None = None
    pause: PauseKind | None = None
    acceptance: AcceptanceKind | None = None
    conclusion: Conclusion | None = None
    in_time: bool | None = None
    state: FollowUpState | None = None

    def to_json(self) -> str:
        """Return what is stored: nothing that is absent."""
        return self.model_dump_json(exclude_defaults=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A letter to be written: `source` and `place` say which one, for ever.

    `moved`: the promise it tells of is known to be another than before, whatever the store says.
    """

    application: str
    kind: LetterKind
    source: UUID
    place: int
    facts: LetterFacts
    at: datetime
    moved: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """A letter as it can be put in words: with the plan that has the names."""

    id: int
    application: str
    project_name: str
    kind: LetterKind
    facts: LetterFacts
    at: datetime
    read_at: datetime | None
    plan: Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Letters:
    """One page of letters, newest first."""

    items: list[Letter]
    next: str | None


def of_submission(plan: Plan) -> list[str]:
    """Return the kinds of the letters that a submission makes; it writes them itself."""
    billed = plan.acceptance is None and any(fee.in_force for fee in plan.fees)
    return [LetterKind.RECEIVED, *([LetterKind.BILL] if billed else [])]


async def write_one(conn: Connection, application: str, kind: LetterKind, at: datetime) -> None:
    """Write a letter about an act of this service, in its transaction."""
    source, facts = new_event_id(), LetterFacts()
    draft = Draft(application=application, kind=kind, source=source, place=0, facts=facts, at=at)
    await write(conn, [draft])


async def write(conn: Connection, drafts: Sequence[Draft]) -> None:
    """Write letters: one statement, none without cause; what is there already stays."""
    if drafts:
        await store.add_letters(
            conn,
            applications=[one.application for one in drafts],
            kinds=[one.kind for one in drafts],
            sources=[one.source for one in drafts],
            places=[one.place for one in drafts],
            facts=[one.facts.to_json() for one in drafts],
            ats=[one.at for one in drafts],
            moved=[one.moved for one in drafts],
        )


async def listed(
    parts: Parts, who: Principal, limit: int, after: str | None, *, unread: bool = False
) -> Letters:
    """Return one page of one's own, newest first. Raises Problem 400 for a cursor that is none."""
    before = pages.decode(after, pages.instant, pages.whole) if after else NEWEST
    async with parts.pool.acquire() as conn:
        rows = await store.letters_of(
            conn, owner=who.ref, before=(before[0], before[1]), unread=unread, limit=limit + 1
        )
        shown, following = pages.split(rows, limit, lambda row: pages.encode(row["at"], row["id"]))
        found = await of_rows(parts, conn, shown)
    return Letters(items=found, next=following)


async def of_rows(parts: Parts, conn: Connection, rows: Iterable[store.Row]) -> list[Letter]:
    """Return letters with what they need to be put in words."""
    return [
        Letter(
            id=row["id"],
            application=row["application"],
            project_name=row["project_name"],
            kind=LetterKind(row["kind"]),
            facts=LetterFacts.model_validate_json(row["facts"]),
            at=row["at"],
            read_at=row["read_at"],
            plan=await parts.plans.get(conn, row["plan_digest"]),
        )
        for row in rows
    ]


async def unread(parts: Parts, who: Principal) -> int:
    """Return how many of one's letters were not opened yet."""
    async with parts.pool.acquire() as conn:
        return await store.count_unread(conn, who.ref)


async def mark_read(parts: Parts, who: Principal, letter: int) -> tuple[str, LetterKind]:
    """Note that a letter of one's own was opened; return its application and kind.

    Raises Problem 404.
    """
    async with parts.pool.acquire() as conn:
        row = await store.mark_read(conn, who.ref, letter, parts.clock.now())
    if row is None:
        raise Problem(NOT_FOUND)
    return row["application"], LetterKind(row["kind"])


async def mark_all_read(parts: Parts, who: Principal, up_to: int) -> None:
    """Note that all letters up to one were seen."""
    async with parts.pool.acquire() as conn:
        await store.mark_all_read(conn, who.ref, up_to, parts.clock.now())
