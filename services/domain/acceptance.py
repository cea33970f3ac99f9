"""Acceptance by the departments (行政许可法 32): before it nothing of the plan begins.

All departments that decide something look at the papers at the same time. What they find is merged
into one notice, within five working days of the receipt. Who does not answer misses nothing, and
that is recorded against him; when no notice goes out in time, the application counts as accepted
from the day of its receipt. A further notice names only what was not supplied of the first.

The last working day of the limit belongs to the merging: departments are asked until the close of
business before it. In the morning of the last day the notice goes out with what was found. Where
nothing was found until then, the silent may still speak on that day; after it their time is over.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import date
from typing import Any

from msgspec.structs import replace

from services.contracts.vocabulary import AcceptanceKind, LimitStart, Part
from services.domain import arrivals
from services.domain.calendar import WorkingCalendar
from services.domain.examination import (
    OVER,
    Accept,
    AskExamination,
    CloseExamination,
    Examination,
    Examined,
    Examiner,
    ExaminerState,
    Received,
    RecordExamination,
    SendNotice,
)
from services.domain.happening import CaseEvent
from services.domain.limits import due_on, is_provisional
from services.domain.route import Route, RouteAcceptance, RoutePart, RouteStep
from services.domain.turn import Turn

MATERIAL, CONDITION = "material", "condition"


def examination_name(application: str, department: str, number: int) -> str:
    """Return the name of a department's n-th look: it is built like that of a task."""
    return f"{application}/examination/{department}/{number}"


def material_subject(material: str) -> str:
    """Return the subject that a material is."""
    return f"{MATERIAL}/{material}"


def users_of(route: Route, subject: str) -> frozenset[str]:
    """Return the departments that a subject concerns: they use it, or decide on its item."""
    kind, _, rest = subject.partition("/")
    rule = route.acceptance
    if kind == MATERIAL and rule is not None:
        return frozenset(rule.uses.get(rest, ()))
    item = rest.partition("/")[0]
    parts = (part for step in route.steps for part in step.parts)
    return frozenset(p.department for p in parts if p.item == item and p.part is Part.DECIDE)


def promise_from(route: Route, start: date, calendar: WorkingCalendar) -> date:
    """Return the day by which everything is promised when it starts on `start`.

    The planner's forward pass over the route: a step starts when all that it requires is due, and
    is due by the earliest of its deciding parts.
    """
    due: dict[str, date] = {}
    for step in route.steps:
        needed = {item for part in step.parts for item in part.requires}
        begin = max((due[item] for item in needed if item in due), default=start)
        budgets = (part.promised for part in step.parts if part.part is Part.DECIDE)
        ends = min(due_on(budget, begin, calendar) for budget in budgets)
        due |= {part.item: ends for part in step.parts}
    return max(due.values(), default=start)


def statute_start(turn: Turn, step: RouteStep, part: RoutePart) -> date:
    """Return the day on which the limit that the law sets a part of a begun step starts.

    What a law counts from receipt (环境影响评价法 22, 建筑法 8) counts from the receipt of the
    application where the step began with its acceptance, and needed no paper that came later.
    """
    started = turn.steps[step.code].started_on or turn.today
    examination, statute = turn.examination, part.statute
    if examination is None or statute is None or statute.start is not LimitStart.RECEIPT:
        return started
    waited = bool(step.papers) or any(other.requires for other in step.parts)
    return started if waited else min(started, examination.received_on)


def _received(turn: Turn, event: Received) -> None:
    rule = turn.route.acceptance
    if rule is None or turn.examination is not None:
        turn.ignore(event, "the application is being examined already")
        return
    day = turn.calendar.local_date(event.at)
    turn.examination = with_limit(turn, rule, day, {code: Examiner() for code in rule.departments})
    ask(turn, rule.departments)


def with_limit(
    turn: Turn, rule: RouteAcceptance, day: date, examiners: dict[str, Examiner]
) -> Examination:
    """Return an examination whose limit counts from `day`."""
    calendar = turn.calendar
    last = due_on(rule.budget, day, calendar)
    return Examination(
        received_on=day,
        answer_by=calendar.close_of(calendar.previous_working_day(last)),
        notice_from=calendar.opening_of(last),
        notice_until=calendar.close_of(last),
        examiners=examiners,
    )


