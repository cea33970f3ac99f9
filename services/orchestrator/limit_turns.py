"""The limits beside those of tasks in a turn: what the investor is told, and what is written."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, assert_never
from uuid import UUID

import msgspec

from services.contracts.acceptance import ExaminationRedated
from services.contracts.clocks import Days
from services.contracts.events import AcceptanceProgress
from services.contracts.limits import CaseExtended, JointLimitTold
from services.contracts.vocabulary import AcceptanceState, DateChange, LimitKind
from services.domain.case import AnyCommand
from services.domain.limit_events import (
    EndLimit,
    LimitCommand,
    MoveNotice,
    RedateExamination,
    SetLimit,
)
from services.orchestrator import limit_store
from services.runtime.db import Connection

if TYPE_CHECKING:
    from services.orchestrator.told import Told
    from services.orchestrator.turns import TurnInput


def tell(told: "Told", command: LimitCommand, said: Mapping[UUID, Any]) -> None:
    """Take in what the investor is told: the limit of the joint case, a notice that was moved.

    Dates of the other limits are no promise: what is told of them is that they have passed.
    """
    match command:
        case SetLimit():
            told.extended = _extended(command, said) or told.extended
            told.joint = _joint(command) or told.joint
        case MoveNotice():
            told.acceptance = _moved(told.acceptance, command)
        case EndLimit() | RedateExamination():
            pass  # its row says it, or its department is told
        case _:
            assert_never(command)


def _extended(command: SetLimit, said: Mapping[UUID, Any]) -> CaseExtended | None:
    """Return what the applicant is told of an extension, in the words of its approver."""
    if command.kind is not LimitKind.JOINT or command.why is not DateChange.EXTENDED:
        return None
    data = said[UUID(command.ref)]
    extension = command.ledger.extensions[-1]
    return CaseExtended(
        days=Days(value=extension.budget.value, unit=extension.budget.unit),
        approver=extension.approver,
        approval=data["approval"],
        article=extension.article,
        reason=data["reason"],
        due_at=command.due_at,
        at=data["at"],
    )


def _joint(command: SetLimit) -> JointLimitTold | None:
    if command.kind is not LimitKind.JOINT:
        return None
    return JointLimitTold(
        start_on=command.start,
        due_on=command.due_on,
        due_at=command.due_at,
        days=Days(value=command.budget.value, unit=command.budget.unit),
        article=command.article,
        provisional=command.provisional,
    )


def _moved(before: AcceptanceProgress | None, command: MoveNotice) -> AcceptanceProgress:
    """Return what the investor is told of a notice whose limit was moved."""
    known = before or AcceptanceProgress(state=AcceptanceState.EXAMINING, round=command.round)
    return known.model_copy(update={"until": command.until})


def redated(application: str, command: RedateExamination) -> ExaminationRedated:
    """Return what a department is told of an examination whose time was moved."""
    return ExaminationRedated(
        application=application,
        task=command.task,
        department=command.department,
        until=command.until,
        why=command.why,
        redated_at=command.at,
    )


class _Rows:
    """What turns did to limits, as rows."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str, str | None], tuple[Any, ...]] = {}
        self.ended: list[tuple[Any, ...]] = []
        self.moves: list[tuple[Any, ...]] = []
        self.untils: dict[str, datetime] = {}

    def take(self, turn: "TurnInput", place: int, command: AnyCommand) -> None:
        number = turn.application
        match command:
            case SetLimit():
                key = (number, command.kind.value, command.task)
                self.found[key] = (*key, *_limit(command))
                if command.before is not None:
                    self.moves.append((number, turn.turn, place, *_move(command)))
            case EndLimit():
                of = (number, command.kind, command.task)
                self.ended.append((*of, command.at, command.in_time))
            case MoveNotice():
                self.untils[number] = command.answer_by
                self.moves.append((number, turn.turn, place, *_move_of_notice(command)))
            case _:
                pass  # not about limits


async def write(conn: Connection, turns: Sequence["TurnInput"]) -> None:
    """Write what turns did to limits. No statement without cause."""
    rows = _Rows()
    for turn in turns:
        for place, command in enumerate(turn.commands):
            rows.take(turn, place, command)
    if rows.found:
        await limit_store.set_limits(conn, list(rows.found.values()))
    if rows.ended:
        await limit_store.end_limits(conn, rows.ended)
    if rows.moves:
        await limit_store.move_limits(conn, rows.moves)
    if rows.untils:
        await limit_store.move_examinations(conn, rows.untils)


def _limit(command: SetLimit) -> tuple[Any, ...]:
    return (
        command.start,
        command.budget.value,
        command.budget.unit,
        command.article,
        msgspec.json.encode(command.ledger).decode(),
        command.calendar,
        command.due_on,
        command.due_at,
        command.provisional,
    )


def _move(command: SetLimit) -> tuple[Any, ...]:
    ref = UUID(command.ref) if command.ref else None
    why, instants = command.why, (command.before, command.due_at)
    return (command.kind, command.task, why, ref, command.at, *instants)


def _move_of_notice(command: MoveNotice) -> tuple[Any, ...]:
    ref = UUID(command.ref) if command.ref else None
    instants = (command.before, command.until)
    return (LimitKind.ACCEPTANCE, None, command.why, ref, command.at, *instants)
