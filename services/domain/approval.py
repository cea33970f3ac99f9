"""The functional core: (case, event) -> (case, commands). One truth about what may happen.

The Temporal workflow, the simulator, the property tests and the rebuild tool all call `apply`.
Late, duplicate, unknown and out-of-order events are values that end in `Ignore`, not exceptions.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from services.contracts.vocabulary import (
    DEEMED,
    FAVOURABLE,
    GRANTING,
    OUTCOMES_OF,
    Conclusion,
    Outcome,
    Part,
    StepState,
    TaskState,
)
from services.domain import (
    acceptance,
    clocks,
    later,
    limit_clocks,
    rectification,
    session_rules,
    silences,
    supplements,
)
from services.domain.calendar import WorkingCalendar
from services.domain.case import (
    Accepted,
    AnyCommand,
    AnyEvent,
    Case,
    ClockReached,
    Decided,
    Held,
    ItemResult,
    Lapsed,
    Release,
    Resumed,
    StepStatus,
    TaskStatus,
    Withdrawn,
)
from services.domain.deadlines import (
    lift_early_signals,
    next_instant,
    open_task,
    reach,
    task_dates,
)
from services.domain.examination import Supplemented
from services.domain.happening import CaseEvent
from services.domain.later_events import PapersLapsed
from services.domain.rectifying import RectificationLapsed
from services.domain.route import Route, RoutePart, RouteStep
from services.domain.turn import ENDED_STEPS, ENDED_TASKS, Turn, part_key

__all__ = ["apply", "apply_all", "begin", "next_instant"]


def begin(route: Route, calendar: WorkingCalendar, at: datetime) -> Case:
    """Return the case of an application that was received at `at` and not yet accepted."""
    return Case(
        route=route,
        calendar=calendar,
        at=at,
        promised_at=route.promised_at,
        tasks={part_key(part): TaskStatus() for step in route.steps for part in step.parts},
        steps={step.code: StepStatus() for step in route.steps},
    )


def apply(case: Case, event: AnyEvent) -> tuple[Case, tuple[AnyCommand, ...]]:
    """Return the case after `event`, and what the shell must carry out, in order.

    The case's own time never runs back: an event that was committed before one already applied
    keeps its own instant as the instant of the act, and changes nothing about the order.
    """
    turn = Turn(case, max(case.at, event.at))
    if case.conclusion is not None:
        turn.ignore(event, "the application is concluded")
    elif not case.accepted and not _may_precede_acceptance(case, event):
        turn.ignore(event, "the application is not accepted")
    else:
        _TRANSITIONS[type(event)](turn, event)
        _advance(turn, event)
        limit_clocks.settle(turn, event)
    return turn.finish()


def apply_all(case: Case, events: Iterable[AnyEvent]) -> tuple[Case, tuple[AnyCommand, ...]]:
    """Return the case after all of `events`, one after the other, and all that follows."""
    commands: list[AnyCommand] = []
    for event in events:
        case, found = apply(case, event)
        commands += found
    return case, tuple(commands)


def _may_precede_acceptance(case: Case, event: AnyEvent) -> bool:
    """Whether an event means something before an application is accepted."""
    if case.route.acceptance is None:
        return isinstance(event, Accepted)
    return not isinstance(event, Accepted)


def _accepted(turn: Turn, event: Accepted) -> None:
    if turn.accepted:
        turn.ignore(event, "the application is accepted already")
    turn.accepted = True


def _decided(turn: Turn, event: Decided) -> None:
    found = open_task(turn, event, event.task)
    if found is None:
        return
    step, part = found
    if event.outcome not in OUTCOMES_OF[part.part]:
        turn.ignore(event, f"{event.outcome} is no outcome of a task to {part.part}")
        return
    dates = turn.tasks[part_key(part)].dates
    if dates is not None and silences.is_settled(dates, event.at):
        turn.ignore(event, "the permit expired undecided: it is renewed (行政许可法 50)")
        return
    _end(turn, step, part, event.outcome, event)


def _end(
    turn: Turn, step: RouteStep, part: RoutePart, outcome: Outcome, event: Decided | Lapsed
) -> None:
    """End a task by what was committed: its deadlines say what they say until then."""
    key = part_key(part)
    reach(turn, key, event.at, warn=False)
    lift_early_signals(turn, key, event.at)
    turn.end_task(step, part, outcome, event)
    clocks.end_with_task(turn, step, part, event)


def _lapsed(turn: Turn, event: Lapsed) -> None:
    found = open_task(turn, event, event.task)
    if found is None:
        return
    step, part = found
    if not turn.tasks[part_key(part)].lapse_asked:
        turn.ignore(event, "silence of this task means nothing, or its time is not over")
        return
    if part.part is Part.DECIDE:
        _end(turn, step, part, DEEMED[part.silence], event)
    else:
        turn.end_task(step, part, DEEMED[part.silence], event)


def _unanswered(turn: Turn, event: RectificationLapsed) -> None:
    step = rectification.lapsed(turn, event)
    if step is not None:
        _complete(turn, step)


def _withdrawn(turn: Turn, event: Withdrawn) -> None:
    acceptance.abandon(turn)
    if turn.settles_late:
        waiting = [s for s in turn.route.steps if turn.steps[s.code].state is StepState.RECTIFYING]
        rectification.end_time(turn, waiting, event)
    for step in turn.route.steps:
        if turn.steps[step.code].state not in ENDED_STEPS:
            _lift_signals_since(turn, step, event)
            _cancel_parts(turn, step, step.parts, "the application was withdrawn")
            turn.set_step(step.code, StepState.CANCELLED)
            turn.settle(step, {})
    later.settle(turn, event)
    if turn.edition_3:
        turn.keep_promise(event.at)
    turn.conclude(Conclusion.WITHDRAWN, event.at if turn.edition_3 else turn.at)


def _lift_signals_since(turn: Turn, step: RouteStep, event: Withdrawn) -> None:
    """Take back what deadlines said of a step's tasks when nobody was to do them any more."""
    for part in step.parts if turn.edition_3 else ():
        if turn.tasks[part_key(part)].state is TaskState.OPEN:
            lift_early_signals(turn, part_key(part), event.at)


