"""Operations of every service: its dead letters and its figures, for the role operator."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, FastAPI, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.contracts.vocabulary import Role
from services.runtime import audit, dead_letters
from services.runtime.auth import Principal, require
from services.runtime.clock import Clock
from services.runtime.db import Pool
from services.runtime.dead_letters import LetterNotFoundError, ReplayFailedError
from services.runtime.inbox import Inbox
from services.runtime.web import metrics, pages
from services.runtime.web.problems import (
    BAD_CURSOR,
    NOT_FOUND,
    Problem,
    Words,
    problem_responses,
    problem_type,
)

STILL_FAILING = problem_type(
    "dead-letter-still-failing", 409, "仍无法处理该消息", "The message still cannot be applied"
)
Operator = Annotated[Principal, Depends(require(Role.OPERATOR))]
LetterId = Annotated[
    int, Path(ge=1, le=dead_letters.NEWEST, description="Number of the dead letter here.")
]
State = Annotated[
    str, Query(pattern="^(open|replayed|discarded)$", description="open, replayed or discarded.")
]

router = APIRouter(prefix="/v1/operations", tags=["operations"])


class LetterItem(BaseModel):
    """A dead letter: everything about the message but the message itself."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    event_id: UUID | None
    topic: str
    partition: int | None
    offset: int | None
    source: str | None
    application: str | None
    seq: int | None
    type: str | None
    error_class: str
    error_message: str
    attempts: int
    state: str
    at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    reason: str | None = Field(description="Why, in the operator's words.")


class LetterPage(pages.Page):
    """Dead letters, newest first."""

    items: list[LetterItem]


class Why(BaseModel):
    """Why an operator acts on a dead letter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str = Field(
        min_length=2, max_length=500, description="Stands with the letter; names nobody."
    )


Reasoned = Annotated[
    Why | None, Body(openapi_examples={"reason": {"value": {"reason": "目录版本已补装"}}})
]


class Resolved(BaseModel):
    """What became of a dead letter."""

    id: int
    state: str


def provide(app: FastAPI, *, pool: Pool, inbox: Inbox, clock: Clock) -> None:
    """Give the routes what they work with; called in the service's lifespan."""
    app.state.operations = Operations(pool=pool, inbox=inbox, clock=clock)


class Operations:
    """The parts of the service that the routes use."""

    def __init__(self, *, pool: Pool, inbox: Inbox, clock: Clock) -> None:
        """Keep the parts."""
        self.pool = pool
        self.inbox = inbox
        self.clock = clock

    async def record(self, act: str, who: Principal, facts: Mapping[str, Any]) -> None:
        """Record what an operator is about to do: a replay that fails is an act as well."""
        async with self.pool.acquire() as conn, conn.transaction():
            await audit.leaf(conn, act, None, who.ref, facts, at=self.clock.now())

    async def replay(self, letter: int, who: Principal, reason: str | None) -> None:
        """Apply a message again, with everything that waited behind it. Raises Problem 404, 409."""
        await self.record("dead_letter.replay", who, _facts(letter, reason))
        try:
            await dead_letters.replay(
                self.pool, self.inbox, letter, actor_ref=who.ref, reason=reason
            )
        except LetterNotFoundError as error:
            raise Problem(NOT_FOUND) from error
        except ReplayFailedError as error:
            raise Problem(STILL_FAILING, Words(str(error), str(error))) from error

    async def discard(self, letter: int, who: Principal, reason: str | None) -> None:
        """Give a message up; its application goes on without it. Raises Problem 404."""
        await self.record("dead_letter.discard", who, _facts(letter, reason))
        try:
            await dead_letters.discard(
                self.pool, self.inbox, letter, actor_ref=who.ref, reason=reason
            )
        except LetterNotFoundError as error:
            raise Problem(NOT_FOUND) from error


def _facts(letter: int, reason: str | None) -> dict[str, Any]:
    """Return what the log of acts gets: of free text the SHA-256; it stands with the letter."""
    if reason is None:
        return {"letter": letter}
    return {"letter": letter, "reason_sha256": hashlib.sha256(reason.encode()).hexdigest()}


def operations(request: Request) -> Operations:
    """FastAPI dependency: what `provide` gave."""
    found: Operations = request.app.state.operations
    return found


Parts = Annotated[Operations, Depends(operations)]


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "content": {
                "text/plain": {
                    "schema": {"type": "string"},
                    "example": 'lianshen_backlog_rows{state="pending"} 0\n',
                }
            },
            "description": "Prometheus text.",
        }
    },
)
async def read_metrics(request: Request, _who: Operator, parts: Parts) -> Response:
    """Read what waits and for how long, the loops' signs of life, dead letters, requests."""
    async with parts.pool.acquire() as conn:
        found = await metrics.read(conn, request.app.state.requests)
    return Response(found, media_type=metrics.MEDIA_TYPE)


@router.get("/dead-letters", responses=problem_responses(BAD_CURSOR))
async def list_dead_letters(
    _who: Operator,
    parts: Parts,
    state: State = "open",
    limit: pages.Limit = pages.USUAL_PAGE,
    after: pages.After = None,
) -> LetterPage:
    """List the messages that could not be applied, newest first."""
    before = pages.decode(after, pages.whole)[0] if after else dead_letters.NEWEST
    async with parts.pool.acquire() as conn:
        found = await dead_letters.page(conn, state=state, before=before, size=limit)
    last = pages.encode(found[-1].id) if len(found) == limit else None
    return LetterPage(items=[LetterItem.model_validate(one) for one in found], next=last)


@router.post("/dead-letters/{letter}/replay", responses=problem_responses(NOT_FOUND, STILL_FAILING))
async def replay_dead_letter(
    letter: LetterId, who: Operator, parts: Parts, body: Reasoned = None
) -> Resolved:
    """Apply a message again, with everything that waited behind it."""
    await parts.replay(letter, who, body.reason if body else None)
    return Resolved(id=letter, state="replayed")


@router.post("/dead-letters/{letter}/discard", responses=problem_responses(NOT_FOUND))
async def discard_dead_letter(
    letter: LetterId, who: Operator, parts: Parts, body: Reasoned = None
) -> Resolved:
    """Give a message up; its application goes on without it."""
    await parts.discard(letter, who, body.reason if body else None)
    return Resolved(id=letter, state="discarded")
