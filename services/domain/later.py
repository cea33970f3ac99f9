"""Papers that come into being in the course of a project (drawings, completion papers).

A step that needs one does not start without it. When all else is there, the investor is told what
is awaited, nothing is issued, and no clock runs: the days until the papers are there are taken out
of the promise of the whole, and the step's own limits start on the day on which they are handed in.
What is handed in before its turn is simply there. Where the catalogue sets a term, what needs the
paper is given up on the working morning after it: a paper handed in at the last moment may still be
on its way when the term ends.
"""

from collections.abc import Sequence
from datetime import date, datetime

from msgspec.structs import replace

from services.contracts.vocabulary import DateChange, PauseKind, StepState, TaskState
from services.domain.acceptance import MATERIAL
from services.domain.calendar import ONE_DAY
from services.domain.clocks import repromise
from services.domain.examination import Supplemented
from services.domain.happening import CaseEvent
from services.domain.later_events import AskPapers, Awaited
from services.domain.limits import Pause, due_on
from services.domain.route import RoutePaper, RoutePart, RouteStep
from services.domain.turn import Turn, part_key

FORFEITED = "its papers were not handed in within their term"
NOT_COUNTED = "目录：后续材料"
"""What the days of waiting rest on: the catalogue's word that the paper comes later."""


def take(turn: Turn, event: Supplemented) -> None:
    """Take in the later papers among what was handed in, whether their turn has come or not."""
    later = {paper.material for step in turn.route.steps for paper in step.papers}
    given = (subject.partition("/") for subject in event.subjects)
    found = (rest for kind, _, rest in given if kind == MATERIAL)
    new = (one for one in found if one in later and one not in turn.papers)
    turn.papers = (*turn.papers, *dict.fromkeys(new))


def waits(turn: Turn, step: RouteStep) -> bool:
    """Return whether a step whose turn has come must wait for papers; tell of which."""
    lacking = _lacking(turn, step)
    if not lacking:
        return False
    status = turn.steps[step.code]
    awaited = _awaited(turn, step, lacking)
    if awaited != status.awaited:
        turn.steps[step.code] = replace(status, awaited=awaited)
        items = dict.fromkeys(item for paper in lacking for item in paper.items)
        turn.commands.append(
            AskPapers(at=turn.at, step=step.code, items=tuple(items), awaited=awaited)
        )
    return True


def forfeited(turn: Turn, step: RouteStep) -> list[RoutePart]:
    """Return the parts whose papers were awaited in vain until their term was over."""
    awaited = turn.steps[step.code].awaited
    if awaited is None:
        return []
    lasts = ((paper, _last(turn, paper, awaited.since)) for paper in _lacking(turn, step))
    over = (p for p, last in lasts if last is not None and turn.at >= _morning_after(turn, last))
    items = {item for paper in over for item in paper.items}
    return [part for part in step.parts if part.item in items]


def settle(turn: Turn, event: CaseEvent) -> None:
    """End the waiting of steps that lack nothing any more, or are over; move the promise by it."""
    for step in turn.route.steps:
        status = turn.steps[step.code]
        if status.awaited is None:
            continue
        if status.state is StepState.WAITING and _lacking(turn, step):
            continue
        waited = _pause(turn, step, status.awaited)
        turn.steps[step.code] = replace(status, awaited=None, waited=waited)
        repromise(turn, event, DateChange.PAPERS)


def _lacking(turn: Turn, step: RouteStep) -> list[RoutePaper]:
    """Return the papers that are not there, of the items that still wait for their step."""
    if not step.papers:
        return []
    tasks = ((part.item, turn.tasks[part_key(part)].state) for part in step.parts)
    waiting = {item for item, state in tasks if state is TaskState.WAITING}
    return [
        paper
        for paper in step.papers
        if paper.material not in turn.papers and not waiting.isdisjoint(paper.items)
    ]


def _awaited(turn: Turn, step: RouteStep, lacking: Sequence[RoutePaper]) -> Awaited:
    before = turn.steps[step.code].awaited
    # After a deemed acceptance the day on which he is told is later than that of the acceptance.
    since = turn.today if before is None else before.since
    lasts = (_last(turn, paper, since) for paper in lacking)
    last = min((one for one in lasts if one is not None), default=None)
    return Awaited(
        since=since,
        materials=tuple(paper.material for paper in lacking),
        until=None if last is None else turn.calendar.close_of(last),
        forfeit_at=None if last is None else _morning_after(turn, last),
    )


def _last(turn: Turn, paper: RoutePaper, since: date) -> date | None:
    """Return the last day of a paper's term; None where it has none."""
    return None if paper.term is None else due_on(paper.term, since, turn.calendar)


def _morning_after(turn: Turn, last: date) -> datetime:
    calendar = turn.calendar
    return calendar.opening_of(calendar.next_working_day(last + ONE_DAY))


def _pause(turn: Turn, step: RouteStep, awaited: Awaited) -> Pause | None:
    """Return the days that were waited: after the day the step's turn came, to today."""
    first = awaited.since + ONE_DAY
    if turn.today < first:
        return None
    return Pause(
        kind=PauseKind.PAPERS,
        from_on=first,
        until_on=turn.today,
        cap=None,
        notice=f"{turn.route.application}/{step.code}/papers",
        article=NOT_COUNTED,
    )
