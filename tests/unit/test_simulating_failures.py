"""What people are told of a simulation that failed: one sentence, and nothing of the machine."""

import pytest

from services.orchestrator.simulating import SAID_NO, failure

HERE = ("/tmp/lianshen-simulate-1", "deploy/catalogue")
TRACEBACK = 'Traceback (most recent call last):\n  File "/opt/x.py", line 1\nKeyError: 1'


def test_the_commands_own_sentence_is_told() -> None:
    sentence = "gym: no such scenario; known: restaurant"
    assert failure(SAID_NO, f"{sentence}\n", HERE).zh == sentence


@pytest.mark.parametrize(
    ("code", "errors"),
    [
        (1, TRACEBACK),
        (SAID_NO, TRACEBACK),
        (SAID_NO, ""),
        (SAID_NO, "x" * 301),
        (SAID_NO, "first line\nsecond line"),
        (SAID_NO, f"{HERE[0]}/assumptions.yaml:1: not a number"),
        (SAID_NO, "deploy/catalogue/2026.1/items.yaml:3: unknown"),
        (-9, "no such scenario"),
    ],
)
def test_anything_else_is_logged_and_not_told(code: int, errors: str) -> None:
    told = failure(code, errors, HERE)
    for text in (told.zh, told.en):
        assert not errors or errors not in text
        for word in ("Traceback", "/opt", "lianshen-simulate", "deploy"):
            assert word not in text
