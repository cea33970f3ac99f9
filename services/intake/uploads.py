"""Uploads: counted and hashed while they stream in, inspected, kept under their SHA-256."""

import asyncio
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import Protocol
from uuid import UUID

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.responses import FileResponse, Response

from services.intake import links, store
from services.intake.files import Incoming, TooLargeError
from services.intake.inspection import RefusedFileError, inspect, media_type_of
from services.intake.parts import Parts
from services.intake.problems import FILE_REFUSED
from services.intake.settings import UploadSettings
from services.intake.shown import UploadShown
from services.intake.store import Row
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.messages import new_event_id
from services.runtime.web.idempotency import Asked, once
from services.runtime.web.problems import (
    BAD_REQUEST,
    BODY_TOO_LARGE,
    MEDIA_TYPE_UNSUPPORTED,
    NOT_FOUND,
    Problem,
    Words,
)

ACT = "upload.received"
LONGEST_NAME = 150
PART_NAME = b"file"
CHUNK = 256 * 1024


async def receive(
    parts: Parts,
    who: Principal,
    asked: Asked,
    content_type: str | None,
    body: AsyncIterator[bytes],
    limits: UploadSettings,
) -> Response:
    """Take one file of a multipart form in; answers its row.

    Raises Problem 400 or 415 for another form, 413 when it is too large, 422 when it is not what
    its name says.
    """
    incoming = await asyncio.to_thread(parts.files.receive)
    try:
        name = await _stream(incoming, content_type, body, limits)
        try:
            media_type = await asyncio.to_thread(_settle, parts, incoming, name, limits)
        except RefusedFileError as error:
            raise Problem(FILE_REFUSED, error.words) from None
        about = asked.about(incoming.sha256.encode(), name.encode())
        return await _record(parts, who, about, incoming, name, media_type)
    finally:
        await asyncio.to_thread(incoming.discard)


class Source(Protocol):
    """A file that a form of ours brought."""

    async def read(self, size: int = -1) -> bytes:
        """Return the next bytes, none at the end."""


async def take(
    parts: Parts, who: Principal, asked: Asked, name: str, source: Source, limits: UploadSettings
) -> UploadShown:
    """Take in one file of a form that has other fields as well.

    Raises Problem 413 when it is too large, 422 when it is not what its name says.
    """
    incoming = await asyncio.to_thread(parts.files.receive)
    try:
        try:
            media_type_of(Path(cleaned(name)).suffix)
            while chunk := await source.read(CHUNK):
                await asyncio.to_thread(incoming.write, chunk)
            kind = await asyncio.to_thread(_settle, parts, incoming, cleaned(name), limits)
        except RefusedFileError as error:
            raise Problem(FILE_REFUSED, error.words) from None
        except TooLargeError:
            raise _too_large(limits) from None
        about = asked.about(incoming.sha256.encode(), name.encode())
        taken = await _record(parts, who, about, incoming, cleaned(name), kind)
        return UploadShown.model_validate_json(bytes(taken.body))
    finally:
        await asyncio.to_thread(incoming.discard)


def _too_large(limits: UploadSettings) -> Problem:
    return Problem(
        BODY_TOO_LARGE,
        Words(
            f"单个文件不得超过 {limits.max_file_bytes} 字节",
            f"A file may have {limits.max_file_bytes} bytes at most",
        ),
        headers={"connection": "close"},
    )


def _settle(parts: Parts, incoming: Incoming, name: str, limits: UploadSettings) -> str:
    """Inspect and keep. The file comes before its row: a row never stands for a missing file."""
    incoming.finish()
    media_type = inspect(incoming.path, Path(name).suffix, limits)
    parts.files.keep(incoming)
    return media_type


