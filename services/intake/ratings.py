"""Rating of service: the applicant's act, and what he is shown of what followed from it.

The words of a comment stay in this service's table: the message and the log of acts have the grade
and a keyed hash of them.
"""

from collections.abc import Sequence

from starlette.responses import Response

from services.contracts.events import Event
from services.contracts.ratings import FollowUpTold, RatingGiven
from services.contracts.vocabulary import FollowUpState, Role
from services.domain.ratings import may_rate
from services.intake import acts, links
from services.intake.parts import Parts
from services.intake.ratings_problems import ALREADY_RATED, NOT_THE_APPLICANT, NOTHING_TO_RATE
from services.intake.ratings_shown import FollowUpShown, RatingGivenIn, Ratings, RatingShown
from services.intake.store import Row
from services.runtime.auth import Principal
from services.runtime.db import Connection, beside, load
from services.runtime.hashing import Hasher, spelt
from services.runtime.web.idempotency import Asked, once
from services.runtime.web.problems import NOT_FOUND, Problem

QUERIES = load(beside(__file__, "ratings.sql"))
ACT = "rating.given"
LEADERS = (Role.CHIEF_REPRESENTATIVE, Role.DEPARTMENT_HEAD)
"""Who reads, for a department, what was said of it."""


async def rate(
    parts: Parts, who: Principal, asked: Asked, number: str, given: RatingGivenIn
) -> Response:
    """Take in the rating of one department.

    Raises Problem 404 for another's application, 403 for an agent or somebody of the department,
    409 when no result of the department is out yet, or it was rated already.
    """
    async with once(parts.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        row = await QUERIES.rateable(conn, number=number, department=given.department)
        _check(parts.hasher, who, row, given.department)
        now = parts.clock.now()
        added = await QUERIES.add_rating(
            conn,
            application=number,
            department=given.department,
            grade=given.grade,
            comment=given.comment,
            at=now,
        )
        if added is None:
            raise Problem(ALREADY_RATED)
        event = RatingGiven(
            application=number,
            department=given.department,
            grade=given.grade,
            comment_ref=parts.hasher.ref(given.comment) if given.comment else None,
            rated_at=now,
        )
        await acts.tell(conn, who, row, event, ACT, now)
        shown = RatingShown(
            department=given.department,
            grade=given.grade,
            comment=given.comment,
            rated_at=now,
            follow_up=None,
        )
        return slot.keep(_made(number, shown))


def _check(hasher: Hasher, who: Principal, row: Row | None, department: str) -> None:
    if row is None:
        raise Problem(NOT_FOUND)
    people = _People(hasher, row)
    if who.department == department or not people.is_applicant(who):
        raise Problem(NOT_THE_APPLICANT if people.knows(who) else NOT_FOUND)
    if not row["released"]:
        raise Problem(NOTHING_TO_RATE)


class _People:
    """The people of an application, as keyed hashes."""

    def __init__(self, hasher: Hasher, row: Row) -> None:
        self._owner: str = row["owner_ref"]
        self._applicant = hasher.ref(spelt(row["applicant"]))
        self._agent = hasher.ref(spelt(row["agent"])) if row["agent"] else None

    def is_applicant(self, who: Principal) -> bool:
        return may_rate(who.refs, owner=self._owner, applicant=self._applicant, agent=self._agent)

    def knows(self, who: Principal) -> bool:
        return not who.refs.isdisjoint({self._owner, self._applicant, self._agent})


def _made(number: str, shown: RatingShown) -> Response:
    return Response(
        shown.model_dump_json(),
        status_code=201,
        media_type="application/json",
        headers={"location": links.of_application(number)["ratings"]},
    )


async def is_applicant(parts: Parts, who: Principal, number: str) -> bool:
    """Return whether somebody may rate who worked on an application: its applicant alone."""
    async with parts.pool.acquire() as conn:
        row = await QUERIES.rateable(conn, number=number, department="")
    return row is not None and _People(parts.hasher, row).is_applicant(who)


async def listed(parts: Parts, who: Principal, number: str) -> Ratings:
    """Return the ratings of an application: to its people, the supervision, and the rated one.

    A department reads what was said of itself alone. Raises Problem 404 for anybody else.
    """
    async with parts.pool.acquire() as conn:
        row = await QUERIES.rateable(conn, number=number, department="")
        if row is None:
            raise Problem(NOT_FOUND)
        only = None
        if not who.has(Role.SUPERVISOR) and not _People(parts.hasher, row).knows(who):
            only = who.department or "" if who.has(*LEADERS) else ""
        found = [one async for one in QUERIES.ratings_of(conn, number=number, department=only)]
    if only is not None and not found:
        raise Problem(NOT_FOUND)
    return Ratings(number=number, items=[_shown(one) for one in found])


def _shown(row: Row) -> RatingShown:
    told = {name: row[name] for name in FollowUpShown.model_fields}
    return RatingShown(
        department=row["department"],
        grade=row["grade"],
        comment=row["comment"],
        rated_at=row["rated_at"],
        follow_up=FollowUpShown(**told) if row["state"] else None,
    )


async def project(conn: Connection, events: Sequence[Event]) -> None:
    """Write what is told of follow-ups: a statement for each state there is word of.

    A follow-up goes through its states once each and in their order, so they are written in it.
    """
    told = [event for event in events if isinstance(event, FollowUpTold)]
    for state in FollowUpState:
        if these := [event for event in told if event.state is state]:
            await _write(conn, state, these)


async def _write(conn: Connection, state: FollowUpState, told: Sequence[FollowUpTold]) -> None:
    which = {
        "applications": [one.application for one in told],
        "departments": [one.department for one in told],
    }
    ats = [one.told_at for one in told]
    match state:
        case FollowUpState.OPEN:
            await QUERIES.open_follow_ups(conn, **which, dues=[one.due_at for one in told])
        case FollowUpState.ANSWERED:
            answers = [one.answer for one in told]
            await QUERIES.answer_follow_ups(conn, **which, answers=answers, ats=ats)
        case FollowUpState.CLOSED:
            await QUERIES.close_follow_ups(conn, **which, ats=ats)
