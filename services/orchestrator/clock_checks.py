"""What a department may say of its clocks: only what the case's catalogue version lists.

Our own queues refuse it before; this is the line for departments with software of their own.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias, assert_never

from services.contracts.events import TaskExtended, TaskPaused, TaskPauseEnded
from services.domain import clock_rules
from services.domain.catalogue import Item
from services.orchestrator import clock_store
from services.runtime.catalogue_shelf import Shelf
from services.runtime.db import Connection

ClockSaid: TypeAlias = TaskPaused | TaskPauseEnded | TaskExtended


class UnlawfulClockError(ValueError):
    """A pause or an extension that the catalogue does not list for the item, or not so long."""


def instant_of(event: ClockSaid) -> datetime:
    """Return when a department did it."""
    match event:
        case TaskPaused():
            return event.paused_at
        case TaskPauseEnded():
            return event.ended_at
        case TaskExtended():
            return event.extended_at
        case _:
            assert_never(event)


async def check(conn: Connection, shelf: Shelf, events: Sequence[ClockSaid]) -> None:
    """Look at what departments say of tasks that are there. Raises UnlawfulClockError."""
    looked_at = [event for event in events if not isinstance(event, TaskPauseEnded)]
    if not looked_at:
        return
    versions = await clock_store.catalogues_of(conn, [event.application for event in looked_at])
    for event in looked_at:
        item = shelf.version(versions[event.application]).item_by_code[event.task.split("/")[1]]
        if not _is_listed(item, event):
            message = f"{event.task}: the catalogue does not list this for {item.code}"
            raise UnlawfulClockError(message)


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
