"""Histories of applications in flight must replay on today's code; a changed shell must not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from services.orchestrator.worker import sandbox
from services.orchestrator.workflow import ApplicationWorkflow
from tests.replay.changed import ShellThatSleepsFirst
from tests.replay.lives import HISTORIES, LIVES

FINGERPRINTS = Path(__file__).with_name("fingerprints.txt")
COMMANDS = {
    EventType.EVENT_TYPE_MARKER_RECORDED: "marker",
    EventType.EVENT_TYPE_TIMER_STARTED: "timer",
    EventType.EVENT_TYPE_TIMER_CANCELED: "cancel-timer",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "complete",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "continue-as-new",
}


def histories() -> Iterator[tuple[str, WorkflowHistory]]:
    for file in sorted(HISTORIES.glob("*.json")):
        yield file.stem, WorkflowHistory.from_json(f"application/{file.stem}", file.read_text())


def fingerprint(history: WorkflowHistory) -> str:
    """The commands of a history in order: what a change of the shell would reorder."""
    return " ".join(COMMANDS[e.event_type] for e in history.events if e.event_type in COMMANDS)


def replayer(of: type[Any] = ApplicationWorkflow) -> Replayer:
    return Replayer(workflows=[of], workflow_runner=sandbox())


def test_every_life_has_a_history() -> None:
    assert {name for name, _ in histories()} == set(LIVES)


@pytest.mark.parametrize("name", sorted(LIVES))
async def test_a_kept_history_replays(name: str) -> None:
    history = dict(histories())[name]
    await replayer().replay_workflow(history)


def test_the_order_of_commands_is_as_committed() -> None:
    found = "".join(f"{name}: {fingerprint(history)}\n" for name, history in histories())
    assert found == FINGERPRINTS.read_text()


@pytest.mark.parametrize("name", sorted(LIVES))
async def test_a_changed_order_of_commands_does_not_replay(name: str) -> None:
    with pytest.raises(NondeterminismError):
        await replayer(ShellThatSleepsFirst).replay_workflow(dict(histories())[name])
