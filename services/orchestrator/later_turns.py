"""What turns wait for: steps that need papers which come later in the life of the project."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.domain.later_events import AskPapers
from services.runtime.db import Connection, beside, load

if TYPE_CHECKING:
    from services.orchestrator.turns import TurnInput

QUERIES = load(beside(__file__, "later.sql"))
_COLUMNS = ("applications", "steps", "materials", "sinces", "untils", "ats")


async def write(conn: Connection, turns: Sequence["TurnInput"]) -> None:
    """Write what steps wait for, the last word of each. No statement without cause."""
    rows = {
        (turn.application, command.step): (
            *(turn.application, command.step, ",".join(command.awaited.materials)),
            *(command.awaited.since, command.awaited.until, command.at),
        )
        for turn in turns
        for command in turn.commands
        if isinstance(command, AskPapers)
    }
    if rows:
        columns = zip(*rows.values(), strict=True)
        named = {name: list(column) for name, column in zip(_COLUMNS, columns, strict=True)}
        await QUERIES.ask_papers(conn, **named)
