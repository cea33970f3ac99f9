"""The limits of a case beside those of its tasks: joint case, first review, delivery.

- The joint case as a whole (行政许可法 42(2)): from the acceptance to the conclusion. What stops
  the promise of the whole stops it too; the head of the government extends it once.
- The first review of what a higher authority decides (43): from the day its step began until the
  task goes up, or ends. The pauses of the task and its step stop it; nothing extends it.
- The delivery of a licence (44): from the decision until the results of the step are released
  together. It stands while the step waits for the investor to put things right.

They are derived, like every date: after each event from the state that it left. What changed is a
command; nothing happens to a case whose route has no such limits.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from services.contracts.vocabulary import (
    FAVOURABLE,
    Approver,
    Authority,
    DateChange,
    LimitKind,
    Outcome,
    Part,
    Signal,
    TaskState,
)
from services.domain.case import (
    Decided,
    Ignore,
    LiftSignal,
    Paused,
    PauseEnded,
    RaiseSignal,
    Redate,
    Release,
    Reprojected,
    Repromise,
    Withdrawn,
)
from services.domain.deadlines import AFTER, key_of, open_task, own_ledger, stands, waiting_steps
from services.domain.happening import CaseEvent
from services.domain.limit_events import EndLimit, JointExtended, LimitStatus, SentUp, SetLimit
from services.domain.limits import Extension, Ledger, day_of_act, due_on, is_provisional
from services.domain.route import RouteLimit, RouteLimits, RoutePart, RouteStep
from services.domain.turn import ENDED_STEPS, Turn, part_key, task_name

JOINT = LimitKind.JOINT.value
SIGNALS = {
    LimitKind.JOINT: Signal.JOINT_LIMIT_PASSED,
    LimitKind.FIRST_REVIEW: Signal.FIRST_REVIEW_OVERDUE,
    LimitKind.DELIVERY: Signal.DELIVERY_OVERDUE,
}
_WHY: dict[type[CaseEvent], DateChange] = {
    Paused: DateChange.PAUSED,
    PauseEnded: DateChange.PAUSE_ENDED,
    Decided: DateChange.PAUSE_ENDED,  # a pause ends with its task
    JointExtended: DateChange.EXTENDED,
    Reprojected: DateChange.CALENDAR,
}


class _Running(Struct, frozen=True, kw_only=True):
    """A limit as the state of the case has it run."""

    kind: LimitKind
    rule: RouteLimit
    start: date
    ledger: Ledger
    task: str | None = None


def settle(turn: Turn, event: CaseEvent) -> None:
    """Begin, move and end the limits as `event` has left the case; let those speak that are over.

    What is released or concluded late is late by the instant of the turn: only then the investor
    has it. A first review ended when the department's act was committed, and everything when he
    withdrew. Of a licence's department it is told by the instant of the step's last act: that the
    message of another's act was late is nobody's delay.
    """
    rules = turn.route.limits
    if rules is None or not turn.accepted:
        return
    # In an order of its own: a state that went through JSON has lost that in which they began.
    before, turn.limits = dict(sorted(turn.limits.items())), {}
    for key, running in _running(turn, rules):
        turn.limits[key] = _reckoned(turn, event, before.get(key), running)
    for key, status in before.items():
        if key not in turn.limits:
            _end(turn, event, _reckoned(turn, event, status, _at_end(turn, rules, status)))
    for key, status in turn.limits.items():
        if not stands(turn, status):
            turn.limits[key] = _speak(turn, status, turn.at)
    _speak_of_released(turn, event, rules, before)


def deliver_by(turn: Turn, step: RouteStep, item: str, decided_at: datetime) -> date | None:
    """Return the day by which a granted licence must be delivered; None: the item is none."""
    rules = turn.route.limits
    if rules is None or rules.delivery is None or item not in rules.licences:
        return None
    ledger = Ledger(pauses=turn.steps[step.code].pauses)
    start = turn.calendar.local_date(decided_at)
    return due_on(rules.delivery.budget, start, turn.calendar, ledger)


def _running(turn: Turn, rules: RouteLimits) -> Iterator[tuple[str, _Running]]:
    """Yield every limit that runs now, by a key that is its for ever."""
    if turn.conclusion is not None:
        return
    if rules.joint is not None:
        yield (
            JOINT,
            _Running(
                kind=LimitKind.JOINT,
                rule=rules.joint,
                start=turn.route.start,
                ledger=Ledger(pauses=turn.pauses, extensions=turn.extensions),
            ),
        )
    for step in turn.route.steps:
        if turn.steps[step.code].state not in ENDED_STEPS:
            yield from _reviews(turn, rules, step)
            yield from _deliveries(turn, rules, step)


def _reviews(turn: Turn, rules: RouteLimits, step: RouteStep) -> Iterator[tuple[str, _Running]]:
    started, rule = turn.steps[step.code].started_on, rules.review
    if started is None or rule is None:
        return
    for part in step.parts:
        task = turn.tasks[part_key(part)]
        waits = task.state is TaskState.OPEN and task.round == 1 and task.sent_up_at is None
        if waits and _is_reviewed(part):
            yield (
                f"{LimitKind.FIRST_REVIEW}/{part_key(part)}",
                _Running(
                    kind=LimitKind.FIRST_REVIEW,
                    rule=rule,
                    start=started,
                    ledger=Ledger(pauses=own_ledger(turn, step, part).pauses),
                    task=task_name(turn.route.application, part, task.round),
                ),
            )


def _is_reviewed(part: RoutePart) -> bool:
    return part.part is Part.DECIDE and part.authority is Authority.HIGHER_LEVEL


def _deliveries(turn: Turn, rules: RouteLimits, step: RouteStep) -> Iterator[tuple[str, _Running]]:
    """Licences of a step that every part has let pass, and that wait for the others of the step."""
    if rules.delivery is None or len(step.parts) == 1:  # which waits for no other
        return
    for item in dict.fromkeys(part.item for part in step.parts):
        parts = [part for part in step.parts if part.item == item]
        passed = all(turn.tasks[part_key(part)].outcome in FAVOURABLE for part in parts)
        if item in rules.licences and passed:
            running = _delivery(turn, rules.delivery, step, *max(_decisions(turn, parts)))
            yield f"{LimitKind.DELIVERY}/{item}", running


def _decisions(turn: Turn, parts: list[RoutePart]) -> Iterator[tuple[datetime, str]]:
    """Yield when each deciding part granted, with its task."""
    for part in parts:
        task = turn.tasks[part_key(part)]
        if task.outcome is Outcome.GRANTED and task.decided_at is not None:
            yield task.decided_at, task_name(turn.route.application, part, task.round)


def _reckoned(
    turn: Turn, event: CaseEvent, before: LimitStatus | None, running: _Running
) -> LimitStatus:
    """Return a running limit as it is now; tell when it begins or was moved."""
    calendar = turn.calendar
    day = due_on(running.rule.budget, running.start, calendar, running.ledger)
    now = LimitStatus(
        kind=running.kind,
        start=running.start,
        due_on=day,
        due_at=calendar.close_of(day),
        task=running.task,
        passed=before is not None and before.passed,
    )
    same = before is not None and (before.start, before.due_at) == (now.start, now.due_at)
    if same and not _is_extended(turn, event, now):
        return now
    why = None if before is None else _why(turn, event)
    turn.commands.append(
        SetLimit(
            at=turn.at,
            kind=now.kind,
            start=now.start,
            budget=running.rule.budget,
            article=running.rule.article,
            ledger=running.ledger,
            calendar=calendar.version,
            due_on=day,
            due_at=now.due_at,
            provisional=is_provisional(now.start, day, calendar),
            task=now.task,
            before=before.due_at if before is not None else None,
            why=why,
            ref=event.ref if before is not None else "",
        )
    )
    return now


def _is_extended(turn: Turn, event: CaseEvent, limit: LimitStatus) -> bool:
    """Whether a limit was extended: that is told also where its last day has not moved yet.

    While a case waits for the investor an extension may take effect later, with the days waited.
    """
    if limit.kind is not LimitKind.JOINT or not isinstance(event, JointExtended):
        return False
    return not any(isinstance(one, Ignore) for one in turn.commands)


def _why(turn: Turn, event: CaseEvent) -> DateChange:
    """Return what moved a limit: what moved a date that was told in this turn, if anything did."""
    moved = [one.why for one in turn.commands if isinstance(one, Repromise | Redate)]
    return moved[-1] if moved else _WHY.get(type(event), DateChange.RECTIFIED)


def _at_end(turn: Turn, rules: RouteLimits, status: LimitStatus) -> _Running:
    """Return a limit that ends: a pause that ends with its task has moved it once more."""
    rule: RouteLimit | None = rules.joint
    ledger = Ledger(pauses=turn.pauses, extensions=turn.extensions)
    if status.task is not None:
        step, part = turn.route.parts[key_of(status.task)]
        rule, ledger = rules.delivery, Ledger(pauses=turn.steps[step.code].pauses)
        if status.kind is LimitKind.FIRST_REVIEW:
            rule, ledger = rules.review, Ledger(pauses=own_ledger(turn, step, part).pauses)
    assert rule is not None  # noqa: S101  it has run by this rule
    return _Running(
        kind=status.kind, rule=rule, start=status.start, ledger=ledger, task=status.task
    )


def _end(turn: Turn, event: CaseEvent, status: LimitStatus) -> None:
    reviewed = status.kind is LimitKind.FIRST_REVIEW and isinstance(event, Decided | SentUp)
    withdrawn = turn.edition_3 and isinstance(event, Withdrawn)
    at = event.at if reviewed or withdrawn else turn.at
    _speak(turn, status, at if withdrawn else _last_act(turn, status, at))
    in_time = at < status.due_at + AFTER
    turn.commands.append(EndLimit(at=at, kind=status.kind, in_time=in_time, task=status.task))


def _last_act(turn: Turn, status: LimitStatus, at: datetime) -> datetime:
    """Return when a released licence could have been delivered: its step's last act; else `at`."""
    if not turn.edition_3 or status.kind is not LimitKind.DELIVERY or status.task is None:
        return at
    step, _ = turn.route.parts[key_of(status.task)]
    tasks = (turn.tasks[part_key(part)] for part in step.parts)
    return max((one.decided_at for one in tasks if one.decided_at is not None), default=at)


