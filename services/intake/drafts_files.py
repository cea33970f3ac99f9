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
from services.intake import submission
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
MOST_BYTES = 512 * MEGABYTE
"""Of all drafts of one person together: sixteen files of the largest size are more than any project
asks for, and a hundred people who fill it still leave room on one disk."""
FULL = problem_type(
    "drafts-full", 409, "草稿的存储空间已满", "There is no more room for files of drafts"
)
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
    """Return the file that is to come, with what is here of it already: all of it, it may be.

    Raises Problem 404, 409 when one keeps too much, 413 when it is too large, 422 for what is
    never taken.
    """
    name = _checked(told, limits)
    async with parts.pool.acquire() as conn, conn.transaction():
        mine, before = await _slot(parts, conn, who, draft, told.slot)
        same = [
            one
            for one in before
            if (one.file_name, one.size, one.mark) == (name, told.size, told.mark)
        ]
        found = next((one for one in same if one.sha256 is not None), same[0] if same else None)
        gone = [one.id for one in before if one.sha256 is None and one != found]
        await store.remove_files(conn, gone)
        if found is None:
            found = await _add(parts, conn, who, mine, told, name)
    await forget(parts, gone)
    if found.sha256 is None and found.received == found.size:
        return await _settle(parts, who, draft, found, limits)
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
        # Under the lock of the draft: the same piece, sent twice, must not cut off a later one.
        await asyncio.to_thread(_write, folder_of(parts.files) / file.hex, offset, piece)
        await store.received(conn, file, count)
        await store.touch(conn, mine.id, parts.clock.now())
    found = _with(found, received=count)
    return found if count < found.size else await _settle(parts, who, draft, found, limits)


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
    file = new_event_id()
    path = folder_of(parts.files) / file.hex
    await asyncio.to_thread(_copy, content, path)
    try:
        media_type, digest = await asyncio.to_thread(_examined, path, name, limits)
        async with parts.pool.acquire() as conn, conn.transaction():
            mine, before = await _slot(parts, conn, who, draft, told.slot)
            gone = [one.id for one in before]
            await store.remove_files(conn, gone)
            await _add(parts, conn, who, mine, told, name, file)
            await store.whole(conn, file, media_type, digest)
    except Problem:
        await forget(parts, [file])
        raise
    await forget(parts, gone)


async def _settle(
    parts: Parts, who: Principal, draft: UUID, file: DraftFile, limits: UploadSettings
) -> DraftFile:
    """Check a file that is all here: it is whole then, or gone. No connection waits meanwhile.

    Raises Problem 404 when it was removed meanwhile, 422 when it does not pass.
    """
    path, refused, checked = path_of(parts.files, file.id), None, ("", "")
    try:
        checked = await asyncio.to_thread(_examined, path, file.file_name, limits)
    except Problem as problem:
        refused = problem
    gone: list[UUID] = []
    async with parts.pool.acquire() as conn, conn.transaction():
        mine = await _open(conn, who, draft)
        there = await store.files_of(conn, mine.id)
        now = next((one for one in there if one.id == file.id), None)
        if now is None or now.received != now.size:
            raise refused or Problem(NOT_FOUND)
        if now.sha256 is None and refused is not None:
            gone = [file.id]
            await store.remove_files(conn, gone)
        elif now.sha256 is None:
            before = (one for one in there if one.slot == file.slot)
            gone = [one.id for one in before if one.sha256 is not None]
            await store.remove_files(conn, gone)
            await store.whole(conn, file.id, *checked)
    await forget(parts, gone)
    if refused is not None:
        raise refused
    return file


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


async def _slot(
    parts: Parts, conn: Connection, who: Principal, draft: UUID, slot: str
) -> tuple[Draft, list[DraftFile]]:
    """Return one's draft, locked, and the files of a slot of it, for another to be added.

    Raises Problem 404, also for a paper that the plan does not ask for.
    """
    await store.lock_drafts_of(conn, who.ref)
    mine = await _open(conn, who, draft)
    before = [one for one in await store.files_of(conn, mine.id) if one.slot == slot]
    if slot != AUTHORISATION and not before:
        # Without what the project holds already: then it asks for nothing less.
        _, plan = submission.planned(parts, mine.scenario, mine.answers, {}, parts.today)
        if not any(one.id == slot and one.asked and one.later is None for one in plan.materials):
            raise Problem(NOT_FOUND)
    return mine, before


async def _add(
    parts: Parts,
    conn: Connection,
    who: Principal,
    draft: Draft,
    told: Announced,
    name: str,
    file: UUID | None = None,
) -> DraftFile:
    """Add the row of a file of which nothing is here yet. Raises Problem 409: too much."""
    if await store.bytes_of(conn, who.ref) + told.size > MOST_BYTES:
        raise Problem(FULL, _FULL)
    found = DraftFile(
        id=file or new_event_id(),
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


def _examined(path: Path, name: str, limits: UploadSettings) -> tuple[str, str]:
    """Return media type and SHA-256 of a file. Raises Problem 422 when it does not pass, or 404."""
    try:
        return inspect(path, Path(name).suffix, limits), _digest(path)
    except RefusedFileError as error:
        raise Problem(FILE_REFUSED, error.words) from None
    except FileNotFoundError:
        raise Problem(NOT_FOUND) from None


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
_FULL = Words(
    f"草稿中的文件合计不得超过 {MOST_BYTES // MEGABYTE} MB，请先删除不用的文件或草稿",
    f"Files of drafts may have {MOST_BYTES // MEGABYTE} MB together: remove what is not needed",
)
