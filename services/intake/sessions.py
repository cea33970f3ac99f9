"""Joint sessions of departments: told by the orchestrator, shown to the owner."""

from collections.abc import Sequence
from datetime import datetime

import orjson
from pydantic import BaseModel, Field

from services.contracts.events import ApplicationProgressed
from services.contracts.sessions import AppointmentSlot, SessionProgress
from services.contracts.vocabulary import AppointmentOutcome, SessionState
from services.domain.appointments import answer_until
from services.domain.calendar import WorkingCalendar
from services.intake.store import Row
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "sessions.sql"))
_COLUMNS = (
    *("applications", "leads", "sessions", "steps", "states", "starts", "ends", "absent"),
    *("offers", "untils", "slots", "ats"),
)
_SETTLED = ("applications", "leads", "sessions", "offers", "outcomes", "ats")


class SlotShown(BaseModel):
    """Another time that can be chosen."""

    starts_at: datetime
    ends_at: datetime


class OfferShown(BaseModel):
    """What can be answered: the time is confirmed, or one of the slots chosen; once."""

    number: int = Field(description="Named in the answer: a newer offer replaces it.")
    until: datetime = Field(description="Until when: one working day before it starts.")
    slots: list[SlotShown]


class AnswerShown(BaseModel):
    """What was answered last, and what became of it."""

    offer: int
    asked: SlotShown | None = Field(description="The time asked for; absent: it was confirmed.")
    answered_at: datetime
    outcome: AppointmentOutcome | None = Field(
        description="What the departments made of it; absent: they have not said yet."
    )
    settled_at: datetime | None
    closed: bool = Field(
        description="Nobody will say what becomes of it: the application is over before."
    )


class SessionShown(BaseModel):
    """Departments meet about a step: on site, or over the papers."""

    session: int = Field(description="Its number at the lead department.")
    lead: str = Field(description="The department to ask about it.")
    step: str
    state: SessionState
    starts_at: datetime
    ends_at: datetime
    absent: list[str] = Field(description="Departments that did not come as they must.")
    told_at: datetime
    offer: OfferShown | None = Field(
        default=None, description="Absent: there is nothing to answer, or not any more."
    )
    answer: AnswerShown | None = None
    was_offered: bool = Field(
        default=False, description="Whether there ever was anything to answer about it."
    )


PLAIN = frozenset(SessionShown.model_fields) - {"offer", "answer", "was_offered"}


class Sessions(BaseModel):
    """The joint sessions of an application, in the order of time."""

    items: list[SessionShown]


async def project(conn: Connection, events: Sequence[ApplicationProgressed]) -> None:
    """Write what progress tells of sessions: two statements at most, none without cause."""
    told = [(event, one) for event in events for one in event.sessions]
    rows = {(e.application, one.lead, one.session): _row(e, one) for e, one in told}
    if rows:
        await QUERIES.project_sessions(conn, **_columns(_COLUMNS, list(rows.values())))
    settled = [
        (
            *(e.application, one.lead, one.session),
            *(one.settled.offer, one.settled.outcome, e.at),
        )
        for e, one in told
        if one.settled is not None
    ]
    if settled:
        await QUERIES.settle_answers(conn, **_columns(_SETTLED, settled))


def _columns(names: Sequence[str], rows: Sequence[tuple[object, ...]]) -> dict[str, list[object]]:
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _row(event: ApplicationProgressed, told: SessionProgress) -> tuple[object, ...]:
    offer, slots = told.offer, None
    if offer is not None:
        slots = orjson.dumps([one.model_dump() for one in offer.slots]).decode()
    return (
        *(event.application, told.lead, told.session, told.step, told.state),
        *(told.starts_at, told.ends_at, ",".join(told.absent)),
        None if offer is None else offer.number,
        None if offer is None else offer.until,
        *(slots, event.at),
    )


async def told(
    conn: Connection, number: str, owner: str, calendar: WorkingCalendar, now: datetime
) -> Sessions | None:
    """Return the sessions of an owner's application; None: there is no such application of his."""
    rows = [row async for row in QUERIES.sessions_of(conn, number=number, owner=owner)]
    if not rows:
        return None
    return Sessions(
        items=[_shown(row, calendar, now) for row in rows if row["session"] is not None]
    )


def _shown(row: Row, calendar: WorkingCalendar, now: datetime) -> SessionShown:
    answer = None
    if row["answered_offer"] is not None:
        asked = row["asked_starts"]
        answer = AnswerShown(
            offer=row["answered_offer"],
            asked=None if asked is None else SlotShown(starts_at=asked, ends_at=row["asked_ends"]),
            **{name: row[name] for name in ("answered_at", "outcome", "settled_at")},
            closed=row["is_over"] and row["outcome"] is None,
        )
    ahead = row["state"] == SessionState.CONVENED and not row["is_over"]
    open_ = ahead and row["offer"] is not None
    if not open_ or row["offer"] == row["answered_offer"] or now >= row["offer_until"]:
        offer = None
    else:
        slots = [SlotShown(**one.model_dump()) for one in choices(row, calendar, now)]
        offer = OfferShown(number=row["offer"], until=row["offer_until"], slots=slots)
    return SessionShown(
        **{name: row[name] for name in PLAIN},
        offer=offer,
        answer=answer,
        was_offered=row["offer"] is not None or answer is not None,
    )


def choices(row: Row, calendar: WorkingCalendar, now: datetime) -> list[AppointmentSlot]:
    """Return the times of a session's offer that leave its officers a working day's notice."""
    offered = [AppointmentSlot.model_validate(one) for one in orjson.loads(row["offer_slots"])]
    return [one for one in offered if now < answer_until(calendar, one.starts_at)]
