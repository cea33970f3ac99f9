"""What the catalogue allows a department to do to a clock: which pauses, which extensions."""

from collections.abc import Iterable
from datetime import date, timedelta

from services.contracts.vocabulary import PauseKind, Unit
from services.domain.calendar import ONE_DAY, WorkingCalendar
from services.domain.catalogue import Basis, Extension, Item, Limit, Uncounted
from services.domain.limits import Pause


def uncounted(item: Item, kind: PauseKind) -> Uncounted | None:
    """Return the rule by which a procedure's time is not counted for an item, or None."""
    listed = item.statutory.uncounted if item.statutory is not None else ()
    return next((rule for rule in listed if rule.procedure == kind), None)


def extension(item: Item) -> Extension | None:
    """Return the rule by which an item's statutory limit can be extended, or None."""
    return item.statutory.extension if item.statutory is not None else None


def citation(basis: Basis) -> str:
    """Return law and article as the explanation of a day cites them."""
    return f"{basis.law} {basis.article}" if basis.article else basis.law


def days_left(cap: Limit, used: Iterable[Pause], calendar: WorkingCalendar) -> int:
    """Return how many days of a cap earlier pauses of the same kind have left."""
    taken = sum(_length(cap.unit, one.from_on, one.until_on, calendar) for one in used)
    return max(cap.value - taken, 0)


def last_day(days: int, unit: Unit, first: date, calendar: WorkingCalendar) -> date:
    """Return the last day of a pause of so many days that begins on `first`, that day included.

    With no days left it is the day before.
    """
    eve = first - ONE_DAY
    if unit is Unit.CALENDAR_DAY or days == 0:
        return eve + timedelta(days=days)
    return calendar.add_working_days(eve, days)


def _length(unit: Unit, first: date, last: date | None, calendar: WorkingCalendar) -> int:
    if last is None or last < first:
        return 0
    if unit is Unit.CALENDAR_DAY:
        return (last - first).days + 1
    return calendar.working_days_between(first - ONE_DAY, last)
