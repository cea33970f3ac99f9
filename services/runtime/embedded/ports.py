"""Free loopback ports, remembered in the data folder so that a restart keeps its addresses."""

import json
import random
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from services.runtime.embedded.errors import StackError
from services.runtime.embedded.files import write_private

LOOPBACK = "127.0.0.1"
# Below the kernel's ephemeral range, so that no outgoing connection takes a port between the
# moment it is chosen and the moment its part listens on it.
_LOWEST, _HIGHEST = 20_000, 32_000


def is_free(port: int) -> bool:
    """Return whether nothing listens on this loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A port in TIME_WAIT is free for a server, and every part sets this option too.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


class Claims:
    """Ports that a stack has chosen and its parts do not listen on yet, told to other stacks.

    A claim is a name among the kernel's abstract sockets (Linux): it ends with its process,
    whatever ends that. Elsewhere nothing is claimed: two stacks that start in the same seconds may
    then choose one port, and the second says so when its part cannot listen.
    """

    def __init__(self) -> None:
        self._held: dict[int, socket.socket] = {}

    def claim(self, port: int) -> bool:
        """Return whether the port is ours now."""
        if port in self._held or sys.platform != "linux":
            return True
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0lianshen-port-{port}")
        except OSError:
            claim.close()
            return False
        self._held[port] = claim
        return True

    def release(self) -> None:
        """Give all ports back."""
        while self._held:
            self._held.popitem()[1].close()


class Ports:
    """The ports of one stack.

    A port that was asked for must be free; a preferred or remembered one is replaced when another
    program has taken it, or another stack has claimed it, and `moved` then holds a sentence.
    Without `claims` nothing is claimed, but what others have claimed is left to them.
    """

    def __init__(
        self,
        file: Path,
        *,
        asked: Mapping[str, int] | None = None,
        preferred: Mapping[str, int] | None = None,
        claims: Claims | None = None,
    ) -> None:
        self._file = file
        self._asked = dict(asked or {})
        self._preferred = dict(preferred or {})
        self._claims = claims
        self._known: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        self.moved: list[str] = []

    def take(self, name: str) -> int:
        """Return the port for `name`: asked for, remembered, preferred, or any that is free.

        Raises:
            StackError: the port that was asked for is in use, or none is free.
        """
        if (asked := self._asked.get(name)) is not None:
            if not self._is_ours(asked):
                raise StackError(
                    f"Port {asked}, asked for {name}, is in use by another program: "
                    "stop it or name another port."
                )
            return self._remember(name, asked)
        remembered = self._known.get(name)
        for candidate in (remembered, self._preferred.get(name)):
            if candidate is not None and self._usable(name, candidate):
                return self._remember(name, candidate)
        found = self._any(name)
        if remembered is not None:
            self.moved.append(
                f"Port {remembered}, used by {name} before, is in use by another program: "
                f"{name} is now on port {found}."
            )
        return self._remember(name, found)

    def _usable(self, name: str, port: int) -> bool:
        others = {known for other, known in self._known.items() if other != name}
        return port not in others and self._is_ours(port)

    def _is_ours(self, port: int) -> bool:
        if not is_free(port):
            return False
        if self._claims is not None:
            return self._claims.claim(port)
        passing = Claims()
        unclaimed = passing.claim(port)
        passing.release()
        return unclaimed

    def _any(self, name: str) -> int:
        for _ in range(200):
            port = random.randint(_LOWEST, _HIGHEST)  # noqa: S311  a port is no secret
            if self._usable(name, port):
                return port
        raise StackError(f"No free port for {name} between {_LOWEST} and {_HIGHEST} on {LOOPBACK}.")

    def _remember(self, name: str, port: int) -> int:
        if self._known.get(name) != port:
            self._known[name] = port
            write_private(self._file, json.dumps(self._known, indent=2, sort_keys=True))
        return port
