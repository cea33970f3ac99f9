"""One child process: own process group, log and pid file; stopped by pid, dead with its parent.

A child must be started from the main thread: the kernel counts the thread that made it as its
parent.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from services.runtime.embedded.errors import StackError, explain_os_error
from services.runtime.embedded.files import make_folder, write_private

_LAUNCH = Path(__file__).with_name("launch.py")
_POLL_S = 0.02
_TAIL_LINES = 12


class Child:
    """A program run for one part of the stack.

    `subprocess.Popen` rather than asyncio's: it belongs to no event loop, so that a session fixture
    may start it in one loop and stop it in another.
    """

    def __init__(
        self, name: str, data: Path, *, stop_signal: int = signal.SIGTERM, grace_s: float = 10.0
    ) -> None:
        self.name = name
        self.log = data / "logs" / f"{name}.log"
        self._pid_file = data / "run" / f"{name}.pid"
        self._stop_signal = stop_signal
        self._grace_s = grace_s
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    @property
    def uptime_s(self) -> float:
        """Seconds since the last start."""
        return time.monotonic() - self._started

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self.running else None  # type: ignore[union-attr]  # running

    @property
    def running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code of the last process, None while it runs or before it was started."""
        return self._process.poll() if self._process else None

    async def spawn(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        death_signal: int = signal.SIGKILL,
    ) -> None:
        """Start the program, after ending what an earlier supervisor may have left behind.

        Raises:
            StackError: the program does not exist or the data folder cannot be written.
        """
        await self._end_leftover()
        make_folder(self.log.parent)
        make_folder(self._pid_file.parent)
        launch = [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), str(death_signal)]
        try:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603, ASYNC220  fork takes a millisecond
                    [*launch, *command],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=dict(env) if env is not None else None,
                    cwd=cwd,
                    start_new_session=True,  # Ctrl-C reaches the supervisor only
                )
        except OSError as error:
            raise explain_os_error(error) from error
        self._started = time.monotonic()
        write_private(self._pid_file, f"{self._process.pid} {born(self._process.pid)}\n")

    async def until(
        self, ready: Callable[[], Awaitable[bool]], *, seconds: float, what: str | None = None
    ) -> None:
        """Wait until `ready` answers true.

        Raises:
            StackError: the process ended or the time is over; the last lines of the log are added.
        """
        deadline = time.monotonic() + seconds
        while not await ready():
            if not self.running:
                raise StackError(f"{self.name} ended with {self.exit_code} at start.{self.tail()}")
            if time.monotonic() > deadline:
                raise StackError(
                    f"{what or self.name} was not ready within {seconds:.0f} s.{self.tail()}"
                )
            await asyncio.sleep(_POLL_S)

    async def stop(self) -> None:
        """End the process: its stop signal, then SIGKILL to its group after the grace."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            _signal(process.pid, self._stop_signal)
            if not await self.ends_within(self._grace_s):
                self.kill()
                await self.ends_within(self._grace_s)
        _signal_group(process.pid, signal.SIGKILL)  # what it may have started and left
        self._pid_file.unlink(missing_ok=True)

    async def ends_within(self, seconds: float) -> bool:
        """Wait until the process has ended; return whether it has."""
        deadline = time.monotonic() + seconds
        while self.running:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_POLL_S)
        return True

    def kill(self) -> None:
        """SIGKILL the whole process group at once."""
        if self._process is not None and self._process.poll() is None:
            _signal_group(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def pause(self) -> None:
        """SIGSTOP the process (fault tests)."""
        if (pid := self.pid) is not None:
            _signal_group(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT the process (fault tests)."""
        if (pid := self.pid) is not None:
            _signal_group(pid, signal.SIGCONT)

    def tail(self, lines: int = _TAIL_LINES) -> str:
        """Return the end of the log with the file's name, to be shown after a sentence."""
        if not self.log.exists():
            return ""
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join([f" The end of {self.log}:", *(f"  | {line}" for line in text)])

    async def _end_leftover(self) -> None:
        """End the process an earlier supervisor recorded, if it is the same one and still runs."""
        if not self._pid_file.exists():
            return
        recorded = self._pid_file.read_text().split()
        if len(recorded) == 2 and born(int(recorded[0])) == recorded[1]:  # noqa: PLR2004  pid and birth
            pid = int(recorded[0])
            _signal(pid, self._stop_signal)
            deadline = time.monotonic() + self._grace_s
            while born(pid) == recorded[1]:
                if time.monotonic() > deadline:
                    _signal_group(pid, signal.SIGKILL)
                await asyncio.sleep(_POLL_S)
        self._pid_file.unlink(missing_ok=True)


def born(pid: int) -> str:
    """Return when a process started, in clock ticks since boot; "" if there is none (or a zombie).

    Together with the pid it names one process for ever, where a pid alone is used again.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
