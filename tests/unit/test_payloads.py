"""What travels to Temporal: plain JSON, without what is a default or counts for nothing."""

import asyncio
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from temporalio.converter import DataConverter

from services.domain.calendar import WorkingCalendar
from services.domain.route import Route
from services.orchestrator.converter import CONVERTER
from services.orchestrator.starting import brief
from services.runtime import calendar_files
from tests.unit.routes import consult, decide, route, step

CALENDAR = calendar_files.load(Path(__file__).parents[2] / "deploy" / "calendar")
VALUES: list[tuple[Any, Any]] = [
    ({"b": "设计", "a": [1, 2.5, None, True]}, dict[str, Any]),
    ([{"at": "2026-11-22T01:00:00Z"}], list[dict[str, Any]]),
    ("完成", str),
    (None, None),
    (b"\x00\xff", bytes),
    ({1, 2}, set[int]),
]


@pytest.mark.parametrize(("value", "hint"), VALUES)
async def test_both_converters_read_what_either_wrote(value: Any, hint: Any) -> None:
    for writer, reader in ((CONVERTER, DataConverter.default), (DataConverter.default, CONVERTER)):
        payloads = await writer.encode([value])
        hints = None if hint is None else [hint]
        assert await reader.decode(payloads, hints) == [value]


async def test_plain_values_are_written_as_before() -> None:
    value = {"b": [1, None, "x"], "a": {"d": 1.5, "c": True}}
    ours, theirs = await asyncio.gather(
        CONVERTER.encode([value]), DataConverter.default.encode([value])
    )
    assert ours == theirs


def test_a_brief_route_is_the_same_route() -> None:
    whole = route(
        step(decide("plan", "housing"), consult("plan", "fire"), rounds=1),
        step(decide("permit", "housing", "plan")),
    )
    plain = msgspec.to_builtins(whole)
    shortened = brief(plain)
    assert msgspec.convert(shortened, Route) == whole
    assert len(msgspec.json.encode(shortened)) < len(msgspec.json.encode(plain))


def test_a_nameless_calendar_counts_the_same() -> None:
    plain = brief(msgspec.to_builtins(CALENDAR.nameless()))
    nameless = msgspec.convert(plain, WorkingCalendar)
    day, end = date(CALENDAR.years[0].year, 1, 1), date(CALENDAR.years[-1].year + 2, 1, 1)
    assert nameless.version == CALENDAR.version
    while day < end:
        assert nameless.is_working(day) == CALENDAR.is_working(day)
        assert nameless.is_provisional(day) == CALENDAR.is_provisional(day)
        day += timedelta(days=1)
    assert len(msgspec.json.encode(plain)) < len(msgspec.json.encode(CALENDAR)) * 0.6
