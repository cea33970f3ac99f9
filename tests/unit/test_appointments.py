"""What the applicant may answer about a session's time: until when, and which other times."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.domain.appointments import MOST_SLOTS, answer_until, slots, still_possible
from services.domain.calendar import ZONE
from services.domain.sessions import Interval, Member, Officer, Round, Wanted
from tests.unit.routes import CALENDAR

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 3, 2, 1, tzinfo=UTC)
"""Nine in the county; business is from nine to five."""
FRIDAY_NIGHT = MONDAY + 4 * DAY + 8 * HOUR
FORTNIGHT = MONDAY + 11 * DAY + 8 * HOUR
CURRENT = Interval(start=MONDAY + 2 * DAY + HOUR, end=MONDAY + 2 * DAY + 3 * HOUR)


def asked(*members: Member, busy: dict[str, tuple[Interval, ...]] | None = None) -> Round:
    """A session of two hours on Wednesday morning, to be timed anew on Monday at nine."""
    wanted = Wanted(
        key="a/s",
        length=CURRENT.end - CURRENT.start,
        travel=HOUR / 2,
        earliest=MONDAY,
        latest=FORTNIGHT,
        members=members,
    )
    refs = [ref for member in members for ref in member.officers]
    officers = {ref: Officer(ref=ref, busy=(busy or {}).get(ref, ())) for ref in refs}
    return Round(wanted=(wanted,), officers=officers, calendar=CALENDAR)


def member(*officers: str, until: datetime | None = FRIDAY_NIGHT) -> Member:
    return Member(
        department=officers[0][0], needed=len(officers), officers=tuple(officers), until=until
    )


def offered(round_: Round, now: datetime = MONDAY) -> tuple[Interval, ...]:
    return slots(round_, round_.wanted[0], CURRENT, now)


def test_it_can_be_answered_until_the_same_hour_of_the_working_day_before() -> None:
    assert answer_until(CALENDAR, CURRENT.start) == CURRENT.start - DAY
    assert answer_until(CALENDAR, MONDAY) == MONDAY - 3 * DAY, "from Monday back to Friday"


def test_other_half_days_inside_the_shortest_clock_are_offered() -> None:
    found = offered(asked(member("a1", "a2"), member("b1", until=FORTNIGHT)))
    starts = [one.start.astimezone(ZONE).strftime("%a %H:%M") for one in found]
    # Half an hour of way; no time on Tuesday leaves a whole working day's notice but after nine.
    assert starts == [
        *("Tue 09:30", "Tue 12:00", "Wed 12:00", "Thu 09:30", "Thu 12:00", "Fri 09:30")
    ]


def test_nobody_waits_for_a_late_department_any_longer() -> None:
    round_ = asked(member("a1"), member("b1", until=None))
    assert offered(round_) == ()
    late = Interval(start=CURRENT.start + DAY, end=CURRENT.end + DAY)
    assert not still_possible(round_, round_.wanted[0], late, MONDAY)


def test_a_time_that_was_taken_meanwhile_is_not_possible_any_more() -> None:
    free = asked(member("a1", "a2"))
    [first, *_] = offered(free)
    assert still_possible(free, free.wanted[0], first, MONDAY)
    taken = asked(member("a1", "a2"), busy={"a2": (first,)})
    assert not still_possible(taken, taken.wanted[0], first, MONDAY)


def test_an_answer_that_was_long_on_its_way_leaves_the_officers_their_notice() -> None:
    round_ = asked(member("a1", "a2"))
    time = Interval(start=CURRENT.start + DAY, end=CURRENT.end + DAY)
    notice = answer_until(CALENDAR, time.start)
    assert still_possible(round_, round_.wanted[0], time, notice - timedelta(seconds=1))
    assert not still_possible(round_, round_.wanted[0], time, notice)


hours = st.integers(min_value=0, max_value=11 * 24)


@settings(max_examples=150, deadline=None)
@given(
    untils=st.lists(hours, min_size=1, max_size=3),
    busy=st.lists(st.tuples(st.integers(0, 2), hours, st.integers(1, 30)), max_size=8),
    later=st.integers(0, 60),
)
def test_every_time_offered_can_be_held(
    untils: list[int], busy: list[tuple[int, int, int]], later: int
) -> None:
    now = MONDAY + later * HOUR
    taken: dict[str, tuple[Interval, ...]] = {}
    for who, start, length in busy:
        one = Interval(start=MONDAY + start * HOUR, end=MONDAY + (start + length) * HOUR)
        taken[f"{'abc'[who]}1"] = (*taken.get(f"{'abc'[who]}1", ()), one)
    members = [
        member(f"{name}1", until=MONDAY + hour * HOUR)
        for name, hour in zip("abc", untils, strict=False)
    ]
    round_ = asked(*members, busy=taken)
    found = offered(round_, now)
    assert len(found) <= MOST_SLOTS
    for time in found:
        assert not time.meets(CURRENT)
        assert answer_until(CALENDAR, time.start) > now
        assert all(one.until is not None and time.end <= one.until for one in members)
        block = Interval(start=time.start - HOUR / 2, end=time.end + HOUR / 2)
        assert not any(
            block.meets(one)
            for ref in taken
            for one in taken[ref]
            if ref[0] in "abc"[: len(members)]
        )
        assert still_possible(round_, round_.wanted[0], time, now)
