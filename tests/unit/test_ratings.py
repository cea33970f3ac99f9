"""Ratings: who may give one, what a bad one sets running, what grades are worth."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.vocabulary import Grade
from services.domain.ratings import POINTS, TERMS, average, follow_up_due, may_rate
from tests.unit.routes import CALENDAR

OWNER, APPLICANT, AGENT, STRANGER = "owner", "applicant", "agent", "stranger"


@pytest.mark.parametrize(
    ("who", "agent", "may"),
    [
        ({OWNER}, None, True),
        ({APPLICANT, "another-account"}, None, True),
        ({STRANGER}, None, False),
        ({OWNER}, AGENT, False),  # the account that handed it in may be the agent's
        ({OWNER, AGENT}, AGENT, False),
        ({OWNER, APPLICANT}, AGENT, True),
        ({APPLICANT}, AGENT, True),
        ({APPLICANT, AGENT}, AGENT, False),
    ],
)
def test_the_applicant_alone_rates(who: set[str], agent: str | None, may: bool) -> None:
    assert may_rate(who, owner=OWNER, applicant=APPLICANT, agent=agent) is may


@given(
    rated_on=st.dates(date(2025, 1, 1), date(2027, 12, 31)),
    grade=st.sampled_from(Grade),
)
def test_a_bad_rating_has_a_term_in_working_days(rated_on: date, grade: Grade) -> None:
    due = follow_up_due(grade, rated_on, CALENDAR)
    days = {Grade.DISSATISFIED: 15, Grade.VERY_DISSATISFIED: 5}.get(grade)
    if days is None:
        assert due is None
    else:
        assert due is not None
        assert CALENDAR.working_days_between(rated_on, due) == days
        assert CALENDAR.is_working(due)


def test_what_has_a_term_is_the_two_worst() -> None:
    assert list(TERMS) == list(Grade)[-2:]
    assert [POINTS[grade] for grade in Grade] == [5, 4, 3, 2, 1]


@given(st.dictionaries(st.sampled_from(Grade), st.integers(0, 500)))
def test_the_mean_lies_between_the_grades_given(grades: dict[Grade, int]) -> None:
    given_ = [POINTS[grade] for grade, count in grades.items() for _ in range(count)]
    found = average(grades)
    if not given_:
        assert found is None
    else:
        assert found == pytest.approx(sum(given_) / len(given_), abs=0.0051)
        assert min(given_) <= found <= max(given_)
