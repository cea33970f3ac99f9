"""Starts a part again when it ends without being asked to."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from services.runtime.embedded.errors import StackError
from services.runtime.embedded.process import Child

_LOOK_S = 0.25
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_CALM_S = 60.0


class Part(Protocol):
    """Anything the stack is made of."""

    name: str
    child: Child

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        ...

    async def stop(self) -> None:
        """Stop it."""
        ...

    async def is_ready(self) -> bool:
        """Return whether it answers."""
        ...


class Keeper:
    """Watches parts; a part on `held` stays down until it is taken off.

    The wait before a restart doubles from half a second to half a minute while a part keeps
    ending, and begins anew after a calm minute.
    """

    def __init__(self, parts: Mapping[str, Part], say: Callable[[str], None]) -> None:
        self.held: set[str] = set()
        self._parts = parts
        self._say = say
        self._wait: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None
        self._restarts: dict[str, asyncio.Task[None]] = {}

    def begin(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._watch(), name="stack keeper")

    async def end(self) -> None:
        """Stop watching; restarts under way are given up."""
        tasks = [*self._restarts.values(), *([self._task] if self._task else [])]
        self._task = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._restarts.clear()

    async def settle(self, name: str) -> None:
        """Give up the restart of one part that may be under way."""
        task = self._restarts.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            for name, part in self._parts.items():
                if not part.child.running and name not in self.held and name not in self._restarts:
                    self._restarts[name] = asyncio.create_task(self._restart(part))
            await asyncio.sleep(_LOOK_S)

    async def _restart(self, part: Part) -> None:
        wait = self._wait.get(part.name, _FIRST_WAIT_S)
        if part.child.uptime_s > _CALM_S:
            wait = _FIRST_WAIT_S
        self._wait[part.name] = min(wait * 2, _LONGEST_WAIT_S)
        self._say(
            f"{part.name} ended with {part.child.exit_code}; starting it again in {wait:.1f} s "
            f"(log: {part.child.log})."
        )
        try:
            await asyncio.sleep(wait)
            begun = time.monotonic()
            await part.start()
            self._say(f"{part.name} is back after {time.monotonic() - begun:.1f} s.")
        except StackError as error:
            await part.child.stop()
            self._say(str(error))
        finally:
            if self._restarts.get(part.name) is asyncio.current_task():
                del self._restarts[part.name]
