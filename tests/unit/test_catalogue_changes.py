"""What a new version of the catalogue changes: nothing is left out, everything has its sentence."""

import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.cli import build
from services.contracts.vocabulary import Silence, Unit
from services.domain.catalogue import (
    Catalogue,
    Constraint,
    Consulted,
    Department,
    Fee,
    FeeStandard,
    Item,
    ItemStatus,
    Limit,
    Material,
    MaterialUse,
    Prerequisites,
    StatutoryLimit,
)
from services.domain.catalogue_changes import SECTIONS, ChangeKind, compare, digest_of
from services.domain.editions import usable
from services.runtime.catalogue_files import load
from tests.unit.builders import BASIS, item, name, of

FIXTURE = Path("tests/fixtures/restaurant/2026.1")
KIND = ChangeKind
OLD = load(FIXTURE)
FIRST = OLD.items[0]


def with_item(found: Catalogue, **changes: Any) -> Catalogue:
    """The same catalogue, with its first item changed."""
    changed = found.items[0].model_copy(update=changes)
    return found.model_copy(update={"items": (changed, *found.items[1:])})


def kinds(old: Catalogue, new: Catalogue) -> list[tuple[str, str]]:
    return [(one.kind.value, one.subject) for one in compare(old, new)]


def test_two_versions_that_say_the_same_change_nothing() -> None:
    assert compare(OLD, load(FIXTURE)) == ()
    head = OLD.county.model_copy(update={"version": "2026.2", "effective_from": date(2026, 7, 1)})
    assert compare(OLD, OLD.model_copy(update={"county": head})) == ()


def test_an_item_that_is_not_in_the_new_version_is_taken_back() -> None:
    less = OLD.model_copy(update={"items": OLD.items[1:]})
    (taken,) = [one for one in compare(OLD, less) if one.kind is KIND.ITEM_TAKEN_BACK]
    assert taken.subject == FIRST.code
    assert taken.zh == f"撤出事项“{FIRST.name.zh}”，不再进入中心办理"
    assert taken.en == f"The item “{FIRST.name.en}” is taken back out of the centre"
    assert (KIND.ITEM_ADDED, FIRST.code) in kinds(less, OLD)


@pytest.mark.parametrize(
    ("changes", "kind", "en"),
    [
        ({"status": ItemStatus.CANCELLED}, KIND.ITEM_CANCELLED, "is cancelled"),
        ({"status": ItemStatus.SUSPENDED}, KIND.ITEM_STATUS, "was active and is suspended"),
        ({"fee": Fee(standard="a-fee")}, KIND.FEE, "it was free and is charged (a-fee)"),
        ({"promised": Limit(value=1)}, KIND.LIMIT, "has 1 working day(s) instead of"),
        (
            {
                "statutory": StatutoryLimit(
                    limit=Limit(value=9, unit=Unit.CALENDAR_DAY), basis=BASIS
                )
            },
            KIND.LIMIT,
            "has 9 calendar day(s) instead of",
        ),
        ({"statutory": None}, KIND.LIMIT, "The statutory limit of"),
        ({"prerequisites": Prerequisites(all_of=("OTHER",))}, KIND.PREREQUISITES, "to be there"),
        ({"applies_when": "seats > 1"}, KIND.RULE, "The rule applies_when of"),
        (
            {"consulted": (Consulted(department="water", silence=Silence.NONE),)},
            KIND.RULE,
            "The rule consulted of",
        ),
        ({"department": "other", "notes": ("x",)}, KIND.ITEM, "department, notes changed"),
    ],
    ids=lambda value: None,
)
def test_what_bears_on_applicants_has_a_kind_of_its_own(
    changes: dict[str, Any], kind: ChangeKind, en: str
) -> None:
    (found,) = compare(OLD, with_item(OLD, **changes))
    assert (found.kind, found.subject) == (kind, FIRST.code)
    assert en in found.en
    assert FIRST.name.zh in found.zh


def test_a_fee_that_is_given_up() -> None:
    charged = with_item(OLD, fee=Fee(standard="a-fee"))
    (found,) = compare(charged, with_item(OLD, fee=Fee(free=BASIS)))
    assert "it was charged (a-fee) and is free" in found.en
    assert "由收费 (a-fee)改为不收费" in found.zh


