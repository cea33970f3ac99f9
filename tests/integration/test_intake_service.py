"""The whole service on a real broker: an application goes out, its progress comes in."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from pydantic import SecretStr

from services.contracts.envelope import headers
from services.contracts.events import ApplicationProgressed
from services.contracts.topics import APPLICATIONS, PROGRESS, receipts_topic
from services.contracts.vocabulary import ApplicationStatus, Service
from services.intake.app import build
from services.intake.documents import SealError
from services.intake.documents.sealing import is_genuine
from services.intake.settings import PaymentSettings, SealSettings, Settings, UploadSettings
from services.runtime.embedded.keys import ensure_test_seal
from services.runtime.kafka import ensure_topics, make_consumer, make_producer
from services.runtime.messages import Outgoing, encode, encode_receipt, new_event_id
from services.runtime.notes import create_key
from services.runtime.service import SettingsError
from services.runtime.settings import (
    AuditSettings,
    DatabaseSettings,
    HttpSettings,
    KafkaSettings,
)
from tests.conftest import Databases
from tests.integration.intake_kit import (
    CATALOGUE,
    INVESTOR,
    Intake,
    authenticator,
    once,
    prepare,
    receipt_of,
    running,
)
from tests.integration.town_bank import TownBank


@pytest_asyncio.fixture
async def config(databases: Databases, kafka_settings: KafkaSettings, tmp_path: Path) -> Settings:
    create_key(tmp_path / "audit.pem")
    return Settings(
        database=DatabaseSettings(dsn=SecretStr(await databases.fresh("intake", prepare))),
        kafka=kafka_settings,
        catalogue=CATALOGUE,
        audit=AuditSettings(key_file=tmp_path / "audit.pem", seal_seconds=0.2),
        uploads=UploadSettings(folder=tmp_path / "files"),
        hash_key=SecretStr("0123456789abcdef"),
    )


@asynccontextmanager
async def serving(config: Settings) -> AsyncIterator[Intake]:
    app = build(config)
    async with app.router.lifespan_context(app):
        app.state.authenticator = authenticator()
        parts = app.state.parts
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            yield Intake(app=app, pool=parts.pool, parts=parts, client=client, clock=parts.clock)


async def until(what: Callable[[], Awaitable[Any]], seconds: float = 40.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := await what():
            return found
        await asyncio.sleep(0.05)
    pytest.fail(f"did not happen within {seconds} s")


async def test_an_application_goes_out_and_its_progress_comes_in(config: Settings) -> None:
    receipts = receipts_topic(Service.ORCHESTRATOR)
    await ensure_topics(config.kafka, [APPLICATIONS.name, PROGRESS.name, receipts])
    consumer = make_consumer(config.kafka, group="test-intake", client_id="test")
    consumer.subscribe([APPLICATIONS.name, receipts])
    producer = make_producer(config.kafka, client_id="test")
    await consumer.start()
    await producer.start()
    heard: list[dict[str, Any]] = []

    async def listen(wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            heard.extend(json.loads(record.value) for record in records)
        return next((one for one in heard if wanted(one)), None)

    try:
        async with serving(config) as intake:
            number = await intake.accepted()
            said = await until(lambda: listen(lambda one: one.get("subject") == number))
            assert said["type"] == "lianshen.application.submitted.v1"
            received = encode_receipt(
                receipt_of("orchestrator", said["id"]),
                source=Service.ORCHESTRATOR,
                at=intake.clock.now(),
            )
            await producer.send_and_wait(
                receipts_topic(Service.INTAKE), received, headers=headers(None)
            )
            event_id = new_event_id()
            progress = ApplicationProgressed(
                application=number, status=ApplicationStatus.IN_PROGRESS, at=intake.clock.now()
            )
            outgoing = Outgoing(
                topic=PROGRESS.name,
                application=number,
                event=progress,
                at=progress.at,
                consumers=(Service.INTAKE,),
            )
            value = encode(outgoing, source=Service.ORCHESTRATOR, event_id=event_id, seq=1)
            await producer.send_and_wait(
                PROGRESS.name, value, key=number.encode(), headers=headers(None)
            )

            async def shown() -> bool:
                answer = await intake.get(f"/v1/applications/{number}/progress")
                return bool(answer.json()["status"] == "in_progress")

            async def settled() -> bool:
                state = await intake.pool.fetchval("SELECT state FROM outbox")
                sealed = await intake.pool.fetchval("SELECT count(*) FROM audit_order")
                return state == "closed" and sealed == 1

            await until(shown)
            await until(settled)
            await until(
                lambda: listen(lambda one: str(event_id) in one["data"].get("event_ids", ()))
            )
            ready = await intake.client.get("/readyz")
            assert ready.status_code == 200, ready.text
            assert {"database", "consumer", "relay", "sealer"} <= set(ready.json()["checks"])
    finally:
        await consumer.stop()
        await producer.stop()


async def test_with_a_seal_it_hands_out_documents(config: Settings, tmp_path: Path) -> None:
    key, certificate = ensure_test_seal(tmp_path / "seal")
    seal = SealSettings(key_file=key, certificate_file=certificate)
    http = HttpSettings(public_url="https://centre.example/")
    async with serving(config.model_copy(update={"seal": seal, "http": http})) as intake:
        number = await intake.accepted()
        answer = await intake.get(f"/v1/applications/{number}/documents/acceptance")
        assert await asyncio.to_thread(is_genuine, answer.content, certificate.read_bytes())
        assert intake.parts.press is not None
        assert intake.parts.press.base == "https://centre.example"


async def test_a_seal_that_is_none_stops_the_start(config: Settings, tmp_path: Path) -> None:
    seal = SealSettings(key_file=tmp_path / "no.pem", certificate_file=tmp_path / "no.pem")
    app = build(config.model_copy(update={"seal": seal}))
    with pytest.raises(SealError, match="cannot be read"):
        async with app.router.lifespan_context(app):
            pass


async def test_without_a_key_for_the_hashes_it_does_not_start(config: Settings) -> None:
    app = build(config.model_copy(update={"hash_key": None}))
    with pytest.raises(SettingsError, match="LIANSHEN_HASH_KEY"):
        async with app.router.lifespan_context(app):
            pass


async def test_a_stop_in_the_middle_of_a_term_changes_nothing_for_those_who_come_back(
    databases: Databases, tmp_path: Path
) -> None:
    url = await databases.fresh("intake", prepare)
    key = once()
    async with asyncpg.create_pool(url, min_size=1, max_size=2) as pool:
        async with running(pool, tmp_path) as before:
            given = before.submission()
            first = await before.client.post(
                "/v1/applications", json=given, headers={**INVESTOR, **key}
            )
        async with running(pool, tmp_path) as after:
            after.clock.advance(timedelta(days=1))
            again = await after.client.post(
                "/v1/applications", json=given, headers={**INVESTOR, **key}
            )
            assert again.content == first.content
            assert again.headers["idempotency-replayed"] == "true"
            number = first.json()["number"]
            plan = await after.get(f"/v1/applications/{number}/plan")
            assert plan.json()["start"] == "2026-03-02"


async def test_a_payment_is_asked_about_until_it_is_settled(config: Settings) -> None:
    """The settings choose the payment system; a loop of the service asks it."""
    await ensure_topics(config.kafka, [APPLICATIONS.name, PROGRESS.name])
    plugged = PaymentSettings(adapter="tests.integration.town_bank:connect", ask_every=0.1)
    async with serving(config.model_copy(update={"payment": plugged})) as intake:
        bank = intake.parts.payment
        assert isinstance(bank, TownBank)
        path = f"/v1/applications/{await intake.accepted()}/bill"
        begun = await intake.client.post(
            f"{path}/payments", json={}, headers={**INVESTOR, **once()}
        )
        assert begun.status_code == 202, begun.text

        async def settled() -> bool:
            [transfer] = (await intake.get(path)).json()["transfers"]
            return bool(transfer["state"] == "confirmed")

        await until(settled)
    assert not bank.is_open
