"""Submitting an application: complete, it is accepted on the spot (行政许可法 32(5))."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import orjson
from starlette.responses import Response

from services.contracts.events import ApplicationSubmitted, MaterialRef
from services.contracts.topics import APPLICATIONS
from services.contracts.vocabulary import Service
from services.domain.catalogue import Catalogue
from services.domain.facts import FactsError
from services.domain.plan import Plan, PlannedMaterial
from services.intake import held, identity, letters, links, powers, problems, store
from services.intake.models import Agent, Applicant, MaterialGiven, Submission
from services.intake.numbering import application_number
from services.intake.parts import Parts
from services.intake.shown import Accepted, ElsewhereShown, Examined, Receipt
from services.intake.store import Paper, Party, Prepared
from services.runtime import audit, outbox
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.messages import Outgoing, new_event_id
from services.runtime.telemetry import SpanName, current_traceparent, mark_application, span
from services.runtime.web.idempotency import Asked, once
from services.runtime.web.problems import Fault, Words

ACT = "application.submitted"


async def submit(parts: Parts, who: Principal, asked: Asked, given: Submission) -> Response:
    """Accept an application and answer its receipt; the same key gets the same answer.

    Raises Problem 422 with everything that is missing or wrong.
    """
    with span(SpanName.SUBMIT):
        async with once(parts.pool, asked) as (conn, slot):
            if slot.stored is not None:
                return slot.stored
            case = await accept(parts, conn, who, given)
            response = slot.keep(_answer(case.receipt))
        parts.plans.stored.add(case.plan.digest)
        return response


def planned(
    parts: Parts,
    scenario: str,
    answers: Mapping[str, bool | int | float | str],
    held: Mapping[str, str],
    start: date,
) -> tuple[Catalogue, Plan]:
    """Return the catalogue in force on a day and the plan. Raises Problem 422 for bad facts."""
    catalogue = parts.catalogue(start)
    try:
        return catalogue, parts.shelf.plan(catalogue.county.version, scenario, answers, held, start)
    except FactsError as error:
        raise problems.of_facts(error.problems) from None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One application that has passed every check."""

    given: Submission
    plan: Plan
    number: str
    project_code: str
    now: datetime
    refs: tuple[str, ...]
    papers: tuple[Paper, ...]
    uploads: Mapping[UUID, str]
    receipt: Receipt

    @property
    def materials(self) -> tuple[MaterialRef, ...]:
        """The papers as they stand in events."""
        return material_refs(self.papers, self.uploads)


def material_refs(papers: Sequence[Paper], uploads: Mapping[UUID, str]) -> tuple[MaterialRef, ...]:
    """Return papers as they stand in events: by hash; what a reference says stays here."""
    return tuple(
        MaterialRef(material=one.material, sha256=uploads[one.upload] if one.upload else None)
        for one in papers
    )


async def accept(parts: Parts, conn: Connection, who: Principal, given: Submission) -> Case:
    """Take an application in, within a transaction. Raises Problem 422 as `submit` does."""
    now = parts.clock.now()
    start = parts.shelf.calendar.local_date(now)
    found = await held.of_project(
        parts,
        conn,
        who,
        project=given.project.code,
        applicant=held.applicant_of(parts, who, given),
        anew=given.anew,
        start=start,
    )
    results = {**found, **given.held}
    catalogue, plan = planned(parts, given.scenario, given.answers, results, start)
    prepared = await store.prepare(
        conn,
        owner=who.ref,
        uploads=_uploads(given),
        held=given.held,
        project=given.project.code or "",
    )
    _check(given, catalogue, plan, prepared)
    number = application_number(catalogue.county.code, start, prepared.sequence)
    mark_application(number)
    case = Case(
        given=given,
        plan=plan,
        number=number,
        project_code=given.project.code or number,
        now=now,
        refs=_refs(parts, who, given),
        papers=papers_of(given.materials),
        uploads=prepared.uploads,
        receipt=_receipt(
            given.project.code or number,
            number,
            now,
            plan,
            [m.material for m in given.materials],
            powers.named(catalogue, plan),
        ),
    )
    await _write(parts, conn, who, case)
    return case


def _uploads(given: Submission) -> list[UUID]:
    found = [one.upload for one in given.materials if one.upload is not None]
    if given.agent is not None and given.agent.authorisation is not None:
        found.append(given.agent.authorisation)
    return found


