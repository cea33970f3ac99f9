"""The supervisor approves a new version of the catalogue, having read what it changes."""

import asyncio
import hashlib
from datetime import date

import orjson
from starlette.responses import Response

from services.contracts.vocabulary import Role
from services.domain.catalogue import Catalogue
from services.domain.catalogue_changes import Change, compare, digest_of
from services.domain.lint import errors, lint
from services.intake import editions
from services.intake.approvals_shown import (
    ApprovalGiven,
    ApprovalList,
    ApprovalShown,
    Pending,
    PendingList,
)
from services.intake.editions import Editions
from services.intake.parts import Parts
from services.intake.problems import APPROVAL_REFUSED, APPROVED
from services.intake.store import Row
from services.runtime import audit, catalogue_files
from services.runtime.auth import Principal
from services.runtime.catalogue_files import CatalogueError
from services.runtime.catalogue_shelf import UnknownVersionError
from services.runtime.web.idempotency import Asked, once
from services.runtime.web.problems import NOT_FOUND, Fault, Problem, Words

ACT = "catalogue.approved"
_PAST = Words("生效日期已过", "It takes effect in the past: give it a later day")
_DIGEST = Words(
    "内容与所批准的不一致，请重新查看差异后再批准",
    "This is not the content of the version: read what it changes again",
)
_FILES = Words(
    "文件在服务启动后被改动，请先重启服务", "Its files were changed since the service started"
)
_FIRST = Words("没有它所接替的版本", "There is no approved version that it would follow")


async def approve(parts: Parts, who: Principal, asked: Asked, given: ApprovalGiven) -> Response:
    """Let new applications rest on a version from its day on; answer what it changes.

    Raises Problem 404 for a version that is not on the shelf, 409 when it is approved already, 422
    for another content, a day in the past, or a version that the linter refuses.
    """
    async with once(parts.pool, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        await editions.QUERIES.alone(conn)
        rows = {row["version"]: row for row in await editions.approvals(conn)}
        catalogue = _on_shelf(parts, given.version)
        if given.version in rows:
            raise Problem(APPROVED, extra={"digest": rows[given.version]["digest"]})
        # By what was read under the lock: another process may have approved one a moment ago.
        predecessor = Editions(rows).predecessor_of(parts.shelf, catalogue)
        faults = await _faults(parts, catalogue, predecessor, given)
        if faults or predecessor is None:
            raise Problem(APPROVAL_REFUSED, errors=faults)
        at, changes = parts.clock.now(), compare(predecessor, catalogue)
        told = orjson.dumps([one.model_dump(mode="json") for one in changes])
        await editions.add(
            conn,
            catalogue,
            at=at,
            role=Role.SUPERVISOR,
            predecessor=predecessor.county.version,
            reason=given.reason,
            differences=told.decode(),
            actor=who.ref,
        )
        facts = {
            "version": given.version,
            "digest": given.digest,
            "predecessor": predecessor.county.version,
            "effective_from": catalogue.county.effective_from,
            "differences": len(changes),
            "differences_sha256": hashlib.sha256(told).hexdigest(),
            "reason_sha256": hashlib.sha256(given.reason.encode()).hexdigest(),
        }
        await audit.leaf(conn, ACT, None, who.ref, facts, at=at)
        shown = ApprovalShown(
            version=given.version,
            predecessor=predecessor.county.version,
            effective_from=catalogue.county.effective_from,
            digest=given.digest,
            approved_at=at,
            role=Role.SUPERVISOR,
            reason=given.reason,
            differences=changes,
        )
        response = slot.keep(
            Response(shown.model_dump_json(), status_code=201, media_type="application/json")
        )
    await parts.editions.refresh(parts.pool)
    return response


def _on_shelf(parts: Parts, version: str) -> Catalogue:
    try:
        return parts.shelf.version(version)
    except UnknownVersionError:
        raise Problem(NOT_FOUND) from None


async def _faults(
    parts: Parts, catalogue: Catalogue, predecessor: Catalogue | None, given: ApprovalGiven
) -> list[Fault]:
    """Return all that is wrong, at once."""
    digest = digest_of(catalogue)
    checks = (
        (given.digest != digest, Fault("#/digest", _DIGEST)),
        (catalogue.county.effective_from < parts.today, Fault("#/version", _PAST)),
        (predecessor is None, Fault("#/version", _FIRST)),
    )
    found = [fault for is_wrong, fault in checks if is_wrong]
    return found + await asyncio.to_thread(_of_files, parts, catalogue.county.version, digest)


def _of_files(parts: Parts, version: str, digest: str) -> list[Fault]:
    """Look at the files as they lie there now: the linter has the last word."""
    try:
        versions = catalogue_files.read_all(parts.shelf.folder)
        refused = errors(lint(versions))
    except CatalogueError as error:
        versions, refused = (), error.findings
    faults = [
        Fault("#/version", Words(f"{one.place}：{one.zh}", f"{one.place}: {one.en}"))
        for one in refused
    ]
    there = {one.catalogue.county.version: one.catalogue for one in versions}
    if not faults and (version not in there or digest_of(there[version]) != digest):
        faults.append(Fault("#/version", _FILES))
    return faults


async def listed(parts: Parts) -> ApprovalList:
    """Return every approval, newest first: public (政务公开)."""
    async with parts.pool.acquire() as conn:
        rows = await editions.approvals(conn)
    return ApprovalList(items=[_shown(row) for row in reversed(rows)])


def _shown(row: Row) -> ApprovalShown:
    changes = orjson.loads(row["differences"])
    return ApprovalShown(
        version=row["version"],
        predecessor=row["predecessor"],
        effective_from=row["effective_from"],
        digest=row["digest"],
        approved_at=row["approved_at"],
        role=row["approved_role"],
        reason=row["reason"],
        differences=tuple(Change.model_validate(one) for one in changes),
    )


def pending(parts: Parts) -> PendingList:
    """Return the versions that wait for the supervisor, with what each would change."""
    today = parts.today
    waiting = parts.editions.unapproved(parts.shelf)
    return PendingList(items=[_pending(parts, found, today) for found in waiting])


def _pending(parts: Parts, found: Catalogue, today: date) -> Pending:
    predecessor = parts.editions.predecessor_of(parts.shelf, found)
    return Pending(
        version=found.county.version,
        predecessor=None if predecessor is None else predecessor.county.version,
        effective_from=found.county.effective_from,
        digest=digest_of(found),
        too_late=found.county.effective_from < today,
        differences=() if predecessor is None else compare(predecessor, found),
    )
