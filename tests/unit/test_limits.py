"""Time limits: by example, article by article, and against an oracle written another way."""

import json
import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.cli import build
from services.contracts.vocabulary import PauseKind, Unit
from services.domain.calendar import WorkingCalendar
from services.domain.catalogue import Uncounted
from services.domain.limits import (
    EMPTY,
    PAUSE_ZH,
    DayLine,
    Extension,
    Ledger,
    LimitSuspendedError,
    Pause,
    due_on,
    explain,
    is_provisional,
    warn_on,
)
from services.domain.route import Budget
from services.runtime.calendar_files import load
from tests.unit.oracle_days import expected, paused_days, worked_days

DEPLOY = Path(__file__).parents[2] / "deploy" / "calendar"
CALENDAR = load(DEPLOY)
EXAMPLES = int(os.environ.get("LIANSHEN_TEST_EXAMPLES", "300"))
LAST = date(2031, 12, 31)
WORKED = worked_days(CALENDAR, date(2023, 1, 1), LAST)
DAY = timedelta(days=1)


def working(value: int) -> Budget:
    return Budget(value=value, unit=Unit.WORKING_DAY)


def calendar_days(value: int) -> Budget:
    return Budget(value=value, unit=Unit.CALENDAR_DAY)


def pause(
    from_on: date,
    until_on: date | None,
    *,
    cap: Budget | None = None,
    notice: str | None = "甲〔2026〕1号",
    kind: PauseKind = PauseKind.EXPERT_REVIEW,
) -> Pause:
    return Pause(
        kind=kind, from_on=from_on, until_on=until_on, cap=cap, notice=notice, article="消防法 11"
    )


def extension(budget: Budget, on: date) -> Extension:
    return Extension(budget=budget, approver="department_head", article="行政许可法 42", on=on)


def counted(lines: tuple[DayLine, ...]) -> list[date]:
    return [line.day for line in lines if line.counted]


def line_of(lines: tuple[DayLine, ...], day: date) -> DayLine:
    return next(line for line in lines if line.day == day)


# Budgets


@pytest.mark.parametrize(
    ("budget", "start", "due"),
    [
        # A plain week; the day of the starting act is not counted.
        (working(5), date(2026, 3, 9), date(2026, 3, 16)),
        (working(1), date(2026, 3, 9), date(2026, 3, 10)),
        # A start on a free day.
        (working(1), date(2026, 3, 7), date(2026, 3, 9)),
        # National Day 2026: 20 September and 10 October are worked, 25-27 and 1-7 are free.
        (working(1), date(2026, 9, 18), date(2026, 9, 20)),
        (working(20), date(2026, 9, 18), date(2026, 10, 22)),
        (working(3), date(2026, 9, 30), date(2026, 10, 10)),
        # Decided on the spot.
        (working(0), date(2026, 3, 9), date(2026, 3, 9)),
        (working(0), date(2026, 10, 1), date(2026, 10, 8)),
        (calendar_days(0), date(2026, 3, 9), date(2026, 3, 9)),
        # Calendar days run through holidays; the last day moves past them (民法典 203).
        (calendar_days(7), date(2026, 3, 9), date(2026, 3, 16)),
        (calendar_days(5), date(2026, 3, 9), date(2026, 3, 16)),
        (calendar_days(7), date(2026, 9, 24), date(2026, 10, 8)),
        # The last day is a make-up Saturday: it stays.
        (calendar_days(12), date(2026, 9, 28), date(2026, 10, 10)),
        # Across the last published year: weekends only.
        (working(3), date(2026, 12, 30), date(2027, 1, 4)),
    ],
)
def test_the_last_day_of_a_limit(budget: Budget, start: date, due: date) -> None:
    assert due_on(budget, start, CALENDAR) == due
    assert explain(budget, start, CALENDAR)[-1].day == due


def test_a_budget_cannot_be_negative() -> None:
    for ledger in (EMPTY, Ledger(extensions=(extension(working(1), date(2026, 3, 9)),))):
        with pytest.raises(ValueError, match="-1 days is negative"):
            due_on(calendar_days(-1), date(2026, 3, 9), CALENDAR, ledger)


