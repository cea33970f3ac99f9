"""ETag and If-Match: an act says which version it was decided on (RFC 9110 13.1.1, RFC 6585 3)."""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header

from services.runtime.web.problems import (
    BAD_REQUEST,
    VERSION_MISMATCH,
    VERSION_REQUIRED,
    Problem,
    ProblemType,
    Words,
)

PROBLEMS: tuple[ProblemType, ...] = (VERSION_MISMATCH, VERSION_REQUIRED)
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"\s*(?:,\s*|$)')


def etag(version: int) -> str:
    """Return the strong entity tag of a row's version, as it stands in the `ETag` header."""
    return f'"{version}"'


@dataclass(frozen=True, slots=True)
class Expected:
    """The versions that the caller accepts."""

    tags: frozenset[str]

    def check(self, version: int) -> None:
        """Raise Problem 412 unless the thing still has a version that the caller has seen."""
        if str(version) not in self.tags:
            raise Problem(
                VERSION_MISMATCH,
                Words("请重新读取后再操作", "Read it again before acting on it"),
                headers={"etag": etag(version)},
            )


async def if_match(
    if_match: Annotated[
        str | None, Header(description="The ETag that was read.", examples=['"3"'])
    ] = None,
) -> Expected:
    """FastAPI dependency: what the caller has seen. Raises Problem 428 without `If-Match`.

    `*` is refused: it would allow acting on what one has not read. Weak tags never match.
    """
    if if_match is None or if_match.strip() == "*":
        raise Problem(VERSION_REQUIRED)
    tags: set[str] = set()
    position, text = 0, if_match.strip()
    while position < len(text):
        found = _TAG.match(text, position)
        if found is None:
            raise Problem(BAD_REQUEST, Words("If-Match 格式不正确", "If-Match is malformed"))
        if not found[1]:
            tags.add(found[2])
        position = found.end()
    return Expected(frozenset(tags))
