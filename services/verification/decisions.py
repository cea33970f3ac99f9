"""Invariants 3 and 4: what departments decided, once, and what became of it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from services.contracts.vocabulary import (
    FAVOURABLE,
    Outcome,
    Part,
    Service,
    Silence,
    TaskState,
)
from services.verification.folders import Folder, Row
from services.verification.report import DECISIONS, LAPSES, Finding
from services.verification.world import Finder, World

DECIDED, LAPSED = "lianshen.task.decided.v1", "lianshen.task.lapsed.v1"
ENDING_ACTS = ("decision", "opinion", "lapse")
ENDING_LEAVES = ("task.decision", "task.opinion", "task.lapsed")
OWN_SOFTWARE = "department/"
KINDS = {
    TaskState.DECIDED: frozenset({"decision", "opinion"}),
    TaskState.LAPSED: frozenset({"lapse"}),
}
"""How a task ends in each of its states."""


def decisions(folder: Folder, world: World) -> Iterator[Finding]:
    """3: decided in the department = applied = shown to the investor = recorded, once each."""
    find = Finder(invariant=DECISIONS, number=folder.number, moving=folder.moving)
    yield from _told_and_recorded(find, folder)
    yield from _applied(find, folder)
    yield from _journalled(find, folder)
    yield from _turns_recorded(find, folder)
    yield from _released(find, folder)
    yield from _shown(find, folder, world)
    yield from _investor_recorded(find, folder)


def _data(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(row["payload"])["data"]
    return found


def _endings(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["type"] in (DECIDED, LAPSED)]


def _told_and_recorded(find: Finder, folder: Folder) -> Iterator[Finding]:
    """Inside the departments' store: outcome, message and leaf come in one transaction."""
    outcomes = {row["task"]: row for row in folder.departments["outcome"]}
    events: dict[str, list[dict[str, Any]]] = {}
    for row in _endings(folder.departments["outbox"]):
        data = _data(row)
        events.setdefault(data["task"], []).append(data | {"type": row["type"]})
    leaves: dict[str, list[dict[str, Any]]] = {}
    for leaf in folder.leaves(Service.DEPARTMENTS, *ENDING_LEAVES):
        leaves.setdefault(leaf["facts"]["task"], []).append(leaf)
    for task in sorted(events.keys() | leaves.keys() - outcomes.keys()):
        if task not in outcomes:
            yield find.within("it was told or recorded as ended, but has no outcome", task)
    for task, outcome in outcomes.items():
        told, recorded = events.get(task, []), leaves.get(task, [])
        if len(told) != 1:
            yield find.within(f"its outcome was told {len(told)} times", task)
        if len(recorded) != 1:
            yield find.within(f"its outcome is recorded {len(recorded)} times", task)
        if not all(_tells(event, outcome) for event in told):
            yield find.within("its outcome is not the one that was told", task)
        if not all(_records(leaf, outcome) for leaf in recorded):
            yield find.within("its outcome is not the one that was recorded", task)


def _tells(event: Mapping[str, Any], outcome: Row) -> bool:
    if outcome["kind"] == "lapse":
        return bool(
            event["type"] == LAPSED
            and event.get("result_number") == outcome["result_number"]
            and _instant(event["lapsed_at"]) == outcome["at"]
        )
    return bool(
        event["type"] == DECIDED
        and event["outcome"] == outcome["outcome"]
        and event.get("result_number") == outcome["result_number"]
        and event["actor_ref"] == outcome["actor_ref"]
        and list(event.get("reasons", ())) == orjson.loads(outcome["reasons"])
        and _instant(event["decided_at"]) == outcome["at"]
    )


def _records(leaf: Mapping[str, Any], outcome: Row) -> bool:
    if _instant(leaf["at"]) != outcome["at"] or leaf["actor"] != outcome["actor_ref"]:
        return False
    if outcome["kind"] == "lapse":
        number = leaf["facts"].get("result_number")
        return bool(leaf["act"] == "task.lapsed" and number == outcome["result_number"])
    return bool(
        leaf["act"] == f"task.{outcome['kind']}"
        and leaf["facts"]["outcome"] == outcome["outcome"]
        and leaf["facts"]["result_number"] == outcome["result_number"]
        and leaf["facts"].get("authorisation") == outcome["authorisation_id"]
        and leaf["facts"].get("approval_above") == outcome["above_id"]
    )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _applied(find: Finder, folder: Folder) -> Iterator[Finding]:
    """What departments told has ended its task, or was overtaken by a cancellation."""
    tasks = {row["task"]: row for row in folder.orchestrator["task"]}
    inbox = {row["event_id"]: row for row in _endings(folder.orchestrator["inbox"])}
    for row in _endings(folder.departments["outbox"]):
        name, event_id = _data(row)["task"], row["event_id"]
        task = tasks.get(name)
        if event_id not in inbox:
            yield find.across("its outcome has not reached the orchestrator", name)
        elif task is None or (task["ref"] != event_id and not _overtaken(folder, task, event_id)):
            yield find.across("its outcome was not applied", name)
    for task in tasks.values():
        if task["state"] in (TaskState.DECIDED, TaskState.LAPSED):
            yield from _as_told(find, task, inbox.get(task["ref"]))