def test_the_warning_comes_one_working_day_before() -> None:
    assert warn_on(date(2026, 10, 8), CALENDAR) == date(2026, 9, 30)
    assert warn_on(date(2026, 3, 10), CALENDAR) == date(2026, 3, 9)


def test_a_limit_is_provisional_when_it_reaches_an_unpublished_year() -> None:
    assert not is_provisional(date(2026, 12, 1), date(2026, 12, 31), CALENDAR)
    assert is_provisional(date(2026, 12, 30), date(2027, 1, 4), CALENDAR)
    assert is_provisional(date(2025, 12, 30), date(2027, 1, 4), CALENDAR)
    # The starting day itself is not counted and decides nothing.
    assert not is_provisional(date(2023, 12, 31), date(2024, 1, 2), CALENDAR)


# Explanations


def test_every_day_carries_its_reason_and_article() -> None:
    lines = explain(working(5), date(2026, 9, 18), CALENDAR)
    table = [(line.day.day, line.number, line.reason_en, line.article) for line in lines]
    assert table == [
        (18, None, "the day of the starting act is not counted", "民法典 201"),
        (19, None, "Saturday", "行政许可法 82"),
        (20, 1, "working day 1 (make-up working day, National Day)", "行政许可法 82"),
        (21, 2, "working day 2", ""),
        (22, 3, "working day 3", ""),
        (23, 4, "working day 4", ""),
        (24, 5, "working day 5; the last day", ""),
    ]
    assert [line.reason_zh for line in lines][:3] == [
        "起算行为当日不计",
        "周六",
        "第1个工作日（国庆节调休上班）",
    ]


def test_a_last_day_that_moves_says_why() -> None:
    lines = explain(calendar_days(7), date(2026, 9, 24), CALENDAR)
    assert len(counted(lines)) == 7
    moved = line_of(lines, date(2026, 10, 4))
    assert (moved.counted, moved.reason_en) == (
        False,
        "the last day moves on: holiday, National Day",
    )
    assert lines[-1].reason_zh == "期限届满（顺延至此）"
    assert lines[-1].article == "民法典 203"


def test_a_decision_on_the_spot_has_one_line() -> None:
    (line,) = explain(working(0), date(2026, 3, 9), CALENDAR)
    assert (line.reason_zh, line.reason_en, line.article) == ("当场办结", "decided on the spot", "")


def test_days_of_an_unpublished_year_are_marked() -> None:
    lines = explain(working(3), date(2026, 12, 30), CALENDAR)
    assert [(line.day.year, line.provisional) for line in lines] == [
        (2026, False),
        (2026, False),
        (2027, True),
        (2027, True),
        (2027, True),
        (2027, True),
    ]


# Pauses


def test_the_days_of_a_pause_are_not_counted_first_and_last_included() -> None:
    ledger = Ledger(pauses=(pause(date(2026, 3, 11), date(2026, 3, 13)),))
    lines = explain(working(5), date(2026, 3, 9), CALENDAR, ledger)
    assert counted(lines) == [date(2026, 3, d) for d in (10, 16, 17, 18, 19)]
    told = line_of(lines, date(2026, 3, 11))
    assert told.reason_zh == "专家评审期间，依书面通知甲〔2026〕1号不计"
    assert told.article == "消防法 11"
    assert due_on(working(5), date(2026, 3, 9), CALENDAR, ledger) == date(2026, 3, 19)


def test_a_pause_of_one_day_moves_a_limit_by_one_day() -> None:
    ledger = Ledger(pauses=(pause(date(2026, 3, 11), date(2026, 3, 11)),))
    assert due_on(working(5), date(2026, 3, 9), CALENDAR, ledger) == date(2026, 3, 17)


def test_a_pause_on_the_last_day_moves_it() -> None:
    ledger = Ledger(pauses=(pause(date(2026, 3, 16), date(2026, 3, 17)),))
    assert due_on(working(5), date(2026, 3, 9), CALENDAR, ledger) == date(2026, 3, 18)


def test_a_pause_after_the_last_day_changes_nothing() -> None:
    ledger = Ledger(pauses=(pause(date(2026, 3, 17), None),))
    assert due_on(working(5), date(2026, 3, 9), CALENDAR, ledger) == date(2026, 3, 16)


