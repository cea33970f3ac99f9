"""What nothing would change is not walked through; where something might, everything is."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import temporalio.bridge.worker as bridge
from temporalio.api.common.v1 import Payload
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import DataConverter, PayloadCodec

from services.orchestrator import plain_payloads
from services.orchestrator.converter import CONVERTER


class Shouting(PayloadCodec):
    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload(metadata=dict(one.metadata), data=one.data.upper()) for one in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload(metadata=dict(one.metadata), data=one.data.lower()) for one in payloads]


def activation() -> WorkflowActivation:
    found = WorkflowActivation(run_id="r")
    signal = found.jobs.add().signal_workflow
    signal.signal_name = "deliver"
    signal.input.add(data=b"Said", metadata={"encoding": b"json/plain"})
    return found


def completion() -> WorkflowActivationCompletion:
    found = WorkflowActivationCompletion(run_id="r")
    command = found.successful.commands.add().schedule_local_activity
    command.activity_type = "carry_out"
    command.arguments.add(data=b"Said", metadata={"encoding": b"json/plain"})
    return found


async def through(converter: DataConverter) -> tuple[bytes, bytes]:
    """Return a payload that came in and one that goes out, as the worker passes them on."""
    came, goes = activation(), completion()
    await bridge.decode_activation(came, converter, False, 1)
    await bridge.encode_completion(goes, converter, False, 1)
    [job], [command] = came.jobs, goes.successful.commands
    return job.signal_workflow.input[0].data, command.schedule_local_activity.arguments[0].data


async def test_plain_payloads_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    async def walked(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(bridge.CommandAwarePayloadVisitor, "visit", walked)
    assert await through(CONVERTER) == (b"Said", b"Said")


async def test_a_codec_is_asked_about_every_payload() -> None:
    assert await through(replace(CONVERTER, payload_codec=Shouting())) == (b"said", b"SAID")


def test_to_install_it_again_changes_nothing() -> None:
    before = bridge.decode_activation, bridge.encode_completion
    plain_payloads.install()
    assert (bridge.decode_activation, bridge.encode_completion) == before
