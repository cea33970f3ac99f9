"""What the pages of an application that is being filled in show, taken from where it stands."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from services.domain.applicability import Fact
from services.domain.catalogue import Limit, Name
from services.domain.disclosure import SUPPLIERS
from services.domain.plan import Plan, PlannedLater, PlannedMaterial
from services.intake import drafts_checks
from services.intake.drafts_checks import AGENT, Changes, Standing
from services.intake.drafts_files import AUTHORISATION
from services.intake.drafts_store import DraftFile
from services.intake.pages import needs
from services.intake.pages.needs import Answered
from services.runtime.web.problems import Words

LABELS = {
    "project.code": "项目代码",
    "project.name": "项目名称",
    "project.address": "建设地点",
    "applicant.kind": "申请人类型",
    "applicant.name": "申请人名称或姓名",
    "applicant.id_number": "统一社会信用代码或证件号码",
    "applicant.phone": "联系电话",
    "applicant.email": "电子邮箱",
    "agent.name": "代理人姓名",
    "agent.id_number": "代理人证件号码",
    "agent.phone": "代理人电话",
    "agent.email": "代理人电子邮箱",
}
SECTIONS = {
    "project": ("code", "name", "address"),
    "applicant": ("kind", "name", "id_number", "phone", "email"),
    "agent": ("name", "id_number", "phone", "email"),
}


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A place for one paper."""

    id: str
    name: Name | None
    """None: the authorisation of the agent."""
    departments: tuple[Name, ...] = ()
    form: str = "electronic"
    may_follow: Limit | None = None
    file: DraftFile | None = None
    coming: DraftFile | None = None
    reference: str = ""
    error: Words | None = None

    @property
    def there(self) -> bool:
        """Whether something was given."""
        return self.file is not None or bool(self.reference)


@dataclass(frozen=True, kw_only=True)
class NotAsked:
    """A paper that the applicant need not hand in, or not now, and where it comes from."""

    name: Name
    supplier: Name
    held: bool
    later: PlannedLater | None


