"""The one bill of an application: shown to its owner, and what operators record about its lines.

A bill is drawn up for good when it is first acted upon; until then it is reckoned anew for every
reader, from the same plan, facts and edition.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from starlette.responses import Response

from services.contracts.vocabulary import Role
from services.domain import fees
from services.domain.catalogue import Catalogue, Name
from services.domain.fees import Act, ActKind, Assessment, Bill, Line, Standing
from services.domain.needs import cents
from services.domain.plan import Plan
from services.intake import fees_problems as problems
from services.intake import fees_store as store
from services.intake import letters, links
from services.intake.conflict import forbid_own
from services.intake.fees_shown import (
    AssessmentGiven,
    BillShown,
    ExemptionGiven,
    LineShown,
    TransferShown,
)
from services.intake.letters import LetterKind
from services.intake.parts import Parts
from services.intake.problems import NO_CATALOGUE
from services.intake.store import Row
from services.intake.texts import digest_of
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.catalogue_shelf import UnknownVersionError
from services.runtime.db import Connection
from services.runtime.web.idempotency import Asked, once
from services.runtime.web.problems import INVALID, NOT_FOUND, Fault, Problem, Words

DRAWN_UP, ASSESSED, EXEMPTED = "bill.drawn_up", "fee.assessed", "fee.exempted"


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """A bill as it stands; `bill` is None before the application is accepted."""

    row: Row
    bill: Bill | None
    standings: list[Standing]

    def standing(self, standard: str) -> Standing:
        """Return how a line stands. Raises Problem 404 for what is not on the bill."""
        found = next((one for one in self.standings if one.line.standard == standard), None)
        if found is None:
            raise Problem(NOT_FOUND, _NOT_BILLED)
        return found


_NOT_BILLED = Words(
    "账单上没有这一收费项目；账单以外一律不得收费（行政许可法 58、59）",
    "The bill has no such line, and nothing else may be charged (行政许可法 58, 59)",
)


async def read_ledger(parts: Parts, conn: Connection, number: str, owner: str | None) -> Ledger:
    """Return a bill as it stands. Raises Problem 404, and 503 without the edition it rests on."""
    row = await store.get_case(conn, number, owner)
    if row is None:
        raise Problem(NOT_FOUND)
    bill = store.bill_of(row) or await _reckoned(parts, conn, row)
    if bill is None:
        return Ledger(row=row, bill=None, standings=[])
    acts = await store.acts_of(conn, number)
    settlements = await store.settlements_of(conn, number)
    return Ledger(row=row, bill=bill, standings=fees.stand(bill, acts, settlements))


async def _reckoned(parts: Parts, conn: Connection, row: Row) -> Bill | None:
    plan = await parts.plans.get(conn, row["plan_digest"])
    on = _accepted_on(parts, row, plan)
    return None if on is None else fees.draw_up(_edition(parts, plan, on), plan, on)


def _accepted_on(parts: Parts, row: Row, plan: Plan) -> date | None:
    """Return the local day of acceptance: on the spot it is the day of submission."""
    if plan.acceptance is None:
        return parts.shelf.calendar.local_date(row["submitted_at"])
    accepted_on: date | None = row["departments_accepted_on"]
    return accepted_on


def _edition(parts: Parts, plan: Plan, on: date) -> Catalogue:
    """Return the catalogue in force on the day of acceptance; the plan's own on the plan's day."""
    if on != plan.start:
        return parts.catalogue(on)
    try:
        return parts.shelf.version(plan.catalogue_version)
    except UnknownVersionError:
        raise Problem(NO_CATALOGUE) from None


async def locked_ledger(
    parts: Parts, conn: Connection, who: Principal, number: str, owner: str | None
) -> Ledger:
    """Return a bill to act on, and keep others from acting; it is drawn up for good if it was not.

    Raises Problem 404 for an application that is not there, 409 before it is accepted.
    """
    if not await store.lock_case(conn, number, owner):
        raise Problem(NOT_FOUND)
    ledger = await read_ledger(parts, conn, number, owner)
    if ledger.bill is None:
        raise Problem(problems.NOT_ACCEPTED)
    if ledger.row["lines"] is None:
        now = parts.clock.now()
        await store.draw_up(conn, number, ledger.bill, now)
        facts = {
            "accepted_on": ledger.bill.accepted_on,
            "catalogue_version": ledger.bill.catalogue_version,
            "lines": {one.standard: _text(one.amount) for one in ledger.bill.lines},
        }
        await audit.leaf(conn, DRAWN_UP, number, who.ref, facts, at=now)
    return ledger


async def anothers_ledger(parts: Parts, conn: Connection, who: Principal, number: str) -> Ledger:
    """Return a bill to act on for the centre (`locked_ledger`).

    Raises Problem 403 besides, when the application is one's own.
    """
    if not await store.lock_case(conn, number, None):
        raise Problem(NOT_FOUND)
    await forbid_own(parts, conn, who, number)
    return await locked_ledger(parts, conn, who, number, None)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def owner_of(who: Principal) -> str | None:
    """Return whose applications are open: an operator and a supervisor see everybody's."""
    return None if who.has(Role.OPERATOR) or who.has(Role.SUPERVISOR) else who.ref


