"""The journal of an application in sentences: what happened, who did it, what followed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from services.domain.calendar import ZONE
from services.orchestrator import api, clock_store, clocks_api, console_store
from services.orchestrator.pages import applications_words as words_of
from services.orchestrator.pages.applications_sentences import COMMANDS, EVENTS, QUIET
from services.orchestrator.pages.applications_words import MOVES, ROLES
from services.orchestrator.pages.frame import Named, Pages, Titles, Tongue, Watcher
from services.orchestrator.store import ReadStore, Row

router = APIRouter(include_in_schema=False)
Number = Annotated[str, Path(max_length=40)]
PAGE = 30
MOVES_SHOWN = 200
_reads = ReadStore()


@dataclass(frozen=True, kw_only=True)
class Said:
    """One sentence. `who` is a keyed hash, `role` and `source` say what they were."""

    text: str
    quiet: bool = False
    source: str = ""
    who: str | None = None
    role: str = ""
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class TurnView:
    """One turn: what happened at `at`, and what followed."""

    turn: int
    at: datetime
    written_at: datetime
    events: tuple[Said, ...]
    commands: tuple[Said, ...]


@router.get("/applications/{number}/journal")
async def journal(
    number: Number,
    request: Request,
    session: Watcher,
    site: Pages,
    titles: Named,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    """Every act and every message, the newest first; and every date that was moved."""
    tongue = Tongue(site, request)
    async with request.app.state.pool.acquire() as conn:
        head = await api.head_of(conn, number)
        last = min(before - 1, head["turn"]) if before else head["turn"]
        rows = await _reads.journal_of(conn, number, max(0, last - PAGE), min(PAGE, last))
        turns = [api.journal_turn(row) for row in reversed(rows)]
        said = await console_store.said_by(conn, _refs(turns))
        moves = await clock_store.date_changes_of(conn, number, (0, 0), MOVES_SHOWN)
    first = turns[-1]["turn"] if turns else 1
    return site.page(
        request,
        "orchestrator/journal.html",
        session=session,
        head=head,
        turns=[turn_of(turn, said, titles, tongue) for turn in turns],
        moves=[clocks_api.DateChangeView.model_validate(dict(row)) for row in moves],
        move_words=MOVES,
        limit_words=words_of.LIMITS,
        part_of=lambda task: _part_of(task, titles, tongue),
        older=f"/applications/{number}/journal?before={first}" if first > 1 else None,
    )


def turn_of(
    turn: Mapping[str, Any], said: Mapping[str, Row], titles: Titles, tongue: Tongue
) -> TurnView:
    """Return one turn of the journal, in the language of the reader."""
    events, commands = turn["events"], turn["commands"]
    return TurnView(
        turn=turn["turn"],
        at=turn["at"],
        written_at=turn["written_at"],
        events=tuple(_event(one, said, titles, tongue) for one in events),
        commands=tuple(_sentence(COMMANDS, one, titles, tongue) for one in commands),
    )


def _event(
    event: Mapping[str, Any], said: Mapping[str, Row], titles: Titles, tongue: Tongue
) -> Said:
    sentence = _sentence(EVENTS, event, titles, tongue)
    row = said.get(event.get("ref") or "")
    if row is None:
        return sentence
    return Said(
        text=sentence.text,
        source=row["source"],
        who=row["actor_ref"],
        role=tongue.say(ROLES[row["actor_role"]]) if row["actor_role"] in ROLES else "",
        reason=row["reason"],
    )


def _sentence(
    messages: Mapping[str, str], one: Mapping[str, Any], titles: Titles, tongue: Tongue
) -> Said:
    kind = one["type"]
    values = values_of(one, titles, tongue)
    return Said(text=tongue.say(messages[kind], **values), quiet=kind in QUIET)


def values_of(one: Mapping[str, Any], titles: Titles, tongue: Tongue) -> dict[str, object]:
    """Return everything that a sentence may name of an event or a command."""
    found: dict[str, object] = {
        "part": _part_of(one.get("task") or one.get("key"), titles, tongue),
        "department": _department_of(one, titles, tongue),
        "step": tongue.name(titles.step(one["step"])) if one.get("step") else "",
        "round": one.get("round", ""),
        "n": _count_of(one),
        "day": tongue.day(day) if (day := _day_of(one)) else "",
        "items": tongue.say("、").join(_items_of(one, titles, tongue)),
    }
    for name, words in _TOLD.items():
        found[name] = tongue.say(words[one[name]]) if one.get(name) in words else ""
    if one["type"] == "ChangeStep":
        found["state"] = tongue.say(words_of.STEPS[one["state"]])
    return found


_TOLD: dict[str, Mapping[Any, str]] = {
    "outcome": words_of.OUTCOMES,
    "state": words_of.TASKS | words_of.SESSIONS | words_of.ACCEPTANCES,
    "signal": words_of.SIGNALS,
    "status": words_of.STATUSES,
    "conclusion": words_of.CONCLUSIONS,
    "kind": words_of.LIMITS | words_of.PAUSES,
    "why": words_of.MOVES,
}


def _part_of(task: str | None, titles: Titles, tongue: Tongue) -> str:
    """Return whose item it is, of a task (`number/item/department/round`), a key, or the whole."""
    parts = (task or "").split("/")
    if len(parts) == _TASK_PARTS:
        parts = parts[1:3]
    if len(parts) != _KEY_PARTS:
        return tongue.say("整个申请")
    item, department = parts
    return tongue.say(
        "{department}的“{item}”",
        item=tongue.name(titles.item(item)),
        department=tongue.name(titles.department(department)),
    )


_TASK_PARTS, _KEY_PARTS = 4, 2


def _department_of(one: Mapping[str, Any], titles: Titles, tongue: Tongue) -> str:
    code = one.get("department")
    return tongue.name(titles.department(code)) if code else ""


def _items_of(one: Mapping[str, Any], titles: Titles, tongue: Tongue) -> list[str]:
    results = one.get("results") or ()
    codes = [found["item"] for found in results] or list(one.get("items") or ())
    return [tongue.name(titles.item(code)) for code in codes]


def _count_of(one: Mapping[str, Any]) -> object:
    """Return the number that a sentence of this kind names."""
    if "budget" in one:
        return one["budget"]["value"]
    for name in ("used_working_days", "promised_days"):
        if name in one:
            return one[name]
    for name in ("findings", "materials", "subjects"):
        if isinstance(one.get(name), Sequence | Mapping):
            return len(one[name])
    awaited = one.get("awaited") or {}
    return len(awaited.get("materials", ()))


def _day_of(one: Mapping[str, Any]) -> date | None:
    """Return the day that a sentence of this kind names, where the county is."""
    dates = one.get("dates") or {}
    for value in (
        dates.get("promised_on"),
        one.get("on"),
        one.get("promised_at"),
        one.get("due_on"),
        one.get("until"),
        one.get("until_on"),
        one.get("starts_at"),
        (one.get("awaited") or {}).get("until"),
    ):
        if value:
            return _local(value)
    return None


def _local(value: str | date | datetime) -> date:
    if isinstance(value, datetime):
        return value.astimezone(ZONE).date()
    if isinstance(value, date):
        return value
    if "T" in value:
        return msgspec.convert(value, datetime).astimezone(ZONE).date()
    return date.fromisoformat(value)


def _refs(turns: Sequence[Mapping[str, Any]]) -> list[UUID]:
    refs = (event.get("ref") for turn in turns for event in turn["events"])
    return [UUID(ref) for ref in refs if ref]
