"""Small catalogues and calendars for tests; nothing here is read from a file.

`catalogue()` is a county of four departments and six items: B after A, C and D merged (with a
consulted unit), E on the side, F only for large projects. Every part can be replaced.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from services.contracts.vocabulary import Unit
from services.domain.calendar import WorkingCalendar, YearDays
from services.domain.catalogue import (
    Basis,
    Catalogue,
    Consulted,
    Fee,
    Group,
    Item,
    ItemKind,
    Limit,
    Name,
    Prerequisites,
    Rectification,
    ResultDocument,
    Scenario,
    StatutoryLimit,
)
from services.domain.plan import Plan
from services.domain.planner import plan
from services.domain.route import Budget

BASIS = Basis(law="行政许可法", article="42")
START = date(2026, 3, 2)


def name(text: str) -> Name:
    return Name(zh=text, en=text)


def days(value: int, unit: Unit = Unit.WORKING_DAY) -> Limit:
    return Limit(value=value, unit=unit)


def calendar(version: str = "test") -> WorkingCalendar:
    """2026 with its National Day holiday and one make-up day; every other year is provisional."""
    off = {date(2026, 10, day): "国庆节" for day in range(1, 8)}
    work = {date(2026, 10, 10): "国庆节"}
    year = YearDays(year=2026, off=off, work=work, source="国务院办公厅通知")
    return WorkingCalendar(version=version, years=(year,))


CALENDAR = calendar()


def due_by_hand(limit: Limit | Budget, start: date) -> date:
    """The due date counted day by day, with nothing but the calendar's `is_working`."""
    day, left = start, limit.value
    while left:
        day += timedelta(days=1)
        left -= limit.unit is Unit.CALENDAR_DAY or CALENDAR.is_working(day)
    while not CALENDAR.is_working(day):
        day += timedelta(days=1)
    return day


def item(
    code: str,
    department: str = "planning",
    *,
    statutory: int | Limit | None = 20,
    promised: int | Limit = 6,
    after: Iterable[str] = (),
    any_of: Iterable[tuple[str, ...]] = (),
    on_trust: Iterable[str] = (),
    **fields: Any,
) -> Item:
    """An item of 20 working days by law, 6 by promise, unless said otherwise."""
    law = days(statutory) if isinstance(statutory, int) else statutory
    given: dict[str, Any] = {
        "name": name(code),
        "stage": "first",
        "kind": ItemKind.PERMIT,
        "legal_basis": (BASIS,),
        "promised_basis": BASIS,
        "fee": Fee(free=BASIS),
        "result": ResultDocument(name=name(f"{code}-result")),
        "applies_when": "True",
        "prerequisites": Prerequisites(
            all_of=tuple(after), any_of=tuple(any_of), on_trust=tuple(on_trust)
        ),
    }
    return Item(
        code=code,
        department=department,
        statutory=StatutoryLimit(limit=law, basis=BASIS) if law else None,
        promised=days(promised) if isinstance(promised, int) else promised,
        **(given | fields),
    )


def group(
    code: str = "joint", *, lead: str = "planning", budget: int | Limit = 5, **fields: Any
) -> Group:
    """A joint drawing review of 5 working days led by planning."""
    return Group(
        code=code,
        name=name(code),
        procedure="joint_drawing_review",
        lead=lead,
        budget=days(budget) if isinstance(budget, int) else budget,
        **({"basis": BASIS} | fields),
    )


def rectification(value: int = 3, rounds: int = 1) -> Rectification:
    return Rectification(limit=days(value), rounds=rounds, basis=BASIS)


def scenario(items: Iterable[str], **fields: Any) -> Scenario:
    """A scenario that asks for the floor area and whether the project is large."""
    given: dict[str, Any] = {
        "code": "plant",
        "name": name("plant"),
        "description": name("a plant"),
        "questions": ({"question": "floor_area"}, {"question": "is_large"}),
        "example": {"floor_area": 1200, "is_large": True},
    }
    return Scenario(items=tuple(items), **(given | fields))


def six_items() -> tuple[Item, ...]:
    return (
        item("A-FILING", "planning", statutory=9, promised=3),
        item("B-PERMIT", "planning", after=("A-FILING",)),
        item("C-FIRE", "fire", after=("A-FILING",), group="joint", statutory=15, promised=4),
        item("D-DRAWING", "housing", after=("A-FILING",), group="joint"),
        item("E-WATER", "water", statutory=None, promised=2),
        item("F-LARGE", "water", applies_when="is_large and floor_area >= 1000", promised=5),
    )


def catalogue(
    *,
    items: Iterable[Item] | None = None,
    groups: Iterable[Group] | None = None,
    scenarios: Iterable[Scenario] | None = None,
    county: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Catalogue:
    """A whole catalogue; by default six items in one scenario `plant`."""
    chosen = six_items() if items is None else tuple(items)
    if groups is None:
        groups = (group(consulted=(Consulted(department="water"),), rectification=rectification()),)
    if scenarios is None:
        scenarios = (scenario(entry.code for entry in chosen),)
    head: dict[str, Any] = {
        "code": "LS",
        "name": name("county"),
        "version": "2026.1",
        "effective_from": date(2026, 1, 1),
        "stages": ({"code": "first", "name": name("first")},),
    }
    given: dict[str, Any] = {
        "departments": tuple(
            {"code": code, "name": name(code)} for code in ("fire", "housing", "planning", "water")
        ),
        "materials": (),
        "fees": (),
        "questions": (
            {
                "id": "floor_area",
                "text": Name(zh="总建筑面积", en="Total floor area"),
                "type": "number",
                "minimum": 0,
                "maximum": 1_000_000,
                "unit": "m2",
            },
            {"id": "is_large", "text": Name(zh="是否大型", en="Is it large"), "type": "boolean"},
        ),
    }
    return Catalogue(
        county=head | dict(county or {}),
        items=chosen,
        groups=tuple(groups),
        scenarios=tuple(scenarios),
        **(given | fields),
    )


def of(items: Iterable[Item], **fields: Any) -> Catalogue:
    """A catalogue of these items and, unless given, no group."""
    return catalogue(items=items, **({"groups": ()} | fields))


ANSWERS: dict[str, bool | int | float | str] = {"floor_area": 1200, "is_large": True}


def planned(found: Catalogue, held: dict[str, str] | None = None, start: date = START) -> Plan:
    """The plan of the usual answers."""
    return plan(found, CALENDAR, "plant", ANSWERS, held or {}, start)
