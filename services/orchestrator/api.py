"""The operator API: every application, its graph, its journal, its deadlines; hold and resume."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
import orjson
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse

from services.contracts.vocabulary import ApplicationStatus, Role, StepState
from services.domain.route import Route
from services.orchestrator import models
from services.orchestrator.acts import ENDED, Act, perform
from services.orchestrator.conflict import OWN_APPLICATION
from services.orchestrator.explanation import Kind, NoDeadlineError, explained, history_of
from services.orchestrator.reprojection import Calendars
from services.orchestrator.store import ReadStore, Row, Store
from services.orchestrator.workflow import workflow_id
from services.runtime.auth import Principal, require
from services.runtime.db import Connection
from services.runtime.web import idempotency, pages
from services.runtime.web.problems import CONFLICT, NOT_FOUND, Problem, problem_responses

router = APIRouter(prefix="/v1", tags=["operator"])
Watcher = Annotated[Principal, Depends(require(Role.OPERATOR, Role.SUPERVISOR))]
Operator = Annotated[Principal, Depends(require(Role.OPERATOR))]
Number = Annotated[
    str,
    Path(max_length=40, description="The application's number.", examples=["QX20260302-000001-0"]),
]
_store, _reads = Store(), ReadStore()
JOURNAL_WHOLE = 10_000


@router.get("/applications")
async def list_applications(
    request: Request,
    _who: Watcher,
    status: Annotated[
        list[ApplicationStatus] | None, Query(description="Only of these statuses.")
    ] = None,
    running: Annotated[
        bool | None, Query(description="Only those that are not over (or that are).")
    ] = None,
    overdue: Annotated[
        bool, Query(description="Only with an open task that is past its promise now.")
    ] = False,
    at_risk: Annotated[
        bool, Query(description="Only running ones that may break their promise, by the forecast.")
    ] = False,
    scenario: Annotated[
        str | None, Query(max_length=64, description="Only of this scenario.")
    ] = None,
    department: Annotated[
        str | None,
        Query(max_length=64, description="Only what this department has in hand now."),
    ] = None,
    project_code: Annotated[
        str | None, Query(max_length=64, description="Only of this project.")
    ] = None,
    late: Annotated[
        bool | None, Query(description="Only those with (or without) a promise that was broken.")
    ] = None,
    q: Annotated[
        str | None, Query(max_length=64, description="Beginning of a number or project code.")
    ] = None,
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> models.ApplicationPage:
    """List applications in the order of their promise."""
    at, number = pages.decode(after, pages.instant, str) if after else (None, None)
    state = request.app.state
    numbers = await state.forecaster.numbers_at_risk() if at_risk else None
    async with state.pool.acquire() as conn:
        rows = await _reads.list_applications(
            conn,
            statuses=_statuses(status, running),
            project_code=project_code,
            late=late,
            scenario=scenario,
            department=department,
            overdue_at=state.clock.now() if overdue else None,
            numbers=numbers,
            search=_literal(q),
            after_at=at,
            after_number=number,
            at_most=limit + 1,
        )
    shown, following = pages.split(
        rows, limit, lambda row: pages.encode(row["promised_at"], row["number"])
    )
    return models.ApplicationPage(
        items=[models.ApplicationHead.model_validate(dict(row)) for row in shown], next=following
    )


@router.get("/applications/{number}", responses=problem_responses(NOT_FOUND))
async def read_application(
    request: Request, _who: Watcher, number: Number
) -> models.ApplicationGraph:
    """Read one application: its graph with the state of every task, results, signals, links."""
    async with request.app.state.pool.acquire() as conn:
        head = await head_of(conn, number)
        graph = await _reads.graph(conn, number)
    route = msgspec.json.decode(head["route"], type=Route)
    return models.ApplicationGraph(
        **{name: value for name, value in head.items() if name not in {"route", "facts"}},
        facts=orjson.loads(head["facts"]),
        steps=_steps(route, graph),
        results=[models.ResultView.model_validate(dict(row)) for row in graph["results_of"]],
        signals=[models.SignalView.model_validate(dict(row)) for row in graph["signals_of"]],
        acts=[models.ActView.model_validate(dict(row)) for row in graph["acts_of"]],
        links=_links(request, number, head["traceparent"]),
    )


@router.get("/applications/{number}/journal", responses=problem_responses(NOT_FOUND))
async def read_journal(
    request: Request,
    _who: Watcher,
    number: Number,
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> models.JournalPage:
    """Read what happened to an application, turn by turn, and what followed."""
    (turn,) = pages.decode(after, pages.small) if after else (0,)
    async with request.app.state.pool.acquire() as conn:
        await head_of(conn, number)
        rows = await _reads.journal_of(conn, number, turn, limit + 1)
    shown, following = pages.split(rows, limit, lambda row: pages.encode(row["turn"]))
    return models.JournalPage(
        items=[models.JournalTurn.model_validate(journal_turn(row)) for row in shown],
        next=following,
    )


@router.get(
    "/applications/{number}/deadlines/{item}/{department}/{round}",
    responses=problem_responses(NOT_FOUND),
)
async def explain_deadline(
    request: Request,
    _who: Watcher,
    number: Number,
    item: Annotated[str, Path(max_length=64, description="Code of the item.")],
    department: Annotated[str, Path(max_length=64, description="Code of the department.")],
    round: Annotated[int, Path(ge=1, le=99, description="Round of the task.")],  # noqa: A002 - the word of the path
    kind: Annotated[Kind, Query(description="The promise, or the limit of the law.")] = "promised",
) -> models.DeadlineView:
    """Explain a task's deadline day by day: counted or not, and by which article or notice."""
    async with request.app.state.pool.acquire() as conn:
        head = await head_of(conn, number)
        task = await _store.get_task(conn, f"{number}/{item}/{department}/{round}")
        journal = await _reads.journal_of(conn, number, 0, JOURNAL_WHOLE)
    if task is None:
        raise Problem(NOT_FOUND)
    turns: Any = [journal_turn(row) for row in journal]
    history = history_of(task, msgspec.json.decode(head["route"], type=Route), turns)
    state = request.app.state
    calendars = Calendars(state.pool, lambda: state.shelf.calendar)
    try:
        return explained(task, kind, history, await calendars.of(history.calendar_version))
    except NoDeadlineError as error:
        raise Problem(NOT_FOUND) from error