async def bill(parts: Parts, who: Principal, number: str) -> BillShown:
    """Return the bill of an application: its own applicant's, or for those who supervise."""
    async with (
        parts.pool.acquire() as conn,
        conn.transaction(isolation="repeatable_read", readonly=True),
    ):
        ledger = await read_ledger(parts, conn, number, owner_of(who))
        transfers = await store.transfers_of(conn, number)
    found = ledger.bill
    return BillShown(
        number=number,
        accepted_on=found and found.accepted_on,
        catalogue_version=found and found.catalogue_version,
        lines=[shown(one) for one in ledger.standings],
        sums=fees.sums(ledger.standings),
        transfers=[TransferShown.model_validate(dict(one)) for one in transfers],
        can_be_paid=parts.payment is not None and ledger.row["withdrawn_at"] is None,
        links=links.of_bill(number),
    )


def shown(standing: Standing) -> LineShown:
    """Return a line as it stands, for readers."""
    line: Line = standing.line
    return LineShown(
        **line.model_dump(exclude={"amount", "name", "document"}),
        name=line.name,
        document=line.document,
        state=standing.state,
        amount=standing.amount,
        remitted=standing.remitted,
        payable=None if standing.amount is None else standing.payable,
        assessed_by=standing.assessment and standing.assessment.document,
        exempted_by=standing.exemption and standing.exemption.document,
        exempted_because=standing.exemption and standing.exemption.reason,
    )


async def assess(
    parts: Parts, who: Principal, asked: Asked, number: str, standard: str, given: AssessmentGiven
) -> Response:
    """Record what a department's document settles of a line that the catalogue leaves open.

    Raises Problem 403 for an application of one's own, 404 for what is not on the bill, 409 when
    it is settled or paid, 422 for what the published standard does not leave open.
    """
    async with once(parts.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        ledger = await anothers_ledger(parts, conn, who, number)
        found = ledger.standing(standard)
        if not found.can_be_assessed:
            raise Problem(problems.NOT_TO_ASSESS, extra={"state": found.state})
        amount, faults = fees.assessed(
            found.line, Assessment(**given.model_dump(exclude_none=True))
        )
        if amount is None:
            raise Problem(
                INVALID,
                errors=[Fault(f"#/{one}", Words(*_both(say))) for one, say in faults.items()],
            )
        said = {**given.model_dump(), "amount": amount}
        await _record(parts, conn, who, number, found, ActKind.ASSESSED, said)
        return slot.keep(await _answer(parts, conn, number, standard))


async def exempt(
    parts: Parts, who: Principal, asked: Asked, number: str, standard: str, given: ExemptionGiven
) -> Response:
    """Remit a line, or a part of it, for a reason, by a document.

    Raises Problem 403 for an application of one's own, 404 for what is not on the bill, 409 when
    it is paid or remitted already, 422 for a part that is none.
    """
    async with once(parts.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        ledger = await anothers_ledger(parts, conn, who, number)
        found = ledger.standing(standard)
        if not found.can_be_exempted:
            raise Problem(problems.NOT_TO_EXEMPT, extra={"state": found.state})
        said = given.model_dump(exclude={"amount"}) | {
            "remitted": given.amount and cents(given.amount)
        }
        act = Act(line=standard, kind=ActKind.EXEMPTED, **said)
        if fault := fees.exemption_fault(found.amount, act):
            raise Problem(INVALID, errors=[Fault("#/amount", Words(*_both(fault)))])
        await _record(parts, conn, who, number, found, ActKind.EXEMPTED, said)
        return slot.keep(await _answer(parts, conn, number, standard))


def _both(name: Name) -> tuple[str, str]:
    return name.zh, name.en


FIGURES = ("rate", "quantity", "amount", "remitted", "share")
TEXTS = ("reason", "document")
_ACTS = {ActKind.ASSESSED: ASSESSED, ActKind.EXEMPTED: EXEMPTED}


async def _record(
    parts: Parts,
    conn: Connection,
    who: Principal,
    number: str,
    found: Standing,
    kind: ActKind,
    said: Mapping[str, Decimal | str | None],
) -> None:
    now, line = parts.clock.now(), found.line.standard
    columns = {**dict.fromkeys(store.SAID), **said}
    await store.add_act(conn, number=number, line=line, kind=kind, at=now, by=who.ref, **columns)
    figures = {name: str(said[name]) for name in FIGURES if said.get(name) is not None}
    texts = {name: str(said[name]) for name in TEXTS if said.get(name) is not None}
    facts = {"line": line, **figures, "texts_sha256": digest_of(texts)}
    await audit.leaf(conn, _ACTS[kind], number, who.ref, facts, at=now)
    await letters.write_one(conn, number, LetterKind.BILL_CHANGED, now)


async def _answer(parts: Parts, conn: Connection, number: str, standard: str) -> Response:
    ledger = await read_ledger(parts, conn, number, None)
    return Response(
        shown(ledger.standing(standard)).model_dump_json(),
        status_code=201,
        media_type="application/json",
    )
