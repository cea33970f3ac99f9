"""Drafts of investors: begun from the questions, kept while they are filled in, handed in once.

A draft is no act: nothing of it stands in the log or in a message, and nobody but its owner reads
it. Handing it in is the act, in one transaction with the end of the draft: whoever presses twice
waits for the first and gets the same application.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.domain.applicability import Fact
from services.intake import drafts_checks, drafts_files, links, problems, submission, uploads
from services.intake import drafts_store as store
from services.intake.drafts_checks import Standing
from services.intake.drafts_store import Draft, DraftFile
from services.intake.parts import Parts
from services.intake.shown import UploadShown
from services.intake.store import Row
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.loops import Body, every
from services.runtime.telemetry import SpanName, span
from services.runtime.web.problems import NOT_FOUND, Fault, Problem, Words, problem_type

MOST_DRAFTS = 20
"""Of one person: an agent works on several projects, and files of all of them are kept."""
PURGE_EVERY_S = 30.0
TOO_MANY = problem_type(
    "too-many-drafts", 409, "草稿已达上限", "There are as many drafts as one may keep"
)
CHANGED = problem_type(
    "catalogue-changed",
    409,
    "事项目录已更新，请先查看变化",
    "The catalogue has changed: look at what is different first",
)


async def own(parts: Parts, who: Principal) -> list[Row]:
    """Return one's drafts that were not handed in (columns: see `drafts_store.drafts_of`)."""
    async with parts.pool.acquire() as conn:
        return await store.drafts_of(conn, who.ref)


async def begin(
    parts: Parts, who: Principal, draft: UUID, scenario: str, answers: Mapping[str, Fact]
) -> None:
    """Begin a draft from answers; one that is there already stays as it is.

    Raises Problem 409 when there are too many, or 422 for bad answers.
    """
    catalogue, _ = submission.planned(parts, scenario, answers, {}, parts.today)
    async with parts.pool.acquire() as conn, conn.transaction():
        await store.lock_drafts_of(conn, who.ref)
        if await store.get(conn, draft, who.ref) is not None:
            return
        if len(await store.drafts_of(conn, who.ref)) >= MOST_DRAFTS:
            words = Words(
                f"最多保存 {MOST_DRAFTS} 份草稿，请先删除不用的",
                f"At most {MOST_DRAFTS} drafts are kept: remove one that is not needed",
            )
            raise Problem(TOO_MANY, words)
        await store.add_draft(
            conn,
            draft=draft,
            owner=who.ref,
            scenario=scenario,
            answers=answers,
            catalogue_version=catalogue.county.version,
            at=parts.clock.now(),
        )


async def find(parts: Parts, who: Principal, draft: UUID) -> Draft:
    """Return one's own draft. Raises Problem 404."""
    async with parts.pool.acquire() as conn:
        return await _mine(conn, who, draft)


async def read(parts: Parts, who: Principal, draft: UUID) -> Standing:
    """Return where one's own draft stands. Raises Problem 404, also when it was handed in."""
    async with parts.pool.acquire() as conn:
        return await _standing(parts, conn, who, _unfinished(await _mine(conn, who, draft)))


async def save(parts: Parts, who: Principal, draft: UUID, typed: Mapping[str, Any]) -> None:
    """Keep what was typed in some sections, right or wrong. Raises Problem 404."""
    async with parts.pool.acquire() as conn, conn.transaction():
        found = _unfinished(await _mine(conn, who, draft, lock=True))
        await store.save_fields(conn, found.id, typed, parts.clock.now())


async def answer(parts: Parts, who: Principal, draft: UUID, answers: Mapping[str, Fact]) -> None:
    """Keep other answers, planned anew. Raises Problem 404, or 422 for bad answers."""
    async with parts.pool.acquire() as conn, conn.transaction():
        found = _unfinished(await _mine(conn, who, draft, lock=True))
        catalogue, _ = submission.planned(parts, found.scenario, answers, {}, parts.today)
        version = catalogue.county.version
        await store.save_answers(conn, found.id, answers, version, parts.clock.now())


async def accept_changes(parts: Parts, who: Principal, draft: UUID, version: str) -> None:
    """Go on under the newer catalogue whose changes were shown.

    Raises Problem 404; 409 when it is not the one in force; 422 when the answers do not fit it.
    """
    async with parts.pool.acquire() as conn, conn.transaction():
        found = _unfinished(await _mine(conn, who, draft, lock=True))
        catalogue, _ = submission.planned(parts, found.scenario, found.answers, {}, parts.today)
        if catalogue.county.version != version:
            raise Problem(CHANGED)
        await store.save_answers(conn, found.id, found.answers, version, parts.clock.now())


