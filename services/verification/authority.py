"""Invariant 5, reckoned anew: whoever acted had the role, the paper and the distance it takes.

An oracle: it shares no code with what checks the acts when they happen. It reads what was signed,
revoked, absent, sent up and visited, and looks at each act as of its own instant.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any, TypeAlias

import orjson

from services.contracts.vocabulary import Authority, Outcome, Part, Role, Silence
from services.verification.days import local
from services.verification.folders import Folder, Row
from services.verification.report import AUTHORITY, DATES, Finding
from services.verification.world import Finder, World

Paper: TypeAlias = dict[str, Any]
Say: TypeAlias = Any
WINDOW = frozenset({Role.OFFICER, Role.CHIEF_REPRESENTATIVE})
LEADS = frozenset({Role.CHIEF_REPRESENTATIVE, Role.DEPARTMENT_HEAD})
MAY: dict[str, frozenset[Role | None]] = {
    "decision": frozenset({Role.CHIEF_REPRESENTATIVE}),
    "opinion": frozenset(WINDOW),
    "lapse": frozenset({None}),
}
"""In which roles a task is ended so; a lapse has no actor. A substitute is looked at apart."""
MAY_ACT: dict[str, frozenset[Role]] = {
    "claimed": WINDOW,
    "released": WINDOW,
    "noted": WINDOW,
    "visited": WINDOW,
    "signed": WINDOW,
    "special": WINDOW,
    "asked_above": WINDOW,
    "answered_above": frozenset({Role.DEPARTMENT_HEAD}),
    "reassigned": LEADS,
    "paused": WINDOW,
    "pause_ended": WINDOW,
    "extended": LEADS,
    "asked_extension": WINDOW,
    "answered_extension": frozenset({Role.DEPARTMENT_HEAD}),
}
DECISIVE = frozenset({"decide", "pre_review"})
WITNESSES = 2
"""行政许可法 34."""


def authority(folder: Folder, world: World) -> Iterator[Finding]:
    """5: whoever acted had the role, the department and the distance the act asks for."""
    find = Finder(invariant=AUTHORITY, number=folder.number, moving=folder.moving)
    tasks = {row["task"]: row for row in folder.departments["task"]}
    for name, task in tasks.items():
        yield from _as_planned(find, folder, name, task)
        yield from _in_time(folder, world, name, task)
    for row in folder.departments["outcome"]:
        say = partial(find.within, subject=row["task"])
        task = tasks[row["task"]]
        yield from _allowed(say, task, row)
        yield from _on_what(say, task, row)
        yield from _seen(say, task, row)
    for row in folder.departments["clock_act"]:
        say = partial(find.within, subject=row["task"])
        yield from _moved_on_what(say, tasks[row["task"]], row)
    for act in folder.departments["act"]:
        task = tasks[act["task"]]
        if act["actor_ref"] in task["applicant_refs"]:
            yield find.within(f"{act['kind']} by somebody who applied for it", act["task"])
        if act["actor_role"] not in MAY_ACT.get(act["kind"], {act["actor_role"]}):
            yield find.within(f"{act['kind']} by a {act['actor_role']}", act["task"])


def _as_planned(find: Finder, folder: Folder, name: str, task: Row) -> Iterator[Finding]:
    part = folder.parts.get((task["item"], task["department"]), ({}, {}))[1]
    if part and (task["authority"], task["silence"]) not in _planned(part):
        yield find.across("its authority or silence is not the plan's", name)
    owner = None if folder.received is None else folder.received["owner_ref"]
    if owner is not None and owner not in task["applicant_refs"]:
        yield find.across("it does not name its own applicant", name)


def _planned(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A renewal may be one that silence does not renew: invariant 4 reckons when it is."""
    yield part["authority"], part["silence"]
    if part["silence"] == Silence.RENEWED:
        yield part["authority"], Silence.NONE


def _allowed(say: Say, task: Row, row: Row) -> Iterator[Finding]:
    kind, role = row["kind"], row["actor_role"]
    if role not in MAY[kind] and not _substitute(row):
        yield say(f"a {kind} by a {role}")
    if row["department"] != task["department"]:
        yield say(f"ended by {row['department']}, not by {task['department']}")
    if row["actor_ref"] in task["applicant_refs"]:
        yield say("ended by somebody who applied for it")
    if (kind == "decision") != (task["part"] == Part.DECIDE):
        yield say(f"a {kind} on a task to {task['part']}")
    if row["at"] < task["issued_at"]:
        yield say("ended before it was issued")
    if row["outcome"] == Outcome.REFUSED and not (
        orjson.loads(row["reasons"]) and orjson.loads(row["remedies"])
    ):
        yield say("refused without reasons and remedies")


