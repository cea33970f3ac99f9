"""The API of joint sessions: rosters, proposals, convening, holding, the record, signatures."""

from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from services.departments import problems, sessions, sessions_holding, sessions_roster
from services.departments import sessions_models as models
from services.departments import sessions_problems as own
from services.departments import sessions_store as store
from services.departments import sessions_views as views
from services.departments.api import DECIDING
from services.departments.models import LARGEST_ID
from services.departments.scope import department_of, queue_of, sight_of
from services.departments.sessions_holding import Signer
from services.departments.web import (
    KEYED,
    LISTING,
    Department,
    IfMatch,
    Key,
    Officer,
    Reader,
    answer,
    number_in_path,
    once,
)
from services.runtime.web import etag, idempotency, pages
from services.runtime.web.problems import (
    FORBIDDEN,
    NOT_FOUND,
    OVERLOADED,
    UNAUTHENTICATED,
    Problem,
)
from services.runtime.web.problems import problem_responses as responses

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])
officers = APIRouter(prefix="/v1/officers", tags=["sessions"])
SessionId = Annotated[int, number_in_path("Number of the session.")]
OfficerRef = Annotated[
    str,
    Path(
        alias="officer",
        pattern="^(me|[0-9a-f]{16,64})$",
        examples=["me"],
        description="`me`, or the keyed hash of an officer for the chief representative.",
    ),
]
EngagementId = Annotated[
    int, Path(ge=1, le=LARGEST_ID, examples=[3], description="Number of the engagement.")
]
WEEKS_SHOWN = timedelta(weeks=4)
LEADING = (problems.NO_DEPARTMENT, NOT_FOUND, problems.OWN_APPLICATION, own.LEAD_REQUIRED)
ON_SESSION = (problems.NO_DEPARTMENT, NOT_FOUND, problems.OWN_APPLICATION, own.SESSION_STATE)
HOLDING = (*ON_SESSION, *etag.PROBLEMS)
SIGNING = (
    *(*ON_SESSION, own.RECORD_MISMATCH, own.MEMBER_ABSENT, own.SIGNED, own.NOTHING_TO_SIGN),
    *(own.SIGNATURE_INCOMPLETE, own.SIGNED_TWICE, *idempotency.PROBLEMS, *DECIDING),
)


@officers.get("", response_model=views.Roster, responses=responses(*LISTING))
async def read_roster(request: Request, who: Reader, department: Department = None) -> Response:
    """Read a department's roster: who can be sent to joint sessions, and when he is not free.

    Four weeks are shown: engagements that were noted, absences, and sessions with their ways.
    """
    queue, now = queue_of(who, department), request.app.state.clock.now()
    async with request.app.state.pool.acquire() as conn:
        listed = await store.roster_of(conn, [queue])
        refs = [row["officer_ref"] for row in listed]
        taken = await store.taken(conn, refs, now, now + WEEKS_SHOWN)
    return answer(views.roster(queue, listed, taken))


@officers.put(
    "/{officer}",
    response_model=views.OfficerView,
    responses=responses(problems.NO_DEPARTMENT, FORBIDDEN, own.ON_ANOTHER_ROSTER),
)
async def list_officer(request: Request, who: Officer, officer: OfficerRef) -> Response:
    """Put an officer on the department's roster. Whoever is on it stays on it."""
    state, ref = request.app.state, sessions_roster.officer_of(who, officer)
    async with state.pool.acquire() as conn, conn.transaction():
        since = await sessions_roster.enlist(conn, clock=state.clock, who=who, officer=ref)
    return answer({"officer": ref, "department": who.department, "listed_at": since, "taken": []})


@officers.delete(
    "/{officer}",
    status_code=204,
    response_class=Response,
    responses=responses(problems.NO_DEPARTMENT, FORBIDDEN, NOT_FOUND),
)
async def strike_officer(request: Request, who: Officer, officer: OfficerRef) -> Response:
    """Take an officer off the roster. Sessions that he is sent to need a substitute."""
    state, ref = request.app.state, sessions_roster.officer_of(who, officer)
    async with state.pool.acquire() as conn, conn.transaction():
        await sessions_roster.strike(conn, clock=state.clock, who=who, officer=ref)
    return Response(status_code=204)


