"""What can be done on the page of a case: each act reads its form and calls its use case.

All forms of the page are sent to the address of the page and name their act, so that whatever comes
back (an error, a login) comes back there.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from fastapi import Request

from services.contracts.vocabulary import Approver, Outcome, Role
from services.departments import (
    above,
    assigning,
    checklist,
    deciding,
    extending,
    handling,
    models,
    visits,
)
from services.departments.authority_models import (
    AboveAnswer,
    NewAbove,
    NewVisit,
    Reassignment,
)
from services.departments.case_faults import CHOOSE, NOBODY, SIGN
from services.departments.case_store import Mark
from services.departments.clocks import Clocks, PauseAsked
from services.departments.clocks_api import NewPause
from services.departments.extending_api import NewAnswer, NewProposal
from services.departments.pages.case_form import MOST_TEXTS, Form
from services.departments.pages.case_reading import Case
from services.departments.pages.common import CHIEF, HEAD, OFFICER
from services.departments.problems import INCOMPLETE
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.web.problems import INVALID, Fault, Problem
from services.runtime.web.site.forms import checked
from services.runtime.web.site.session import Session


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """One act that somebody asks for. `case`: as it was when the form arrived, not locked."""

    request: Request
    session: Session
    task: int
    form: Form
    case: Case
    spans: ExitStack

    @property
    def state(self) -> Any:
        """The application's parts."""
        return self.request.app.state

    @property
    def who(self) -> Principal:
        """Who asks."""
        return self.session.principal

    @property
    def step(self) -> above.Step:
        """How long somebody above has to answer."""
        settings = self.state.settings
        return above.Step(budget=settings.approval_above_days, calendar=self.state.shelf.calendar)

    @property
    def clocks(self) -> Clocks:
        """The acts on clocks."""
        return Clocks(self.state.clock, self.state.shelf)


