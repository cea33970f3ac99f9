"""Where a draft stands: its plan today, what is wrong with it, what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from services.domain.catalogue import Catalogue
from services.domain.facts import FactsError
from services.domain.plan import Plan, PlannedMaterial, Verdict
from services.intake import held, identity, powers, submission
from services.intake.drafts_files import AUTHORISATION
from services.intake.drafts_store import Draft, DraftFile
from services.intake.models import Agent, Applicant, MaterialGiven, Project, Submission
from services.intake.parts import Parts
from services.runtime.auth import Principal
from services.runtime.catalogue_shelf import UnknownVersionError
from services.runtime.db import Connection
from services.runtime.web.problems import Fault, Problem, Words
from services.runtime.web.wording import validation_words

AGENT, SELF = "agent", "self"
Typed = Mapping[str, Any]
"""What was typed, by section: project, applicant, acting, agent, references, anew, incomplete."""
_MODELS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("project", Project),
    ("applicant", Applicant),
    ("agent", Agent),
)
FILL_IN = Words("请填写这一项", "Please fill this in")
_CREDIT_CODE = Words(
    "统一社会信用代码有误：应为营业执照上的 18 位代码，请核对",
    "This is not a unified social credit code (18 characters, on the business licence): check it",
)
_IDENTITY = Words(
    "证件号码有误：居民身份证为 18 位，请核对",
    "This is not a valid identity number: check it (a resident number has 18 characters)",
)
_PROJECT_CODE = Words(
    "项目代码的格式不对，形如 2603-410402-04-01-123456；没有可不填",
    "A project code looks like 2603-410402-04-01-123456; leave it empty if there is none",
)
_PHONE = Words(
    "电话号码的格式不对，只写数字、空格和连字符",
    "Write a telephone number with digits, blanks and hyphens",
)
_EMAIL = Words(
    "电子邮箱的格式不对，形如 name@example.com；没有可不填",
    "An e-mail address looks like name@example.com; leave it empty if there is none",
)
LONGEST_REFERENCE = 200
_TOO_LONG = Words(f"至多 {LONGEST_REFERENCE} 个字符", f"At most {LONGEST_REFERENCE} characters")
_OWN_WORDS = {
    "project.code": _PROJECT_CODE,
    "applicant.phone": _PHONE,
    "agent.phone": _PHONE,
    "applicant.email": _EMAIL,
    "agent.email": _EMAIL,
}


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a newer catalogue changes for a draft."""

    version: str
    added_items: tuple[str, ...] = ()
    dropped_items: tuple[str, ...] = ()
    added_materials: tuple[str, ...] = ()
    dropped_materials: tuple[str, ...] = ()
    days_before: int | None = None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a draft stands today."""

    draft: Draft
    catalogue: Catalogue
    plan: Plan | None
    """None: the answers do not fit the catalogue (any more)."""
    held: Mapping[str, str] = field(default_factory=dict)
    facts: tuple[Fault, ...] = ()
    people: Mapping[str, Words] = field(default_factory=dict)
    """What is wrong with a field, by its name."""
    files: Mapping[str, DraftFile] = field(default_factory=dict)
    """Whole files, by slot."""
    missing: tuple[PlannedMaterial, ...] = ()
    unauthorised: bool = False
    refusal: Problem | None = None
    changes: Changes | None = None

    @property
    def asked(self) -> tuple[PlannedMaterial, ...]:
        """What is asked of the applicant with the application."""
        return () if self.plan is None else asked(self.plan)

    @property
    def may_be_incomplete(self) -> bool:
        """Whether it may be handed in though papers are missing: departments examine first."""
        return self.plan is not None and self.plan.acceptance is not None

    @property
    def ready(self) -> bool:
        """Whether it can be handed in as it is."""
        stopped = self.facts or self.people or self.refusal or self.unauthorised or self.changes
        excused = self.may_be_incomplete and bool(self.draft.fields.get("incomplete"))
        return self.plan is not None and not stopped and (not self.missing or excused)


async def standing(
    parts: Parts, conn: Connection, who: Principal, draft: Draft, files: Sequence[DraftFile]
) -> Standing:
    """Return where a draft stands. Raises Problem 503 without a catalogue in force."""
    catalogue = parts.catalogue()
    typed = draft.fields
    there = {one.slot: one for one in files if one.sha256 is not None}
    wrong = wrong_with(typed)
    found = {} if wrong else await _held(parts, conn, who, draft, there)
    facts: tuple[Fault, ...] = ()
    plan, refusal = None, None
    try:
        _, plan = submission.planned(parts, draft.scenario, draft.answers, found, parts.today)
        powers.refuse_what_is_not_ours(catalogue, plan)
    except Problem as problem:
        facts = problem.errors if plan is None else ()
        refusal = problem if plan is not None else None
    given = {*there, *_references(typed)}
    return Standing(
        draft=draft,
        catalogue=catalogue,
        plan=plan,
        held=found,
        facts=facts,
        people=wrong,
        files=there,
        missing=() if plan is None else tuple(submission.missing_of(plan, given)),
        unauthorised=typed.get("acting") == AGENT and AUTHORISATION not in there,
        refusal=refusal,
        changes=_changes(parts, draft, catalogue, plan, found),
    )


def asked(plan: Plan) -> tuple[PlannedMaterial, ...]:
    """Return what a plan asks of the applicant with the application."""
    return tuple(one for one in plan.materials if one.asked and one.later is None)


def given_of(where: Standing) -> Submission:
    """Return a draft as the application it becomes. Raises ValidationError for people's data."""
    return _given(where.draft, where.files, _papers(where))


