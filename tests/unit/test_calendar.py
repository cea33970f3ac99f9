"""The working-day calendar: arithmetic against oracles, and the files a county owns."""

import json
import os
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import chinese_calendar
import msgspec
import pytest
from chinese_calendar import constants
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.cli import build
from services.domain.calendar import DayKind, WorkingCalendar, YearDays
from services.runtime.calendar_files import CalendarError, import_file, load

DEPLOY = Path(__file__).parents[2] / "deploy" / "calendar"
DAY = timedelta(days=1)
EXAMPLES = int(os.environ.get("LIANSHEN_TEST_EXAMPLES", "300"))
FIRST, LAST = date(2004, 1, 1), date(2026, 12, 31)


def year_of(year: int) -> YearDays:
    return YearDays(
        year=year,
        off={day: name for day, name in constants.holidays.items() if day.year == year},
        work={day: name for day, name in constants.workdays.items() if day.year == year},
        source="package",
    )


PACKAGE = WorkingCalendar(version="package", years=tuple(map(year_of, range(2004, 2027))))
COUNTY = load(DEPLOY)


def days(first: date, last: date) -> list[date]:
    return [first + n * DAY for n in range((last - first).days + 1)]


# Arithmetic


def test_every_day_from_2004_to_2026_is_what_the_package_says() -> None:
    wrong = [
        day
        for day in days(FIRST, LAST)
        if PACKAGE.is_working(day) is not chinese_calendar.is_workday(day)
    ]
    assert wrong == []


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.dates(FIRST, LAST - 400 * DAY), st.integers(1, 200))
def test_adding_working_days_agrees_with_the_package(day: date, n: int) -> None:
    # The package counts from the next working day when it starts on a free one.
    steps = n if chinese_calendar.is_workday(day) else n - 1
    assert PACKAGE.add_working_days(day, n) == chinese_calendar.find_workday(steps, day)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.dates(FIRST, LAST), st.integers(0, 900))
def test_counting_agrees_with_the_package(after: date, length: int) -> None:
    until = min(LAST, after + length * DAY)
    worked = [d for d in chinese_calendar.get_workdays(after, until) if d > after]
    assert PACKAGE.working_days_between(after, until) == len(worked)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.dates(date(2003, 1, 1), date(2030, 1, 1)), st.integers(0, 700))
def test_adding_and_counting_are_inverse(day: date, n: int) -> None:
    """Also before and after the published years."""
    due = PACKAGE.add_working_days(day, n)
    assert PACKAGE.is_working(due)
    if n:
        assert PACKAGE.working_days_between(day, due) == n
    else:
        assert due == PACKAGE.next_working_day(day)
        assert not any(map(PACKAGE.is_working, days(day, due - DAY)))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.dates(date(2003, 1, 1), date(2030, 1, 1)))
def test_the_previous_working_day_is_the_nearest_one_before(day: date) -> None:
    previous = PACKAGE.previous_working_day(day)
    assert previous < day
    assert PACKAGE.is_working(previous)
    assert PACKAGE.working_days_between(previous, day) == int(PACKAGE.is_working(day))


def test_a_span_that_ends_before_it_begins_holds_no_working_day() -> None:
    assert COUNTY.working_days_between(date(2026, 3, 9), date(2026, 3, 2)) == 0
    assert COUNTY.working_days_between(date(2026, 3, 9), date(2026, 3, 9)) == 0


def test_days_cannot_be_taken_away() -> None:
    with pytest.raises(ValueError, match="negative"):
        COUNTY.add_working_days(date(2026, 3, 9), -1)


# Reasons


@pytest.mark.parametrize(
    ("day", "kind", "zh", "en", "provisional"),
    [
        (date(2026, 3, 9), DayKind.WORKING, "工作日", "working day", False),
        (date(2026, 3, 7), DayKind.WEEKEND, "周六", "Saturday", False),
        (date(2026, 10, 4), DayKind.HOLIDAY, "国庆节", "National Day", False),
        (
            date(2026, 10, 10),
            DayKind.MAKE_UP,
            "国庆节调休上班",
            "make-up working day, National Day",
            False,
        ),
        (date(2027, 10, 1), DayKind.WORKING, "工作日", "working day", True),
        (date(2027, 10, 3), DayKind.WEEKEND, "周日", "Sunday", True),
    ],
)
def test_a_day_says_why_it_is_or_is_not_worked(
    day: date, kind: DayKind, zh: str, en: str, provisional: bool
) -> None:
    name = COUNTY.name_of(day)
    assert (name.kind, name.zh, name.en, name.provisional) == (kind, zh, en, provisional)
    assert COUNTY.is_provisional(day) is provisional


