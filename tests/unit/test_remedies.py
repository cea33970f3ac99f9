"""What reviews and suits leave of a decision."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from services.domain.remedies import (
    Remedy,
    RemedyKind,
    RemedyOutcome,
    Standing,
    ending_day_is_sound,
    filing_day_is_sound,
    standing,
)

DAY = date(2026, 3, 10)
OUTCOMES = st.lists(st.one_of(st.none(), st.sampled_from(RemedyOutcome)), max_size=5)


def remedies(*outcomes: RemedyOutcome | None) -> list[Remedy]:
    return [Remedy(kind=RemedyKind.REVIEW, filed_on=DAY, outcome=one) for one in outcomes]


def test_a_decision_stands_until_something_takes_it_away() -> None:
    assert standing([]) is Standing.IN_FORCE
    assert standing(remedies(None)) is Standing.UNDER_REVIEW
    assert standing(remedies(RemedyOutcome.UPHELD)) is Standing.IN_FORCE
    assert standing(remedies(RemedyOutcome.ENDED)) is Standing.IN_FORCE
    assert standing(remedies(RemedyOutcome.UNLAWFUL)) is Standing.IN_FORCE
    assert standing(remedies(RemedyOutcome.CHANGED)) is Standing.CHANGED
    assert standing(remedies(RemedyOutcome.ANNULLED)) is Standing.ANNULLED


@given(OUTCOMES)
def test_what_is_annulled_stays_annulled(outcomes: list[RemedyOutcome | None]) -> None:
    found = standing(remedies(*outcomes))
    assert (found is Standing.ANNULLED) == (RemedyOutcome.ANNULLED in outcomes)
    assert found is standing(remedies(*reversed(outcomes)))
    assert standing(remedies(*outcomes, RemedyOutcome.ANNULLED)) is Standing.ANNULLED


@given(st.dates(), st.dates(), st.dates())
def test_days_stand_in_their_order(one: date, two: date, three: date) -> None:
    decided, filed, today = sorted((one, two, three))
    assert filing_day_is_sound(filed, decided_on=decided, today=today)
    assert ending_day_is_sound(filed, filed_on=decided, today=today)
    if decided < filed:
        assert not filing_day_is_sound(decided, decided_on=filed, today=today)
        assert not ending_day_is_sound(decided, filed_on=filed, today=today)
    if filed < today:
        assert not filing_day_is_sound(today, decided_on=decided, today=filed)
        assert not ending_day_is_sound(today, filed_on=decided, today=filed)
