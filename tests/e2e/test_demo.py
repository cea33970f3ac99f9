"""The demonstration as a newcomer runs it, and going on with what it left."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.commands import trace
from services.contracts.vocabulary import Service
from services.demonstration import investor
from services.demonstration.caller import Caller
from services.demonstration.officers import open_windows
from services.runtime import calendar_files, catalogue_files, clock
from services.runtime.embedded.files import Secrets
from services.runtime.embedded.place import Running, read_running
from services.runtime.embedded.tokens import TokenSource
from services.verification import verify
from tests.e2e.town import CALENDAR, any_ports, until

pytestmark = pytest.mark.timeout(240)
LIANSHEN = (sys.executable, "-m", "services")
DEMO_S, STOP_S = 150, 60
CATALOGUE = Path("deploy/catalogue")


@dataclass(frozen=True, kw_only=True)
class Demo:
    """A demonstration that has ended."""

    data: Path
    code: int
    said: str

    @property
    def number(self) -> str:
        """The application it was about."""
        line = next(line for line in self.said.splitlines() if line.startswith("Application "))
        return line.split()[1]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    data = tmp_path_factory.mktemp("demo")
    any_ports(data)
    ended = subprocess.run(
        [*LIANSHEN, "demo", "--data", str(data), "--scenario", "warehouse", "--speed", "2"],
        env={**os.environ, "COLUMNS": "160"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEMO_S,
        check=False,
    )
    return Demo(data=data, code=ended.returncode, said=ended.stdout)


def test_the_demonstration_ends_well_and_says_what_it_did(demo: Demo) -> None:
    assert demo.code == 0, demo.said
    said = demo.said
    assert f"Application {demo.number} accepted; promised for " in said
    figures = {
        "Statutory, one after another": "115",
        "Statutory, in parallel": "60",
        "Promised": "12",
    }
    for words, figure in figures.items():
        line = next(line for line in said.splitlines() if words in line)
        assert figure in line.split(), line
    used = next(line for line in said.splitlines() if "Used" in line)
    assert 0 < int(used.split("│")[2]) <= 12
    for item in ("企业投资项目备案", "建筑工程施工许可证核发"):
        assert item in said
    assert said.count(f"-{demo.number}-") == 11, "every result has its number"
    for place in (*Service, "temporal", "issuer"):
        line = next(line for line in said.splitlines() if line.startswith(f"│ {place} "))
        assert "http://127.0.0.1:" in line
    assert f"lianshen trace {demo.number}" in said
    assert "Concluded within its promise; verified." in said
    assert "lianshen up --data" in said


def test_the_demonstration_leaves_no_process(demo: Demo) -> None:
    running = read_running(demo.data)
    assert running is not None
    assert running.phase == "stopped"
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                environment = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            except OSError:  # ended meanwhile
                continue
            assert str(demo.data).encode() not in environment, entry


def test_its_trace_is_whole(demo: Demo) -> None:
    found = trace.load(demo.data, demo.number)
    assert [(one.service, one.name) for one in found.roots] == [("intake", "POST /v1/applications")]
    assert found.orphans == ()
    assert [service for service, _ in found.processes] == ["departments", "intake", "orchestrator"]
    printed = subprocess.run(
        [*LIANSHEN, "trace", demo.number, "--data", str(demo.data)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert f"{len(found.spans)} spans, 3 processes, 0 orphans" in printed


def test_an_unknown_scenario_is_one_clear_sentence(demo: Demo) -> None:
    ended = subprocess.run(
        [*LIANSHEN, "demo", "--data", str(demo.data), "--scenario", "castle"],
        capture_output=True,
        text=True,
        timeout=DEMO_S,
        check=False,
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "The demonstration failed: somebody was refused: 404: Not found" in ended.stderr


class Up:
    """`lianshen up` in a process of its own."""

    def __init__(self, data: Path, log: Path) -> None:
        self.data = data
        self._output = log.open("ab")
        self._log = log
        self.process = subprocess.Popen(
            [*LIANSHEN, "up", "--data", str(data), "--demo-clock", "1", "--no-viewer"],
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    async def ready(self) -> Running:
        """Wait until it has said that it is ready."""

        async def there() -> bool:
            assert self.process.poll() is None, self._log.read_text()
            state = read_running(self.data)
            return bool(state and state.phase == "ready" and state.pid == self.process.pid)

        await until(there, "the stack is ready", 90)
        state = read_running(self.data)
        assert state is not None
        return state

    async def stop(self) -> None:
        """Ask it to stop and wait until it has."""
        self.process.send_signal(signal.SIGTERM)

        async def ended() -> bool:
            return self.process.poll() is not None

        await until(ended, "the stack has stopped", STOP_S)
        assert self.process.returncode == 0, self._log.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._output.close()


@pytest.fixture
def start(demo: Demo, tmp_path: Path) -> Iterator[Callable[[], Up]]:
    """Starts the stack on what the demonstration left; none outlives the test."""
    made: list[Up] = []

    def go() -> Up:
        made.append(Up(demo.data, tmp_path / "up.log"))
        return made[-1]

    yield go
    for up in made:
        up.kill()


@dataclass(kw_only=True)
class Office:
    """The people of a running stack."""

    investor: Caller
    clock: clock.WorkingClock
    working: "asyncio.Future[Any]"

    async def progress(self, number: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.investor.get(f"/v1/applications/{number}/progress")
        return found


@asynccontextmanager
async def at_work(data: Path, running: Running) -> AsyncIterator[Office]:
    """Let every department work on a stack that runs elsewhere."""
    secrets = Secrets(data / "secrets.json")

    def tokens(client: str) -> TokenSource:
        issuer = running.urls["issuer"]
        return TokenSource(issuer=issuer, client_id=client, secret=secrets.get(f"client:{client}"))

    business = clock.read(data / "clock.json", calendar_files.load(CALENDAR))
    async with AsyncExitStack() as people:
        windows = await open_windows(
            people,
            running.urls["departments"],
            sorted(
                {d.code for one in catalogue_files.load_all(CATALOGUE) for d in one.departments}
            ),
            tokens=tokens,
            clock=business,
            seed=11,
        )
        caller = await people.enter_async_context(
            Caller(running.urls["intake"], tokens("investor"))
        )
        working = asyncio.gather(*(window.work() for window in windows))
        try:
            yield Office(investor=caller, clock=business, working=working)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


async def test_a_stack_that_was_stopped_in_mid_flight_goes_on(
    demo: Demo, start: Callable[[], Up]
) -> None:
    """What `lianshen up` promises: applications in flight are concluded, nothing happens twice."""
    first = start()
    async with at_work(demo.data, await first.ready()) as office:
        number = (await investor.submit(office.investor, "warehouse"))["number"]

        async def under_way() -> bool:
            states = [one["state"] for one in (await office.progress(number))["tasks"]]
            return states.count("decided") >= 4 and "open" in states

        await until(under_way, "some tasks are decided, some are open")
        await first.stop()
        stopped_at = office.clock.now()

    second = start()
    running = await second.ready()
    async with at_work(demo.data, running) as office:
        assert timedelta() <= office.clock.now() - stopped_at < timedelta(days=10)
        before = await office.progress(number)
        assert before["conclusion"] is None

        async def concluded() -> bool:
            if office.working.done():
                office.working.result()
            return (await office.progress(number))["conclusion"] is not None

        await until(concluded, "it goes on to its end")
        after = await office.progress(number)
        assert after["conclusion"] == "granted"
        ended = {one["task"]: one for one in after["tasks"]}
        for one in before["tasks"]:
            if one["state"] == "decided":
                assert ended[one["task"]] == one, "what was decided before the stop stays so"
        results = (await office.investor.get(f"/v1/applications/{number}/results"))["items"]
        assert sorted(one["item"] for one in results) == sorted({one["item"] for one in results})
        assert len(results) == 11
        report = await verify(demo.data, settle=20)
        assert report.findings == []
        assert report.counted["applications"] == 2
    await second.stop()
