"""What simulated stores answer when they are asked whether something had come in time.

A simulated message takes no time: whatever had come was told already, so the answer is silence.
"""

from collections.abc import Callable
from typing import Any

from services.domain.case import AnyEvent, AskLapse, Lapsed
from services.domain.later_events import AskPapersLapse, PapersLapsed
from services.domain.rectifying import AskRectificationLapse, RectificationLapsed


def _unit(asked: AskLapse) -> AnyEvent:
    return Lapsed(at=asked.at, task=asked.task)


def _intake(asked: AskRectificationLapse) -> AnyEvent:
    return RectificationLapsed(at=asked.at, step=asked.step, round=asked.round)


def _papers(asked: AskPapersLapse) -> AnyEvent:
    return PapersLapsed(at=asked.at, step=asked.step, materials=asked.materials)


ANSWERS: dict[type, Callable[[Any], AnyEvent]] = {
    AskLapse: _unit,
    AskRectificationLapse: _intake,
    AskPapersLapse: _papers,
}
