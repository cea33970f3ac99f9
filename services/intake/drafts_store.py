"""Drafts in intake's Postgres: one function for each named block of `sql/drafts.sql`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.domain.applicability import Fact
from services.intake.store import Row
from services.runtime.db import Connection, beside, load

QUERIES = load(beside(__file__, "drafts.sql"))


@dataclass(frozen=True, kw_only=True)
class Draft:
    """One draft. `fields` is what was typed, by section (personal data)."""

    id: UUID
    scenario: str
    answers: Mapping[str, Fact]
    fields: Mapping[str, Any]
    catalogue_version: str
    updated_at: datetime
    application: str | None


@dataclass(frozen=True, kw_only=True)
class DraftFile:
    """One file of a draft: whole and checked when it has its SHA-256, else on its way."""

    id: UUID
    slot: str
    file_name: str
    size: int
    mark: str
    received: int
    media_type: str | None
    sha256: str | None
    created_at: datetime


async def add_draft(
    conn: Connection,
    *,
    draft: UUID,
    owner: str,
    scenario: str,
    answers: Mapping[str, Fact],
    catalogue_version: str,
    at: datetime,
) -> None:
    """Begin a draft."""
    await QUERIES.add_draft(
        conn,
        id=draft,
        owner=owner,
        scenario=scenario,
        answers=_json(answers),
        catalogue_version=catalogue_version,
        at=at,
    )


async def lock_drafts_of(conn: Connection, owner: str) -> None:
    """Let nobody else begin drafts or files of this owner until the transaction ends."""
    await QUERIES.lock_drafts_of(conn, owner=owner)


async def drafts_of(conn: Connection, owner: str) -> list[Row]:
    """Return one's drafts that were not handed in, the last one touched first.

    Columns: id, scenario, project_name (or None), created_at, updated_at, touched_at (real time),
    files (whole ones).
    """
    return [row async for row in QUERIES.drafts_of(conn, owner=owner)]


async def get(conn: Connection, draft: UUID, owner: str, *, lock: bool = False) -> Draft | None:
    """Return a draft of this owner, for nobody else to change meanwhile if `lock`; or None."""
    query = QUERIES.lock_draft if lock else QUERIES.get_draft
    row = await query(conn, id=draft, owner=owner)
    if row is None:
        return None
    return Draft(
        id=row["id"],
        scenario=row["scenario"],
        answers=orjson.loads(row["answers"]),
        fields=orjson.loads(row["fields"]),
        catalogue_version=row["catalogue_version"],
        updated_at=row["updated_at"],
        application=row["application"],
    )


async def save_fields(
    conn: Connection, draft: UUID, fields: Mapping[str, Any], at: datetime
) -> None:
    """Keep what was typed in these sections; the others stay as they are."""
    await QUERIES.save_fields(conn, id=draft, fields=_json(fields), at=at)


async def save_answers(
    conn: Connection, draft: UUID, answers: Mapping[str, Fact], version: str, at: datetime
) -> None:
    """Keep other answers, planned under a version of the catalogue."""
    await QUERIES.save_answers(
        conn, id=draft, answers=_json(answers), catalogue_version=version, at=at
    )


async def touch(conn: Connection, draft: UUID, at: datetime) -> None:
    """Note that a draft was worked on."""
    await QUERIES.touch_draft(conn, id=draft, at=at)


async def settle(conn: Connection, draft: UUID, application: str, at: datetime) -> None:
    """Note what a draft became, and empty it."""
    await QUERIES.settle_draft(conn, id=draft, application=application, at=at)


async def remove(conn: Connection, draft: UUID, owner: str) -> None:
    """Remove a draft with the rows of its files."""
    await QUERIES.remove_draft(conn, id=draft, owner=owner)


async def purge(conn: Connection, before: datetime) -> list[UUID]:
    """Remove drafts that were not touched since `before` (real time); return their files."""
    return [row["id"] async for row in QUERIES.purge_drafts(conn, before=before)]


async def files_of(conn: Connection, draft: UUID) -> list[DraftFile]:
    """Return the files of a draft, whole and coming, in the order they were begun."""
    return [DraftFile(**row) async for row in QUERIES.files_of_draft(conn, draft=draft)]


async def add_file(
    conn: Connection,
    *,
    file: UUID,
    draft: UUID,
    slot: str,
    file_name: str,
    size: int,
    mark: str,
    at: datetime,
) -> None:
    """Begin a file of which nothing is here yet."""
    await QUERIES.add_draft_file(
        conn, id=file, draft=draft, slot=slot, file_name=file_name, size=size, mark=mark, at=at
    )


async def received(conn: Connection, file: UUID, count: int) -> None:
    """Note how many bytes are here."""
    await QUERIES.draft_file_received(conn, id=file, received=count)


async def whole(conn: Connection, file: UUID, media_type: str, sha256: str) -> None:
    """Note that all of a file is here, and was checked."""
    await QUERIES.draft_file_whole(conn, id=file, media_type=media_type, sha256=sha256)


async def remove_files(conn: Connection, files: Sequence[UUID]) -> None:
    """Remove rows of files."""
    await QUERIES.remove_draft_files(conn, ids=list(files))


async def bytes_of(conn: Connection, owner: str) -> int:
    """Return the size of all files of an owner's drafts, whole and coming, in bytes."""
    return int(await QUERIES.bytes_of_drafts(conn, owner=owner))


async def known_files(conn: Connection, files: Sequence[UUID]) -> set[UUID]:
    """Return which of these files have a row."""
    return {row["id"] async for row in QUERIES.known_draft_files(conn, ids=list(files))}


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(value), option=orjson.OPT_SORT_KEYS).decode()