@officers.post(
    "/{officer}/engagements",
    status_code=201,
    response_model=views.EngagementAdded,
    responses=responses(*KEYED, FORBIDDEN, own.NOT_ON_ROSTER),
)
async def add_engagement(
    request: Request, who: Officer, officer: OfficerRef, body: models.NewEngagement, asked: Key
) -> Response:
    """Note when an officer is not free: no session is proposed for that time."""
    ref = sessions_roster.officer_of(who, officer)
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        id_ = await sessions_roster.engage(
            conn,
            clock=request.app.state.clock,
            who=who,
            officer=ref,
            kind=body.kind,
            starts=body.starts_at,
            ends=body.ends_at,
        )
        return slot.keep(answer({"id": id_}, status=201))


@officers.delete(
    "/{officer}/engagements/{engagement}",
    status_code=204,
    response_class=Response,
    responses=responses(problems.NO_DEPARTMENT, FORBIDDEN, NOT_FOUND),
)
async def withdraw_engagement(
    request: Request, who: Officer, officer: OfficerRef, engagement: EngagementId
) -> Response:
    """Withdraw an engagement: the officer is free again."""
    state, ref = request.app.state, sessions_roster.officer_of(who, officer)
    async with state.pool.acquire() as conn, conn.transaction():
        await sessions_roster.disengage(
            conn, clock=state.clock, who=who, officer=ref, engagement=engagement
        )
    return Response(status_code=204)


@router.post(
    "/proposals",
    response_model=views.Proposals,
    responses=responses(*LEADING, own.NOT_JOINT, OVERLOADED),
)
async def propose_sessions(request: Request, who: Officer, body: models.NewRound) -> Response:
    """Find the best time for a joint session, or for several that may want the same officers.

    Officers' calendars, business hours, the ways, two officers of each department that verifies
    facts, and every member's clock are kept. For what cannot be timed it is said why. Nothing is
    stored: convene a proposal to make it hold. It takes a bounded time: `proven` says whether
    that was enough.
    """
    state = request.app.state
    async with state.pool.acquire() as conn:
        round_ = await sessions.round_of(
            conn,
            state.shelf,
            who,
            [one.asked() for one in body.sessions],
            now=state.clock.now(),
            notice=request.app.state.settings.sessions.notice,
        )
    found = await state.timing.timetable(round_, request.is_disconnected)
    return answer(views.proposals(round_, found))


@router.post(
    "",
    status_code=201,
    response_model=views.SessionVersion,
    responses=responses(
        *(*LEADING, own.NOT_JOINT, own.PLACEMENT, own.SESSION_EXISTS), *idempotency.PROBLEMS
    ),
)
async def convene_session(
    request: Request, who: Officer, body: models.NewSession, asked: Key
) -> Response:
    """Convene a joint session of a merged step, and with that invite its members."""
    state = request.app.state
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        id_ = await sessions.convene(
            conn,
            clock=state.clock,
            shelf=state.shelf,
            who=who,
            session=body.convening(),
            notice=request.app.state.settings.sessions.notice,
        )
        return slot.keep(_moved(id_, 1, "convened", status=201))


def _moved(id_: int, version: int, state: models.State, *, status: int = 200) -> Response:
    content = {"id": id_, "version": version, "state": state}
    return answer(content, status=status, version=version)


