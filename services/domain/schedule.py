"""Dates of the steps: forward passes, the chain one after another, the critical path."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from services.contracts.vocabulary import Part, Unit
from services.domain.calendar import WorkingCalendar
from services.domain.catalogue import Item, Limit
from services.domain.limits import due_on
from services.domain.merging import Draft
from services.domain.plan import Window
from services.domain.route import Budget


class Reckoner:
    """Due dates of limits over one calendar, each reckoned once."""

    def __init__(self, calendar: WorkingCalendar) -> None:
        self._calendar = calendar
        self._known: dict[tuple[int, Unit, date], date] = {}

    def due(self, limit: Limit, start: date) -> date:
        """Return the day on which a limit that started on `start` ends."""
        key = (limit.value, limit.unit, start)
        if key not in self._known:
            budget = Budget(value=limit.value, unit=limit.unit)
            self._known[key] = due_on(budget, start, self._calendar)
        return self._known[key]

    def earliest(self, limits: Iterable[Limit], start: date) -> date:
        """Return the day on which the first of the limits ends."""
        return min(self.due(limit, start) for limit in limits)


def promised_limits(draft: Draft) -> tuple[Limit, ...]:
    """Return the promises that bind a step: its items' and, when merged, the group's budget."""
    own = tuple(item.promised for item in draft.items)
    deciding = sum(share.part is Part.DECIDE for share in draft.shares)
    return binding((*own, draft.group.budget) if draft.group else own, deciding)


def binding(limits: Iterable[Limit], deciding: int) -> tuple[Limit, ...]:
    """Return the strictest limit of each unit; a step is due when the first of them ends.

    Working and calendar days have no order that holds on every start, so both stand: each with a
    deciding part of its own unit. A step with one deciding part has room for one limit only: as
    many calendar days as the smaller number, which never end after either.
    """
    strictest: dict[Unit, Limit] = {}
    for limit in limits:
        known = strictest.get(limit.unit, limit)
        strictest[limit.unit] = min(limit, known, key=lambda found: found.value)
    if len(strictest) > deciding:
        least = min(limit.value for limit in strictest.values())
        return (Limit(value=least, unit=Unit.CALENDAR_DAY),)
    return tuple(strictest[unit] for unit in sorted(strictest))


def statutory_limits(draft: Draft) -> tuple[Limit, ...]:
    """Return the statutory limits of a step's items; the promise where no limit was found."""
    return tuple(statutory_limit(item) for item in draft.items)


def statutory_limit(item: Item) -> Limit:
    """Return the statutory limit of an item; its promise where none was found."""
    return item.statutory.limit if item.statutory else item.promised


def forward(
    drafts: Sequence[Draft], start: date, due: Callable[[Draft, date], date]
) -> dict[str, Window]:
    """Return when each step starts and is due: on the due date of its latest predecessor.

    `drafts` are in topological order. Steps without a predecessor start on `start`.
    """
    windows: dict[str, Window] = {}
    for draft in drafts:
        begin = max((windows[code].due for code in draft.after), default=start)
        windows[draft.code] = Window(start=begin, due=due(draft, begin))
    return windows


def one_after_another(drafts: Sequence[Draft], start: date, reckoner: Reckoner) -> date:
    """Return when the last item ends if each takes its whole statutory limit, one by one."""
    day = start
    for draft in drafts:
        for item in draft.items:
            day = reckoner.due(statutory_limit(item), day)
    return day


def critical_path(drafts: Sequence[Draft], windows: Mapping[str, Window]) -> tuple[str, ...]:
    """Return the steps that carry the last due date, first to last.

    Of several last steps the one deepest in the graph, of several predecessors the one due latest;
    ties by code.
    """
    after = {draft.code: draft.after for draft in drafts}
    depth: dict[str, int] = {}
    for draft in drafts:
        depth[draft.code] = max((depth[code] + 1 for code in draft.after), default=0)

    def latest(codes: Iterable[str]) -> str:
        return min(codes, key=lambda code: (-windows[code].due.toordinal(), -depth[code], code))

    path = [latest(after)] if after else []
    while path and after[path[-1]]:
        path.append(latest(after[path[-1]]))
    return tuple(reversed(path))
