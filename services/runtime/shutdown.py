"""How parts end: in order, within a time limit, and not by a stray cancellation."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import structlog

LIMIT_S = 10.0
_log = structlog.get_logger(__name__)


def being_cancelled() -> bool:
    """Return whether somebody cancels the current task.

    If not, a CancelledError it meets is a stray one: the Kafka client lets those of its own inner
    tasks escape when a connection breaks, and a loop that took one for its own end would be gone
    without a word.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def in_order(
    steps: Sequence[tuple[str, Callable[[], Awaitable[object]]]], *, seconds: float = LIMIT_S
) -> bool:
    """Take steps one after another, all within `seconds`; return whether all ended well.

    A step that fails or is late is logged and left behind: the next ones matter as much.
    """
    deadline = time.monotonic() + seconds
    well = True
    for name, step in steps:
        try:
            async with asyncio.timeout(max(0.1, deadline - time.monotonic())):
                await step()
        except (Exception, asyncio.CancelledError) as error:
            if being_cancelled():
                raise
            well = False
            _log.warning("not stopped in order", step=name, error=type(error).__name__)
    return well
