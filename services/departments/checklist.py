"""An officer's checklist: the conditions that the catalogue sets for an item, one by one.

It is the department's own working paper: it decides nothing, is told to nobody, and is kept with
the task so that whoever takes it over sees what was looked at.
"""

import hashlib
from collections.abc import Sequence

import orjson

from services.departments import case_store as store
from services.departments import handling
from services.departments.authority import absent_holders, forbid_held
from services.departments.authority_store import Act
from services.departments.case_store import Mark
from services.departments.scope import acting_role
from services.domain.catalogue import Item, Name
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.db import Connection
from services.runtime.web.etag import Expected
from services.runtime.web.problems import INVALID, Fault, Problem, Words

_NO_CONDITION = Words(
    "目录没有为该事项规定这一条件", "The catalogue sets no such condition for this item"
)


def conditions(item: Item | None) -> dict[str, Name]:
    """Return the conditions of an item by their subjects, `condition/<item>/<n>`."""
    if item is None:
        return {}
    return {
        f"condition/{item.code}/{number}": condition
        for number, condition in enumerate(item.conditions, start=1)
    }


async def mark(
    conn: Connection,
    *,
    clock: Clock,
    item: Item | None,
    who: Principal,
    task: int,
    marks: Sequence[Mark],
    expected: Expected,
) -> int:
    """Keep what somebody found of an open task's conditions; return the task's version.

    Args:
        conn: in the caller's transaction.
        clock: business time.
        item: the task's item, in the catalogue version of its case.
        who: the officer.
        task: its id.
        marks: what was found.
        expected: the version that was read.

    Raises:
        Problem: 404, 403 own application, 409 ended or held by another officer, 412, 422.
    """
    row = await handling.locked(conn, who, task)
    at = clock.now()
    forbid_held(row, who, await absent_holders(conn, who, row["department"], [row], at))
    expected.check(row["version"])
    known = conditions(item)
    faults = [
        Fault(f"#/marks/{place}/subject", _NO_CONDITION)
        for place, one in enumerate(marks)
        if one.subject not in known
    ]
    if faults:
        raise Problem(INVALID, errors=faults)
    role = acting_role(who)
    version = await store.keep_checklist(conn, task, marks, Act(actor=who.ref, role=role, at=at))
    facts = {
        "task": row["task"],
        "department": row["department"],
        "role": role,
        "met": [one.subject for one in marks if one.met],
        "unmet": [one.subject for one in marks if one.met is False],
        "texts_sha256": hashlib.sha256(orjson.dumps([one.remark for one in marks])).hexdigest(),
    }
    await audit.leaf(conn, "task.checked", row["application"], who.ref, facts, at=at)
    return version