@router.get("", response_model=views.SessionPage, responses=responses(*LISTING))
async def list_sessions(
    request: Request,
    who: Reader,
    department: Department = None,
    state: Annotated[models.State | None, Query(description="Only of this state.")] = None,
    since: Annotated[
        datetime | None, Query(description="Only those that end at this instant or later.")
    ] = None,
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> Response:
    """List the joint sessions that a department is invited to, in the order of time."""
    place = pages.decode(after, pages.instant, pages.whole) if after else None
    async with request.app.state.pool.acquire() as conn:
        rows = await store.list_sessions(
            conn,
            queue_of(who, department),
            state=state,
            since=since,
            after=None if place is None else (place[0], place[1]),
            rows=limit + 1,
        )
    shown, following = pages.split(
        rows, limit, lambda row: pages.encode(row["starts_at"], row["id"])
    )
    items = [views.summary(row) for row in shown]
    return answer({"items": items} | ({"next": following} if following else {}))


@router.get("/{id}", response_model=views.SessionDetail, responses=responses(*LISTING))
async def read_session(request: Request, who: Reader, session: SessionId) -> Response:
    """Read a session with its members, attendees, tasks and record. The ETag is its version."""
    async with (
        request.app.state.pool.acquire() as conn,
        conn.transaction(isolation="repeatable_read", readonly=True),
    ):
        whole = await store.read_session(conn, session, sight_of(who))
    if whole is None:
        raise Problem(NOT_FOUND)
    return answer(views.detail(whole), version=whole.row["version"])


@router.post(
    "/{id}/cancellation",
    response_model=views.SessionVersion,
    responses=responses(*HOLDING, own.LEAD_REQUIRED),
)
async def cancel_session(
    request: Request, who: Officer, session: SessionId, body: models.Cancellation, expected: IfMatch
) -> Response:
    """Call a session off before its record is written; another one can be convened then."""
    state = request.app.state
    async with state.pool.acquire() as conn, conn.transaction():
        version = await sessions.cancel(
            conn,
            clock=state.clock,
            who=who,
            session=session,
            reason=body.reason,
            expected=expected,
        )
    return _moved(session, version, "cancelled")


@router.post(
    "/{id}/substitutes",
    response_model=views.SessionVersion,
    responses=responses(*HOLDING, own.NOT_SENT, own.NOT_ON_ROSTER, own.OFFICER_TAKEN),
)
async def send_substitute(
    request: Request, who: Officer, session: SessionId, body: models.Substitution, expected: IfMatch
) -> Response:
    """Send one of the department's officers instead of another; attendance is to be taken again."""
    state = request.app.state
    async with state.pool.acquire() as conn, conn.transaction():
        version = await sessions_holding.substitute(
            conn,
            clock=state.clock,
            who=who,
            session=session,
            officer=body.officer,
            instead_of=body.instead_of,
            expected=expected,
        )
    return _moved(session, version, "convened")


@router.post(
    "/{id}/attendance",
    response_model=views.SessionVersion,
    responses=responses(*HOLDING, own.NOT_BEGUN, own.NOT_SENT),
)
async def take_attendance(
    request: Request, who: Officer, session: SessionId, body: models.Attendance, expected: IfMatch
) -> Response:
    """Say which of one's own department's officers came: no department says it for another.

    The session is held when all have said so; after its end the lead department's word is enough,
    and whoever has said nothing is absent, as is a department with fewer than it must send.
    """
    state = request.app.state
    async with state.pool.acquire() as conn, conn.transaction():
        version, reached = await sessions_holding.attend(
            conn,
            clock=state.clock,
            who=who,
            session=session,
            present=body.present,
            expected=expected,
        )
    return _moved(session, version, reached)


@router.post(
    "/{id}/record",
    response_model=views.Recorded,
    responses=responses(*HOLDING, own.LEAD_REQUIRED, own.RECORD_INCOMPLETE),
)
async def record_session(
    request: Request, who: Officer, session: SessionId, body: models.NewRecord, expected: IfMatch
) -> Response:
    """Store the one record of the session; its SHA-256 is what the members sign."""
    state = request.app.state
    async with state.pool.acquire() as conn, conn.transaction():
        version, sha256 = await sessions_holding.record(
            conn,
            clock=state.clock,
            who=who,
            session=session,
            minutes=body.minutes,
            findings=body.findings,
            expected=expected,
        )
    content = {"id": session, "version": version, "state": "recorded", "sha256": sha256}
    return answer(content, version=version)


@router.post("/{id}/signature", response_model=views.SignedView, responses=responses(*SIGNING))
async def sign_record(
    request: Request, who: Officer, session: SessionId, body: models.OwnSignature, asked: Key
) -> Response:
    """Sign the record for one's department: all it has open in the session ends with that."""
    return await _sign(request, session, body.sha256, [body.signer(who)], asked)


@router.post(
    "/{id}/signatures",
    response_model=views.SignedView,
    responses=responses(*SIGNING, UNAUTHENTICATED),
)
async def sign_together(
    request: Request, who: Officer, session: SessionId, body: models.Signatures, asked: Key
) -> Response:
    """Sign the record for several departments at one table, each with a token of its own people.

    All of them sign, or none does: their decisions are one transaction. A member of the session
    asks; what counts for each department is the token of its own.
    """
    authenticator = request.app.state.authenticator
    signers = [
        Signer(
            who=await authenticator.principal(one.token.get_secret_value()),
            entries=[entry.entry() for entry in one.entries],
        )
        for one in body.signatures
    ]
    async with request.app.state.pool.acquire() as conn:
        if await store.read_session(conn, session, department_of(who)) is None:
            raise Problem(NOT_FOUND)
    return await _sign(request, session, body.sha256, signers, asked)


async def _sign(
    request: Request, session: int, sha256: str, signers: list[Signer], asked: idempotency.Asked
) -> Response:
    with ExitStack() as spans:
        async with once(request, asked) as (conn, slot):
            if slot.stored is not None:
                return slot.stored
            ended = await sessions_holding.sign(
                conn,
                clock=request.app.state.clock,
                session=session,
                sha256=sha256,
                signers=signers,
                spans=spans,
            )
            return slot.keep(answer(views.signed(session, ended)))