def _substitute(row: Row) -> bool:
    """Whether an officer decided as the substitute that an authorisation names."""
    paper = _paper(row["authorisation"])
    return bool(
        paper
        and row["kind"] == "decision"
        and row["actor_role"] == Role.OFFICER
        and row["actor_ref"] == paper["substitute_ref"]
    )


def _paper(text: str | None) -> Paper | None:
    return None if text is None else orjson.loads(text)


def _on_what(say: Say, task: Row, row: Row) -> Iterator[Finding]:
    """What an outcome rests on: its basis, its authorisation, what came back from above."""
    paper, above = _paper(row["authorisation"]), _paper(row["above"])
    needed = _needed(task, row, paper)
    basis = needed if above is None else above["level"]
    if row["basis"] != basis:
        yield say(f"it rests on {row['basis']}, not on {basis}")
    is_above = row["kind"] == "decision" and basis != Authority.REPRESENTATIVE
    if is_above != bool(row["decided_above"]):
        yield say(f"decided above: {row['decided_above']!r}, authority {basis}")
    if row["kind"] != "decision":
        if paper is not None or above is not None:
            yield say(f"an {row['kind']} rests on an authorisation")
        return
    if paper is not None:
        yield from _covered(say, task, row, paper)
    elif row["rule"] == "required":
        yield say("decided without an authorisation")
    if above is not None:
        yield from _answered(say, task, row, above)
    elif is_above and row["rule"] == "required":
        yield say("it was not sent up before it was decided")
    if above is None and task["above_id"] is not None:
        yield say("it went up, and was decided without the answer")


def _needed(task: Row, row: Row, paper: Paper | None) -> str:
    if row["kind"] != "decision":
        return {"opinion": "consulted", "lapse": "silence"}[row["kind"]]
    lacks = paper is not None and "decide" not in paper["powers"]
    if lacks and task["authority"] == Authority.REPRESENTATIVE:
        return Authority.DEPARTMENT_HEAD
    return str(task["authority"])


def _covered(say: Say, task: Row, row: Any, paper: Paper) -> Iterator[Finding]:
    """The authorisation held at the instant of the act, for this item, in these hands."""
    at: datetime = row["at"]
    first, last = date.fromisoformat(paper["valid_from"]), date.fromisoformat(paper["valid_until"])
    revoked = _instant(paper["revoked_at"])
    wrong = {
        f"an authorisation of {paper['department']}": paper["department"] != task["department"],
        "an authorisation outside its term": not first <= local(at) <= last,
        "an authorisation that was given later": _needs(paper["granted_at"]) > at,
        "an authorisation that had been revoked": revoked is not None and revoked < at,
        "an authorisation for other items": paper["items"] is not None
        and task["item"] not in paper["items"],
        "an authorisation that decides nothing": DECISIVE.isdisjoint(paper["powers"]),
        "an authorisation that no head of the department gave": paper["granted_role"]
        != Role.DEPARTMENT_HEAD,
        "an authorisation he gave himself": paper["granted_by"]
        in (paper["representative_ref"], paper["substitute_ref"]),
        "an authorisation of somebody else": not _in_hands(row, paper, at),
    }
    for what, is_so in wrong.items():
        if is_so:
            yield say(f"it rests on {what}")


def _in_hands(row: Any, paper: Paper, at: datetime) -> bool:
    """Whether the actor is the representative, or stands in for him while he is absent."""
    if row["actor_ref"] == paper["representative_ref"]:
        return True
    return row["actor_ref"] == paper["substitute_ref"] and any(
        _is_absent(one, at) for one in orjson.loads(row["absences"])
    )


def _is_absent(one: Paper, at: datetime) -> bool:
    until, ended = _instant(one["until"]), _instant(one["ended_at"])
    return (
        _needs(one["recorded_at"]) <= at
        and _needs(one["since"]) <= at
        and (until is None or at < until)
        and (ended is None or at <= ended)
    )


