from datetime import date

from services.contracts.vocabulary import LimitStart, PauseKind, Unit
from services.domain.catalogue import (
    Basis,
    Consulted,
    Extension,
    Fee,
    ItemKind,
    ItemStatus,
    Name,
    ResultDocument,
    StatutoryLimit,
    Uncounted,
)
from services.domain.disclosure import (
    APPROVERS,
    KINDS,
    PROCEDURES,
    STARTS,
    STATUSES,
    WORDS,
    markdown,
)
from tests.unit.builders import BASIS, catalogue, days, group, item, name, of

DOUBTFUL = Basis(law="Local rule", verified=False, note="heard of")


def test_all_that_is_known_of_an_item_is_public() -> None:
    law = StatutoryLimit(
        limit=days(20),
        start=LimitStart.RECEIPT,
        basis=Basis(law="Act", article="7", source="ACT"),
        extension=Extension(limit=days(10), approver="department_head", basis=BASIS),
        uncounted=(
            Uncounted(procedure="hearing", basis=BASIS),
            Uncounted(procedure="expert_review", cap=days(1), basis=DOUBTFUL),
        ),
    )
    full = item(
        "AA",
        "fire",
        co_deciders=("water",),
        consulted=(Consulted(department="housing"),),
        conditions=(Name(zh="条件", en="Condition"),),
        procedure=(Name(zh="步骤", en="Step"),),
        materials=(
            {"material": "deed", "when": "is_large", "may_follow": days(3)},
            {"material": "map"},
            {"material": "paper"},
            {"material": "lost"},
        ),
        fee=Fee(standard="by-area"),
        after=["BB"],
        any_of=[("BB", "CC")],
        on_trust=["ZZ"],
        group="joint",
        result=ResultDocument(name=name("Certificate"), valid_years=2, note="renewable"),
        notes=("A note",),
    ).model_copy(update={"statutory": law})
    standard = {
        "id": "by-area",
        "name": name("Fee by area"),
        "document": DOUBTFUL,
        "amount": "1.50",
        "unit": "m2",
        "note": "once",
    }
    one = catalogue(
        items=[full, item("BB"), item("CC")],
        groups=[group(budget=5)],
        fees=(standard,),
        materials=(
            {"id": "deed", "name": name("Deed"), "basis": DOUBTFUL},
            {"id": "map", "name": name("Map"), "result_of": "BB", "basis": BASIS},
            {"id": "paper", "name": name("Paper"), "supplied_by": "department"},
        ),
        county={"sources": {"ACT": "The Act of 2019"}, "effective_to": date(2026, 12, 31)},
    )
    text = markdown(one, "en")
    for line in (
        "Version 2026.1; In force from 2026-01-01",
        "In force until 2026-12-31",
        "## first",
        "### AA",
        "- **Code**: `AA`",
        "- **Department**: fire",
        "- **Decided together with**: water",
        "- **Units consulted**: housing",
        "- **Applies when**: `True`",
        "- **Statutory limit**: 20 working days, from receipt: Act 7 [The Act of 2019]; may be"
        " extended by 10 working days (approved by the head of the department, 行政许可法 42)",
        "  1. hearing: 行政许可法 42",
        "  2. expert review (<= 1 working day): Local rule (heard of) (unverified)",
        "- **Promised limit**: 6 working days: 行政许可法 42",
        "  1. Deed (from the applicant) (unverified), `is_large`, may follow within 3 working days",
        "  2. Map (shared: the result of BB)",
        "  3. Paper (from a department)",
        "  4. lost",
        "- **Fee**: Fee by area, 1.50 yuan/m2: Local rule (heard of) (unverified) (once)",
        "- **After**: BB; one of: BB / CC; ZZ (taken in on trust)",
        "- **Handled jointly in**: joint, 5 working days: 行政许可法 42",
        "- **Result**: Certificate, 2 years valid (renewable)",
        "  1. A note",
    ):
        assert line in text.splitlines(), line


def test_what_is_missing_is_left_out_or_said() -> None:
    bare = item(
        "AA",
        "nobody",
        statutory=None,
        promised=0,
        applies_when=None,
        fee=Fee(standard="lost"),
        group="lost-group",
    )
    lines = markdown(of([bare]), "en").splitlines()
    for line in (
        "- **Department**: nobody",
        "- **Statutory limit**: no limit found",
        "- **Promised limit**: on the spot: 行政许可法 42",
        "- **Fee**: lost",
        "- **Handled jointly in**: lost-group",
    ):
        assert line in lines, line
    assert not any("Applies when" in line or "Notes" in line for line in lines)
    assert not any(
        "Fee" in line for line in markdown(of([item("AA", fee=Fee())]), "en").splitlines()
    )


def test_a_fee_may_have_no_amount_or_no_unit() -> None:
    open_ = {"id": "open", "name": name("Open"), "document": BASIS}
    flat = {"id": "flat", "name": name("Flat"), "document": BASIS, "amount": "80"}
    items = [item("AA", fee=Fee(standard="open")), item("BB", fee=Fee(standard="flat"))]
    text = markdown(of(items, fees=(open_, flat)), "zh")
    assert "- **收费**: Open: 行政许可法 42" in text
    assert "- **收费**: Flat, 80 元: 行政许可法 42" in text


def test_every_word_is_there_in_both_languages() -> None:
    tables = (WORDS, STARTS, KINDS, STATUSES, PROCEDURES, APPROVERS)
    assert set(KINDS) == set(ItemKind)
    assert set(STATUSES) == set(ItemStatus)
    assert set(STARTS) == set(LimitStart)
    approvers = Extension.model_fields["approver"].annotation
    assert set(PROCEDURES) == set(PauseKind)
    assert set(APPROVERS) == set(approvers.__args__)  # type: ignore[union-attr]  # a Literal
    for table in tables:
        for said in table.values():
            assert any("一" <= letter <= "鿿" for letter in said.zh)
            assert said.en.isascii()


def test_calendar_days_are_named() -> None:
    promised = days(10, Unit.CALENDAR_DAY)
    assert "10 个自然日" in markdown(of([item("AA", statutory=None, promised=promised)]), "zh")
