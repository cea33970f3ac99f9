"""One of our own services as a child process of the stack."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from services.runtime.embedded.errors import StackError
from services.runtime.embedded.ports import LOOPBACK
from services.runtime.embedded.process import Child
from services.runtime.embedded.temporal import http_status

REPOSITORY = Path(__file__).parents[3]
LIANSHEN = (sys.executable, "-m", "services")
_START_S = 90.0
_PREPARE_S = 180.0
# The workflow sandbox imports the domain anew for every application: without the compiled files
# that takes four times as long.
_NOT_INHERITED = frozenset({"PYTHONDONTWRITEBYTECODE"})


@dataclass(frozen=True, kw_only=True)
class ServiceSpec:
    """What to run: the command of a service, and commands to run to their end before it.

    The migration runs with the role that owns the tables, the service with its own.
    """

    name: str
    command: tuple[str, ...]
    migrate: tuple[str, ...] | None = None

    @classmethod
    def of(cls, name: str) -> "ServiceSpec":
        """Return the specification of one of our services, by its name."""
        return cls(name=name, command=(*LIANSHEN, name), migrate=(*LIANSHEN, "migrate", name))


class ServiceProcess:
    """A running service, ready when its /readyz says so."""

    def __init__(
        self, data: Path, *, spec: ServiceSpec, port: int, environment: Mapping[str, str]
    ) -> None:
        self.name = spec.name
        self.port = port
        self._spec = spec
        self._data = data
        self._environment = environment
        self.child = Child(self.name, data, grace_s=20.0)

    @property
    def url(self) -> str:
        """Address of the service."""
        return f"http://{LOOPBACK}:{self.port}"

    async def migrate(self, owner_dsn: str) -> None:
        """Bring the service's database to the newest form.

        Raises:
            StackError: the migration failed; the end of its output is added.
        """
        if self._spec.migrate is None:
            return
        child = Child(f"{self.name}-migrate", self._data, grace_s=5.0)
        environment = {**self._full(), "LIANSHEN_DATABASE__OWNER_DSN": owner_dsn}
        await child.spawn(self._spec.migrate, env=environment, cwd=REPOSITORY)
        try:
            ended = await child.ends_within(_PREPARE_S)
        finally:
            await child.stop()
        if not ended or child.exit_code != 0:
            raise StackError(f"The database of {self.name} could not be migrated.{child.tail()}")

    async def start(self) -> None:
        """Start the service and wait until it is ready.

        Raises:
            StackError: it ended or is not ready in time; the end of its log is added.
        """
        await self.child.spawn(self._spec.command, env=self._full(), cwd=REPOSITORY)
        await self.child.until(self.is_ready, seconds=_START_S)

    async def stop(self) -> None:
        """Let the service finish what it is doing and end."""
        await self.child.stop()

    async def is_ready(self) -> bool:
        """Return whether the service says that it is ready."""
        return await http_status(self.port, "/readyz") == HTTPStatus.OK

    def _full(self) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}
        return {**inherited, "PYTHONUNBUFFERED": "1", **self._environment}
