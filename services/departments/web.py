"""What the routers of authority share: who may ask, and how it is answered."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import orjson
from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from services.contracts.vocabulary import Role
from services.departments import models, problems
from services.departments.store import Row
from services.runtime.auth import Principal, require
from services.runtime.db import Connection
from services.runtime.web import etag, idempotency, pages
from services.runtime.web.problems import BAD_CURSOR, NOT_FOUND

OFFICER, CHIEF, HEAD = Role.OFFICER, Role.CHIEF_REPRESENTATIVE, Role.DEPARTMENT_HEAD
Reader = Annotated[Principal, Depends(require(OFFICER, CHIEF, HEAD, Role.SUPERVISOR))]
Officer = Annotated[Principal, Depends(require(OFFICER, CHIEF))]
Member = Annotated[Principal, Depends(require(OFFICER, CHIEF, HEAD))]
Leader = Annotated[Principal, Depends(require(CHIEF, HEAD))]
Head = Annotated[Principal, Depends(require(HEAD))]
IfMatch = Annotated[etag.Expected, Depends(etag.if_match)]
Key = Annotated[idempotency.Asked, Depends(idempotency.asked)]
Department = Annotated[
    str | None,
    Query(
        pattern="^[A-Za-z][A-Za-z0-9-]{0,63}$",
        description="A supervisor's choice; for the department's people their own, if given.",
    ),
]


def number_in_path(what: str) -> Any:
    """Return the declaration of `{id}` in a path; `what` it is the number of."""
    return Path(alias="id", ge=1, le=models.LARGEST_ID, examples=[17], description=what)


TaskId = Annotated[int, number_in_path("Number of the task here.")]
LISTING = (problems.DEPARTMENT_REQUIRED, problems.NO_DEPARTMENT, NOT_FOUND, BAD_CURSOR)
KEYED = (problems.NO_DEPARTMENT, *idempotency.PROBLEMS)
ON_TASK = (problems.NO_DEPARTMENT, NOT_FOUND, problems.OWN_APPLICATION, problems.TASK_ENDED)


def answer(content: Any, *, status: int = 200, version: int | None = None) -> Response:
    """Return plain data as the answer; with the version of what was acted on as its ETag."""
    headers = None if version is None else {"etag": etag.etag(version)}
    body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
    return Response(body, status_code=status, headers=headers, media_type="application/json")


def plain(found: Any, model: type[BaseModel]) -> dict[str, Any]:
    """Return the plain data of a view, whose fields are columns of a row or attributes."""
    if isinstance(found, Row):
        return {name: found[name] for name in model.model_fields}
    return {name: getattr(found, name) for name in model.model_fields}


def page(rows: Sequence[Row], limit: int, model: type[BaseModel], *key: str) -> Response:
    """Return a page of rows that were asked for with `limit + 1`; `key`: columns of the order."""
    names = key or ("id",)
    shown, following = pages.split(
        rows, limit, lambda row: pages.encode(*(row[name] for name in names))
    )
    items = [plain(row, model) for row in shown]
    return answer({"items": items} | ({"next": following} if following else {}))


def last_id(cursor: str | None) -> int:
    """Return the id that a page starts after. Raises Problem 400."""
    return int(pages.decode(cursor, pages.whole)[0]) if cursor else 0


def ref_of(request: Request, account: str) -> str:
    """Return the keyed hash of somebody by the name at the OpenID provider."""
    found: str = request.app.state.authenticator.ref_of(account)
    return found


@asynccontextmanager
async def once(
    request: Request, asked: idempotency.Asked
) -> AsyncIterator[tuple[Connection, idempotency.Slot]]:
    """Open the transaction of an act, with the slot of its answer."""
    async with idempotency.once(request.app.state.pool, asked) as found:
        yield found