@router.post(
    "/applications/{number}/hold",
    status_code=202,
    response_model=models.ActAnswer,
    responses=problem_responses(NOT_FOUND, OWN_APPLICATION, CONFLICT, *idempotency.PROBLEMS),
)
async def hold(
    request: Request,
    who: Operator,
    number: Number,
    body: models.ActRequest,
    asked: Annotated[idempotency.Asked, Depends(idempotency.asked)],
) -> Any:
    """Stop the issuing of further tasks. What is issued goes on, and so do the clocks."""
    return await act_on(request, who, number, Act.HOLD, body.reason, asked)


@router.post(
    "/applications/{number}/resume",
    status_code=202,
    response_model=models.ActAnswer,
    responses=problem_responses(NOT_FOUND, OWN_APPLICATION, CONFLICT, *idempotency.PROBLEMS),
)
async def resume(
    request: Request,
    who: Operator,
    number: Number,
    body: models.ActRequest,
    asked: Annotated[idempotency.Asked, Depends(idempotency.asked)],
) -> Any:
    """Lift a hold: what has become ready in the meantime is issued."""
    return await act_on(request, who, number, Act.RESUME, body.reason, asked)


async def act_on(
    request: Request, who: Principal, number: str, act: Act, reason: str, asked: idempotency.Asked
) -> Any:
    """Perform an act, once for its key, and let the workflow hear of it. Raises Problem."""
    state = request.app.state
    async with idempotency.once(state.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        head = await head_of(conn, number)
        at = state.clock.now()
        await perform(conn, head=head, act=act, reason=reason, who=who, at=at)
        answer = models.ActAnswer(application=number, act=act, at=at)
        response = slot.keep(JSONResponse(answer.model_dump(mode="json"), status_code=202))
    state.deliverer.wake.set()
    return response


def _statuses(
    wanted: list[ApplicationStatus] | None, running: bool | None
) -> list[ApplicationStatus] | None:
    """Return the statuses that are asked for; None: all."""
    if wanted is None and running is None:
        return None
    found = ApplicationStatus if wanted is None else wanted
    return [one for one in found if running is None or running is (one not in ENDED)]


async def head_of(conn: Connection, number: str) -> Row:
    """Return one application's row. Raises Problem 404."""
    row = await _store.get_application(conn, number)
    if row is None:
        raise Problem(NOT_FOUND)
    return row


def journal_turn(row: Row) -> dict[str, Any]:
    """Return a turn with its events and commands as data (instants of commands as datetimes)."""
    commands = orjson.loads(row["commands"])
    for command in commands:
        command["at"] = msgspec.convert(command["at"], datetime)
    return {**row, "events": orjson.loads(row["events"]), "commands": commands}


def _steps(route: Route, graph: dict[str, list[Row]]) -> list[models.StepView]:
    """Join the plan with what has become of it; steps in the order of the plan."""
    states = {row["step"]: row for row in graph["steps_of"]}
    made_by = {part.item: step.code for step in route.steps for part in step.parts}
    found = []
    for step in route.steps:
        needed = {made_by[item] for part in step.parts for item in part.requires}
        tasks = [row for row in graph["tasks_of"] if row["step"] == step.code]
        found.append(
            models.StepView(
                step=step.code,
                group=step.group,
                state=states[step.code]["state"] if step.code in states else StepState.WAITING,
                changed_at=states[step.code]["changed_at"] if step.code in states else None,
                after=sorted(needed),
                tasks=[models.TaskView.model_validate(dict(row)) for row in tasks],
            )
        )
    return found


def _links(request: Request, number: str, traceparent: str | None) -> models.Links:
    settings = request.app.state.settings
    trace_id = traceparent.split("-")[1] if traceparent else None
    found = workflow_id(number)
    trace_url = settings.trace_url
    ui, namespace = settings.temporal.ui_url, settings.temporal.namespace
    path = found.replace("/", "%2F")
    return models.Links(
        trace_id=trace_id,
        trace=trace_url.format(trace=trace_id) if trace_url and trace_id else None,
        workflow=f"{ui}/namespaces/{namespace}/workflows/{path}" if ui else None,
        workflow_id=found,
    )


def _literal(text: str | None) -> str | None:
    """Return text with LIKE's own characters made plain."""
    return None if text is None else text.translate({ord(c): f"\\{c}" for c in "%_\\"})
