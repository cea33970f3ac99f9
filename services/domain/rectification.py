"""Putting right what a merged step objected to: bounded in days and in rounds, outside the limit.

Intake takes the investor's answer and intake's store says whether one came in time: at the end of
the term it is asked, and closes the notice or has taken an answer, by the instant of the commit.
The arrival of a message decides nothing. Whether the time ends with an answer, in silence or with
a withdrawal, its days are not counted, and they are never more than the notice gave.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from services.contracts.vocabulary import FAVOURABLE, PauseKind, StepState
from services.domain.case import AskRectification, Rectified
from services.domain.deadlines import promise, task_dates
from services.domain.happening import CaseEvent
from services.domain.limits import Pause, due_on
from services.domain.rectifying import (
    AskRectificationLapse,
    EndRectification,
    RectificationLapsed,
)
from services.domain.route import RoutePart, RouteStep
from services.domain.turn import Turn, part_key


def is_adverse(turn: Turn, part: RoutePart) -> bool:
    """Return whether a part's outcome stands against its item."""
    outcome = turn.tasks[part_key(part)].outcome
    return outcome is not None and outcome not in FAVOURABLE


def ask(turn: Turn, step: RouteStep) -> bool:
    """Send the one notice of a step, if anybody objected and a round is left."""
    adverse = [part for part in step.parts if is_adverse(turn, part)]
    rule, round_ = step.rectification, turn.steps[step.code].round
    if not adverse or rule is None or round_ > rule.rounds:
        return False
    until = turn.calendar.close_of(due_on(rule.budget, turn.today, turn.calendar))
    turn.set_step(step.code, StepState.RECTIFYING, asked_on=turn.today, rectify_until=until)
    turn.commands.append(
        AskRectification(
            at=turn.at,
            step=step.code,
            round=round_,
            items=tuple(dict.fromkeys(part.item for part in adverse)),
            refs=tuple(turn.tasks[part_key(part)].ref or "" for part in adverse),
            until=until,
        )
    )
    return True


def is_silent(turn: Turn, step: RouteStep) -> bool:
    """Return whether a step ends because nothing came; first ask intake whether that is so."""
    status = turn.steps[step.code]
    until = status.rectify_until
    if status.state is not StepState.RECTIFYING or until is None or turn.at < until:
        return False
    if not turn.settles_late:
        return True
    if not status.lapse_asked:
        turn.change_step(step.code, lapse_asked=True)
        turn.commands.append(AskRectificationLapse(at=until, step=step.code, round=status.round))
    return False


def lapsed(turn: Turn, event: RectificationLapsed) -> RouteStep | None:
    """Return the step whose notice intake has closed, its time taken out of the limits."""
    step = _waiting(turn, event)
    if step is None:
        return None
    if not turn.steps[step.code].lapse_asked:
        turn.ignore(event, "its time is not over")
        return None
    end_time(turn, [step], event)
    return step


def end_time(turn: Turn, steps: Iterable[RouteStep], event: CaseEvent) -> None:
    """Take the days from the notice of each step to `event` out of what is counted."""
    for step in steps:
        status, pause = turn.steps[step.code], _pause(turn, step, turn.instant_of(event))
        turn.change_step(
            step.code,
            pauses=(*status.pauses, pause),
            asked_on=None,
            rectify_until=None,
            lapse_asked=False,
        )
        turn.promised_at = promise(turn)
        if turn.settles_late and pause.until_on is not None:
            turn.commands.append(
                EndRectification(
                    at=event.at,
                    step=step.code,
                    round=status.round,
                    from_on=pause.from_on,
                    until_on=pause.until_on,
                )
            )


def _pause(turn: Turn, step: RouteStep, at: datetime) -> Pause:
    """Return the time of a notice as a pause: both its first and its last day are left out.

    So a unit has at least a day left to look again, and the promise of the whole moves with it.
    """
    status, rule, calendar = turn.steps[step.code], step.rectification, turn.calendar
    from_on = status.asked_on or turn.today
    last = at if status.rectify_until is None else min(at, status.rectify_until)
    return Pause(
        kind=PauseKind.RECTIFICATION,
        from_on=from_on,
        until_on=max(from_on, calendar.local_date(last)),
        cap=None,
        notice=f"{turn.route.application}/{step.code}/{status.round}",
        article=rule.article if rule is not None else "",
    )


def _rectified(turn: Turn, event: Rectified) -> None:
    step = _waiting(turn, event)
    if step is None:
        return
    end_time(turn, [step], event)
    turn.set_step(step.code, StepState.OPEN, round=event.round + 1)
    for part in step.parts:
        if is_adverse(turn, part):
            round_ = turn.tasks[part_key(part)].round + 1
            turn.issue(step, part, task_dates(turn, step, part), round_=round_)


def _waiting(turn: Turn, event: Rectified | RectificationLapsed) -> RouteStep | None:
    """Return the step whose notice `event` is about, or note why it changes nothing."""
    step, status = turn.step_named(event.step), turn.steps.get(event.step)
    if step is None or status is None or status.state is not StepState.RECTIFYING:
        turn.ignore(event, "nothing of this step is to be put right")
        return None
    if status.round != event.round:
        turn.ignore(event, f"round {status.round} is to be answered, not {event.round}")
        return None
    return step


TRANSITIONS: dict[type[CaseEvent], Callable[[Turn, Any], None]] = {Rectified: _rectified}
