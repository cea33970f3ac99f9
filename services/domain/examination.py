"""The shapes of the time before acceptance (行政许可法 32): state, events, commands.

A subject is what can be missing: `material/<id>`, or `condition/<item>/<n>`.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from services.contracts.times import Date, DateTime
from services.contracts.vocabulary import AcceptanceKind, AcceptanceState
from services.domain.happening import CaseEvent, Command

OVER = timedelta(seconds=1)
"""A limit is over after the close of business, not at it."""


class ExaminerState(StrEnum):
    """What one department has to say of the papers."""

    ASKED = "asked"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    SILENT = "silent"
    DELAYED = "delayed"
    """It had answered in time, which was not known when its silence was recorded."""
    NOT_ASKED = "not_asked"
    """It was asked when its time was over: that is nobody's silence."""


class Examiner(Struct, frozen=True, kw_only=True):
    """One department's latest look: its number, what it found, and the message that said so.

    `too_late`: what it was to look at had been so long on its way that its time was over.
    """

    number: int = 0
    state: ExaminerState = ExaminerState.COMPLETE
    findings: tuple[str, ...] = ()
    ref: str = ""
    too_late: bool = False


class Correction(Struct, frozen=True, kw_only=True):
    """Papers that the investor put right on the spot, and when."""

    at: DateTime
    subjects: tuple[str, ...]


class Examination(Struct, frozen=True, kw_only=True):
    """How far the acceptance is.

    `received_on` is the day from which the limit of the notice counts: of the submission, or of the
    last paper that answered a notice. Departments are asked until `answer_by`; from `notice_from`
    on the notice goes out with what was found; without a notice until `notice_until` the
    application is accepted. `round` is that of the next notice, or of the one that waits for its
    answer (`is_waiting`: no limit runs). `open_subjects` are all that a further notice may name,
    `outstanding` what the investor has not handed in, `supplied` what he has; all are empty before
    the first notice. `silent` are the departments that let their time pass, over all rounds,
    `closings` the instants at which that was so, by examination; `corrections` those of this round.
    """

    received_on: Date
    answer_by: DateTime
    notice_from: DateTime
    notice_until: DateTime
    examiners: dict[str, Examiner]
    round: int = 1
    is_waiting: bool = False
    open_subjects: tuple[str, ...] = ()
    outstanding: tuple[str, ...] = ()
    supplied: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    kind: AcceptanceKind | None = None
    closings: dict[str, DateTime] = {}
    corrections: tuple[Correction, ...] = ()

    def corrected_after(self, at: datetime) -> frozenset[str]:
        """Return what was put right after an instant."""
        return frozenset(s for one in self.corrections if one.at > at for s in one.subjects)

    @property
    def findings(self) -> tuple[str, ...]:
        """Everything found in this round, each once."""
        return tuple(dict.fromkeys(f for one in self.examiners.values() for f in one.findings))

    @property
    def asked(self) -> tuple[str, ...]:
        """The departments that have not answered."""
        found = self.examiners.items()
        return tuple(code for code, one in found if one.state is ExaminerState.ASKED)


def next_limit(examination: Examination | None) -> datetime | None:
    """Return when the limit of the notice speaks next; None while it stands still."""
    if examination is None or examination.is_waiting:
        return None
    if examination.findings:
        return examination.notice_from
    return examination.notice_until + OVER


class Received(CaseEvent, frozen=True, kw_only=True):
    """An application has come in that departments must examine before it is accepted."""


class Examined(CaseEvent, frozen=True, kw_only=True):
    """A department has looked at the papers; `findings` is everything that it misses."""

    task: str
    department: str
    findings: tuple[str, ...] = ()


class Supplemented(CaseEvent, frozen=True, kw_only=True):
    """The investor handed in papers: `round` of the notice answered, 0 without one."""

    round: int
    subjects: tuple[str, ...] = ()
    complete: bool = False


class AskExamination(Command, frozen=True, kw_only=True):
    """Ask a department whether the papers are complete; `subjects` limit what it may name."""

    task: str
    department: str
    round: int
    subjects: tuple[str, ...]
    until: DateTime
    notice_until: DateTime


class RecordExamination(Command, frozen=True, kw_only=True):
    """Record what a department found; nobody is told before the one notice."""

    task: str
    department: str
    round: int
    findings: tuple[str, ...]
    ref: str


class CloseExamination(Command, frozen=True, kw_only=True):
    """Take an examination off a department's queue; `silent` is recorded against it."""

    task: str
    department: str
    silent: bool
    reason: str


class StrikeSilence(Command, frozen=True, kw_only=True):
    """Strike out a recorded silence: the answer (`at`) was in time, and came at `arrived_at`.

    The notice had gone out without what was found, or the application was accepted: it names
    nothing any more. `state`, `round`, `outstanding` and `silent` say how things stand.
    """

    task: str
    department: str
    findings: tuple[str, ...]
    ref: str
    arrived_at: DateTime
    state: AcceptanceState
    round: int
    outstanding: tuple[str, ...]
    silent: tuple[str, ...]


class SendNotice(Command, frozen=True, kw_only=True):
    """Tell the investor everything that is missing, in one notice over all departments.

    `refs` are the messages that the texts stand in, `findings` what each department asks for.
    """

    round: int
    findings: dict[str, tuple[str, ...]]
    refs: tuple[str, ...]
    silent: tuple[str, ...]


class TakeSupplement(Command, frozen=True, kw_only=True):
    """Record what was handed in, and what of the notice is still outstanding."""

    state: AcceptanceState
    round: int
    subjects: tuple[str, ...]
    outstanding: tuple[str, ...]


class Accept(Command, frozen=True, kw_only=True):
    """Accept the application, and promise anew from the day that counts as its acceptance.

    `received_on` starts the limits that a law counts from receipt.
    """

    kind: AcceptanceKind
    on: Date
    received_on: Date
    silent: tuple[str, ...]
    promised_at: DateTime
    promised_days: int
    provisional: bool
