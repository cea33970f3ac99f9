"""The wire between the services of a life: streams with numbers, faults, and the real order.

What goes over it is lost, doubled, held back and overtaken at will. Each end has an inbox that
knows events by their id and sorts them with `services.runtime.streams`, as the services do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.runtime.messages import Raw
from services.runtime.streams import Item, Stream, arrange


@dataclass(frozen=True, kw_only=True, slots=True)
class Flight:
    """One message: whose it is, its number in its stream, and what it says."""

    id: UUID
    to: str
    stream: Stream
    seq: int
    says: Any

    @property
    def ref(self) -> str:
        return str(self.id)


@dataclass(kw_only=True)
class Inbox:
    """One end: every event once, in the order of its stream."""

    known: set[UUID] = field(default_factory=set)
    last: dict[Stream, int] = field(default_factory=dict)
    parked: dict[UUID, Flight] = field(default_factory=dict)
    dedup: bool = True

    def take(self, flights: Sequence[Flight]) -> list[Flight]:
        """Return what is to be applied now, in order."""
        fresh = [one for one in flights if one.id not in self.known or not self.dedup]
        self.known |= {one.id for one in fresh}
        if not self.dedup:
            return fresh
        streams = {one.stream for one in fresh}
        lasts = {stream: self.last.get(stream, 0) for stream in streams}
        waiting = sorted(
            (one for one in self.parked.values() if one.stream in streams), key=lambda f: f.seq
        )
        order = arrange(
            lasts,
            [_item(one, waited=True) for one in waiting],
            [_item(one, waited=False) for one in fresh],
        )
        assert not order.stale, "two events of one stream with one number"
        found = {one.id: one for one in (*waiting, *fresh)}
        self.parked |= {item.event_id: found[item.event_id] for item in order.parked}
        ready = [found[item.event_id] for item in order.ready]
        for one in ready:
            assert one.seq == self.last.get(one.stream, 0) + 1, "applied before its predecessor"
            self.last[one.stream] = one.seq
            self.parked.pop(one.id, None)
        return ready


def _item(one: Flight, *, waited: bool) -> Item:
    raw = Raw(topic=one.stream.topic, value=b"")
    return Item(event_id=one.id, stream=one.stream, seq=one.seq, type="", raw=raw, waited=waited)


class Wire:
    """Everything that was ever sent, and what of it is under way."""

    def __init__(self, application: str) -> None:
        self._application = application
        self._numbers: dict[Stream, int] = {}
        self._count = 0
        self.sent: list[Flight] = []
        self.flying: list[Flight] = []
        self.inboxes = {name: Inbox() for name in ("orchestrator", "departments", "intake")}

    def new_id(self) -> UUID:
        """Return the id of the next message."""
        self._count += 1
        return UUID(int=self._count)

    def send(self, to: str, source: str, topic: str, says: Any, id_: UUID | None = None) -> Flight:
        """Put a message into its stream, and on its way."""
        stream = Stream(self._application, topic, source)
        self._numbers[stream] = self._numbers.get(stream, 0) + 1
        one = Flight(
            id=id_ or self.new_id(), to=to, stream=stream, seq=self._numbers[stream], says=says
        )
        self.sent.append(one)
        self.flying.append(one)
        return one

    def arrive(self, place: int) -> tuple[str, list[Flight]]:
        """Let the message at a place arrive; return where, and what is to be applied there."""
        one = self.flying.pop(place)
        return one.to, self.inboxes[one.to].take([one])

    def unreceipted(self) -> list[Flight]:
        """Return what its receiver does not have and that is not under way."""
        under_way = {one.id for one in self.flying}
        return [
            one
            for one in self.sent
            if one.id not in self.inboxes[one.to].known and one.id not in under_way
        ]