def _overtaken(folder: Folder, task: Row, event_id: Any) -> bool:
    """Cancelled before; the journal says so, unless the workflow had ended when it came."""
    if task["state"] != TaskState.CANCELLED:
        return False
    ignored = {command["ref"] for command in folder.commanded("Ignore")}
    return str(event_id) in ignored or folder.driven["conclusion"] is not None


def _as_told(find: Finder, task: Row, message: Row | None) -> Iterator[Finding]:
    name = task["task"]
    if message is None:
        yield find.within("it has ended, but no message said so", name)
        return
    data = _data(message)
    silent = Outcome.DEEMED_RENEWED if task["part"] == Part.DECIDE else Outcome.DEEMED_NO_OBJECTION
    outcome = data["outcome"] if message["type"] == DECIDED else silent
    state = TaskState.DECIDED if message["type"] == DECIDED else TaskState.LAPSED
    if (data["task"], outcome, state) != (name, task["outcome"], task["state"]):
        yield find.within("it has ended otherwise than the message said", name)


def _journalled(find: Finder, folder: Folder) -> Iterator[Finding]:
    """Inside the orchestrator's store: every row follows from exactly one command."""
    tasks = {row["task"]: row for row in folder.orchestrator["task"]}
    issued = Counter(command["task"] for command in folder.commanded("IssueTask"))
    ended = {command["task"]: command for command in folder.commanded("EndTask")}
    times = Counter(command["task"] for command in folder.commanded("EndTask"))
    refs = Counter(command["ref"] for command in folder.commanded("EndTask") if command["ref"])
    for task in sorted(issued.keys() | tasks.keys()):
        if issued[task] != 1 or task not in tasks:
            yield find.within(f"it was issued {issued[task]} times by the journal", task)
    for task, count in times.items():
        if count > 1:
            yield find.within(f"it was ended {count} times by the journal", task)
    for ref, count in refs.items():
        if count > 1:
            yield find.within(f"message {ref} was applied {count} times")
    for name, row in tasks.items():
        told = ended.get(name)
        found = (row["state"], row["outcome"], str(row["ref"] or ""))
        expected = ("open", None, "") if told is None else _of_command(told)
        if found != expected:
            yield find.within(f"it is {found[:2]}, by the journal {expected[:2]}", name)


def _of_command(command: Mapping[str, Any]) -> tuple[str, str | None, str]:
    return command["state"], command["outcome"], command["ref"]


def _turns_recorded(find: Finder, folder: Folder) -> Iterator[Finding]:
    """Every turn stands once in the journal and once, word for word, in the log of acts."""
    journal = {row["turn"]: orjson.loads(row["commands"]) for row in folder.orchestrator["journal"]}
    last = 0 if folder.driven is None else folder.driven["turn"]
    if sorted(journal) != list(range(1, last + 1)):
        yield find.within(f"the journal has {len(journal)} of {last} turns")
    leaves: dict[int, list[Any]] = {}
    for leaf in folder.leaves(Service.ORCHESTRATOR, "turn"):
        leaves.setdefault(leaf["facts"]["turn"], []).append(leaf["facts"]["commands"])
    for turn in sorted(journal.keys() | leaves.keys()):
        if leaves.get(turn, []) != [journal.get(turn)]:
            yield find.within(f"turn {turn} is not recorded as it stands in the journal")


def _released(find: Finder, folder: Folder) -> Iterator[Finding]:
    """Inside the orchestrator's store: results are what the last round's outcomes give, once."""
    released = Counter(
        result["item"] for command in folder.commanded("Release") for result in command["results"]
    )
    results = {row["item"]: row for row in folder.orchestrator["result"]}
    for item in sorted(released.keys() | results.keys()):
        if released[item] != 1 or item not in results:
            yield find.within(f"the result of {item} was released {released[item]} times")
    last: dict[tuple[str, str], Row] = {}
    for row in sorted(folder.orchestrator["task"], key=lambda row: int(row["round"])):
        last[row["item"], row["department"]] = row
    for item, row in results.items():
        outcomes = [task["outcome"] for (of, _), task in last.items() if of == item]
        good = all(outcome in FAVOURABLE for outcome in outcomes if outcome is not None)
        by_silence = Outcome.DEEMED_RENEWED in outcomes
        granted = Outcome.DEEMED_RENEWED if by_silence else Outcome.GRANTED
        expected = granted if good else Outcome.REFUSED
        if row["outcome"] != expected:
            yield find.within(f"the result of {item} is {row['outcome']}, not {expected}")


