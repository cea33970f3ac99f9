"""Routes for whole lives: any route, with a lead, limits from receipt, and departments that look.

A department with an `x` in its code, and the consulted unit `c1`, have software of their own.
"""

from datetime import timedelta

from hypothesis import strategies as st
from msgspec.structs import replace

from services.contracts.vocabulary import Authority, LimitStart, Part
from services.domain.route import (
    EDITION,
    JointLimit,
    Route,
    RouteAcceptance,
    RouteLimit,
    RouteLimits,
    RoutePaper,
    RoutePart,
    RouteStep,
)
from tests.unit.routes import CALENDAR, START, days, renew, routes


def is_own(department: str) -> bool:
    """Whether a department of these routes writes with software of its own."""
    return "x" in department or department == "c1"


@st.composite
def life_routes(draw: st.DrawFn) -> Route:
    """Any route of `routes`, more often than not examined by its departments before it begins."""
    found = draw(routes(most_steps=4))
    codes = [step.code for step in found.steps]
    receipt, papers = draw(st.sets(st.sampled_from(codes))), draw(st.sets(st.sampled_from(codes)))
    steps = [_as_from_receipt(step) if step.code in receipt else step for step in found.steps]
    for place, step in enumerate(steps):
        term = draw(st.none() | st.integers(0, 4)) if step.code in papers else None
        paper = RoutePaper(
            material=f"p-{step.code}",
            items=(step.parts[0].item,),
            term=None if term is None else days(term),
        )
        steps[place] = replace(
            step,
            lead=step.parts[0].department,
            papers=(paper,) if step.code in papers else (),
        )
    steps += draw(_renewals())
    found = replace(found, steps=tuple(steps), edition=EDITION, limits=draw(_limits(steps)))
    if draw(st.integers(0, 3)) == 0:
        return found
    deciding = sorted({p.department for s in steps for p in s.parts if p.part is Part.DECIDE})
    users = st.lists(st.sampled_from(deciding), unique=True, max_size=3).map(tuple)
    return replace(
        found,
        acceptance=RouteAcceptance(
            departments=tuple(deciding),
            uses={f"m{n}": draw(users) for n in range(3)},
            budget=days(5),
            article="行政许可法 32(4)",
        ),
    )


@st.composite
def _renewals(draw: st.DrawFn) -> list[RouteStep]:
    """Sometimes a permit to be renewed, which expires in the course of the life or has already."""
    if draw(st.booleans()):
        return []
    expires_on = CALENDAR.local_date(START) + timedelta(days=draw(st.integers(-1, 25)))
    return [RouteStep(code="RENEWED", parts=(renew("RENEWED", "dr", expires_on),))]


@st.composite
def _limits(draw: st.DrawFn, steps: list[RouteStep]) -> RouteLimits | None:
    """The limits of the law beside those of the tasks, in small figures."""
    if draw(st.booleans()):
        return None
    items = [part.item for step in steps for part in step.parts]
    return RouteLimits(
        joint=JointLimit(budget=days(draw(st.integers(1, 20))), article="42", extension=days(5)),
        review=RouteLimit(budget=days(draw(st.integers(1, 4))), article="43"),
        delivery=RouteLimit(budget=days(draw(st.integers(1, 4))), article="44"),
        licences=tuple(sorted(draw(st.sets(st.sampled_from(items))))),
    )


def _as_from_receipt(step: RouteStep) -> RouteStep:
    return replace(step, parts=tuple(_from_receipt(part) for part in step.parts))


def _from_receipt(part: RoutePart) -> RoutePart:
    if part.statute is None:
        return part
    statute = replace(part.statute, start=LimitStart.RECEIPT)
    return replace(part, statute=statute, authority=Authority.HIGHER_LEVEL)
