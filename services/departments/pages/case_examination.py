"""Looking at the papers before the acceptance: everything that is missing, said once.

Only what the catalogue version of the case asks of the department's items is on the page, and only
that is taken (行政许可法 31, 32(4)).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from services.contracts.vocabulary import FindingKind
from services.departments import examination, examination_store, models
from services.departments.case_faults import NOTHING, SAY
from services.departments.examination_api import Finding
from services.departments.pages.case import Reader
from services.departments.pages.case_form import Back, Form, refused
from services.departments.pages.case_reading import catalogue_of
from services.departments.pages.case_words import WORDS
from services.departments.pages.common import CHIEF, OFFICER, Once, Pages, acted
from services.departments.problems import FINDING_REFUSED
from services.departments.scope import sight_of
from services.departments.store import Row
from services.domain import facts
from services.domain.catalogue import Basis, Catalogue, Item, Name
from services.runtime.web.problems import FORBIDDEN, NOT_FOUND, Fault, Problem
from services.runtime.web.site.forms import checked
from services.runtime.web.site.session import Session

router = APIRouter(include_in_schema=False)
ExaminationId = Annotated[int, Path(ge=1, le=models.LARGEST_ID)]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Something that may be named. `number` is its place on the page, from 1.

    `paper`: the material whose file can be read, None without one.
    """

    number: int
    subject: str
    name: Name | None
    there: bool
    paper: str | None
    items: tuple[Item, ...]

    @property
    def kind(self) -> FindingKind:
        """What can be wrong with it: a paper that is not there is missing."""
        is_paper = self.subject.startswith("material/")
        return FindingKind.MISSING if is_paper and not self.there else FindingKind.DEFECTIVE

    @property
    def bases(self) -> tuple[Basis, ...]:
        """Where the law sets what it belongs to."""
        return tuple(dict.fromkeys(basis for item in self.items for basis in item.legal_basis))


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at one examination."""

    request: Request
    session: Session
    site: Pages
    row: Row
    catalogue: Catalogue | None

    @property
    def path(self) -> str:
        """The address of the page."""
        return f"/examinations/{self.row['id']}"

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """Everything that may be named."""
        given = orjson.loads(self.row["materials"])
        there = {one["material"] for one in given}
        files = {one["material"] for one in given if one.get("sha256")}
        readable = getattr(self.request.app.state, "papers", None) is not None
        known = self.catalogue.item_by_code if self.catalogue is not None else {}
        items = [known[code] for code in self.row["items"] if code in known]
        return tuple(
            Subject(
                number=number,
                subject=subject,
                name=name,
                there=(paper := subject.removeprefix("material/")) in there,
                paper=paper if readable and paper in files else None,
                items=tuple(_of(subject, items)),
            )
            for number, (subject, name) in enumerate(
                examination.nameable(self.row, self.catalogue).items(), start=1
            )
        )

    @property
    def facts(self) -> list[tuple[Name, Name]]:
        """The facts of the project: question and answer."""
        known = self.catalogue.question_by_id if self.catalogue is not None else {}
        return [
            (
                known[code].text if code in known else Name(zh=code, en=code),
                facts.described(known.get(code), value),
            )
            for code, value in orjson.loads(self.row["facts"]).items()
        ]

    def page(self, back: Back, status: int = 200) -> Response:
        """Return the page, with what comes back."""
        who, row = self.session.principal, self.row
        found = None if row["findings"] is None else orjson.loads(row["findings"])
        may = (
            row["state"] == examination.OPEN
            and who.department == row["department"]
            and who.has(OFFICER, CHIEF)
            and who.refs.isdisjoint(row["applicant_refs"])
        )
        return self.site.page(
            self.request,
            "departments/case_examination.html",
            status=status,
            session=self.session,
            row=row,
            look=self,
            back=back,
            found=found,
            may=may,
            names={one.subject: one.name for one in self.subjects},
            items={} if self.catalogue is None else self.catalogue.item_by_code,
            mine=row["actor_ref"] == who.ref,
            **WORDS,
        )


def _of(subject: str, items: list[Item]) -> Iterator[Item]:
    kind, _, rest = subject.partition("/")
    for item in items:
        if kind == "condition" and rest.partition("/")[0] == item.code:
            yield item
        if kind == "material" and rest in {use.material for use in item.materials}:
            yield item


async def looking(
    request: Request, session: Reader, site: Pages, examination: ExaminationId
) -> Look:
    """FastAPI dependency: a look at an examination. Raises Problem 404."""
    state = request.app.state
    async with state.pool.acquire() as conn:
        row = await examination_store.read_examination(
            conn, examination, sight_of(session.principal)
        )
    if row is None:
        raise Problem(NOT_FOUND)
    catalogue = catalogue_of(state.shelf, row["catalogue_version"])
    return Look(request=request, session=session, site=site, row=row, catalogue=catalogue)


Looking = Annotated[Look, Depends(looking)]


@router.get("/examinations/{examination}")
async def examination_page(look: Looking) -> Response:
    """Show what is to be looked at."""
    return look.page(Back())


@router.post("/examinations/{examination}")
async def examine(look: Looking, asked: Once) -> Response:
    """Take what somebody found."""
    form = Form.of(await look.request.form())
    complete = form.text("do") == "complete"
    try:
        if not look.session.principal.has(OFFICER, CHIEF):
            raise Problem(FORBIDDEN)
        act = partial(
            examination.answer,
            clock=look.request.app.state.clock,
            catalogue=look.catalogue,
            who=look.session.principal,
            id_=look.row["id"],
            findings=[] if complete else _findings(look, form),
            expected=form.expected,
        )
        note = "已确认材料齐全" if complete else "已提交，将与其他部门的意见合并为一份告知书"
        return await acted(look.request, look.site, asked, act, to=look.path, note=note)
    except Problem as problem:
        if problem.kind is NOT_FOUND:
            raise
        now = await looking(look.request, look.session, look.site, look.row["id"])
        back = refused(look.site, look.request, "findings", form, problem, _names(look))
        return now.page(back, problem.kind.status)


def _findings(look: Look, form: Form) -> list[Finding]:
    ticked = [one for one in look.subjects if form.text(f"find_{one.number}") == "yes"]
    faults = [
        Fault(f"#/text_{one.number}", SAY) for one in ticked if not form.text(f"text_{one.number}")
    ]
    if not ticked:
        faults = [Fault("#/findings", NOTHING)]
    if faults:
        raise Problem(FINDING_REFUSED, errors=faults)
    return [
        checked(Finding, subject=one.subject, kind=one.kind, text=form.text(f"text_{one.number}"))
        for one in ticked
    ]


def _names(look: Look) -> Mapping[str, Any]:
    return {f"text_{one.number}": f"text_{one.number}" for one in look.subjects}
