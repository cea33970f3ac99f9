"""Problem details: language, table, and what validation faults say."""

from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from services.contracts.clocks import DocumentNumber
from services.runtime.web import pages
from services.runtime.web.etag import Expected
from services.runtime.web.problems import (
    BAD_CURSOR,
    NOT_FOUND,
    TABLE,
    Fault,
    Problem,
    Words,
    body_of,
    preferred_language,
    problem_responses,
    problem_type,
)
from services.runtime.web.wording import validation_words


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        (None, "zh-CN"),
        ("", "zh-CN"),
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("zh;q=0.2, en;q=0.3", "en"),
        ("en;q=0.5, *", "zh-CN"),
        ("fr", "zh-CN"),
        ("fr, en;q=0.1", "en"),
        ("en;q=nonsense", "zh-CN"),
        ("en;q=0", "zh-CN"),
        ("EN-gb ; Q=1", "en"),
    ],
)
def test_language(accept: str | None, language: str) -> None:
    assert preferred_language(accept) == language


def test_members_in_both_languages() -> None:
    problem = Problem(
        NOT_FOUND,
        Words("没有此申请", "No such application"),
        errors=[Fault("#/a", Words("错", "wrong"))],
        extra={"number": 7, "status": "never overrides"},
    )
    assert body_of(problem, "en", "ab" * 16) == {
        "type": "urn:lianshen:problem:not-found",
        "title": "Not found",
        "status": 404,
        "detail": "No such application",
        "instance": "urn:lianshen:trace:" + "ab" * 16,
        "errors": [{"pointer": "#/a", "message": "wrong"}],
        "number": 7,
    }
    chinese = body_of(problem, "zh-CN", None)
    assert chinese["detail"] == "没有此申请"
    assert "instance" not in chinese


def test_a_code_means_one_thing() -> None:
    assert problem_type("not-found", 404, "未找到", "Not found") == NOT_FOUND
    with pytest.raises(ValueError, match="declared twice"):
        problem_type("not-found", 410, "未找到", "Not found")


def test_every_kind_has_titles_in_both_languages() -> None:
    for kind in TABLE.values():
        assert kind.title.zh
        assert not kind.title.zh.isascii()
        assert kind.title.en.isascii()
        assert 400 <= kind.status < 600


def test_documented_examples_of_one_status_stand_together() -> None:
    found = problem_responses(NOT_FOUND, BAD_CURSOR, problem_type("gone-too", 404, "无", "None"))
    assert set(found) == {400, 404}
    examples = found[404]["content"]["application/problem+json"]["examples"]
    assert set(examples) == {"not-found", "gone-too"}


class Form(BaseModel):
    area: int = Field(ge=1)
    code: str = Field(pattern="^[A-Z]+$")
    kind: str

    @field_validator("kind")
    @classmethod
    def _known(cls, value: str) -> str:
        if value != "a":
            raise ValueError("种类应为 a / the kind must be a")
        return value


def words_of(data: dict[str, Any]) -> dict[str, tuple[str, str]]:
    try:
        Form.model_validate(data)
    except ValidationError as error:
        return {str(one["loc"][0]): validation_words(dict(one)) for one in error.errors()}
    return {}


def test_wording_of_faults() -> None:
    assert words_of({"area": 0, "code": "张三", "kind": "b"}) == {
        "area": ("不应小于 1", "Input should be greater than or equal to 1"),
        "code": ("格式不正确", "String should match pattern '^[A-Z]+$'"),
        "kind": ("种类应为 a", "the kind must be a"),
    }
    assert words_of({"code": "A", "kind": "a"}) == {"area": ("此项必填", "Field required")}
    assert validation_words({"type": "unheard_of", "msg": "Odd"}) == ("内容不正确", "Odd")
    assert validation_words({"type": "greater_than", "msg": "Odd"}) == ("内容不正确", "Odd")


def test_cursors_carry_a_sort_key_there_and_back() -> None:
    from datetime import UTC, date, datetime

    at = datetime(2026, 3, 2, 9, 30, 1, 250000, tzinfo=UTC)
    cursor = pages.encode(at, "张三", 7, date(2026, 3, 2))
    assert cursor.isascii()
    assert pages.decode(cursor, pages.instant, str, int, date.fromisoformat) == (
        at,
        "张三",
        7,
        date(2026, 3, 2),
    )


@pytest.mark.parametrize(
    "cursor", ["", "!", "e30", "WzFd", "WyJhIiwiYiJd", pages.encode("2026-03-02T00:00:00", 1)]
)
def test_what_is_no_cursor_of_this_list_is_refused(cursor: str) -> None:
    with pytest.raises(Problem) as refused:
        pages.decode(cursor, pages.instant, int)
    assert refused.value.kind is BAD_CURSOR


def test_a_page_knows_whether_there_is_another() -> None:
    assert pages.split([1, 2], 2, str) == ([1, 2], None)
    assert pages.split([1, 2, 3], 2, str) == ([1, 2], "2")
    assert pages.split([], 2, str) == ([], None)


def test_expected_version() -> None:
    Expected(frozenset({"2", "3"})).check(3)
    with pytest.raises(Problem):
        Expected(frozenset()).check(3)


def test_a_number_with_spaces_is_told_in_words() -> None:
    class Numbered(BaseModel):
        document: DocumentNumber

    with pytest.raises(ValidationError) as refused:
        Numbered(document="环评〔2026〕 8 号")
    [fault] = refused.value.errors()
    assert validation_words(dict(fault)) == (
        "请填写文号，中间不留空格",
        "Give a number without spaces in it",
    )
