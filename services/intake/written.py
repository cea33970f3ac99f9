"""Which documents there are of an application by now, and what each of them says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from services.contracts.vocabulary import GRANTING, AcceptanceKind, AcceptanceOutcome, Outcome
from services.domain import outcomes, sheets, sheets_renewal
from services.domain.catalogue import Catalogue, Name
from services.domain.plan import Plan
from services.domain.sheets import Asked, Decided, DocumentKind, Elsewhere, Ground, Sheet, Taken
from services.intake import powers
from services.intake.parts import Parts
from services.intake.problems import NO_CATALOGUE
from services.intake.reading import Names
from services.intake.store import Shown
from services.intake.supplement_reading import BASES, name_of
from services.runtime.catalogue_shelf import UnknownVersionError
from services.runtime.web.problems import Problem

SUBMISSION, ACCEPTANCE, RESULT = "submission", "acceptance", "result-"


@dataclass(frozen=True, kw_only=True)
class Writing:
    """A document to be: its name within the application, and how it is written."""

    name: str
    kind: DocumentKind
    item: str | None
    write: Callable[[], Sheet]


class Case:
    """An application with everything that its documents say."""

    def __init__(self, parts: Parts, row: Shown, plan: Plan) -> None:
        """Take the application's row (`get_case`) and its plan.

        Raises Problem 503 when its catalogue version is not on the shelf: a document under other
        names would be a wrong one.
        """
        self._row, self._plan = row, plan
        self._local_date = parts.shelf.calendar.local_date
        self._is_provisional = parts.shelf.calendar.is_provisional
        self._catalogue = _catalogue(parts, row["catalogue_version"])

    @property
    def writings(self) -> tuple[Writing, ...]:
        """Every document there is by now: receipts in their order, then results."""
        submission = Writing(
            name=SUBMISSION, kind=DocumentKind.SUBMISSION, item=None, write=self._submission
        )
        receipts = (self._receipt(one) for one in self._row["receipts"] or self._on_the_spot())
        return (submission, *receipts, *(self._writing(one) for one in self._row["results"]))

    def _on_the_spot(self) -> list[Mapping[str, Any]]:
        """The receipt of an acceptance that came with the submission."""
        if self._plan.acceptance is not None:
            return []
        day = self._day(self._row).isoformat()
        promised = self._plan.promised_at.isoformat()
        told = {"kind": AcceptanceKind.EXPLICIT, "accepted_on": day, "promised_at": promised}
        return [{"place": 1, "outcome": AcceptanceOutcome.ACCEPTED, "dated": day, "told": told}]

    def _receipt(self, one: Mapping[str, Any]) -> Writing:
        told = one["told"]
        match AcceptanceOutcome(one["outcome"]):
            case AcceptanceOutcome.ACCEPTED:
                kind, name, write = DocumentKind.ACCEPTANCE, ACCEPTANCE, self._acceptance
            case AcceptanceOutcome.INCOMPLETE:
                kind, name, write = DocumentKind.NOTICE, f"notice-{told['round']}", self._notice
            case _:
                name = f"correction-{one['place']}"
                kind, write = DocumentKind.CORRECTION, self._correction
        return Writing(name=name, kind=kind, item=None, write=partial(write, one))

    def _writing(self, result: Shown) -> Writing:
        granted = result["outcome"] in GRANTING
        return Writing(
            name=f"{RESULT}{result['item']}",
            kind=DocumentKind.GRANT if granted else DocumentKind.REFUSAL,
            item=result["item"],
            write=partial(self._decision, result, self._wording(result)),
        )

    def _wording(self, result: Shown) -> Callable[[sheets.Application, Decided], Sheet]:
        match Outcome(result["outcome"]):
            case Outcome.DEEMED_RENEWED:
                return partial(sheets_renewal.renewed, expired_on=self._expiry(result["item"]))
            case Outcome.GRANTED:
                return sheets.grant
            case _:
                return sheets.refusal

    def _expiry(self, item: str) -> date:
        """Return until when the permit was valid that an item of the plan renews."""
        parts = (part for step in self._plan.steps for part in step.parts)
        return next(p.renewal.expires_on for p in parts if p.item == item and p.renewal)

    def _submission(self) -> Sheet:
        known = self._catalogue.material_by_id
        given = sorted(self._row["materials"])
        names = [known[one].name.zh if one in known else one for one in given]
        day = self._day(self._row)
        return sheets.submission(self._of, self._centre, day, names, self._elsewhere)

    def _acceptance(self, one: Mapping[str, Any]) -> Sheet:
        told = one["told"]
        promised = told["promised_at"] and self._local_date(_instant(told["promised_at"]))
        names = Names(self._plan).departments
        taken = Taken(
            ground=_ground(told["kind"]),
            dated=date.fromisoformat(one["dated"]),
            accepted_on=date.fromisoformat(told["accepted_on"]),
            promised=promised,
            provisional=promised is not None and self._is_provisional(promised),
            silent=tuple(names[code] for code in told.get("silent", ()) if code in names),
            elsewhere=self._elsewhere,
        )
        return sheets.acceptance(self._of, self._centre, taken)

    def _notice(self, one: Mapping[str, Any]) -> Sheet:
        told, names = one["told"], Names(self._plan).departments
        asked = [
            Asked(
                department=names.get(line["department"], _same(line["department"])),
                subject=self._subject(line["subject"]),
                text=line["text"],
            )
            for line in told["lines"]
        ]
        ground, dated = _ground(one["outcome"]), date.fromisoformat(one["dated"])
        return sheets.notice(self._of, self._centre, ground, dated, told["round"], asked)

    def _correction(self, one: Mapping[str, Any]) -> Sheet:
        subjects = [self._subject(subject) for subject in one["told"]["subjects"]]
        ground, dated = _ground(one["outcome"]), date.fromisoformat(one["dated"])
        return sheets.correction(self._of, self._centre, ground, dated, one["place"], subjects)

    def _subject(self, subject: str) -> str:
        found = name_of(subject, self._catalogue)
        return subject if found is None else found.zh

    def _decision(
        self, result: Shown, write: Callable[[sheets.Application, Decided], Sheet]
    ) -> Sheet:
        return write(self._of, self._decided(result))

    def _decided(self, result: Shown) -> Decided:
        names = Names(self._plan)
        code, department = result["item"], result["department"]
        item = self._catalogue.item_by_code[code]
        return Decided(
            item=code,
            item_name=names.items.get(code, item.name),
            department=names.departments.get(department, _same(department)),
            kind=item.kind,
            paper=item.result.name,
            number=result["number"],
            dated=self._local_date(_instant(result["decided_at"])),
            reasons=tuple(result["reasons"]),
            remedies=tuple(result["remedies"]),
            conditions=tuple(result["conditions"]),
        )

    @property
    def _of(self) -> sheets.Application:
        return sheets.Application(
            number=self._row["number"],
            project_code=self._row["project_code"],
            project_name=self._row["project_name"],
            applicant=self._row["applicant"],
            scenario=self._plan.scenario_name,
        )

    @property
    def _centre(self) -> Name:
        return centre_of(self._catalogue)

    @property
    def _elsewhere(self) -> tuple[Elsewhere, ...]:
        return powers.lines(outcomes.elsewhere(self._catalogue, self._plan))

    def _day(self, row: Shown) -> date:
        return self._local_date(row["submitted_at"])


def centre_of(catalogue: Catalogue) -> Name:
    """Return the body that keeps the one door."""
    county = catalogue.county.name
    return Name(zh=f"{county.zh}政务服务中心", en=f"{county.en}: government service centre")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _same(code: str) -> Name:
    return Name(zh=code, en=code)


def _ground(what: str) -> Ground:
    basis, statement = BASES[what]
    return Ground(basis=basis, statement=statement)


def _catalogue(parts: Parts, version: str) -> Catalogue:
    try:
        return parts.shelf.version(version)
    except UnknownVersionError:
        raise Problem(NO_CATALOGUE) from None
