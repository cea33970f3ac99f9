"""What an investor hands in after the submission: answers, corrections, what may follow.

A notice is answered piece by piece. Before any notice a paper may be corrected on the spot
(行政许可法 32(3)); a paper that was allowed to follow comes within its term (容缺受理), one that
comes into being in the course of the project before its step begins, or when that waits for it.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from starlette.responses import Response

from services.contracts.events import ApplicationSupplemented
from services.contracts.vocabulary import AcceptanceOutcome, AcceptanceState
from services.domain.limits import due_on
from services.domain.plan import Plan, PlannedMaterial
from services.domain.route import Budget
from services.intake import acts, problems, store
from services.intake import later as coming
from services.intake import supplement_store as supplements
from services.intake.parts import Parts
from services.intake.store import Row
from services.intake.submission import material_faults, material_refs, papers_of
from services.intake.supplement_shown import SupplementGiven, SupplementTaken
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.web.idempotency import Asked, once
from services.runtime.web.problems import Fault, Problem, Words

SUPPLEMENTED = "application.supplemented"


async def hand_in(
    parts: Parts, who: Principal, asked: Asked, number: str, given: SupplementGiven
) -> Response:
    """Take in papers and statements.

    Raises Problem 404 for another's application, 409 when the round is not waiting for an answer,
    nothing may be handed in now, or a term has passed, 422 for what was not asked for.
    """
    async with once(parts.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        now = parts.clock.now()
        row = await acts.locked(conn, number, who)
        plan = await parts.plans.get(conn, row["plan_digest"])
        standing = await supplements.lock_acceptance(conn, number)
        later = await coming.may_come(conn, number, plan, now)
        allowed = await _allowed(parts, conn, row, plan, standing, given, now, later)
        uploads = await _check(parts, conn, who, row, given, allowed)
        left = _left(standing, given)
        event = ApplicationSupplemented(
            application=number,
            round=given.round,
            subjects=given.subjects,
            materials=material_refs(papers_of(given.materials), uploads),
            complete=given.complete,
            supplemented_at=now,
        )
        await _write(conn, number, given, now)
        if standing is not None and given.round:
            await supplements.set_outstanding(conn, number, left)
        corrected = [one for one in given.subjects if one not in later]
        if given.round == 0 and corrected and standing is not None and _is_examining(standing):
            await supplements.add_receipt(
                conn,
                application=number,
                outcome=AcceptanceOutcome.FIXED_ON_THE_SPOT,
                dated=parts.shelf.calendar.local_date(now),
                at=now,
                told={"subjects": corrected},
            )
        await acts.tell(conn, who, row, event, SUPPLEMENTED, now)
        taken = SupplementTaken(
            number=number,
            round=given.round,
            outstanding=list(left),
            received_at=now,
        )
        return slot.keep(acts.taken(number, taken.model_dump_json()))


def _is_examining(standing: Row) -> bool:
    return bool(standing["state"] == AcceptanceState.EXAMINING)


def _left(standing: Row | None, given: SupplementGiven) -> tuple[str, ...]:
    outstanding = () if standing is None else standing["outstanding"]
    return tuple(one for one in outstanding if not given.round or one not in given.subjects)


async def _allowed(
    parts: Parts,
    conn: Connection,
    row: Row,
    plan: Plan,
    standing: Row | None,
    given: SupplementGiven,
    now: datetime,
    later: frozenset[str],
) -> frozenset[str]:
    """Return the subjects that may be handed in now, `later` papers too. Raises Problem 409."""
    if given.round:
        return _of_notice(standing, given.round)
    if later.issuperset(given.subjects):
        return later
    following = later | _following(parts, row, plan, standing, now)
    if standing is None or not _is_examining(standing):
        return following
    if standing["round"] > 1 or now >= _correct_until(parts, standing):
        raise Problem(
            problems.CORRECTION_CLOSED,
            Words(
                "审查期限将满，请等待一次性告知后补正",
                "The examination is about to end: wait for the notice, and answer that",
            ),
        )
    there = await supplements.handed_in(conn, row["number"])
    return following | {f"material/{one.id}" for one in plan.materials if one.id in there}


def _of_notice(standing: Row | None, round_: int) -> frozenset[str]:
    waiting = standing is not None and standing["state"] == AcceptanceState.SUPPLEMENTING
    if standing is None or not waiting or standing["round"] != round_:
        extra = {"waiting": standing["round"]} if standing is not None and waiting else None
        raise Problem(problems.NOTHING_TO_SUPPLEMENT, extra=extra)
    return frozenset(standing["outstanding"])


def _correct_until(parts: Parts, standing: Row) -> datetime:
    """Departments need a working day to look again before the last day, which is the notice's."""
    calendar = parts.shelf.calendar
    answers_on = calendar.previous_working_day(calendar.local_date(standing["until"]))
    return calendar.close_of(calendar.previous_working_day(answers_on))