async def remove(parts: Parts, who: Principal, draft: UUID) -> None:
    """Remove one's own draft with everything in it. Raises Problem 404."""
    async with parts.pool.acquire() as conn, conn.transaction():
        found = _unfinished(await _mine(conn, who, draft, lock=True))
        gone = [one.id for one in await store.files_of(conn, found.id)]
        await store.remove(conn, found.id, who.ref)
    await drafts_files.forget(parts, gone)


async def files(parts: Parts, who: Principal, draft: UUID) -> list[DraftFile]:
    """Return every file of one's own draft, whole and coming. Raises Problem 404."""
    async with parts.pool.acquire() as conn:
        found = await _mine(conn, who, draft)
        return await store.files_of(conn, found.id)


async def file(parts: Parts, who: Principal, draft: UUID, file_id: UUID) -> DraftFile:
    """Return a whole file of one's own draft. Raises Problem 404."""
    for one in await files(parts, who, draft):
        if one.id == file_id and one.sha256 is not None:
            return one
    raise Problem(NOT_FOUND)


async def hand_in(parts: Parts, who: Principal, draft: UUID, *, incomplete: bool = False) -> str:
    """Hand a draft in; return the number of the application it became, now or before.

    `incomplete`: though papers are missing, where the departments examine first. Raises Problem
    404, 409 when the catalogue has changed since it was looked at, and 422 with everything that is
    missing or wrong.
    """
    with span(SpanName.SUBMIT):
        async with parts.pool.acquire() as conn, conn.transaction():
            found = await _mine(conn, who, draft, lock=True)
            if found.application is not None:
                return found.application
            whole = replace(found, fields={**found.fields, "incomplete": incomplete})
            where = await _standing(parts, conn, who, whole)
            _check(where)
            gone = [one.id for one in await store.files_of(conn, found.id)]
            await _hand_over(parts, conn, who, where)
            case = await submission.accept(parts, conn, who, drafts_checks.given_of(where))
            await store.settle(conn, found.id, case.number, case.now)
            await store.remove_files(conn, gone)
        parts.plans.stored.add(case.plan.digest)
    await drafts_files.forget(parts, gone)
    return case.number


def watching(parts: Parts, keep_days: int) -> Body:
    """Return the loop that forgets drafts nobody has touched for so long (real time)."""
    swept = False

    async def purge() -> None:
        nonlocal swept
        if not swept:
            await drafts_files.sweep(parts)
            swept = True
        await forget_old(parts, datetime.now(UTC) - timedelta(days=keep_days))

    return every(PURGE_EVERY_S, purge)


async def forget_old(parts: Parts, before: datetime) -> None:
    """Remove drafts that were not touched since `before` (real time), with their files."""
    async with parts.pool.acquire() as conn:
        gone = await store.purge(conn, before)
    await drafts_files.forget(parts, gone)


async def _mine(conn: Connection, who: Principal, draft: UUID, *, lock: bool = False) -> Draft:
    found = await store.get(conn, draft, who.ref, lock=lock)
    if found is None:
        raise Problem(NOT_FOUND)
    return found


def _unfinished(draft: Draft) -> Draft:
    """Return a draft that was not handed in yet. Raises Problem 404."""
    if draft.application is not None:
        raise Problem(NOT_FOUND)
    return draft


async def _standing(parts: Parts, conn: Connection, who: Principal, draft: Draft) -> Standing:
    there = await store.files_of(conn, draft.id)
    return await drafts_checks.standing(parts, conn, who, draft, there)


def _check(where: Standing) -> None:
    """Raise the Problem of a draft that cannot be handed in as it is."""
    if where.changes is not None:
        raise Problem(CHANGED)
    if where.refusal is not None:
        raise where.refusal
    if not where.ready:
        people = [
            Fault(f"#/{name.replace('.', '/')}", words) for name, words in where.people.items()
        ]
        raise problems.of_submission([*where.facts, *people], where.missing)


async def _hand_over(parts: Parts, conn: Connection, who: Principal, where: Standing) -> None:
    """Make uploads of the draft's files that are needed: first the file, then its row."""
    now = parts.clock.now()
    needed = {one.id for one in where.asked}
    if where.draft.fields.get("acting") == drafts_checks.AGENT:
        needed.add(drafts_files.AUTHORISATION)
    for slot, one in where.files.items():
        if slot not in needed or one.sha256 is None or one.media_type is None:
            continue
        path = drafts_files.path_of(parts.files, one.id)
        await asyncio.to_thread(parts.files.adopt, path, one.sha256)
        shown = UploadShown(
            id=one.id,
            sha256=one.sha256,
            media_type=one.media_type,
            file_name=one.file_name,
            size=one.size,
            created_at=now,
            links=links.of_upload(one.id),
        )
        await uploads.add(conn, who, shown)
