"""The data folder of a stack: who holds it, what it was begun with, what runs in it now."""

import fcntl
import os
from pathlib import Path
from typing import Self, TextIO

import msgspec
from msgspec import Struct

from services.runtime.embedded.errors import StackError, explain_os_error
from services.runtime.embedded.files import make_folder, write_private
from services.runtime.embedded.process import born


class Begun(Struct, frozen=True, kw_only=True):
    """What a data folder was begun with and keeps for ever, so that a restart goes on the same."""

    seconds_per_working_day: float | None = None
    departments: tuple[str, ...] = ()


class Running(Struct, frozen=True, kw_only=True):
    """What runs: the supervisor, the phase, addresses for people and settings for commands.

    `environment` holds, for each service, the LIANSHEN_* variables it was started with: commands
    such as `lianshen verify` read the stack through them. The file has secrets in it: mode 0600.
    """

    pid: int
    born: str
    phase: str
    urls: dict[str, str] = {}
    logs: dict[str, str] = {}
    environment: dict[str, dict[str, str]] = {}

    @property
    def alive(self) -> bool:
        """Return whether the supervisor that wrote this still runs."""
        return bool(self.born) and born(self.pid) == self.born


class Place:
    """A data folder held by one supervisor at a time."""

    def __init__(self, data: Path) -> None:
        self.data = data.resolve()
        self._lock: TextIO | None = None

    def hold(self) -> Self:
        """Create the folder if need be and take its lock, which ends with this process.

        Raises:
            StackError: another stack holds it, or it cannot be written.
        """
        make_folder(self.data)
        try:
            lock = (self.data / "lock").open("a")
        except OSError as error:
            raise explain_os_error(error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            holder = read_running(self.data)
            who = f" (process {holder.pid})" if holder is not None and holder.alive else ""
            raise StackError(
                f"A stack is already running on {self.data}{who}: use it, stop it with "
                "`lianshen down`, or choose another folder with --data."
            ) from None
        self._lock = lock
        return self

    def release(self) -> None:
        """Give the folder up."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def begin(
        self, *, seconds_per_working_day: float | None, departments: tuple[str, ...]
    ) -> Begun:
        """Return what the folder was begun with and departments that are new; writes nothing.

        Raises:
            StackError: its clock was begun otherwise. Real time and a demo's do not mix.
        """
        file = self.data / "begun.json"
        known = msgspec.json.decode(file.read_bytes(), type=Begun) if file.exists() else None
        if known is None:
            known = Begun(seconds_per_working_day=seconds_per_working_day)
        wanted = seconds_per_working_day or known.seconds_per_working_day
        if (known.seconds_per_working_day is None) != (wanted is None):
            raise StackError(
                f"{self.data} was begun on real time: choose another folder with --data for a demo."
            )
        more = tuple(code for code in departments if code not in known.departments)
        return Begun(seconds_per_working_day=wanted, departments=known.departments + more)

    def keep(self, begun: Begun) -> None:
        """Write down what the folder was begun with, once there is something in it."""
        write_private(self.data / "begun.json", msgspec.json.encode(begun).decode())

    def publish(self, running: Running) -> None:
        """Write what runs, for `lianshen status` and the other commands."""
        write_private(_state_file(self.data), msgspec.json.encode(running).decode())


def read_running(data: Path) -> Running | None:
    """Return what the last stack on this folder published, None if there was none."""
    file = _state_file(data)
    if not file.exists():
        return None
    return msgspec.json.decode(file.read_bytes(), type=Running)


def myself(phase: str) -> Running:
    """Return a state that names this process as the supervisor."""
    return Running(pid=os.getpid(), born=born(os.getpid()), phase=phase)


def _state_file(data: Path) -> Path:
    return data / "stack.json"