@pytest.mark.parametrize("notice", [None, "", "  "])
def test_a_pause_without_written_notice_does_not_stop_the_clock(notice: str | None) -> None:
    ledger = Ledger(pauses=(pause(date(2026, 3, 11), None, notice=notice, kind=PauseKind.HEARING),))
    lines = explain(working(5), date(2026, 3, 9), CALENDAR, ledger)
    assert lines[-1].day == date(2026, 3, 16)
    told = line_of(lines, date(2026, 3, 11))
    assert told.counted
    assert told.reason_zh == "第2个工作日；听证未书面告知，不停止计时"
    assert told.article == "行政许可法 45"
    assert "the clock runs on" not in line_of(lines, date(2026, 3, 10)).reason_en


def test_overlapping_pauses_take_a_day_out_once() -> None:
    ledger = Ledger(
        pauses=(
            pause(date(2026, 3, 11), date(2026, 3, 12)),
            pause(date(2026, 3, 12), date(2026, 3, 13), kind=PauseKind.HEARING),
        )
    )
    lines = explain(working(5), date(2026, 3, 9), CALENDAR, ledger)
    assert lines[-1].day == date(2026, 3, 19)
    assert line_of(lines, date(2026, 3, 12)).reason_en.startswith("expert review")


@pytest.mark.parametrize(
    ("cap", "due"),
    [
        # 11, 12, 13 and 16 March are the first four working days of the pause.
        (working(4), date(2026, 3, 20)),
        # Four calendar days end on Saturday 14 March.
        (calendar_days(4), date(2026, 3, 19)),
        (working(0), date(2026, 3, 16)),
        (calendar_days(0), date(2026, 3, 16)),
    ],
)
def test_a_cap_bounds_what_a_pause_takes_out(cap: Budget, due: date) -> None:
    ledger = Ledger(pauses=(pause(date(2026, 3, 11), None, cap=cap),))
    lines = explain(working(5), date(2026, 3, 9), CALENDAR, ledger)
    assert lines[-1].day == due
    assert lines[-1].reason_en.startswith(
        "working day 5; expert review has used up its cap: the clock runs on"
    )


def test_a_pause_that_ends_before_its_cap_ends_there() -> None:
    ledger = Ledger(pauses=(pause(date(2026, 3, 11), date(2026, 3, 11), cap=working(20)),))
    assert due_on(working(5), date(2026, 3, 9), CALENDAR, ledger) == date(2026, 3, 17)


def test_an_open_pause_without_cap_leaves_no_last_day() -> None:
    ledger = Ledger(pauses=(pause(date(2026, 3, 11), None),))
    with pytest.raises(LimitSuspendedError, match=r"expert review .* is open without a cap"):
        due_on(working(5), date(2026, 3, 9), CALENDAR, ledger)
    as_of = ledger.closed_on(date(2026, 3, 13))
    assert due_on(working(5), date(2026, 3, 9), CALENDAR, as_of) == date(2026, 3, 19)


def test_closing_open_pauses_leaves_the_closed_ones() -> None:
    closed = pause(date(2026, 3, 2), date(2026, 3, 4))
    ahead = pause(date(2026, 3, 20), None)
    ledger = Ledger(pauses=(closed, ahead)).closed_on(date(2026, 3, 13))
    assert ledger.pauses[0] == closed
    assert ledger.pauses[1].until_on == date(2026, 3, 20)


def test_a_pause_cannot_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="cannot end on"):
        pause(date(2026, 3, 11), date(2026, 3, 10))


def test_a_pause_also_moves_the_last_day_of_calendar_days() -> None:
    """The seventh day, Saturday 14 March, moves to Monday; a hearing takes Monday out."""
    ledger = Ledger(pauses=(pause(date(2026, 3, 16), date(2026, 3, 16), kind=PauseKind.HEARING),))
    lines = explain(calendar_days(5), date(2026, 3, 9), CALENDAR, ledger)
    assert [line.day.day for line in lines[-3:]] == [15, 16, 17]
    assert lines[-2].reason_en == "the last day moves on: hearing"


def test_every_uncounted_procedure_of_the_catalogue_can_be_a_pause() -> None:
    assert Uncounted.model_fields["procedure"].annotation is PauseKind
    assert set(PAUSE_ZH) == set(PauseKind)


# Extensions