def papers_of(materials: Sequence[MaterialGiven]) -> tuple[Paper, ...]:
    """Return materials as they are stored."""
    return tuple(
        Paper(material=one.material, upload=one.upload, reference=one.reference)
        for one in materials
    )


def _refs(parts: Parts, who: Principal, given: Submission) -> tuple[str, ...]:
    """Keyed hashes of everybody who may not decide on the application."""
    people: list[Applicant | Agent] = [given.applicant, *([given.agent] if given.agent else [])]
    numbers = (parts.hasher.ref(identity.spelt(one.id_number)) for one in people)
    return tuple(dict.fromkeys((who.ref, *numbers)))


def _check(given: Submission, catalogue: Catalogue, plan: Plan, prepared: Prepared) -> None:
    """Raise Problem 422 with everything that is missing or wrong, at once."""
    claimed = held_faults(given.held, prepared.held)
    if not claimed:
        powers.refuse_what_is_not_ours(catalogue, plan)
    asked = {one.id: one for one in plan.materials if one.asked}
    faults = material_faults(given.materials, catalogue, asked, prepared.uploads)
    faults += _people_faults(given, prepared.uploads)
    faults += claimed
    there = {one.material for one in given.materials}
    missing = missing_of(plan, there)
    if faults or (missing and not (given.incomplete and plan.acceptance)):
        raise problems.of_submission(faults, missing)


def held_faults(claimed: Collection[str], there: Collection[str]) -> list[Fault]:
    """Return one fault for each result that is claimed and was not found."""
    return [
        Fault(
            f"#/held/{item}",
            Words(
                f"系统中没有您或本项目的这一批准结果：{item}",
                f"No granted result of yours or of this project has this number: {item}",
            ),
        )
        for item in claimed
        if item not in there
    ]


def missing_of(plan: Plan, there: Collection[str]) -> list[PlannedMaterial]:
    """Return what the plan asks from the beginning and what is not there."""
    asked = (one for one in plan.materials if one.asked and one.later is None)
    return [one for one in asked if one.may_follow is None and one.id not in there]


def material_faults(
    given: Sequence[MaterialGiven],
    catalogue: Catalogue,
    asked: Mapping[str, PlannedMaterial],
    uploads: Mapping[UUID, str],
) -> list[Fault]:
    """Return what is wrong with the materials given, one fault each, by their place."""
    times = Counter(one.material for one in given)
    found: list[Fault] = []
    for place, one in enumerate(given):
        where = f"#/materials/{place}"
        if one.material not in catalogue.material_by_id:
            found.append(Fault(f"{where}/material", _NOT_IN_CATALOGUE))
        elif one.material not in asked:
            found.append(Fault(f"{where}/material", _NOT_ASKED))
        elif times[one.material] > 1:
            found.append(Fault(f"{where}/material", _TWICE))
        if one.upload is not None and one.upload not in uploads:
            found.append(Fault(f"{where}/upload", _NO_UPLOAD))
    return found


_NOT_IN_CATALOGUE = Words(
    "目录中没有这一材料，不得收取（行政许可法 31）",
    "The catalogue has no such material; it may not be taken (行政许可法 31)",
)
_NOT_ASKED = Words(
    "本申请不需要您提交这一材料，请删除", "This application does not ask it of you: leave it out"
)
_TWICE = Words("同一材料只需提交一次", "A material is given once")
_NO_UPLOAD = Words("您没有上传过这一文件", "You have no such upload")
_NO_AUTHORISATION = Words(
    "代理人须提交授权委托书（行政许可法 29）",
    "An agent needs an authorisation (行政许可法 29): give its upload",
)
_BAD_NUMBER = Words("证件号码有误，请核对", "The identity number is not valid: check it")


def _people_faults(given: Submission, uploads: Mapping[UUID, str]) -> list[Fault]:
    found: list[Fault] = []
    applicant, agent = given.applicant, given.agent
    if not identity.is_sound(applicant.kind, identity.spelt(applicant.id_number)):
        found.append(Fault("#/applicant/id_number", _BAD_NUMBER))
    if agent is None:
        return found
    if not identity.is_sound("person", identity.spelt(agent.id_number)):
        found.append(Fault("#/agent/id_number", _BAD_NUMBER))
    if agent.authorisation is None:
        found.append(Fault("#/agent/authorisation", _NO_AUTHORISATION))
    elif agent.authorisation not in uploads:
        found.append(Fault("#/agent/authorisation", _NO_UPLOAD))
    return found


