"""The whole service on a real broker: a task comes in over Kafka, its decision goes out."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from pydantic import SecretStr

from services.contracts.envelope import headers
from services.contracts.topics import decisions_topic, tasks_topic
from services.contracts.vocabulary import Service
from services.departments.app import build, shared_departments
from services.departments.settings import Settings
from services.runtime.auth import Authenticator, KeyRing
from services.runtime.catalogue_shelf import Shelf
from services.runtime.kafka import TopicKeeper, make_consumer, make_producer
from services.runtime.messages import Outgoing, encode, new_event_id
from services.runtime.notes import create_key
from services.runtime.service import SettingsError
from services.runtime.settings import AuditSettings, DatabaseSettings, KafkaSettings
from tests.conftest import Databases
from tests.integration.departments_parts import (
    HASHER,
    ISSUER,
    KEY,
    NOW,
    TRACE,
    issued,
    prepare,
    token,
)


@pytest_asyncio.fixture
async def config(databases: Databases, kafka_settings: KafkaSettings, tmp_path: Path) -> Settings:
    create_key(tmp_path / "audit.pem")
    return Settings(
        database=DatabaseSettings(dsn=SecretStr(await databases.fresh("queues", prepare))),
        kafka=kafka_settings,
        audit=AuditSettings(key_file=tmp_path / "audit.pem", seal_seconds=0.2),
        hash_key=SecretStr("0123456789abcdef"),
    )


@asynccontextmanager
async def running(config: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    async def keys() -> Mapping[str, Any]:
        return {"keys": [KEY.as_dict(private=False)]}

    app = build(config)
    async with app.router.lifespan_context(app):
        app.state.authenticator = Authenticator(
            issuer=ISSUER, audience="lianshen", keys=KeyRing(keys), hasher=HASHER
        )
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


async def until(what: Any, seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := await what():
            return found
        await asyncio.sleep(0.02)
    pytest.fail(f"did not happen within {seconds} s")


async def test_a_task_comes_in_and_its_decision_goes_out(config: Settings) -> None:
    department = shared_departments(Shelf(config.catalogue))[0]
    chief = token("chief-7", department, "chief_representative")
    task = issued(department=department)
    said = Outgoing(
        topic=tasks_topic(department),
        application=task.application,
        event=task,
        at=NOW,
        consumers=(Service.DEPARTMENTS,),
        traceparent=TRACE,
    )
    event_id = new_event_id()
    receipts = "lianshen.receipts.orchestrator.v1"
    keeper = TopicKeeper(config.kafka, client_id="test-topics")
    topics = [said.topic, decisions_topic(department), receipts]
    await keeper.ensure(topics)
    producer = make_producer(config.kafka, client_id="test")
    consumer = make_consumer(config.kafka, group="test-decisions", client_id="test")
    await producer.start()
    await consumer.start()
    consumer.assign(await keeper.partitions(topics[1:]))
    heard: list[dict[str, Any]] = []

    async def listen() -> bool:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            heard.extend(json.loads(record.value) for record in records)
        about = {one.get("subject") for one in heard}
        receipted = [i for one in heard for i in one["data"].get("event_ids", [])]
        return task.application in about and str(event_id) in receipted

    try:
        async with running(config) as client:
            await producer.send_and_wait(
                said.topic,
                encode(said, source=Service.ORCHESTRATOR, event_id=event_id, seq=1),
                key=task.application.encode(),
                headers=headers(TRACE),
            )

            async def visible() -> Any:
                answer = await client.get(
                    "/v1/tasks", headers=chief, params={"q": task.application}
                )
                return answer.json()["items"]

            [item] = await until(visible)
            decided = await client.post(
                f"/v1/tasks/{item['id']}/decision",
                headers={**chief, "if-match": '"1"', "idempotency-key": "service-key"},
                json={"outcome": "granted"},
            )
            assert decided.status_code == 200, decided.text
            await until(listen)
            ready = await client.get("/readyz")
            assert ready.status_code == 200, ready.text
            assert {"database", "consumer", "relay", "sealer", "sweeper"} <= set(
                ready.json()["checks"]
            )
    finally:
        await producer.stop()
        await consumer.stop()
        await keeper.close()
    [event] = [one for one in heard if one.get("subject") == task.application]
    assert event["type"] == "lianshen.task.decided.v1"
    assert event["source"] == "departments"
    assert event["data"]["result_number"] == decided.json()["result_number"]


async def test_the_service_does_not_start_without_its_hash_key(config: Settings) -> None:
    bare = config.model_copy(update={"hash_key": None})
    app = build(bare)
    with pytest.raises(SettingsError):
        async with app.router.lifespan_context(app):
            pytest.fail("it started")
