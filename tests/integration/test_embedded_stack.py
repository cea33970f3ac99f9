"""The stack as a whole: one data folder, nothing left behind, goes on where it was."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from embedded_up import small

from services.departments import settings as departments
from services.intake import settings as intake
from services.orchestrator import settings as orchestrator
from services.runtime import calendar_files, clock
from services.runtime.embedded.errors import StackError
from services.runtime.embedded.place import Place, read_running
from services.runtime.embedded.process import born
from services.runtime.embedded.service import REPOSITORY
from services.runtime.embedded.stack import Stack
from services.runtime.settings import Group, ServiceSettings

HERE = Path(__file__).parent


async def until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "not within the time"
        await asyncio.sleep(0.05)


def recorded(folder: Path) -> dict[int, str]:
    """Return the pid and birth of every part that runs, by its pid file."""
    return {
        int(pid): birth
        for pid, birth in (file.read_text().split() for file in (folder / "run").glob("*.pid"))
    }


def alive(parts: dict[int, str]) -> list[int]:
    """Return those of the recorded processes that still run."""
    return [pid for pid, birth in parts.items() if born(pid) == birth]


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of processes with a data folder in their arguments or settings."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:  # ended meanwhile
                continue
            if str(folder).encode() in text:
                found.append((entry / "cmdline").read_text().replace("\0", " "))
    return found


class Up:
    """A stack in a process of its own."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.data = data
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "embedded_up.py"), str(data), *arguments],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def ready(self) -> bool:
        """Whether this very process has published a running stack."""
        assert self.process.poll() is None, self.process.communicate()[0]
        state = read_running(self.data)
        return state is not None and state.phase == "ready" and state.pid == self.process.pid

    def ended(self) -> tuple[int, str]:
        """Return the exit code and everything that was printed."""
        said = self.process.communicate(timeout=60)[0]
        return self.process.returncode, said


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Starts stacks on this test's folder; none outlives the test."""
    made: list[Up] = []

    def go(*arguments: str) -> Up:
        made.append(Up(tmp_path / "data", *arguments))
        return made[-1]

    yield go
    for up in made:
        up.process.kill()
        up.process.wait()


