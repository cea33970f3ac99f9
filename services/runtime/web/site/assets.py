"""Styles, scripts and type: our own files, and what npm installed, from this server alone.

Text is kept packed in memory. An address carries the digest of what it leads to, so that a browser
may keep it for ever; the slices of the type are named by their package's version instead.
"""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

PATH = "/static"
FOR_EVER = "public, max-age=31536000, immutable"
_VENDOR = {
    "tabler.css": "@tabler/core/dist/css/tabler.min.css",
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "htmx-sse.js": "htmx.org/dist/ext/hx-sse.min.js",
}
_TYPE = "@fontsource-variable/noto-sans-sc"
_SMALLEST_PACKED = 512


class AssetsMissingError(Exception):
    """Something that pages need is not installed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Text:
    body: bytes
    packed: bytes
    kind: str
    digest: str


class Assets:
    """Everything under /static."""

    def __init__(self, own: Mapping[str, Path], vendor: Path) -> None:
        """Read and pack what there is.

        Args:
            own: name -> our file.
            vendor: the folder `node_modules` of deploy/web.

        Raises:
            AssetsMissingError: npm has not installed it.
        """
        files = dict(own) | {name: vendor / path for name, path in _VENDOR.items()}
        missing = sorted(name for name, path in files.items() if not path.is_file())
        type_folder = vendor / _TYPE
        if missing or not (type_folder / "index.css").is_file():
            message = f"{vendor} has not what the pages need: run `make setup`"
            raise AssetsMissingError(message)
        self._slices = {path.name: path for path in (type_folder / "files").iterdir()}
        self._texts = {name: _text(path) for name, path in files.items()}
        self._texts["type.css"] = _text(type_folder / "index.css", {b"url(./files/": b"url(type/"})

    def url(self, name: str) -> str:
        """Return the address of a file. Raises KeyError for one that is not there."""
        return f"{PATH}/{name}?v={self._texts[name].digest}"

    async def answer(self, request: Request) -> Response:
        """Answer a request for anything under /static; 404 for what is not ours."""
        name = request.path_params["name"]
        text = self._texts.get(name)
        if text is not None:
            return _packed(text, request)
        folder, _, file = name.partition("/")
        found = self._slices.get(file)
        if folder != "type" or found is None:
            return Response(status_code=404)
        return FileResponse(found, headers={"cache-control": FOR_EVER})


def _text(path: Path, changes: Mapping[bytes, bytes] | None = None) -> _Text:
    body = path.read_bytes()
    for before, after in (changes or {}).items():
        body = body.replace(before, after)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return _Text(
        body=body,
        packed=gzip.compress(body, mtime=0) if len(body) >= _SMALLEST_PACKED else b"",
        kind=kind,
        digest=hashlib.sha256(body).hexdigest()[:12],
    )


def _packed(text: _Text, request: Request) -> Response:
    headers = {"cache-control": FOR_EVER, "vary": "accept-encoding"}
    if text.packed and "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(text.packed, media_type=text.kind, headers=headers)
    return Response(text.body, media_type=text.kind, headers=headers)