def _supplemented(turn: Turn, event: Supplemented) -> None:
    later.take(turn, event)
    supplements.supplemented(turn, event)


def _held(turn: Turn, event: Held) -> None:
    if turn.held:
        turn.ignore(event, "the application is held already")
    turn.held = True


def _resumed(turn: Turn, event: Resumed) -> None:
    if not turn.held:
        turn.ignore(event, "the application is not held")
    turn.held = False


def _clock_reached(turn: Turn, event: ClockReached) -> None:
    if not turn.accepted:
        acceptance.reach_limit(turn)
        return
    # In the route's order: a state that went through JSON has lost its own.
    for key in turn.route.parts:
        reach(turn, key, event.at)
    turn.reach_promise(event.at)


_TRANSITIONS: dict[type[CaseEvent], Callable[[Turn, Any], None]] = {
    Accepted: _accepted,
    Decided: _decided,
    Lapsed: _lapsed,
    RectificationLapsed: _unanswered,
    PapersLapsed: later.lapsed,
    Withdrawn: _withdrawn,
    Held: _held,
    Resumed: _resumed,
    **acceptance.TRANSITIONS,
    **rectification.TRANSITIONS,
    **clocks.TRANSITIONS,
    **session_rules.TRANSITIONS,
    **limit_clocks.TRANSITIONS,
    Supplemented: _supplemented,
    ClockReached: _clock_reached,
}


def _advance(turn: Turn, event: CaseEvent) -> None:
    """Do whatever has become possible, until nothing more is."""
    if not turn.accepted:
        return
    moved = True
    while moved and turn.conclusion is None:
        moved = bool(
            [
                step
                for step in turn.route.steps
                if turn.steps[step.code].state not in ENDED_STEPS and _advance_step(turn, step)
            ]
        )
    later.settle(turn, event)
    if turn.conclusion is None and all(s.state in ENDED_STEPS for s in turn.steps.values()):
        turn.conclude(_conclusion(turn.items.values()), turn.at)


def _advance_step(turn: Turn, step: RouteStep) -> bool:
    """Move one step on if it can be; return whether it moved."""
    state = turn.steps[step.code].state
    if state is StepState.WAITING:
        return _start(turn, step)
    if state is StepState.OPEN:
        return step.code in turn.ended_in and _join(turn, step)
    if state is StepState.RECTIFYING and rectification.is_silent(turn, step):
        _complete(turn, step)
        return True
    return False


