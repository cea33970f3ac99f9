"""Apache Kafka itself, one node in KRaft mode, for tests on a machine with Java 17.

Its jars come from tests/kafka/pom.xml through Maven (`make kafka-jars`).
"""

import base64
import os
import shutil
import subprocess
import uuid
from pathlib import Path

from services.runtime.embedded.broker import answers_kafka
from services.runtime.embedded.errors import StackError
from services.runtime.embedded.files import make_folder
from services.runtime.embedded.ports import LOOPBACK
from services.runtime.embedded.process import Child

JARS = Path(__file__).parents[3] / ".cache" / "kafka"
_START_S = 90.0
_FORMAT_S = 60.0
_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=8388608
"""
_LOGGING = """\
status=error
appender.stdout.type=Console
appender.stdout.name=STDOUT
appender.stdout.layout.type=PatternLayout
appender.stdout.layout.pattern=%d %p %m (%c)%n
rootLogger.level=warn
rootLogger.appenderRef.stdout.ref=STDOUT
"""


class ApacheKafka:
    """One broker and controller in one process, with at most 512 MB of heap."""

    name = "kafka"
    idempotent = True
    fetch_max_wait_ms = 500
    fetch_soon_ms: int | None = None
    partitions: int | None = None

    def __init__(self, data: Path, *, port: int, controller_port: int) -> None:
        self.port = port
        self._controller_port = controller_port
        self._home = data / "kafka"
        self._folder = self._home / "data"
        self.child = Child(self.name, data, grace_s=20.0)

    @property
    def bootstrap(self) -> str:
        """`host:port` for Kafka clients."""
        return f"{LOOPBACK}:{self.port}"

    async def start(self) -> None:
        """Format the storage if there is none, start the broker, wait until it speaks Kafka.

        Raises:
            StackError: Java or the jars are missing, or the broker does not start.
        """
        make_folder(self._home)
        settings = self._home / "server.properties"
        settings.write_text(
            _SETTINGS.format(
                host=LOOPBACK,
                port=self.port,
                controller_port=self._controller_port,
                folder=self._folder,
            )
        )
        (self._home / "log4j2.properties").write_text(_LOGGING)
        if not (self._folder / "meta.properties").exists():
            self._format(settings)
        command = [*self._java("512m"), "kafka.Kafka", str(settings)]
        await self.child.spawn(command, env=_environment(), cwd=self._home)
        await self.child.until(self.is_ready, seconds=_START_S)

    async def stop(self) -> None:
        """Stop the broker; its data is kept."""
        await self.child.stop()

    async def wipe(self) -> None:
        """Lose every topic, message and offset, as a replaced disk would; then start again."""
        self.child.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
        await self.start()

    async def is_ready(self) -> bool:
        """Return whether the broker answers."""
        return await answers_kafka(self.port)

    def _format(self, settings: Path) -> None:
        """Format the storage with a cluster id never used before."""
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = [*self._java("128m"), "kafka.tools.StorageTool", "format", "--standalone"]
        made = subprocess.run(  # noqa: S603  our own command
            [*command, f"--cluster-id={cluster}", "--config", str(settings)],
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=_FORMAT_S,
            start_new_session=True,  # Ctrl-C reaches the supervisor only
        )
        if made.returncode != 0:
            said = (made.stderr or made.stdout).strip().splitlines()
            raise StackError(f"Kafka's storage could not be formatted: {(said or ['?'])[-1]}")

    def _java(self, heap: str) -> list[str]:
        java = shutil.which("java")
        if java is None:
            raise StackError("Java 17 or newer is missing: run `make kafka-jars` first.")
        if not any(JARS.glob("kafka_2.13-*.jar")):
            raise StackError("Apache Kafka's jars are not there: run `make kafka-jars` first.")
        return [
            *(java, f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            f"-Dlog4j2.configurationFile={self._home / 'log4j2.properties'}",
            *("-cp", f"{JARS}/*"),
        ]


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "")}
