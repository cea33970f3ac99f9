"""Papers that come later: what the plan says of them, and what the lint refuses."""

from pathlib import Path

import pytest
from typer.testing import CliRunner
from yaml import safe_dump

from services.cli import build
from services.contracts.vocabulary import AcceptanceMode
from services.domain.catalogue import Catalogue, Item, Material, MaterialUse
from services.domain.disclosure import markdown
from services.domain.plan import Plan, PlannedMaterial
from services.domain.planner import route
from services.domain.route import Budget, RoutePaper
from services.runtime.catalogue_files import load
from tests.unit.builders import BASIS, CALENDAR, START, days, group, item, name, of, planned
from tests.unit.linting import codes, text

STAGES = [{"code": code, "name": name(code)} for code in ("first", "second")]


def use(material: str, **fields: object) -> MaterialUse:
    return MaterialUse.model_validate({"material": material} | fields)


def paper(code: str, *after: str, term: int | None = None, **fields: object) -> Material:
    comes = {"after": after, "basis": BASIS, "term": None if term is None else days(term)}
    given = {"id": code, "name": name(code)} | ({"comes": comes} if after else {})
    return Material.model_validate(given | fields)


def project(*items: Item, drawings: Material | None = None, **fields: object) -> Catalogue:
    """A scheme, then a review that needs drawings, then a permit; a filing on the side."""
    four = (
        item("SCHEME", materials=(use("sketch"),)),
        item("REVIEW", after=("SCHEME",), materials=(use("sketch"), use("drawings"))),
        item("PERMIT", after=("REVIEW",)),
        item("FILING"),
    )
    materials = (drawings or paper("drawings", "SCHEME", term=30), paper("sketch"))
    return of(items or four, materials=materials, **fields)


def material(found: Plan, code: str) -> PlannedMaterial:
    return next(one for one in found.materials if one.id == code)


def test_the_plan_says_which_paper_is_needed_when_and_by_which_step() -> None:
    found = planned(project())
    drawings = material(found, "drawings")
    assert drawings.asked
    assert drawings.later is not None
    assert (drawings.later.after, drawings.later.steps) == (("SCHEME",), ("REVIEW",))
    begins = next(step.promised.start for step in found.steps if step.code == "REVIEW")
    assert drawings.later.needed_on == begins > START
    assert drawings.later.term == days(30)
    assert material(found, "sketch").later is None


def test_the_step_that_waits_and_all_after_it_are_conditional_and_no_day_is_counted() -> None:
    found = planned(project())
    assert {step.code: (step.papers, step.conditional) for step in found.steps} == {
        "SCHEME": ((), False),
        "FILING": ((), False),
        "REVIEW": (("drawings",), True),
        "PERMIT": ((), True),
    }
    plain = planned(project(drawings=paper("drawings")))
    assert found.totals == plain.totals
    assert found.promised_on == plain.promised_on
    assert [s.promised for s in found.steps] == [s.promised for s in plain.steps]
    assert b"conditional" not in plain.to_json(), "a plan without later papers keeps its digest"
    assert b"later" not in plain.to_json()


def test_a_result_that_is_held_already_lets_nothing_wait() -> None:
    found = planned(project(), held={"SCHEME": "7"})
    assert material(found, "drawings").later is None
    assert not any(step.conditional for step in found.steps)


def test_a_route_waits_for_what_was_not_handed_in_with_the_application() -> None:
    found = planned(project())
    assert [step.papers for step in route(found, "N", CALENDAR).steps if step.papers] == [
        (
            RoutePaper(
                material="drawings", items=("REVIEW",), term=Budget(value=30, unit="working_day")
            ),
        )
    ]
    early = route(found, "N", CALENDAR, there=["drawings", "sketch"])
    assert [step.papers for step in early.steps if step.papers] == []


def test_a_shared_paper_is_awaited_by_every_step_that_needs_it() -> None:
    items = (
        item("SCHEME"),
        item("REVIEW", after=("SCHEME",), materials=(use("drawings"),), group="joint"),
        item("FIRE", after=("SCHEME",), materials=(use("drawings"),), group="joint"),
        item("PERMIT", after=("REVIEW",), materials=(use("drawings"),)),
    )
    found = route(
        planned(project(*items, drawings=paper("drawings", "SCHEME"), groups=[group()])),
        "N",
        CALENDAR,
    )
    assert {step.code: [p.items for p in step.papers] for step in found.steps} == {
        "SCHEME": [],
        "joint": [("FIRE", "REVIEW")],
        "PERMIT": [("PERMIT",)],
    }


