"""Idempotency-Key on creating requests (IETF draft-ietf-httpapi-idempotency-key-header).

The key, the effect and the stored answer are ONE transaction: either the request happened and its
answer is kept, or nothing did and the key is free. There is no state "key taken, effect lost".

    async with once(pool, asked) as (connection, slot):
        if slot.stored is not None:
            return slot.stored
        ...the effect...
        return slot.keep(Response(...))
"""

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import asyncpg
import orjson
from fastapi import Depends, Header, Request
from starlette.responses import Response

from services.runtime import audit
from services.runtime.auth import Principal, principal
from services.runtime.db import Connection, Pool, load
from services.runtime.web.problems import (
    KEY_IN_FLIGHT,
    KEY_MALFORMED,
    KEY_MISSING,
    KEY_REUSED,
    Fault,
    Problem,
    ProblemType,
    Words,
)

_queries = load(Path(__file__).parent.parent / "sql" / "idempotency.sql")
_KEY = re.compile(r'^(?:"([\x21\x23-\x5b\x5d-\x7e]{8,128})"|([A-Za-z0-9._~:+/=-]{8,128}))$')
_KEPT_HEADERS = ("content-type", "location", "etag", "content-language")
PROBLEMS: tuple[ProblemType, ...] = (KEY_MISSING, KEY_MALFORMED, KEY_IN_FLIGHT, KEY_REUSED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request under its key: whose it is (keyed hash), the key, and the digest of the request."""

    owner: str
    key: str
    request: bytes

    def about(self, *parts: bytes) -> "Asked":
        """Return it with the digest of these parts: for forms, whose bytes differ every time."""
        return replace(self, request=digest(*parts))


def digest(*parts: bytes) -> bytes:
    """Return the SHA-256 over the parts, each preceded by its length (8 bytes, big-endian)."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.digest()


async def asked(
    request: Request,
    who: Annotated[Principal, Depends(principal)],
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Chosen by the client, new for every new act: 8 to 128 characters.",
            examples=["6b0c2f0e-8d0b-4a53-9e38-6c0d9c0f7a11"],
        ),
    ] = None,
) -> Asked:
    """FastAPI dependency: the request under its key. Raises Problem 400 without a good key."""
    if idempotency_key is None:
        raise Problem(KEY_MISSING)
    match = _KEY.match(idempotency_key.strip())
    if match is None:
        raise Problem(
            KEY_MALFORMED, Words("须为 8 至 128 个可见字符", "Use 8 to 128 visible characters")
        )
    is_form = request.headers.get("content-type", "").startswith("multipart/")
    body = b"" if is_form else await request.body()
    target = f"{request.method} {request.url.path}".encode()
    return Asked(owner=who.ref, key=match[1] or match[2], request=digest(target, body))


class Slot:
    """The place of one request's answer."""

    def __init__(self, stored: Response | None) -> None:
        """`stored` is the answer of the first time, if there was one."""
        self.stored = stored
        self.kept: Response | None = None

    def keep(self, response: Response) -> Response:
        """Make `response` the answer that every repetition will get; returns it."""
        self.kept = response
        return response


@asynccontextmanager
async def idempotent(connection: Connection, request: Asked) -> AsyncIterator[Slot]:
    """Inside a transaction: the slot of a request.

    Raises Problem 409 while the same key is in flight elsewhere, 422 when it was used for another
    request. When the block ends without an exception and nothing was stored before, the answer
    kept is written; forgetting to keep one is a RuntimeError.
    """
    row = await _queries.begin(
        connection, lock=_lock_of(request), owner=request.owner, key=request.key
    )
    if not row["locked"]:
        raise in_flight()
    if row["status"] is not None and bytes(row["request"]) != request.request:
        raise Problem(KEY_REUSED)
    slot = Slot(_response_of(row) if row["status"] is not None else None)
    yield slot
    if slot.stored is None:
        await _store(connection, request, slot.kept)


class Attempt(Problem):
    """An act that is refused, and whose attempt is recorded all the same: `leaf` in the log."""

    def __init__(
        self, kind: ProblemType, leaf: audit.Leaf, *, errors: Sequence[Fault] = ()
    ) -> None:
        """Keep what to tell, and what to record."""
        super().__init__(kind, errors=errors)
        self.leaf = leaf


@asynccontextmanager
async def once(pool: Pool, request: Asked) -> AsyncIterator[tuple[Connection, Slot]]:
    """Open the transaction of an act, with the slot of its answer.

    Raises what `idempotent` raises. Of an `Attempt` nothing stays but its leaf.
    """
    try:
        async with (
            pool.acquire() as connection,
            connection.transaction(),
            idempotent(connection, request) as slot,
        ):
            yield connection, slot
    except Attempt as refused:
        async with pool.acquire() as connection, connection.transaction():
            await audit.leaves(connection, [refused.leaf])
        raise


async def _store(connection: Connection, request: Asked, response: Response | None) -> None:
    if response is None:
        raise RuntimeError("an idempotent request ended without an answer to keep")
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    try:
        await _queries.keep(
            connection,
            owner=request.owner,
            key=request.key,
            request=request.request,
            status=response.status_code,
            headers=orjson.dumps(headers).decode(),
            body=bytes(response.body),
        )
    except asyncpg.UniqueViolationError as error:
        # The other request committed between our look-up and our lock (see `begin`).
        raise in_flight() from error


def in_flight() -> Problem:
    """Return the 409 problem: ask again in a second, the answer will be there."""
    return Problem(KEY_IN_FLIGHT, headers={"retry-after": "1"})


def _lock_of(request: Asked) -> int:
    material = digest(b"idempotency", request.owner.encode(), request.key.encode())
    return int.from_bytes(material[:8], "big", signed=True)


def _response_of(row: asyncpg.Record) -> Response:
    headers: dict[str, str] = orjson.loads(row["headers"])
    return Response(
        bytes(row["body"]),
        status_code=row["status"],
        headers={**headers, "idempotency-replayed": "true"},
    )


async def purge(connection: Connection, before: datetime) -> int:
    """Forget up to 5,000 keys older than `before`; returns how many.

    A key that is forgotten could act again: keep them longer than any client retries.
    """
    removed: int = await _queries.purge(connection, before=before)
    return removed
