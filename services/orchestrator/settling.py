"""Whom to leave for a moment: an application about which more is being said right now.

Eight departments that decide within the same second are eight messages and, taken together, one
signal, one turn and one transaction. Delivered as they come they are up to eight of each.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class _Heard:
    """How many messages an application had, since when, and when the last of them was seen."""

    count: int
    first: float
    last: float


class Settling:
    """Remembers when the messages that wait were first seen."""

    def __init__(
        self, *, quiet: float, longest: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep the times, in seconds.

        Args:
            quiet: an application is ready when nothing was said about it for so long ...
            longest: ... or when its first message has waited for so long.
            now: the clock, monotonic.
        """
        self._quiet = quiet
        self._longest = longest
        self._now = now
        self._heard: dict[str, _Heard] = {}

    def unready(self, counts: Mapping[str, int]) -> frozenset[str]:
        """Return who is not ready, of all applications with messages (and how many they have).

        Whoever has no messages any more is forgotten.
        """
        now = self._now()
        before, self._heard = self._heard, {}
        for application, count in counts.items():
            heard = before.get(application) or _Heard(0, now, now)
            if count > heard.count:
                heard.count, heard.last = count, now
            self._heard[application] = heard
        return frozenset(
            application
            for application, heard in self._heard.items()
            if now < min(heard.last + self._quiet, heard.first + self._longest)
        )
