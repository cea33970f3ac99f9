"""The shell around the core in a life: what the workflow does, and every way in which it dies.

Turn by turn as `services.orchestrator.workflow` does it. State, events and commands travel through
the real converter; a lost workflow is made again by the real `services.orchestrator.rebuild`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from services.domain.approval import apply, apply_all, begin, next_instant
from services.domain.case import Accepted, AnyCommand, AnyEvent, Case, ClockReached
from services.domain.examination import Received
from services.domain.route import Route
from services.orchestrator.converter import CONVERTER
from services.orchestrator.rebuild import replay
from tests.unit.routes import CALENDAR

Observer = Callable[[Case, AnyEvent, tuple[AnyCommand, ...], Case], None]


def travelled(value: Any, kind: Any) -> Any:
    """Return a value as it comes back from Temporal."""
    converter = CONVERTER.payload_converter
    payloads = converter.to_payloads([msgspec.to_builtins(value)])
    return msgspec.convert(converter.from_payloads(payloads)[0], kind)


class Shell:
    """One workflow, with its journal."""

    def __init__(
        self,
        route: Route,
        at: datetime,
        ref: str,
        observe: Observer,
        tell: Callable[[tuple[AnyCommand, ...]], None],
    ) -> None:
        self.route = route
        self.begun_at = at
        self.case = begin(route, CALENDAR, at)
        first = Accepted if route.acceptance is None else Received
        self.pending: list[AnyEvent] = [first(at=at, ref=ref)]
        self.turn = 0
        self.journal: list[dict[str, Any]] = []
        self._observe = observe
        self._tell = tell

    @property
    def due(self) -> datetime | None:
        """The core's next instant."""
        return next_instant(self.case)

    def work(self, *, dies: bool = False) -> bool:
        """Apply what is pending; return whether it died after it had carried the turn out."""
        while self.pending:
            events, self.pending = self.pending, []
            if len(self.journal) > self.turn:
                self._adopt(events)
                continue
            case, steps = self._apply(events)
            commands = tuple(command for _, _, found, _ in steps for command in found)
            if commands:
                # Only what is carried out has happened: a worker that died before is forgotten.
                self._carry_out(events, commands)
                if dies:
                    self._see(steps)
                    self.pending = events
                    return True
                self.turn += 1
            self._see(steps)
            self.case = case
        return False

    def _apply(self, events: list[AnyEvent]) -> tuple[Case, list[Any]]:
        case, steps = self.case, []
        for event in events:
            after, commands = apply(case, event)
            assert (after, commands) == apply(case, event), "not a function"
            steps.append((case, event, commands, after))
            case = after
        return case, steps

    def _see(self, steps: list[Any]) -> None:
        for step in steps:
            self._observe(*step)

    def _carry_out(self, events: list[AnyEvent], commands: tuple[AnyCommand, ...]) -> None:
        told = travelled(commands, tuple[AnyCommand, ...])
        assert told == commands, "a command is another one after its journey"
        row = {"turn": len(self.journal) + 1, "events": events, "commands": commands}
        self.journal.append(
            {name: msgspec.json.encode(v) if name != "turn" else v for name, v in row.items()}
        )
        self._tell(told)

    def _adopt(self, events: list[AnyEvent]) -> None:
        """Take over the turn of a worker that died, and leave what it did not contain."""
        carried = msgspec.json.decode(self.journal[self.turn]["events"], type=list[AnyEvent])
        self.case, _ = apply_all(self.case, carried)
        self.turn += 1
        self.pending = [event for event in events if event not in carried] + self.pending

    def ring(self, now: datetime) -> bool:
        """The timer rings: return whether its instant had come."""
        ahead = self.due
        if ahead is None or now < ahead:
            return False
        self.pending.append(ClockReached(at=now))
        return True

    def continue_as_new(self) -> None:
        """Go on from what a new run is given."""
        found = travelled(self.case, Case)
        assert found == self.case, "the state is another one after its journey"
        self.case = found
        self.pending = travelled(self.pending, list[AnyEvent])

    def rebuild(self, delivered: Sequence[tuple[str, AnyEvent]]) -> list[tuple[str, AnyEvent]]:
        """Temporal is lost: make the state from the journal; return what is handed over again."""
        life = {"number": self.route.application, "turn": len(self.journal)}
        life["submitted_at"] = self.begun_at
        case = replay(life, self.journal, self.route, CALENDAR)
        events = [e for row in self.journal for e in msgspec.json.decode(row["events"])]
        applied = {event.get("ref", "") for event in events}
        again = [one for one in delivered if one[0] not in applied]
        if self.turn == len(self.journal) and not self.pending:
            # What led to no command stands in no journal, and comes again.
            told, _ = apply_all(case, [event for _, event in again])
            assert replace(told, at=self.case.at) == self.case, "the journal tells another story"
        self.case = travelled(case, Case)
        self.turn, self.pending = len(self.journal), []
        return again
