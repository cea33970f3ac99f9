"""Invariants 1 and 2: every application in one state, every task once, and all stores agree."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from services.contracts.vocabulary import (
    GRANTING,
    ApplicationStatus,
    Conclusion,
    Outcome,
    Part,
    Service,
    StepState,
    TaskState,
)
from services.verification.folders import Folder, Row
from services.verification.later import awaits
from services.verification.report import CONSERVATION, TASKS, Finding
from services.verification.world import Finder, World

ENDS = {ApplicationStatus.CONCLUDED, ApplicationStatus.WITHDRAWN}
STEP_ENDS = {StepState.DONE, StepState.CANCELLED}
SUBMITTED = "lianshen.application.submitted.v1"
_SAME_OF_APPLICATION = (
    *("project_code", "scenario", "status", "submitted_at", "plan_digest", "catalogue_version"),
    *("promised_at", "provisional", "conclusion", "concluded_at"),
    *("used_working_days", "in_time"),
)
_SAME_OF_DEPARTMENTS_TASK = ("step", "item", "department", "part", "round", "issued_at")
_SAME_OF_SHOWN_TASK = (*_SAME_OF_DEPARTMENTS_TASK, "state", "outcome")


def conservation(folder: Folder, world: World) -> Iterator[Finding]:
    """1: every application is in exactly one state, the same for all; none has vanished."""
    find = Finder(invariant=CONSERVATION, number=folder.number, moving=folder.moving)
    received, driven = folder.received, folder.driven
    if received is None:
        yield find.across("intake has never received it, but other stores know it")
    if driven is None:
        yield find.across("it was received, but the orchestrator does not know it")
    sent = [row for row in folder.intake["outbox"] if row["type"] == SUBMITTED]
    if received is not None and len(sent) != 1:
        yield find.within(f"its submission was told {len(sent)} times")
    for row, store in ((received, Service.INTAKE), (driven, Service.ORCHESTRATOR)):
        if row is not None:
            yield from _one_state(find, row, store)
    if received is None or driven is None:
        return
    for name in _differences(received, driven, _SAME_OF_APPLICATION):
        yield find.across(
            f"{name} is {received[name]} in intake and {driven[name]} in the orchestrator"
        )
    yield from _work_left(find, folder)
    yield from _driven_on(find, folder, world)


def _one_state(find: Finder, row: Row, store: Service) -> Iterator[Finding]:
    status, conclusion = row["status"], row["conclusion"]
    if status not in set(ApplicationStatus):
        yield find.within(f"{store} has it as {status!r}")
    ended = (status in ENDS, conclusion is not None, row["concluded_at"] is not None)
    if len(set(ended)) > 1:
        yield find.within(f"{store} has it as {status}, concluded {conclusion}")
    if (status == ApplicationStatus.WITHDRAWN) != (conclusion == Conclusion.WITHDRAWN):
        yield find.within(f"{store} has it as {status}, but concluded as {conclusion}")


def _work_left(find: Finder, folder: Folder) -> Iterator[Finding]:
    """What is concluded has no work left, and what is not has some."""
    driven = folder.driven
    states = {row["step"]: row["state"] for row in folder.orchestrator["step"]}
    over = [states.get(step["code"]) in STEP_ENDS for step in folder.route["steps"]]
    tasks = [row["task"] for row in folder.orchestrator["task"] if row["state"] == TaskState.OPEN]
    if driven["conclusion"] is not None:
        if tasks or not all(over):
            yield find.within(f"it is concluded with {len(tasks)} open tasks or unfinished steps")
        expected = _conclusion(folder)
        if driven["conclusion"] not in (expected, Conclusion.WITHDRAWN):
            yield find.within(f"it is concluded as {driven['conclusion']}, not {expected}")
    elif all(over):
        yield find.within("all its steps are over, but it is not concluded")
    elif driven["status"] == ApplicationStatus.IN_PROGRESS:
        for step in folder.route["steps"]:
            ready = step["code"] not in states and _may_start(folder, states, step)
            if ready and not awaits(folder, step):
                yield find.within("the step is ready but was not begun", _step(folder, step))


def _conclusion(folder: Folder) -> Conclusion:
    granted = {row["item"] for row in folder.orchestrator["result"] if row["outcome"] in GRANTING}
    items = {item for item, _ in folder.parts}
    if granted >= items:
        return Conclusion.GRANTED
    return Conclusion.PARTLY_GRANTED if granted else Conclusion.REFUSED


def _may_start(folder: Folder, states: dict[str, str], step: dict[str, Any]) -> bool:
    """Whether everything a step waits for has been settled (favourably or not)."""
    settled: dict[str, str | None] = {
        part["item"]: None
        for other in folder.route["steps"]
        if states.get(other["code"]) in STEP_ENDS
        for part in other["parts"]
    }
    settled |= {row["item"]: row["outcome"] for row in folder.orchestrator["result"]}
    needed: dict[str, set[str]] = {}
    for part in step["parts"]:
        needed.setdefault(part["item"], set()).update(part["requires"])
    left = [
        part
        for part in step["parts"]
        if all(settled.get(i, Outcome.GRANTED) in GRANTING for i in needed[part["item"]])
    ]
    if not any(part["part"] == Part.DECIDE for part in left):
        return True
    return all(item in settled for part in left for item in part["requires"])


def _driven_on(find: Finder, folder: Folder, world: World) -> Iterator[Finding]:
    """A workflow runs exactly while the application goes on."""
    if world.running is None:
        return
    runs, over = folder.number in world.running, folder.driven["conclusion"] is not None
    if over and runs:
        yield find.across("it is concluded, but its workflow still runs")
    if not over and not runs:
        yield find.across("it is not concluded, but no workflow runs for it")


def tasks(folder: Folder, world: World) -> Iterator[Finding]:
    """2: one task per item, department and round; issued here = queued there = shown."""
    find = Finder(invariant=TASKS, number=folder.number, moving=folder.moving)
    for service in Service:
        yield from _once(find, folder.store(service)["task"], service)
    driven = {row["task"]: row for row in folder.orchestrator["task"]}
    shown = {row["task"]: row for row in folder.intake["task"]}
    queued = {row["task"]: row for row in folder.departments["task"]}
    yield from _of_the_route(find, folder)
    for name in driven.keys() - shown.keys():
        yield find.across("it was issued, but intake does not show it", name)
    for name in driven.keys() - queued.keys():
        if driven[name]["department"] not in world.own:
            yield find.across("it was issued, but its department does not have it", name)
    for name in queued.keys() - driven.keys():
        yield find.across("its department has it, but it was never issued", name)
    for name in shown.keys() - driven.keys():
        if shown[name]["issued_at"] is not None:
            yield find.across("intake shows it, but it was never issued", name)
    for name in driven.keys() & queued.keys():
        yield from _as_queued(find, driven[name], queued[name])
    for name in driven.keys() & shown.keys():
        yield from _as_shown(find, driven[name], shown[name])
    yield from _steps(find, folder)


def _once(find: Finder, rows: Sequence[Row], store: Service) -> Iterator[Finding]:
    times = Counter((row["item"], row["department"], row["round"]) for row in rows)
    for (item, department, round_), count in times.items():
        if count > 1:
            yield find.within(f"{store} has {item}/{department}/{round_} {count} times")
    for row in rows:
        name = "/".join((row["application"], row["item"], row["department"], str(row["round"])))
        if row["task"] != name:
            yield find.within(f"{store} has it as the task {name}", row["task"])


def _of_the_route(find: Finder, folder: Folder) -> Iterator[Finding]:
    """Tasks belong to the plan; rounds follow one another; nothing starts before its time."""
    granted = {
        row["item"]: row["released_at"]
        for row in folder.orchestrator["result"]
        if row["outcome"] in GRANTING
    }
    rounds: dict[tuple[str, str], list[Row]] = {}
    for row in folder.orchestrator["task"]:
        key = (row["item"], row["department"])
        step, part = folder.parts.get(key, ({}, {}))
        if step.get("code") != row["step"] or part.get("part") != row["part"]:
            yield find.within("the plan has no such task", row["task"])
            continue
        rounds.setdefault(key, []).append(row)
        for item in part["requires"]:
            if item not in granted or granted[item] > row["issued_at"]:
                yield find.within(f"it was issued before {item} was granted", row["task"])
    for rows in rounds.values():
        rows.sort(key=lambda row: int(row["round"]))
        if [row["round"] for row in rows] != list(range(1, len(rows) + 1)):
            yield find.within("a round is missing before it", rows[-1]["task"])
        for row in rows[:-1]:
            if row["state"] == TaskState.OPEN:
                yield find.within("a later round exists while it is open", row["task"])


def _as_queued(find: Finder, driven: Row, queued: Row) -> Iterator[Finding]:
    """A decision committed before its cancellation arrived stands in the department (legal)."""
    states = (driven["state"], queued["state"])
    overtaken = driven["state"] == TaskState.CANCELLED and queued["state"] in {
        TaskState.DECIDED,
        TaskState.LAPSED,
    }
    if driven["state"] != queued["state"] and not overtaken:
        yield find.across(
            f"it is {states[0]} here and {states[1]} in its department", driven["task"]
        )
    for column in _differences(driven, queued, _SAME_OF_DEPARTMENTS_TASK):
        yield find.across(
            f"{column} is {driven[column]} here and {queued[column]} in its department",
            driven["task"],
        )


def _as_shown(find: Finder, driven: Row, shown: Row) -> Iterator[Finding]:
    for column in _differences(driven, shown, _SAME_OF_SHOWN_TASK):
        yield find.across(f"{column} is {driven[column]}, shown as {shown[column]}", driven["task"])


def _steps(find: Finder, folder: Folder) -> Iterator[Finding]:
    driven = {row["step"]: row["state"] for row in folder.orchestrator["step"]}
    shown = {row["step"]: row["state"] for row in folder.intake["step"]}
    for code in sorted(driven.keys() | shown.keys()):
        if driven.get(code) != shown.get(code):
            yield find.across(
                f"the step is {driven.get(code)}, shown as {shown.get(code)}",
                f"{folder.number}/{code}",
            )
    open_steps = {
        row["step"] for row in folder.orchestrator["task"] if row["state"] == TaskState.OPEN
    }
    for code in sorted(open_steps):
        if driven.get(code) != StepState.OPEN:
            yield find.within(
                f"it has open tasks but is {driven.get(code)}", f"{folder.number}/{code}"
            )


def _step(folder: Folder, step: dict[str, Any]) -> str:
    return f"{folder.number}/{step['code']}"


def _differences(one: Row, other: Row, columns: Sequence[str]) -> Iterator[str]:
    return (column for column in columns if one[column] != other[column])
