"""Intake's Postgres: one function for each named block of `sql/queries.sql`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from services.runtime.db import Connection, load_queries

QUERIES = load_queries("services.intake")
Row = asyncpg.Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """What a submission needs to know: the next sequence number, and what is really there.

    `uploads` are the owner's own, id to SHA-256; `held` the items whose results were found.
    """

    sequence: int
    uploads: Mapping[UUID, str]
    held: frozenset[str]


async def prepare(
    conn: Connection, *, owner: str, uploads: Sequence[UUID], held: Mapping[str, str], project: str
) -> Prepared:
    """Take a number and check uploads and results claimed, in one round trip.

    Where there is nothing to check it is not asked: the question is planned anew every time.
    """
    if not uploads and not held:
        sequence = await QUERIES.next_number(conn)
        return Prepared(sequence=sequence, uploads={}, held=frozenset())
    row = await QUERIES.prepare(
        conn,
        ids=list(uploads),
        owner=owner,
        items=list(held),
        numbers=list(held.values()),
        project_code=project,
    )
    hashes: dict[str, str] = orjson.loads(row["uploads"])
    return Prepared(
        sequence=row["sequence"],
        uploads={UUID(key): value for key, value in hashes.items()},
        held=frozenset(row["held"]),
    )


async def add_plan(conn: Connection, *, digest: str, body: bytes) -> None:
    """Keep a plan; one that is there already stays."""
    await QUERIES.add_plan(conn, digest=digest, body=body)


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """One person or company of an application (personal data)."""

    capacity: str
    kind: str
    name: str
    id_number: str
    phone: str
    email: str | None = None
    authorisation: UUID | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Paper:
    """One material given: an upload, or a reference to a paper that lies elsewhere."""

    material: str
    upload: UUID | None = None
    reference: str | None = None


async def add_application(
    conn: Connection,
    *,
    parties: Sequence[Party],
    papers: Sequence[Paper],
    **columns: Any,
) -> None:
    """Add an application with its people, papers and first letters: one statement.

    `columns` are those of the table `application`, by the names in queries.sql.
    """
    await QUERIES.add_application(
        conn,
        capacities=[one.capacity for one in parties],
        kinds=[one.kind for one in parties],
        names=[one.name for one in parties],
        id_numbers=[one.id_number for one in parties],
        phones=[one.phone for one in parties],
        emails=[one.email for one in parties],
        authorisations=[one.authorisation for one in parties],
        **_papers(papers),
        **columns,
    )


async def people_of(conn: Connection, number: str) -> tuple[str, list[str]]:
    """Return who submitted an application (keyed hash), and its people's numbers (personal)."""
    row = await QUERIES.people_of(conn, number=number)
    return row["owner_ref"], list(row["id_numbers"])


def _papers(papers: Sequence[Paper]) -> dict[str, list[Any]]:
    return {
        "materials": [one.material for one in papers],
        "uploads": [one.upload for one in papers],
        "references": [one.reference for one in papers],
    }


async def add_upload(
    conn: Connection,
    *,
    upload: UUID,
    owner: str,
    sha256: str,
    media_type: str,
    file_name: str,
    size: int,
    at: datetime,
) -> None:
    """Add a file's row."""
    await QUERIES.add_upload(
        conn,
        id=upload,
        owner=owner,
        sha256=sha256,
        media_type=media_type,
        file_name=file_name,
        size=size,
        at=at,
    )


async def get_upload(conn: Connection, upload: UUID, owner: str) -> Row | None:
    """Return an upload of this owner, or None."""
    row: Row | None = await QUERIES.get_upload(conn, id=upload, owner=owner)
    return row


async def own_uploads(conn: Connection, uploads: Sequence[UUID], owner: str) -> dict[UUID, str]:
    """Return which of these uploads are the owner's, with their SHA-256."""
    rows = QUERIES.own_uploads(conn, ids=list(uploads), owner=owner)
    return {row["id"]: row["sha256"] async for row in rows}


async def list_own(
    conn: Connection, *, owner: str, before: tuple[datetime, str], limit: int
) -> list[Row]:
    """Return one's applications, newest first, below a key."""
    rows = QUERIES.list_own(
        conn, owner=owner, before_at=before[0], before_number=before[1], limit=limit
    )
    return [row async for row in rows]


async def get_own(conn: Connection, number: str, owner: str) -> Row | None:
    """Return an application of this owner, or None."""
    row: Row | None = await QUERIES.get_own(conn, number=number, owner=owner)
    return row


async def get_plan(conn: Connection, digest: str) -> bytes | None:
    """Return the bytes of a plan, or None."""
    body: bytes | None = await QUERIES.get_plan(conn, digest=digest)
    return body


