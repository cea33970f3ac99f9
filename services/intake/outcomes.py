"""Asking before applying: no licence is needed, or another is in power, in writing (32(1), 32(2)).

The planner says which items a project needs; here is what follows when none of them is ours. The
answer is a record and a sealed document, as the other outcomes of 行政许可法 32 are.
"""

from collections.abc import Sequence
from pathlib import Path

import orjson
from starlette.responses import Response

from services.contracts.vocabulary import AcceptanceOutcome
from services.domain import outcomes, sheets, sheets_unaccepted
from services.domain.catalogue import Catalogue
from services.domain.outcomes import ItemAnswer, UndecidedError
from services.domain.plan import Plan
from services.domain.sheets import Sheet
from services.domain.sheets_unaccepted import NO_LICENCE, NO_POWER, Needless
from services.intake import issuing, links, powers, problems, submission
from services.intake import outcomes_store as store
from services.intake import store as applications
from services.intake.numbering import inquiry_number
from services.intake.outcomes_shown import InquiryGiven, InquiryShown
from services.intake.parts import Parts
from services.intake.problems import NO_CATALOGUE
from services.intake.store import Row, Shown
from services.intake.uploads import cleaned
from services.intake.written import centre_of
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.catalogue_shelf import UnknownVersionError
from services.runtime.db import Connection
from services.runtime.web.idempotency import Asked, once
from services.runtime.web.problems import INVALID, NOT_FOUND, Fault, Problem, Words

ANSWERED = "inquiry.answered"
DOCUMENT = "answer"
_GROUNDS = {
    AcceptanceOutcome.NOT_NEEDED: NO_LICENCE,
    AcceptanceOutcome.NOT_IN_POWER: NO_POWER,
}


