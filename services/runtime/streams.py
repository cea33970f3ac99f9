"""Whose turn it is: events of one stream are applied by number, without a gap. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from services.runtime.messages import Raw, Received


class Stream(NamedTuple):
    """What numbers are counted in."""

    application: str
    topic: str
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """An event on its way into the inbox.

    `received` is None for an event that must be stepped over (an operator discarded it) or that can
    no longer be read (then `refusal` says why). `waited`: it was parked before.
    """

    event_id: UUID
    stream: Stream
    seq: int
    type: str
    raw: Raw
    traceparent: str | None = None
    received: Received | None = None
    refusal: Exception | None = None
    waited: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrangement:
    """Which events to apply now, which later, and which never."""

    ready: list[Item] = field(default_factory=list)
    parked: list[Item] = field(default_factory=list)
    stale: list[Item] = field(default_factory=list)


def arrange(
    lasts: Mapping[Stream, int], waiting: Sequence[Item], fresh: Sequence[Item]
) -> Arrangement:
    """Sort events into those whose turn has come (in order), and the others.

    Args:
        lasts: number of the last event applied, per stream; every stream occurs.
        waiting: what was parked earlier, by rising number.
        fresh: what is new, in the order it came.

    An event is stale when its number was used by another one: its producer broke the contract.
    """
    arrangement = Arrangement()
    following = {stream: last + 1 for stream, last in lasts.items()}
    pending: dict[tuple[Stream, int], Item] = {}
    for item in (*waiting, *fresh):
        place = (item.stream, item.seq)
        if item.seq < following[item.stream] or place in pending:
            arrangement.stale.append(item)
            continue
        pending[place] = item
        while (place := (item.stream, following[item.stream])) in pending:
            arrangement.ready.append(pending.pop(place))
            following[item.stream] += 1
    arrangement.parked.extend(item for item in pending.values() if not item.waited)
    return arrangement
