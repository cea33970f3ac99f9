"""What departments that take part read of an application; every look leaves a leaf in the log."""

from collections.abc import Mapping
from typing import Any

import orjson

from services.contracts.vocabulary import Role
from services.domain.catalogue import Catalogue, Name
from services.intake import held, links, store, supplement_store
from services.intake.parts import Parts
from services.intake.shown import (
    Dossier,
    FileShown,
    MaterialShown,
    PartyShown,
    SupplementShown,
)
from services.intake.store import Row, Shown
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
        row = await store.get_dossier(conn, number, _department(who))
        if row is None:
            raise Problem(NOT_FOUND)
        supplements = await supplement_store.supplements_of(conn, number)
        await _record(parts, conn, who, number, READ, {})
    catalogue = _catalogue(parts, row.pop("catalogue_version"))
    names = {one.id: one.name for one in catalogue.materials} if catalogue else {}
    results = orjson.loads(row.pop("held"))
    people = {capacity: _party(number, one) for capacity, one in row.pop("parties").items()}
    return Dossier(
        **{**row, "materials": [_material(number, one, names) for one in row["materials"]]},
        applicant=people["applicant"],
        agent=people.get("agent"),
        held=held.shown(results, catalogue),
        supplements=[SupplementShown(**dict(one)) for one in supplements],
    )


async def material_file(
    parts: Parts, who: Principal, number: str, material: str, sha256: str | None
) -> Row:
    """Return the row of a material's newest file, or of the one with a hash; records the look."""
    async with parts.pool.acquire() as conn, conn.transaction():
        row = await store.get_material_file(conn, number, _department(who), material, sha256)
        return await _recorded(parts, conn, who, number, material, row)


async def authorisation(parts: Parts, who: Principal, number: str) -> Row:
    """Return the row of the agent's authorisation; records the look."""
    async with parts.pool.acquire() as conn, conn.transaction():
        row = await store.get_authorisation(conn, number, _department(who))
        return await _recorded(parts, conn, who, number, "authorisation of the agent", row)


def _department(who: Principal) -> str | None:
    """Return whose eyes it is read with; None for a supervisor. Raises Problem 404."""
    if who.has(Role.SUPERVISOR):
        return None
    if who.department is None:
        raise Problem(NOT_FOUND)  # an officer of no department takes part in nothing
    return who.department


async def _recorded(
    parts: Parts, conn: Connection, who: Principal, number: str, material: str, row: Row | None
) -> Row:
    if row is None:
        raise Problem(NOT_FOUND)
    facts = {"material": material, "sha256": row["sha256"]}
    await _record(parts, conn, who, number, FILE_READ, facts)
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


def _catalogue(parts: Parts, version: str) -> Catalogue | None:
    try:
        return parts.shelf.version(version)
    except UnknownVersionError:
        return None


def _party(number: str, party: Shown) -> PartyShown:
    file = _file(party, links.of_authorisation(number))
    return PartyShown.model_validate({**party, "authorisation": file})


def _material(number: str, given: Shown, names: Mapping[str, Name]) -> MaterialShown:
    material = given["material"]
    href = links.of_material(number, material, given.get("sha256", ""))
    return MaterialShown(
        place=given["place"],
        material=material,
        name=names.get(material),
        reference=given["reference"],
        file=_file(given, href),
        step=given["step"],
        round=given["round"],
        given_at=given["given_at"],
    )


def _file(found: Shown, href: str) -> FileShown | None:
    if found.get("sha256") is None:
        return None
    return FileShown.model_validate({**found, "href": href})
