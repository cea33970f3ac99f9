"""What one turn of an application says to the supervision, read from its commands.

A deadline that spoke and was taken back within the same turn says nothing. What the limits of a
task were is added by the caller, who knows them as they stand after the turn.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from services.contracts.vocabulary import (
    AcceptanceKind,
    Part,
    SessionState,
    Signal,
    Silence,
    TaskState,
)
from services.domain.case import AnyCommand, EndTask, LiftSignal, RaiseSignal, Redate
from services.domain.examination import (
    Accept,
    CloseExamination,
    RecordExamination,
    StrikeSilence,
)
from services.domain.limit_events import SetLimit
from services.domain.limits import Ledger
from services.domain.route import Route, RoutePart, RouteStep
from services.domain.session_events import TellSession
from services.domain.supervision import Evidence, Fact, Overrun, Removal, text_of
from services.domain.supervision_rules import FactKind

TOUCHING = (
    *(RaiseSignal, LiftSignal, EndTask, TellSession),
    *(CloseExamination, RecordExamination, StrikeSilence),
)
"""The commands that can say anything: a turn without them is not looked at."""
OF_TASKS = {
    Signal.PROMISE_PASSED: FactKind.PROMISE_PASSED,
    Signal.STATUTE_PASSED: FactKind.STATUTE_PASSED,
    Signal.FIRST_REVIEW_OVERDUE: FactKind.FIRST_REVIEW_OVERDUE,
    Signal.DELIVERY_OVERDUE: FactKind.DELIVERY_OVERDUE,
}
"""Signals of a task that a card can rest on; the warning is shown as it is."""


OF_WHOLE = {Signal.JOINT_LIMIT_PASSED: FactKind.JOINT_LIMIT_PASSED}
"""Signals of an application as a whole. Its promise is not among them: whoever is behind that has
overrun a step."""


LIMITS = {
    FactKind.PROMISE_PASSED: "promised_at",
    FactKind.STEP_PASSED: "promised_at",
    FactKind.STATUTE_PASSED: "statutory_at",
}
"""The limit of a task that a fact is about."""


class Seen(Struct, frozen=True, kw_only=True):
    """What a turn says: facts, and facts of before that are none any more."""

    facts: tuple[Fact, ...] = ()
    removals: tuple[Removal, ...] = ()


def touches(commands: Iterable[AnyCommand]) -> bool:
    """Whether a turn can say anything to the supervision."""
    return any(isinstance(command, TOUCHING) for command in commands)


def whole_passed_at(commands: Iterable[AnyCommand]) -> datetime | None:
    """Return when a limit of the whole passed: whoever had it in hand then answers for it."""
    for said in _last_words(commands):
        if isinstance(said, RaiseSignal) and said.task is None and said.signal in OF_WHOLE:
            return said.at
    return None


def seen(
    route: Route,
    commands: Sequence[AnyCommand],
    events: Sequence[Mapping[str, Any]],
    holders: Iterable[str] = (),
) -> Seen:
    """Return what a turn says.

    Args:
        route: of the application.
        commands: of the turn, in order.
        events: the core's events of the turn, as plain data.
        holders: the departments that had tasks in hand at `whole_passed_at`.
    """
    facts = (
        *_signals(route, commands, tuple(dict.fromkeys(holders))),
        *_silences(route, commands),
        *_examinations(route, commands),
        *_named_later(route, commands, events),
        *_absences(route, commands),
    )
    return Seen(facts=facts, removals=tuple(_removals(route, commands)))


def with_limit(fact: Fact, *, issued_at: datetime, due_at: datetime, ledger: Ledger) -> Fact:
    """Return a fact with the limit that it is about, as it stands after the turn."""
    return replace(fact, overrun=Overrun(issued_at=issued_at, due_at=due_at, ledger=ledger))


def kind_of(signal: Signal, step: RouteStep, part: RoutePart) -> FactKind | None:
    """Return what a signal of a task is: of a merged step it is the step that is overrun.

    A unit whose silence counts is asked about it when the promise passes: its silence is the fact.
    """
    if signal is Signal.PROMISE_PASSED:
        if part.part is Part.CONSULT and part.silence is not Silence.NONE:
            return None
        return FactKind.STEP_PASSED if step.group else FactKind.PROMISE_PASSED
    return OF_TASKS.get(signal)


def _last_words(commands: Iterable[AnyCommand]) -> Iterator[RaiseSignal | LiftSignal]:
    """Yield the last word about each signal."""
    last: dict[tuple[str | None, Signal], RaiseSignal | LiftSignal] = {}
    for command in commands:
        if isinstance(command, RaiseSignal | LiftSignal):
            last[command.task, command.signal] = command
    yield from last.values()


def _signals(
    route: Route, commands: Sequence[AnyCommand], holders: tuple[str, ...]
) -> Iterator[Fact]:
    for said in _last_words(commands):
        if isinstance(said, LiftSignal):
            continue
        if said.task is None:
            yield from _of_whole(route, said, holders)
            continue
        step, part = _part(route, said.task)
        kind = kind_of(said.signal, step, part)
        if kind is not None:
            evidence = {"step": step.code, "passed_at": text_of(said.at)}
            yield _fact(route, kind, part, said, evidence)


def _of_whole(route: Route, said: RaiseSignal, holders: tuple[str, ...]) -> Iterator[Fact]:
    """A limit of the whole is answered for by whoever holds it back (行政许可法 42(2))."""
    kind = OF_WHOLE.get(said.signal)
    if kind is None:
        return
    for department in holders:
        yield Fact(
            kind=kind,
            subject=_whole(route, said.signal),
            department=department,
            at=said.at,
            application=route.application,
            evidence={"passed_at": text_of(said.at), "holders": list(holders)},
        )


def _whole(route: Route, signal: Signal) -> str:
    return f"{route.application}/{signal}"


def _silences(route: Route, commands: Sequence[AnyCommand]) -> Iterator[Fact]:
    for command in commands:
        if isinstance(command, EndTask) and command.state is TaskState.LAPSED:
            step, part = _part(route, command.task)
            evidence = {"step": step.code, "lapsed_at": text_of(command.at)}
            decides = part.part is Part.DECIDE
            kind = FactKind.RENEWAL_LAPSED if decides else FactKind.OPINION_LAPSED
            yield _fact(route, kind, part, command, evidence)


def _fact(
    route: Route,
    kind: FactKind,
    part: RoutePart,
    said: RaiseSignal | EndTask,
    evidence: Evidence,
) -> Fact:
    task = said.task or ""
    return Fact(
        kind=kind,
        subject=task,
        department=part.department,
        at=said.at,
        application=route.application,
        item=part.item,
        task=task,
        evidence=evidence,
    )


def _examinations(route: Route, commands: Sequence[AnyCommand]) -> Iterator[Fact]:
    """Silence at the examination: where the application counts as accepted by it, it is graver.

    Silence that an answer in time strikes out within the same turn was none.
    """
    struck = {c.task for c in commands if isinstance(c, StrikeSilence)}
    deemed = next(
        (c for c in commands if isinstance(c, Accept) and c.kind is AcceptanceKind.DEEMED), None
    )
    for command in commands:
        if not isinstance(command, CloseExamination) or not command.silent:
            continue
        if command.task in struck:
            continue
        evidence: Evidence = {"examination": command.task}
        if deemed is not None:
            evidence |= {"received_on": deemed.received_on.isoformat()}
            evidence |= {"accepted_on": deemed.on.isoformat()}
        yield Fact(
            kind=FactKind.EXAMINATION_SILENT if deemed is None else FactKind.ACCEPTANCE_DEEMED,
            subject=command.task,
            department=command.department,
            at=command.at,
            application=route.application,
            evidence=evidence,
        )


def _named_later(
    route: Route, commands: Sequence[AnyCommand], events: Sequence[Mapping[str, Any]]
) -> Iterator[Fact]:
    """A later examination that names what the first notice did not: it was not told all at once."""
    named = {event.get("ref"): event.get("findings", ()) for event in events}
    for command in commands:
        if not isinstance(command, RecordExamination) or command.round == 1:
            continue
        later = [one for one in named.get(command.ref, ()) if one not in command.findings]
        if later:
            yield Fact(
                kind=FactKind.NEW_FINDINGS,
                subject=command.task,
                department=command.department,
                at=command.at,
                application=route.application,
                evidence={"examination": command.task, "round": command.round, "named": later},
            )


def _absences(route: Route, commands: Sequence[AnyCommand]) -> Iterator[Fact]:
    """Who sent neither its officer nor a substitute to a session that was held.

    What settles an answer only says again who was absent: that is no new fact.
    """
    for command in commands:
        if not isinstance(command, TellSession) or command.state is not SessionState.HELD:
            continue
        if command.settled is not None:
            continue
        for department in command.absent:
            yield Fact(
                kind=FactKind.SESSION_MISSED,
                subject=f"{route.application}/session/{command.session}",
                department=department,
                at=command.at,
                application=route.application,
                evidence={
                    "step": command.step,
                    "session": command.session,
                    "starts_at": text_of(command.starts_at),
                },
            )


def _removals(route: Route, commands: Sequence[AnyCommand]) -> Iterator[Removal]:
    moved = {c.task: c.why for c in commands if isinstance(c, Redate | SetLimit) and c.why}
    for said in _last_words(commands):
        if isinstance(said, RaiseSignal):
            continue
        if said.task is None:
            kind, subject = OF_WHOLE.get(said.signal), _whole(route, said.signal)
        else:
            kind, subject = kind_of(said.signal, *_part(route, said.task)), said.task
        if kind is not None:
            yield Removal(
                kind=kind,
                subject=subject,
                at=said.at,
                application=route.application,
                why=moved.get(said.task),
            )
    for command in commands:
        if isinstance(command, StrikeSilence):
            for kind in (FactKind.EXAMINATION_SILENT, FactKind.ACCEPTANCE_DEEMED):
                yield Removal(
                    kind=kind, subject=command.task, at=command.at, application=route.application
                )


def _part(route: Route, task: str) -> tuple[RouteStep, RoutePart]:
    _, item, department, _ = task.split("/")
    return route.parts[f"{item}/{department}"]
