"""Application numbers and identity numbers: what is sound, and what slips are found."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from services.contracts.events import ApplicationNumber
from services.intake import identity
from services.intake.numbering import application_number, check_digit, is_sound

numbers = st.builds(
    application_number,
    st.from_regex(r"[A-Z]{2,6}", fullmatch=True),
    st.dates(date(2020, 1, 1), date(2099, 12, 31)),
    st.integers(1, 999_999_999),
)


def test_the_check_digit_is_that_of_the_standard() -> None:
    # ISO/IEC 7064 MOD 11,10: the worked example of the standard, 0794 -> 5.
    assert check_digit("0794") == 5
    assert check_digit("Q7") == check_digit("267")


@given(numbers)
def test_every_number_is_sound_and_fits_the_contract(number: str) -> None:
    assert is_sound(number)
    TypeAdapter(ApplicationNumber).validate_python(number)


@given(numbers, st.data())
def test_one_wrong_digit_is_always_found(number: str, data: st.DataObject) -> None:
    places = [match.start() for match in re.finditer(r"\d", number)]
    place = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != number[place]]))
    assert not is_sound(number[:place] + other + number[place + 1 :])


def test_numbers_grow_in_length_only_after_a_million() -> None:
    assert application_number("QX", date(2026, 3, 2), 1) == "QX20260302-000001-0"
    assert application_number("QX", date(2026, 3, 2), 1_000_000).split("-")[1] == "1000000"


@pytest.mark.parametrize(
    ("kind", "number", "sound"),
    [
        ("person", "11010519491231002X", True),
        ("person", "110105194912310021", False),
        ("person", "E12345678", True),
        ("person", "1234", False),
        ("company", "91350100M000100Y43", True),
        ("company", "91350100M000100Y34", False),
        ("company", "91350100I000100Y43", False),
        ("company", "11010519491231002X", False),
    ],
)
def test_identity_numbers(kind: identity.Kind, number: str, sound: bool) -> None:
    assert identity.is_sound(kind, number) is sound


def test_one_person_has_one_spelling() -> None:
    assert identity.spelt(" 110105 19491231 002x ") == "11010519491231002X"
