"""The bench's arithmetic, and its county."""

from pathlib import Path

from bench import county, report
from bench.course import Course, Plan, Times, latencies
from services.domain import planner
from services.runtime import calendar_files, catalogue_files

CALENDAR = Path(__file__).parents[2] / "deploy" / "calendar"


def record(shape: str, per_second: float, cpu_ms: float) -> report.Record:
    return {
        "shape": shape,
        "departments": 8,
        "per_second": per_second,
        "cpu_ms_total": cpu_ms,
    }


def test_ratios_compare_the_product_with_both() -> None:
    records = [record("N", 10, 100), record("B", 40, 25), record("P", 20, 50)]
    assert report.ratios(records) == {
        "8": {"P/N": 2.0, "P/N by CPU": 2.0, "P/B": 0.5, "P/B by CPU": 0.5}
    }


def test_rounds_are_compared_pair_by_pair_and_told_by_their_median() -> None:
    slow = [record("N", 5, 200), record("P", 10, 100)]
    quick = [record("N", 10, 100), record("P", 30, 50)]
    odd = [record("N", 10, 100), record("P", 1, 1000)]
    rounds = [*slow, *quick, *odd]
    assert report.ratios(rounds) == {"8": {"P/N": 2.0, "P/N by CPU": 2.0}}
    assert [(one["shape"], one["per_second"]) for one in report.medians(rounds)] == [
        ("N", 10),
        ("P", 10),
    ]


def test_medians_reach_into_a_record() -> None:
    rounds = [record("P", 1, 1) | {"idle": {"visible": {"p50": one}}} for one in (1, 9, 2)]
    [told] = report.medians(rounds)
    assert told["idle"] == {"visible": {"p50": 2}}


def test_latencies_are_those_of_both_distances() -> None:
    times = [
        Times(begun=0, visible=one / 1000, decided=10, ended=10 + 2 * one / 1000)
        for one in range(1, 101)
    ]
    assert latencies(times) == {
        "visible": {"p50": 50.0, "p99": 99.0},
        "result": {"p50": 100.0, "p99": 198.0},
    }


async def test_a_course_measures_after_its_warm_up() -> None:
    done: list[int] = []

    async def one(number: int) -> Times:
        done.append(number)
        return Times(begun=0)

    course = Course(Plan(concurrency=2, warm_up=5, count=10, seconds=60))
    await course.run(one)
    assert len(course.times) == 10
    assert len(done) >= 15


def test_the_county_has_one_step_for_every_department(tmp_path: Path) -> None:
    [catalogue] = catalogue_files.load_all(county.write(tmp_path))
    calendar = calendar_files.load(CALENDAR)
    for count, scenario in county.SCENARIOS.items():
        answers = county.submission(count, "1")["answers"]
        start = calendar.next_working_day(catalogue.county.effective_from)
        plan = planner.plan(catalogue, calendar, scenario, answers, {}, start)
        route = planner.route(plan, "BC20260105-000001-0", calendar)
        parts = [part for step in route.steps for part in step.parts]
        assert {part.department for part in parts} == set(county.codes(count))
        assert not any(part.requires for part in parts)