@dataclass(frozen=True, kw_only=True)
class Step:
    """One section of the form, as the line of steps shows it."""

    label: str
    href: str
    done: bool
    here: bool


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Something that is missing or wrong, and where to put it right."""

    label: str
    """A message; "" where `name` says it."""
    name: Name | None
    words: Words | None
    href: str


@dataclass(frozen=True, kw_only=True)
class ChangedCatalogue:
    """What a newer catalogue changes, in words."""

    version: str
    added: tuple[Name, ...]
    dropped: tuple[Name, ...]
    added_papers: tuple[Name, ...]
    dropped_papers: tuple[Name, ...]
    days_before: int | None


def steps(where: Standing, here: str) -> tuple[Step, ...]:
    """Return the sections in their order, and which of them are complete."""
    base = f"/apply/{where.draft.id}"
    papers = where.plan is not None and not where.missing and not where.unauthorised
    found = (
        ("facts", "项目情况", f"{base}/facts", where.plan is not None and not where.changes),
        ("people", "项目和申请人", base, not where.people),
        ("materials", "申请材料", f"{base}/materials", papers),
        ("review", "核对递交", f"{base}/review", False),
    )
    return tuple(
        Step(label=label, href=href, done=done, here=name == here)
        for name, label, href, done in found
    )


def slots(
    where: Standing,
    coming: Iterable[DraftFile] = (),
    errors: Mapping[str, Words] | None = None,
    typed: Mapping[str, str] | None = None,
) -> tuple[Slot, ...]:
    """Return a place for every paper that is asked for; the agent's authorisation first.

    `typed` are references as they were just typed, in place of those that were saved.
    """
    wrong = errors or {}
    on_the_way = {one.slot: one for one in coming if one.sha256 is None}
    references = typed if typed is not None else where.draft.fields.get("references") or {}
    found = []
    if where.draft.fields.get("acting") == AGENT:
        found.append(
            Slot(
                id=AUTHORISATION,
                name=None,
                file=where.files.get(AUTHORISATION),
                coming=on_the_way.get(AUTHORISATION),
                error=wrong.get(AUTHORISATION),
            )
        )
    users = {} if where.plan is None else _users(where.plan)
    for one in sorted(where.asked, key=lambda each: each.may_follow is not None):
        departments = (name for item in one.used_by_items for name in users.get(item, ()))
        found.append(
            Slot(
                id=one.id,
                name=one.name,
                departments=tuple(dict.fromkeys(departments)),
                form=one.form,
                may_follow=one.may_follow,
                file=where.files.get(one.id),
                coming=on_the_way.get(one.id),
                reference=str(references.get(one.id, "")),
                error=wrong.get(one.id) or where.people.get(f"references.{one.id}"),
            )
        )
    return tuple(found)


def _users(plan: Plan) -> dict[str, tuple[Name, ...]]:
    """Return who decides each item of a plan."""
    found: dict[str, dict[str, Name]] = {}
    for step in plan.steps:
        for part in step.parts:
            found.setdefault(part.item, {})[part.department] = part.department_name
    return {item: tuple(names.values()) for item, names in found.items()}


def not_asked(where: Standing) -> tuple[NotAsked, ...]:
    """Return the papers of the plan that are not to be handed in now."""
    materials: tuple[PlannedMaterial, ...] = () if where.plan is None else where.plan.materials
    return tuple(
        NotAsked(
            name=one.name,
            supplier=SUPPLIERS[one.supplied_by],
            held=one.already_there == "held",
            later=one.later,
        )
        for one in materials
        if not one.asked or one.later is not None
    )


def unneeded(where: Standing) -> tuple[tuple[str, Name, DraftFile], ...]:
    """Return files (slot, name, file) of papers that the answers do not ask for any more."""
    wanted = {one.id for one in where.asked} | {AUTHORISATION}
    known = where.catalogue.material_by_id
    return tuple(
        (slot, known[slot].name if slot in known else Name(zh=slot, en=slot), one)
        for slot, one in where.files.items()
        if slot not in wanted
    )


def gaps(where: Standing) -> tuple[Gap, ...]:
    """Return everything that keeps a draft from being handed in, and where to put it right."""
    return tuple(_gaps(where))


def _gaps(where: Standing) -> Iterator[Gap]:
    base = f"/apply/{where.draft.id}"
    for fault in where.facts:
        yield Gap(label="项目情况", name=None, words=fault.message, href=f"{base}/facts")
    for field, words in where.people.items():
        if field in LABELS:
            yield Gap(label=LABELS[field], name=None, words=words, href=f"{base}#{field}")
        else:
            slot = field.removeprefix("references.")
            yield _paper(where, slot, words)
    if where.unauthorised:
        yield Gap(label="授权委托书", name=None, words=None, href=_place(where, AUTHORISATION))
    for one in where.missing:
        yield _paper(where, one.id, None)


def _paper(where: Standing, slot: str, words: Words | None) -> Gap:
    known = where.catalogue.material_by_id
    name = known[slot].name if slot in known else Name(zh=slot, en=slot)
    return Gap(label="", name=name, words=words, href=_place(where, slot))


def _place(where: Standing, slot: str) -> str:
    return f"/apply/{where.draft.id}/materials#slot-{slot}"


def changed(where: Standing) -> ChangedCatalogue | None:
    """Return what a newer catalogue changes, in words; None when nothing is newer."""
    found: Changes | None = where.changes
    if found is None:
        return None
    items, papers = where.catalogue.item_by_code, where.catalogue.material_by_id
    return ChangedCatalogue(
        version=found.version,
        added=_named(found.added_items, items),
        dropped=_named(found.dropped_items, items),
        added_papers=_named(found.added_materials, papers),
        dropped_papers=_named(found.dropped_materials, papers),
        days_before=found.days_before,
    )


def _named(codes: Iterable[str], known: Mapping[str, Any]) -> tuple[Name, ...]:
    return tuple(known[code].name if code in known else Name(zh=code, en=code) for code in codes)


def typed_of(form: Mapping[str, Any], longest: int) -> dict[str, Any]:
    """Return what a form says of project and people, by section, no text longer than `longest`."""
    found: dict[str, Any] = {
        section: {name: _text(form, f"{section}.{name}", longest) for name in names}
        for section, names in SECTIONS.items()
    }
    acting = _text(form, "acting", longest)
    found["acting"] = acting if acting == AGENT else drafts_checks.SELF
    return found


def _text(form: Mapping[str, Any], name: str, longest: int) -> str:
    value = form.get(name, "")
    return value[:longest] if isinstance(value, str) else ""


def sent_of(answers: Mapping[str, Fact]) -> dict[str, str]:
    """Return answers as they stand in an address."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in answers.items()
    }


@dataclass(frozen=True, kw_only=True)
class FactLine:
    """One answer, and where to change it."""

    answered: Answered
    href: str


def fact_lines(where: Standing) -> tuple[FactLine, ...]:
    """Return the answers of a draft, each with the way to its question."""
    scenario = where.catalogue.scenario_by_code.get(where.draft.scenario)
    if scenario is None:
        return ()
    sent = sent_of(where.draft.answers)
    walk = needs.walk(where.catalogue, scenario, sent)
    return tuple(
        FactLine(answered=one, href=_again(where, sent, one.question.id)) for one in walk.answered
    )


def _again(where: Standing, sent: Mapping[str, str], question: str) -> str:
    """Return the address that asks one question again and keeps the other answers."""
    kept = {name: value for name, value in sent.items() if name != question}
    query = urlencode({**kept, "draft": str(where.draft.id)})
    return f"/needs/{where.draft.scenario}?{query}"


def questions_again(where: Standing) -> str:
    """Return the address that goes on with the questions where the answers do not suffice."""
    query = urlencode({**sent_of(where.draft.answers), "draft": str(where.draft.id)})
    return f"/needs/{where.draft.scenario}?{query}"
