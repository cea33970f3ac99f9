"""What a department may say of its clocks: only what the case's catalogue version lists.

Our own queues refuse it before; this is the line for departments with software of their own. What
such software said is kept here: a cap and a number of times hold over all pauses and extensions of
an item, in every round. Nor can it date an act back to before something that a deadline has said
meanwhile: only our own queues prove when an act was committed.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, TypeAlias, assert_never

from services.contracts.events import TaskExtended, TaskPaused, TaskPauseEnded
from services.contracts.limits import TaskSentUp
from services.contracts.vocabulary import PauseKind, Service, Unit
from services.domain import clock_rules
from services.domain.calendar import WorkingCalendar
from services.domain.catalogue import Item
from services.domain.limits import Pause, day_of_act
from services.domain.route import Budget
from services.orchestrator import clock_store, limit_store
from services.orchestrator.clock_store import Row
from services.runtime.catalogue_shelf import Shelf
from services.runtime.db import Connection
from services.runtime.messages import Received

ClockSaid: TypeAlias = TaskPaused | TaskPauseEnded | TaskExtended | TaskSentUp
PAUSE, EXTENSION = "pause", "extension"


class UnlawfulClockError(ValueError):
    """A pause or an extension that the catalogue does not list for the item, or not so long."""


class DatedBackError(ValueError):
    """A department says that it did something to a clock before that can have been."""


def instant_of(event: ClockSaid) -> datetime:
    """Return when a department did it."""
    match event:
        case TaskPaused():
            return event.paused_at
        case TaskPauseEnded():
            return event.ended_at
        case TaskExtended():
            return event.extended_at
        case TaskSentUp():
            return event.sent_at
        case _:
            assert_never(event)


async def check(conn: Connection, shelf: Shelf, received: Sequence[Received]) -> None:
    """Look at what departments say of tasks that are there, and keep what own software says.

    Raises UnlawfulClockError, DatedBackError.
    """
    said = [(one, one.event) for one in received if isinstance(one.event, ClockSaid)]
    looked_at = [event for _, event in said if isinstance(event, TaskPaused | TaskExtended)]
    if looked_at:
        versions = await clock_store.catalogues_of(conn, [e.application for e in looked_at])
        for event in looked_at:
            item = shelf.version(versions[event.application]).item_by_code[_item(event.task)]
            if not _is_listed(item, event):
                message = f"{event.task}: the catalogue does not list this for {item.code}"
                raise UnlawfulClockError(message)
    own = [(one, event) for one, event in said if one.source != Service.DEPARTMENTS]
    if own:
        await _check_own(conn, shelf, own)


def _item(task: str) -> str:
    return task.split("/")[1]


def _is_listed(item: Item, event: TaskPaused | TaskExtended) -> bool:
    return _may_pause(item, event) if isinstance(event, TaskPaused) else _may_extend(item, event)


def _may_pause(item: Item, event: TaskPaused) -> bool:
    rule = clock_rules.uncounted(item, event.kind)
    if rule is None or rule.cap is None:
        return rule is not None
    cap = event.cap
    return cap is not None and cap.unit == rule.cap.unit and cap.value <= rule.cap.value


def _may_extend(item: Item, event: TaskExtended) -> bool:
    rule = clock_rules.extension(item)
    return (
        rule is not None
        and event.extension <= rule.times
        and event.approver == rule.approver
        and event.days.unit == rule.limit.unit
        and 0 < event.days.value <= rule.limit.value
    )


async def _check_own(
    conn: Connection, shelf: Shelf, said: Sequence[tuple[Received, ClockSaid]]
) -> None:
    """Look at own software's messages one after the other: each counts for those behind it."""
    spoken = await limit_store.spoken_of(conn, [event.task for _, event in said])
    for one, event in said:
        match event:
            case TaskPaused() | TaskExtended():
                _check_instant(event, one.envelope.time, spoken[event.task], shelf.calendar)
                before = await limit_store.own_acts(conn, [event.task])
                versions = await clock_store.catalogues_of(conn, [event.application])
                edition = shelf.version(versions[event.application])
                _check_sum(edition.item_by_code[_item(event.task)], event, before, shelf.calendar)
                await limit_store.add_own_acts(conn, [_kept(event, shelf.calendar)])
            case TaskPauseEnded():
                day = day_of_act(event.ended_at, shelf.calendar)
                await limit_store.end_own_pauses(conn, [(event.task, event.pause, day)])
            case TaskSentUp():
                _check_instant(event, one.envelope.time, spoken[event.task], shelf.calendar)
            case _:
                assert_never(event)


