"""The API of the supervision: cards, appeals and decisions, findings of the sensors, the red list.

A department sees its own cards and findings; supervisors and operators see all; investors none.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse

from services.contracts.vocabulary import Role
from services.domain.calendar import ZONE
from services.domain.supervision import (
    CardAct,
    CardState,
    Standing,
    appeal_until,
    red_list,
)
from services.domain.supervision_rules import Colour, FactKind, SupervisionRules
from services.orchestrator import supervision_acts, supervision_store
from services.orchestrator import supervision_models as models
from services.orchestrator.conflict import OWN_APPLICATION
from services.orchestrator.store import Row
from services.runtime.auth import Principal, own_department, require
from services.runtime.web import idempotency, pages
from services.runtime.web.problems import CONFLICT, NOT_FOUND, Problem, problem_responses

router = APIRouter(prefix="/v1/supervision", tags=["supervision"])
WATCHERS = (Role.SUPERVISOR, Role.OPERATOR)
Seer = Annotated[
    Principal,
    Depends(
        require(*WATCHERS, Role.OFFICER, Role.CHIEF_REPRESENTATIVE, Role.DEPARTMENT_HEAD),
    ),
]
Leader = Annotated[Principal, Depends(require(Role.DEPARTMENT_HEAD, Role.CHIEF_REPRESENTATIVE))]
Supervisor = Annotated[Principal, Depends(require(Role.SUPERVISOR))]
Idempotent = Annotated[idempotency.Asked, Depends(idempotency.asked)]
OfDepartment = Annotated[
    str | None, Query(max_length=64, description="Only of this department; one's own by default.")
]
CardId = Annotated[int, Path(ge=1, le=2**63 - 1, description="Number of the card.", examples=[17])]


def sight_of(who: Principal, department: str | None) -> str | None:
    """Return the department whose cards are read; None: of all.

    Raises Problem 404 when one of a department asks for another's.
    """
    if who.has(*WATCHERS):
        return department
    return own_department(who, department or who.department)


@router.get("/rules")
async def read_supervision_rules(request: Request, _who: Seer) -> models.RulesView:
    """Read the rules in force: what is worth a light, a yellow card, a red card."""
    rules: SupervisionRules = request.app.state.supervision.rules
    return models.RulesView(
        version=rules.version,
        appeal_within=rules.appeal_within,
        rules=[
            models.RuleView(
                **rule.model_dump(exclude={"thresholds"}),
                thresholds=rule.thresholds.model_dump(exclude_none=True),
            )
            for rule in rules.rules
        ],
        escalations=[models.EscalationView.model_validate(one) for one in rules.escalations],
    )


@router.get("/cards", responses=problem_responses(NOT_FOUND))
async def list_cards(
    request: Request,
    who: Seer,
    department: OfDepartment = None,
    colour: Annotated[Colour | None, Query(description="Only of this colour.")] = None,
    state: Annotated[CardState | None, Query(description="Only in this state.")] = None,
    application: Annotated[
        str | None, Query(max_length=40, description="Only about this application.")
    ] = None,
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> models.CardPage:
    """List cards, newest first."""
    (before,) = pages.decode(after, pages.whole) if after else (None,)
    async with request.app.state.pool.acquire() as conn:
        rows = await supervision_store.list_cards(
            conn,
            department=sight_of(who, department),
            colour=colour,
            state=state,
            application=application,
            before=before,
            at_most=limit + 1,
        )
    shown, following = _newest(request, rows, limit)
    return models.CardPage(items=[models.CardView(**row) for row in shown], next=following)


@router.get("/cards/{card}", responses=problem_responses(NOT_FOUND))
async def read_card(request: Request, who: Seer, card: CardId) -> models.CardWhole:
    """Read one card with its evidence and everything that was done to it."""
    state = request.app.state
    rules: SupervisionRules = state.supervision.rules
    async with state.pool.acquire() as conn:
        row = await supervision_store.get_card(conn, card)
        acts = await supervision_store.acts_of_card(conn, card)
    if row is None:
        raise Problem(NOT_FOUND)
    sight_of(who, row["department"])
    return models.CardWhole(
        **_named(row, rules),
        appeal_until=appeal_until(row["raised_at"], rules, state.shelf.calendar),
        journal=[models.CardActView.model_validate(dict(act)) for act in acts],
    )


@router.post(
    "/cards/{card}/appeals",
    status_code=201,
    response_model=models.CardMoved,
    responses=problem_responses(NOT_FOUND, OWN_APPLICATION, CONFLICT, *idempotency.PROBLEMS),
)
async def appeal_card(
    request: Request, who: Leader, card: CardId, body: models.AppealRequest, asked: Idempotent
) -> Any:
    """Appeal against a card of one's own department, once, within the term of the rules."""
    state = request.app.state
    async with idempotency.once(state.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        at = state.clock.now()
        reached = await supervision_acts.appeal(
            conn,
            card,
            body.text,
            who,
            rules=state.supervision.rules,
            calendar=state.shelf.calendar,
            at=at,
        )
        return slot.keep(_moved(card, reached, at))


@router.post(
    "/cards/{card}/decisions",
    status_code=201,
    response_model=models.CardMoved,
    responses=problem_responses(NOT_FOUND, OWN_APPLICATION, CONFLICT, *idempotency.PROBLEMS),
)
async def decide_card(
    request: Request, who: Supervisor, card: CardId, body: models.DecisionRequest, asked: Idempotent
) -> Any:
    """Uphold a card against its appeal, or lift it, with the reason. No card is ever deleted."""
    state = request.app.state
    async with idempotency.once(state.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        at = state.clock.now()
        act = CardAct(body.decision)
        reached = await supervision_acts.decide(conn, card, act, body.reason, who, at=at)
        return slot.keep(_moved(card, reached, at))


@router.get("/findings", responses=problem_responses(NOT_FOUND))
async def list_findings(
    request: Request,
    who: Seer,
    department: OfDepartment = None,
    fact: Annotated[FactKind | None, Query(description="Only of this kind.")] = None,
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> models.FindingPage:
    """List what the sensors of handling outside the system (体外循环) saw, newest first."""
    (before,) = pages.decode(after, pages.whole) if after else (None,)
    async with request.app.state.pool.acquire() as conn:
        rows = await supervision_store.list_findings(
            conn,
            department=sight_of(who, department),
            fact=fact,
            before=before,
            at_most=limit + 1,
        )
    shown, following = _newest(request, rows, limit)
    return models.FindingPage(items=[models.FindingView(**row) for row in shown], next=following)


@router.get("/red-list", responses=problem_responses(NOT_FOUND))
async def read_red_list(
    request: Request,
    who: Seer,
    month: Annotated[
        str,
        Query(
            pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", description="The month.", examples=["2026-03"]
        ),
    ],
    department: OfDepartment = None,
) -> models.RedList:
    """Read which departments have so many cards in a month that their leaders are told."""
    rules: SupervisionRules = request.app.state.supervision.rules
    first = date.fromisoformat(f"{month}-01")
    since, until = month_of(first)
    async with request.app.state.pool.acquire() as conn:
        rows = await supervision_store.standing_cards(conn, since, until, sight_of(who, department))
    standing = (
        Standing(
            id=row["id"],
            department=row["department"],
            colour=Colour(row["colour"]),
            raised_on=row["raised_at"].astimezone(ZONE).date(),
        )
        for row in rows
    )
    return models.RedList(
        month=month,
        items=[
            models.RedListEntry(
                department=entry.department,
                rule=entry.escalation.code,
                name=entry.escalation.name,
                colour=entry.escalation.colour,
                cards=list(entry.cards),
            )
            for entry in red_list(standing, rules, first)
        ],
    )


def month_of(first: date) -> tuple[datetime, datetime]:
    """Return the instants between which a month lies that begins on `first`, in local time."""
    year, month = first.year + first.month // 12, first.month % 12 + 1
    return datetime(first.year, first.month, 1, tzinfo=ZONE), datetime(year, month, 1, tzinfo=ZONE)


def _newest(
    request: Request, rows: Sequence[Row], limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the rows of a page, newest first, and what the next one starts after."""
    rules: SupervisionRules = request.app.state.supervision.rules
    shown, following = pages.split(rows, limit, lambda row: pages.encode(row["id"]))
    return [_named(row, rules) for row in shown], following


def _named(row: Row, rules: SupervisionRules) -> dict[str, Any]:
    """Return a row with the name of its rule, and its evidence as data."""
    rule = rules.by_code.get(row["rule"])
    shown = {**row, "evidence": orjson.loads(row["evidence"])}
    return shown | {"name": None if rule is None else rule.name}


def _moved(card: int, state: CardState, at: datetime) -> JSONResponse:
    answer = models.CardMoved(id=card, state=state, at=at)
    return JSONResponse(answer.model_dump(mode="json"), status_code=201)