@pytest.mark.parametrize("calendar", [PACKAGE, COUNTY])
def test_the_reason_and_the_answer_never_disagree(calendar: WorkingCalendar) -> None:
    worked = {DayKind.WORKING, DayKind.MAKE_UP}
    for day in days(date(2023, 12, 1), date(2027, 2, 1)):
        assert (calendar.name_of(day).kind in worked) is calendar.is_working(day)


def test_a_name_without_translation_stays_as_it_is() -> None:
    year = YearDays(year=2026, off={date(2026, 3, 9): "县庆"}, work={}, source="notice")
    assert WorkingCalendar(version="x", years=(year,)).name_of(date(2026, 3, 9)).en == "县庆"


# Instants


def test_business_hours_are_local_and_instants_are_utc() -> None:
    day = date(2026, 3, 9)
    assert COUNTY.opening_of(day) == datetime(2026, 3, 9, 1, tzinfo=UTC)
    assert COUNTY.close_of(day) == datetime(2026, 3, 9, 9, tzinfo=UTC)
    assert COUNTY.close_of(day).tzinfo is UTC


def test_the_date_changes_at_midnight_in_shanghai() -> None:
    assert COUNTY.local_date(datetime(2026, 3, 9, 15, 59, 59, tzinfo=UTC)) == date(2026, 3, 9)
    assert COUNTY.local_date(datetime(2026, 3, 9, 16, tzinfo=UTC)) == date(2026, 3, 10)


def test_an_instant_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        COUNTY.local_date(datetime(2026, 3, 9, 12))  # noqa: DTZ001  the point of the test


# The value


def test_a_trimmed_copy_keeps_version_and_answers_of_its_years() -> None:
    trimmed = COUNTY.within(2025, 2026)
    assert trimmed.version == COUNTY.version
    assert [year.year for year in trimmed.years] == [2025, 2026]
    for day in days(date(2025, 1, 1), date(2026, 12, 31)):
        assert trimmed.name_of(day) == COUNTY.name_of(day)
    assert trimmed.is_provisional(date(2024, 12, 31))


def test_it_survives_the_wire_and_forgets_its_indexes() -> None:
    used = COUNTY.within(2026, 2026)
    used.add_working_days(date(2026, 1, 1), 30)
    wire = msgspec.json.encode(used)
    assert msgspec.json.decode(wire, type=WorkingCalendar) == COUNTY.within(2026, 2026)
    assert set(json.loads(wire)) == {"version", "years", "opens", "closes"}
    assert len(wire) < 4000


# The county's files


def test_the_county_publishes_what_the_package_knows() -> None:
    for year in (2024, 2025, 2026):
        for day in days(date(year, 1, 1), date(year, 12, 31)):
            assert COUNTY.is_working(day) is chinese_calendar.is_workday(day), day
            assert not COUNTY.is_provisional(day)


def test_the_county_lists_2026_day_by_day_as_the_package_does() -> None:
    (found,) = COUNTY.within(2026, 2026).years
    assert set(found.off) == {day for day in constants.holidays if day.year == 2026}
    assert set(found.work) == {day for day in constants.workdays if day.year == 2026}
    for day, holiday in constants.holidays.items():
        if day.year == 2026:
            assert found.off[day].startswith(constants.Holiday(holiday).chinese)


def year_file(folder: Path, year: int = 2027, *, holidays: str = "", notice: str = "") -> Path:
    holidays = holidays or (
        "  - name: {zh: 元旦, en: New Year's Day}\n"
        f"    free: [{{from: {year}-01-01, until: {year}-01-03}}]\n"
    )
    folder.mkdir(exist_ok=True)
    file = folder / f"{year}.yaml"
    file.write_text(
        f"year: {year}\nnotice: {{title: 通知, issuer: 国务院办公厅, verified: true{notice}}}\n"
        f"holidays:\n{holidays}",
        encoding="utf-8",
    )
    return file


