"""Everything the page of a case shows, read in one transaction from the department's own store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from services.contracts.vocabulary import Part, PauseKind, Role, TaskState
from services.departments import (
    authority,
    authority_store,
    case_store,
    clocks,
    clocks_store,
    extending_store,
    store,
)
from services.departments.authority import Grounds, Rule
from services.departments.pages.case_clock import Clock, clock_of
from services.departments.pages.common import CHIEF, HEAD, OFFICER, People, people_in
from services.departments.scope import sight_of
from services.departments.store import Row
from services.domain import applicability, clock_rules, facts, limits
from services.domain.catalogue import Basis, Catalogue, Extension, Item, Limit, Name, Uncounted
from services.runtime.auth import Principal
from services.runtime.catalogue_shelf import Shelf, UnknownVersionError
from services.runtime.db import Connection
from services.runtime.web.problems import NOT_FOUND, Problem
from services.runtime.web.site.session import Session

MOST_ACTS = 500
MOST_ROWS = 100


@dataclass(frozen=True, kw_only=True)
class Paper:
    """A material of the case. `change`: `new`, `changed`, `same`, or "" in the first round."""

    id: str
    name: Name | None
    sha256: str | None
    before: str | None
    change: str
    used: bool
    """Whether the item of the task needs it, as the catalogue says."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One answer about the project. `bears`: the catalogue's rules for the item ask for it."""

    question: Name
    answer: Name
    bears: bool


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What whoever looks may do, and on what ground.

    `answers`: he is the head, whom what goes up is sent to. `why_not`: why he cannot end the task;
    `held`: another, who is not absent, has it in hand.
    """

    acts: bool
    leads: bool
    chief: bool
    answers: bool
    held: bool
    is_open: bool
    rule: Rule
    grounds: Grounds | None
    why_not: Problem | None
    authorisation: Row | None

    @property
    def bound(self) -> bool:
        """Whether another's claim keeps him from ending the task."""
        return self.held and not (self.grounds is not None and self.grounds.represents)

    @property
    def must_go_up(self) -> bool:
        """Whether somebody above decides: the task goes up before it can be decided."""
        return self.grounds is not None and self.grounds.is_above


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A procedure for which the clock may be stopped, and what the law leaves for it today."""

    rule: Uncounted
    left: Limit | None
    last_on: date


@dataclass(frozen=True, kw_only=True)
class Case:
    """One task as its page shows it."""

    row: Row
    catalogue: Catalogue | None
    item: Item | None
    clock: Clock
    people: People
    rights: Rights
    papers: tuple[Paper, ...]
    gone: tuple[Paper, ...]
    before: Row | None
    others: Sequence[Row]
    acts: Sequence[Row]
    marks: Mapping[str, Row]
    pauses: Sequence[Row]
    stops: Sequence[Stop]
    extensions: Sequence[Row]
    extension: Extension | None
    proposals: Sequence[Row]
    aboves: Sequence[Row]
    visits: Sequence[Row]
    substitutes: Sequence[Row]
    last_act: int

    @property
    def is_decision(self) -> bool:
        """Whether the department decides, and is not only asked."""
        return Part(self.row["part"]) is Part.DECIDE

    @property
    def facts(self) -> list[Fact]:
        """The facts of the project; those first that bear on the item."""
        known = self.catalogue.question_by_id if self.catalogue is not None else {}
        asked = _asked(self.item)
        found = [
            Fact(
                question=known[code].text if code in known else Name(zh=code, en=code),
                answer=facts.described(known.get(code), value),
                bears=code in asked,
            )
            for code, value in orjson.loads(self.row["facts"]).items()
        ]
        return sorted(found, key=lambda one: not one.bears)

    @property
    def bases(self) -> tuple[Basis, ...]:
        """Where the law sets the item."""
        return () if self.item is None else self.item.legal_basis

    def listed(self, name: str) -> list[str]:
        """Return one of the outcome's lists of texts."""
        found = self.row[name]
        return [] if found is None else [str(one) for one in orjson.loads(found)]


def _asked(item: Item | None) -> frozenset[str]:
    """Return the facts by which the catalogue says that an item applies, and what it needs."""
    if item is None:
        return frozenset()
    rules = [item.applies_when, *(use.when for use in item.materials)]
    return frozenset(name for rule in rules if rule for name in applicability.names(rule))


def catalogue_of(shelf: Shelf, version: str) -> Catalogue | None:
    """Return the catalogue of a case; None: it is not on the shelf any more."""
    try:
        return shelf.version(version)
    except UnknownVersionError:
        return None


