"""Answers to an examination that were committed in time and are heard of too late.

The instant of the department's commit is the truth about the department, so its silence is struck
out. It is not the truth about the applicant: what nobody told him in time he need not put right
(行政许可法 32(4)). The one notice stands as it went out, and so does the acceptance.
"""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from services.contracts.vocabulary import AcceptanceState
from services.domain.examination import (
    OVER,
    Examination,
    Examined,
    ExaminerState,
    StrikeSilence,
)
from services.domain.turn import Turn


def closed(turn: Turn, names: Iterable[str]) -> dict[str, datetime]:
    """Return, for examinations that end in silence now, until when an answer was in time.

    That is until the notice went out, and never after the limit of the law.
    """
    examination = turn.examination
    if examination is None or not turn.settles_late:
        return {}
    return dict.fromkeys(names, min(turn.at, examination.notice_until + OVER))


def puts_right(turn: Turn, event: Examined) -> bool:
    """Strike out the silence that an answer in time was recorded as; return whether it was."""
    examination = turn.examination
    if examination is None or event.task not in examination.closings:
        return False
    if event.at >= examination.closings[event.task]:
        return False
    silent = list(examination.silent)
    silent.remove(event.department)
    turn.examination = replace(
        examination,
        silent=tuple(silent),
        closings={k: v for k, v in examination.closings.items() if k != event.task},
        examiners=_heard(examination, event),
    )
    turn.commands.append(
        StrikeSilence(
            at=event.at,
            task=event.task,
            department=event.department,
            findings=event.findings,
            ref=event.ref,
            arrived_at=turn.at,
            state=_state(turn, examination),
            round=examination.round,
            outstanding=examination.outstanding,
            silent=turn.examination.silent,
        )
    )
    return True


def _heard(examination: Examination, event: Examined) -> dict[str, object]:
    """A department that has been asked anew in the meantime is not done with that."""
    one = examination.examiners[event.department]
    if one.state is ExaminerState.SILENT:
        one = replace(one, state=ExaminerState.DELAYED)
    return {**examination.examiners, event.department: one}


def _state(turn: Turn, examination: Examination) -> AcceptanceState:
    if turn.accepted:
        return AcceptanceState.ACCEPTED
    waits = examination.is_waiting
    return AcceptanceState.SUPPLEMENTING if waits else AcceptanceState.EXAMINING