def _answered(say: Say, task: Row, row: Row, above: Paper) -> Iterator[Finding]:
    """What came back from above is about this task, was there in time, and says the same."""
    answered = _instant(above["answered_at"])
    level = (
        Authority.DEPARTMENT_HEAD
        if task["authority"] == Authority.REPRESENTATIVE
        else task["authority"]
    )
    wrong = {
        "it rests on the approval of another task": above["task_id"] != task["id"],
        "it was decided before it was answered": answered is None or answered > row["at"],
        f"above answered {above['answer']}": above["answer"] != row["outcome"],
        f"{above['level']} answered, not {level}": above["level"] != level,
        "it names another document than the answer": above["document"] != row["decided_above"],
        "whoever asked has answered": above["answered_by"] == above["asked_by"],
        "whoever applied has answered": above["answered_by"] in task["applicant_refs"],
    }
    for what, is_so in wrong.items():
        if is_so:
            yield say(what)


def _moved_on_what(say: Say, task: Row, row: Row) -> Iterator[Finding]:
    """What was done to a clock rests on an authorisation; more days on the approver's own word."""
    what = f"{row['kind']} {row['number']}"
    say = partial(_about, say, what)
    paper, proposal = _paper(row["authorisation"]), _paper(row["proposal"])
    is_required = row["rule"] == "required" and row["asked"]
    if row["kind"] != "extension":
        if paper is not None:
            yield from _covered(say, task, row, paper)
        elif is_required:
            yield say("no authorisation")
        return
    if proposal is None:
        if is_required:
            yield say("its approver was never asked")
        return
    asked_at = _needs(proposal["asked_at"])
    if paper is not None:
        asked = {"at": asked_at, "actor_ref": proposal["asked_by"], "absences": row["absences"]}
        yield from _covered(say, task, asked, paper)
    elif row["rule_asked"] == "required":
        yield say("proposed without an authorisation")
    answered = _instant(proposal["answered_at"])
    same = ("days", "unit", "approver")
    wrong = {
        "the proposal of another task": proposal["task_id"] != task["id"],
        "it was not approved": proposal["answer"] != "approved",
        "it was approved later, or before it was proposed": answered is None
        or not asked_at <= answered <= row["at"],
        "whoever proposed it has approved it": proposal["answered_by"] == proposal["asked_by"],
        "another than the approver extended it": proposal["answered_by"] != row["actor_ref"],
        f"approved by a {row['actor_role']}": row["actor_role"] != Role.DEPARTMENT_HEAD,
        "it names another document than the answer": proposal["document"] != row["approval"],
        "it is not what was proposed": any(proposal[one] != row[one] for one in same),
    }
    for wrongly, is_so in wrong.items():
        if is_so:
            yield say(wrongly)


def _about(say: Say, what: str, message: str) -> Finding:
    found: Finding = say(f"{what}: {message}")
    return found


def _seen(say: Say, task: Row, row: Row) -> Iterator[Finding]:
    """A task that was visited is ended on a record which two of its officers have signed."""
    visits = [one for one in orjson.loads(row["visits"]) if _needs(one["recorded_at"]) <= row["at"]]
    if row["kind"] == "lapse" or not visits:
        return
    last = max(visits, key=lambda one: int(one["id"]))
    signed = {
        one["officer_ref"]
        for one in last["signatures"]
        if one["role"] in WINDOW and _needs(one["at"]) <= row["at"]
    }
    if len(signed & set(last["officers"])) < WITNESSES:
        yield say("it was visited, and fewer than two officers signed the record")
    if not set(last["officers"]).isdisjoint(task["applicant_refs"]):
        yield say("somebody who applied for it visited it")


def _in_time(folder: Folder, world: World, name: str, task: Row) -> Iterator[Finding]:
    """8: the clock of what went up: its budget in working days, not beyond the promise."""
    above, driven = _paper(task["above"]), folder.driven
    if above is None or driven is None or driven["calendar_version"] != world.calendar_version:
        return
    due = world.days.due(above["budget"], "working_day", local(_needs(above["asked_at"])))
    stored = date.fromisoformat(above["due_on"])
    if stored > due or stored > task["promised_on"]:
        find = Finder(invariant=DATES, number=folder.number, moving=folder.moving)
        yield find.within(f"what went up is due on {stored}, reckoned {due}", name)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _needs(text: str) -> datetime:
    return datetime.fromisoformat(text)
