"""Papers that come into being in the course of a project: told, shown, and when they may come."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from services.contracts.events import ApplicationProgressed
from services.domain.catalogue import Name
from services.domain.plan import Plan, PlannedMaterial
from services.intake.parts import Parts
from services.intake.shown_later import AwaitedShown, PaperShown, PapersShown, PaperState
from services.intake.store import Row
from services.runtime.auth import Principal
from services.runtime.db import Connection, beside, load
from services.runtime.web.problems import NOT_FOUND, Problem

QUERIES = load(beside(__file__, "later.sql"))
_COLUMNS = ("applications", "steps", "items", "materials", "sinces", "untils", "terms", "ats")


async def project(conn: Connection, events: Sequence[ApplicationProgressed]) -> None:
    """Write what progress tells of papers: one statement, none without cause."""
    rows = {
        (event.application, told.step): (
            *(event.application, told.step, ",".join(told.items), ",".join(told.materials)),
            *(told.since, told.until, orjson.dumps(told.untils).decode(), event.at),
        )
        for event in events
        for told in event.papers
    }
    if rows:
        columns = zip(*rows.values(), strict=True)
        named = {name: list(column) for name, column in zip(_COLUMNS, columns, strict=True)}
        await QUERIES.project_papers(conn, **named)


async def close(
    conn: Connection, number: str, step: str, materials: Sequence[str], at: datetime
) -> Row | None:
    """Close the papers of a step that are not there; return their terms and which are `lacking`.

    The application stays locked until the transaction ends. None: the step awaits nothing.
    """
    await QUERIES.lock_awaiting(conn, application=number)
    row: Row | None = await QUERIES.close_papers(
        conn, application=number, step=step, materials=list(materials), at=at
    )
    return row


async def may_come(conn: Connection, number: str, plan: Plan, now: datetime) -> frozenset[str]:
    """Return the later papers, as subjects, that may be handed in now.

    From the submission until every step that needs one has begun; where there is a term, within it.
    """
    planned = [one for one in plan.materials if one.later is not None]
    if not planned:
        return frozenset()
    _, awaited, begun, closed = await _standing(conn, number, plan)
    over = closed | {
        material
        for one in awaited
        for material in one.materials
        if (until := until_of(one.until, one.untils, material)) is not None and now > until
    }
    return frozenset(
        f"material/{one.id}"
        for one in planned
        if one.id not in over and not begun.issuperset(_steps(one))
    )


async def read(parts: Parts, who: Principal, number: str) -> PapersShown:
    """Return which papers come later and where each stands. Raises Problem 404."""
    async with parts.pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
        row = await QUERIES.owned_plan(conn, number=number, owner=who.ref)
        if row is None:
            raise Problem(NOT_FOUND)
        plan = await parts.plans.get(conn, row["plan_digest"])
        there, awaited, begun, closed = await _standing(conn, number, plan)
    waiting = {material for one in awaited for material in one.materials}
    return PapersShown(
        number=number,
        papers=[
            PaperShown(
                material=one.id,
                name=one.name,
                after=one.later.after,
                steps=one.later.steps,
                needed_on=one.later.needed_on,
                state=_state(one, there, waiting, begun, closed),
            )
            for one in plan.materials
            if one.later is not None
        ],
        awaited=awaited,
    )


def _state(
    one: PlannedMaterial,
    there: frozenset[str],
    waiting: set[str],
    begun: frozenset[str],
    closed: frozenset[str],
) -> PaperState:
    if one.id in there:
        return PaperState.HANDED_IN
    if one.id in waiting:
        return PaperState.AWAITED
    over = one.id in closed or begun.issuperset(_steps(one))
    return PaperState.NOT_NEEDED if over else PaperState.LATER


def _steps(one: PlannedMaterial) -> tuple[str, ...]:
    return () if one.later is None else one.later.steps


async def _standing(
    conn: Connection, number: str, plan: Plan
) -> tuple[frozenset[str], list[AwaitedShown], frozenset[str], frozenset[str]]:
    """Return what is there, what is awaited, which steps have begun, and what is taken no more."""
    row = await QUERIES.standing_of_papers(conn, application=number)
    there, begun = frozenset(row["there"]), frozenset(row["begun"])
    told = orjson.loads(row["awaited"])
    closed = frozenset(m for one in told if one["step"] not in begun for m in one["closed"])
    return there, awaited_of(plan, told, there, begun), begun, closed


async def ever_awaited(conn: Connection, number: str) -> tuple[Mapping[str, Any], ...]:
    """Return what was ever told to be awaited: step, items, materials, since, until; oldest first.

    Whose application it is has been looked at before.
    """
    row = await QUERIES.standing_of_papers(conn, application=number)
    return tuple(orjson.loads(row["awaited"]))


def terms(found: str) -> dict[str, datetime]:
    """Return the terms of papers as they stand in a row."""
    return {name: datetime.fromisoformat(at) for name, at in orjson.loads(found).items()}


def until_of(
    first: datetime | None, untils: Mapping[str, datetime], material: str
) -> datetime | None:
    """Return the end of a paper's own term; by earlier rules one (`first`) holds for all."""
    return untils.get(material) if untils else first


def awaited_of(
    plan: Plan,
    told: Iterable[Mapping[str, Any]],
    there: frozenset[str],
    begun: frozenset[str],
) -> list[AwaitedShown]:
    """Return what steps wait for: as it was told, less what has been handed in since."""
    names: dict[str, Name] = {step.code: step.name for step in plan.steps}
    found = []
    for one in told:
        gone = there.union(one["closed"])
        lacking = tuple(material for material in one["materials"] if material not in gone)
        if lacking and one["step"] not in begun:
            found.append(
                AwaitedShown(
                    step=one["step"],
                    name=names.get(one["step"]),
                    items=one["items"],
                    materials=lacking,
                    since=one["since"],
                    until=one["until"],
                    untils={m: at for m, at in one["untils"].items() if m in lacking},
                )
            )
    return found