Do: TypeAlias = Callable[[Connection, Asking], Awaitable[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """One kind of act: who may ask for it, what it does, which controls problems point at."""

    do: Do
    roles: frozenset[Role] = frozenset({OFFICER, CHIEF})
    names: Mapping[str, str] = field(default_factory=dict)


def _holding(hold: handling.Hold, said: str) -> Do:
    async def do(conn: Connection, one: Asking) -> str:
        await hold(
            conn, clock=one.state.clock, who=one.who, task=one.task, expected=one.form.expected
        )
        return said

    return do


async def _note(conn: Connection, one: Asking) -> str:
    body = checked(models.NewNote, text=one.form.text("note"))
    await handling.note(conn, clock=one.state.clock, who=one.who, task=one.task, text=body.text)
    return "已记入办理过程"


async def _mark(conn: Connection, one: Asking) -> str:
    known = checklist.conditions(one.case.item)
    marks = []
    for place, subject in enumerate(known, start=1):
        remark = one.form.text(f"remark_{place}")
        if remark:
            remark = checked(models.NewNote, text=remark).text
        met = {"yes": True, "no": False}.get(one.form.text(f"met_{place}"))
        marks.append(Mark(subject=subject, met=met, remark=remark))
    await checklist.mark(
        conn,
        clock=one.state.clock,
        item=one.case.item,
        who=one.who,
        task=one.task,
        marks=marks,
        expected=one.form.expected,
    )
    return "核对情况已保存"


def reasons(form: Form) -> tuple[str, ...]:
    """Return the reasons that were chosen and those that were written."""
    return (*form.all("reason"), *form.lines("reasons"))[: MOST_TEXTS + 1]


async def _decide(conn: Connection, one: Asking) -> str:
    form = one.form
    granted = form.text("outcome") == Outcome.GRANTED
    body = checked(
        models.Decision,
        outcome=form.text("outcome"),
        conditions=form.lines("conditions") if granted else (),
        reasons=() if granted else reasons(form),
        remedies=() if granted else form.lines("remedies"),
        decided_above=form.text("decided_above") or None,
    )
    if form.text("signed") != "yes":
        raise Problem(INCOMPLETE, errors=[Fault("#/signed", SIGN)])
    await _end(conn, one, body.entry(one.task, form.expected))
    return "已签批准予" if granted else "已签批不予"


async def _opine(conn: Connection, one: Asking) -> str:
    form = one.form
    if not form.text("opinion"):
        raise Problem(INCOMPLETE, errors=[Fault("#/outcome", CHOOSE)])
    objects = form.text("opinion") == Outcome.OBJECTION
    body = checked(
        models.Opinion,
        outcome=form.text("opinion"),
        reasons=reasons(form) if objects else (),
    )
    await _end(conn, one, body.entry(one.task, form.expected))
    return "意见已提交"


async def _end(conn: Connection, one: Asking, entry: deciding.Entry) -> None:
    [verdict] = await deciding.decide(
        conn, clock=one.state.clock, who=one.who, entries=[entry], spans=one.spans
    )
    if isinstance(verdict, Problem):
        raise verdict


async def _pause(conn: Connection, one: Asking) -> str:
    form = one.form
    body = checked(
        NewPause,
        kind=form.text("pause_kind"),
        until=form.text("pause_until"),
        notice=form.text("pause_notice") or None,
        reason=form.text("pause_reason"),
    )
    asked = PauseAsked(kind=body.kind, until=body.until, notice=body.notice, reason=body.reason)
    await one.clocks.pause(conn, one.who, one.task, asked, form.expected)
    return "已停止计时，告知书已送申请人"


async def _end_pause(conn: Connection, one: Asking) -> str:
    number = one.form.number("pause")
    await one.clocks.end_pause(conn, one.who, one.task, number, one.form.expected)
    return "已恢复计时，自明日起继续计算"


async def _extend(conn: Connection, one: Asking) -> str:
    rule = one.case.extension
    body = checked(
        NewProposal,
        days=one.form.number("extension_days"),
        approver=Approver.DEPARTMENT_HEAD if rule is None else rule.approver,
        reason=one.form.text("extension_reason"),
    )
    await extending.propose(
        conn,
        clock=one.state.clock,
        clocks=one.clocks,
        step=one.step,
        who=one.who,
        task=one.task,
        days=body.days,
        approver=body.approver,
        reason=body.reason,
        expected=one.form.expected,
    )
    return "延期申请已送批准人"


async def _send_up(conn: Connection, one: Asking) -> str:
    if one.form.text("proposal") not in above.DECISIVE:
        raise Problem(INVALID, errors=[Fault("#/proposal", CHOOSE)])
    body = checked(
        NewAbove, proposal=one.form.text("proposal"), opinion=one.form.text("above_opinion")
    )
    await above.ask(
        conn,
        clock=one.state.clock,
        step=one.step,
        who=one.who,
        task=one.task,
        proposal=body.proposal,
        opinion=body.opinion,
        expected=one.form.expected,
    )
    return "已报批"


async def _hand_over(conn: Connection, one: Asking) -> str:
    given, to = one.form.text("hand_to"), ""
    kind, _, which = given.partition(":")
    if kind == "substitute" and which.isascii() and which.isdigit():
        known = {str(row["id"]): row["substitute_ref"] for row in one.case.substitutes}
        to = known.get(which, "")
    elif kind == "colleague" and which in one.case.people.offered:
        to = which
    if not to:
        raise Problem(INVALID, errors=[Fault("#/to", NOBODY)])
    body = checked(Reassignment, to="somebody", reason=one.form.text("hand_reason"))
    await assigning.reassign(
        conn,
        clock=one.state.clock,
        who=one.who,
        task=one.task,
        colleague=to,
        reason=body.reason,
        expected=one.form.expected,
    )
    return "已移交"


async def _answer_above(conn: Connection, one: Asking) -> str:
    if one.form.text("above_answer") not in above.DECISIVE:
        raise Problem(INVALID, errors=[Fault("#/answer", CHOOSE)])
    body = checked(
        AboveAnswer,
        answer=one.form.text("above_answer"),
        document=one.form.text("above_document"),
    )
    await above.answer(
        conn,
        clock=one.state.clock,
        who=one.who,
        id_=one.form.number("above"),
        outcome=body.answer,
        document=body.document,
    )
    return "已答复"


async def _answer_extension(conn: Connection, one: Asking) -> str:
    if not one.form.text("extension_answer"):
        raise Problem(INVALID, errors=[Fault("#/answer", CHOOSE)])
    body = checked(
        NewAnswer,
        answer=one.form.text("extension_answer"),
        document=one.form.text("extension_document"),
    )
    await extending.answer(
        conn,
        clock=one.state.clock,
        clocks=one.clocks,
        who=one.who,
        id_=one.form.number("proposal"),
        said=body.answer,
        document=body.document,
    )
    return "已答复"


async def _visit(conn: Connection, one: Asking) -> str:
    known = one.case.people.offered
    body = checked(
        NewVisit,
        visited_on=one.form.text("visited_on"),
        colleagues=("somebody",),
        findings=one.form.text("visit_findings"),
    )
    await visits.record(
        conn,
        clock=one.state.clock,
        who=one.who,
        task=one.task,
        visited_on=body.visited_on,
        colleagues=[ref for ref in one.form.all("visit_with") if ref in known],
        findings=body.findings,
    )
    return "现场核查记录已保存，请同去的同事签署"


async def _sign_visit(conn: Connection, one: Asking) -> str:
    await visits.sign(conn, clock=one.state.clock, who=one.who, id_=one.form.number("visit"))
    return "已签署现场核查记录"


ACTS: dict[str, Act] = {
    "claim": Act(do=_holding(handling.claim, "已由您承办")),
    "release": Act(do=_holding(handling.release, "已退回待办")),
    "note": Act(do=_note, names={"text": "note"}),
    "checklist": Act(do=_mark),
    "decision": Act(
        do=_decide,
        names={
            **{name: name for name in ("conditions", "reasons", "remedies", "decided_above")},
            "outcome": "outcome",
            "signed": "signed",
        },
    ),
    "opinion": Act(do=_opine, names={"outcome": "opinion", "reasons": "reasons"}),
    "pause": Act(
        do=_pause,
        names={
            "kind": "pause_kind",
            "until": "pause_until",
            "notice": "pause_notice",
            "reason": "pause_reason",
        },
    ),
    "end_pause": Act(do=_end_pause),
    "extend": Act(do=_extend, names={"days": "extension_days", "reason": "extension_reason"}),
    "send_up": Act(do=_send_up, names={"proposal": "proposal", "opinion": "above_opinion"}),
    "hand_over": Act(
        do=_hand_over,
        roles=frozenset({CHIEF, HEAD}),
        names={"to": "hand_to", "reason": "hand_reason"},
    ),
    "answer_above": Act(
        do=_answer_above,
        roles=frozenset({HEAD}),
        names={"answer": "above_answer", "document": "above_document"},
    ),
    "answer_extension": Act(
        do=_answer_extension,
        roles=frozenset({HEAD}),
        names={"answer": "extension_answer", "document": "extension_document"},
    ),
    "visit": Act(
        do=_visit,
        names={"visited_on": "visited_on", "with": "visit_with", "findings": "visit_findings"},
    ),
    "sign_visit": Act(do=_sign_visit),
}