def test_an_extension_adds_its_days_and_names_its_article() -> None:
    ledger = Ledger(extensions=(extension(working(10), date(2026, 3, 16)),))
    lines = explain(working(5), date(2026, 3, 9), CALENDAR, ledger)
    assert len(counted(lines)) == 15
    assert lines[-1].day == date(2026, 3, 30)
    assert line_of(lines, date(2026, 3, 16)).article == ""
    first = line_of(lines, date(2026, 3, 17))
    assert (first.number, first.article) == (6, "行政许可法 42")
    assert first.reason_en == "working day 6, extension approved on 2026-03-16"


def test_an_extension_approved_after_the_end_has_no_effect_and_is_told() -> None:
    ledger = Ledger(extensions=(extension(working(10), date(2026, 3, 17)),))
    lines = explain(working(5), date(2026, 3, 9), CALENDAR, ledger)
    assert lines[-1].day == date(2026, 3, 16)
    assert lines[-1].reason_en.endswith("approved on 2026-03-17 came too late and has no effect")


def test_an_extension_counts_in_its_own_unit() -> None:
    ledger = Ledger(extensions=(extension(calendar_days(10), date(2026, 3, 12)),))
    assert due_on(working(5), date(2026, 3, 9), CALENDAR, ledger) == date(2026, 3, 26)


def test_a_second_extension_follows_the_first_in_order_of_approval() -> None:
    second, first = (
        extension(working(2), date(2026, 3, 18)),
        extension(working(5), date(2026, 3, 9)),
    )
    ledger = Ledger(extensions=(second, first))
    assert due_on(working(5), date(2026, 3, 9), CALENDAR, ledger) == date(2026, 3, 25)
    alone = Ledger(extensions=(second,))
    assert due_on(working(5), date(2026, 3, 9), CALENDAR, alone) == date(2026, 3, 16)


# Against the oracle

DATES = st.dates(date(2024, 1, 1), date(2027, 6, 30))
BUDGETS = st.builds(
    Budget, value=st.integers(0, 45) | st.integers(0, 5), unit=st.sampled_from(Unit)
)


@st.composite
def ledgers(draw: st.DrawFn, start: date) -> Ledger:
    """Pauses (some open but capped, some without notice) and extensions near the limit."""
    near = st.integers(-10, 60).map(lambda n: start + n * DAY)
    pauses = []
    for _ in range(draw(st.integers(0, 4))):
        from_on = draw(near)
        length = draw(st.none() | st.integers(0, 30))
        cap = draw(BUDGETS if length is None else st.none() | BUDGETS)
        pauses.append(
            pause(
                from_on,
                None if length is None else from_on + length * DAY,
                cap=cap,
                notice=draw(st.sampled_from(["甲", "乙", "丙", None])),
                kind=draw(st.sampled_from(PauseKind)),
            )
        )
    made = st.builds(extension, BUDGETS, near)
    return Ledger(pauses=tuple(pauses), extensions=tuple(draw(st.lists(made, max_size=2))))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Budget, date, Ledger]:
    start = draw(DATES)
    return draw(BUDGETS), start, draw(ledgers(start))


def check(budget: Budget, start: date, ledger: Ledger, calendar: WorkingCalendar) -> None:
    lines = explain(budget, start, calendar, ledger)
    due, days = expected(budget, start, WORKED, ledger, start + 900 * DAY)
    assert due_on(budget, start, calendar, ledger) == due == lines[-1].day
    assert counted(lines) == days
    assert [line.number for line in lines if line.counted] == list(range(1, len(days) + 1))
    assert all(line.number is None for line in lines if not line.counted)
    assert [line.day for line in lines] == [start + n * DAY for n in range(len(lines))]
    assert all(line.reason_zh and line.reason_en for line in lines)
    paused: set[date] = set()
    for one in ledger.pauses:
        paused |= paused_days(one, WORKED, start + 900 * DAY)
    for line in lines[1:]:
        assert line.counted or line.article, line
        assert not (line.counted and line.day in paused)
        assert line.provisional is (line.day.year > 2026)


@settings(max_examples=EXAMPLES, deadline=None)
@given(cases())
@example(
    (working(0), date(2026, 10, 1), Ledger(pauses=(pause(date(2026, 10, 8), date(2026, 10, 9)),)))
)
def test_explain_equals_the_oracle(case: tuple[Budget, date, Ledger]) -> None:
    budget, start, ledger = case
    check(budget, start, ledger, CALENDAR)