def _start(turn: Turn, step: RouteStep) -> bool:
    """Issue a waiting step whose prerequisites are there; cancel what a refusal has made vain."""
    failed = turn.failed
    if not failed and (turn.held or not _has_all(turn, step.parts)):
        return False
    vain = [part for part in _waiting(turn, step) if _is_vain(step, part, failed)]
    _cancel_parts(turn, step, vain, "a prerequisite was refused or cancelled")
    _cancel_parts(turn, step, later.forfeited(turn, step), later.FORFEITED)
    left = _waiting(turn, step)
    if not any(part.part is Part.DECIDE for part in left):
        turn.set_step(step.code, StepState.CANCELLED)
        turn.settle(step, {})
        return True
    if turn.held or not _has_all(turn, left) or later.waits(turn, step):
        return bool(vain)
    turn.set_step(step.code, StepState.OPEN, started_on=turn.starts_on)
    for part in left:
        turn.issue(step, part, task_dates(turn, step, part), round_=1)
    return True


def _waiting(turn: Turn, step: RouteStep) -> list[RoutePart]:
    return [p for p in step.parts if turn.tasks[part_key(p)].state is TaskState.WAITING]


def _has_all(turn: Turn, parts: Iterable[RoutePart]) -> bool:
    """Whether the steps of all that `parts` require are over."""
    return all(item in turn.items for part in parts for item in part.requires)


def _is_vain(step: RouteStep, part: RoutePart, failed: set[str]) -> bool:
    """Whether a prerequisite of the part's item has failed."""
    return any(item in failed for p in step.parts if p.item == part.item for item in p.requires)


def _cancel_parts(turn: Turn, step: RouteStep, parts: Iterable[RoutePart], reason: str) -> None:
    for part in parts:
        if turn.tasks[part_key(part)].state not in ENDED_TASKS:
            turn.cancel_task(step, part, reason)


def _join(turn: Turn, step: RouteStep) -> bool:
    """The barrier: nothing leaves a merged step before every part has signed."""
    if any(turn.tasks[part_key(part)].state not in ENDED_TASKS for part in step.parts):
        return False
    if not rectification.ask(turn, step):
        _complete(turn, step)
    return True


def _complete(turn: Turn, step: RouteStep) -> None:
    """Give every item of the step its outcome and release all results together."""
    results = {item: _result(turn, step, item) for item in _items_in_order(step)}
    turn.set_step(step.code, StepState.DONE)
    found = {item: result for item, result in results.items() if result is not None}
    turn.settle(step, {item: result.outcome for item, result in found.items()})
    turn.commands.append(Release(at=turn.at, step=step.code, results=tuple(found.values())))


def _items_in_order(step: RouteStep) -> list[str]:
    """The step's items in the order in which a law has them issued, then as the plan has them."""
    items = dict.fromkeys(part.item for part in step.parts)
    rank = {item: place for place, item in enumerate(step.issue_order)}
    return sorted(items, key=lambda item: rank.get(item, len(rank)))


def _result(turn: Turn, step: RouteStep, item: str) -> ItemResult | None:
    """An item is granted when all that decide it granted it and no objection was sustained.

    One whose renewal was deemed granted is renewed, and no new licence (行政许可法 50).
    """
    parts = [part for part in step.parts if part.item == item]
    ended = [(p, turn.tasks[part_key(p)]) for p in parts]
    deciding = [(p, t) for p, t in ended if p.part is Part.DECIDE and t.outcome is not None]
    if not deciding:
        return None
    adverse = [t for _, t in ended if t.outcome is not None and t.outcome not in FAVOURABLE]
    speaking = adverse or [t for _, t in deciding]
    decided_at = max(_took_effect(turn, t) for _, t in deciding)
    renewed = any(t.outcome is Outcome.DEEMED_RENEWED for _, t in deciding)
    outcome = Outcome.DEEMED_RENEWED if renewed else Outcome.GRANTED
    delivered = not adverse and not renewed
    return ItemResult(
        item=item,
        department=deciding[0][0].department,
        outcome=Outcome.REFUSED if adverse else outcome,
        decided_at=decided_at,
        refs=tuple(t.ref for t in speaking if t.ref),
        deliver_by=limit_clocks.deliver_by(turn, step, item, decided_at) if delivered else None,
    )


def _took_effect(turn: Turn, task: TaskStatus) -> datetime:
    """A permit is renewed when it expires, however much later that was established."""
    renewed = task.dates if task.outcome is Outcome.DEEMED_RENEWED else None
    expired_at = None if renewed is None else renewed.expires_at
    return expired_at or task.decided_at or turn.at


def _conclusion(outcomes: Iterable[Outcome | None]) -> Conclusion:
    granted = [outcome in GRANTING for outcome in outcomes]
    if all(granted):
        return Conclusion.GRANTED
    return Conclusion.PARTLY_GRANTED if any(granted) else Conclusion.REFUSED