def test_other_rules_of_the_same_limit_are_told() -> None:
    one = item("AA", statutory=Limit(value=20))
    assert one.statutory is not None
    start = one.statutory.model_copy(update={"basis": BASIS.model_copy(update={"law": "x"})})
    old, new = of([one]), of([one.model_copy(update={"statutory": start})])
    (found,) = compare(old, new)
    assert (found.kind, found.subject) == (KIND.LIMIT, "AA")
    assert "other rules of start, more or pause" in found.en


def test_materials_that_are_asked_for_no_longer_or_on_other_terms() -> None:
    uses = (MaterialUse(material="plan"), MaterialUse(material="deed"))
    old = with_item(OLD, materials=uses)
    new = with_item(
        OLD,
        materials=(
            MaterialUse(material="deed", may_follow=Limit(value=5)),
            MaterialUse(material="photo"),
        ),
    )
    assert [(one.kind, one.en.rsplit(" ", 1)[1]) for one in compare(old, new)] == [
        (KIND.MATERIAL, "deed"),
        (KIND.MATERIAL_ADDED, "photo"),
        (KIND.MATERIAL_REMOVED, "plan"),
    ]
    turned = with_item(OLD, materials=uses[::-1])
    assert kinds(old, turned) == [(KIND.ITEM, FIRST.code)]


def fees(*amounts: str | None, **more: Any) -> Catalogue:
    made = tuple(
        FeeStandard(
            id=f"fee-{n}",
            name=name(f"fee {n}"),
            document=BASIS,
            amount=None if amount is None else Decimal(amount),
            **more,
        )
        for n, amount in enumerate(amounts)
    )
    return OLD.model_copy(update={"fees": made})


def test_a_standard_that_costs_more_is_told_with_both_amounts() -> None:
    (found,) = compare(fees("5", unit="m2"), fees("6", unit="m2"))
    assert (found.kind, found.subject) == (KIND.FEE, "fees/fee-0")
    assert found.zh == "收费标准“fee 0”由5元/m2改为6元/m2"
    (open_,) = compare(fees("5"), fees(None))
    assert open_.en == "The standard “fee 0” was 5 yuan and is to be assessed"
    (noted,) = compare(fees("5"), fees("5", note="x"))
    assert (noted.kind, noted.en) == (KIND.FEE, "The fee standard fee-0: note changed")
    assert [one.kind for one in compare(fees("5"), fees("5", "6"))] == [KIND.ADDED]
    assert [one.kind for one in compare(fees("5", "6"), fees("5"))] == [KIND.REMOVED]


def test_entries_beside_the_items_are_told_by_section_and_code() -> None:
    department = Department(code="new", name=name("new"))
    more = OLD.model_copy(update={"departments": (*OLD.departments, department)})
    assert kinds(OLD, more) == [(KIND.ADDED, "departments/new")]
    material = OLD.materials[0]
    other = material.model_copy(update={"secondary": not material.secondary})
    changed = OLD.model_copy(update={"materials": (other, *OLD.materials[1:])})
    assert kinds(OLD, changed) == [(KIND.CHANGED, f"materials/{material.id}")]
    turned = OLD.model_copy(update={"materials": OLD.materials[::-1]})
    assert kinds(OLD, turned) == [(KIND.CHANGED, "materials")]
    stages = OLD.county.model_copy(update={"stages": ()})
    assert kinds(OLD, OLD.model_copy(update={"county": stages})) == [
        (KIND.CHANGED, "county/stages")
    ]


def test_several_constraints_may_be_about_one_question() -> None:
    rules = [
        Constraint(never=f"seats > {n}", question="seats", message=name("x")) for n in (1, 2, 3)
    ]
    old = OLD.model_copy(update={"constraints": tuple(rules[:2])})
    assert kinds(old, OLD.model_copy(update={"constraints": tuple(rules)})) == [
        (KIND.CHANGED, "constraints/seats")
    ]
    (found,) = compare(old, OLD.model_copy(update={"constraints": (rules[0], rules[2])}))
    assert found.en == "The constraint seats: never changed"


# Whatever differs is told

