"""The two languages of every page: Chinese is the source, English comes from locale/en.po."""

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from babel.messages.pofile import read_po
from starlette.requests import Request

from services.runtime.web.problems import preferred_language

COOKIE = "lianshen-language"
PARAMETER = "lang"
COOKIE_SECONDS = 365 * 24 * 3600
LOCALE = Path(__file__).with_name("locale")


class Language(StrEnum):
    """A language of the pages, as in `<html lang>`."""

    CHINESE = "zh-CN"
    ENGLISH = "en"

    @property
    def other(self) -> "Language":
        """The language to switch to."""
        return Language.ENGLISH if self is Language.CHINESE else Language.CHINESE


def language_of(request: Request) -> Language:
    """Return the language to answer in: asked for, remembered, preferred; Chinese otherwise."""
    for found in (request.query_params.get(PARAMETER), request.cookies.get(COOKIE)):
        if found in set(Language):
            return Language(found)
    return Language(preferred_language(request.headers.get("accept-language")))


@lru_cache
def english() -> dict[str, str | tuple[str, ...]]:
    """Return the English of every Chinese message; a tuple is (singular, plural)."""
    found: dict[str, str | tuple[str, ...]] = {}
    for path in (LOCALE / "en.po", *sorted((LOCALE / "en").glob("*.po"))):
        with path.open("rb") as file:
            catalog = read_po(file, locale="en")
        found |= {
            str(one.id if isinstance(one.id, str) else one.id[0]): _texts(one.string)
            for one in catalog
            if one.id
        }
    return found


def _texts(string: str | Sequence[str] | None) -> str | tuple[str, ...]:
    return string if isinstance(string, str) else tuple(string or ())


def translate(language: Language, message: str, **values: object) -> str:
    """Return a message in a language, with its values put in; `n` chooses the plural."""
    text: str | tuple[str, ...] = message
    if language is Language.ENGLISH:
        text = english().get(message) or message
    if isinstance(text, tuple):
        text = text[0] if values.get("n") == 1 else text[-1]
    return text.format(**values) if values else text
