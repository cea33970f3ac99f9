"""One child process: it leaves nothing behind, however its supervisor ends."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.runtime.embedded.errors import StackError
from services.runtime.embedded.files import Secrets, make_folder, write_private
from services.runtime.embedded.ports import Claims, Ports, is_free
from services.runtime.embedded.process import Child, born

SLEEP = ["/bin/sleep", "300"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True);"
    " time.sleep(300)",
]
SUPERVISOR = """
import asyncio, sys, time
from pathlib import Path
from services.runtime.embedded.process import Child
child = Child("part", Path(sys.argv[1]))
asyncio.run(child.spawn(["/bin/sleep", "300"]))
print(child.pid, flush=True)
time.sleep(300)
"""


async def until(true: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "not within the time"
        await asyncio.sleep(0.02)


async def test_stop_ends_a_child_and_its_pid_file(tmp_path: Path) -> None:
    child = Child("part", tmp_path)
    await child.spawn(SLEEP)
    pid = child.pid
    assert pid is not None
    assert os.getpgid(pid) == pid, "a group of its own: Ctrl-C must not reach it"
    await child.stop()
    assert not born(pid)
    assert child.exit_code == -signal.SIGTERM
    assert not list((tmp_path / "run").iterdir())


async def test_a_child_that_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    child = Child("part", tmp_path, grace_s=0.3)
    await child.spawn(STUBBORN)
    await until(lambda: "up" in child.tail())
    await child.stop()
    assert child.exit_code == -signal.SIGKILL


@pytest.mark.parametrize("already_running", [True, False])
async def test_a_child_dies_with_a_killed_supervisor(tmp_path: Path, already_running: bool) -> None:
    supervisor = subprocess.Popen(  # noqa: ASYNC220  is quick
        [sys.executable, "-c", SUPERVISOR, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    pid = int(supervisor.stdout.readline())
    if already_running:
        await until(lambda: b"sleep" in Path(f"/proc/{pid}/comm").read_bytes())
    supervisor.kill()
    supervisor.wait()
    await until(lambda: not born(pid))


async def test_what_an_earlier_supervisor_left_is_ended_before_a_start(tmp_path: Path) -> None:
    left = subprocess.Popen(SLEEP, start_new_session=True)  # noqa: ASYNC220  is quick
    (make_folder(tmp_path / "run") / "part.pid").write_text(f"{left.pid} {born(left.pid)}\n")
    child = Child("part", tmp_path)
    starting = asyncio.create_task(child.spawn(SLEEP))
    await until(lambda: left.poll() is not None)
    await starting
    await child.stop()


async def test_a_pid_that_was_given_to_another_program_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen(SLEEP, start_new_session=True)  # noqa: ASYNC220  is quick
    (make_folder(tmp_path / "run") / "part.pid").write_text(f"{other.pid} 1\n")
    child = Child("part", tmp_path)
    await child.spawn(SLEEP)
    assert other.poll() is None
    await child.stop()
    other.kill()
    other.wait()


async def test_a_program_that_ends_at_start_shows_its_last_words(tmp_path: Path) -> None:
    child = Child("part", tmp_path)

    async def never() -> bool:
        return False

    await child.spawn([sys.executable, "-c", "print('no licence'); raise SystemExit(3)"])
    with pytest.raises(StackError, match=r"part ended with 3 at start.*part\.log.*\n.*no licence"):
        await child.until(never, seconds=10)
    await child.stop()


async def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    child = Child("part", tmp_path)

    async def never() -> bool:
        return False

    await child.spawn(["/nowhere/program"])
    with pytest.raises(StackError, match="/nowhere/program"):
        await child.until(never, seconds=10)


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    listening = socket.create_server(("127.0.0.1", 0))
    yield listening
    listening.close()


def test_a_port_is_remembered(tmp_path: Path) -> None:
    first = Ports(tmp_path / "ports.json").take("broker")
    assert Ports(tmp_path / "ports.json").take("broker") == first
    assert is_free(first)


def test_a_remembered_port_in_use_is_replaced_with_a_sentence(
    tmp_path: Path, taken: socket.socket
) -> None:
    port = taken.getsockname()[1]
    (tmp_path / "ports.json").write_text(f'{{"broker": {port}}}')
    ports = Ports(tmp_path / "ports.json")
    found = ports.take("broker")
    assert found != port
    assert ports.moved == [
        f"Port {port}, used by broker before, is in use by another program: "
        f"broker is now on port {found}."
    ]


def test_a_port_asked_for_and_in_use_is_refused(tmp_path: Path, taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    with pytest.raises(StackError, match=f"^Port {port}, asked for intake, is in use"):
        Ports(tmp_path / "ports.json", asked={"intake": port}).take("intake")


def test_two_parts_never_share_a_preferred_port(tmp_path: Path) -> None:
    ports = Ports(tmp_path / "ports.json", preferred={"a": 31_999, "b": 31_999})
    assert ports.take("a") != ports.take("b")


@pytest.mark.skipif(sys.platform != "linux", reason="claims are abstract sockets, Linux alone")
def test_two_stacks_that_start_together_never_choose_one_port(tmp_path: Path) -> None:
    first, second = Claims(), Claims()
    port = Ports(tmp_path / "1.json", claims=first).take("a")
    other = Ports(tmp_path / "2.json", preferred={"a": port}, claims=second)
    assert other.take("a") != port
    assert Ports(tmp_path / "4.json", preferred={"a": port}).take("a") != port
    first.release()
    assert Ports(tmp_path / "3.json", preferred={"a": port}, claims=second).take("a") == port
    second.release()


def test_secrets_are_kept_and_private(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    made = Secrets(file).get("postgres")
    assert len(made) >= 32
    assert Secrets(file).get("postgres") == made
    assert Secrets(file).get("other") != made
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError) as found:
        make_folder(tmp_path / "file" / "below")
    assert "\n" not in str(found.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_sentence_and_keeps_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    write_private(file, "old")
    (tmp_path / f".secrets.json.{os.getpid()}.new").symlink_to("/dev/full")
    with pytest.raises(StackError, match=r"^The disk holding .* is full: free some space"):
        write_private(file, "new")
    assert file.read_text() == "old"
