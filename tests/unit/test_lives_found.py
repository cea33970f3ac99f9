"""What the lives have found, each in the fewest steps."""

from datetime import date, datetime, timedelta

import msgspec
from msgspec.structs import replace

from services.contracts.vocabulary import AcceptanceKind, Authority, Signal
from services.domain.approval import apply, begin
from services.domain.case import (
    Accepted,
    Case,
    ClockReached,
    Conclude,
    IssueTask,
    LiftSignal,
    RaiseSignal,
    Reprojected,
    Withdrawn,
)
from services.domain.examination import Accept, Received
from services.domain.later_events import AskPapers
from services.domain.limit_events import EndLimit, JointExtended, SentUp, SetLimit
from services.domain.route import (
    JointLimit,
    Route,
    RouteAcceptance,
    RouteLimit,
    RouteLimits,
    RoutePaper,
)
from services.orchestrator.converter import CONVERTER
from tests.unit.routes import CALENDAR, START, consult, days, decide, route, step, task

SECOND = timedelta(seconds=1)


def continued(case: Case) -> Case:
    """A case as a workflow that continued as new is given it."""
    converter = CONVERTER.payload_converter
    [found] = converter.from_payloads(converter.to_payloads([msgspec.to_builtins(case)]))
    return msgspec.convert(found, Case)


def local(day: int, hour: int = 10) -> datetime:
    """An hour of a day of January 2026, in Shanghai."""
    return START.replace(day=day, hour=hour - 8)


def limited(found: Route) -> Route:
    ten = RouteLimit(budget=days(10), article="43")
    joint = JointLimit(budget=days(10), article="42", extension=days(5))
    limits = RouteLimits(joint=joint, review=ten, delivery=ten, licences=("Z", "A"))
    return replace(found, edition=2, limits=limits)


def test_deadlines_of_one_instant_speak_in_one_order_wherever_the_state_came_from() -> None:
    """Else a workflow that continued as new could not be made again from its journal."""
    found = route(step(decide("Z", "d"), consult("Z", "a"), code="S"))
    case, _ = apply(begin(found, CALENDAR, START), Accepted(at=START))
    late = ClockReached(at=START + timedelta(days=10))
    _, commands = apply(case, late)
    assert len([one for one in commands if isinstance(one, RaiseSignal)]) > 2
    assert apply(continued(case), late)[1] == commands


def test_limits_end_in_one_order_wherever_the_state_came_from() -> None:
    found = limited(route(step(decide("Z", "z")), step(decide("A", "a"))))
    parts = [replace(p, authority=Authority.HIGHER_LEVEL) for s in found.steps for p in s.parts]
    steps = [replace(s, parts=(p,)) for s, p in zip(found.steps, parts, strict=True)]
    found = replace(found, steps=tuple(steps))
    case, _ = apply(begin(found, CALENDAR, START), Accepted(at=START))
    _, commands = apply(case, Withdrawn(at=START))
    assert len([one for one in commands if isinstance(one, EndLimit)]) == 3
    assert apply(continued(case), Withdrawn(at=START))[1] == commands


def test_what_goes_up_without_a_first_review_changes_nothing_that_no_journal_has() -> None:
    found = replace(route(step(decide("A", "d"))), edition=2)
    case, _ = apply(begin(found, CALENDAR, START), Accepted(at=START))
    after, commands = apply(case, SentUp(at=START, task=task("A", "d")))
    assert commands
    assert after.tasks == case.tasks


def test_an_extension_is_told_also_where_it_takes_effect_later() -> None:
    """Approved while papers are awaited: the days waited move the end behind the approval."""
    paper = RoutePaper(material="drawings", items=("A",))
    found = limited(route(replace(step(decide("A", "d")), papers=(paper,)), step(decide("Z", "z"))))
    case, _ = apply(begin(found, CALENDAR, START), Accepted(at=START))
    last = case.limits["joint"].due_at
    extended = JointExtended(
        at=last + timedelta(hours=1),
        ref="x",
        budget=days(5),
        approver="government_head",
        article="行政许可法 42(2)",
    )
    case, commands = apply(case, extended)
    [told] = [one for one in commands if isinstance(one, SetLimit)]
    assert (told.due_at, told.before) == (last, last)
    assert len(told.ledger.extensions) == 1
    _, again = apply(case, extended)
    assert not [one for one in again if isinstance(one, SetLimit)]


def test_a_notice_may_leave_no_day_for_a_warning_that_was_given() -> None:
    """The day of the issue turns out to be a holiday: the day before it is too early to warn."""
    found = route(step(decide("A", "d", promised=1)))
    case, _ = apply(begin(found, CALENDAR, local(7)), Accepted(at=local(7)))
    case, commands = apply(case, ClockReached(at=local(7, 18)))
    assert [c.signal for c in commands if isinstance(c, RaiseSignal)] == [Signal.WARNING]
    year = CALENDAR.years[0]
    notice = replace(
        CALENDAR,
        version="notice",
        years=(replace(year, off=year.off | {date(2026, 1, 7): "x"}),),
    )
    case, commands = apply(case, Reprojected(at=local(7, 18), calendar=notice))
    assert [c.signal for c in commands if isinstance(c, LiftSignal)] == [Signal.WARNING]
    assert case.tasks["A/d"].signals == ()


def test_the_term_of_a_later_paper_runs_from_the_day_on_which_it_is_asked_for() -> None:
    """Also where the acceptance counts from the day of receipt, because departments were silent."""
    paper = RoutePaper(material="drawings", items=("A",), term=days(2))
    found = replace(
        route(replace(step(decide("A", "d")), papers=(paper,))),
        edition=2,
        acceptance=RouteAcceptance(
            departments=("d",), uses={}, budget=days(5), article="行政许可法 32(4)"
        ),
    )
    case, _ = apply(begin(found, CALENDAR, START), Received(at=START))
    assert case.examination is not None
    over = case.examination.notice_until + SECOND
    case, commands = apply(case, ClockReached(at=over))
    [accepted] = [one for one in commands if isinstance(one, Accept)]
    [asked] = [one for one in commands if isinstance(one, AskPapers)]
    assert accepted.kind is AcceptanceKind.DEEMED
    assert asked.awaited.since == CALENDAR.local_date(over)
    assert not [one for one in commands if isinstance(one, Conclude | IssueTask)]
    assert case.conclusion is None
