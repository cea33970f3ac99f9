"""What the investor hands in before the acceptance: corrections, and answers to a notice.

A correction on the spot (行政许可法 32(3)) is seen by who has looked at the old paper, in whatever
order the two are heard of; what else was found stands. One that was on its way when the notice went
out is a piece of the answer to it: nobody is asked twice for what he has put right already.
"""

from msgspec.structs import replace

from services.contracts.vocabulary import AcceptanceState
from services.domain.acceptance import ask, concerned, reach_limit, standing, with_limit
from services.domain.examination import Correction, Examination, Supplemented, TakeSupplement
from services.domain.turn import Turn


def supplemented(turn: Turn, event: Supplemented) -> None:
    """Take in what was handed in."""
    reach_limit(turn)
    examination = turn.examination
    if turn.accepted or examination is None:
        _take(turn, event, ())
    elif not _may_come(turn, examination, event.round):
        turn.ignore(event, "no such notice is to be answered")
    elif examination.is_waiting and (event.round or turn.settles_late):
        _answer(turn, event)
    else:
        _correct(turn, event)


def _may_come(turn: Turn, examination: Examination, round_: int) -> bool:
    """Whether what answers a round can be applied: also that of one which is over by now."""
    if examination.is_waiting and round_ == examination.round:
        return True
    return round_ == 0 or (turn.settles_late and round_ < examination.round)


def _take(turn: Turn, event: Supplemented, outstanding: tuple[str, ...]) -> None:
    waits = turn.examination is not None and turn.examination.is_waiting
    state = AcceptanceState.SUPPLEMENTING if waits else AcceptanceState.EXAMINING
    turn.commands.append(
        TakeSupplement(
            at=turn.at if turn.accepted else turn.instant_of(event),
            state=AcceptanceState.ACCEPTED if turn.accepted else state,
            round=event.round,
            subjects=event.subjects,
            outstanding=outstanding,
        )
    )


def _correct(turn: Turn, event: Supplemented) -> None:
    """Let those look again, within the same limit, who have looked at the old paper."""
    examination = standing(turn)
    _take(turn, event, examination.outstanding)
    if examination.is_waiting:
        return
    corrected = frozenset(event.subjects) if turn.settles_late else None
    if corrected is not None:
        correction = Correction(at=event.at, subjects=event.subjects)
        turn.examination = replace(examination, corrections=(*examination.corrections, correction))
    users, asked = concerned(turn.route, event.subjects), examination.asked
    again = [code for code in examination.examiners if code in users and code not in asked]
    ask(turn, again, corrected)


def _answer(turn: Turn, event: Supplemented) -> None:
    """A piece of the answer to a notice. With the last of them a new limit starts."""
    before = standing(turn)
    left = tuple(subject for subject in before.outstanding if subject not in event.subjects)
    supplied = tuple(dict.fromkeys((*before.supplied, *event.subjects)))
    _take(turn, event, left)
    turn.examination = replace(before, outstanding=left, supplied=supplied)
    rule = turn.route.acceptance
    is_all = event.complete and event.round == before.round
    if rule is None or (left and not is_all):
        return
    again = concerned(turn.route, supplied)
    again |= {code for code, one in before.examiners.items() if one.findings}
    limit = with_limit(turn, rule, turn.calendar.local_date(event.at), dict(before.examiners))
    turn.examination = replace(
        limit,
        round=before.round + 1,
        open_subjects=before.open_subjects,
        outstanding=left,
        supplied=supplied,
        silent=before.silent,
        closings=before.closings,
    )
    ask(turn, [code for code in before.examiners if code in again])
