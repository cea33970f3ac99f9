"""Which letters an event makes: pure, in the order in which they are read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from services.contracts.events import ApplicationProgressed
from services.contracts.ratings import FollowUpTold
from services.contracts.vocabulary import (
    AppointmentOutcome,
    DateChange,
    Outcome,
    SessionState,
    TaskState,
)
from services.intake.letters import Draft, LetterFacts, LetterKind, write
from services.runtime.db import Connection
from services.runtime.messages import Received

Told = tuple[LetterKind, LetterFacts]


async def project(conn: Connection, received: Sequence[Received]) -> None:
    """Write the letters of what was heard, in the transaction of the projection."""
    told: dict[str, datetime] = {}
    found = []
    for draft in (draft for one in received for draft in drafts(one)):
        promised, before = draft.facts.promised_at, told.get(draft.application)
        if draft.kind is not LetterKind.DATE_CHANGED or before is None:
            found.append(draft)
        elif before != promised:
            # What it was moved from is not projected yet: the store cannot compare it.
            found.append(replace(draft, moved=True))
        if promised is not None:
            told[draft.application] = promised
    await write(conn, found)


def drafts(received: Received) -> list[Draft]:
    """Return the letters that an event makes."""
    match received.event:
        case ApplicationProgressed() as event:
            found = [told for of in _PROGRESS for told in of(event)]
            at = event.at
        case FollowUpTold() as event:
            about = LetterFacts(department=event.department, state=event.state, until=event.due_at)
            found, at = [(LetterKind.FOLLOW_UP, about)], event.told_at
        case _:
            return []
    return [
        Draft(
            application=received.application,
            kind=kind,
            source=received.event_id,
            place=place,
            facts=facts,
            at=at,
        )
        for place, (kind, facts) in enumerate(found)
    ]


def _acceptance(event: ApplicationProgressed) -> Iterator[Told]:
    one = event.acceptance
    if one is None:
        return
    if one.notice:
        round_ = one.notice_round or one.round
        yield LetterKind.NOTICE, LetterFacts(round=round_, count=len(one.notice))
    if one.accepted_on is not None:
        yield (
            LetterKind.ACCEPTED,
            LetterFacts(day=one.accepted_on, acceptance=one.kind, promised_at=event.promised_at),
        )
        yield LetterKind.BILL, LetterFacts()


def _rectifications(event: ApplicationProgressed) -> Iterator[Told]:
    first = () if event.rectification is None else (event.rectification,)
    for one in (*first, *event.further_rectifications):
        about = LetterFacts(step=one.step, round=one.round, items=one.items, until=one.until)
        yield LetterKind.RECTIFICATION, about


def _papers(event: ApplicationProgressed) -> Iterator[Told]:
    for one in event.papers:
        about = LetterFacts(step=one.step, count=len(one.materials), until=one.until)
        yield LetterKind.PAPERS, about


_SESSIONS = {
    SessionState.CONVENED: LetterKind.SESSION,
    SessionState.CANCELLED: LetterKind.SESSION_CANCELLED,
}


_SETTLED = {
    AppointmentOutcome.MOVED: LetterKind.SESSION_MOVED,
    AppointmentOutcome.GONE: LetterKind.SESSION_KEPT,
    AppointmentOutcome.VOID: LetterKind.SESSION_UNMOVED,
}
"""What was only confirmed needs no letter, nor what came to nothing because it was called off.

That somebody had asked for another time at all, only the store knows.
"""


def _sessions(event: ApplicationProgressed) -> Iterator[Told]:
    for one in event.sessions:
        settled = one.settled
        kind = _SESSIONS.get(one.state) if settled is None else _SETTLED.get(settled.outcome)
        if settled is not None and one.state is SessionState.CANCELLED:
            kind = None
        if kind is not None:
            about = LetterFacts(
                step=one.step,
                department=one.lead,
                session=one.session,
                starts_at=one.starts_at,
                ends_at=one.ends_at,
                until=None if one.offer is None else one.offer.until,
                count=None if one.offer is None else len(one.offer.slots),
                offer=None if settled is None else settled.offer,
            )
            yield kind, about


def _clocks(event: ApplicationProgressed) -> Iterator[Told]:
    """Stopped, extended, or moved for another reason: the new date stands in each."""
    promised = event.promised_at
    for one in event.clocks:
        item, department = one.task.split("/")[1:3]
        if one.why is DateChange.PAUSED:
            about = LetterFacts(
                items=(item,),
                department=department,
                pause=one.kind,
                day=one.until,
                promised_at=promised,
            )
            yield LetterKind.CLOCK_STOPPED, about
        else:
            about = LetterFacts(
                items=(item,), department=department, days=one.days, promised_at=promised
            )
            yield LetterKind.LIMIT_EXTENDED, about
    ended = {one.task for one in event.tasks if one.state is not TaskState.OPEN}
    resumed = [one for one in event.resumed if one.task not in ended]
    for over in resumed:
        item, department = over.task.split("/")[1:3]
        about = LetterFacts(
            items=(item,), department=department, day=over.until, promised_at=promised
        )
        yield LetterKind.CLOCK_RESUMED, about
    if event.extended is not None:
        yield LetterKind.LIMIT_EXTENDED, LetterFacts(days=event.extended.days, promised_at=promised)
    accepted = event.acceptance is not None and event.acceptance.accepted_on is not None
    told = event.clocks or resumed or event.extended or accepted
    if promised is not None and not told:
        yield LetterKind.DATE_CHANGED, LetterFacts(promised_at=promised)


def _results(event: ApplicationProgressed) -> Iterator[Told]:
    for kind, outcome in (
        (LetterKind.GRANTED, Outcome.GRANTED),
        (LetterKind.RENEWED, Outcome.DEEMED_RENEWED),
        (LetterKind.REFUSED, Outcome.REFUSED),
    ):
        if items := tuple(one.item for one in event.results if one.outcome is outcome):
            yield kind, LetterFacts(items=items)


def _end(event: ApplicationProgressed) -> Iterator[Told]:
    if (end := event.concluded) is not None:
        yield (
            LetterKind.CONCLUDED,
            LetterFacts(conclusion=end.conclusion, in_time=end.in_time),
        )


_PROGRESS: tuple[Callable[[ApplicationProgressed], Iterator[Told]], ...] = (
    _acceptance,
    _clocks,
    _rectifications,
    _papers,
    _sessions,
    _results,
    _end,
)
