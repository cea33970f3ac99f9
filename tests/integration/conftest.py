"""Databases with the common tables, two services that let messages talk, a desk of officers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import asyncpg
import pytest
import pytest_asyncio
from pydantic import SecretStr

from services.contracts.vocabulary import Service
from services.departments import pages
from services.departments.settings import Settings
from services.runtime.db import Pool, open_pool
from services.runtime.migrate import upgrade_async
from services.runtime.settings import DatabaseSettings, KafkaSettings
from tests.conftest import Broker, Databases
from tests.integration.departments_parts import Desk, open_desk
from tests.integration.messaging import World

EFFECT = """
    CREATE TABLE effect (
        place bigint GENERATED ALWAYS AS IDENTITY, event_id uuid, application text, seq bigint)
"""
OpenPool = Callable[[Service], Awaitable[Pool]]


def _prepared(service: Service) -> Callable[[str], Awaitable[None]]:
    async def prepare(url: str) -> None:
        await upgrade_async(service, url)
        connection = await asyncpg.connect(url)
        await connection.execute(EFFECT)
        await connection.close()

    return prepare


@pytest_asyncio.fixture
async def open_service_pool(databases: Databases) -> AsyncIterator[OpenPool]:
    """A function: a pool on a fresh, migrated database of a service (with a table `effect`)."""
    async with AsyncExitStack() as stack:

        async def opened(service: Service) -> Pool:
            url = await databases.fresh(service, _prepared(service))
            settings = DatabaseSettings(dsn=SecretStr(url), lock_timeout=20.0)
            return await stack.enter_async_context(await open_pool(settings, service=service))

        yield opened


@pytest.fixture
def kafka_settings(broker: Broker) -> KafkaSettings:
    """Settings for the session's broker, impatient."""
    return KafkaSettings(
        bootstrap=broker.bootstrap,
        idempotence=broker.idempotent,
        fetch_max_wait_ms=broker.fetch_max_wait_ms,
        fetch_soon_ms=broker.fetch_soon_ms,
        partitions=3 if broker.idempotent else 1,
        poll_ms=100,
        check_every=0.5,
        commit_every=0.0,
        resend_after=3.0,
        request_timeout_ms=5_000,
        groups=broker.idempotent,
        purge_new_topics=not broker.idempotent,
        session_timeout_ms=6_000,
    )


@pytest_asyncio.fixture
async def world(open_service_pool: OpenPool, kafka_settings: KafkaSettings) -> World:
    """Two services with databases of their own, and a topic of their own."""
    return World(
        sender=await open_service_pool(Service.ORCHESTRATOR),
        receiver=await open_service_pool(Service.DEPARTMENTS),
        settings=kafka_settings,
    )


@pytest_asyncio.fixture
async def desk(databases: Databases) -> AsyncIterator[Desk]:
    """The service of the departments over a database of its own."""
    async with open_desk(databases) as found:
        yield found


@pytest.fixture
def workbench(desk: Desk) -> Desk:
    """The desk, with its pages as well."""
    pages.install(desk.app, Settings())
    return desk