def test_the_version_follows_the_content_and_nothing_else(tmp_path: Path) -> None:
    year_file(tmp_path / "a")
    year_file(tmp_path / "b", notice=", number: 〔2026〕9号")
    one, same = load(tmp_path / "a"), load(tmp_path / "b")
    assert one.version == same.version
    assert one.version.startswith("2027-2027-")
    (tmp_path / "b" / "hours.yaml").write_text('opens: "08:30"\ncloses: "17:30"\n')
    later = load(tmp_path / "b")
    assert later.version != one.version
    assert (later.opens, later.closes) == (time(8, 30), time(17, 30))


def test_a_notice_that_is_not_verified_says_so(tmp_path: Path) -> None:
    file = year_file(tmp_path, notice=", number: 〔2026〕1号")
    assert load(tmp_path).years[0].source == "通知（〔2026〕1号）"
    file.write_text(file.read_text(encoding="utf-8").replace("true", "false"), encoding="utf-8")
    assert load(tmp_path).years[0].source.endswith("[unverified]")


NAME = "  - name: {zh: 节, en: Feast}\n"


@pytest.mark.parametrize(
    ("holidays", "reason"),
    [
        (NAME, "holidays.0.free: Field required"),
        (NAME + "    free: [{from: 2027-03-05, until: 2027-03-01}]\n", "is not a span"),
        (NAME + "    free: [{from: 2027-03-01, until: 2027-06-01}]\n", "is not a span"),
        (NAME + "    free: [{from: 2028-01-01, until: 2028-01-01}]\n", "2028-01-01 is neither in"),
        (NAME + "    free: [{from: 2026-11-30, until: 2026-11-30}]\n", "2026-11-30 is neither in"),
        (
            NAME + "    free: [{from: 2027-03-01, until: 2027-03-02}]\n    worked: [2027-03-03]\n",
            "make-up day 2027-03-03 is a Wednesday, which is worked anyway",
        ),
        (
            NAME + "    free: [{from: 2027-03-05, until: 2027-03-07}]\n    worked: [2027-03-07]\n",
            "2027-03-07 is named twice",
        ),
        (
            NAME + "    free: [{from: 2027-03-06, until: 2027-03-06}]\n    worked: [2027-03-07]\n",
            "more make-up days than working days off",
        ),
        (
            NAME + "    free: [{from: 2027-03-05, until: 2027-03-05}]\n    wrked: []\n",
            "holidays.0.wrked: Extra inputs are not permitted",
        ),
        ("  - [", "is not YAML"),
        (
            NAME + "    free: [{from: 2026-12-31, until: 2027-01-01}]\n",
            "2026 is not in the calendar",
        ),
    ],
)
def test_a_bad_file_is_refused_by_name_and_reason(
    tmp_path: Path, holidays: str, reason: str
) -> None:
    file = year_file(tmp_path, holidays=holidays)
    with pytest.raises(CalendarError) as refused:
        load(tmp_path)
    message = str(refused.value)
    assert message.startswith(str(file))
    assert reason in message
    assert "\n" not in message


def test_other_faults_are_one_sentence_too(tmp_path: Path) -> None:
    with pytest.raises(CalendarError, match="no such calendar folder"):
        load(tmp_path / "none")
    with pytest.raises(CalendarError, match="no year is published"):
        load(tmp_path)
    file = year_file(tmp_path, 2027).rename(tmp_path / "2028.yaml")
    with pytest.raises(CalendarError, match="holds the year 2027, not 2028"):
        load(tmp_path)
    file.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(CalendarError, match="cannot be read"):
        load(tmp_path)
    file.unlink()
    year_file(tmp_path)
    (tmp_path / "hours.yaml").write_text('opens: "17:00"\ncloses: "09:00"\n')
    with pytest.raises(CalendarError, match="opens at 17:00 and closes at 09:00"):
        load(tmp_path)


DECEMBER = NAME + "    free: [{from: 2026-12-31, until: 2027-01-01}]\n    worked: [2026-12-27]\n"


def test_the_december_days_of_a_notice_belong_to_the_year_they_lie_in(tmp_path: Path) -> None:
    year_file(tmp_path, 2026)
    year_file(tmp_path, 2027, holidays=DECEMBER)
    calendar = load(tmp_path).within(2026, 2026)
    assert not calendar.is_working(date(2026, 12, 31))
    assert calendar.is_working(date(2026, 12, 27))


