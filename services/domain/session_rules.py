"""Joint sessions in a case: they are told. What follows from one are decisions like any others."""

from collections.abc import Callable
from typing import Any

from services.contracts.vocabulary import StepState
from services.domain.happening import CaseEvent
from services.domain.session_events import SessionMoved, TellSession
from services.domain.turn import Turn


def _moved(turn: Turn, event: SessionMoved) -> None:
    """Tell of a session of an open step; the step's lead alone speaks of it."""
    step = turn.step_named(event.step)
    if step is None or step.lead != event.department:
        turn.ignore(event, "the department does not lead such a step")
        return
    state = turn.steps[step.code].state
    if state is StepState.WAITING:
        turn.ignore(event, "the step has not begun")
        return
    turn.commands.append(
        TellSession(
            at=turn.at,
            step=event.step,
            department=event.department,
            session=event.session,
            state=event.state,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            absent=event.absent,
            ref=event.ref,
            offer=event.offer,
            settled=event.settled,
        )
    )


TRANSITIONS: dict[type[CaseEvent], Callable[[Turn, Any], None]] = {SessionMoved: _moved}
