"""Remedies against decisions, noted by the supervision: that they were filed, and how they ended.

A review or a suit is no step of the procedure here: its clock is the reviewing authority's. The
note tells the applicant, and everybody who looks at the register, whether the decision stands.
"""

from datetime import date, datetime
from uuid import UUID, uuid4

from starlette.responses import Response

from services.contracts.vocabulary import Role
from services.domain.remedies import ending_day_is_sound, filing_day_is_sound, standing
from services.intake import documents_store as store
from services.intake import problems
from services.intake.conflict import forbid_own
from services.intake.parts import Parts
from services.intake.shown_documents import RemedyEnded, RemedyGiven, RemedyList, RemedyShown
from services.intake.store import Row
from services.intake.texts import digest_of
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.web.idempotency import Asked, once
from services.runtime.web.problems import INVALID, NOT_FOUND, Fault, Problem, Words

NOTED, ENDED = "remedy.noted", "remedy.ended"
_FILED = Words(
    "提起日期不得早于决定日期，也不得晚于今天",
    "It cannot be filed before the decision, nor in the future",
)
_OVER = Words(
    "终结日期不得早于提起日期，也不得晚于今天",
    "It cannot have ended before it was filed, nor in the future",
)


async def note(
    parts: Parts, who: Principal, asked: Asked, number: str, item: str, given: RemedyGiven
) -> Response:
    """Note that a remedy was filed against a decision that is out.

    Raises Problem 403 for an application of one's own, 404 when there is no such decision, 409
    when it is noted already, 422 for a day that cannot be.
    """
    async with once(parts.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        decision = await _decision(conn, number, item)
        await forbid_own(parts, conn, who, number)
        decided_on = parts.shelf.calendar.local_date(decision["decided_at"])
        if not filing_day_is_sound(given.filed_on, decided_on=decided_on, today=parts.today):
            raise Problem(INVALID, errors=[Fault("#/filed_on", _FILED)])
        now = parts.clock.now()
        row = await store.add_remedy(
            conn,
            remedy=uuid4(),
            application=number,
            item=item,
            kind=given.kind,
            authority=given.authority,
            reference=given.reference,
            filed_on=given.filed_on,
            at=now,
            by=who.ref,
        )
        if row is None:
            raise Problem(problems.REMEDY_NOTED)
        written = {"authority": given.authority, "reference": given.reference}
        facts = {
            "item": item,
            "remedy": str(row["id"]),
            "kind": given.kind,
            "filed_on": given.filed_on,
            "texts_sha256": digest_of(written),
        }
        await audit.leaf(conn, NOTED, number, who.ref, facts, at=now)
        return slot.keep(_answer(row, 201))


async def end(
    parts: Parts,
    who: Principal,
    asked: Asked,
    number: str,
    item: str,
    remedy: UUID,
    given: RemedyEnded,
) -> Response:
    """Note how a remedy ended; once.

    Raises Problem 403 for an application of one's own, 404 for an unknown one, 409 when it has
    ended, 422 for a day that cannot be.
    """
    async with once(parts.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        found = await store.get_remedy(conn, remedy, number, item)
        if found is None:
            raise Problem(NOT_FOUND)
        await forbid_own(parts, conn, who, number)
        _check_ending(given.ended_on, found["filed_on"], parts.today)
        now = parts.clock.now()
        row = await _end(conn, remedy, given, now, who.ref)
        facts = {"item": item, "remedy": str(remedy), **given.model_dump(mode="json")}
        await audit.leaf(conn, ENDED, number, who.ref, facts, at=now)
        return slot.keep(_answer(row, 200))


def _check_ending(ended_on: date, filed_on: date, today: date) -> None:
    if not ending_day_is_sound(ended_on, filed_on=filed_on, today=today):
        raise Problem(INVALID, errors=[Fault("#/ended_on", _OVER)])


async def _end(conn: Connection, remedy: UUID, given: RemedyEnded, now: datetime, by: str) -> Row:
    row = await store.end_remedy(
        conn, remedy=remedy, outcome=given.outcome, ended_on=given.ended_on, at=now, by=by
    )
    if row is None:
        raise Problem(problems.REMEDY_ENDED)
    return row


async def _decision(conn: Connection, number: str, item: str) -> Row:
    row = await store.lock_result(conn, number, item)
    if row is None:
        raise Problem(NOT_FOUND)
    return row


async def listed(parts: Parts, who: Principal, number: str, item: str) -> RemedyList:
    """Return the remedies against a decision, for the supervision and for its applicant.

    Raises Problem 404 for a decision that is not there, or is not one's own.
    """
    owner = None if who.has(Role.SUPERVISOR) else who.ref
    async with parts.pool.acquire() as conn:
        if not await store.may_see_result(conn, number, item, owner):
            raise Problem(NOT_FOUND)
        rows = await store.remedies_of(conn, number, item)
    return RemedyList(
        number=number,
        item=item,
        standing=standing(store.remedies(rows)),
        items=[RemedyShown.model_validate(dict(one)) for one in rows],
    )


def _answer(row: Row, status: int) -> Response:
    shown = RemedyShown.model_validate(dict(row))
    return Response(shown.model_dump_json(), status_code=status, media_type="application/json")
