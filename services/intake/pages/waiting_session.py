"""Joint sessions: when departments come, and confirming that or asking for another time."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from services.contracts.sessions import LAST_SESSION
from services.contracts.vocabulary import AppointmentOutcome, SessionState
from services.domain.calendar import ZONE
from services.domain.catalogue import Name
from services.domain.sessions import ON_SITE
from services.intake import appointments
from services.intake.api_sessions import LEAD_PATTERN
from services.intake.appointments import AppointmentGiven
from services.intake.pages.waiting import Case, case_of, sessions_of
from services.intake.pages.waiting_forms import AtDesk, Desk, Once, text
from services.intake.parts import Parts
from services.intake.sessions import SessionShown
from services.intake.waiting_problems import CHOOSE_TIME, wrong
from services.runtime.catalogue_shelf import UnknownVersionError
from services.runtime.web.problems import NOT_FOUND, Problem
from services.runtime.web.site.forms import checked

router = APIRouter(include_in_schema=False)
SESSION_STATES: Mapping[SessionState, tuple[str, str]] = {
    SessionState.CONVENED: ("已安排", "warn"),
    SessionState.HELD: ("已举行，正在整理记录", "quiet"),
    SessionState.RECORDED: ("已记录，各部门签字中", "good"),
    SessionState.CANCELLED: ("已取消", "quiet"),
}
_ABOUT_ANSWER = frozenset({"confirm", "move"})
_KEY = re.compile(rf"{LEAD_PATTERN[1:-1]}/[1-9][0-9]{{0,18}}")
"""Lead department and session, as the API takes them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Time:
    """A stretch of one day in the county."""

    starts_at: datetime
    ends_at: datetime

    @property
    def value(self) -> str:
        """Its start, as a form sends it."""
        return self.starts_at.isoformat()

    @property
    def day(self) -> date:
        """The day in the county."""
        return self.starts_at.astimezone(ZONE).date()

    @property
    def begins(self) -> str:
        """When it begins, on the clock of the county."""
        return f"{self.starts_at.astimezone(ZONE):%H:%M}"

    @property
    def ends(self) -> str:
        """When it ends, on the clock of the county."""
        return f"{self.ends_at.astimezone(ZONE):%H:%M}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Meeting:
    """A joint session with what an investor wants to know of it."""

    session: SessionShown
    name: Name
    lead: Name
    departments: Sequence[Name]
    absent: Sequence[Name]
    papers: Sequence[Name]
    on_site: bool
    ahead: bool

    @property
    def key(self) -> str:
        """What names it among the sessions of its application."""
        return f"{self.session.lead}-{self.session.session}"

    @property
    def time(self) -> Time:
        """When it is."""
        return Time(starts_at=self.session.starts_at, ends_at=self.session.ends_at)

    @property
    def others(self) -> Sequence[Time]:
        """The other times that can be chosen."""
        offer = self.session.offer
        slots = () if offer is None else offer.slots
        return [Time(starts_at=one.starts_at, ends_at=one.ends_at) for one in slots]

    @property
    def asked(self) -> Time | None:
        """The time that was asked for in the last answer."""
        answer = self.session.answer
        if answer is None or answer.asked is None:
            return None
        return Time(starts_at=answer.asked.starts_at, ends_at=answer.asked.ends_at)

    @property
    def said(self) -> str:
        """What the page says of the last answer: a key of the template, "" for none."""
        answer = self.session.answer
        if answer is None:
            return ""
        if answer.closed:
            return "closed"
        if answer.asked is None and answer.outcome in {None, AppointmentOutcome.CONFIRMED}:
            return "confirmed"
        return "asked" if answer.outcome is None else answer.outcome.value


@router.get("/applications/{application}/session")
async def session(desk: AtDesk) -> Response:
    """When departments come or meet, who, and what to have ready."""
    return await _page(desk)


@router.post("/applications/{application}/session")
async def answer(desk: AtDesk, asked: Once) -> Response:
    """Confirm when departments come, or ask for another time."""
    form = await desk.request.form()
    act, start = text(form, "act"), text(form, "starts_at")
    lead, number = text(form, "lead"), text(form, "session")
    known = _KEY.fullmatch(f"{lead}/{number}") and int(number) <= LAST_SESSION
    if act not in _ABOUT_ANSWER or not known:
        raise Problem(NOT_FOUND)
    try:
        if act == "move" and not start:
            raise wrong("#/starts_at", CHOOSE_TIME)
        given = checked(
            AppointmentGiven,
            offer=text(form, "offer"),
            starts_at=start if act == "move" else None,
        )
        await appointments.answer(
            desk.parts, desk.who, asked, desk.number, lead, int(number), given
        )
    except Problem as problem:
        if problem.kind is NOT_FOUND:
            raise
        return await _page(desk, problem, f"{lead}-{number}", start)
    response = RedirectResponse(f"{desk.path}/session", status_code=303)
    note = "已确认，请按时在场" if act == "confirm" else "改期申请已提交，正在核对各部门的时间"
    desk.site.flash(desk.request, response, note)
    return response


async def _page(
    desk: Desk, problem: Problem | None = None, place: str = "", chosen: str = ""
) -> Response:
    case = await case_of(desk.parts, desk.who, desk.number)
    told = await sessions_of(desk.parts, desk.who, desk.number)
    found = [_meeting(case, one, _is_on_site(desk.parts, case, one.step)) for one in told]
    return desk.site.page(
        desk.request,
        "intake/waiting_session.html",
        status=problem.kind.status if problem else 200,
        session=desk.session,
        case=case,
        ahead=[one for one in found if one.ahead],
        others=[one for one in reversed(found) if not one.ahead],
        states=SESSION_STATES,
        told=desk.site.told(desk.request, problem) if problem else None,
        place=place,
        chosen=chosen,
    )


def _meeting(case: Case, one: SessionShown, on_site: bool) -> Meeting:
    def named(code: str) -> Name:
        return case.departments.get(code, Name(zh=code, en=code))

    shares = [part for step in case.plan.steps if step.code == one.step for part in step.parts]
    return Meeting(
        session=one,
        name=case.steps.get(one.step, Name(zh=one.step, en=one.step)),
        lead=named(one.lead),
        departments=list({part.department: part.department_name for part in shares}.values()),
        absent=[named(code) for code in one.absent],
        papers=[
            paper.name
            for paper in case.plan.materials
            if one.step in paper.used_by_steps and paper.form == "original"
        ],
        on_site=on_site,
        ahead=one.state is SessionState.CONVENED and one.ends_at > case.now,
    )


def _is_on_site(parts: Parts, case: Case, step: str) -> bool:
    """Whether departments come to the project, or meet over its papers."""
    group = next((one.group for one in case.plan.steps if one.code == step), None)
    try:
        groups = parts.shelf.version(case.plan.catalogue_version).group_by_code
    except UnknownVersionError:
        return False
    found = groups.get(group or "")
    return found is not None and found.procedure in ON_SITE
