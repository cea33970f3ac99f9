"""A message that could not be applied, and how it is kept."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from pydantic import ValidationError

from services.runtime.db import Connection, beside, load
from services.runtime.decoding import describe
from services.runtime.logs import places
from services.runtime.messages import Raw
from services.runtime.streams import Item

_OUR_CODE = "services."
_LONGEST = 500
_queries = load(beside(__file__))


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """A message that could not be applied, and why (fields and places, never values)."""

    raw: Raw
    error_class: str
    error_message: str
    item: Item | None = None

    @classmethod
    def of(cls, raw: Raw, error: Exception | None, item: Item | None = None) -> "Letter":
        """Return the letter for a record and what went wrong with it."""
        return cls(
            raw=raw, error_class=type(error).__name__, error_message=explain(error), item=item
        )


def explain(error: Exception | None) -> str:
    """Return what an operator may read about an error: no value of any message is in it."""
    match error:
        case None:
            text = ""
        case ValidationError():
            text = describe(error)
        case asyncpg.PostgresError():
            parts = (error.sqlstate, error.table_name, error.constraint_name)
            text = " ".join(str(part) for part in parts if part)
        case _ if type(error).__module__.startswith(_OUR_CODE):
            text = str(error)
        case _:
            text = " < ".join(reversed(places(error)[-3:]))
    return text.replace("\x00", "")[:_LONGEST]


async def bury(conn: Connection, letters: Sequence[Letter]) -> None:
    """Keep letters; one that is there already is counted and, if it holds a stream, open again."""
    if not letters:
        return
    items = [letter.item for letter in letters]
    raws = [letter.raw for letter in letters]
    await _queries.bury(
        conn,
        event_ids=[item and item.event_id for item in items],
        topics=[raw.topic for raw in raws],
        partitions=[raw.partition for raw in raws],
        offsets=[raw.offset for raw in raws],
        keys=[raw.key for raw in raws],
        raws=[raw.value for raw in raws],
        digests=[hashlib.sha256(raw.value).digest() for raw in raws],
        sources=[item and item.stream.source for item in items],
        applications=[item and item.stream.application for item in items],
        seqs=[item and item.seq for item in items],
        types=[item and item.type for item in items],
        error_classes=[letter.error_class for letter in letters],
        error_messages=[letter.error_message for letter in letters],
    )
