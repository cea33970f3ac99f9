"""Invariant 12, answers before an application: recorded once, and by the county's own catalogue.

Who is in power is read from the county's files again; a document handed out is the one recorded.
"""

from collections.abc import AsyncIterator, Iterator

import orjson

from services.runtime.db import Connection
from services.verification.folders import Row, queries
from services.verification.report import ACCEPTANCE, Finding
from services.verification.world import World


async def answers(conn: Connection, world: World) -> AsyncIterator[Finding]:
    """12: every written answer is in the log of acts once, and says who is in power."""
    async for row in queries.answers(conn):
        for message in (*_recorded(row), *_in_power(row, world)):
            yield Finding(invariant=ACCEPTANCE, subject=row["number"], message=message)


def _recorded(row: Row) -> Iterator[str]:
    if row["said"] != 1:
        yield f"it was answered, and the log of acts has that {row['said']} times"
    if row["issued"] is not None and (row["issued"] != 1 or row["kind"] != row["outcome"]):
        yield "the document handed out is not the answer that was recorded"


def _in_power(row: Row, world: World) -> Iterator[str]:
    """Another is in power for an item if and only if the edition says so; and he is named."""
    version = row["catalogue_version"]
    if version not in world.editions:
        return  # an edition that was taken off the shelf
    items = orjson.loads(row["items"])
    outcomes = {one["outcome"] for one in items}
    expected = "not_in_power" if "not_in_power" in outcomes else "not_needed"
    if outcomes - {"not_needed", "not_in_power"} or row["outcome"] != expected:
        yield f"the answer is {row['outcome']}, its items say {sorted(map(str, outcomes))}"
    for one in items:
        if one["outcome"] == "not_in_power":
            named = one["in_power"] and one["in_power"]["authority"]["zh"]
            if named != world.powers.get((version, one["item"])):
                yield f"{one['item']}: {named} is not who edition {version} names"
