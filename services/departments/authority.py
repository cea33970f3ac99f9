"""Authority: on what ground somebody ends a task, checked in the transaction that ends it.

By the rule `role` the chief representative's role in the token is enough. By the rule `required` he
acts under a written authorisation (授权书) that holds at this instant and covers the item; while he
is absent, the substitute that it names stands in. What needs more than he has goes up (报批) and is
decided as it came back. Everything is read from what the transaction has locked or guards, so that
an act, a revocation and the end of an absence exclude each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.contracts.vocabulary import Authority, Outcome, Part, Role
from services.departments import authority_store as store
from services.departments.problems import (
    ABOVE_DIFFERS,
    ABOVE_PENDING,
    ABOVE_REQUIRED,
    CLAIMED,
    NOT_AUTHORISED,
    VISIT_UNSIGNED,
)
from services.departments.scope import acting_role, ending_role
from services.departments.store import Row
from services.domain.calendar import ZONE
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.messages import utc_text
from services.runtime.web.problems import Problem

CONSULTED = "consulted"
"""What an opinion rests on: the department was asked."""
SIGNATURES = 2
"""行政许可法 34: facts are verified by at least so many officers."""
RULES = "authority.rule"
"""The act of changing the rule; also what guards it."""


class Rule(StrEnum):
    """What a decision needs: the role in the token, or a written authorisation as well."""

    ROLE = "role"
    REQUIRED = "required"


class Power(StrEnum):
    """What an authorisation gives: to decide, to review first and send up, to handle specially."""

    DECIDE = "decide"
    PRE_REVIEW = "pre_review"
    SPECIAL = "special"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mandate:
    """What somebody may rest on in this transaction.

    `held` are authorisations that he may use now, `absent` those holders of the tasks who are away;
    `aboves` and `signed` are what went up and how often visits are signed, by their ids.
    """

    rule: Rule
    held: tuple[Row, ...] = ()
    absent: frozenset[str] = frozenset()
    aboves: Mapping[int, Row]
    signed: Mapping[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grounds:
    """What ending a task rests on. `basis`: an authority, or `consulted`."""

    role: Role
    basis: str
    authorisation: int | None = None
    approval: int | None = None
    decided_above: str | None = None

    @property
    def represents(self) -> bool:
        """Whether he speaks for the department: whose claim a task has does not bind him."""
        return self.role is Role.CHIEF_REPRESENTATIVE or self.authorisation is not None

    @property
    def is_above(self) -> bool:
        """Whether somebody above decides."""
        return self.basis not in (CONSULTED, Authority.REPRESENTATIVE)


async def adopt(conn: Connection, clock: Clock, rule: Rule) -> bool:
    """Make the rule hold from now on, in a transaction; return whether it was another one."""
    await store.guard(conn, RULES, alone=True)
    if rule == (await store.rule(conn) or Rule.ROLE):
        return False
    at = clock.now()
    await store.set_rule(conn, rule, at)
    await audit.leaf(conn, RULES, None, None, {"rule": rule}, at=at)
    return True


async def mandate(
    conn: Connection,
    who: Principal,
    department: str,
    rows: Sequence[Row],
    now: datetime,
    *,
    opinions: bool = False,
) -> Mandate:
    """Return what somebody may rest on for tasks that the transaction has locked.

    `opinions`: the act takes an authorisation for a task to give an opinion on as well. No
    statement by the rule `role`, unless a task is in another's hands, went up, or was visited.
    """
    rule = Rule(rows[0]["rule"] or Rule.ROLE) if rows else Rule.ROLE
    held: list[Row] = []
    asked = opinions or any(row["part"] == Part.DECIDE for row in rows)
    if rule is Rule.REQUIRED and asked:
        await store.guard(conn, department)
        day = now.astimezone(ZONE).date()
        held = await store.authorisations_of(conn, who.ref, department, at=now, on_day=day)
    aboves = [row["above_id"] for row in rows if row["above_id"] is not None]
    visits = [row["visit_id"] for row in rows if row["visit_id"] is not None]
    return Mandate(
        rule=rule,
        held=tuple(held),
        absent=frozenset()
        if who.has(Role.CHIEF_REPRESENTATIVE)  # in whose hands it is does not bind him
        else await absent_holders(conn, who, department, rows, now),
        aboves=await store.aboves(conn, aboves) if aboves else {},
        signed=await store.signatures(conn, visits) if visits else {},
    )


async def absent_holders(
    conn: Connection, who: Principal, department: str, rows: Sequence[Row], now: datetime
) -> frozenset[str]:
    """Return which of those who have the tasks in hand, and are not the principal, are absent."""
    holders = {row["claimed_by"] for row in rows} - {None, who.ref}
    if not holders:
        return frozenset()
    return await store.absent(conn, sorted(holders), department, at=now)


def grounds(row: Row, who: Principal, found: Mandate) -> Grounds:
    """Return what the principal may end a task on.

    Raises:
        Problem: 403: not a representative, or no authorisation that covers the item.
    """
    part, asked = Part(row["part"]), Authority(row["authority"])
    if part is Part.CONSULT:
        return Grounds(role=acting_role(who), basis=CONSULTED)
    if found.rule is Rule.ROLE:
        return Grounds(role=ending_role(part, who), basis=asked)
    held = _best(found.held, row["item"], who)
    decides = Power.DECIDE in held["powers"]
    return Grounds(
        role=_role(who),
        basis=Authority.DEPARTMENT_HEAD
        if asked is Authority.REPRESENTATIVE and not decides
        else asked,
        authorisation=held["id"],
    )


def _best(held: Sequence[Row], item: str, who: Principal) -> Row:
    """Return the authorisation to act under: one to decide, one's own, the first given."""
    usable = [row for row in held if _covers(row, item, who) and _decisive(row)]
    if not usable:
        raise Problem(NOT_AUTHORISED, extra={"item": item})
    return min(usable, key=lambda row: (Power.DECIDE not in row["powers"], not row["own"]))


