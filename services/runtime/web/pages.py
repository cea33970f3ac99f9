"""Keyset pages: a cursor is the sort key of the last row shown; offsets are never used."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel, Field

from services.runtime.web.problems import BAD_CURSOR, Problem

LARGEST_PAGE = 100
USUAL_PAGE = 20

Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Rows on a page.")]
After = Annotated[
    str | None, Query(max_length=512, description="`next` of the page before; opaque.")
]
Row = TypeVar("Row")


class Page(BaseModel):
    """Base of every page: a subclass adds `items`."""

    next: str | None = Field(
        default=None, description="Send it as `after` for the next page; absent on the last one."
    )


def encode(*key: str | int | date | datetime | None) -> str:
    """Return the cursor of a sort key."""
    return urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def decode(cursor: str, *kinds: Callable[[Any], Any]) -> tuple[Any, ...]:
    """Return the sort key of a cursor, each part read by its kind (`str`, `whole`, `instant` ...).

    A cursor is not a secret and grants nothing: every query is scoped by who asks. Raises Problem
    400 for what is not a cursor of this list.
    """
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        parts = orjson.loads(raw)
        if not isinstance(parts, list):
            raise Problem(BAD_CURSOR)
        return tuple(kind(part) for kind, part in zip(kinds, parts, strict=True))
    except (ValueError, TypeError, OverflowError) as error:
        raise Problem(BAD_CURSOR) from error


def instant(text: str) -> datetime:
    """Read an instant of a cursor. Raises ValueError without a time zone, or beyond all times."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return found.astimezone(UTC)


def whole(number: object) -> int:
    """Read a number of a cursor. Raises ValueError for what a bigint has no place for."""
    return _bounded(number, 63)


def small(number: object) -> int:
    """Read a number of a cursor. Raises ValueError for what an integer has no place for."""
    return _bounded(number, 31)


def _bounded(number: object, bits: int) -> int:
    if not isinstance(number, int) or not -(2**bits) <= number < 2**bits:
        message = f"no number of {bits + 1} bits"
        raise ValueError(message)
    return number


def split(
    rows: Sequence[Row], limit: int, cursor_of: Callable[[Row], str]
) -> tuple[Sequence[Row], str | None]:
    """Return (rows to show, next cursor) for rows that were asked for with `limit + 1`."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor_of(rows[limit - 1])