async def ask(parts: Parts, who: Principal, asked: Asked, given: InquiryGiven) -> Response:
    """Answer in writing that nothing has to be applied for here; the same key, the same answer.

    Raises Problem 422 for facts or items that are none, 409 when there is something to apply for.
    """
    async with once(parts.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        catalogue, plan = submission.planned(
            parts, given.scenario, given.answers, given.held, parts.today
        )
        await _check_held(conn, who, given)
        found = _answers(catalogue, plan, given.items)
        outcome = outcomes.outcome_of(found)
        if outcome is None:
            raise _needed(found)
        row = await _record(parts, conn, who, given, catalogue, outcome, found)
        shown = _shown(parts, row, found)
        return slot.keep(
            Response(
                shown.model_dump_json(),
                status_code=201,
                media_type="application/json",
                headers={"location": shown.links["self"]},
            )
        )


async def _check_held(conn: Connection, who: Principal, given: InquiryGiven) -> None:
    """Raise Problem 422 for results claimed that are not this person's."""
    if not given.held:
        return
    prepared = await applications.prepare(
        conn, owner=who.ref, uploads=[], held=given.held, project=""
    )
    faults = submission.held_faults(given.held, prepared.held)
    if faults:
        raise Problem(INVALID, errors=faults)


def _answers(catalogue: Catalogue, plan: Plan, items: Sequence[str]) -> tuple[ItemAnswer, ...]:
    unknown = [
        Fault(f"#/items/{place}", _NO_ITEM)
        for place, code in enumerate(items)
        if code not in catalogue.item_by_code
    ]
    if unknown:
        raise Problem(INVALID, errors=unknown)
    try:
        return outcomes.answers(catalogue, plan, items)
    except UndecidedError as error:
        place = items.index(error.item)
        raise Problem(INVALID, errors=[Fault(f"#/items/{place}", _UNDECIDED)]) from None


_NO_ITEM = Words("目录中没有这一事项", "The catalogue has no such item")
_UNDECIDED = Words(
    "按所选情形填报的项目情况不足以判断这一事项，请选择包含该事项的情形",
    "The facts of this kind of project do not settle this item: choose a kind that has it",
)


def _needed(found: Sequence[ItemAnswer]) -> Problem:
    needed = [one for one in found if one.outcome is None]
    return Problem(
        problems.LICENCE_NEEDED,
        Words("请通过提交申请办理所列事项", "Hand in an application for the items listed"),
        extra={"items": powers.plain(needed), "links": {"applications": "/v1/applications"}},
    )


async def _record(
    parts: Parts,
    conn: Connection,
    who: Principal,
    given: InquiryGiven,
    catalogue: Catalogue,
    outcome: AcceptanceOutcome,
    found: Sequence[ItemAnswer],
) -> Row:
    now = parts.clock.now()
    sequence = await store.take_number(conn)
    number = inquiry_number(catalogue.county.code, parts.shelf.calendar.local_date(now), sequence)
    row = await store.add_inquiry(
        conn,
        number=number,
        owner=who.ref,
        party_kind=given.applicant.kind,
        party_name=given.applicant.name,
        project_name=given.project,
        scenario=given.scenario,
        answers=orjson.dumps(given.answers, option=orjson.OPT_SORT_KEYS).decode(),
        held=orjson.dumps(given.held, option=orjson.OPT_SORT_KEYS).decode(),
        catalogue_version=catalogue.county.version,
        outcome=outcome,
        items=orjson.dumps(powers.plain(found)).decode(),
        at=now,
    )
    facts = {
        "inquiry": number,
        "outcome": outcome,
        "catalogue_version": catalogue.county.version,
        "catalogue_digest": catalogue.digest,
        "items": {one.item: one.outcome for one in found},
    }
    await audit.leaf(conn, ANSWERED, None, who.ref, facts, at=now)
    return row


async def read(parts: Parts, who: Principal, number: str) -> InquiryShown:
    """Return an answer of one's own. Raises Problem 404."""
    async with parts.pool.acquire() as conn:
        row = await store.get_inquiry(conn, number, who.ref)
    if row is None:
        raise Problem(NOT_FOUND)
    return _shown(parts, row, _found(row))


def _found(row: Row | Shown) -> tuple[ItemAnswer, ...]:
    return tuple(ItemAnswer.model_validate(one) for one in orjson.loads(row["items"]))


def _shown(parts: Parts, row: Row | Shown, found: Sequence[ItemAnswer]) -> InquiryShown:
    outcome = AcceptanceOutcome(row["outcome"])
    return InquiryShown.model_validate(
        {
            "number": row["number"],
            "outcome": outcome,
            "basis": _GROUNDS[outcome].basis,
            "answered_at": row["answered_at"],
            "dated": parts.shelf.calendar.local_date(row["answered_at"]),
            "catalogue_version": row["catalogue_version"],
            "items": list(found),
            "links": links.of_inquiry(row["number"]),
        }
    )


async def document(parts: Parts, who: Principal, number: str) -> tuple[Path, str]:
    """Return the file of an answer and what to call it; it is made when first asked for.

    Raises Problem 404 for an answer that is not one's own, 503 without a seal or the edition.
    """
    async with parts.pool.acquire() as conn:
        row = await store.get_inquiry(conn, number, who.ref)
    if row is None:
        raise Problem(NOT_FOUND)
    sheet = _sheet(parts, row)
    made = row["document"]
    sha256 = await _make(parts, who, number, sheet) if made is None else made["sha256"]
    return parts.files.path_of(sha256), cleaned(f"{sheet.title.zh}-{number}.pdf")


def _sheet(parts: Parts, row: Shown) -> Sheet:
    try:
        catalogue = parts.shelf.version(row["catalogue_version"])
    except UnknownVersionError:
        raise Problem(NO_CATALOGUE) from None
    found = _found(row)
    centre, dated = centre_of(catalogue), parts.shelf.calendar.local_date(row["answered_at"])
    of = sheets.Application(
        number=row["number"],
        project_code="",
        project_name=row["project_name"],
        applicant=row["party_name"],
        scenario=catalogue.scenario_by_code[row["scenario"]].name,
    )
    needless = [
        Needless(item=one.item, item_name=one.name, because=one.because)
        for one in found
        if one.outcome is AcceptanceOutcome.NOT_NEEDED
    ]
    if row["outcome"] == AcceptanceOutcome.NOT_NEEDED:
        return sheets_unaccepted.not_needed(of, centre, dated, needless)
    theirs = powers.lines(found)
    return sheets_unaccepted.not_in_power(of, centre, dated, theirs, needless)


async def _make(parts: Parts, who: Principal, number: str, sheet: Sheet) -> str:
    """Make the document and write it down; of two made at once the first counts."""
    made = await issuing.sealed(parts, sheet, number, DOCUMENT)
    now = parts.clock.now()
    async with parts.pool.acquire() as conn:
        async with conn.transaction():
            row = await store.add_document(
                conn,
                inquiry=number,
                kind=sheet.kind,
                code=made.code,
                title_zh=sheet.title.zh,
                title_en=sheet.title.en,
                dated=sheet.dated,
                content=sheet.digest,
                sha256=made.sha256,
                size=made.size,
                at=now,
            )
            if row is not None:
                facts = {
                    "inquiry": number,
                    "kind": sheet.kind,
                    "content": sheet.digest,
                    "sha256": made.sha256,
                }
                await audit.leaf(conn, issuing.ISSUED, None, who.ref, facts, at=now)
                return made.sha256
        parts.files.path_of(made.sha256).unlink(missing_ok=True)
        return await store.document_hash(conn, number)