def _covers(row: Row, item: str, who: Principal) -> bool:
    """Whether an authorisation is about the item; only a chief representative has one himself."""
    mine = who.has(Role.CHIEF_REPRESENTATIVE) or not row["own"]
    return mine and (row["items"] is None or item in row["items"])


def _decisive(row: Row) -> bool:
    return not {Power.DECIDE, Power.PRE_REVIEW}.isdisjoint(row["powers"])


def _role(who: Principal) -> Role:
    chief = Role.CHIEF_REPRESENTATIVE
    return chief if who.has(chief) else acting_role(who)


def on_clock(row: Row, who: Principal, found: Mandate) -> Grounds:
    """Return what the principal may stop a clock or ask for more days on. Raises Problem 403."""
    if found.rule is Rule.ROLE:
        return Grounds(role=acting_role(who), basis=row["authority"])
    held = _best(found.held, row["item"], who)
    return Grounds(role=_role(who), basis=row["authority"], authorisation=held["id"])


def special(row: Row, who: Principal, found: Mandate) -> Grounds:
    """Return what the principal may handle a task specially on (特办). Raises Problem 403."""
    if found.rule is Rule.ROLE:
        return Grounds(role=ending_role(Part.DECIDE, who), basis=row["authority"])
    for held in found.held:
        if _covers(held, row["item"], who) and Power.SPECIAL in held["powers"]:
            return Grounds(role=_role(who), basis=row["authority"], authorisation=held["id"])
    raise Problem(NOT_AUTHORISED, extra={"item": row["item"]})


def from_above(row: Row, outcome: Outcome, own: Grounds, found: Mandate) -> Grounds:
    """Return the grounds with what came back from above, if the task went up or has to.

    Raises:
        Problem: 409: it has to go up first, has no answer yet, or the answer is another one.
    """
    approval = found.aboves.get(row["above_id"])
    if approval is None:
        if own.is_above and found.rule is Rule.REQUIRED:
            raise Problem(ABOVE_REQUIRED, extra={"level": own.basis})
        return own
    if approval["answer"] is None:
        raise Problem(ABOVE_PENDING, extra={"due_at": utc_text(approval["due_at"])})
    if approval["answer"] != outcome:
        raise Problem(ABOVE_DIFFERS, extra={"answer": approval["answer"]})
    return replace(
        own,
        basis=approval["level"],
        approval=approval["id"],
        decided_above=approval["document"],
    )


def forbid_unsigned(row: Row, found: Mandate) -> None:
    """Raise Problem 409 when the last visit on the spot is not signed by two officers."""
    visit = row["visit_id"]
    if visit is not None and found.signed.get(visit, 0) < SIGNATURES:
        raise Problem(VISIT_UNSIGNED, extra={"site_visit": visit})


def forbid_held(row: Row, who: Principal, absent: frozenset[str] = frozenset()) -> None:
    """Raise Problem 409 when another officer, who is not absent, has the task; since when."""
    if row["claimed_by"] not in (None, who.ref, *absent):
        since = utc_text(row["claimed_at"])
        raise Problem(CLAIMED, extra={"claimed_by": row["claimed_by"], "claimed_at": since})