EDITS: tuple[Callable[[Catalogue], Catalogue], ...] = (
    lambda c: with_item(c, promised=Limit(value=2)),
    lambda c: with_item(c, notes=("another",)),
    lambda c: c.model_copy(update={"items": c.items[:-1]}),
    lambda c: c.model_copy(update={"items": c.items[::-1]}),
    *(
        lambda c, section=section: c.model_copy(update={section: getattr(c, section)[1:]})
        for section in SECTIONS
    ),
    lambda c: c.model_copy(
        update={"county": c.county.model_copy(update={"name": name("elsewhere")})}
    ),
)


@given(st.lists(st.sampled_from(range(len(EDITS))), unique=True))
def test_a_change_is_told_exactly_when_the_content_differs(places: list[int]) -> None:
    new = OLD
    for place in places:
        new = EDITS[place](new)
    assert bool(compare(OLD, new)) == (digest_of(OLD) != digest_of(new))
    assert compare(new, new) == ()
    assert all(one.zh and one.en and one.subject for one in compare(OLD, new))


def test_the_last_day_and_what_is_usual_leave_no_trace_in_the_digest() -> None:
    ended = OLD.county.model_copy(update={"effective_to": date(2026, 6, 30)})
    assert digest_of(OLD.model_copy(update={"county": ended})) == digest_of(OLD)
    begun = OLD.county.model_copy(update={"effective_from": date(2026, 2, 1)})
    assert digest_of(OLD.model_copy(update={"county": begun})) != digest_of(OLD)
    plain = Material(id="one", name=name("one"))
    spelt = Material(id="one", name=name("one"), supplied_by="applicant", secondary=False)
    made = [OLD.model_copy(update={"materials": (one,)}) for one in (plain, spelt)]
    assert digest_of(made[0]) == digest_of(made[1])


# Which version may be used


def version(number: str, begins: date, ends: date | None = None) -> Catalogue:
    changed = {"version": number, "effective_from": begins, "effective_to": ends}
    return OLD.model_copy(update={"county": OLD.county.model_copy(update=changed)})


ONE = version("1", date(2026, 1, 1), date(2026, 2, 28))
TWO = version("2", date(2026, 3, 1))


@pytest.mark.parametrize(
    ("approved", "on", "expected"),
    [
        ({"1", "2"}, date(2026, 2, 28), "1"),
        ({"1", "2"}, date(2026, 3, 1), "2"),
        ({"1"}, date(2026, 2, 1), "1"),
        ({"1"}, date(2026, 3, 1), "1"),
        ({"1"}, date(2025, 12, 31), None),
        ({"2"}, date(2026, 2, 1), None),
    ],
)
def test_only_an_approved_version_is_used_past_its_end_if_need_be(
    approved: set[str], on: date, expected: str | None
) -> None:
    found = usable((ONE, TWO), approved, on)
    assert (found and found.county.version) == expected


def test_what_has_ended_without_a_successor_is_over() -> None:
    assert usable((ONE,), {"1"}, date(2026, 3, 1)) is None


# The command


def test_two_folders_are_compared_on_the_command_line(tmp_path: Path) -> None:
    new = Path(shutil.copytree(FIXTURE, tmp_path / "2026.2"))
    head = new / "county.yaml"
    head.write_text(head.read_text().replace("version: '2026.1'", "version: '2026.2'"))
    items = next(iter((new / "items").glob("*.yaml")))
    items.write_text(items.read_text().replace("promised: {value: 5", "promised: {value: 1"))
    run = CliRunner().invoke(
        build(), ["catalogue", "compare", str(FIXTURE), str(new), "--lang", "en"]
    )
    assert run.exit_code == 0, run.output
    changes = compare(load(FIXTURE), load(new))
    assert f"2026.1 -> 2026.2, 2026-01-01: {len(changes)} changes" in run.output
    assert f"digest {digest_of(load(new))}" in run.output
    bad = CliRunner().invoke(build(), ["catalogue", "compare", str(FIXTURE), str(tmp_path)])
    assert bad.exit_code == 2
    assert "the file is missing" in bad.output


TOLD_IN_WORDS = {"code", "name", "status", "fee", "materials", "promised", "statutory"}


@pytest.mark.parametrize("field", sorted(Item.model_fields.keys() - TOLD_IN_WORDS))
def test_items_are_compared_by_every_field(field: str) -> None:
    """A field that the schema gets later is told as well, without anybody thinking of it."""
    new = with_item(OLD, **{field: object()})
    assert [one.subject for one in compare(OLD, new)] == [FIRST.code]
