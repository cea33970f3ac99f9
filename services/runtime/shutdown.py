"""How a process ends: on SIGTERM or Ctrl-C, in order, within a time limit."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

LIMIT_S = 10.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_log = structlog.get_logger(__name__)


@asynccontextmanager
async def on_signal() -> AsyncIterator[asyncio.Event]:
    """Yield an event that SIGTERM and SIGINT set; a second signal acts as it does without us."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def ask(number: signal.Signals) -> None:
        _log.info("asked to stop", signal=number.name)
        asked.set()
        for one in _SIGNALS:
            loop.remove_signal_handler(one)

    for number in _SIGNALS:
        loop.add_signal_handler(number, ask, number)
    try:
        yield asked
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


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
