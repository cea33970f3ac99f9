"""What cannot be handed to its workflow, of one application, is set aside: the others go on.

A delivery that fails for a reason of its own is tried again a few times, ever later, beside the
others. Then its message is a dead letter: an operator sees it (`/v1/operations/dead-letters`), lets
it be tried again or gives it up. Until then nothing of that application is delivered, in the order
in which it came.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import structlog
from temporalio.service import RPCError, RPCStatusCode

from services.orchestrator.store import Row
from services.runtime.db import Connection, Pool, beside, load
from services.runtime.letters import Letter, bury, explain
from services.runtime.messages import Raw
from services.runtime.streams import Item, Stream

ATTEMPTS = 5
"""So often it is tried: at once, and after each of the rests."""
RESTS_S = (0.5, 1.0, 2.0, 4.0)
COUNT_AGAIN_S = 30.0
_OF_THE_CALL = frozenset(
    {
        RPCStatusCode.INVALID_ARGUMENT,
        RPCStatusCode.FAILED_PRECONDITION,
        RPCStatusCode.OUT_OF_RANGE,
    }
)
_TOO_LARGE = "larger than max"
"""What gRPC says of a message that is too large; its status is that of a rate limit, too."""
_OF_EVERYBODY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

_log = structlog.get_logger(__name__)
_queries = load(beside(__file__, "setting_aside.sql"))


class UndeliverableError(Exception):
    """A message cannot be handed to its workflow; `event` is which, and the cause is why."""

    def __init__(self, event: UUID) -> None:
        """Keep which message it is."""
        super().__init__(str(event))
        self.event = event


@dataclass(slots=True)
class _Failing:
    attempts: int
    until: float


def is_its_own(error: BaseException, *, others_went: bool) -> bool:
    """Return whether a failure is about one application, not about Temporal or the database.

    What may be either is its own when Temporal took others at the same time.
    """
    cause = error.__cause__ if isinstance(error, UndeliverableError) else error
    if isinstance(cause, RPCError):
        return cause.status in _OF_THE_CALL or _is_too_large(cause) or others_went
    return not isinstance(cause, _OF_EVERYBODY) or others_went


def _is_too_large(error: RPCError) -> bool:
    return error.status is RPCStatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE in error.message


class Aside:
    """The applications whose delivery fails, each with its next try."""

    def __init__(self, pool: Pool) -> None:
        """Keep the pool."""
        self._pool = pool
        self._failing: dict[str, _Failing] = {}
        self._count, self._counted = 0, float("-inf")

    def resting(self, now: float) -> list[str]:
        """Return the applications that are not tried yet."""
        return [number for number, one in self._failing.items() if one.until > now]

    async def detail(self) -> str | None:
        """Return what the loop's sign of life says: how many fail, how many wait for somebody."""
        if time.monotonic() - self._counted > COUNT_AGAIN_S:
            async with self._pool.acquire() as conn:
                self._count = await _queries.count_aside(conn)
            self._counted = time.monotonic()
        told = {"failing": len(self._failing), "set_aside": self._count}
        return " ".join(f"{name}={number}" for name, number in told.items() if number) or None

    async def take(
        self, failed: Mapping[str, BaseException | None], rows: Mapping[str, Sequence[Row]]
    ) -> None:
        """Note how deliveries went: forget what went well, set aside what failed too often."""
        for number, error in failed.items():
            if error is None:
                self._failing.pop(number, None)
                continue
            attempts = 1 + (self._failing[number].attempts if number in self._failing else 0)
            if attempts < ATTEMPTS:
                until = time.monotonic() + RESTS_S[attempts - 1]
                self._failing[number] = _Failing(attempts, until)
                continue
            async with self._pool.acquire() as conn, conn.transaction():
                await _set_aside(conn, _culprit(rows[number], error), error)
            self._failing.pop(number)
            self._counted = float("-inf")
            cause = type(error.__cause__ or error).__name__
            _log.error("delivery set aside", application=number, error=cause)


def _culprit(rows: Sequence[Row], error: BaseException) -> Row:
    """Return the message that failed; the first when all did together."""
    event = error.event if isinstance(error, UndeliverableError) else None
    return next((row for row in rows if row["event_id"] == event), rows[0])


async def _set_aside(conn: Connection, row: Row, error: BaseException) -> None:
    cause = error.__cause__ or error
    place = await _queries.place_of(conn, event_id=row["event_id"])
    raw = Raw(topic=place["topic"], value=row["payload"], key=row["application"].encode())
    item = Item(
        event_id=row["event_id"],
        stream=Stream(row["application"], place["topic"], row["source"]),
        seq=place["seq"],
        type=row["type"],
        raw=raw,
    )
    reason = explain(cause) if isinstance(cause, Exception) else ""
    message = f"{type(cause).__name__}: {reason}"[:500]
    await bury(
        conn,
        [Letter(raw=raw, error_class="UndeliverableError", error_message=message, item=item)],
    )