def wrong_with(typed: Typed) -> dict[str, Words]:
    """Return what is wrong with what was typed about project and people, by field."""
    found: dict[str, Words] = {}
    for section, model in _MODELS:
        if section == "agent" and typed.get("acting") != AGENT:
            continue
        try:
            model.model_validate(_filled(typed, section))
        except ValidationError as error:
            found |= {f"{section}.{one['loc'][0]}": _words(section, one) for one in error.errors()}
    long = {
        f"references.{material}": _TOO_LONG
        for material, text in _references(typed).items()
        if len(text) > LONGEST_REFERENCE
    }
    return found | _wrong_numbers(typed, found) | long


def _wrong_numbers(typed: Typed, wrong: Mapping[str, Words]) -> dict[str, Words]:
    found = {}
    for section in ("applicant", "agent"):
        name = f"{section}.id_number"
        number = _filled(typed, section).get("id_number")
        if number is None or name in wrong or (section, typed.get("acting")) == ("agent", SELF):
            continue
        company = section == "applicant" and _filled(typed, section).get("kind") == "company"
        if not identity.is_sound("company" if company else "person", identity.spelt(number)):
            found[name] = _CREDIT_CODE if company else _IDENTITY
    return found


def _words(section: str, error: Any) -> Words:
    if error["type"] == "missing":
        return FILL_IN
    own = _OWN_WORDS.get(f"{section}.{error['loc'][0]}")
    if own is not None and error["type"] == "string_pattern_mismatch":
        return own
    return Words(*validation_words(error))


def _filled(typed: Typed, section: str) -> dict[str, str]:
    """Return the fields of a section that are not empty."""
    there = typed.get(section) or {}
    return {name: text.strip() for name, text in there.items() if text.strip()}


def _references(typed: Typed) -> dict[str, str]:
    """Return where papers lie that were not uploaded, by material."""
    return _filled(typed, "references")


def _papers(where: Standing) -> list[MaterialGiven]:
    """Return the papers asked for that are there: the file, or else where the paper lies."""
    found = []
    references = _references(where.draft.fields)
    for one in where.asked:
        if one.id in where.files:
            found.append(MaterialGiven(material=one.id, upload=where.files[one.id].id))
        elif one.id in references:
            found.append(MaterialGiven(material=one.id, reference=references[one.id]))
    return found


def _given(
    draft: Draft, files: Mapping[str, DraftFile], papers: Sequence[MaterialGiven]
) -> Submission:
    typed = draft.fields
    authorisation = files.get(AUTHORISATION)
    agent = None
    if typed.get("acting") == AGENT:
        known = {"authorisation": authorisation.id} if authorisation else {}
        agent = Agent.model_validate(_filled(typed, "agent") | known)
    return Submission(
        project=Project.model_validate(_filled(typed, "project")),
        scenario=draft.scenario,
        answers=dict(draft.answers),
        anew=tuple(typed.get("anew", ())),
        applicant=Applicant.model_validate(_filled(typed, "applicant")),
        agent=agent,
        materials=tuple(papers),
        incomplete=bool(typed.get("incomplete")),
    )


async def _held(
    parts: Parts, conn: Connection, who: Principal, draft: Draft, files: Mapping[str, DraftFile]
) -> dict[str, str]:
    """Return what the project was granted before, so that nobody asks for it again."""
    given = _given(draft, files, ())
    return await held.of_project(
        parts,
        conn,
        who,
        project=given.project.code,
        applicant=held.applicant_of(parts, who, given),
        anew=given.anew,
        start=parts.today,
    )


def _changes(
    parts: Parts,
    draft: Draft,
    catalogue: Catalogue,
    plan: Plan | None,
    found: Mapping[str, str],
) -> Changes | None:
    """Return what changed since the plan was last looked at; None under the same version."""
    version = catalogue.county.version
    if draft.catalogue_version == version:
        return None
    try:
        was = parts.shelf.plan(
            draft.catalogue_version, draft.scenario, draft.answers, found, parts.today
        )
    except (UnknownVersionError, FactsError):
        return Changes(version=version)
    if plan is None:
        return Changes(version=version)
    items, items_before = _needed(plan), _needed(was)
    papers, papers_before = ({one.id for one in asked(each)} for each in (plan, was))
    return Changes(
        version=version,
        added_items=tuple(sorted(items - items_before)),
        dropped_items=tuple(sorted(items_before - items)),
        added_materials=tuple(sorted(papers - papers_before)),
        dropped_materials=tuple(sorted(papers_before - papers)),
        days_before=was.promised_days,
    )


def _needed(plan: Plan) -> set[str]:
    return {one.item for one in plan.verdicts if one.verdict is Verdict.APPLIES}