def _speak(turn: Turn, status: LimitStatus, at: datetime) -> LimitStatus:
    """Tell that a limit is over at `at`, or that it is not, in spite of what was told."""
    over, instant = at >= status.due_at + AFTER, status.due_at + AFTER
    if over and not status.passed:
        signal = SIGNALS[status.kind]
        turn.commands.append(RaiseSignal(at=instant, signal=signal, task=status.task))
    if status.passed and not over:
        signal = SIGNALS[status.kind]
        turn.commands.append(LiftSignal(at=at, signal=signal, task=status.task))
    return replace(status, passed=over)


def _speak_of_released(
    turn: Turn, event: CaseEvent, rules: RouteLimits, before: dict[str, LimitStatus]
) -> None:
    """Tell of licences that were released when they were decided, and yet too late.

    Their department's word came so late that no limit of theirs had begun to run. By earlier rules
    that was told of its task.
    """
    rule = rules.delivery
    if rule is None:
        return
    released = [one for one in turn.commands if type(one) is Release]
    for step, result in ((one.step, result) for one in released for result in one.results):
        if result.deliver_by is None or f"{LimitKind.DELIVERY}/{result.item}" in before:
            continue
        instant = turn.calendar.close_of(result.deliver_by) + AFTER
        if turn.at < instant:
            continue
        found = next(found for found in turn.route.steps if found.code == step)
        of_item = [part for part in found.parts if part.item == result.item]
        _, task = max(_decisions(turn, of_item))
        if not turn.edition_3:
            signal = Signal.DELIVERY_OVERDUE
            turn.commands.append(RaiseSignal(at=instant, signal=signal, task=task))
            continue
        running = _delivery(turn, rule, found, result.decided_at, task)
        _end(turn, event, _reckoned(turn, event, None, running))


