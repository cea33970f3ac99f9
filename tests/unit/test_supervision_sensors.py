"""The sensors of handling outside the system, by example."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.domain.supervision import Fact
from services.domain.supervision_rules import FactKind, Rule, Thresholds
from services.domain.supervision_sensors import (
    Known,
    Refused,
    Said,
    numbered,
    of_decision,
    of_numbers,
    of_refused,
    sudden,
    waited_long,
)
from services.runtime import supervision_files
from tests.unit.routes import CALENDAR, NUMBER, START
from tests.unit.routes import task as named

RULES = supervision_files.load(Path("deploy/supervision/rules.yaml")).of_fact
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SERIAL = "消验〔2026〕{}号"


def said(number: str | None = None, which: int = 1, **changes: Any) -> Said:
    given: dict[str, Any] = {
        "event_id": str(which),
        "source": "department/d",
        "application": NUMBER,
        "task": named("A", "d", which),
        "department": "d",
        "actor_ref": "ab" * 8,
        "decided_at": START,
        "number": number,
        "issued_at": START - HOUR,
    }
    return Said(**(given | changes))


def alone(one: Said, heard_at: datetime = START, rules: Any = RULES) -> list[FactKind]:
    return [fact.kind for fact in of_decision(one, rules, CALENDAR, heard_at)]


def test_an_ordinary_decision_says_nothing() -> None:
    assert alone(said()) == []
    assert alone(said(issued_at=None)) == []


def test_a_decision_before_its_task_was_there_is_dated_back() -> None:
    [fact] = of_decision(said(issued_at=START + HOUR), RULES, CALENDAR, START)
    assert fact.kind is FactKind.DECIDED_BEFORE_ISSUED
    assert fact.evidence == {
        "decided_at": "2026-01-05T02:00:00Z",
        "issued_at": "2026-01-05T03:00:00Z",
    }


def test_what_is_told_more_than_a_working_day_later_is_late() -> None:
    assert alone(said(), START + DAY) == []
    assert alone(said(), START + 2 * DAY) == [FactKind.TOLD_LATE]
    assert alone(said(), START + 2 * DAY, rules={}) == []


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 1, 5, 0, 59, tzinfo=UTC),
        datetime(2026, 1, 5, 9, 1, tzinfo=UTC),
        datetime(2026, 1, 4, 2, 0, tzinfo=UTC),
    ],
)
def test_own_software_that_decides_out_of_hours_is_seen(at: datetime) -> None:
    one = said(decided_at=at, issued_at=at - DAY)
    assert alone(one, at) == [FactKind.OUT_OF_HOURS]
    assert alone(said(decided_at=at, issued_at=at - DAY, source="departments"), at) == []


def numbers(*given: tuple[str, int], known: dict[str, Known] | None = None) -> list[Fact]:
    found = [numbered(said(text, which)) for text, which in given]
    return list(of_numbers([one for one in found if one is not None], known or {}, RULES))


@pytest.mark.parametrize("number", [None, "", "无号", "9" * 3 + "甲\x00", "\x00" + "1"])
def test_what_nobody_counts_is_no_number(number: str | None) -> None:
    assert numbered(said(number)) is None


def test_numbers_of_our_own_queues_are_not_counted() -> None:
    assert numbered(said("A-1", source="departments")) is None


def test_numbers_in_their_order_say_nothing() -> None:
    assert numbers(*((SERIAL.format(n), n) for n in (1, 2, 3, 6))) == []
    assert numbers(("甲1号", 1), ("乙9号", 2)) == [], "two series"


def test_one_number_for_two_decisions() -> None:
    [fact] = numbers((SERIAL.format(4), 1), (SERIAL.format(4), 2))
    assert fact.kind is FactKind.NUMBER_TWICE
    assert fact.evidence["also"] == named("A", "d", 1)
    assert fact.subject == f"d/A/{SERIAL.format(4)}"
    before = {"2": Known(taken_by=named("A", "d", 9), highest=4)}
    [fact] = numbers((SERIAL.format(4), 2), known=before)
    assert fact.evidence["also"] == named("A", "d", 9)
    assert numbers((SERIAL.format(4), 1), (SERIAL.format(4), 1)) == [], "the same decision again"


def test_numbers_behind_and_numbers_skipped() -> None:
    found = numbers(*((SERIAL.format(n), n) for n in (10, 9, 14, 15)))
    assert [(one.kind, one.evidence["highest"]) for one in found] == [
        (FactKind.NUMBER_BACKWARDS, 10),
        (FactKind.NUMBERS_SKIPPED, 10),
    ]
    assert found[1].evidence["missing"] == 3
    before = {"8": Known(highest=20)}
    [fact] = numbers((SERIAL.format(8), 8), known=before)
    assert fact.kind is FactKind.NUMBER_BACKWARDS


def test_without_a_rule_for_them_skipped_numbers_are_none() -> None:
    found = [numbered(said(SERIAL.format(n), n)) for n in (1, 90)]
    assert list(of_numbers([one for one in found if one is not None], {}, {})) == []


def test_many_decisions_of_one_officer_after_long_silence() -> None:
    rule = RULES[FactKind.SUDDEN_DECISIONS]
    late = START - 14 * DAY
    many = [
        said(None, n, issued_at=late, decided_at=START + timedelta(seconds=10 * n))
        for n in range(5)
    ]
    assert all(waited_long(one, rule, CALENDAR) for one in many)
    assert not waited_long(said(), rule, CALENDAR)
    assert not waited_long(said(issued_at=None), rule, CALENDAR)
    assert not waited_long(many[0], None, CALENDAR)
    [fact] = sudden(reversed(many), rule)
    assert (fact.kind, fact.department) == (FactKind.SUDDEN_DECISIONS, "d")
    assert fact.evidence["decisions"] == 5
    assert fact.subject.endswith("2026-01-05T02:00:00Z")
    assert list(sudden(many[:4], rule)) == []
    spread = [said(None, n, decided_at=START + n * HOUR) for n in range(9)]
    assert list(sudden(spread, rule)) == []
    others = [said(None, n, actor_ref="cd" * 8 if n % 2 else "ab" * 8) for n in range(8)]
    assert list(sudden(others, rule)) == []
    assert list(sudden([], rule)) == []


def test_a_rule_that_sets_no_bounds_takes_every_decision_for_one() -> None:
    rule = RULES[FactKind.SUDDEN_DECISIONS].model_copy(update={"thresholds": Thresholds()})
    assert not waited_long(said(), rule, CALENDAR)
    assert len(list(sudden([said()], rule))) == 1


def refused(error: str, task: str | None = named("A", "d"), **data: Any) -> Fact | None:
    return of_refused(
        Refused(
            letter=3,
            error=error,
            department="d",
            application=NUMBER,
            task=task,
            at=START,
            data=data,
        )
    )


def test_what_a_refused_decision_says() -> None:
    unknown = refused("UnknownTaskError")
    assert unknown is not None
    assert (unknown.kind, unknown.item) == (FactKind.TASK_UNKNOWN, "A")
    nameless = refused("ForeignSourceError", None)
    assert nameless is not None
    assert (nameless.kind, nameless.subject) == (FactKind.SOURCE_FOREIGN, "letter/3")
    pause = refused("DatedBackError", paused_at="2026-01-05T02:00:00Z")
    assert pause is not None
    assert pause.kind is FactKind.CLOCK_DATED_BACK
    for data in ({}, {"reasons": ["a"]}, {"reasons": ["a"], "remedies": []}):
        bare = refused("WrongEventError", outcome="refused", **data)
        assert bare is not None
        assert bare.kind is FactKind.REFUSAL_UNREASONED
    assert refused("WrongEventError", outcome="refused", reasons=["a"], remedies=["b"]) is None
    assert refused("WrongEventError", outcome="granted") is None


def test_every_sensor_has_its_rule() -> None:
    assert isinstance(RULES[FactKind.TOLD_LATE], Rule)
    assert RULES[FactKind.NUMBERS_SKIPPED].thresholds.given == {"at_least"}
