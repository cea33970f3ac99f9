"""Loops: what a service does beside answering requests, each watched.

A loop turns for ever. A loop that hangs, or that achieves nothing for long, ends its process: what
started the process starts it again, and nothing is lost by a process that ends.
"""

import asyncio
import math
import os
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self, TypeAlias

import structlog

from services.runtime import heartbeats
from services.runtime.db import Pool
from services.runtime.shutdown import being_cancelled

HUNG_AFTER_S = 60
"""A loop that has not turned for so long hangs."""
STALLED_AFTER_S = 300
"""A loop that has turned in vain for so long may do better after a restart."""
STOP_S = 10.0
"""All loops together have so long to stop."""
EXIT_CODE = 70
"""EX_SOFTWARE: the process ended itself because of a loop."""

_AGAIN_S = 1.0
_TICK_S = 1.0
_log = structlog.get_logger(__name__)


class Pulse:
    """A loop's signs of life."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.detail: str | None = None
        self._turned = self._progressed = time.monotonic()

    def turn(self) -> None:
        """The loop turned: it does not hang."""
        self._turned = time.monotonic()

    def progress(self) -> None:
        """The turn achieved what the loop is for (or there was nothing to do)."""
        self._turned = self._progressed = time.monotonic()
        self.detail = None

    def failed(self, error: BaseException) -> None:
        """The turn failed; the loop goes on."""
        self._turned = time.monotonic()
        self.detail = type(error).__name__

    @property
    def since_turn(self) -> float:
        """Seconds since the last turn."""
        return time.monotonic() - self._turned

    @property
    def since_progress(self) -> float:
        """Seconds since the last turn that achieved something."""
        return time.monotonic() - self._progressed

    def beat(self) -> heartbeats.Beat:
        """Return the state as a row for Postgres."""
        now = datetime.now(UTC)
        return heartbeats.Beat(
            loop=self.name,
            at=now - timedelta(seconds=self.since_turn),
            progress_at=now - timedelta(seconds=self.since_progress),
            detail=self.detail,
        )


Body: TypeAlias = Callable[[Pulse, asyncio.Event], Awaitable[None]]
"""Turns until the event is set, then returns; calls `turn`, `progress` or `failed` as it goes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loop:
    """One loop of a service, and how long it may be silent."""

    name: str
    body: Body
    hung_after: float = HUNG_AFTER_S
    stalled_after: float = STALLED_AFTER_S