def _delivery(
    turn: Turn, rule: RouteLimit, step: RouteStep, decided_at: datetime, task: str
) -> _Running:
    """Return the limit of a licence that was decided at an instant, by a task's decision."""
    return _Running(
        kind=LimitKind.DELIVERY,
        rule=rule,
        start=turn.calendar.local_date(decided_at),
        ledger=Ledger(pauses=turn.steps[step.code].pauses),
        task=task,
    )


def _joint_extended(turn: Turn, event: JointExtended) -> None:
    why = _unextendable(turn, event)
    if why is not None:
        turn.ignore(event, why)
        return
    extension = Extension(
        budget=event.budget,
        approver=event.approver,
        article=event.article,
        on=day_of_act(event.at, turn.calendar),
    )
    turn.extensions = (*turn.extensions, extension)


def _unextendable(turn: Turn, event: JointExtended) -> str | None:
    """Return why the limit of the joint case stays as it is, or None."""
    rule = turn.route.limits.joint if turn.route.limits is not None else None
    running = turn.limits.get(JOINT)
    if rule is None or running is None:
        return "this is no joint case, or it is not accepted"
    if turn.extensions:
        return "the joint case was extended before, and it is extended once"
    if event.approver != Approver.GOVERNMENT_HEAD:
        return "it takes the approval of the head of the government"
    if event.budget.unit != rule.extension.unit or event.budget.value > rule.extension.value:
        return f"it is extended by {rule.extension.value} days at most"
    # While it waits for the investor its last day still moves on, unless it was over before.
    day = min(waiting_steps(turn).values(), default=day_of_act(event.at, turn.calendar))
    return f"the limit was over on {running.due_on}" if day > running.due_on else None


def _sent_up(turn: Turn, event: SentUp) -> None:
    found = open_task(turn, event, event.task)
    if found is None:
        return
    key = part_key(found[1])
    # What is not ignored must be told of: the journal knows nothing of a change without a command.
    if f"{LimitKind.FIRST_REVIEW}/{key}" not in turn.limits:
        turn.ignore(event, "no first review of this task is to be ended")
        return
    turn.tasks[key] = replace(turn.tasks[key], sent_up_at=event.at)


TRANSITIONS: dict[type[CaseEvent], Callable[[Turn, Any], None]] = {
    JointExtended: _joint_extended,
    SentUp: _sent_up,
}
