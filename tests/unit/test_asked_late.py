"""Departments that are asked late, for the submission itself was long on its way."""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from services.domain.approval import apply_all, begin, next_instant
from services.domain.case import Case, ClockReached
from services.domain.examination import Accept, AskExamination, CloseExamination, Received
from services.domain.route import EDITION
from services.domain.supervision_facts import seen
from tests.unit.routes import CALENDAR, START
from tests.unit.test_acceptance import DAY, OVER, examined_route


def heard_of(at: datetime, edition: int = EDITION) -> tuple[Case, list[Any]]:
    """A submission of START that is heard of at `at`, and what follows until nothing is left."""
    case = begin(replace(examined_route(), edition=edition), CALENDAR, START)
    case, commands = apply_all(case, [ClockReached(at=at), Received(at=START)])
    said = list(commands)
    if (ahead := next_instant(case)) is not None and ahead <= at:
        case, commands = apply_all(case, [ClockReached(at=at)])
        said += commands
    return case, said


def test_who_was_asked_when_his_time_was_over_was_not_silent() -> None:
    """The submission was long on its way: accepted from its receipt, and nobody's silence."""
    at = OVER + 2 * DAY
    case, said = heard_of(at)
    assert {one.at for one in said if isinstance(one, AskExamination)} == {at}
    [accept] = [one for one in said if isinstance(one, Accept)]
    assert (accept.kind, accept.on, accept.silent) == ("deemed", CALENDAR.local_date(START), ())
    closed = [one for one in said if isinstance(one, CloseExamination)]
    assert [(one.silent, one.reason) for one in closed] == [
        (False, "it was asked when its time was over")
    ] * 3
    assert case.examination is not None
    assert case.examination.silent == ()
    facts = seen(case.route, tuple(said), []).facts
    assert not [one for one in facts if one.department is not None], "no card for anybody"
    _, before = heard_of(at, edition=2)
    [accept] = [one for one in before if isinstance(one, Accept)]
    assert accept.silent == ("x", "y", "z"), "by earlier rules they were"


def test_who_was_asked_late_but_in_his_time_is_silent_like_everybody() -> None:
    case, _ = heard_of(START + DAY)
    assert case.examination is not None
    case, said = apply_all(case, [ClockReached(at=OVER)])
    [accept] = [one for one in said if isinstance(one, Accept)]
    assert accept.silent == ("x", "y", "z")