def _following(
    parts: Parts, row: Row, plan: Plan, standing: Row | None, now: datetime
) -> frozenset[str]:
    """Return the papers that may still follow. The term runs from the acceptance."""
    start = parts.shelf.calendar.local_date(row["submitted_at"])
    if standing is not None:
        start = standing["accepted_on"] or parts.shelf.calendar.local_date(now)
    terms = follow_terms(parts, plan, start)
    return frozenset(
        f"material/{one}"
        for one, last in terms.items()
        if now <= parts.shelf.calendar.close_of(last)
    )


def follow_terms(parts: Parts, plan: Plan, start: date) -> Mapping[str, date]:
    """Return the last day on which each paper that may follow can be handed in (容缺受理)."""
    found = {}
    for one in plan.materials:
        if one.asked and one.may_follow is not None:
            budget = Budget(value=one.may_follow.value, unit=one.may_follow.unit)
            found[one.id] = due_on(budget, start, parts.shelf.calendar)
    return found


_NOT_NOW = Words(
    "本次不能提交这一内容：未要求补正，或者后补期限已过",
    "This cannot be handed in now: it was not asked for, or its term has passed",
)


async def _check(
    parts: Parts,
    conn: Connection,
    who: Principal,
    row: Row,
    given: SupplementGiven,
    allowed: frozenset[str],
) -> dict[UUID, str]:
    """Return the uploads given by their hash. Raises Problem 422."""
    named = [one.upload for one in given.materials if one.upload is not None]
    uploads = await store.own_uploads(conn, named, who.ref) if named else {}
    plan = await parts.plans.get(conn, row["plan_digest"])
    asked: dict[str, PlannedMaterial] = {one.id: one for one in plan.materials if one.asked}
    catalogue = parts.shelf.version(row["catalogue_version"])
    faults = material_faults(given.materials, catalogue, asked, uploads)
    faults += _strangers(given, allowed)
    if faults:
        raise problems.of_submission(faults, ())
    return uploads


def _strangers(given: SupplementGiven, allowed: frozenset[str]) -> Sequence[Fault]:
    found = [
        Fault(f"#/materials/{place}/material", _NOT_NOW)
        for place, one in enumerate(given.materials)
        if f"material/{one.material}" not in allowed
    ]
    found += [
        Fault(f"#/statements/{place}/subject", _NOT_NOW)
        for place, one in enumerate(given.statements)
        if one.subject not in allowed
    ]
    return found


async def _write(conn: Connection, number: str, given: SupplementGiven, now: datetime) -> None:
    papers = papers_of(given.materials)
    pieces: list[tuple[str, str | None]] = [(f"material/{one.material}", None) for one in papers]
    pieces += [(one.subject, one.statement) for one in given.statements]
    await supplements.add_supplements(
        conn, application=number, round_=given.round, at=now, pieces=pieces, papers=papers
    )
    await store.touch(conn, number)
