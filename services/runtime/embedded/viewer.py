"""The trace viewer of the stack: receives OTLP and shows traces. The stack goes on without it."""

from http import HTTPStatus
from pathlib import Path

from services.runtime.embedded.files import make_folder
from services.runtime.embedded.node import node_environment, node_module, node_program
from services.runtime.embedded.ports import LOOPBACK
from services.runtime.embedded.process import Child
from services.runtime.embedded.temporal import http_status

_START_S = 30.0
_CLI = ("autotel-devtools", "dist", "cli.js")


class TraceViewer:
    """autotel-devtools on the wheel's Node; its traces are kept in the data folder."""

    name = "viewer"

    def __init__(self, data: Path, *, port: int, grpc_port: int) -> None:
        self.port = port
        self._grpc_port = grpc_port
        self._data = data
        self.child = Child(self.name, data, grace_s=5.0)

    @staticmethod
    def installed() -> bool:
        """Return whether the viewer's package is there (it is an optional one)."""
        return node_module(*_CLI) is not None

    @property
    def url(self) -> str:
        """Address of the page, and base address for OTLP over HTTP."""
        return f"http://{LOOPBACK}:{self.port}"

    def trace_url(self, trace_id: str) -> str:
        """Return the address of one trace's page."""
        return f"{self.url}/#trace={trace_id}"

    async def start(self) -> None:
        """Start the viewer and wait until it answers.

        Raises:
            StackError: it does not start.
        """
        file = make_folder(self._data / "viewer") / "traces.db"
        command = [
            *(node_program(), "--max-old-space-size=256", str(node_module(*_CLI))),
            *("--host", LOOPBACK, "--port", str(self.port), "--grpc-port", str(self._grpc_port)),
            *("--db", str(file), "--db-max-size", "256mb", "--title", "Lianshen"),
        ]
        await self.child.spawn(command, env=node_environment(), cwd=self._data)
        await self.child.until(self.is_ready, seconds=_START_S)

    async def stop(self) -> None:
        """Stop the viewer; its traces are kept."""
        await self.child.stop()

    async def is_ready(self) -> bool:
        """Return whether the viewer answers."""
        return await http_status(self.port, "/healthz") == HTTPStatus.OK
