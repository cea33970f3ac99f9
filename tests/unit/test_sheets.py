"""What the written documents say, and what they refuse to be."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain import sheets
from services.domain.catalogue import ItemKind, Name
from services.domain.sheets import (
    Application,
    Asked,
    Decided,
    DocumentKind,
    Ground,
    Sheet,
    Taken,
)

CENTRE = Name(zh="行政服务中心", en="Centre")
OF = Application(
    number="QX20260302-000001-0",
    project_code="P-1",
    project_name="饭店",
    applicant="示例餐饮有限公司",
    scenario=Name(zh="饭店", en="Restaurant"),
)
DAY = date(2026, 3, 2)


def decided(**changes: object) -> Decided:
    values: dict[str, object] = {
        "item": "FIRE-DESIGN",
        "item_name": Name(zh="消防设计审查", en="Fire design review"),
        "department": Name(zh="住建局", en="Housing"),
        "kind": ItemKind.PERMIT,
        "paper": Name(zh="审查意见书", en="Opinion"),
        "number": "消审字 12",
        "dated": DAY,
        "reasons": ("理由",),
        "remedies": ("复议", "诉讼"),
    }
    return Decided.model_validate(values | changes)


def points(sheet: Sheet) -> dict[str, tuple[str, ...]]:
    return {one.title.zh: one.points for one in sheet.sections}


def lines(sheet: Sheet) -> dict[str, str]:
    return {one.label.en: one.value for one in sheet.lines}


def test_a_receipt_lists_what_was_handed_in() -> None:
    """ALL 32: a dated receipt."""
    sheet = sheets.submission(OF, CENTRE, DAY, ["总平面图", "合同"])
    assert (sheet.kind, sheet.issuer, sheet.dated) == (DocumentKind.SUBMISSION, CENTRE, DAY)
    assert points(sheet) == {"收到的材料": ("总平面图", "合同")}
    assert sheet.addressee == OF.applicant
    assert sheets.submission(OF, CENTRE, DAY, []).sections == ()


GROUND = Ground(basis="行政许可法 32(5)", statement=Name(zh="予以受理。", en="Accepted."))
TAKEN = Taken(
    ground=GROUND,
    dated=DAY,
    accepted_on=DAY,
    promised=date(2026, 3, 20),
    provisional=False,
)


def test_an_acceptance_names_its_rule_and_the_promise() -> None:
    """ALL 32: acceptance in writing."""
    sheet = sheets.acceptance(OF, CENTRE, TAKEN)
    assert "《中华人民共和国行政许可法》32(5)" in sheet.text[0].zh
    assert lines(sheet)["Promised by"] == "2026-03-20"
    assert sheet.sections == ()
    later = TAKEN.model_copy(update={"provisional": True})
    assert "暂定" in lines(sheets.acceptance(OF, CENTRE, later))["Promised by"]
    other = TAKEN.model_copy(
        update={"ground": Ground(basis="县规", statement=GROUND.statement), "promised": None}
    )
    assert "“县规”" in sheets.acceptance(OF, CENTRE, other).text[0].zh
    assert "Promised by" not in lines(sheets.acceptance(OF, CENTRE, other))


def test_a_deemed_acceptance_goes_back_to_the_receipt_and_names_the_silent() -> None:
    """ALL 32(4): accepted from the day of receipt; who kept silent is written down."""
    deemed = TAKEN.model_copy(
        update={"dated": date(2026, 3, 10), "silent": (Name(zh="消防", en="Fire"),)}
    )
    sheet = sheets.acceptance(OF, CENTRE, deemed)
    assert (sheet.dated, lines(sheet)["Accepted on"]) == (date(2026, 3, 10), "2026-03-02")
    assert points(sheet) == {"逾期未告知的部门": ("消防  Fire",)}


def test_a_notice_has_every_departments_lines_once() -> None:
    """ALL 32(4): everything at once."""
    fire, food = Name(zh="消防", en="Fire"), Name(zh="市监", en="Market")
    asked = [
        Asked(department=fire, subject="平面图", text="缺少"),
        Asked(department=food, subject="制度", text="未盖章"),
        Asked(department=fire, subject="条件一", text="请说明"),
    ]
    sheet = sheets.notice(OF, CENTRE, GROUND, DAY, 1, asked)
    assert points(sheet) == {
        "消防": ("平面图：缺少", "条件一：请说明"),
        "市监": ("制度：未盖章",),
    }
    assert sheet.number == "QX20260302-000001-0-N1"
    with pytest.raises(ValueError, match="asks for nothing"):
        sheets.notice(OF, CENTRE, GROUND, DAY, 1, [])


def test_a_correction_is_receipted() -> None:
    """ALL 32(3)."""
    sheet = sheets.correction(OF, CENTRE, GROUND, DAY, 2, ["平面图"])
    assert (sheet.number, points(sheet)) == (
        "QX20260302-000001-0-C2",
        {"已更正的内容": ("平面图",)},
    )


def test_a_grant_is_called_what_the_law_calls_it() -> None:
    """ALL 39."""
    sheet = sheets.grant(OF, decided(conditions=("一", "二")))
    assert (sheet.title.zh, sheet.number) == ("审查意见书", "消审字 12")
    assert points(sheet) == {"附带条件": ("一", "二")}
    assert "准予行政许可" in sheet.text[0].zh
    assert sheets.grant(OF, decided()).sections == ()


def test_a_grant_without_a_number_is_none() -> None:
    with pytest.raises(ValueError, match="no number"):
        sheets.grant(OF, decided(number=None))


@pytest.mark.parametrize("kind", ItemKind)
def test_only_a_permit_is_called_a_permit(kind: ItemKind) -> None:
    granted = sheets.grant(OF, decided(kind=kind)).text[0].zh
    refused = sheets.refusal(OF, decided(kind=kind)).title.zh
    assert ("行政许可" in granted) == ("行政许可" in refused) == (kind is ItemKind.PERMIT)
    assert ("备案" in granted) == (kind is ItemKind.FILING)


def test_a_refusal_has_its_reasons_and_remedies() -> None:
    """ALL 38: reasons, and the way to review and suit."""
    sheet = sheets.refusal(OF, decided())
    assert points(sheet) == {"理由": ("理由",), "救济途径": ("复议", "诉讼")}
    assert sheet.number == "QX20260302-000001-0-FIRE-DESIGN"


@pytest.mark.parametrize("lacking", ["reasons", "remedies"])
def test_a_refusal_without_them_is_none(lacking: str) -> None:
    with pytest.raises(ValueError, match="lacks"):
        sheets.refusal(OF, decided(**{lacking: ()}))


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_the_digest_is_of_what_is_said(one: str, two: str) -> None:
    first, second = (sheets.grant(OF, decided(conditions=(condition,))) for condition in (one, two))
    assert (first.digest == second.digest) == (one == two)
    assert len(first.digest) == 64
