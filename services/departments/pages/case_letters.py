"""What will be sent, as text, before it is sent: the letter of a pause, the document of a decision.

The documents themselves are made elsewhere from the same texts; the applicant's name stands on
those alone, because this department's store does not know it.
"""

from datetime import datetime

from services.contracts.vocabulary import Outcome, PauseKind
from services.departments import models
from services.departments.case_faults import NOT_COMPLETE, NOT_LISTED
from services.departments.clocks_api import NewPause
from services.departments.deciding import result_number
from services.departments.pages.case_acts import reasons
from services.departments.pages.case_form import Form
from services.departments.pages.case_reading import Case
from services.departments.store import Row
from services.domain import clock_rules, limits, sheets
from services.domain.catalogue import ItemKind, Name
from services.domain.official_texts import (
    APPLICANT,
    DECISION,
    UNNUMBERED,
    Told,
    pause_letter,
    sheet_text,
)
from services.runtime.catalogue_shelf import Shelf
from services.runtime.web.problems import INVALID, Fault, Problem
from services.runtime.web.site.forms import checked


def of_pause(case: Case, form: Form, shelf: Shelf, now: datetime) -> str:
    """Return the letter of a pause as it is asked for. Raises Problem 422."""
    body = checked(
        NewPause,
        kind=form.text("pause_kind"),
        until=form.text("pause_until"),
        notice=form.text("pause_notice") or None,
        reason=form.text("pause_reason"),
    )
    stop = next((one for one in case.stops if one.rule.procedure == body.kind), None)
    if stop is None:
        raise Problem(INVALID, errors=[Fault("#/kind", NOT_LISTED)])
    day = limits.day_of_act(now, shelf.calendar)
    return pause_letter(
        Told(
            **_about(case, shelf),
            kind=body.kind,
            from_on=day,
            until_on=body.until,
            left=None if stop.left is None else stop.left.value,
            unit=None if stop.left is None else stop.left.unit,
            notice=body.notice or UNNUMBERED,
            article=clock_rules.citation(stop.rule.basis),
            reason=body.reason,
            dated=shelf.calendar.local_date(now),
        )
    )


def of_stored(case: Case, pause: Row, shelf: Shelf) -> str:
    """Return the letter of a pause that was told."""
    return pause_letter(
        Told(
            **_about(case, shelf),
            kind=PauseKind(pause["kind"]),
            from_on=pause["from_on"],
            until_on=pause["until_on"],
            left=pause["cap_value"],
            unit=pause["cap_unit"],
            notice=pause["notice"],
            article=pause["article"],
            reason=pause["reason"],
            dated=shelf.calendar.local_date(pause["at"]),
        )
    )


def _about(case: Case, shelf: Shelf) -> dict[str, str]:
    row = case.row
    department = shelf.departments.get(row["department"])
    return {
        "department": row["department"] if department is None else department.name.zh,
        "item": row["item"] if case.item is None else case.item.name.zh,
        "application": row["application"],
        "project_code": row["project_code"],
    }


def of_decision(case: Case, form: Form, shelf: Shelf, now: datetime) -> str:
    """Return what the document of a decision will say. Raises Problem 422."""
    granted = form.text("outcome") == Outcome.GRANTED
    body = checked(
        models.Decision,
        outcome=form.text("outcome"),
        conditions=form.lines("conditions") if granted else (),
        reasons=() if granted else reasons(form),
        remedies=() if granted else form.lines("remedies"),
    )
    make = sheets.grant if granted else sheets.refusal
    try:
        sheet = make(_application(case), _decided(case, body, shelf, now))
    except ValueError:
        raise Problem(INVALID, errors=[Fault("#/reasons", NOT_COMPLETE)]) from None
    return sheet_text(sheet)


def _application(case: Case) -> sheets.Application:
    scenarios = case.catalogue.scenario_by_code if case.catalogue is not None else {}
    scenario = scenarios.get(case.row["scenario"])
    code = case.row["scenario"]
    return sheets.Application(
        number=case.row["application"],
        project_code=case.row["project_code"],
        project_name="",
        applicant=APPLICANT,
        scenario=Name(zh=code, en=code) if scenario is None else scenario.name,
    )


def _decided(case: Case, body: models.Decision, shelf: Shelf, now: datetime) -> sheets.Decided:
    row, item = case.row, case.item
    department = shelf.departments.get(row["department"])
    code, office = row["item"], row["department"]
    return sheets.Decided(
        item=code,
        item_name=Name(zh=code, en=code) if item is None else item.name,
        department=Name(zh=office, en=office) if department is None else department.name,
        kind=ItemKind.OTHER if item is None else item.kind,
        paper=DECISION if item is None else item.result.name,
        number=result_number(row) if body.outcome is Outcome.GRANTED else None,
        dated=shelf.calendar.local_date(now),
        reasons=body.reasons,
        remedies=body.remedies,
        conditions=body.conditions,
    )