async def get_own_plan(conn: Connection, number: str, owner: str) -> tuple[str, bytes] | None:
    """Return digest and bytes of the plan of an application of this owner, or None."""
    row = await QUERIES.get_own_plan(conn, number=number, owner=owner)
    return None if row is None else (row["digest"], row["body"])


Shown = dict[str, Any]
"""A row in which some columns are lists or objects, read from JSON; instants in those are text."""


async def get_progress(conn: Connection, number: str, owner: str) -> Shown | None:
    """Return an application of this owner with its tasks, steps, signals and notices; or None."""
    row = await QUERIES.get_progress(conn, number=number, owner=owner)
    return _opened(row, "tasks", "steps", "signals", "notices", "awaited", "joint")


async def get_results(conn: Connection, number: str, owner: str) -> Shown | None:
    """Return what was released to this owner of an application; or None."""
    row = await QUERIES.get_results(conn, number=number, owner=owner)
    return _opened(row, "results")


def _opened(row: Row | None, *columns: str) -> Shown | None:
    if row is None:
        return None
    return {**row, **{column: orjson.loads(row[column]) for column in columns}}


async def lock_own(conn: Connection, number: str, owner: str) -> Row | None:
    """Return an application of this owner and keep others from acting on it; or None."""
    row: Row | None = await QUERIES.lock_own(conn, number=number, owner=owner)
    return row


async def answer_notice(
    conn: Connection, *, number: str, step: str, round_: int, at: datetime
) -> bool:
    """Mark a notice as answered; False when it was answered before or never sent."""
    row = await QUERIES.answer_notice(conn, number=number, step=step, round=round_, at=at)
    return row is not None


async def add_materials(
    conn: Connection, *, number: str, step: str, round_: int, at: datetime, papers: Sequence[Paper]
) -> None:
    """Add papers given to put something right."""
    await QUERIES.add_materials(
        conn, number=number, step=step, round=round_, at=at, **_papers(papers)
    )


async def touch(conn: Connection, number: str) -> None:
    """Give an application its next version."""
    await QUERIES.touch(conn, number=number)


async def withdraw(conn: Connection, number: str, at: datetime) -> None:
    """Record that the investor withdrew."""
    await QUERIES.withdraw(conn, number=number, at=at)


async def waiting_notices(conn: Connection, number: str, owner: str) -> list[Row]:
    """Return step, round and term of the notices that this owner has to answer."""
    return [row async for row in QUERIES.waiting_notices(conn, number=number, owner=owner)]


async def get_dossier(conn: Connection, number: str, department: str | None) -> Shown | None:
    """Return a dossier open to a department (None: a supervisor); or None."""
    row = await QUERIES.get_dossier(conn, number=number, department=department)
    return _opened(row, "parties", "materials", "answers")


async def get_material_file(
    conn: Connection, number: str, department: str | None, material: str, sha256: str | None
) -> Row | None:
    """Return the newest file of a material, or the one with this hash; None when there is none."""
    row: Row | None = await QUERIES.get_material_file(
        conn, number=number, department=department, material=material, sha256=sha256
    )
    return row


async def get_authorisation(conn: Connection, number: str, department: str | None) -> Row | None:
    """Return the file that authorises the agent; None when there is no agent."""
    row: Row | None = await QUERIES.get_authorisation(conn, number=number, department=department)
    return row


Columns = Mapping[str, list[Any]]
"""Columns for `unnest`, by the parameter names in queries.sql."""


async def project_applications(conn: Connection, columns: Columns) -> set[str]:
    """Set what is shown of applications; return those that were found."""
    return {row["number"] async for row in QUERIES.project_applications(conn, **columns)}


async def project_tasks(conn: Connection, columns: Columns) -> None:
    """Add tasks, or set what is shown of them."""
    await QUERIES.project_tasks(conn, **columns)


async def project_steps(conn: Connection, columns: Columns) -> None:
    """Set the states of steps."""
    await QUERIES.project_steps(conn, **columns)


async def project_results(conn: Connection, columns: Columns) -> None:
    """Add results."""
    await QUERIES.project_results(conn, **columns)


async def project_signals(conn: Connection, columns: Columns) -> None:
    """Add signals, or record that they were taken back."""
    await QUERIES.project_signals(conn, **columns)


async def close_notices(
    conn: Connection, asked: Sequence[tuple[str, str, int, datetime]]
) -> list[Row]:
    """Close notices (application, step, round, instant) that nothing has ended.

    Return all that there are, locked, with `until`, and `closed_at` where it was closed now.
    """
    applications, steps, rounds, ats = (list(column) for column in zip(*asked, strict=True))
    found = QUERIES.close_notices(
        conn, applications=applications, steps=steps, rounds=rounds, ats=ats
    )
    return [row async for row in found]


async def project_notices(conn: Connection, columns: Columns) -> None:
    """Add notices of rectification."""
    await QUERIES.project_notices(conn, **columns)