async def _record(
    parts: Parts, who: Principal, asked: Asked, incoming: Incoming, name: str, media_type: str
) -> Response:
    async with once(parts.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        upload, now = new_event_id(), parts.clock.now()
        shown = UploadShown(
            id=upload,
            sha256=incoming.sha256,
            media_type=media_type,
            file_name=name,
            size=incoming.size,
            created_at=now,
            links=links.of_upload(upload),
        )
        await add(conn, who, shown)
        return slot.keep(
            Response(
                shown.model_dump_json(),
                status_code=201,
                media_type="application/json",
                headers={"location": shown.links["self"]},
            )
        )


async def add(conn: Connection, who: Principal, shown: UploadShown) -> None:
    """Add the row of a file that lies in its place."""
    await store.add_upload(
        conn,
        upload=shown.id,
        owner=who.ref,
        sha256=shown.sha256,
        media_type=shown.media_type,
        file_name=shown.file_name,
        size=shown.size,
        at=shown.created_at,
    )
    facts = {"sha256": shown.sha256, "size": shown.size, "media_type": shown.media_type}
    await audit.leaf(conn, ACT, None, who.ref, facts, at=shown.created_at)


async def _stream(
    incoming: Incoming,
    content_type: str | None,
    body: AsyncIterator[bytes],
    limits: UploadSettings,
) -> str:
    """Write the form's one file to `incoming`; return its cleaned name."""
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise Problem(
            MEDIA_TYPE_UNSUPPORTED,
            Words("请以 multipart/form-data 上传", "Send it as multipart/form-data"),
        )
    form = _Form(incoming)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": form.part_begin,
                "on_header_field": form.header_field,
                "on_header_value": form.header_value,
                "on_header_end": form.header_end,
                "on_headers_finished": form.headers_finished,
                "on_part_data": form.part_data,
                "on_part_end": form.part_end,
            },
        )
        async for chunk in body:
            parser.write(chunk)
        parser.finalize()
    except MultipartParseError:
        raise Problem(BAD_REQUEST, _ONE_FILE) from None
    except RefusedFileError as error:
        raise Problem(FILE_REFUSED, error.words) from None
    except TooLargeError:
        raise _too_large(limits) from None
    if form.name is None or not form.complete or incoming.size == 0:
        raise Problem(BAD_REQUEST, _ONE_FILE)
    return form.name


_ONE_FILE = Words(
    "表单须含且仅含一个名为 file 的文件", "The form must hold exactly one file, named `file`"
)


class _Form:
    """Follows the parser through a form of one file; anything else in it is an error."""

    def __init__(self, incoming: Incoming) -> None:
        self.name: str | None = None
        self.complete = False
        self._incoming = incoming
        self._field = b""
        self._value = b""
        self._disposition = b""

    def part_begin(self) -> None:
        if self.name is not None:
            raise MultipartParseError("a second part")

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field = self._value = b""

    def headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        file_name = options.get(b"filename")
        if options.get(b"name") != PART_NAME or file_name is None:
            raise MultipartParseError("not the part expected")
        self.name = cleaned(file_name.decode(errors="replace"))
        media_type_of(Path(self.name).suffix)  # refuse before the content is read

    def part_data(self, data: bytes, start: int, end: int) -> None:
        self._incoming.write(data[start:end])

    def part_end(self) -> None:
        self.complete = True


def cleaned(file_name: str) -> str:
    """Return a file name without folders and control characters, of a length people can read."""
    last = PurePosixPath(file_name.replace("\\", "/")).name
    shown = "".join(
        letter for letter in last if unicodedata.category(letter) not in ("Cc", "Cf", "Cs")
    ).strip()
    suffix = Path(shown).suffix[:10]
    stem = shown.removesuffix(suffix) if suffix else shown
    return f"{stem[:LONGEST_NAME]}{suffix}"


async def get(parts: Parts, who: Principal, upload: UUID) -> Row:
    """Return the row of one's own upload. Raises Problem 404."""
    async with parts.pool.acquire() as conn:
        row = await store.get_upload(conn, upload, who.ref)
    if row is None:
        raise Problem(NOT_FOUND)
    return row


def as_attachment(parts: Parts, row: Row) -> Response:
    """Return a file to be saved, never to be shown inside the page (nosniff is set for all)."""
    return FileResponse(
        parts.files.path_of(row["sha256"]),
        media_type=row["media_type"],
        filename=row["file_name"],
        content_disposition_type="attachment",
    )
