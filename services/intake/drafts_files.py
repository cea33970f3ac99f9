"""Files of drafts: they come in pieces, go on where they broke off, and are checked when whole.

A file lies under the id of its row, in a folder beside the files that were handed in; it becomes
one of those, under its SHA-256, only when its draft is handed in. So what is removed with a draft
is nobody else's. The row says how much is here: what a crash has written beyond is written again.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from services.intake import drafts_store as store
from services.intake.drafts_store import Draft, DraftFile
from services.intake.files import FileStore
from services.intake.inspection import RefusedFileError, inspect, media_type_of
from services.intake.parts import Parts
from services.intake.problems import FILE_REFUSED
from services.intake.settings import MEGABYTE, UploadSettings
from services.intake.uploads import cleaned
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.messages import new_event_id
from services.runtime.web.problems import (
    BAD_REQUEST,
    BODY_TOO_LARGE,
    NOT_FOUND,
    Problem,
    Words,
    problem_type,
)

FOLDER = "drafts"
AUTHORISATION = "agent_authorisation"
"""The slot of the agent's authorisation; no id of a material looks like this."""
PIECE_BYTES = MEGABYTE // 2
"""What a browser sends at a time: little is sent again after a break, and it is a body we take."""
ORPHAN_SECONDS = 24 * 3600
LONGEST_MARK = 40
OFFSET_WRONG = problem_type(
    "upload-offset",
    409,
    "续传位置不符，请从所示位置继续",
    "The file goes on elsewhere: continue at the place given",
)


@dataclass(frozen=True, kw_only=True)
class Announced:
    """A file that is about to come. `mark` changes when the file does."""

    slot: str
    name: str
    size: int
    mark: str


def folder_of(files: FileStore) -> Path:
    """Return the folder of drafts' files, made when it is not there."""
    folder = files.folder / FOLDER
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def path_of(files: FileStore, file: UUID) -> Path:
    """Return where a draft's file lies."""
    return files.folder / FOLDER / file.hex


async def begin(
    parts: Parts, who: Principal, draft: UUID, told: Announced, limits: UploadSettings
) -> DraftFile:
    """Return the file that is to come, with what is here of it already.

    Raises Problem 404, 413 when it is too large, 422 for what is never taken.
    """
    name = _checked(told, limits)
    async with parts.pool.acquire() as conn, conn.transaction():
        mine = await _open(conn, who, draft)
        _check_slot(parts, told.slot)
        coming = [
            one
            for one in await store.files_of(conn, mine.id)
            if one.slot == told.slot and one.sha256 is None
        ]
        for one in coming:
            if (one.file_name, one.size, one.mark) == (name, told.size, told.mark):
                return one
        await store.remove_files(conn, [one.id for one in coming])
        found = await _add(parts, conn, mine, told, name)
    await forget(parts, [one.id for one in coming])
    return found


async def take(
    parts: Parts,
    who: Principal,
    draft: UUID,
    file: UUID,
    offset: int,
    piece: bytes,
    limits: UploadSettings,
) -> DraftFile:
    """Take the next piece; the last one makes the file whole, and it is checked at once.

    Raises Problem 404, 409 with the place to go on at, 422 for a file that does not pass: then
    nothing of it is kept.
    """
    async with parts.pool.acquire() as conn, conn.transaction():
        mine = await _open(conn, who, draft)
        there = {one.id: one for one in await store.files_of(conn, mine.id)}
        found = there.get(file)
        if found is None:
            raise Problem(NOT_FOUND)
        if found.received != offset or found.sha256 is not None:
            raise Problem(OFFSET_WRONG, extra={"received": found.received})
        count = offset + len(piece)
        if not piece or count > found.size:
            raise Problem(BAD_REQUEST, _TOO_MUCH)
        path = folder_of(parts.files) / file.hex
        await asyncio.to_thread(_write, path, offset, piece)
        if count < found.size:
            await store.received(conn, file, count)
            await store.touch(conn, mine.id, parts.clock.now())
            return _with(found, received=count)
        refused, replaced = await _finish(parts, conn, there.values(), found, limits)
    await forget(parts, [file] if refused else replaced)
    if refused:
        raise Problem(FILE_REFUSED, refused.words)
    return _with(found, received=found.size)


async def put(
    parts: Parts,
    who: Principal,
    draft: UUID,
    told: Announced,
    content: BinaryIO,
    limits: UploadSettings,
) -> None:
    """Take a whole file that a form brought. Raises what `begin` and `take` raise."""
    name = _checked(told, limits)
    async with parts.pool.acquire() as conn, conn.transaction():
        mine = await _open(conn, who, draft)
        _check_slot(parts, told.slot)
        before = [one for one in await store.files_of(conn, mine.id) if one.slot == told.slot]
        coming = [one for one in before if one.sha256 is None]
        await store.remove_files(conn, [one.id for one in coming])
        found = await _add(parts, conn, mine, told, name)
        await asyncio.to_thread(_copy, content, folder_of(parts.files) / found.id.hex)
        there = [one for one in before if one.sha256 is not None]
        refused, replaced = await _finish(parts, conn, there, found, limits)
    await forget(parts, [*(one.id for one in coming), *([found.id] if refused else replaced)])
    if refused:
        raise Problem(FILE_REFUSED, refused.words)


