"""Receipts are sent for as long as a consumer lives: nobody would say that they are missing."""

import asyncio
import time
from typing import Any, cast
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from services.runtime.consumer import Consumer, ReceiptsStoppedError, _Session
from services.runtime.inbox import Inbox
from services.runtime.kafka import TopicKeeper
from services.runtime.loops import Pace
from services.runtime.receipts import ReceiptSender
from services.runtime.settings import KafkaSettings


class Breaking:
    """A Kafka client whose connection breaks at the first record, in one way or another."""

    def __init__(self, error: BaseException) -> None:
        self.error: BaseException | None = error
        self.sent: list[str] = []

    async def send_and_wait(self, topic: str, *_: Any, **__: Any) -> None:
        error, self.error = self.error, None
        if error is not None:
            raise error
        self.sent.append(topic)


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KafkaError()], ids=repr)
async def test_a_connection_that_breaks_does_not_end_them(error: BaseException) -> None:
    client = Breaking(error)
    sender = ReceiptSender(
        consumer="orchestrator", producer=cast("AIOKafkaProducer", client), every=0.0
    )
    sending = asyncio.create_task(sender.run())
    sender.add({"intake": [uuid4()]})
    deadline = time.monotonic() + 5
    while not client.sent:
        assert time.monotonic() < deadline
        assert not sending.done()
        await asyncio.sleep(0.01)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_a_consumer_without_them_starts_anew() -> None:
    settings = KafkaSettings()
    consumer = Consumer(
        pool=cast("Any", None),
        settings=settings,
        name="orchestrator",
        topics=[],
        inbox=Inbox(handler=cast("Any", None)),
    )
    ended = asyncio.create_task(asyncio.sleep(0))
    await ended
    session = _Session(
        consumer=cast("AIOKafkaConsumer", None),
        sender=cast("ReceiptSender", None),
        keeper=TopicKeeper(settings, client_id="test"),
        pace=Pace(0.0),
        sending=ended,
    )
    with pytest.raises(ReceiptsStoppedError):
        await consumer._check(session)
