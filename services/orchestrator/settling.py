"""Whom to leave for a moment: an application about which more is being said right now.

Eight departments that decide within the same second are eight messages and, taken together, one
signal, one turn and one transaction. Delivered as they come they are up to eight of each.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class _Heard:
    """How many messages an application had, since when, and when the last of them was seen."""

    count: int
    first: float
    last: float
    open_tasks: int | None = None


class Settling:
    """Remembers when the messages that wait were first seen."""

    def __init__(
        self,
        *,
        quiet: float,
        together: float,
        longest: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the times, in seconds.

        Args:
            quiet: an application is ready when nothing was said about it for so long ...
            together: ... for so long, where departments have decided and others may join them ...
            longest: ... or when its first message has waited for so long.
            now: the clock, monotonic.
        """
        self._quiet = quiet
        self._together = together
        self._longest = longest
        self._now = now
        self._heard: dict[str, _Heard] = {}

    def new(self, applications: Collection[str]) -> list[str]:
        """Return of which applications it is not known yet how many of their tasks are open."""
        return [
            application
            for application in applications
            if application not in self._heard or self._heard[application].open_tasks is None
        ]

    def unready(
        self,
        counts: Mapping[str, int],
        *,
        deciding: Collection[str] = (),
        open_tasks: Mapping[str, int] | None = None,
    ) -> frozenset[str]:
        """Return who is not ready, of all applications with messages (and how many they have).

        Whoever has no messages any more is forgotten.

        Args:
            counts: how many messages wait, by application.
            deciding: those about which nothing but decisions was said. When all that have open
                tasks have decided, nothing more is to come, and they are ready at once.
            open_tasks: how many tasks are open, of those that `new` named.
        """
        now, known = self._now(), open_tasks or {}
        before, self._heard = self._heard, {}
        for application, count in counts.items():
            heard = before.get(application) or _Heard(0, now, now)
            if count > heard.count:
                heard.count, heard.last = count, now
            if application in known:
                heard.open_tasks = known[application]
            self._heard[application] = heard
        together = frozenset(deciding)
        return frozenset(
            application
            for application, heard in self._heard.items()
            if now < self._ready_at(heard, decides=application in together)
        )

    def _ready_at(self, heard: _Heard, *, decides: bool) -> float:
        longest = heard.first + self._longest
        if not decides:
            return min(heard.last + self._quiet, longest)
        if heard.open_tasks is not None and heard.count >= heard.open_tasks:
            return heard.first
        return min(heard.last + self._together, longest)
