"""What waits for an investor: gathered for the pages that answer it, and listed for the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from services.contracts.vocabulary import AcceptanceState, SessionState
from services.domain.catalogue import Name
from services.domain.fees import LineState
from services.domain.plan import Plan
from services.intake import fees, reading, sessions, supplement_reading, waiting_store
from services.intake.fees_shown import BillShown
from services.intake.parts import Parts
from services.intake.problems import NO_CATALOGUE
from services.intake.sessions import SessionShown
from services.intake.shown import Application, NoticeShown, Progress
from services.intake.store import Row
from services.intake.supplement import follow_terms
from services.intake.supplement_shown import AcceptanceShown, FollowingShown, SupplementNotice
from services.runtime.auth import Principal
from services.runtime.web.problems import NOT_FOUND, Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """One thing that waits for the investor.

    `message` and `label` are message ids; what the message holds is in `count`, `name`, `amount`.
    `until` is the last instant to do it, `starts_at` when it takes place.
    """

    href: str
    message: str
    label: str
    count: int | None = None
    name: Name | None = None
    amount: Decimal | None = None
    until: datetime | date | None = None
    starts_at: datetime | None = None

    @property
    def is_instant(self) -> bool:
        """Whether the end of the term is told to the minute."""
        return isinstance(self.until, datetime)

    def values(self, name: str) -> Mapping[str, object]:
        """Return what is put into the message; `name` in the reader's language."""
        found = {"n": self.count, "name": name if self.name else None, "amount": self.amount}
        return {key: value for key, value in found.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One application of one's own, as far as something of it may wait for the investor."""

    application: Application
    plan: Plan
    progress: Progress
    acceptance: AcceptanceShown
    now: datetime
    today: date
    departments: Mapping[str, Name] = field(repr=False)
    steps: Mapping[str, Name] = field(repr=False)

    @property
    def number(self) -> str:
        """The application's number."""
        return self.application.number

    @property
    def over(self) -> bool:
        """Whether nothing can be answered any more: it is concluded, or was withdrawn."""
        return self.application.conclusion is not None or self.application.withdrawal_asked

    @property
    def supplementing(self) -> SupplementNotice | None:
        """The notice of what is missing that waits for an answer."""
        found = self.acceptance
        if self.over or found.state is not AcceptanceState.SUPPLEMENTING or not found.outstanding:
            return None
        return next((one for one in found.notices if one.round == found.round), None)

    @property
    def rectifying(self) -> Sequence[NoticeShown]:
        """The notices of merged steps that wait for an answer."""
        return [one for one in self.progress.notices if one.open]

    @property
    def following(self) -> Sequence[FollowingShown]:
        """The secondary papers that may still follow."""
        if self.over:
            return []
        return [
            one
            for one in self.acceptance.following
            if not one.handed_in and (one.until is None or self.today <= one.until)
        ]


async def case_of(parts: Parts, who: Principal, number: str) -> Case:
    """Return an application of one's own. Raises Problem 404."""
    _, application = await reading.read(parts, who, number)
    progress = await reading.progress(parts, who, number)
    acceptance = await supplement_reading.read(parts, who, number)
    async with parts.pool.acquire() as conn:
        plan = await parts.plans.get(conn, application.plan.digest)
    shares = [part for step in plan.steps for part in step.parts]
    return Case(
        application=application,
        plan=plan,
        progress=progress,
        acceptance=acceptance,
        now=parts.clock.now(),
        today=parts.today,
        departments={one.department: one.department_name for one in shares},
        steps={one.code: one.name for one in plan.steps},
    )


async def waiting_among(
    parts: Parts, principal: Principal, numbers: Sequence[str]
) -> dict[str, list[Waiting]]:
    """Return what waits of each of these applications; only what may wait at all is read."""
    if not numbers:
        return {}
    async with parts.pool.acquire() as conn:
        rows = await waiting_store.may_wait(conn, principal.ref, numbers, parts.clock.now())
        plans = {row["number"]: await parts.plans.get(conn, row["plan_digest"]) for row in rows}
    found = {}
    for row in rows:
        number, plan = row["number"], plans[row["number"]]
        bill = parts.payment is not None and row["bill"] and bool(plan.fees)
        if row["answers"] or bill or row["session"]:
            found[number] = await waiting_for(
                parts, principal, number, bill=bill, session=row["session"]
            )
        else:
            found[number] = _follow(_may_follow(parts, row, plan), f"/applications/{number}")
    return found


def _may_follow(parts: Parts, row: Row, plan: Plan) -> list[date]:
    """Return until when each paper of an accepted application may follow that is not there."""
    accepted_on = row["accepted_on"]
    if row["acceptance"] is None and plan.acceptance is None:  # it was accepted on the spot
        accepted_on = parts.shelf.calendar.local_date(row["submitted_at"])
    if accepted_on is None:
        return []
    terms = follow_terms(parts, plan, accepted_on)
    return [
        until
        for material, until in terms.items()
        if material not in row["materials"] and parts.today <= until
    ]


async def waiting_for(
    parts: Parts, principal: Principal, number: str, *, bill: bool = True, session: bool = True
) -> list[Waiting]:
    """Return what of an application waits for its investor, what is due first first.

    `bill`, `session`: whether they need to be looked at. Raises Problem 404 for another's
    application.
    """
    case = await case_of(parts, principal, number)
    base = f"/applications/{number}"
    found = [*_notices(case, base), *_papers(case, base)]
    if bill and not case.over:
        found += _bill(await bill_of(parts, principal, number), base)
    if session and not case.over:
        found += _sessions(case, await sessions_of(parts, principal, number), base)
    return found


async def bill_of(parts: Parts, who: Principal, number: str) -> BillShown | None:
    """Return the bill; None while no catalogue is in force to reckon it by."""
    try:
        return await fees.bill(parts, who, number)
    except Problem as problem:
        if problem.kind is NO_CATALOGUE:
            return None
        raise


async def sessions_of(parts: Parts, who: Principal, number: str) -> list[SessionShown]:
    """Return the joint sessions of an application of one's own. Raises Problem 404."""
    async with parts.pool.acquire() as conn:
        found = await sessions.told(conn, number, who.ref, parts.shelf.calendar, parts.clock.now())
    if found is None:
        raise Problem(NOT_FOUND)
    return found.items


def _notices(case: Case, base: str) -> list[Waiting]:
    found = []
    if case.supplementing is not None:
        missing = len(case.acceptance.outstanding)
        found.append(
            Waiting(
                href=f"{base}/notice",
                message="补正通知：还有 {n} 处没有答复",
                label="去答复",
                count=missing,
            )
        )
    found += [
        Waiting(
            href=f"{base}/notice",
            message="「{name}」有意见需要补正",
            label="去答复",
            name=case.steps.get(one.step, Name(zh=one.step, en=one.step)),
            until=one.until,
        )
        for one in case.rectifying
    ]
    return found


def _papers(case: Case, base: str) -> list[Waiting]:
    found = [
        Waiting(
            href=f"{base}/papers",
            message="「{name}」在等 {n} 份材料",
            label="去提交",
            name=one.name or Name(zh=one.step, en=one.step),
            count=len(one.materials),
            until=one.until,
        )
        for one in case.progress.awaited
    ]
    if case.acceptance.state is AcceptanceState.ACCEPTED:
        found += _follow([one.until for one in case.following], base)
    return found


def _follow(terms: Sequence[date | None], base: str) -> list[Waiting]:
    if not terms:
        return []
    return [
        Waiting(
            href=f"{base}/papers",
            message="还有 {n} 份材料可以后补",
            label="去提交",
            count=len(terms),
            until=min((one for one in terms if one), default=None),
        )
    ]


def _bill(bill: BillShown | None, base: str) -> list[Waiting]:
    due = [one for one in bill.lines if one.state is LineState.DUE] if bill else []
    if bill is None or not due or not bill.can_be_paid:
        return []
    amount = sum((one.payable or Decimal(0) for one in due), start=Decimal(0))
    return [
        Waiting(
            href=f"{base}/bill",
            message="待缴费用 {amount} 元",
            label="去缴费",
            amount=amount,
        )
    ]


def _sessions(case: Case, told: Sequence[SessionShown], base: str) -> list[Waiting]:
    return [
        Waiting(
            href=f"{base}/session",
            message="「{name}」部门联合到场或会审",
            label=_session_label(one),
            name=case.steps.get(one.step, Name(zh=one.step, en=one.step)),
            starts_at=one.starts_at,
        )
        for one in told
        if one.state is SessionState.CONVENED and one.ends_at > case.now
    ]


def _session_label(one: SessionShown) -> str:
    if one.offer is None:
        return "查看安排"
    return "确认或改期" if one.offer.slots else "确认时间"