async def _write(parts: Parts, conn: Connection, who: Principal, case: Case) -> None:
    given, plan = case.given, case.plan
    traceparent, event_id = current_traceparent(), new_event_id()
    if plan.digest not in parts.plans.stored:
        await store.add_plan(conn, digest=plan.digest, body=plan.to_json())
    await store.add_application(
        conn,
        parties=_parties(given),
        papers=case.papers,
        letters=letters.of_submission(plan),
        event_id=event_id,
        number=case.number,
        owner=who.ref,
        project_code=case.project_code,
        project_name=given.project.name,
        project_address=given.project.address,
        scenario=given.scenario,
        answers=orjson.dumps(given.answers, option=orjson.OPT_SORT_KEYS).decode(),
        held=orjson.dumps(plan.held, option=orjson.OPT_SORT_KEYS).decode(),
        catalogue_version=plan.catalogue_version,
        calendar_version=plan.calendar_version,
        plan_digest=plan.digest,
        submitted_at=case.now,
        promised_days=plan.promised_days,
        statutory_serial_days=plan.totals.statutory_serial,
        traceparent=traceparent,
        promised_at=plan.promised_at,
        provisional=plan.provisional,
    )
    event = _event(case)
    outgoing = Outgoing(
        topic=APPLICATIONS.name,
        application=case.number,
        event=event,
        at=case.now,
        consumers=APPLICATIONS.consumers,
        traceparent=traceparent,
        event_id=event_id,
    )
    await outbox.add(conn, Service.INTAKE, [outgoing])
    await audit.leaf(
        conn,
        ACT,
        case.number,
        who.ref,
        event.model_dump(mode="json", exclude={"facts", "held", "submitted_at"}),
        at=case.now,
    )


def _event(case: Case) -> ApplicationSubmitted:
    plan = case.plan
    return ApplicationSubmitted(
        application=case.number,
        project_code=case.project_code,
        scenario=plan.scenario,
        facts=case.given.answers,
        held=plan.held,
        catalogue_version=plan.catalogue_version,
        calendar_version=plan.calendar_version,
        plan_digest=plan.digest,
        applicant_refs=case.refs,
        materials=case.materials,
        submitted_at=case.now,
    )


def _parties(given: Submission) -> list[Party]:
    applicant, agent = given.applicant, given.agent
    found = [
        Party(
            capacity="applicant",
            kind=applicant.kind,
            name=applicant.name,
            id_number=identity.spelt(applicant.id_number),
            phone=applicant.phone,
            email=applicant.email,
        )
    ]
    if agent is not None:
        found.append(
            Party(
                capacity="agent",
                kind="person",
                name=agent.name,
                id_number=identity.spelt(agent.id_number),
                phone=agent.phone,
                email=agent.email,
                authorisation=agent.authorisation,
            )
        )
    return found


def _receipt(
    project_code: str,
    number: str,
    now: datetime,
    plan: Plan,
    there: Collection[str],
    elsewhere: tuple[ElsewhereShown, ...],
) -> Receipt:
    examined = plan.acceptance and Examined(
        departments=plan.acceptance.departments,
        notice_by=plan.acceptance.notice_by,
        basis=plan.acceptance.article,
        missing=tuple(one.id for one in missing_of(plan, there)),
    )
    return Receipt(
        number=number,
        project_code=project_code,
        received_at=now,
        accepted=None if examined else Accepted(at=now),
        examined=examined,
        promised_on=plan.promised_on,
        promised_at=plan.promised_at,
        provisional=plan.provisional,
        plan_digest=plan.digest,
        totals=plan.totals,
        elsewhere=elsewhere,
        links=links.of_application(number),
    )


def receipt_of(row: store.Row, plan: Plan, catalogue: Catalogue | None) -> Receipt:
    """Return the receipt of an application again, as it was given.

    Without the catalogue of its day it does not say what had to be applied for elsewhere.
    """
    there = row["first_materials"]
    theirs = () if catalogue is None else powers.named(catalogue, plan)
    return _receipt(row["project_code"], row["number"], row["submitted_at"], plan, there, theirs)


def _answer(receipt: Receipt) -> Response:
    return Response(
        receipt.model_dump_json(),
        status_code=201,
        media_type="application/json",
        headers={"location": receipt.links["self"]},
    )
