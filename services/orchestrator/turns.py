"""Carrying out the turns of workflows: what the core commanded becomes rows and messages.

Turns of many applications that arrive together are written in one transaction. A turn is carried
out once: `application.turn` only ever moves from n-1 to n, so a repeated activity changes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from services.contracts.events import (
    ApplicationProgressed,
    Event,
    MaterialRef,
    RectificationAsked,
    RectificationLapseDue,
    Result,
    TaskCancelled,
    TaskDecided,
    TaskIssued,
    TaskLapseDue,
    TaskProgress,
)
from services.contracts.later import PapersLapseDue
from services.contracts.topics import PROGRESS, TASKS, consumers_of, tasks_topic
from services.contracts.vocabulary import ApplicationStatus, DepartmentSystem, Part, TaskState
from services.domain.case import (
    AnyCommand,
    AskLapse,
    AskRectification,
    ChangeLedger,
    EndTask,
    IssueTask,
    Redate,
    Release,
)
from services.domain.examination import (
    Accept,
    AskExamination,
    CloseExamination,
    RecordExamination,
    SendNotice,
    StrikeSilence,
    TakeSupplement,
)
from services.domain.later_events import AskPapersLapse
from services.domain.limit_events import EndLimit, MoveNotice, RedateExamination, SetLimit
from services.domain.rectifying import AskRectificationLapse
from services.domain.route import Route, RoutePart
from services.domain.turn import part_key
from services.orchestrator import acceptance_turns, clock_turns, limit_turns, renewal_turns
from services.orchestrator.told import Told, due_of
from services.runtime.messages import Outgoing

NOT_JOINT = (None, None)
"""Group and lead of a step that is no merged one."""


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """What of an application never changes: read once, kept while it is hot."""

    number: str
    project_code: str
    scenario: str
    facts: dict[str, Any]
    route: Route
    applicant_refs: tuple[str, ...]
    materials: tuple[MaterialRef, ...]
    traceparent: str | None
    parts: dict[str, tuple[str, RoutePart]]
    participants: dict[str, tuple[str, ...]]
    joint: dict[str, tuple[str | None, str | None]]


def pinned(row: Any, route: Route, shared: dict[str, Any], facts: dict[str, Any]) -> Pinned:
    """Build the pinned part of an application from its row."""
    return Pinned(
        number=row["number"],
        project_code=row["project_code"],
        scenario=row["scenario"],
        facts=facts,
        route=route,
        applicant_refs=tuple(shared["applicant_refs"]),
        materials=tuple(MaterialRef.model_validate(found) for found in shared["materials"]),
        traceparent=row["traceparent"],
        parts={part_key(p): (step.code, p) for step in route.steps for p in step.parts},
        participants={
            step.code: tuple(dict.fromkeys(p.department for p in step.parts))
            for step in route.steps
        },
        joint={step.code: (step.group, step.lead) for step in route.steps if step.group},
    )


@dataclass(frozen=True, kw_only=True)
class TurnInput:
    """One turn as the workflow hands it over."""

    application: str
    turn: int
    events: list[dict[str, Any]]
    commands: tuple[AnyCommand, ...]
    traceparent: str | None = None

    @property
    def at(self) -> datetime:
        """The instant of the turn: that of its last command."""
        return max(command.at for command in self.commands)

    def refs(self) -> Iterable[UUID]:
        """The messages whose reasons or numbers the investor must be told."""
        for command in self.commands:
            if isinstance(command, AskRectification):
                yield from (UUID(ref) for ref in command.refs if ref)
            elif isinstance(command, Release):
                yield from (UUID(ref) for result in command.results for ref in result.refs)


class Messages:
    """Turns commands of one application into messages for departments and investor."""

    def __init__(
        self,
        pin: Pinned,
        systems: dict[str, DepartmentSystem],
        decided: dict[UUID, renewal_turns.Ended],
        clocks: clock_turns.Said,
        examined: acceptance_turns.Said,
    ) -> None:
        self._pin = pin
        self._systems = systems
        self._decided = decided
        self._clocks = clocks
        self._examined = examined
        self._out: list[Outgoing] = []
        self._questions: list[Outgoing] = []
        self._traceparent = pin.traceparent
        self._told = Told()

    def of(self, turn: TurnInput, status: ApplicationStatus) -> list[Outgoing]:
        """Return the messages of a turn: departments' first, then the investor's one.

        What is asked of intake comes last: it may be about a notice of this very turn.
        """
        self._traceparent = turn.traceparent or self._pin.traceparent
        for command in turn.commands:
            self._take(command)
        told = self._told
        progressed = ApplicationProgressed(
            application=self._pin.number,
            status=told.status or status,
            at=turn.at,
            promised_at=told.promised_at,
            provisional=told.provisional,
            settled=told.settled,
            tasks=tuple(told.tasks.values()),
            steps=tuple(told.steps.values()),
            results=tuple(told.results),
            signals=tuple(told.signals),
            lifted=tuple(told.lifted),
            rectification=next(iter(told.rectifications), None),
            further_rectifications=tuple(told.rectifications[1:]),
            clocks=tuple(told.clocks),
            resumed=tuple(told.resumed),
            extended=told.extended,
            joint=told.joint,
            sessions=tuple(told.sessions),
            concluded=told.concluded,
            acceptance=told.acceptance,
            papers=tuple(told.papers.values()),
        )
        self._out.append(self._for_intake(progressed, turn.at))
        return self._out + self._questions

    def _take(self, command: AnyCommand) -> None:
        match command:
            case IssueTask():
                self._issue(command)
            case EndTask():
                self._end(command)
            case AskLapse():
                self._ask_lapse(command)
            case AskRectificationLapse() | AskPapersLapse():
                self._ask_intake(command)
            case Redate():
                self._redate(command)
            case RedateExamination():
                event = limit_turns.redated(self._pin.number, command)
                self._send(command.department, event, command.at)
            case (
                AskExamination()
                | RecordExamination()
                | CloseExamination()
                | StrikeSilence()
                | SendNotice()
                | TakeSupplement()
                | Accept()
            ):
                self._accept(command)
            case _:
                self._tell(command)

    def _tell(self, command: Any) -> None:
        """What concerns the investor alone: it goes out with the one message to him."""
        match command:
            case Release():
                self._told.results += self._results(command)
            case AskRectification():
                self._told.rectifications.append(self._rectification(command))
            case ChangeLedger():
                clock_turns.tell(self._told, command, self._clocks)
            case SetLimit() | EndLimit() | MoveNotice():
                limit_turns.tell(self._told, command, self._clocks)
            case _:
                self._told.take(command)

    def _accept(self, command: acceptance_turns.AcceptanceCommand) -> None:
        if isinstance(command, AskExamination | CloseExamination):
            event = acceptance_turns.event_of(command, self._pin)
            self._send(command.department, event, command.at)
        told = self._told
        told.provisional |= isinstance(command, Accept) and command.provisional
        told.acceptance = acceptance_turns.progress(told.acceptance, command, self._examined)

    def _send(self, department: str, event: Any, at: datetime) -> None:
        system = self._systems.get(department, DepartmentSystem.SHARED)
        self._out.append(
            Outgoing(
                topic=tasks_topic(department),
                application=self._pin.number,
                event=event,
                at=at,
                consumers=consumers_of(TASKS, department, system),
                traceparent=self._traceparent,
            )
        )

    def _issue(self, command: IssueTask) -> None:
        pin = self._pin
        step, part = pin.parts[command.key]
        due = due_of(command.dates)
        self._told.provisional |= due.provisional
        self._send(
            part.department,
            TaskIssued(
                application=pin.number,
                task=command.task,
                step=step,
                item=part.item,
                department=part.department,
                part=part.part,
                round=command.round,
                project_code=pin.project_code,
                scenario=pin.scenario,
                facts=pin.facts,
                catalogue_version=pin.route.catalogue_version,
                authority=part.authority,
                **renewal_turns.silence_of(part, command.dates),
                participants=pin.participants[step],
                group=pin.joint.get(step, NOT_JOINT)[0],
                lead=pin.joint.get(step, NOT_JOINT)[1],
                applicant_refs=pin.applicant_refs,
                materials=pin.materials,
                issued_at=command.at,
                due=due,
            ),
            command.at,
        )
        self._told.tasks[command.task] = self._progress(
            command.task, part, step, command.round, TaskState.OPEN, issued_at=command.at, due=due
        )

    def _end(self, command: EndTask) -> None:
        step, part = self._pin.parts[command.key]
        if command.state is TaskState.CANCELLED and command.issued:
            cancelled = TaskCancelled(
                application=self._pin.number,
                task=command.task,
                department=part.department,
                reason=command.reason,
                cancelled_at=command.at,
            )
            self._send(part.department, cancelled, command.at)
        self._told.tasks[command.task] = self._progress(
            command.task,
            part,
            step,
            command.round,
            command.state,
            outcome=command.outcome,
            decided_at=command.at,
        )

    def _redate(self, command: Redate) -> None:
        step, part = self._pin.parts[command.key]
        due = due_of(command.dates)
        event = clock_turns.redated(self._pin.number, part.department, due, command)
        self._send(part.department, event, command.at)
        self._told.tasks[command.task] = self._progress(
            command.task,
            part,
            step,
            command.round,
            TaskState.OPEN,
            issued_at=command.dates.issued_at,
            due=due,
        )

    def _ask_lapse(self, command: AskLapse) -> None:
        _, part = self._pin.parts[command.key]
        asked = TaskLapseDue(
            application=self._pin.number,
            task=command.task,
            department=part.department,
            due_at=command.at,
        )
        self._send(part.department, asked, command.at)

    def _for_intake(self, event: Event, at: datetime) -> Outgoing:
        return Outgoing(
            topic=PROGRESS.name,
            application=self._pin.number,
            event=event,
            at=at,
            consumers=PROGRESS.consumers,
            traceparent=self._traceparent,
        )

    def _ask_intake(self, command: AskRectificationLapse | AskPapersLapse) -> None:
        about = {"application": self._pin.number, "step": command.step, "due_at": command.at}
        match command:
            case AskRectificationLapse():
                asked: Event = RectificationLapseDue(**about, round=command.round)
            case AskPapersLapse():
                asked = PapersLapseDue(**about, materials=command.materials)
            case _:
                assert_never(command)
        self._questions.append(self._for_intake(asked, command.at))

    @staticmethod
    def _progress(
        task: str, part: RoutePart, step: str, round_: int, state: TaskState, **rest: Any
    ) -> TaskProgress:
        return TaskProgress(
            task=task,
            step=step,
            item=part.item,
            department=part.department,
            part=Part(part.part),
            round=round_,
            state=state,
            **rest,
        )

    def _said(self, refs: Iterable[str]) -> list[TaskDecided]:
        """Return the decisions among the messages a command refers to."""
        ids = [UUID(ref) for ref in refs if ref]
        found = (self._decided.get(ref) for ref in ids)
        return [one for one in found if isinstance(one, TaskDecided)]

    def _results(self, command: Release) -> list[Result]:
        found = []
        for result in command.results:
            said = self._said(result.refs)
            found.append(
                Result(
                    item=result.item,
                    department=result.department,
                    outcome=result.outcome,
                    number=renewal_turns.number_of(self._decided, result.refs),
                    conditions=tuple(condition for d in said for condition in d.conditions),
                    reasons=tuple(reason for d in said for reason in d.reasons),
                    remedies=tuple(remedy for d in said for remedy in d.remedies),
                    decided_at=result.decided_at,
                    released_at=command.at,
                )
            )
        return found

    def _rectification(self, command: AskRectification) -> RectificationAsked:
        said = self._said(command.refs)
        return RectificationAsked(
            step=command.step,
            round=command.round,
            items=command.items,
            reasons=tuple(reason for d in said for reason in d.reasons),
            until=command.until,
        )


def commands_of(turns: Sequence[TurnInput], kind: type[Any]) -> list[tuple[TurnInput, Any]]:
    """Return all commands of one kind, with their turns, in order."""
    return [(t, command) for t in turns for command in t.commands if isinstance(command, kind)]
