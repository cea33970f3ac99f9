"""The whole stack on one machine: real parts and our services, as child processes on loopback."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

from msgspec.structs import replace

from services.runtime import clock
from services.runtime.embedded.apache_kafka import ApacheKafka
from services.runtime.embedded.broker import EmbeddedBroker
from services.runtime.embedded.demo_clock import DemoClock
from services.runtime.embedded.errors import StackError, explain_os_error
from services.runtime.embedded.files import Secrets
from services.runtime.embedded.keeper import Keeper, Part
from services.runtime.embedded.keys import ensure_audit_key, ensure_test_seal
from services.runtime.embedded.oidc import AUDIENCE, PAGES_CLIENT, OidcProvider, clients_for
from services.runtime.embedded.place import Place, myself
from services.runtime.embedded.ports import LOOPBACK, Claims, Ports
from services.runtime.embedded.postgres import Postgres
from services.runtime.embedded.service import REPOSITORY, ServiceProcess, ServiceSpec
from services.runtime.embedded.temporal import Temporal
from services.runtime.embedded.tokens import TokenSource
from services.runtime.embedded.viewer import TraceViewer

# Addresses people type; everything else takes any free port.
_PREFERRED = {
    "intake": 8301,
    "orchestrator": 8302,
    "departments": 8303,
    "temporal-ui": 8233,
    "viewer": 8318,
}


class Stack:
    """Everything, started in order and stopped in reverse.

        async with Stack(data, services=[ServiceSpec.of("intake")]) as stack: ...

    A part that ends by itself is started again; one ended with `kill` stays down until `restart`.
    """

    def __init__(
        self,
        data: Path,
        *,
        services: Sequence[ServiceSpec] = (),
        departments: Sequence[str] = (),
        seconds_per_working_day: float | None = None,
        broker: Literal["embedded", "apache"] = "embedded",
        viewer: bool = True,
        ports: Mapping[str, int] | None = None,
        environment: Mapping[str, str] | None = None,
        catalogue_folder: Path = REPOSITORY / "deploy" / "catalogue",
        calendar_folder: Path = REPOSITORY / "deploy" / "calendar",
        first_instant: datetime | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Describe a stack; nothing is started or written yet.

        Args:
            data: the only folder that is written.
            services: our services, started in this order after everything else.
            departments: codes, each with its own clients at the OpenID provider.
            seconds_per_working_day: real seconds of a demo's working day; None: real time, or what
                the folder was begun with.
            broker: the embedded one or Apache Kafka.
            viewer: whether to run the trace viewer, if it is installed.
            ports: ports that are asked for, by part: intake, orchestrator, departments, postgres,
                broker, kafka, temporal, temporal-ui, oidc, viewer.
            environment: more variables for all services; they win over the stack's own.
            catalogue_folder: catalogue versions, for the services.
            calendar_folder: calendar years, for the services and the demo's clock.
            first_instant: where the demo's clock begins (UTC); default: the opening of the first
                working day from today on.
            say: told in one sentence what people should know.
        """
        self._place = Place(data)
        self._claims = Claims()
        self.data = self._place.data
        self._specs = tuple(services)
        self.departments = tuple(departments)
        self._seconds = seconds_per_working_day
        self._broker_kind = broker
        self._wants_viewer = viewer
        self._asked = dict(ports or {})
        self._more = dict(environment or {})
        self.catalogue_folder = catalogue_folder.resolve()
        self._calendar_folder = calendar_folder.resolve()
        self._first_instant = first_instant
        self._say = say
        self._clock: DemoClock | None = None
        self._parts: dict[str, Part] = {}
        self._keeper = Keeper(self._parts, say)
        self.services: dict[str, ServiceProcess] = {}
        self.viewer: TraceViewer | None = None

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    @property
    def urls(self) -> dict[str, str]:
        """Addresses for people, by part."""
        found = {name: service.url for name, service in self.services.items()}
        found["temporal"] = self.temporal.ui_url
        if self.viewer is not None:
            found["viewer"] = self.viewer.url
        return found | {"issuer": self.oidc.issuer}

    @property
    def clock_file(self) -> Path | None:
        """State of the demo's clock, None on real time."""
        return None if self._seconds is None else self.data / "clock.json"

    async def start(self) -> None:
        """Start everything; on failure or cancellation stop what was started.

        Raises:
            StackError: one sentence about what is wrong and what to do.
        """
        self._place.hold()
        try:
            await self._start()
        except OSError as error:
            await self.stop()
            raise explain_os_error(error) from error
        except clock.ClockError as error:
            await self.stop()
            raise StackError(f"{error}.") from error
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the clock, then the services, then everything they stand on. May be called twice."""
        await self._keeper.end()
        if self._clock is not None:
            await self._clock.stop()
        below = [part for name, part in self._parts.items() if name not in self.services]
        for group in (
            list(self.services.values()),
            [part for part in below if part.name != Postgres.name],
            [part for part in below if part.name == Postgres.name],
        ):
            await asyncio.gather(*(part.stop() for part in group))
        if self._parts:
            self._publish_stopped()
        self._parts.clear()
        self.services.clear()
        self._claims.release()
        self._place.release()

    async def kill(self, part: str) -> None:
        """SIGKILL a part and leave it down until `restart` (fault tests)."""
        self._keeper.held.add(part)
        await self._keeper.settle(part)
        self._parts[part].child.kill()

    async def restart(self, part: str) -> None:
        """Stop a part if it runs, and start it."""
        self._keeper.held.add(part)
        await self._keeper.settle(part)
        await self._parts[part].stop()
        await self._parts[part].start()
        self._keeper.held.discard(part)

    async def wipe_broker(self) -> None:
        """Lose everything in the broker, in mid-flight, and start it empty."""
        self._keeper.held.add(self.broker.name)
        await self._keeper.settle(self.broker.name)
        await self.broker.wipe()
        self._keeper.held.discard(self.broker.name)

    async def wipe_temporal(self) -> None:
        """Lose every workflow, in mid-flight, and start Temporal empty."""
        self._keeper.held.add(self.temporal.name)
        await self._keeper.settle(self.temporal.name)
        await self.temporal.wipe()
        self._keeper.held.discard(self.temporal.name)

    def part(self, name: str) -> Part:
        """Return a part by its name (for its pid, its log, pause and resume)."""
        return self._parts[name]

    def tokens(self, client_id: str) -> TokenSource:
        """Return the tokens of one client of the OpenID provider."""
        return TokenSource(
            issuer=self.oidc.issuer, client_id=client_id, secret=self.oidc.secret_of(client_id)
        )

    def environment(self, service: str) -> dict[str, str]:
        """Return the LIANSHEN_* variables of one service."""
        return self._environments[service]

    async def _start(self) -> None:
        begun = self._place.begin(
            seconds_per_working_day=self._seconds, departments=self.departments
        )
        self._seconds, self.departments = begun.seconds_per_working_day, begun.departments
        self._place.publish(myself("starting"))
        self._make_parts()
        self._prepare_clock()
        self._say("starting Postgres, broker, Temporal and the OpenID provider ...")
        await _all(
            self.postgres.start(),
            self.broker.start(),
            self.temporal.start(),
            self.oidc.start(),
            self._start_viewer(),
        )
        await self._make_services()
        self._place.keep(begun)
        if self._specs:
            self._say("starting the services ...")
        await _all(*(service.start() for service in self.services.values()))
        self._keeper.begin()
        if self._clock is not None:
            self._clock.run()
        self._publish_ready()

    def _make_parts(self) -> None:
        """Choose the ports and describe the parts our services stand on."""
        self._secrets = Secrets(self.data / "secrets.json")
        ports = Ports(
            self.data / "ports.json",
            asked=self._asked,
            preferred=_PREFERRED,
            claims=self._claims,
        )
        self.postgres = Postgres(self.data, port=ports.take("postgres"), secrets=self._secrets)
        self.broker = self._make_broker(ports)
        self.temporal = Temporal(
            self.data,
            port=ports.take("temporal"),
            ui_port=ports.take("temporal-ui"),
            http_port=ports.take("temporal-http"),
            metrics_port=ports.take("temporal-metrics"),
        )
        self.oidc = OidcProvider(
            self.data,
            port=ports.take("oidc"),
            secrets=self._secrets,
            clients=clients_for(self.departments),
        )
        for part in (self.postgres, self.broker, self.temporal, self.oidc):
            self._parts[part.name] = part
        self._service_ports = {spec.name: ports.take(spec.name) for spec in self._specs}
        self.oidc.pages = tuple(f"http://{LOOPBACK}:{one}" for one in self._service_ports.values())
        if self._wants_viewer and TraceViewer.installed():
            self.viewer = TraceViewer(
                self.data, port=ports.take("viewer"), grpc_port=ports.take("viewer-grpc")
            )
        elif self._wants_viewer:
            self._say("The trace viewer is not installed: use `lianshen trace` instead.")
        for sentence in ports.moved:
            self._say(sentence)

    def _make_broker(self, ports: Ports) -> EmbeddedBroker | ApacheKafka:
        if self._broker_kind == "embedded":
            return EmbeddedBroker(self.data, port=ports.take("broker"))
        return ApacheKafka(
            self.data, port=ports.take("kafka"), controller_port=ports.take("kafka-controller")
        )

    async def _start_viewer(self) -> None:
        if self.viewer is None:
            return
        name = self.viewer.name
        self._parts[name] = self.viewer
        try:
            await self.viewer.start()
        except StackError as error:
            await self.viewer.stop()
            self.viewer = None
            del self._parts[name]
            self._say(f"The stack goes on without the trace viewer: {error}")

    async def _make_services(self) -> None:
        """Create the databases, run the migrations, describe the services."""
        self._environments: dict[str, dict[str, str]] = {}
        migrations = []
        for spec in self._specs:
            name, owner = spec.name, f"{spec.name}_owner"
            password = self._secrets.get(f"database:{name}")
            owner_dsn = await self.postgres.create_database(
                name, owner, self._secrets.get(f"database:{owner}")
            )
            dsn = await self.postgres.admit(name, name, password)
            self._environments[name] = self._environment_of(name, dsn)
            service = ServiceProcess(
                self.data,
                spec=spec,
                port=self._service_ports[name],
                environment=self._environments[name],
            )
            self.services[name] = self._parts[name] = service
            migrations.append(service.migrate(owner_dsn))
        if any(spec.migrate for spec in self._specs):
            self._say("migrating the databases ...")
        await _all(*migrations)

    def _environment_of(self, name: str, dsn: str) -> dict[str, str]:
        seal_key, seal_certificate = ensure_test_seal(self.data / "keys")
        settings = {
            "DATABASE__DSN": dsn,
            "KAFKA__BOOTSTRAP": self.broker.bootstrap,
            "KAFKA__IDEMPOTENCE": str(self.broker.idempotent).lower(),
            "KAFKA__FETCH_MAX_WAIT_MS": str(self.broker.fetch_max_wait_ms),
            "TEMPORAL__ADDRESS": self.temporal.address,
            "TEMPORAL__NAMESPACE": self.temporal.namespace,
            "TEMPORAL__UI_URL": self.temporal.ui_url,
            "OIDC__ISSUER": self.oidc.issuer,
            "OIDC__AUDIENCE": AUDIENCE,
            "OIDC__JWKS_URL": f"{self.oidc.issuer}/jwks",
            "OIDC__CLIENT_ID": PAGES_CLIENT,
            "OIDC__CLIENT_SECRET": self.oidc.pages_secret,
            "TELEMETRY__SPAN_FOLDER": str(self.data / "spans"),
            "HTTP__HOST": LOOPBACK,
            "HTTP__PORT": str(self._service_ports[name]),
            "AUDIT__KEY_FILE": str(ensure_audit_key(self.data / "keys" / f"audit-{name}.pem")),
            "CATALOGUE__FOLDER": str(self.catalogue_folder),
            "CATALOGUE__CALENDAR_FOLDER": str(self._calendar_folder),
            "UPLOADS__FOLDER": str(self.data / "uploads"),
            "SEAL__KEY_FILE": str(seal_key),
            "SEAL__CERTIFICATE_FILE": str(seal_certificate),
            "PAYMENT__ADAPTER": "sandbox",
            "LETTERS__FOLDER": str(self.data / "letters"),
            "PAPERS_URL": self._address("intake"),
            "PORTAL_URL": self._address("intake"),
            "PERFORMANCE_URL": f"{self._address('orchestrator')}/performance",
            "HASH_KEY": self._secrets.get("hash-key", 32),
        }
        if self.broker.fetch_soon_ms is not None:
            settings["KAFKA__FETCH_SOON_MS"] = str(self.broker.fetch_soon_ms)
        if self.broker.partitions is not None:
            settings["KAFKA__PARTITIONS"] = str(self.broker.partitions)
            # Each service is one process here, and this broker is slow to see that one has gone.
            settings["KAFKA__GROUPS"] = "false"
            settings["KAFKA__PURGE_NEW_TOPICS"] = "true"
        if self.viewer is not None:
            settings["TELEMETRY__OTLP_ENDPOINT"] = f"{self.viewer.url}/v1/traces"
            settings["TRACE_URL"] = self.viewer.trace_url("{trace}")
        if self.clock_file is not None:
            settings["CLOCK__DEMO"] = "true"
            settings["CLOCK__SECONDS_PER_WORKING_DAY"] = str(self._seconds)
            settings["CLOCK__STATE_FILE"] = str(self.clock_file)
        return {f"LIANSHEN_{key}": value for key, value in settings.items()} | self._more

    def _address(self, service: str) -> str:
        return f"http://{LOOPBACK}:{self._service_ports.get(service, 0)}"

    def _prepare_clock(self) -> None:
        """Put the demo's clock in place; it stands still until everything runs."""
        if self.clock_file is None or self._seconds is None:
            return
        self._clock = DemoClock(self.clock_file, self._say)
        self._clock.prepare(self._seconds, self._calendar_folder, self._first_instant)

    def _publish_ready(self) -> None:
        logs = {name: str(part.child.log) for name, part in self._parts.items()}
        self._place.publish(
            replace(
                myself("ready"), urls=self.urls, logs=logs, environment=dict(self._environments)
            )
        )

    def _publish_stopped(self) -> None:
        try:
            self._place.publish(myself("stopped"))
        except StackError as error:  # a full disk must not keep anything from being stopped
            self._say(str(error))


async def _all(*work: Coroutine[Any, Any, None]) -> None:
    """Run everything at once; when one fails give up the others and raise what it raised."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        for done in asyncio.as_completed(tasks):
            await done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