@settings(max_examples=EXAMPLES, deadline=None)
@given(BUDGETS, DATES)
def test_the_short_way_equals_the_long_one(budget: Budget, start: date) -> None:
    """Without a ledger `due_on` does not walk the days."""
    check(budget, start, EMPTY, CALENDAR)


@settings(max_examples=EXAMPLES, deadline=None)
@given(cases(), st.integers(1, 10))
def test_more_budget_never_ends_earlier(case: tuple[Budget, date, Ledger], more: int) -> None:
    budget, start, ledger = case
    pauses = Ledger(pauses=ledger.pauses)
    longer = Budget(value=budget.value + more, unit=budget.unit)
    assert due_on(longer, start, CALENDAR, pauses) >= due_on(budget, start, CALENDAR, pauses)


@settings(max_examples=EXAMPLES, deadline=None)
@given(cases())
def test_a_pause_never_brings_the_end_forward(case: tuple[Budget, date, Ledger]) -> None:
    budget, start, ledger = case
    pauses = Ledger(pauses=ledger.pauses)
    assert due_on(budget, start, CALENDAR, pauses) >= due_on(budget, start, CALENDAR)


# Command line


def test_the_command_lists_the_days() -> None:
    run = CliRunner(env={"COLUMNS": "120"})
    arguments = ["deadline", "explain", "--days", "20", "--start", "2026-09-18"]
    done = run.invoke(build(), [*arguments, "--calendar", str(DEPLOY), "--lang", "en"])
    assert done.exit_code == 0
    assert "20 working days from 2026-09-18: due 2026-10-22" in done.stdout
    assert "holiday, National Day" in done.stdout
    chinese = run.invoke(build(), [*arguments, "--calendar", str(DEPLOY)])
    assert "国庆节放假" in chinese.stdout


def test_the_command_speaks_json() -> None:
    arguments = ["--days", "7", "--unit", "calendar_day", "--start", "2026-12-28", "--json"]
    done = CliRunner().invoke(
        build(), ["deadline", "explain", *arguments, "--calendar", str(DEPLOY)]
    )
    found = json.loads(done.stdout)
    assert (found["due"], found["warn_on"]) == ("2027-01-04", "2027-01-01")
    assert found["provisional"] is True
    assert found["calendar_version"] == CALENDAR.version
    assert len(found["days"]) == 8
    assert found["days"][0]["article"] == "民法典 201"


def test_the_command_refuses_in_one_sentence(tmp_path: Path) -> None:
    arguments = ["--days", "7", "--start", "2026-12-28", "--calendar", str(tmp_path)]
    done = CliRunner().invoke(build(), ["deadline", "explain", *arguments])
    assert done.exit_code == 1
    assert "no year is published here" in done.stderr


def test_the_command_counts_pauses_and_extensions() -> None:
    run = CliRunner(env={"COLUMNS": "140"})
    told = [
        "--pause",
        "expert_review:2026-03-04:2026-03-06:甲〔2026〕1号",
        "--extend",
        "2:2026-03-10",
    ]
    arguments = ["--days", "5", "--start", "2026-03-02", "--calendar", str(DEPLOY), "--lang", "en"]
    done = run.invoke(build(), ["deadline", "explain", *arguments, *told])
    assert done.exit_code == 0, done.output
    assert "due 2026-03-16" in done.stdout
    assert "not counted, by written notice 甲〔2026〕1号" in done.stdout
    unwritten = ["--pause", "expert_review:2026-03-04:2026-03-06:"]
    done = run.invoke(build(), ["deadline", "explain", *arguments, *unwritten])
    assert "due 2026-03-09" in done.stdout
    assert "the clock runs on" in done.stdout


@pytest.mark.parametrize("wrong", [["--pause", "nap:2026-03-04:2026-03-06:甲"], ["--extend", "10"]])
def test_the_command_says_how_a_pause_is_written(wrong: list[str]) -> None:
    arguments = ["--days", "5", "--start", "2026-03-02", "--calendar", str(DEPLOY)]
    done = CliRunner().invoke(build(), ["deadline", "explain", *arguments, *wrong])
    assert done.exit_code == 1
    assert ":" in done.stderr
