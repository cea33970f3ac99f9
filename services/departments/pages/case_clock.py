"""The clock of a task as its officer sees it: which day of how many it is, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.contracts.vocabulary import PauseKind, TaskState, Unit
from services.departments.store import Row
from services.domain.calendar import WorkingCalendar
from services.domain.limits import DayLine, Ledger, LimitSuspendedError, Pause, explain
from services.domain.route import Budget


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Where a task stands in its promised time. Dates are local.

    `day` of `days` counted ones is the last that has begun; `late` are working days over the
    promise, `statutory_late` over the limit of the law. `lines` explain every day; there are none
    where the dates were not reckoned from here.
    """

    started_on: date
    promised_on: date
    statutory_on: date | None
    today: date
    day: int
    days: int
    late: int
    statutory_left: int | None
    statutory_late: int
    paused_until: date | None
    provisional: bool
    lines: tuple[DayLine, ...]

    @property
    def share(self) -> float:
        """The share of the promised time that is used, at most 1."""
        return min(self.day / self.days, 1.0) if self.days else 1.0


def clock_of(row: Row, pauses: Sequence[Row], calendar: WorkingCalendar, now: datetime) -> Clock:
    """Return the clock of a task; `pauses` are those of its whole step."""
    start, promised = calendar.local_date(row["issued_at"]), row["promised_on"]
    today = calendar.local_date(row["ended_at"] or now)
    lines = _lines(start, promised, calendar, Ledger(pauses=tuple(_pause(one) for one in pauses)))
    numbers = [line.number for line in lines if line.number is not None and line.day <= today]
    statutory = row["statutory_on"]
    days = max((line.number or 0 for line in lines), default=0)
    return Clock(
        started_on=start,
        promised_on=promised,
        statutory_on=statutory,
        today=today,
        day=numbers[-1] if numbers else 0,
        days=days or calendar.working_days_between(start, promised),
        late=calendar.working_days_between(promised, today),
        statutory_left=None
        if statutory is None
        else calendar.working_days_between(today, statutory),
        statutory_late=0 if statutory is None else calendar.working_days_between(statutory, today),
        paused_until=_paused_until(row, today),
        provisional=row["provisional"],
        lines=lines,
    )


def _paused_until(row: Row, today: date) -> date | None:
    until: date | None = row["paused_until"]
    is_open = row["state"] == TaskState.OPEN
    return until if is_open and until is not None and until >= today else None


def _lines(
    start: date, promised: date, calendar: WorkingCalendar, ledger: Ledger
) -> tuple[DayLine, ...]:
    """Return every day up to the promise; none when no number of working days ends there."""
    most = calendar.working_days_between(start, promised)
    for value in range(most, -1, -1):
        try:
            lines = explain(Budget(value=value, unit=Unit.WORKING_DAY), start, calendar, ledger)
        except LimitSuspendedError:
            return ()
        if lines[-1].day <= promised:
            return lines if lines[-1].day == promised else ()
    return ()


def _pause(row: Any) -> Pause:
    cap = None
    if row["cap_value"] is not None:
        cap = Budget(value=row["cap_value"], unit=Unit(row["cap_unit"]))
    return Pause(
        kind=PauseKind(row["kind"]),
        from_on=row["from_on"],
        until_on=max(row["until_on"], row["from_on"]),
        cap=cap,
        notice=row["notice"],
        article=row["article"],
    )
