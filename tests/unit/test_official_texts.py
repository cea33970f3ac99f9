"""Reasons, remedies and letters that officers send without writing them anew."""

from datetime import date
from pathlib import Path

import pytest

from services.contracts.vocabulary import PauseKind, Unit
from services.domain.catalogue import Basis
from services.domain.official_texts import REMEDIES, Told, cited, pause_letter, refusal_reasons
from services.runtime import catalogue_files

TOLD = Told(
    department="住房和城乡建设局",
    item="特殊建设工程消防设计审查",
    application="MX20260302-000001-7",
    project_code="P-1",
    kind=PauseKind.EXPERT_REVIEW,
    from_on=date(2026, 3, 4),
    until_on=date(2026, 3, 20),
    left=20,
    unit=Unit.WORKING_DAY,
    notice="消告〔2026〕3号",
    article="行政许可法 45",
    reason="须组织专家评审",
    dated=date(2026, 3, 4),
)


@pytest.mark.parametrize(
    ("article", "expected"),
    [
        (None, "《消防法》"),
        ("11", "《消防法》第11条"),
        ("11, 12", "《消防法》第11、12条"),
        ("32(4)", "《消防法》32(4)"),
    ],
)
def test_where_something_stands_is_cited(article: str | None, expected: str) -> None:
    assert cited(Basis(law="消防法", article=article)) == expected


def test_every_condition_of_the_catalogue_has_a_reason_that_cites_its_law() -> None:
    catalogue = catalogue_files.load(Path("deploy/catalogue/2026.1"))
    for item in catalogue.items:
        reasons = refusal_reasons(item)
        assert len(reasons) == len(item.conditions)
        for reason, condition in zip(reasons, item.conditions, strict=True):
            assert condition.zh in reason.zh
            assert all(cited(basis) in reason.zh for basis in item.legal_basis)


def test_a_refusal_tells_of_both_remedies() -> None:
    assert ["行政复议" in one.zh or "行政诉讼" in one.zh for one in REMEDIES] == [True, True]


def test_the_letter_of_a_pause_says_what_the_law_asks_for() -> None:
    letter = pause_letter(TOLD)
    for said in (
        *("消告〔2026〕3号", "MX20260302-000001-7", "专家评审", "须组织专家评审"),
        *("自2026年3月4日起", "至2026年3月20日止", "至多还可不计入20个工作日", "第45条"),
    ):
        assert said in letter
    uncapped = TOLD.model_copy(update={"left": None, "unit": None})
    assert "至多" not in pause_letter(uncapped)
    assert letter.count("行政许可法") == 1
    elsewhere = TOLD.model_copy(update={"article": "环境影响评价法 21"})
    assert "依据环境影响评价法 21和《行政许可法》第45条" in pause_letter(elsewhere)
