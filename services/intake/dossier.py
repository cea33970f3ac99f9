"""What departments that take part read of an application; every look leaves a leaf in the log."""

from collections.abc import Mapping
from typing import Any

import orjson

from services.contracts.vocabulary import Role
from services.domain.catalogue import Name
from services.intake import links, store
from services.intake.models import Dossier, FileShown, MaterialShown, PartyShown
from services.intake.parts import Parts
from services.intake.store import Row
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.catalogue_shelf import UnknownVersionError
from services.runtime.db import Connection
from services.runtime.web.problems import NOT_FOUND, Problem

READ = "dossier.read"
FILE_READ = "dossier.file_read"


async def read(parts: Parts, who: Principal, number: str) -> Dossier:
    """Return a dossier, and record who read it. Raises Problem 404 for those it is not open to."""
    async with parts.pool.acquire() as conn, conn.transaction():
        row = await _open(conn, who, number)
        parties = await store.parties_of(conn, number)
        materials = await store.materials_of(conn, number)
        await _record(parts, conn, who, number, READ, {})
    people = {one["capacity"]: _party(number, one) for one in parties}
    names = _names(parts, row["catalogue_version"])
    return Dossier(
        number=number,
        project_code=row["project_code"],
        project_name=row["project_name"],
        project_address=row["project_address"],
        scenario=row["scenario"],
        answers=orjson.loads(row["answers"]),
        status=row["status"],
        submitted_at=row["submitted_at"],
        applicant=people["applicant"],
        agent=people.get("agent"),
        materials=[_material(number, one, names) for one in materials],
    )


async def material_file(
    parts: Parts, who: Principal, number: str, material: str, sha256: str | None
) -> Row:
    """Return the row of a material's newest file, or of the one with a hash; records the look."""
    async with parts.pool.acquire() as conn, conn.transaction():
        await _open(conn, who, number)
        row = await store.material_file(conn, number, material, sha256)
        if row is None:
            raise Problem(NOT_FOUND)
        facts = {"material": material, "sha256": row["sha256"]}
        await _record(parts, conn, who, number, FILE_READ, facts)
    return row


async def authorisation(parts: Parts, who: Principal, number: str) -> Row:
    """Return the row of the agent's authorisation; records the look."""
    async with parts.pool.acquire() as conn, conn.transaction():
        await _open(conn, who, number)
        parties = await store.parties_of(conn, number)
        row = next((one for one in parties if one["capacity"] == "agent"), None)
        if row is None:
            raise Problem(NOT_FOUND)
        facts = {"material": "authorisation of the agent", "sha256": row["sha256"]}
        await _record(parts, conn, who, number, FILE_READ, facts)
    return row


async def _open(conn: Connection, who: Principal, number: str) -> Row:
    department = None if who.has(Role.SUPERVISOR) else who.department
    if department is None and not who.has(Role.SUPERVISOR):
        raise Problem(NOT_FOUND)  # an officer of no department takes part in nothing
    row = await store.get_dossier(conn, number, department)
    if row is None:
        raise Problem(NOT_FOUND)
    return row


async def _record(
    parts: Parts,
    conn: Connection,
    who: Principal,
    number: str,
    act: str,
    facts: Mapping[str, Any],
) -> None:
    told = {"department": who.department, **facts}
    await audit.leaf(conn, act, number, who.ref, told, at=parts.clock.now())


def _names(parts: Parts, version: str) -> dict[str, Name]:
    try:
        return {one.id: one.name for one in parts.shelf.version(version).materials}
    except UnknownVersionError:
        return {}


def _party(number: str, row: Row) -> PartyShown:
    href = links.of_authorisation(number)
    return PartyShown(
        kind=row["kind"],
        name=row["name"],
        id_number=row["id_number"],
        phone=row["phone"],
        authorisation=_file(row, href) if row["upload"] is not None else None,
    )


def _material(number: str, row: Row, names: Mapping[str, Name]) -> MaterialShown:
    file = None
    if row["sha256"] is not None:
        file = _file(row, links.of_material(number, row["material"], row["sha256"]))
    return MaterialShown(
        place=row["place"],
        material=row["material"],
        name=names.get(row["material"]),
        reference=row["reference"],
        file=file,
        step=row["step"],
        round=row["round"],
        given_at=row["given_at"],
    )


def _file(row: Row, href: str) -> FileShown:
    return FileShown(
        sha256=row["sha256"],
        media_type=row["media_type"],
        file_name=row["file_name"],
        size=row["size"],
        href=href,
    )