def ask(turn: Turn, departments: Iterable[str], corrected: Collection[str] | None = None) -> None:
    """Ask departments to look, each once more than before.

    After a correction what one has found stands until it says otherwise, less what is `corrected`.
    """
    examination = standing(turn)
    examiners = dict(examination.examiners)
    for department in departments:
        before = examiners[department]
        number = before.number + 1
        found = () if corrected is None else before.findings
        kept = tuple(subject for subject in found if subject not in (corrected or ()))
        examiners[department] = Examiner(
            number=number,
            state=ExaminerState.ASKED,
            findings=kept,
            ref=before.ref if kept else "",
            too_late=turn.edition_3 and turn.at > examination.answer_by,
        )
        turn.commands.append(
            AskExamination(
                at=turn.at,
                task=examination_name(turn.route.application, department, number),
                department=department,
                round=examination.round,
                subjects=_nameable(turn.route, examination, department),
                until=examination.answer_by,
                notice_until=examination.notice_until,
            )
        )
    turn.examination = replace(examination, examiners=examiners)


def _nameable(route: Route, examination: Examination, department: str) -> tuple[str, ...]:
    """What a department may name: its materials; later only what is left of the first notice.

    In the first round it may name the conditions of its items too: the catalogue has them.
    """
    first = () if route.acceptance is None else map(material_subject, route.acceptance.uses)
    subjects = first if examination.round == 1 else examination.open_subjects
    return tuple(s for s in subjects if department in users_of(route, s))


def standing(turn: Turn) -> Examination:
    """Return the examination, which there is from `Received` on."""
    assert turn.examination is not None  # noqa: S101  nothing else is applied before `Received`
    return turn.examination


def _examined(turn: Turn, event: Examined) -> None:
    reach_limit(turn)
    examination = turn.examination
    examiner = None if examination is None else examination.examiners.get(event.department)
    if arrivals.puts_right(turn, event):
        return
    if turn.accepted or examination is None or examiner is None:
        turn.ignore(event, "the application is accepted, or this department was not asked")
        return
    name = examination_name(turn.route.application, event.department, examiner.number)
    if event.task != name or examiner.state is not ExaminerState.ASKED:
        turn.ignore(event, f"the examination is {examiner.state}")
        return
    allowed = tuple(f for f in event.findings if _may_name(turn, event.department, f))
    if len(allowed) < len(event.findings):
        refused = ", ".join(f for f in event.findings if f not in allowed)
        turn.ignore(event, f"not of this department, or not of the first notice: {refused}")
    state = ExaminerState.INCOMPLETE if allowed else ExaminerState.COMPLETE
    found = replace(examiner, state=state, findings=allowed, ref=event.ref)
    turn.examination = replace(
        examination, examiners={**examination.examiners, event.department: found}
    )
    turn.commands.append(
        RecordExamination(
            at=event.at,
            task=event.task,
            department=event.department,
            round=examination.round,
            findings=allowed,
            ref=event.ref,
        )
    )
    stale = examination.corrected_after(event.at)
    if event.department in concerned(turn.route, stale):
        _look_again(turn, event.department, stale)
    reach_limit(turn)
    _settle(turn)


def _look_again(turn: Turn, department: str, corrected: Collection[str]) -> None:
    """Ask a department again that has looked at a paper which was replaced.

    From the morning of the last day on the time to ask is over: it would be asked and silent in
    one breath. What else it found stands, and what was put right is not asked for.
    """
    examination = standing(turn)
    if turn.at < examination.notice_from:
        ask(turn, [department], corrected)
        return
    one = examination.examiners[department]
    kept = tuple(subject for subject in one.findings if subject not in corrected)
    state = ExaminerState.INCOMPLETE if kept else ExaminerState.COMPLETE
    said = replace(one, state=state, findings=kept, ref=one.ref if kept else "")
    turn.examination = replace(examination, examiners={**examination.examiners, department: said})


def _may_name(turn: Turn, department: str, subject: str) -> bool:
    examination = standing(turn)
    if department not in users_of(turn.route, subject):
        return False
    return examination.round == 1 or subject in examination.open_subjects


def _settle(turn: Turn) -> None:
    """When all have answered: accept, or send the notice."""
    examination = standing(turn)
    if turn.accepted or examination.is_waiting or examination.asked:
        return
    if examination.findings:
        _send_notice(turn)
    else:
        _accept(turn, AcceptanceKind.EXPLICIT, turn.today)