def test_no_department_can_miss_a_later_paper_before_the_acceptance() -> None:
    found = planned(project(county={"acceptance": AcceptanceMode.BY_DEPARTMENTS}))
    rule = route(found, "N", CALENDAR).acceptance
    assert rule is not None
    assert set(rule.uses) == {"sketch"}


def test_a_sound_later_paper_has_no_finding() -> None:
    assert codes(project()) == []


def test_an_item_of_a_later_stage_lies_after() -> None:
    items = (
        item("SCHEME", materials=(use("sketch"),)),
        item("REVIEW", stage="second", materials=(use("drawings"),)),
    )
    assert codes(project(*items, county={"stages": STAGES})) == []


@pytest.mark.parametrize(
    ("catalogue", "code", "said"),
    [
        (
            project(
                item("SCHEME", materials=(use("sketch"),)),
                item("REVIEW", materials=(use("drawings"),)),
            ),
            "later-order",
            "REVIEW needs drawings, but lies not after SCHEME, which it rests on",
        ),
        (
            project(
                item("REVIEW", materials=(use("drawings"), use("sketch"))),
                item("MIDDLE", after=("REVIEW",)),
                item("SCHEME", after=("MIDDLE",)),
            ),
            "later-cycle",
            "REVIEW needs drawings, which rests on SCHEME, which waits for REVIEW",
        ),
        (
            project(
                item("SCHEME", group="joint", materials=(use("sketch"),)),
                item("REVIEW", group="joint", after=("SCHEME",), materials=(use("drawings"),)),
                groups=[group()],
            ),
            "later-cycle",
            "or is decided with it",
        ),
        (
            project(drawings=paper("drawings", "SCHEME", supplied_by="department")),
            "later-not-asked",
            "nobody waits for it",
        ),
        (
            project(drawings=paper("drawings", "SCHEME", result_of="FILING")),
            "later-not-asked",
            "nobody waits for it",
        ),
        (
            project(
                item("SCHEME", materials=(use("sketch"),)),
                item("REVIEW", after=("SCHEME",), materials=(use("drawings", may_follow=days(5)),)),
            ),
            "later-and-follows",
            "REVIEW gives it a term that means nothing",
        ),
        (
            project(drawings=paper("drawings", "NOWHERE")),
            "unknown-item",
            "drawings refers to an item NOWHERE",
        ),
    ],
)
def test_what_cannot_be_is_refused(catalogue: Catalogue, code: str, said: str) -> None:
    assert code in codes(catalogue)
    assert said in text(catalogue)


def test_on_trust_is_no_order() -> None:
    items = (
        item("SCHEME", materials=(use("sketch"),)),
        item("REVIEW", after=("SCHEME",), on_trust=("SCHEME",), materials=(use("drawings"),)),
    )
    assert codes(project(*items)) == ["later-order"]


def test_the_disclosure_and_the_plan_say_what_comes_later(tmp_path: Path) -> None:
    text_ = markdown(project(), "en")
    assert "drawings (from the applicant), comes later, after SCHEME" in text_
    facts = tmp_path / "facts.yaml"
    example = load(Path("deploy/catalogue/2026.1")).scenario_by_code["plant"].example
    facts.write_text(safe_dump({"scenario": "plant", "answers": example}), encoding="utf-8")
    environment = {"COLUMNS": "300"}
    shown = CliRunner(env=environment).invoke(
        build(), ["plan", str(facts), "--lang", "en", "--start", "2026-03-02"]
    )
    assert shown.exit_code == 0, shown.output
    assert "comes later, needed by about 2026-" in shown.output


def test_two_ways_lead_to_what_a_paper_rests_on() -> None:
    items = (
        item("SCHEME", materials=(use("sketch"),)),
        item("LEFT", after=("SCHEME",)),
        item("RIGHT", after=("SCHEME",)),
        item("REVIEW", after=("LEFT", "RIGHT"), materials=(use("drawings"),)),
    )
    assert codes(project(*items)) == []
