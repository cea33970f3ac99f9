"""The API of authority: written authorisations, absences, and what goes up."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.departments import above, absences, authorisations, models, problems
from services.departments import authority_models as views
from services.departments import authority_store as store
from services.departments.authority_store import Grant
from services.departments.scope import department_of, queue_of
from services.departments.web import (
    KEYED,
    LISTING,
    ON_TASK,
    Department,
    Head,
    IfMatch,
    Key,
    Member,
    Officer,
    Reader,
    TaskId,
    answer,
    last_id,
    number_in_path,
    once,
    page,
    plain,
    ref_of,
)
from services.domain.calendar import ZONE
from services.runtime.web import etag, idempotency, pages
from services.runtime.web.problems import (
    INVALID,
    NOT_FOUND,
    Fault,
    Problem,
    Words,
    problem_responses,
)

router = APIRouter(prefix="/v1", tags=["authority"])
AuthorisationId = Annotated[int, number_in_path("Number of the authorisation.")]
AbsenceId = Annotated[int, number_in_path("Number of the absence.")]
AboveId = Annotated[int, number_in_path("Number of what went up.")]
_DECISIVE = Words("须为 granted 或 refused", "It is `granted` or `refused`")


@router.post(
    "/authorisations",
    status_code=201,
    response_model=views.AuthorisationView,
    responses=problem_responses(*KEYED, problems.ANOTHER_PERSON),
)
async def grant_authorisation(
    request: Request, who: Head, body: views.NewAuthorisation, asked: Key
) -> Response:
    """Give a representative of one's department a written authorisation (授权书).

    It holds on the days of its term, both included, and never for the past. The head of the
    department gives it, to somebody else.
    """
    state = request.app.state
    given = Grant(
        department=department_of(who),
        representative=ref_of(request, body.representative),
        substitute=None if body.substitute is None else ref_of(request, body.substitute),
        items=body.items,
        powers=tuple(sorted(set(body.powers))),
        valid_from=body.valid_from,
        valid_until=body.valid_until,
        document=body.document,
    )
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        row = await authorisations.grant(
            conn, clock=state.clock, shelf=state.shelf, who=who, given=given
        )
        return slot.keep(answer(plain(row, views.AuthorisationView), status=201))


@router.get(
    "/authorisations",
    response_model=views.AuthorisationPage,
    responses=problem_responses(*LISTING),
)
async def list_authorisations(
    request: Request,
    who: Reader,
    department: Department = None,
    whose: Annotated[
        Literal["me", "any"], Query(description="Those one acts under oneself, or all.")
    ] = "any",
    state: Annotated[
        Literal["in_force", "any"], Query(description="Those that hold today, or all.")
    ] = "any",
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> Response:
    """List a department's written authorisations."""
    queue = queue_of(who, department)
    today = request.app.state.clock.now().astimezone(ZONE).date()
    async with request.app.state.pool.acquire() as conn:
        rows = await store.list_authorisations(
            conn,
            queue,
            person=who.ref if whose == "me" else None,
            on_day=today if state == "in_force" else None,
            after=last_id(after),
            rows=limit + 1,
        )
    return page(rows, limit, views.AuthorisationView)


@router.post(
    "/authorisations/{id}/revocation",
    response_model=views.AuthorisationView,
    responses=problem_responses(*KEYED, NOT_FOUND, problems.REVOKED),
)
async def revoke_authorisation(
    request: Request, who: Head, id_: AuthorisationId, body: views.Revocation, asked: Key
) -> Response:
    """Revoke an authorisation: no decision after this rests on it, none before is touched."""
    clock = request.app.state.clock
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        row = await authorisations.revoke(conn, clock=clock, who=who, id_=id_, reason=body.reason)
        return slot.keep(answer(plain(row, views.AuthorisationView)))


@router.post(
    "/absences",
    status_code=201,
    response_model=views.AbsenceView,
    responses=problem_responses(*KEYED, problems.ANOTHER_PERSON, problems.ABSENT),
)
async def record_absence(
    request: Request, who: Member, body: views.NewAbsence, asked: Key
) -> Response:
    """Record that oneself, or somebody of the department one leads, is absent.

    Meanwhile the substitute of his authorisations stands in, and colleagues may take up what he
    has in hand.
    """
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        row = await absences.record(
            conn,
            clock=request.app.state.clock,
            who=who,
            person=who.ref if body.person is None else ref_of(request, body.person),
            substitute=None if body.substitute is None else ref_of(request, body.substitute),
            since=body.since,
            until=body.until,
        )
        return slot.keep(answer(plain(row, views.AbsenceView), status=201))