def _check_instant(
    event: ClockSaid, told_at: datetime, task: Row, calendar: WorkingCalendar
) -> None:
    """Raise DatedBackError when something cannot have been done to a clock so early.

    Not before the task was there, not on a day before that of the message, which is the notice's,
    and not before what a deadline has told of the task or of the whole.
    """
    at = instant_of(event)
    if at < task["issued_at"]:
        message = f"{event.task}: it was not there yet at {at}"
        raise DatedBackError(message)
    if day_of_act(at, calendar) < day_of_act(told_at, calendar):
        message = f"{event.task}: told on a later day than {at}"
        raise DatedBackError(message)
    if task["spoken_at"] is not None and at < task["spoken_at"]:
        message = f"{event.task}: a deadline had spoken at {task['spoken_at']}, after {at}"
        raise DatedBackError(message)


def _check_sum(
    item: Item, event: TaskPaused | TaskExtended, before: Sequence[Row], calendar: WorkingCalendar
) -> None:
    """Raise UnlawfulClockError when it is too much together with what was said before."""
    others = [row for row in before if (row["task"], row["number"]) != (event.task, _number(event))]
    if isinstance(event, TaskExtended):
        rule = clock_rules.extension(item)
        times = sum(row["act"] == EXTENSION for row in others)
        if rule is not None and times >= rule.times:
            message = f"{event.task}: extended {times} time(s) before, in whatever round"
            raise UnlawfulClockError(message)
        return
    listed = clock_rules.uncounted(item, event.kind)
    if listed is None or listed.cap is None or event.cap is None:
        return
    left = clock_rules.days_left(listed.cap, _pauses(others, event.kind, calendar), calendar)
    if event.cap.value > left:
        message = f"{event.task}: {left} days are left for {event.kind}, not {event.cap.value}"
        raise UnlawfulClockError(message)


def _number(event: TaskPaused | TaskExtended) -> int:
    return event.pause if isinstance(event, TaskPaused) else event.extension


def _pauses(rows: Iterable[Row], kind: str, calendar: WorkingCalendar) -> list[Pause]:
    """Return earlier pauses of a kind as far as they lasted: to their cap, or their task's end."""
    found = []
    for row in rows:
        if row["act"] != PAUSE or row["kind"] != kind:
            continue
        ends: list[date] = [row["until_on"]]
        if row["ended_at"] is not None:
            ends.append(day_of_act(row["ended_at"], calendar))
        if row["cap_value"] is not None:
            budget = Budget(value=row["cap_value"], unit=Unit(row["cap_unit"]))
            ends.append(clock_rules.last_day(budget.value, budget.unit, row["from_on"], calendar))
        found.append(
            Pause(
                kind=PauseKind(row["kind"]),
                from_on=row["from_on"],
                until_on=max(min(ends), row["from_on"]),
                cap=None,
                notice="",
                article="",
            )
        )
    return found


def _kept(event: TaskPaused | TaskExtended, calendar: WorkingCalendar) -> tuple[Any, ...]:
    day = day_of_act(instant_of(event), calendar)
    if isinstance(event, TaskExtended):
        return (event.task, EXTENSION, event.extension, None, day, None, None, None)
    cap = event.cap
    return (
        *(event.task, PAUSE, event.pause, event.kind, day, max(event.until, day)),
        *((cap.value, cap.unit) if cap is not None else (None, None)),
    )