def test_two_notices_may_not_contradict_each_other(tmp_path: Path) -> None:
    year_file(tmp_path, 2026, holidays=NAME + "    free: [{from: 2026-12-27, until: 2026-12-27}]\n")
    year_file(tmp_path, 2027, holidays=DECEMBER)
    with pytest.raises(CalendarError, match=r"2027\.yaml: 2026-12-27 contradicts 2026\.yaml"):
        load(tmp_path)


# Import


def test_a_new_year_is_taken_in_and_its_changes_listed(tmp_path: Path) -> None:
    county = tmp_path / "county"
    year_file(county, 2026)
    done = import_file(year_file(tmp_path / "new", 2027, holidays=DECEMBER), county)
    changed = {change.day: change.works for change in done.changes}
    assert changed == {
        date(2026, 12, 27): True,
        date(2026, 12, 31): False,
        date(2027, 1, 1): False,
    }
    assert not done.replaced
    assert (done.before, done.after) != (done.after, done.before)
    assert load(county).version == done.after
    assert done.changes[-1].was.provisional
    assert not done.changes[-1].now.provisional


def test_the_first_year_may_go_into_a_new_folder(tmp_path: Path) -> None:
    done = import_file(DEPLOY / "2026.yaml", tmp_path / "fresh" / "calendar")
    assert done.before.startswith("none-")
    assert len(done.changes) == 25
    assert load(tmp_path / "fresh" / "calendar").version == done.after


def test_a_published_year_is_not_overwritten_silently(tmp_path: Path) -> None:
    county = tmp_path / "county"
    kept = year_file(county, 2027, notice=", issued_on: 2026-11-04").read_bytes()
    other = NAME + "    free: [{from: 2027-01-01, until: 2027-01-01}]\n"
    newer = year_file(tmp_path / "newer", holidays=other, notice=", issued_on: 2026-12-01")
    older = year_file(tmp_path / "older", holidays=other, notice=", issued_on: 2026-10-01")
    with pytest.raises(CalendarError, match="--replace"):
        import_file(newer, county)
    with pytest.raises(CalendarError, match="older than"):
        import_file(older, county, replace=True)
    assert (county / "2027.yaml").read_bytes() == kept
    done = import_file(newer, county, replace=True)
    assert done.replaced
    assert [change.day for change in done.changes] == []
    assert load(county).name_of(date(2027, 1, 1)).zh == "节"


def test_importing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    county = tmp_path / "county"
    same = year_file(county, 2027)
    done = import_file(same, county)
    assert (done.replaced, done.changes, done.before) == (False, (), done.after)


def test_a_refused_import_leaves_the_calendar_as_it_was(tmp_path: Path) -> None:
    county = tmp_path / "county"
    year_file(county, 2025)
    with pytest.raises(CalendarError, match="2026 is not in the calendar"):
        import_file(year_file(tmp_path / "new", 2027, holidays=DECEMBER), county)
    assert [file.name for file in county.iterdir()] == ["2025.yaml"]


# Command line


def test_the_command_takes_in_a_year_and_shows_it(tmp_path: Path) -> None:
    run = CliRunner(env={"COLUMNS": "120"})
    county = str(tmp_path / "county")
    file = str(DEPLOY / "2026.yaml")
    first = run.invoke(build(), ["calendar", "import", file, "--calendar", county])
    assert first.exit_code == 0
    assert "25 days changed" in first.stdout
    assert "2026-10-10" in first.stdout
    again = run.invoke(build(), ["calendar", "import", file, "--calendar", county])
    assert "0 days changed" in again.stdout
    shown = run.invoke(build(), ["calendar", "show", "2026", "--calendar", county])
    assert "National Day" in shown.stdout
    assert "248 working days" in shown.stdout
    unknown = run.invoke(build(), ["calendar", "show", "2027", "--calendar", county])
    assert "provisional" in unknown.stdout


def test_the_command_refuses_in_one_sentence(tmp_path: Path) -> None:
    run = CliRunner()
    bad = year_file(tmp_path, holidays=NAME)
    refused = run.invoke(build(), ["calendar", "import", str(bad)])
    assert refused.exit_code == 1
    assert refused.stderr.startswith(str(bad))
    missing = run.invoke(build(), ["calendar", "show", "2026", "--calendar", str(tmp_path / "no")])
    assert missing.exit_code == 1
    assert "no such calendar folder" in missing.stderr