async def read(conn: Connection, state: Any, session: Session, task: int) -> Case:
    """Return a case, in a transaction of the caller's. Raises Problem 404 for another's."""
    who, now = session.principal, state.clock.now()
    row = await case_store.read_case(conn, task, sight_of(who))
    if row is None:
        raise Problem(NOT_FOUND)
    catalogue = catalogue_of(state.shelf, row["catalogue_version"])
    item = catalogue.item_by_code.get(row["item"]) if catalogue is not None else None
    calendar, department = state.shelf.calendar, row["department"]
    before = await case_store.round_before(conn, row)
    papers, gone = _papers(row, before, catalogue, item)
    acts = await store.acts_of(conn, task, None, after=0, rows=MOST_ACTS) or []
    of_step = await case_store.pauses_of_step(conn, row["application"], row["step"])
    return Case(
        row=row,
        catalogue=catalogue,
        item=item,
        clock=clock_of(row, of_step, calendar, now),
        people=await people_in(conn, department, me=who.ref, now=now),
        rights=await _rights(conn, who, row, now),
        papers=papers,
        gone=gone,
        before=before,
        others=await case_store.said_by_others(conn, row),
        acts=acts,
        marks=await case_store.checklist_of(conn, task),
        pauses=await clocks_store.pauses_of(conn, task, None),
        stops=await _stops(conn, row, item, state.shelf, now),
        extensions=await clocks_store.extensions_of(conn, task, None),
        extension=None if item is None else clock_rules.extension(item),
        proposals=await extending_store.list_proposals(
            conn, department, task=task, unanswered=False, after=None, rows=MOST_ROWS
        ),
        aboves=await authority_store.list_aboves(
            conn,
            department,
            task=task,
            unanswered=False,
            overdue_at=None,
            after=None,
            rows=MOST_ROWS,
        ),
        visits=await authority_store.visits_of(conn, task, None, after=0, rows=MOST_ROWS) or [],
        substitutes=await _substitutes(conn, who, row, calendar.local_date(now)),
        last_act=max((one["id"] for one in acts), default=0),
    )


def _papers(
    row: Row, before: Row | None, catalogue: Catalogue | None, item: Item | None
) -> tuple[tuple[Paper, ...], tuple[Paper, ...]]:
    """Return the papers that are there, and those that were there in the round before.

    What the item needs comes first.
    """
    used = {use.material for use in item.materials} if item is not None else set()
    names = catalogue.material_by_id if catalogue is not None else {}
    was = {} if before is None else _digests(before)
    now = _digests(row)

    def paper(id_: str, change: str) -> Paper:
        name = names[id_].name if id_ in names else None
        return Paper(
            id=id_,
            name=name,
            sha256=now.get(id_),
            before=was.get(id_),
            change=change,
            used=id_ in used,
        )

    def change(id_: str) -> str:
        if before is None:
            return ""
        if id_ not in was:
            return "new"
        return "same" if was[id_] == now[id_] else "changed"

    there = tuple(paper(id_, change(id_)) for id_ in sorted(now, key=lambda id_: id_ not in used))
    return there, tuple(paper(id_, "gone") for id_ in was if id_ not in now)


def _digests(row: Row) -> dict[str, str | None]:
    return {one["material"]: one.get("sha256") for one in orjson.loads(row["materials"])}


async def _rights(conn: Connection, who: Principal, row: Row, now: datetime) -> Rights:
    ours = who.department == row["department"] and not who.has(Role.SUPERVISOR)
    acts = ours and who.has(OFFICER, CHIEF) and who.refs.isdisjoint(row["applicant_refs"])
    grounds, why_not, held = None, None, False
    if acts:
        found = await authority.mandate(conn, who, row["department"], [row], now)
        absent = await authority.absent_holders(conn, who, row["department"], [row], now)
        held = row["claimed_by"] not in {None, who.ref, *absent}
        try:
            grounds = authority.grounds(row, who, found)
        except Problem as problem:
            why_not = problem
    given = grounds.authorisation if grounds is not None else None
    return Rights(
        acts=acts,
        leads=ours and who.has(CHIEF, HEAD),
        chief=acts and who.has(CHIEF),
        answers=ours and who.has(HEAD) and who.refs.isdisjoint(row["applicant_refs"]),
        held=held,
        is_open=row["state"] == TaskState.OPEN,
        rule=Rule(row["rule"] or Rule.ROLE),
        grounds=grounds,
        why_not=why_not,
        authorisation=None
        if given is None
        else await authority_store.read_authorisation(conn, given, row["department"]),
    )


async def _stops(
    conn: Connection, row: Row, item: Item | None, shelf: Shelf, now: datetime
) -> list[Stop]:
    """Return the procedures that the catalogue lists for the item, with what is left of each."""
    listed = item.statutory.uncounted if item is not None and item.statutory is not None else ()
    if not listed or row["state"] != TaskState.OPEN:
        return []
    calendar = shelf.calendar
    before = await clocks_store.item_pauses(conn, row["id"])
    day = limits.day_of_act(now, calendar)
    found = []
    for rule in listed:
        left = clocks.cap_left(rule, PauseKind(rule.procedure), before, calendar)
        last_on = day + limits.LONGEST_PAUSE
        if left is not None:
            last_on = clock_rules.last_day(left.value, left.unit, day, calendar)
        found.append(Stop(rule=rule, left=left, last_on=last_on))
    return found


async def _substitutes(conn: Connection, who: Principal, row: Row, today: date) -> list[Row]:
    """Return the authorisations in force that name a substitute for the item of a task."""
    if who.department != row["department"] or not who.has(CHIEF, HEAD):
        return []
    found = await authority_store.list_authorisations(
        conn, row["department"], person=None, on_day=today, after=0, rows=MOST_ROWS
    )
    return [
        one
        for one in found
        if one["substitute_ref"] is not None
        and (one["items"] is None or row["item"] in one["items"])
    ]
