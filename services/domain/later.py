"""Papers that come into being in the course of a project (drawings, completion papers).

A step that needs one does not start without it. When all else is there, the investor is told what
is awaited, nothing is issued, and no clock runs: the days until the papers are there are taken out
of the promise of the whole, and the step's own limits start on the day on which they are handed in.
What is handed in before its turn is simply there. Where the catalogue sets a term, intake is asked
on the working morning after it: its store has taken a paper in time, which is on its way, or closes
what did not come. What needs that is given up; the arrival of a message decides nothing.
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
from services.domain.later_events import (
    AskPapers,
    AskPapersLapse,
    Awaited,
    GiveUpPapers,
    PapersLapsed,
)
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
    vain = _over(turn, step, awaited)
    if turn.edition_3:
        _ask_intake(turn, step, vain)
        vain = turn.steps[step.code].papers_closed
    items = {item for paper in step.papers if paper.material in vain for item in paper.items}
    return [part for part in step.parts if part.item in items]


def _over(turn: Turn, step: RouteStep, awaited: Awaited) -> tuple[str, ...]:
    """Return the papers that are lacking on the morning after their term, or later."""
    untils = _untils(turn, step, awaited.since)
    return tuple(
        material for material, until in untils.items() if turn.at >= _morning_after(turn, until)
    )


def _ask_intake(turn: Turn, step: RouteStep, over: Sequence[str]) -> None:
    """Ask intake's store, once, which papers have come in their term."""
    asked = turn.steps[step.code].papers_asked
    new = tuple(material for material in over if material not in asked)
    if not new or turn.held:
        return
    turn.change_step(step.code, papers_asked=(*asked, *new))
    turn.change_step(step.code, awaited=_awaited(turn, step, _lacking(turn, step)))
    turn.commands.append(AskPapersLapse(at=turn.at, step=step.code, materials=new))


def lapsed(turn: Turn, event: PapersLapsed) -> None:
    """Take in which papers did not come in their term."""
    status = turn.steps.get(event.step)
    known = () if status is None or status.awaited is None else status.papers_asked
    closed = tuple(one for one in event.materials if one in known and one not in turn.papers)
    if status is None or not closed:
        turn.ignore(event, "no such papers are awaited")
        return
    turn.change_step(event.step, papers_closed=(*status.papers_closed, *closed))
    turn.commands.append(GiveUpPapers(at=event.at, step=event.step, materials=closed))


def settle(turn: Turn, event: CaseEvent) -> None:
    """End the waiting of steps that lack nothing any more, or are over; move the promise by it."""
    for step in turn.route.steps:
        status = turn.steps[step.code]
        if status.awaited is None:
            continue
        if status.state is StepState.WAITING and _lacking(turn, step):
            continue
        waited = _pause(turn, step, status.awaited, event)
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
    status = turn.steps[step.code]
    before, asked = status.awaited, status.papers_asked
    # After a deemed acceptance the day on which he is told is later than that of the acceptance.
    since = turn.today if before is None else before.since
    untils = _untils(turn, step, since)
    next_ = min((until for name, until in untils.items() if name not in asked), default=None)
    return Awaited(
        since=since,
        materials=tuple(paper.material for paper in lacking),
        until=min(untils.values(), default=None),
        untils=untils if turn.edition_3 else {},
        forfeit_at=None if next_ is None else _morning_after(turn, next_),
    )


def _untils(turn: Turn, step: RouteStep, since: date) -> dict[str, datetime]:
    """Return the end of the term of each lacking paper that has one.

    A calendar may prolong what was told, and never shortens it. It moves nothing any more of which
    intake was asked. By earlier rules a term was what the calendar of the day made it.
    """
    status = turn.steps[step.code]
    told = {} if status.awaited is None else status.awaited.untils
    found = {}
    for paper in _lacking(turn, step):
        if paper.term is None:
            continue
        until = turn.calendar.close_of(due_on(paper.term, since, turn.calendar))
        known = told.get(paper.material, until)
        asked = paper.material in status.papers_asked
        found[paper.material] = known if asked else max(known, until)
    return found


def _morning_after(turn: Turn, until: datetime) -> datetime:
    calendar = turn.calendar
    return calendar.opening_of(calendar.next_working_day(calendar.local_date(until) + ONE_DAY))


def _pause(turn: Turn, step: RouteStep, awaited: Awaited, event: CaseEvent) -> Pause | None:
    """Return the days that were waited: after the day the step's turn came, to the last of them."""
    first, last = awaited.since + ONE_DAY, _waited_until(turn, awaited, event)
    if last < first:
        return None
    return Pause(
        kind=PauseKind.PAPERS,
        from_on=first,
        until_on=last,
        cap=None,
        notice=f"{turn.route.application}/{step.code}/papers",
        article=NOT_COUNTED,
    )


def _waited_until(turn: Turn, awaited: Awaited, event: CaseEvent) -> date:
    """Return the last day of waiting: that of the last paper, and none after the term.

    The days that its message takes are not the investor's. By earlier rules they were.
    """
    if not turn.edition_3:
        return turn.today
    day = turn.calendar.local_date(event.at) if isinstance(event, Supplemented) else turn.today
    return day if awaited.until is None else min(day, turn.calendar.local_date(awaited.until))