async def test_a_killed_supervisor_leaves_no_process_and_loses_nothing(
    start: Callable[..., Up], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    first = start()
    await until(lambda: first.ready)
    parts = recorded(data)
    assert len(alive(parts)) == 5  # Postgres, broker, Temporal, OpenID provider, one service
    assert processes_of(data)
    ports = json.loads((data / "ports.json").read_text())
    state = read_running(data)
    assert state is not None
    dsn = state.environment["small"]["LIANSHEN_DATABASE__DSN"]
    owner = json.loads((data / "secrets.json").read_text())["database:small_owner"]
    port = ports["postgres"]
    connection = await asyncpg.connect(f"postgresql://small_owner:{owner}@127.0.0.1:{port}/small")
    await connection.execute("CREATE TABLE kept AS SELECT 1 AS n; GRANT SELECT ON kept TO small")
    await connection.close()

    first.process.kill()
    first.process.wait()
    await until(lambda: not alive(parts) and not processes_of(data), seconds=15)

    second = start()
    await until(lambda: second.ready)
    assert json.loads((data / "ports.json").read_text()) == ports
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("SELECT n FROM kept") == 1
    await connection.close()
    parts = recorded(data)
    second.process.send_signal(signal.SIGINT)
    code, said = second.ended()
    assert code == 0
    assert "goes on where it was" in said
    assert not alive(parts)
    assert not processes_of(data)


async def test_ctrl_c_while_starting_leaves_no_process(
    start: Callable[..., Up], tmp_path: Path
) -> None:
    up = start()
    await until((tmp_path / "data" / "run" / "temporal.pid").exists)
    up.process.send_signal(signal.SIGINT)
    code, _ = up.ended()
    assert code == 0
    assert not processes_of(tmp_path / "data")


async def test_a_second_stack_on_the_same_folder_is_refused_in_one_sentence(
    start: Callable[..., Up], tmp_path: Path
) -> None:
    first = start()
    await until(lambda: first.ready)
    code, said = start().ended()
    assert code == 1
    folder = tmp_path / "data"
    assert said.startswith(
        f"A stack is already running on {folder} (process {first.process.pid}): "
    )
    assert said.count("\n") == 1
    assert first.process.poll() is None


async def test_the_clock_of_a_demo_stands_still_while_the_stack_is_stopped(
    start: Callable[..., Up], tmp_path: Path
) -> None:
    file = tmp_path / "data" / "clock.json"
    calendar = calendar_files.load(REPOSITORY / "deploy" / "calendar")
    first = start("2.0")
    await until(lambda: first.ready)
    first.process.kill()
    first.process.wait()
    # Readers stop counting at the end of the lease, three seconds after the last touch.
    await asyncio.sleep(3.2)
    stopped = clock.read(file, calendar).now()
    await asyncio.sleep(0.5)
    assert clock.read(file, calendar).now() == stopped
    second = start()  # no scale named: it goes on with what it was begun with
    await until(lambda: second.ready)
    reader = clock.read(file, calendar)
    assert reader.seconds_per_working_day == 2.0
    before = reader.now()
    assert before >= stopped
    await until(lambda: reader.now() > before)
    environment = read_running(tmp_path / "data").environment["small"]  # type: ignore[union-attr]  # it is up
    assert environment["LIANSHEN_CLOCK__SECONDS_PER_WORKING_DAY"] == "2.0"
    assert environment["LIANSHEN_CLOCK__DEMO"] == "true"


def test_real_time_and_a_demo_do_not_share_a_folder(tmp_path: Path) -> None:
    place = Place(tmp_path).hold()
    # A start that failed before anything was in the folder decides nothing.
    place.begin(seconds_per_working_day=1.0, departments=("fire",))
    place.keep(place.begin(seconds_per_working_day=None, departments=("fire",)))
    with pytest.raises(StackError, match="was begun on real time"):
        place.begin(seconds_per_working_day=1.0, departments=("fire",))
    begun = place.begin(seconds_per_working_day=None, departments=("planning",))
    assert begun.departments == ("fire", "planning")
    place.release()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A stack in this process, with what it says in `stack.said`."""
    said: list[str] = []
    made = Stack(
        tmp_path_factory.mktemp("stack"),
        services=[small("small"), small("other")],
        departments=["fire"],
        viewer=False,
        say=said.append,
    )
    made.said = said  # type: ignore[attr-defined]  # set by the fixture  # for the tests only
    async with made:
        yield made


@pytest.mark.asyncio(loop_scope="module")
async def test_a_service_that_ends_is_started_again(stack: Stack) -> None:
    child = stack.part("small").child
    pid = child.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await until(lambda: child.pid not in (None, pid))
    await until(lambda: any("small is back" in one for one in stack.said))  # type: ignore[attr-defined]  # fixture
    assert not born(pid)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_part_that_was_killed_stays_down_until_restarted(stack: Stack) -> None:
    for name in ("small", "temporal", "postgres", "oidc"):
        child = stack.part(name).child
        before = child.pid
        await stack.kill(name)
        assert child.pid is None
        await asyncio.sleep(1.0)  # four looks of the keeper
        assert child.pid is None
        await stack.restart(name)
        assert await stack.part(name).is_ready()
        assert child.pid != before


@pytest.mark.asyncio(loop_scope="module")
async def test_a_wiped_broker_is_back_at_the_same_address(stack: Stack) -> None:
    before = stack.broker.bootstrap
    await stack.wipe_broker()
    assert await stack.broker.is_ready()
    assert stack.broker.bootstrap == before


@pytest.mark.asyncio(loop_scope="module")
async def test_services_get_every_address_as_settings_that_are_accepted(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack.environment("small").items():
        monkeypatch.setenv(name, value)
    settings = ServiceSettings()
    connection = await asyncpg.connect(settings.database.dsn_of("small"))
    assert await connection.fetchval("SELECT current_user") == "small"
    await connection.close()
    assert settings.kafka.bootstrap == stack.broker.bootstrap
    assert settings.kafka.idempotence is stack.broker.idempotent
    assert settings.oidc.issuer == stack.oidc.issuer
    assert settings.http.port == stack.services["small"].port
    assert settings.audit.key_file is not None
    assert settings.audit.key_file.stat().st_mode & 0o777 == 0o600
    assert await stack.tokens("chief-fire").get()
    used = set[str]()
    for kind in (intake.Settings, orchestrator.Settings, departments.Settings):
        used |= _names(kind())
    assert set(stack.environment("small")) <= used


def _names(settings: ServiceSettings) -> set[str]:
    """Return the variables that set something."""
    found = set()
    for name, value in settings:
        inner = type(value).model_fields if isinstance(value, Group) else None
        found |= {f"{name}__{field}" for field in inner} if inner else {name}
    return {f"LIANSHEN_{name.upper()}" for name in found}


def test_an_orphaned_state_file_is_not_taken_for_a_running_stack(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text(
        json.dumps({"pid": os.getpid(), "born": "1", "phase": "ready"})
    )
    state = read_running(tmp_path)
    assert state is not None
    assert not state.alive
