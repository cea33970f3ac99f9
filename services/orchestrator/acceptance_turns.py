"""The acceptance in a turn: what departments and investor are told of it, and what is written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never
from uuid import UUID

from services.contracts.acceptance import NoticeLine
from services.contracts.events import (
    AcceptanceProgress,
    ApplicationSupplemented,
    ExaminationAsked,
    ExaminationClosed,
    ExaminationDone,
)
from services.contracts.vocabulary import AcceptanceState, Part
from services.domain.case import (
    AnyCommand,
)
from services.domain.examination import (
    Accept,
    AskExamination,
    CloseExamination,
    Examined,
    RecordExamination,
    SendNotice,
    StrikeSilence,
    Supplemented,
    TakeSupplement,
)
from services.orchestrator import acceptance_store
from services.runtime.db import Connection

if TYPE_CHECKING:
    from services.orchestrator.turns import Pinned, TurnInput

Said: TypeAlias = Mapping[UUID, ExaminationDone]
"""What departments found, by the id of the message."""
AcceptanceCommand: TypeAlias = (
    AskExamination
    | RecordExamination
    | CloseExamination
    | StrikeSilence
    | SendNotice
    | TakeSupplement
    | Accept
)


def acceptance_event(
    said: ApplicationSupplemented | ExaminationDone, ref: str
) -> Examined | Supplemented:
    """Return the core's event for what was said; texts stay behind."""
    match said:
        case ExaminationDone():
            return Examined(
                at=said.done_at,
                ref=ref,
                task=said.task,
                department=said.department,
                findings=tuple(one.subject for one in said.findings),
            )
        case ApplicationSupplemented():
            return Supplemented(
                at=said.supplemented_at,
                ref=ref,
                round=said.round,
                subjects=said.subjects,
                complete=said.complete,
            )
        case _:
            assert_never(said)


def refs(commands: Iterable[AnyCommand]) -> Iterator[UUID]:
    """Yield the messages whose findings stand in a notice."""
    for command in commands:
        if isinstance(command, SendNotice):
            yield from (UUID(ref) for ref in command.refs if ref)


def event_of(
    command: AskExamination | CloseExamination, pin: "Pinned"
) -> ExaminationAsked | ExaminationClosed:
    """Return what a department is told."""
    match command:
        case AskExamination():
            return ExaminationAsked(
                application=pin.number,
                task=command.task,
                department=command.department,
                round=command.round,
                items=_items(pin, command.department),
                project_code=pin.project_code,
                scenario=pin.scenario,
                facts=pin.facts,
                catalogue_version=pin.route.catalogue_version,
                applicant_refs=pin.applicant_refs,
                materials=pin.materials,
                subjects=command.subjects,
                asked_at=command.at,
                until=command.until,
            )
        case CloseExamination():
            return ExaminationClosed(
                application=pin.number,
                task=command.task,
                department=command.department,
                silent=command.silent,
                reason=command.reason,
                closed_at=command.at,
            )
        case _:
            assert_never(command)


def _items(pin: "Pinned", department: str) -> tuple[str, ...]:
    parts = (part for _, part in pin.parts.values())
    found = (p.item for p in parts if p.department == department and p.part is Part.DECIDE)
    return tuple(dict.fromkeys(found))


def progress(
    before: AcceptanceProgress | None, command: AcceptanceCommand, said: Said
) -> AcceptanceProgress | None:
    """Return what the investor is told of a turn's acceptance, with one more command of it."""
    known = before or AcceptanceProgress(state=AcceptanceState.EXAMINING, round=1)
    match command:
        case AskExamination():
            change: dict[str, Any] = {
                "state": AcceptanceState.EXAMINING,
                "round": command.round,
                "examining": (*known.examining, command.department),
                "until": command.notice_until,
            }
        case RecordExamination():
            change = {"round": command.round, "answered": (*known.answered, command.department)}
        case CloseExamination():
            return before
        case StrikeSilence():
            change = {
                "state": command.state,
                "round": command.round,
                "silent": tuple(code for code in known.silent if code in command.silent),
                "in_time": (*known.in_time, command.department),
                "outstanding": command.outstanding,
            }
        case SendNotice():
            lines = tuple(_lines(command, said))
            change = {
                "state": AcceptanceState.SUPPLEMENTING,
                "round": command.round,
                "silent": command.silent,
                "notice": lines,
                "notice_round": command.round,
                "outstanding": tuple(dict.fromkeys(line.subject for line in lines)),
            }
        case TakeSupplement():
            if command.state is AcceptanceState.ACCEPTED:
                return before
            change = {
                "state": command.state,
                "round": max(command.round, known.round),
                "outstanding": command.outstanding,
            }
        case Accept():
            change = {
                "state": AcceptanceState.ACCEPTED,
                "silent": command.silent,
                "kind": command.kind,
                "accepted_on": command.on,
                "promised_days": command.promised_days,
            }
        case _:
            assert_never(command)
    return known.model_copy(update=change)


def _lines(command: SendNotice, said: Said) -> Iterator[NoticeLine]:
    """The merged notice: of each department's message what the core has let stand, in its words."""
    for ref in command.refs:
        done = said[UUID(ref)]
        allowed = command.findings[done.department]
        for lack in done.findings:
            if lack.subject in allowed:
                yield NoticeLine(department=done.department, **lack.model_dump())


async def write(conn: Connection, turns: Sequence["TurnInput"]) -> None:
    """Write what turns did about acceptance. No statement without cause."""
    said = [(turn.application, command) for turn in turns for command in turn.commands]
    if asked := [(number, one) for number, one in said if isinstance(one, AskExamination)]:
        await acceptance_store.ask_examinations(conn, asked)
    if ended := [o for _, o in said if isinstance(o, RecordExamination | CloseExamination)]:
        await acceptance_store.end_examinations(conn, ended)
    if struck := [one for _, one in said if isinstance(one, StrikeSilence)]:
        await acceptance_store.strike_silences(conn, struck)
    if accepted := [(number, one) for number, one in said if isinstance(one, Accept)]:
        await acceptance_store.accept(conn, accepted)
