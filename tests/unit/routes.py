"""Routes for tests: by hand, and as hypothesis strategies."""

from datetime import UTC, date, datetime

from hypothesis import strategies as st
from msgspec.structs import replace

from services.contracts.vocabulary import LimitStart, Part, Silence, Unit
from services.domain.calendar import WorkingCalendar, YearDays
from services.domain.route import (
    EDITION,
    Budget,
    Route,
    RoutePart,
    RouteRectification,
    RouteStep,
    Statute,
)

NUMBER = "MX20260105-000001-1"
START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
CALENDAR = WorkingCalendar(
    version="test",
    years=(
        YearDays(
            year=2026,
            off={date(2026, 1, 1): "new year", date(2026, 2, 16): "spring festival"},
            work={date(2026, 1, 10): "make-up"},
            source="test",
        ),
    ),
)


def days(value: int, unit: Unit = Unit.WORKING_DAY) -> Budget:
    return Budget(value=value, unit=unit)


def decide(
    item: str, department: str, *requires: str, promised: int = 3, unit: Unit = Unit.WORKING_DAY
) -> RoutePart:
    statute = Statute(
        budget=days(promised * 3 + 1, unit), start=LimitStart.ACCEPTANCE, article="行政许可法 42"
    )
    return RoutePart(
        item=item,
        department=department,
        part=Part.DECIDE,
        promised=days(promised, unit),
        statute=statute,
        requires=requires,
    )


def consult(
    item: str, department: str, silence: Silence = Silence.NO_OBJECTION, promised: int = 3
) -> RoutePart:
    return RoutePart(
        item=item,
        department=department,
        part=Part.CONSULT,
        promised=days(promised),
        silence=silence,
    )


def renew(item: str, department: str, expires_on: date, promised: int = 3) -> RoutePart:
    """The decision on a renewal: silence until the permit expires renews it."""
    return replace(
        decide(item, department, promised=promised),
        silence=Silence.RENEWED,
        expires_at=CALENDAR.close_of(expires_on),
    )


def step(*parts: RoutePart, code: str = "", rounds: int = 0, rectify: int = 3) -> RouteStep:
    return RouteStep(
        code=code or parts[0].item,
        parts=parts,
        group=code or None,
        rectification=RouteRectification(budget=days(rectify), rounds=rounds) if rounds else None,
    )


def route(*steps: RouteStep, promised_days: int = 20, edition: int = EDITION) -> Route:
    start = CALENDAR.local_date(START)
    promised_on = CALENDAR.add_working_days(start, promised_days)
    return Route(
        application=NUMBER,
        start=start,
        promised_at=CALENDAR.close_of(promised_on),
        promised_days=promised_days,
        catalogue_version="1",
        calendar_version=CALENDAR.version,
        plan_digest="0" * 64,
        steps=steps,
        edition=edition,
    )


def task(item: str, department: str, round_: int = 1) -> str:
    return f"{NUMBER}/{item}/{department}/{round_}"


@st.composite
def routes(draw: st.DrawFn, most_steps: int = 6) -> Route:
    """Any route of up to so many steps: every item requires items of earlier steps only."""
    made: list[RouteStep] = []
    earlier: list[str] = []
    for number in range(draw(st.integers(1, most_steps))):
        items = [f"I{number}{letter}" for letter in "abc"[: draw(st.integers(1, 3))]]
        parts: list[RoutePart] = []
        for place, item in enumerate(items):
            requires = (
                draw(st.lists(st.sampled_from(earlier), unique=True, max_size=2))
                if (earlier)
                else []
            )
            unit = draw(st.sampled_from(Unit))
            promised = draw(st.integers(0, 6))
            parts.append(decide(item, f"d{place}", *requires, promised=promised, unit=unit))
            if draw(st.booleans()):
                parts.append(decide(item, f"d{place}x", *requires, promised=promised, unit=unit))
        for unit_number in range(draw(st.integers(0, 2))):
            silence = draw(st.sampled_from((Silence.NONE, Silence.NO_OBJECTION)))
            parts.append(consult(items[0], f"c{unit_number}", silence))
        rounds = draw(st.integers(0, 2))
        made.append(step(*parts, code=f"S{number}", rounds=rounds, rectify=draw(st.integers(1, 4))))
        earlier += items
    edition = draw(st.sampled_from((EDITION, 1)))
    return route(*made, promised_days=draw(st.integers(1, 30)), edition=edition)
