"""Spares the worker three walks through every message to and from the server.

The SDK walks through each activation and each completion once for its codec, once for its storage
of large payloads, and once for the references to what is stored there. A converter that has neither
codec nor storage leaves every payload as it is; the walks were four per cent of the orchestrator's
Python in a profile.

It stands on two functions of the SDK, whose version the lock pins; tests/workflow/
test_plain_payloads.py holds what is relied on. Without `install` everything works as well.
"""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import temporalio.bridge.worker as bridge
from temporalio.converter import DataConverter
from temporalio.converter._extstore import StorageOperationMetrics

Walk: TypeAlias = Callable[..., Awaitable[StorageOperationMetrics]]


def install() -> None:
    """Let workers of this process leave out the walks that change nothing; once is enough."""
    for name in ("decode_activation", "encode_completion"):
        setattr(bridge, name, _unless_plain(getattr(bridge, name)))


def _unless_plain(walk: Walk) -> Walk:
    if hasattr(walk, "__wrapped__"):
        return walk

    @functools.wraps(walk)
    async def spared(
        message: Any, data_converter: DataConverter, *args: Any, **rest: Any
    ) -> StorageOperationMetrics:
        if data_converter.payload_codec is None and data_converter.external_storage is None:
            return StorageOperationMetrics()
        return await walk(message, data_converter, *args, **rest)

    return spared