def reach_limit(turn: Turn) -> None:
    """Do what the limit of the notice says at the turn's instant."""
    examination = turn.examination
    if turn.accepted or examination is None or examination.is_waiting:
        return
    if turn.at >= examination.notice_until + OVER:
        _close_silent(turn)
        _accept(turn, AcceptanceKind.DEEMED, examination.received_on)
    elif turn.at >= examination.notice_from and examination.findings:
        _close_silent(turn)
        _send_notice(turn)


def _close_silent(turn: Turn) -> None:
    """Record the silence of those who have not answered: they miss nothing any more.

    Who was asked when his time was over was not silent: only the authority as a whole was.
    """
    examination = standing(turn)
    examiners = dict(examination.examiners)
    late = tuple(code for code in examination.asked if examiners[code].too_late)
    silent = tuple(code for code in examination.asked if code not in late)
    names = (
        examination_name(turn.route.application, code, examiners[code].number) for code in silent
    )
    _close(turn, silent, silent=True, reason="no answer came in time (行政许可法 32(4))")
    _close(turn, late, silent=False, reason="it was asked when its time was over")
    examiners |= {code: replace(examiners[code], state=ExaminerState.SILENT) for code in silent}
    examiners |= {code: replace(examiners[code], state=ExaminerState.NOT_ASKED) for code in late}
    turn.examination = replace(
        examination,
        examiners=examiners,
        silent=(*examination.silent, *silent),
        closings=examination.closings | arrivals.closed(turn, names),
    )


def _close(turn: Turn, departments: Iterable[str], *, silent: bool, reason: str) -> None:
    examiners = standing(turn).examiners
    for department in departments:
        turn.commands.append(
            CloseExamination(
                at=turn.at,
                task=examination_name(
                    turn.route.application, department, examiners[department].number
                ),
                department=department,
                silent=silent,
                reason=reason,
            )
        )


def _send_notice(turn: Turn) -> None:
    examination = standing(turn)
    speaking = {code: one for code, one in examination.examiners.items() if one.findings}
    turn.commands.append(
        SendNotice(
            at=turn.at,
            round=examination.round,
            findings={code: one.findings for code, one in speaking.items()},
            refs=tuple(one.ref for one in speaking.values()),
            silent=examination.silent,
        )
    )
    turn.examination = replace(
        examination,
        is_waiting=True,
        open_subjects=examination.findings,
        outstanding=examination.findings,
        supplied=(),
    )


def concerned(route: Route, subjects: Iterable[str]) -> set[str]:
    """Return the departments that use any of the papers."""
    return {code for subject in subjects for code in users_of(route, subject)}


def _accept(turn: Turn, kind: AcceptanceKind, on: date) -> None:
    """Accept as of a day, and promise from that day on."""
    examination, calendar = standing(turn), turn.calendar
    promised_on = promise_from(turn.route, on, calendar)
    turn.accepted, turn.starts_on = True, on
    turn.route = replace(
        turn.route,
        start=on,
        promised_at=calendar.close_of(promised_on),
        promised_days=calendar.working_days_between(on, promised_on),
    )
    turn.promised_at = turn.route.promised_at
    turn.examination = replace(examination, kind=kind)
    turn.commands.append(
        Accept(
            at=turn.at,
            kind=kind,
            on=on,
            received_on=examination.received_on,
            silent=examination.silent,
            promised_at=turn.promised_at,
            promised_days=turn.route.promised_days,
            provisional=is_provisional(on, promised_on, calendar),
        )
    )


def abandon(turn: Turn) -> None:
    """Take every open examination off its queue: the application was withdrawn."""
    if turn.examination is not None and not turn.accepted:
        asked = turn.examination.asked
        _close(turn, asked, silent=False, reason="the application was withdrawn")


def reckon_anew(turn: Turn) -> None:
    """Derive the limit of the notice again, under the turn's calendar."""
    examination, rule = turn.examination, turn.route.acceptance
    if examination is None or rule is None or turn.accepted or examination.is_waiting:
        return
    limit = with_limit(turn, rule, examination.received_on, examination.examiners)
    turn.examination = replace(
        examination,
        answer_by=limit.answer_by,
        notice_from=limit.notice_from,
        notice_until=limit.notice_until,
    )


TRANSITIONS: dict[type[CaseEvent], Callable[[Turn, Any], None]] = {
    Received: _received,
    Examined: _examined,
}
