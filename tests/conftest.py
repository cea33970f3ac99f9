"""Real parts for every suite: started once a session on free ports, stopped at its end.

`LIANSHEN_TEST_BROKER=apache` runs the same tests against Apache Kafka instead of the embedded
broker.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from services.runtime.embedded.apache_kafka import ApacheKafka
from services.runtime.embedded.broker import EmbeddedBroker
from services.runtime.embedded.files import Secrets
from services.runtime.embedded.oidc import OidcProvider, clients_for
from services.runtime.embedded.ports import Claims, Ports
from services.runtime.embedded.postgres import Postgres
from services.runtime.embedded.temporal import Temporal

type_of_broker = os.environ.get("LIANSHEN_TEST_BROKER", "embedded")
Broker = EmbeddedBroker | ApacheKafka
Prepare = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A data folder with its ports and secrets."""

    data: Path
    ports: Ports
    secrets: Secrets


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The session's data folder for real parts.

    Its ports are claimed until the end: two sessions that start together must not choose the same.
    """
    data = tmp_path_factory.mktemp("parts")
    return Place(
        data=data,
        ports=Ports(data / "ports.json", claims=Claims()),
        secrets=Secrets(data / "secrets.json"),
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(place: Place) -> AsyncIterator[Postgres]:
    """A database server without fsync (a killed process loses nothing all the same)."""
    server = Postgres(
        place.data, port=place.ports.take("postgres"), secrets=place.secrets, durable=False
    )
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def broker(place: Place) -> AsyncIterator[Broker]:
    """A Kafka broker: the embedded one, or Apache Kafka if LIANSHEN_TEST_BROKER says so."""
    found: Broker
    if type_of_broker == "apache":
        found = ApacheKafka(
            place.data,
            port=place.ports.take("kafka"),
            controller_port=place.ports.take("kafka-controller"),
        )
    else:
        found = EmbeddedBroker(place.data, port=place.ports.take("broker"))
    await found.start()
    yield found
    await found.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal(place: Place) -> AsyncIterator[Temporal]:
    """A Temporal server with both search attributes."""
    server = Temporal(
        place.data,
        port=place.ports.take("temporal"),
        ui_port=place.ports.take("temporal-ui"),
        http_port=place.ports.take("temporal-http"),
        metrics_port=place.ports.take("temporal-metrics"),
    )
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def oidc(place: Place) -> AsyncIterator[OidcProvider]:
    """An OpenID Connect provider with officers of two departments, `planning` and `fire`."""
    provider = OidcProvider(
        place.data,
        port=place.ports.take("oidc"),
        secrets=place.secrets,
        clients=clients_for(("planning", "fire")),
    )
    await provider.start()
    yield provider
    await provider.stop()


@dataclass
class Databases:
    """Makes databases by copying a template that was prepared (migrated) once a session."""

    server: Postgres
    templates: set[str]
    made: list[str] = field(default_factory=list)

    async def fresh(self, name: str, prepare: Prepare | None = None) -> str:
        """Return the address of a new database, owned by the role it names.

        Args:
            name: what the template is called; the same name means the same preparation.
            prepare: called with the template's address the first time in a session.
        """
        template = f"template_{name}"
        if template not in self.templates:
            url = await self.server.create_database(template, name, "test")
            if prepare is not None:
                await prepare(url)
            self.templates.add(template)
        database = f"{name}_{os.getpid()}_{Databases._next()}"
        self.made.append(database)
        return await self.server.clone_database(template, database, name, "test")

    _count = 0

    @staticmethod
    def _next() -> int:
        Databases._count += 1
        return Databases._count


@pytest.fixture(scope="session")
def _templates() -> set[str]:
    return set()


@pytest_asyncio.fixture(loop_scope="function")
async def databases(postgres: Postgres, _templates: set[str]) -> AsyncIterator[Databases]:
    """A maker of fresh databases; what it made is dropped after the test."""
    maker = Databases(server=postgres, templates=_templates)
    yield maker
    for name in maker.made:
        await postgres.drop_database(name)
