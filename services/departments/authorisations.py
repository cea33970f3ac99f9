"""Written authorisations (授权书): granting and revoking, by the head of a department.

Both are acts with an audit leaf. They wait for the decisions under way in their department, so a
decision rests on what held when it was made, and a revocation is over them all.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from services.contracts.vocabulary import Role
from services.departments import authority_store as store
from services.departments.authority_store import Act, Grant
from services.departments.problems import ANOTHER_PERSON, REVOKED
from services.departments.scope import department_of
from services.departments.store import Row
from services.domain.calendar import ZONE
from services.domain.catalogue import Catalogue, Item
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.catalogue_shelf import Shelf
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.web.problems import INVALID, NOT_FOUND, Fault, Problem, Words

_BACKDATED = Fault(
    "#/valid_from", Words("授权不得倒签", "An authorisation does not begin in the past")
)
_TERM = Fault("#/valid_until", Words("终止日期早于起始日期", "The term ends before it has begun"))
_SUBSTITUTE = Fault("#/substitute", Words("替补须为另一人", "The substitute must be somebody else"))


async def grant(
    conn: Connection, *, clock: Clock, shelf: Shelf, who: Principal, given: Grant
) -> Row:
    """Give somebody of one's department a written authorisation; return it.

    Raises:
        Problem: 403: nobody authorises himself; 422: the term, the substitute or an item is wrong.
    """
    if {given.representative, given.substitute} & who.refs:
        raise Problem(ANOTHER_PERSON)
    await store.guard(conn, given.department, alone=True)
    at = clock.now()
    today = at.astimezone(ZONE).date()
    given = replace(given, valid_from=given.valid_from or today)
    faults = _faults(given, today, items_of(shelf, given.department))
    if faults:
        raise Problem(INVALID, errors=faults)
    act = Act(actor=who.ref, role=Role.DEPARTMENT_HEAD, at=at)
    id_ = await store.grant_authorisation(conn, given, act)
    facts = {
        "authorisation": id_,
        "department": given.department,
        "representative": given.representative,
        "substitute": given.substitute,
        "items": given.items,
        "powers": given.powers,
        "valid_from": given.valid_from,
        "valid_until": given.valid_until,
    }
    await _leaf(conn, "authorisation.granted", act, facts)
    return await _row(conn, id_, given.department)


def _faults(given: Grant, today: date, known: frozenset[str]) -> list[Fault]:
    first = given.valid_from or today
    checks = (
        (first < today, _BACKDATED),
        (given.valid_until < first, _TERM),
        (given.substitute == given.representative, _SUBSTITUTE),
    )
    return [fault for is_wrong, fault in checks if is_wrong] + [
        Fault(
            f"#/items/{place}",
            Words(f"本部门没有该事项：{item}", f"The department has nothing to do with {item}"),
        )
        for place, item in enumerate(given.items or ())
        if item not in known
    ]


def items_of(shelf: Shelf, department: str) -> frozenset[str]:
    """Return what a department decides or is asked about in any version: cases keep theirs."""
    return frozenset(
        item.code
        for catalogue in shelf.catalogues
        for item in catalogue.items
        if department in (item.department, *item.co_deciders, *_asked(catalogue, item))
    )


def _asked(catalogue: Catalogue, item: Item) -> Iterator[str]:
    group = catalogue.group_by_code.get(item.group or "")
    for unit in (*item.consulted, *(group.consulted if group else ())):
        yield unit.department


async def revoke(conn: Connection, *, clock: Clock, who: Principal, id_: int, reason: str) -> Row:
    """Revoke an authorisation of one's department; return it.

    Raises:
        Problem: 404; 409: it has been revoked already.
    """
    department = department_of(who)
    await store.guard(conn, department, alone=True)
    row = await _row(conn, id_, department)
    if row["revoked_at"] is not None:
        raise Problem(REVOKED)
    act = Act(actor=who.ref, role=Role.DEPARTMENT_HEAD, at=clock.now())
    await store.revoke_authorisation(conn, id_, actor=act.actor, at=act.at, reason=reason)
    await _leaf(conn, "authorisation.revoked", act, {"authorisation": id_})
    return await _row(conn, id_, department)


async def _row(conn: Connection, id_: int, department: str) -> Row:
    row = await store.read_authorisation(conn, id_, department)
    if row is None:
        raise Problem(NOT_FOUND)
    return row


async def _leaf(conn: Connection, name: str, act: Act, facts: dict[str, Any]) -> None:
    await audit.leaf(conn, name, None, act.actor, facts, at=act.at)
