"""The questions of every scenario, one at a time, lead to a plan."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.domain.applicability import Fact
from services.domain.catalogue import Ask, Question
from services.domain.facts import FactsError, validate
from services.domain.plan import Plan
from services.domain.planner import plan
from services.intake.pages import needs
from services.runtime.calendar_files import load as load_calendar
from services.runtime.catalogue_files import load

CATALOGUE = load(Path(__file__).parents[2] / "deploy/catalogue/2026.1")
SCENARIOS = sorted(CATALOGUE.scenario_by_code)
RENEWAL = CATALOGUE.scenario_by_code["permit-renewal"]


def _sent(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("code", SCENARIOS)
def test_the_example_answers_every_question_that_is_asked(code: str) -> None:
    scenario = CATALOGUE.scenario_by_code[code]
    given_so_far: dict[str, str] = {}
    for _ in range(len(scenario.questions) + 1):
        walk = needs.walk(CATALOGUE, scenario, given_so_far)
        if walk.question is None:
            break
        given_so_far[walk.question.id] = _sent(scenario.example[walk.question.id])
    assert walk.question is None
    assert validate(CATALOGUE, scenario, walk.answers)
    assert needs.completed(CATALOGUE, scenario, {}) == walk.answers


def _answers(question: Question) -> st.SearchStrategy[str]:
    match question.type:
        case "boolean":
            return st.sampled_from(["true", "false"])
        case "choice":
            return st.sampled_from([one.value for one in question.options])
        case "number":
            low = question.minimum or 0
            return st.floats(low, question.maximum or low + 1e6, allow_nan=False).map(str)
        case "date":
            return st.dates().map(date.isoformat)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(SCENARIOS))
def test_whatever_is_answered_the_walk_ends_and_only_combinations_can_be_refused(
    data: st.DataObject, code: str
) -> None:
    scenario = CATALOGUE.scenario_by_code[code]
    sent: dict[str, str] = {}
    asked: list[str] = []
    while (walk := needs.walk(CATALOGUE, scenario, sent)).question is not None:
        assert walk.question.id not in asked
        asked.append(walk.question.id)
        sent[walk.question.id] = data.draw(_answers(walk.question))
    assert [one.question.id for one in walk.answered] == asked
    assert dict(walk.query) == sent
    assert _refused(code, walk.answers) <= {"combination"}


def _refused(code: str, answers: Mapping[str, Fact]) -> set[str]:
    try:
        validate(CATALOGUE, CATALOGUE.scenario_by_code[code], answers)
    except FactsError as error:
        return {one.code for one in error.problems}
    return set()


@pytest.mark.parametrize("sent", ["tomorrow", "2027-02-30", "30/06/2027", "1830000000"])
def test_a_bad_day_is_asked_again_with_its_fix(sent: str) -> None:
    walk = needs.walk(CATALOGUE, RENEWAL, {"sewer_permit_expires": sent})
    assert walk.question is not None
    assert walk.problem is not None
    assert "2027-06-30" in walk.problem.fix.zh


def test_a_renewal_that_comes_too_late_is_asked_again_with_what_was_answered() -> None:
    calendar = load_calendar(Path(__file__).parents[2] / "deploy/calendar")
    given = needs.walk(CATALOGUE, RENEWAL, {"sewer_permit_expires": "2026-03-20"})
    assert given.question is None
    with pytest.raises(FactsError) as refused:
        plan(CATALOGUE, calendar, RENEWAL.code, given.answers, {}, date(2026, 3, 2))
    again = needs.asked_again(CATALOGUE, given, refused.value)
    assert again.question is not None
    assert again.question.id == "sewer_permit_expires"
    assert (again.refused, again.answered, again.later) == ("2026-03-20", (), ())
    assert again.problem is not None
    assert "行政许可法 50" in again.problem.message.zh


def test_what_is_refused_is_asked_again_and_the_other_answers_stay() -> None:
    scenario = CATALOGUE.scenario_by_code["plant"]
    sent = {name: _sent(value) for name, value in scenario.example.items()}
    given = needs.walk(CATALOGUE, scenario, sent | {"underground_area_m2": "90000"})
    assert given.question is None
    with pytest.raises(FactsError) as refused:
        validate(CATALOGUE, scenario, given.answers)
    again = needs.asked_again(CATALOGUE, given, refused.value)
    assert again.question is not None
    assert again.question.id == "underground_area_m2"
    assert {*again.query, *again.later, ("underground_area_m2", again.refused)} == set(given.query)
    nowhere = FactsError((replace(refused.value.problems[0], question="fixed"),))
    last = needs.asked_again(CATALOGUE, given, nowhere)
    assert last.question is not None
    assert last.question.id == given.answered[-1].question.id


@pytest.mark.parametrize("sent", ["maybe", "-1", "nan", "1e999", "<b>"])
def test_a_bad_answer_is_asked_again_with_its_fix(sent: str) -> None:
    scenario = CATALOGUE.scenario_by_code["plant"]
    good = {name: _sent(value) for name, value in scenario.example.items()}
    number = _first("number", scenario.questions)
    walk = needs.walk(CATALOGUE, scenario, good | {number: sent})
    assert walk.question is not None
    assert walk.question.id == number
    assert walk.problem is not None
    assert walk.problem.fix.zh


def _first(kind: str, questions: Iterable[Ask]) -> str:
    return next(
        ask.question for ask in questions if CATALOGUE.question_by_id[ask.question].type == kind
    )


def test_what_the_last_answer_changed_is_said() -> None:
    scenario = CATALOGUE.scenario_by_code["plant"]
    calendar = load_calendar(Path(__file__).parents[2] / "deploy/calendar")
    usual = needs.completed(CATALOGUE, scenario, {})
    without = needs.completed(CATALOGUE, scenario, {"has_civil_building": False})
    assert usual is not None
    assert without is not None

    def planned(answers: Mapping[str, Fact]) -> Plan:
        return plan(CATALOGUE, calendar, "plant", answers, {}, date(2026, 3, 2))

    before, after = planned(usual), planned(without)
    effect = needs.effect(after, before)
    assert set(effect.added) == needs.needed(after) - needs.needed(before)
    assert set(effect.dropped) == needs.needed(before) - needs.needed(after) != set()
    first = needs.effect(before, None)
    assert first.added == first.dropped == ()
