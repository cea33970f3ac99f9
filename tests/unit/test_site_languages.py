"""Every text of the pages exists in both languages, and nothing is translated that nobody says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment
from jinja2.ext import extract_from_ast
from starlette.requests import Request

from services.contracts.vocabulary import Service
from services.runtime.web.site.languages import COOKIE, Language, english, language_of, translate

SERVICES = Path(__file__).parents[2] / "services"
HAN = re.compile(r"[\u4e00-\u9fff]")
PLACE = re.compile(r"{(\w+)}")


def said() -> set[str]:
    """Return every message of templates and code."""
    return {*_in_templates(), *_in_code()}


def _in_templates() -> Iterator[str]:
    environment = Environment(autoescape=True)
    for file in SERVICES.rglob("templates/**/*.html"):
        tree = environment.parse(file.read_text())
        for _, _, found in extract_from_ast(tree, ("_",)):
            text = found if isinstance(found, str) else (found or [None])[0]
            if isinstance(text, str):  # what code hands over is found in the code
                yield text


def _in_code() -> Iterator[str]:
    """Yield the Chinese of the modules that speak to the pages."""
    for folder in ("runtime/web/site", *(f"{service}/pages" for service in Service)):
        for file in (SERVICES / folder).rglob("*.py"):
            tree = ast.parse(file.read_text())
            documented = {
                ast.get_docstring(node, clean=False)
                for node in ast.walk(tree)
                if isinstance(
                    node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
                )
            }
            for node in ast.walk(tree):
                text = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
                if isinstance(text, str) and HAN.search(text) and text not in documented:
                    yield text


_FORMATS = {"一二三四五六日", "周", "年", "月", "日", "日（周", "）"}


def test_everything_said_exists_in_english() -> None:
    assert said() - set(english()) - _FORMATS == set()


def test_nothing_is_translated_that_nobody_says() -> None:
    assert set(english()) - said() == set()


def test_both_languages_have_the_same_places() -> None:
    wrong = [
        (message, text)
        for message in said() - _FORMATS
        for text in _texts(message)
        if not text or HAN.search(text) or set(PLACE.findall(text)) != set(PLACE.findall(message))
    ]
    assert wrong == []


def _texts(message: str) -> tuple[str, ...]:
    there = english()[message]
    return (there,) if isinstance(there, str) else there


def test_english_counts_one_and_many() -> None:
    say = "{n} 个工作日"
    assert translate(Language.ENGLISH, say, n=1) == "1 working day"
    assert translate(Language.ENGLISH, say, n=25) == "25 working days"
    assert translate(Language.CHINESE, say, n=25) == "25 个工作日"


def _request(query: str = "", cookie: str = "", accept: str = "") -> Request:
    headers = [
        (b"cookie", cookie.encode()),
        (b"accept-language", accept.encode()),
    ]
    return Request(
        {"type": "http", "query_string": query.encode(), "headers": headers, "path": "/"}
    )


@pytest.mark.parametrize(
    ("query", "cookie", "accept", "expected"),
    [
        ("", "", "", Language.CHINESE),
        ("", "", "en-GB,en;q=0.9", Language.ENGLISH),
        ("", f"{COOKIE}=zh-CN", "en", Language.CHINESE),
        ("lang=en", f"{COOKIE}=zh-CN", "zh", Language.ENGLISH),
        ("lang=xx", f"{COOKIE}=yy", "fr", Language.CHINESE),
    ],
)
def test_asked_for_comes_before_remembered_before_preferred(
    query: str, cookie: str, accept: str, expected: Language
) -> None:
    assert language_of(_request(query, cookie, accept)) is expected
