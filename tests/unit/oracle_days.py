"""An oracle for time limits, written to be obviously right: a set of days, one loop, no classes.

It shares nothing with the code under test but the shapes of its input.
"""

from datetime import date, timedelta

from services.contracts.vocabulary import Unit
from services.domain.calendar import WorkingCalendar
from services.domain.limits import Ledger, Pause
from services.domain.route import Budget

DAY = timedelta(days=1)


def worked_days(calendar: WorkingCalendar, first: date, last: date) -> frozenset[date]:
    """Every working day from `first` to `last`, from the calendar's raw data."""
    free = {day for year in calendar.years for day in year.off}
    extra = {day for year in calendar.years for day in year.work}
    found = set()
    day = first
    while day <= last:
        if day in extra or (day.strftime("%a") not in {"Sat", "Sun"} and day not in free):
            found.add(day)
        day += DAY
    return frozenset(found)


def paused_days(pause: Pause, worked: frozenset[date], last: date) -> set[date]:
    """The days a pause takes out, up to `last`: its days, until its cap is spent."""
    if not (pause.notice or "").strip():
        return set()
    found: set[date] = set()
    day = pause.from_on
    while day <= (pause.until_on or last):
        if pause.cap is not None:
            spent = found & worked if pause.cap.unit is Unit.WORKING_DAY else found
            if len(spent) >= pause.cap.value:
                break
        found.add(day)
        day += DAY
    return found


def expected(
    budget: Budget, start: date, worked: frozenset[date], ledger: Ledger, last: date
) -> tuple[date, list[date]]:
    """The due date, and the days counted. `last` bounds the search."""
    paused: set[date] = set()
    for pause in ledger.pauses:
        paused |= paused_days(pause, worked, last)
    every = [start + n * DAY for n in range((last - start).days)]
    ok_as_last = [day for day in every if day in worked and day not in paused]

    counted: list[date] = []
    grants = [(budget, None)]
    grants += [(e.budget, e.on) for e in sorted(ledger.extensions, key=lambda e: e.on)]
    for granted, approved_on in grants:
        end = counted[-1] if counted else start
        if approved_on is not None and approved_on > min(d for d in ok_as_last if d >= end):
            break
        usable = [
            day
            for day in every
            if day > end
            and day not in paused
            and (granted.unit is Unit.CALENDAR_DAY or day in worked)
        ]
        counted += usable[: granted.value]
    end = counted[-1] if counted else start
    return min(d for d in ok_as_last if d >= end), counted
