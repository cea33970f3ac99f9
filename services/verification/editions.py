"""5, of the catalogue: every application rests on a version that was approved when it came.

And every approval is what one act of the supervisor recorded; only what was in use when the county
began here has none.
"""

from collections.abc import AsyncIterator, Iterator

from services.runtime.db import Connection
from services.verification.folders import Folder, queries
from services.verification.report import AUTHORITY, Finding
from services.verification.world import Finder, World


def editions(folder: Folder, _world: World) -> Iterator[Finding]:
    """5: nobody's application rests on a catalogue that the supervisor had not approved."""
    find = Finder(invariant=AUTHORITY, number=folder.number, moving=folder.moving)
    for row in folder.intake["edition"]:
        version, approved_at = row["catalogue_version"], row["approved_at"]
        if approved_at is None:
            yield find.within(f"it rests on catalogue {version}, which nobody has approved")
        elif approved_at > row["submitted_at"]:
            yield find.within(f"it rests on catalogue {version}, which was approved later")


async def approvals(conn: Connection) -> AsyncIterator[Finding]:
    """5: what stands as approved was approved once, by an act."""
    async for row in queries.unapproved(conn):
        message = f"its approval was recorded {row['acts']} times"
        yield Finding(invariant=AUTHORITY, subject=f"catalogue {row['version']}", message=message)
