"""The console has words for everything that can happen, follow, or be."""

import string
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, get_args

import pytest

from services.domain.case import AnyCommand, AnyEvent
from services.orchestrator.pages import applications_words as words
from services.orchestrator.pages.applications_journal import values_of
from services.orchestrator.pages.applications_sentences import COMMANDS, EVENTS, QUIET

KNOWN = {"part", "department", "step", "round", "n", "day", "items"} | {
    *("outcome", "state", "signal", "status", "conclusion", "kind", "why")
}


def kinds(union: Any) -> Iterator[str]:
    for one in get_args(union):
        yield from kinds(one) if get_args(one) else [one.__name__]


def test_there_is_a_sentence_for_every_event_and_every_command() -> None:
    assert set(EVENTS) == set(kinds(AnyEvent))
    assert set(COMMANDS) == set(kinds(AnyCommand))
    assert set(EVENTS) | set(COMMANDS) >= QUIET


@pytest.mark.parametrize("sentence", sorted([*EVENTS.values(), *COMMANDS.values()]))
def test_a_sentence_names_only_what_can_be_found(sentence: str) -> None:
    assert {name for _, name, _, _ in string.Formatter().parse(sentence) if name} <= KNOWN


@pytest.mark.parametrize(
    "table",
    [
        *(words.STATUSES, words.KINDS, words.CONCLUSIONS, words.STEPS, words.TASKS),
        *(words.OUTCOMES, words.SIGNALS, words.LIMITS, words.MOVES, words.PAUSES),
        *(words.SESSIONS, words.ACCEPTANCES, words.ROLES),
    ],
)
def test_every_value_has_its_words(table: dict[StrEnum, str]) -> None:
    kind = type(next(iter(table)))
    assert set(table) == set(kind)


class Plainly:
    """Says everything as it is."""

    def say(self, message: str, **values: object) -> str:
        return message.format(**values) if values else message

    def name(self, name: str) -> str:
        return name

    day = staticmethod(str)


class Codes:
    """Has no names: a code stands for itself."""

    def __getattr__(self, _: str) -> Any:
        return lambda code: code


def test_what_a_sentence_says_comes_from_the_command() -> None:
    issued = {
        "type": "IssueTask",
        "task": "LS20260302-000001-1/FIRE/brigade/2",
        "key": "FIRE/brigade",
        "dates": {"promised_on": "2026-03-09"},
    }
    found = values_of(issued, Codes(), Plainly())  # type: ignore[arg-type]  # they say codes
    assert COMMANDS["IssueTask"].format(**found) == "派发brigade的“FIRE”，承诺 2026-03-09 办结"
    accept = {
        "type": "Accept",
        "kind": "explicit",
        "on": "2026-03-02",
        "promised_at": "2026-03-20T09:00:00Z",
        "promised_days": 12,
    }
    found = values_of(accept, Codes(), Plainly())  # type: ignore[arg-type]  # they say codes
    assert COMMANDS["Accept"].format(**found) == "受理，自 2026-03-02 起计算，承诺 12 个工作日"
