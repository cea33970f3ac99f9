"""Invariant 5, joint sessions: what was signed is the record, by those who were there.

Everything is reckoned again from the rows: the record's hash, who was present, and that a signature
has ended the tasks that it names.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson

from services.contracts.vocabulary import Service
from services.verification.folders import Folder, Row
from services.verification.report import AUTHORITY, Finding
from services.verification.world import Finder, World

VERIFIERS = 2
ON_SITE = ("joint_inspection", "joint_acceptance")


def sessions(folder: Folder, _world: World) -> Iterator[Finding]:
    """5: a signature rests on the record, on presence, and on an outcome of the same hand."""
    find = Finder(invariant=AUTHORITY, number=folder.number, moving=folder.moving)
    outcomes = {row["task_id"]: row for row in folder.departments["outcome"]}
    leaves = {
        (leaf["facts"]["session"], leaf["facts"]["department"], leaf["facts"]["sha256"])
        for leaf in folder.leaves(Service.DEPARTMENTS, "session.signed")
    }
    attested, taken = _attested(folder), _taken(folder)
    for row in folder.departments["session_signature"]:
        subject = f"session {row['session_id']} of {folder.number}, {row['department']}"
        for message in _faults(row, outcomes, leaves):
            yield find.within(message, subject)
        said = attested.get((row["session_id"], row["department"]))
        if said is None and row["session_id"] in taken:
            said = taken[row["session_id"]] & frozenset(row["sent"])
        if said != _there(row):
            yield find.within("it did not say itself who came", subject)


def _attested(folder: Folder) -> dict[tuple[int, str], frozenset[str]]:
    """Who came, as each department said last of its own officers."""
    return {
        (leaf["facts"]["session"], leaf["facts"]["department"]): frozenset(leaf["facts"]["present"])
        for leaf in folder.leaves(Service.DEPARTMENTS, "session.attended")
    }


def _taken(folder: Folder) -> dict[int, frozenset[str]]:
    """Who came, as the lead department said last for all, when no department said it itself."""
    return {
        leaf["facts"]["session"]: frozenset(leaf["facts"]["present"])
        for leaf in folder.leaves(Service.DEPARTMENTS, "session.held")
        if "present" in leaf["facts"]
    }


def _there(row: Row) -> frozenset[str]:
    seats = orjson.loads(row["seats"])
    return frozenset(one["officer"] for one in seats if one["department"] == row["department"])


def _faults(row: Row, outcomes: dict[int, Row], leaves: set[tuple[int, str, str]]) -> Iterator[str]:
    if row["sha256"] != row["record_sha256"] or row["sha256"] != _hash(row):
        yield "what was signed is not the record"
    if (row["session_id"], row["department"], row["sha256"]) not in leaves:
        yield "its signature is not recorded"
    there = len(_there(row))
    if there < _needed(row):
        yield f"it signed with {there} of its officers present"
    for task in row["tasks"]:
        outcome = outcomes.get(task)
        if outcome is None:
            yield f"it signed task {task}, which has no outcome"
        elif (outcome["actor_ref"], outcome["department"]) != (row["actor_ref"], row["department"]):
            yield f"task {task} was ended by another than who signed"


def _needed(row: Row) -> int:
    verifies = row["procedure"] in ON_SITE and row["decides"]
    return VERIFIERS if verifies else 1


def _hash(row: Row) -> str:
    """Reckon the record's hash again: JSON, keys sorted, instants in UTC."""
    present: dict[str, list[str]] = {name: [] for name in row["members"]}
    for seat in orjson.loads(row["seats"]):
        present[seat["department"]].append(seat["officer"])
    content: dict[str, Any] = {
        "absent": sorted(row["absent"]),
        "application": row["application"],
        "ends_at": _text(row["ends_at"]),
        "findings": orjson.loads(row["findings"]),
        "minutes": row["minutes"],
        "place": row["place"],
        "present": {name: sorted(refs) for name, refs in present.items()},
        "session": row["session_id"],
        "starts_at": _text(row["starts_at"]),
        "step": row["step"],
    }
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
