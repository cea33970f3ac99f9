"""The routes that a simulation runs, and what the same project would be under other rules.

A plan is made once; the same steps are handed in on many days. Only the promise of the whole
depends on the day, and is reckoned here as the planner reckons it.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from msgspec.structs import replace

from services.contracts.vocabulary import Unit
from services.domain.acceptance import promise_from
from services.domain.calendar import WorkingCalendar
from services.domain.catalogue import Catalogue, Item
from services.domain.route import Route, RoutePart, RouteStep
from services.domain.simulation_lives import Assumptions
from services.domain.simulation_times import HOUR_S, Chance, Times, around
from services.domain.turn import part_key

CALENDAR_DAYS_WORKED = 5 / 7
"""Of so many calendar days that share is worked, on the average of a year without holidays."""
ON_THE_SPOT_H = 0.5
"""What an item decided on the spot (即办) takes, where nothing else is known."""


def handed_in(route: Route, calendar: WorkingCalendar) -> Callable[[int, date], Route]:
    """Return a function: the route of application `number`, handed in on a day."""
    known: dict[date, Route] = {}

    def of(number: int, day: date) -> Route:
        if day not in known:
            known[day] = promised_from(route, day, calendar)
        return replace(known[day], application=f"S{number}")

    return of


def promised_from(route: Route, start: date, calendar: WorkingCalendar) -> Route:
    """Return the route as if it had been planned for a submission on `start`."""
    promised_on = promise_from(route, start, calendar)
    return replace(
        route,
        start=start,
        promised_at=calendar.close_of(promised_on),
        promised_days=calendar.working_days_between(start, promised_on),
    )


def one_after_another(route: Route) -> Route:
    """Return the route whose steps wait for each other, in the order of the plan.

    The promise stays that of the plan: the question is what keeping it would be like.
    """
    steps: list[RouteStep] = []
    for step in route.steps:
        before = tuple(dict.fromkeys(part.item for part in steps[-1].parts)) if steps else ()
        parts = (replace(p, requires=(*p.requires, *before)) for p in step.parts)
        steps.append(replace(step, parts=tuple(parts)))
    return replace(route, steps=tuple(steps))


def unmerged(catalogue: Catalogue) -> Catalogue:
    """Return the catalogue without merged steps: every item a step of its own.

    Units that a merged step consults are then asked by its leading department's item.
    """
    asked: dict[str, Item] = {}
    for group in catalogue.groups:
        members = sorted(
            (item for item in catalogue.items if item.group == group.code), key=lambda i: i.code
        )
        leading = [item for item in members if item.department == group.lead] or members
        for item in leading[:1]:
            known = {unit.department for unit in item.consulted}
            more = tuple(u for u in group.consulted if u.department not in known)
            asked[item.code] = item.model_copy(update={"consulted": (*item.consulted, *more)})
    items = (asked.get(item.code, item) for item in catalogue.items)
    alone = tuple(item.model_copy(update={"group": None}) for item in items)
    fields = {name: getattr(catalogue, name) for name in type(catalogue).model_fields}
    return Catalogue(**(fields | {"items": alone, "groups": ()}))


def assume(
    routes: Iterable[Route],
    *,
    day_s: int,
    share: float,
    spread: float,
    officers: Mapping[str, int],
    officers_otherwise: int,
    known: Mapping[str, Times],
) -> Assumptions:
    """Return assumptions for every part of the routes.

    The work of a part is that of `known` (by `item/department`, then `item`, then department), else
    log-normal with a mean of `share` of the promise and a coefficient of variation of `spread`.
    """
    parts = {
        part_key(part): part for route in routes for step in route.steps for part in step.parts
    }
    departments = sorted({part.department for part in parts.values()})
    usual = {
        key: around(share * promised_hours(part, day_s), spread) for key, part in parts.items()
    }
    return Assumptions(
        officers={code: officers.get(code, officers_otherwise) for code in departments},
        hours={key: _known(part, known) or usual[key] for key, part in parts.items()},
    )


def _known(part: RoutePart, known: Mapping[str, Times]) -> Times | None:
    names = (part_key(part), part.item, part.department)
    return next((known[name] for name in names if name in known), None)


def promised_hours(part: RoutePart, day_s: int) -> float:
    """Return the working hours that a part's promise amounts to."""
    days = part.promised.value
    if part.promised.unit is Unit.CALENDAR_DAY:
        return max(days * CALENDAR_DAYS_WORKED * day_s / HOUR_S, ON_THE_SPOT_H)
    return max(days * day_s / HOUR_S, ON_THE_SPOT_H)


def capacity(route: Route, assumed: Assumptions, day_s: int) -> tuple[float, str]:
    """Return how many applications a day the departments can take, and which can take least."""
    hours: dict[str, float] = {}
    for step in route.steps:
        for part in step.parts:
            needed = assumed.hours[part_key(part)].mean
            hours[part.department] = hours.get(part.department, 0.0) + needed
    a_day = {
        code: assumed.officers[code] * day_s / HOUR_S / needed
        for code, needed in hours.items()
        if needed > 0
    }
    return min((found, code) for code, found in a_day.items())


def arrivals(count: int, per_day: float, seed: int, day_s: int) -> Sequence[int]:
    """Return the places at which `count` investors come, by chance, `per_day` on the average."""
    place, found = 0.0, []
    for number in range(count):
        place -= math.log1p(-Chance(seed, number)("arrival")) * day_s / per_day
        found.append(round(place))
    return found