def every(seconds: float, work: Callable[[], Awaitable[object]]) -> Body:
    """Return a body that does `work` again and again, with a pause, at once at first."""

    async def body(pulse: Pulse, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await work()
                pulse.progress()
            except Exception as error:
                pulse.failed(error)
                _log.warning("turn failed", loop=pulse.name, exc_info=True)
            await pause(stop, seconds)

    return body


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait, but not longer than until `stop` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


class Pace:
    """Makes a loop take larger batches, less often.

    A batch has a price whatever it holds: a transaction, the disk, the broker, a receipt. So a
    batch starts no sooner than `seconds` after the one before, and holds what has come meanwhile;
    what comes after a rest is served at once. That pays where it brings several applications
    together. A loop is busy for BUSY_S after it did; one that is not waits a tenth of the time
    only, which hardly holds up an application that is alone.
    """

    BUSY_S = 1.0
    ALONE = 0.1

    def __init__(self, seconds: float, *, now: Callable[[], float] = time.monotonic) -> None:
        """Keep the distance of batches; 0 lets every batch start at once."""
        self.seconds = seconds
        self._now = now
        self._started = self._several = -math.inf

    def start(self, applications: Iterable[Hashable]) -> None:
        """Note a batch that starts now, and whom it serves."""
        self._started = self._now()
        if len(set(applications)) > 1:
            self._several = self._started

    @property
    def busy(self) -> bool:
        """Whether a batch served several applications lately."""
        return self._now() - self._several < self.BUSY_S

    @property
    def wait(self) -> float:
        """Seconds until the next batch should start; 0 when it may."""
        distance = self.seconds if self.busy else self.seconds * self.ALONE
        return max(0.0, self._started + distance - self._now())

    async def gather(self, stop: asyncio.Event) -> None:
        """Let work gather until the next batch should start, but not longer than until `stop`."""
        if seconds := self.wait:
            await pause(stop, seconds)


class Loops:
    """Runs the loops of a process: `async with Loops([...], service=..., pool=...):`."""

    def __init__(
        self,
        loops: Sequence[Loop],
        *,
        service: str,
        pool: Pool | None,
        give_up: Callable[[], None] | None = None,
    ) -> None:
        """Keep the loops; they start on entering and are stopped in the order given on leaving.

        Args:
            loops: stopped in this order, so put what feeds the others first and the relay last.
            service: prefix of the loops' names in the heartbeat table.
            pool: where the heartbeats are written; None writes none.
            give_up: ends the process; only tests replace it.
        """
        self._loops = loops
        self._pool = pool
        self._instance = f"{socket.gethostname()}-{os.getpid()}"
        self._give_up = give_up or _exit
        self._stops = {loop.name: asyncio.Event() for loop in loops}
        self._stop_writing = asyncio.Event()
        self._ended = threading.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._writer: asyncio.Task[None] | None = None
        self.pulses = {loop.name: Pulse(f"{service}.{loop.name}") for loop in loops}

    async def __aenter__(self) -> Self:
        """Start every loop."""
        for loop in self._loops:
            self._tasks[loop.name] = asyncio.create_task(self._keep(loop), name=loop.name)
        if self._pool is not None:
            self._writer = asyncio.create_task(self._write(self._pool), name="heartbeats")
        threading.Thread(target=self._watch, name="loops-watchdog", daemon=True).start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the loops one after another, all within STOP_S seconds."""
        deadline = time.monotonic() + STOP_S
        self._ended.set()
        for loop in self._loops:
            self._stops[loop.name].set()
            task = self._tasks[loop.name]
            # Waited for, never cancelled: a cancelled poll spoils the Kafka client.
            await asyncio.wait([task], timeout=max(0.0, deadline - time.monotonic()))
            if not task.done():
                _log.error("loop did not stop", loop=loop.name)
        self._stop_writing.set()
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=max(0.1, deadline - time.monotonic()))

    async def _keep(self, loop: Loop) -> None:
        """Run a loop's body, again if it fails in a way it did not expect."""
        stop, pulse = self._stops[loop.name], self.pulses[loop.name]
        while not stop.is_set():
            try:
                await loop.body(pulse, stop)
            except (Exception, asyncio.CancelledError) as error:
                if being_cancelled():
                    raise
                pulse.failed(error)
                _log.exception("loop failed", loop=pulse.name)
            await pause(stop, _AGAIN_S)

    async def _write(self, pool: Pool) -> None:
        beats = heartbeats.Writer(pool, self._instance)
        while not self._stop_writing.is_set():
            await beats.write([pulse.beat() for pulse in self.pulses.values()])
            await pause(self._stop_writing, heartbeats.EVERY_S)

    def _watch(self) -> None:
        """Look at the pulses from a thread of its own: a blocked event loop cannot watch itself.

        It counts its own ticks instead of reading a clock, so that a process that was stopped as a
        whole (SIGSTOP) is not taken for one that hangs.
        """
        silent = dict.fromkeys(self.pulses, 0.0)
        vain = dict.fromkeys(self.pulses, 0.0)
        while not self._ended.wait(_TICK_S):
            for loop in self._loops:
                pulse = self.pulses[loop.name]
                name = loop.name
                silent[name] = min(silent[name] + _TICK_S, pulse.since_turn)
                vain[name] = min(vain[name] + _TICK_S, pulse.since_progress)
                if silent[name] > loop.hung_after or vain[name] > loop.stalled_after:
                    _log.critical(
                        "loop without progress: the process ends",
                        loop=pulse.name,
                        silent=round(silent[name]),
                        vain=round(vain[name]),
                        error=pulse.detail,
                    )
                    self._give_up()
                    return


def _exit() -> None:
    """End the process at once: whatever hangs would not let it end in order."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(EXIT_CODE)