async def remove(parts: Parts, who: Principal, draft: UUID, slot: str) -> None:
    """Remove whatever lies in a slot, or is on its way there. Raises Problem 404."""
    async with parts.pool.acquire() as conn, conn.transaction():
        mine = await _open(conn, who, draft)
        gone = [one.id for one in await store.files_of(conn, mine.id) if one.slot == slot]
        await store.remove_files(conn, gone)
        await store.touch(conn, mine.id, parts.clock.now())
    await forget(parts, gone)


async def forget(parts: Parts, files: Iterable[UUID]) -> None:
    """Remove files from the disk whose rows are gone."""
    paths = [path_of(parts.files, file) for file in files]
    if paths:
        await asyncio.to_thread(_unlink, paths)


async def sweep(parts: Parts) -> int:
    """Remove what a crash has left: old files without a row. Return how many."""
    old = await asyncio.to_thread(_old_files, folder_of(parts.files), time.time())
    if not old:
        return 0
    async with parts.pool.acquire() as conn:
        known = await store.known_files(conn, old)
    orphans = [file for file in old if file not in known]
    await forget(parts, orphans)
    return len(orphans)


async def _open(conn: Connection, who: Principal, draft: UUID) -> Draft:
    """Return one's draft, locked, as long as it was not handed in. Raises Problem 404."""
    found = await store.get(conn, draft, who.ref, lock=True)
    if found is None or found.application is not None:
        raise Problem(NOT_FOUND)
    return found


def _checked(told: Announced, limits: UploadSettings) -> str:
    """Return the cleaned name of a file that may come. Raises Problem 413 or 422."""
    name = cleaned(told.name)
    try:
        media_type_of(Path(name).suffix)
    except RefusedFileError as error:
        raise Problem(FILE_REFUSED, error.words) from None
    if told.size <= 0:
        raise Problem(FILE_REFUSED, Words("文件是空的", "The file is empty"))
    if told.size > limits.max_file_bytes:
        most = limits.max_file_bytes // MEGABYTE
        words = Words(
            f"文件太大：单个文件不得超过 {most} MB",
            f"The file is too large: {most} MB at most",
        )
        raise Problem(BODY_TOO_LARGE, words)
    return name


def _check_slot(parts: Parts, slot: str) -> None:
    if slot != AUTHORISATION and slot not in parts.catalogue().material_by_id:
        raise Problem(NOT_FOUND)


async def _add(
    parts: Parts, conn: Connection, draft: Draft, told: Announced, name: str
) -> DraftFile:
    found = DraftFile(
        id=new_event_id(),
        slot=told.slot,
        file_name=name,
        size=told.size,
        mark=told.mark[:LONGEST_MARK],
        received=0,
        media_type=None,
        sha256=None,
        created_at=parts.clock.now(),
    )
    await store.add_file(
        conn,
        file=found.id,
        draft=draft.id,
        slot=found.slot,
        file_name=name,
        size=found.size,
        mark=found.mark,
        at=found.created_at,
    )
    await store.touch(conn, draft.id, found.created_at)
    return found


async def _finish(
    parts: Parts,
    conn: Connection,
    there: Iterable[DraftFile],
    file: DraftFile,
    limits: UploadSettings,
) -> tuple[RefusedFileError | None, list[UUID]]:
    """Check a whole file; return why it is refused, or which files it replaces."""
    path = path_of(parts.files, file.id)
    try:
        media_type = await asyncio.to_thread(inspect, path, Path(file.file_name).suffix, limits)
    except RefusedFileError as error:
        await store.remove_files(conn, [file.id])
        return error, []
    replaced = [
        one.id
        for one in there
        if one.slot == file.slot and one.sha256 is not None and one.id != file.id
    ]
    await store.remove_files(conn, replaced)
    await store.whole(conn, file.id, media_type, await asyncio.to_thread(_digest, path))
    return None, replaced


def _with(file: DraftFile, *, received: int) -> DraftFile:
    return DraftFile(**{**vars(file), "received": received})


def _write(path: Path, offset: int, piece: bytes) -> None:
    """Write a piece in its place, and whatever lies beyond it away."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.ftruncate(handle, offset)
        with os.fdopen(os.dup(handle), "wb") as file:
            file.seek(offset)
            file.write(piece)
        os.fsync(handle)
    finally:
        os.close(handle)


def _copy(content: BinaryIO, path: Path) -> None:
    with path.open("xb") as file:
        while piece := content.read(PIECE_BYTES):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _old_files(folder: Path, now: float) -> list[UUID]:
    return [
        UUID(hex=path.name)
        for path in folder.iterdir()
        if now - path.stat().st_mtime > ORPHAN_SECONDS
    ]


_TOO_MUCH = Words("与所报文件大小不符", "It is not the size that was announced")