def _shown(find: Finder, folder: Folder, world: World) -> Iterator[Finding]:
    """The investor sees every released result, and nothing else."""
    released = {row["item"]: row for row in folder.orchestrator["result"]}
    shown = {row["item"]: row for row in folder.intake["result"]}
    said = {row["task"]: row for row in folder.departments["outcome"]}
    for item in sorted(released.keys() | shown.keys()):
        here, there = released.get(item), shown.get(item)
        if here is None or there is None:
            where = "released, but not shown" if there is None else "shown, but never released"
            yield find.across(f"the result of {item} was {where}")
            continue
        names = ("department", "outcome", "decided_at", "released_at")
        for name in (name for name in names if here[name] != there[name]):
            yield find.across(f"{name} of {item} is {here[name]}, shown as {there[name]}")
        if here["department"] not in world.own:
            yield from _words(find, there, _speaking(folder, item, said))


def _speaking(folder: Folder, item: str, said: Mapping[str, Row]) -> list[Row]:
    """The outcomes a result rests on: those against it, or else those that decide the item."""
    last: dict[str, Row] = {}
    for row in sorted(folder.orchestrator["task"], key=lambda row: int(row["round"])):
        if row["item"] == item and row["outcome"] is not None:
            last[row["department"]] = row
    against = [row for row in last.values() if row["outcome"] not in FAVOURABLE]
    deciding = [row for row in last.values() if row["part"] == Part.DECIDE]
    return [said[row["task"]] for row in against or deciding if row["task"] in said]


def _words(find: Finder, shown: Row, speaking: Sequence[Row]) -> Iterator[Finding]:
    numbers = {row["result_number"] for row in speaking if row["result_number"]}
    if (shown["number"] in numbers) != bool(numbers) or (shown["number"] and not numbers):
        yield find.across(f"the document of {shown['item']} is shown as {shown['number']}")
    for column in ("reasons", "remedies"):
        expected = Counter(text for row in speaking for text in orjson.loads(row[column]))
        if Counter(shown[column]) != expected:
            yield find.across(f"the {column} of {shown['item']} are not the departments'")


def _investor_recorded(find: Finder, folder: Folder) -> Iterator[Finding]:
    """Inside intake's store: what the investor did is recorded, once each."""
    received = folder.received
    if received is None:
        return
    answered = [r for r in folder.intake["rectification"] if r["answered_at"] is not None]
    expected = {
        "application.submitted": 1,
        "application.withdrawn": int(received["withdrawn_at"] is not None),
        "application.rectified": len(answered),
    }
    for act, count in expected.items():
        found = len(folder.leaves(Service.INTAKE, act))
        if found != count:
            yield find.within(f"{act} happened {count} times and is recorded {found} times")


def lapses(folder: Folder, _: World) -> Iterator[Finding]:
    """4: a task was decided or lapsed, never both; only silence that means something lapses."""
    find = Finder(invariant=LAPSES, number=folder.number, moving=folder.moving)
    outcomes: dict[str, list[Row]] = {}
    for row in folder.departments["outcome"]:
        outcomes.setdefault(row["task"], []).append(row)
    acts = Counter(r["task"] for r in folder.departments["act"] if r["kind"] in ENDING_ACTS)
    for task in folder.departments["task"]:
        name, found = task["task"], outcomes.get(task["task"], [])
        if len(found) > 1 or acts[name] != len(found):
            yield find.within(
                f"it has {len(found)} outcomes and was ended {acts[name]} times", name
            )
        kinds = KINDS.get(task["state"], frozenset())
        if bool(kinds) != bool(found) or not {row["kind"] for row in found} <= kinds:
            yield find.within(f"it is {task['state']} with {[r['kind'] for r in found]}", name)
        for row in found:
            if row["kind"] == "lapse" and not _may_lapse(task, row):
                yield find.within("it lapsed though its silence means nothing yet", name)
    both = Counter(
        (_data(row)["task"], row["source"]) for row in _endings(folder.orchestrator["inbox"])
    )
    for (name, source), count in both.items():
        if count > 1 and not source.startswith(OWN_SOFTWARE):
            yield find.within(f"{count} messages ended it", name)


def _may_lapse(task: Row, row: Row) -> bool:
    if task["silence"] == Silence.RENEWED:
        return bool(
            row["outcome"] == Outcome.DEEMED_RENEWED
            and task["part"] == Part.DECIDE
            and row["at"] > task["expires_at"]
        )
    return bool(
        row["outcome"] == Outcome.DEEMED_NO_OBJECTION
        and task["part"] == Part.CONSULT
        and task["silence"] == Silence.NO_OBJECTION
        and row["at"] > task["promised_at"]
    )
