from datetime import date
from decimal import Decimal

from services.contracts.vocabulary import Unit
from services.domain.catalogue import (
    Fee,
    FeeStandard,
    Material,
    MaterialUse,
)
from tests.unit.builders import (
    BASIS,
    START,
    days,
    group,
    item,
    name,
    of,
    planned,
)

CALENDAR_DAYS = Unit.CALENDAR_DAY


def use(material: str, **fields: object) -> MaterialUse:
    return MaterialUse.model_validate({"material": material} | fields)


def paper(code: str, **fields: object) -> Material:
    return Material.model_validate({"id": code, "name": name(code)} | fields)


def test_a_material_is_asked_once_and_shows_who_uses_it() -> None:
    found = planned(
        of(
            [
                item("AA", group="joint", materials=(use("site-map"), use("deed"))),
                item("BB", group="joint", materials=(use("site-map", when="is_large"),)),
                item("CC", materials=(use("site-map"), use("deed", when="not is_large"))),
            ],
            groups=[group()],
            materials=(paper("deed"), paper("site-map")),
        )
    )
    assert [(m.id, m.used_by_items, m.used_by_steps) for m in found.materials] == [
        ("deed", ("AA",), ("joint",)),
        ("site-map", ("AA", "BB", "CC"), ("CC", "joint")),
    ]


def test_results_are_never_asked_for_again_except_when_nobody_has_them() -> None:
    uses = tuple(map(use, ("given", "made", "had", "elsewhere", "shared", "internal")))
    found = planned(
        of(
            [
                item("AA", materials=uses),
                item("XX"),
                item("YY"),
                item("ZZ", applies_when="not is_large"),
            ],
            materials=(
                paper("given"),
                paper("made", result_of="XX"),
                paper("had", result_of="YY"),
                paper("elsewhere", result_of="ZZ", supplied_by="system"),
                paper("shared", supplied_by="system"),
                paper("internal", supplied_by="department"),
            ),
        ),
        held={"YY": "1"},
    )
    assert {m.id: (m.supplied_by, m.asked, m.already_there) for m in found.materials} == {
        "given": ("applicant", True, None),
        "made": ("system", False, "system"),
        "had": ("system", False, "held"),
        "elsewhere": ("applicant", True, None),
        "shared": ("system", False, None),
        "internal": ("department", False, None),
    }


def test_a_material_may_follow_only_when_everybody_can_wait() -> None:
    found = planned(
        of(
            [
                item(
                    "AA", materials=(use("xx", may_follow=days(5)), use("yy", may_follow=days(5)))
                ),
                item("BB", materials=(use("xx", may_follow=days(5, CALENDAR_DAYS)), use("yy"))),
            ],
            materials=(paper("xx"), paper("yy")),
        )
    )
    assert {m.id: m.may_follow for m in found.materials} == {
        "xx": days(5, CALENDAR_DAYS),
        "yy": None,
    }


def fee(code: str, **fields: object) -> FeeStandard:
    given = {"id": code, "name": name(code), "document": BASIS}
    return FeeStandard.model_validate(given | fields)


def test_fees_stand_once_per_standard_and_are_reckoned_when_they_can_be() -> None:
    standards = (
        fee("flat", amount="80"),
        fee("by-area", amount="1.255", unit="m2", quantity="floor_area"),
        fee("price", amount="3", unit="piece"),
        fee("open"),
        fee("odd", amount="3", unit="piece", quantity="is_large"),
        fee("unknown", amount="3", unit="piece", quantity="pieces"),
        fee("later", amount="80", effective_from=date(2026, 3, 3)),
        fee("since", amount="80", effective_from=START),
        fee("not-now", amount="80"),
    )
    items = [item(f"A-{s.id.upper()}", fee=Fee(standard=s.id)) for s in standards[:-1]]
    items.append(item("B-FLAT", fee=Fee(standard="flat", when="is_large")))
    items.append(item("C-NOT", fee=Fee(standard="not-now", when="not is_large")))
    found = planned(of(items, fees=standards))
    assert {f.id: (f.total, f.in_force) for f in found.fees} == {
        "flat": (Decimal("80.00"), True),
        "by-area": (Decimal("1506.00"), True),
        "price": (None, True),
        "open": (None, True),
        "odd": (None, True),
        "unknown": (None, True),
        "later": (None, False),
        "since": (Decimal("80.00"), True),
    }
    flat = next(f for f in found.fees if f.id == "flat")
    assert flat.items == ("A-FLAT", "B-FLAT")
