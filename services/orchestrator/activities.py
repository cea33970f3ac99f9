"""The two local activities of the application workflow: its only way to the world."""

from datetime import datetime
from typing import Any

import msgspec
from temporalio import activity

from services.domain.case import AnyCommand
from services.orchestrator.turns import TurnInput
from services.orchestrator.workflow import CARRY_OUT, READ_CLOCK
from services.orchestrator.writer import TurnWriter
from services.runtime.clock import Clock
from services.runtime.telemetry import Attribute, SpanName, current_traceparent, span


class Activities:
    """Activities bound to this process's store and clock."""

    def __init__(self, writer: TurnWriter, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    @activity.defn(name=CARRY_OUT)
    async def carry_out(self, turn: dict[str, Any]) -> dict[str, Any]:
        """Write one turn of a workflow: rows and messages in one transaction.

        Returns `now` (business time) and `delay`, the seconds to wait for the `next` instant; and
        `events`, when the turn had been carried out before with these events instead.
        """
        with span(
            SpanName.CARRY_OUT,
            traceparent=turn["traceparent"],
            attributes={Attribute.APPLICATION: turn["application"]},
        ):
            carried = await self._writer.carry_out(
                TurnInput(
                    application=turn["application"],
                    turn=turn["turn"],
                    events=turn["events"],
                    commands=msgspec.convert(turn["commands"], tuple[AnyCommand, ...]),
                    traceparent=current_traceparent(),
                )
            )
        answer = self._until(turn["next"])
        return answer if carried is None else answer | {"events": carried}

    @activity.defn(name=READ_CLOCK)
    async def read_clock(self, ahead: str) -> dict[str, Any]:
        """Return `now` and the `delay` to `ahead`, like `carry_out`."""
        return self._until(ahead)

    def _until(self, ahead: str | None) -> dict[str, Any]:
        delay = None
        if ahead is not None:
            delay = self._clock.real_delay(msgspec.convert(ahead, datetime))
        return {"now": msgspec.to_builtins(self._clock.now()), "delay": delay}