@router.get("/absences", response_model=views.AbsencePage, responses=problem_responses(*LISTING))
async def list_absences(
    request: Request,
    who: Reader,
    department: Department = None,
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> Response:
    """List the absences in a department that are not over: present ones and coming ones."""
    queue, now = queue_of(who, department), request.app.state.clock.now()
    async with request.app.state.pool.acquire() as conn:
        rows = await store.list_absences(conn, queue, at=now, after=last_id(after), rows=limit + 1)
    return page(rows, limit, views.AbsenceView)


@router.post(
    "/absences/{id}/end",
    response_model=views.AbsenceView,
    responses=problem_responses(*KEYED, NOT_FOUND, problems.ANOTHER_PERSON, problems.ABSENCE_OVER),
)
async def end_absence(request: Request, who: Member, id_: AbsenceId, asked: Key) -> Response:
    """End an absence before its time: somebody is back, and nobody stands in any more."""
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        row = await absences.end(conn, clock=request.app.state.clock, who=who, id_=id_)
        return slot.keep(answer(plain(row, views.AbsenceView)))


@router.post(
    "/tasks/{id}/approval-above",
    status_code=201,
    response_model=views.AboveAsked,
    responses=problem_responses(
        *ON_TASK,
        *idempotency.PROBLEMS,
        *etag.PROBLEMS,
        problems.WRONG_PART,
        problems.REPRESENTATIVE_REQUIRED,
        problems.NOT_AUTHORISED,
        problems.ABOVE_NEEDLESS,
        problems.ABOVE_ASKED,
        problems.VISIT_UNSIGNED,
    ),
)
async def ask_above(
    request: Request,
    who: Officer,
    task: TaskId,
    body: views.NewAbove,
    asked: Key,
    expected: IfMatch,
) -> Response:
    """Send a task up (报批), with a proposal and the opinion of the first review.

    Its own clock runs from now on; until it is answered nobody can decide on the task.
    """
    _decisive("#/proposal", body.proposal)
    state = request.app.state
    step = above.Step(budget=state.settings.approval_above_days, calendar=state.shelf.calendar)
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        found = await above.ask(
            conn,
            clock=state.clock,
            step=step,
            who=who,
            task=task,
            proposal=body.proposal,
            opinion=body.opinion,
            expected=expected,
        )
        content = plain(found, views.AboveAsked)
        return slot.keep(answer(content, status=201, version=found.version))


def _decisive(pointer: str, outcome: Any) -> None:
    if outcome not in above.DECISIVE:
        raise Problem(INVALID, errors=[Fault(pointer, _DECISIVE)])


@router.get(
    "/approvals-above", response_model=views.AbovePage, responses=problem_responses(*LISTING)
)
async def list_approvals_above(
    request: Request,
    who: Reader,
    department: Department = None,
    state: Annotated[
        Literal["open", "overdue", "any"],
        Query(description="Not answered yet; over its time, answered or not; all."),
    ] = "any",
    task: Annotated[
        int | None, Query(ge=1, le=models.LARGEST_ID, description="Number of a task.")
    ] = None,
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> Response:
    """List what went up in a department, soonest due first."""
    queue = queue_of(who, department)
    place = pages.decode(after, pages.instant, pages.whole) if after else None
    async with request.app.state.pool.acquire() as conn:
        rows = await store.list_aboves(
            conn,
            queue,
            task=task,
            unanswered=state == "open",
            overdue_at=request.app.state.clock.now() if state == "overdue" else None,
            after=None if place is None else (place[0], place[1]),
            rows=limit + 1,
        )
    return page(rows, limit, views.AboveView, "due_at", "id")


@router.post(
    "/approvals-above/{id}/answer",
    response_model=views.AboveAnswered,
    responses=problem_responses(
        *ON_TASK, *idempotency.PROBLEMS, problems.ANOTHER_PERSON, problems.ABOVE_ANSWERED
    ),
)
async def answer_above(
    request: Request, who: Head, id_: AboveId, body: views.AboveAnswer, asked: Key
) -> Response:
    """Answer what went up: one's own decision, or the document that came from higher up."""
    _decisive("#/answer", body.answer)
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        found = await above.answer(
            conn,
            clock=request.app.state.clock,
            who=who,
            id_=id_,
            outcome=body.answer,
            document=body.document,
        )
        return slot.keep(answer(plain(found, views.AboveAnswered), version=found.version))
