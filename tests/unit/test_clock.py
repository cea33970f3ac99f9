"""The clocks. Real time is a number that the tests move: nothing here sleeps."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.domain.calendar import ZONE
from services.runtime.calendar_files import load
from services.runtime.clock import (
    CHECK,
    LEASE,
    SECOND,
    Clock,
    ClockError,
    ManualClock,
    Scale,
    State,
    SystemClock,
    WorkingClock,
    read,
    start_or_resume,
    stop,
    touch,
)

CALENDAR = load(Path(__file__).parents[2] / "deploy" / "calendar")
HOUR = timedelta(hours=1)


class Real:
    """Real time, moved by hand: seconds since an arbitrary start."""

    def __init__(self) -> None:
        self.ns = 1_800_000_000 * SECOND

    def __call__(self) -> int:
        return self.ns

    def wait(self, seconds: float) -> None:
        self.ns += round(seconds * SECOND)


class Stack:
    """A stack with its supervisor, and readers in other processes."""

    def __init__(self, folder: Path, seconds: float = 1.0) -> None:
        self.path = folder / "data" / "clock.json"
        self.real = Real()
        self.seconds = seconds
        self.first = local(2026, 9, 18, 13)  # a Friday; Sunday 20 September is worked

    def up(self, seconds: float | None = None) -> WorkingClock:
        return start_or_resume(
            self.path, seconds or self.seconds, self.first, CALENDAR, real=self.real
        )

    def reader(self) -> WorkingClock:
        return read(self.path, CALENDAR, real=self.real)

    def run(self, seconds: float) -> None:
        """Let time pass with the supervisor at work."""
        while seconds > 0:
            step = min(1.0, seconds)
            self.real.wait(step)
            touch(self.path, real=self.real)
            seconds -= step

    def stop(self) -> None:
        stop(self.path, real=self.real)
        self.real.wait(CHECK / SECOND)


def local(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path)


# What the working clock shows


def test_a_working_day_lasts_what_it_is_set_to(stack: Stack) -> None:
    found = stack.up(2.0)
    assert found.now() == local(2026, 9, 18, 13)
    stack.run(0.5)
    assert found.now() == local(2026, 9, 18, 15)
    assert found.seconds_per_working_day == 2.0
    assert found.now().tzinfo is UTC


def test_nights_weekends_and_holidays_take_no_time(stack: Stack) -> None:
    found = stack.up()
    stack.run(0.5)  # the rest of Friday
    assert found.now() == local(2026, 9, 20, 9)
    stack.run(5)  # 20-24 September; 25-27 are free
    assert found.now() == local(2026, 9, 28, 9)
    stack.run(3)  # 28-30 September; 1-7 October are free
    assert found.now() == local(2026, 10, 8, 9)


@pytest.mark.parametrize(
    ("first", "shown"),
    [
        (local(2026, 9, 18, 6), local(2026, 9, 18, 9)),
        (local(2026, 9, 18, 17), local(2026, 9, 20, 9)),
        (local(2026, 10, 1, 12), local(2026, 10, 8, 9)),
    ],
)
def test_out_of_hours_it_starts_when_business_next_opens(
    stack: Stack, first: datetime, shown: datetime
) -> None:
    stack.first = first
    assert stack.up().now() == shown


@settings(max_examples=300, deadline=None)
@given(
    st.integers(SECOND // 100, 3600 * SECOND),
    st.integers(0, 364 * 24 * 3600),
    st.integers(0, 400 * 24 * 3_600_000_000),
)
def test_the_delay_is_the_exact_inverse(day_ns: int, first_s: int, ahead_us: int) -> None:
    first = local(2026, 1, 1, 0) + timedelta(seconds=first_s)
    state = State(real_from_ns=0, business_from=first, day_ns=day_ns, counts_until_ns=0)
    scale = Scale(state, CALENDAR)
    until = scale.instant(0) + timedelta(microseconds=ahead_us)
    at = scale.position(until)
    assert at >= 0
    assert scale.instant(at) >= until
    if at:
        assert scale.instant(at - 1) < until
    day = CALENDAR.local_date(until)
    if CALENDAR.is_working(day) and CALENDAR.opening_of(day) <= until < CALENDAR.close_of(day):
        step = 8 * 3600 * 1_000_000 // day_ns + 1
        assert scale.instant(at) - until <= timedelta(microseconds=step)
    else:
        opening = CALENDAR.opening_of(CALENDAR.local_date(scale.instant(at)))
        assert scale.instant(at) == opening


def test_who_waits_for_the_delay_is_there(stack: Stack) -> None:
    found = stack.up()
    for until in (
        local(2026, 9, 18, 13, 7),
        CALENDAR.close_of(date(2026, 9, 23)),
        CALENDAR.close_of(date(2026, 9, 24)) + timedelta(seconds=1),
        local(2026, 10, 4, 12),
    ):
        delay = found.real_delay(until)
        assert delay > 0
        stack.run(delay)
        assert found.now() >= until
        assert found.now() - until < timedelta(milliseconds=1) or found.now() == min(
            CALENDAR.opening_of(day)
            for day in (date(2026, 9, 24), date(2026, 9, 28), date(2026, 10, 8))
            if CALENDAR.opening_of(day) >= until
        )
    assert found.real_delay(local(2026, 9, 18, 13)) == 0.0
    assert found.real_delay(found.now()) == 0.0


# Stopping, resuming, dying


def test_after_a_stop_it_stands_still_for_everybody(stack: Stack) -> None:
    stack.up()
    reader = stack.reader()
    stack.run(2.25)
    stack.stop()
    stood = reader.now()
    stack.real.wait(3600)
    assert reader.now() == stood
    assert stack.reader().now() == stood


def test_it_resumes_where_it_stopped_at_any_speed(stack: Stack) -> None:
    reader = stack.up()
    stack.run(2)
    stack.stop()
    stood = reader.now()
    stack.real.wait(3600)
    resumed = stack.up(4.0)
    assert resumed.now() == reader.now() == stood
    stack.run(1)
    assert resumed.now() == reader.now() == stood + 2 * HOUR
    assert reader.seconds_per_working_day == 4.0


def test_a_killed_stack_goes_on_from_where_its_last_touch_allowed(stack: Stack) -> None:
    orphan = stack.up()
    stack.run(5)
    last_touch = orphan.now()
    stack.real.wait(3600)  # kill -9: neither stop nor touch
    stood = orphan.now()
    assert stack.up().now() == stood
    assert (
        CALENDAR.working_days_between(CALENDAR.local_date(last_touch), CALENDAR.local_date(stood))
        == LEASE // SECOND
    )


def test_no_process_sees_time_go_back_and_a_resumed_one_is_never_behind(stack: Stack) -> None:
    """Whatever order of running, stopping, killing and reading, and however stale a reader."""
    readers = {0: stack.up()}
    seen = {0: readers[0].now()}
    for number in range(1, 200):
        stack.run(0.13 * (number % 7))
        if number % 5 == 0:
            stop(stack.path, real=stack.real)
        stack.real.wait(0.05 * (number % 9) * (1 + number % 4))
        for name, reader in readers.items():
            now = reader.now()
            assert now >= seen[name]
            seen[name] = now
        stack.real.wait(0.01 * (number % 19))
        if number % 4 == 0:
            readers[number] = stack.up(0.5 + number % 3)
            seen[number] = readers[number].now()
            assert seen[number] >= max(seen.values())
        if number % 10 == 0:
            stack.real.wait(CHECK / SECOND)
            assert len({reader.now() for reader in readers.values()}) == 1


def test_a_machine_that_slept_does_not_skip_the_time(stack: Stack) -> None:
    found = stack.up()
    stack.run(1)
    stack.real.wait(8 * 3600)
    slept = found.now()
    touch(stack.path, real=stack.real)
    stack.real.wait(CHECK / SECOND)
    assert slept <= found.now() < slept + 2 * HOUR
    stack.run(1)
    assert found.now() > slept + 2 * HOUR


def test_it_does_not_go_back_when_the_machine_is_set_back(stack: Stack) -> None:
    found = stack.up()
    stack.run(4)
    before = found.now()
    stack.real.wait(-3600)
    assert found.now() == before
    touch(stack.path, real=stack.real)
    stack.real.wait(0.5)
    assert found.now() > before
    stack.real.wait(-3600)
    assert stack.up().now() >= before


def test_readers_learn_of_a_change_within_a_fifth_of_a_second(stack: Stack) -> None:
    reader = stack.up()
    stack.run(1)
    other = stack.up(10.0)
    stack.real.wait(CHECK / SECOND)
    assert reader.now() == other.now()


# Faults


@pytest.mark.parametrize("seconds", [0.0, -1.0, 0.001, 100_000.0, float("nan")])
def test_a_day_of_nonsense_length_is_refused(stack: Stack, seconds: float) -> None:
    with pytest.raises(ClockError, match="makes no sense"):
        start_or_resume(stack.path, seconds, stack.first, CALENDAR)


def test_a_missing_or_broken_file_is_one_sentence(stack: Stack) -> None:
    for act in (stack.reader, stack.stop, lambda: touch(stack.path)):
        with pytest.raises(ClockError, match=r"clock\.json"):
            act()
    stack.up()
    stack.path.write_text("{", encoding="utf-8")
    with pytest.raises(ClockError, match="is not the state"):
        stack.reader()
    with pytest.raises(ClockError, match="cannot be read"):
        read(stack.path.parent, CALENDAR)


def test_the_file_is_replaced_in_one_piece(stack: Stack) -> None:
    stack.up()
    stack.run(3)
    assert [file.name for file in stack.path.parent.iterdir()] == ["clock.json"]


# The other clocks


def test_the_system_clock_is_real_time() -> None:
    system = SystemClock()
    before = datetime.now(UTC)
    now = system.now()
    assert before <= now <= datetime.now(UTC)
    assert 3500 < system.real_delay(now + HOUR) <= 3600
    assert system.real_delay(now - HOUR) == 0.0


def test_the_manual_clock_moves_forward_only() -> None:
    manual = ManualClock(local(2026, 3, 9, 9))
    assert manual.real_delay(local(2026, 3, 9, 10)) == 3600.0
    manual.advance(2 * HOUR)
    assert manual.now() == local(2026, 3, 9, 11)
    assert manual.real_delay(local(2026, 3, 9, 10)) == 0.0
    with pytest.raises(ValueError, match="cannot go back"):
        manual.move_to(local(2026, 3, 9, 10))


def test_every_clock_is_a_clock(stack: Stack) -> None:
    clocks: list[Clock] = [SystemClock(), ManualClock(stack.first), stack.up()]
    assert all(each.now().utcoffset() == timedelta(0) for each in clocks)
