"""Temporal's development server from a wheel, with its history in the data folder."""

import asyncio
import os
import sys
from http import HTTPStatus
from pathlib import Path

from services.runtime.embedded.errors import StackError
from services.runtime.embedded.ports import LOOPBACK
from services.runtime.embedded.process import Child

_START_S = 60.0
_SEARCH_ATTRIBUTES = ("ProjectCode", "Scenario")
_DYNAMIC = {
    # Default 20 polls a second: a hop between shards took 52 ms, now 16 ms.
    "history.transferProcessorMaxPollRPS": "1000",
}
_PRAGMAS = {"journal_mode": "wal", "synchronous": "normal"}


class Temporal:
    """The workflow server and its web page."""

    name = "temporal"
    namespace = "default"

    def __init__(
        self, data: Path, *, port: int, ui_port: int, http_port: int, metrics_port: int
    ) -> None:
        self.port = port
        self.ui_port = ui_port
        self._http_port = http_port
        self._metrics_port = metrics_port
        self._file = data / "temporal" / "temporal.db"
        self.child = Child(self.name, data, grace_s=10.0)

    @property
    def address(self) -> str:
        """`host:port` of the gRPC front end."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def ui_url(self) -> str:
        """Address of the web page."""
        return f"http://{LOOPBACK}:{self.ui_port}"

    async def start(self) -> None:
        """Start the server on what it knew before, and wait until the namespace answers."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        command = [
            str(wheel_program("temporal")),
            *("server", "start-dev", "--ip", LOOPBACK, "--ui-ip", LOOPBACK),
            *("--port", str(self.port), "--ui-port", str(self.ui_port)),
            *("--http-port", str(self._http_port), "--metrics-port", str(self._metrics_port)),
            *("--db-filename", str(self._file), "--ui-disable-news-fetch"),
            *("--namespace", self.namespace, "--log-level", "warn", "--color", "never"),
        ]
        for attribute in _SEARCH_ATTRIBUTES:
            command += ["--search-attribute", f"{attribute}=Keyword"]
        for key, value in _PRAGMAS.items():
            command += ["--sqlite-pragma", f"{key}={value}"]
        for key, value in _DYNAMIC.items():
            command += ["--dynamic-config-value", f"{key}={value}"]
        home = str(self._file.parent)  # its settings file must not come from the caller's home
        env = {"PATH": os.environ.get("PATH", ""), "HOME": home, "XDG_CONFIG_HOME": home}
        await self.child.spawn(command, env=env, cwd=Path("/"))
        await self.child.until(self.is_ready, seconds=_START_S)

    async def stop(self) -> None:
        """Stop the server; running workflows go on at the next start."""
        await self.child.stop()

    async def wipe(self) -> None:
        """Lose every workflow, as a broken disk would; then start again, empty."""
        self.child.kill()
        await self.child.stop()
        for file in self._file.parent.glob(f"{self._file.name}*"):
            file.unlink()
        await self.start()

    async def is_ready(self) -> bool:
        """Return whether the namespace can be read."""
        path = f"/api/v1/namespaces/{self.namespace}"
        return await http_status(self._http_port, path) == HTTPStatus.OK


def wheel_program(name: str) -> Path:
    """Return a program that a wheel has put beside this Python.

    Raises:
        StackError: the embedded parts are not installed.
    """
    program = Path(sys.executable).with_name(name)
    if not program.exists():
        raise StackError(f"{name} is not installed: run `make setup` first.")
    return program


async def http_status(port: int, path: str) -> int | None:
    """Return the status of a GET on loopback, None without an answer."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                request = f"GET {path} HTTP/1.0\r\nHost: {LOOPBACK}:{port}\r\n\r\n"
                writer.write(request.encode())
                await writer.drain()
                line = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return None
    parts = line.split()
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else None
