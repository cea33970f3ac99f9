"""The papers of a case: they lie at intake, and are read there with the officer's own token.

So intake decides who sees what, and records every look under the name of whoever looked. Nothing is
kept here: no file, no name of an applicant.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import structlog

from services.runtime.web.problems import FORBIDDEN, NOT_FOUND, UNAVAILABLE, Problem, Words
from services.runtime.web.site.session import LoginNeededError

_SECONDS = 15
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Paper:
    """One file of a dossier: what it is, and when it was handed in (RFC 3339)."""

    material: str
    sha256: str
    media_type: str
    file_name: str
    size: int
    given_at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A file as it comes. `disposition`: how intake would have it saved (RFC 6266)."""

    media_type: str
    disposition: str
    pieces: AsyncIterator[bytes]


class Papers:
    """The dossiers at intake."""

    def __init__(self, base: str, client: httpx2.AsyncClient) -> None:
        """Keep the address of intake; `client` stays the caller's."""
        self._base = base.rstrip("/")
        self._client = client

    async def of(self, token: str, application: str) -> tuple[Paper, ...]:
        """Return every file of a dossier.

        Raises LoginNeededError, Problem 403, Problem 404 for those it is not open to, 503.
        """
        answer = await self._get(token, f"/v1/applications/{application}/dossier")
        found: Mapping[str, Any] = (await _whole(answer)).json()
        return tuple(
            Paper(
                material=one["material"],
                given_at=one["given_at"],
                **{name: one["file"][name] for name in _OF_FILE},
            )
            for one in found["materials"]
            if one["file"] is not None
        )

    async def open(self, token: str, application: str, material: str, sha256: str) -> Opened:
        """Open one file. Raises LoginNeededError, Problem 403, 404, 503."""
        path = f"/v1/applications/{application}/materials/{material}/file?sha256={sha256}"
        answer = await self._get(token, path)
        return Opened(
            media_type=answer.headers.get("content-type", "").partition(";")[0],
            disposition=answer.headers.get("content-disposition", "attachment"),
            pieces=_stream(answer),
        )

    async def _get(self, token: str, path: str) -> httpx2.Response:
        request = self._client.build_request(
            "GET",
            self._base + path,
            headers={"authorization": f"Bearer {token}"},
            timeout=_SECONDS,
        )
        try:
            answer = await self._client.send(request, stream=True)
        except httpx2.HTTPError as error:
            _log.warning("papers_not_reached", error_type=type(error).__name__)
            raise _unavailable() from None
        if answer.is_success:
            return answer
        await answer.aclose()
        match answer.status_code:
            case 401:
                raise LoginNeededError
            case 403:
                raise Problem(FORBIDDEN)
            case 404:
                raise Problem(NOT_FOUND)
        _log.warning("papers_refused", status=answer.status_code)
        raise _unavailable()


_OF_FILE = ("sha256", "media_type", "file_name", "size")


async def _whole(answer: httpx2.Response) -> httpx2.Response:
    try:
        await answer.aread()
    except httpx2.HTTPError:
        raise _unavailable() from None
    return answer


async def _stream(answer: httpx2.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_bytes():
            yield piece
    finally:
        await answer.aclose()


def _unavailable() -> Problem:
    words = Words(
        "材料库暂时无法连接，请稍后再试", "The papers cannot be reached; try again shortly"
    )
    return Problem(UNAVAILABLE, words, headers={"retry-after": "10"})
