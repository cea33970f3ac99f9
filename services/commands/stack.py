"""`lianshen up`, `down` and `status`: the embedded stack on one machine."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from services.runtime.embedded.place import Running
    from services.runtime.embedded.stack import Stack

DEFAULT_DATA = Path(".lianshen")
_DOWN_S = 60.0
_UP_S = 300.0
_POLL_S = 0.1
_INTERRUPTED = 130
_TAIL_LINES = 14

Data = Annotated[Path, typer.Option(help="The stack's only folder: databases, keys, logs.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command()
    def up(
        data: Data = DEFAULT_DATA,
        demo_clock: Annotated[
            float | None,
            typer.Option(metavar="SECONDS", help="Demo: a working day lasts so many seconds."),
        ] = None,
        port: Annotated[
            list[str] | None, typer.Option(metavar="PART=NUMBER", help="A port of one part.")
        ] = None,
        viewer: Annotated[bool, typer.Option(help="Run the trace viewer.")] = True,
        detach: Annotated[bool, typer.Option("--detach", help="Run in the background.")] = False,
    ) -> None:
        """Start everything on loopback and keep it running until Ctrl-C; goes on where it was."""
        if detach:
            fail_clearly(lambda: _detach(data))
        else:
            ports = _ports(port or [])
            fail_clearly(lambda: _run(data, demo_clock, ports, viewer))

    @app.command()
    def down(data: Data = DEFAULT_DATA) -> None:
        """Stop the stack that runs on this data folder."""
        fail_clearly(lambda: _down(data))

    @app.command()
    def status(data: Data = DEFAULT_DATA) -> None:
        """Show what runs; exit code 1 when it is not ready."""
        fail_clearly(lambda: _status(data))


def make_stack(
    data: Path,
    *,
    demo_clock: float | None = None,
    ports: dict[str, int] | None = None,
    viewer: bool = True,
) -> "Stack":
    """Return the stack of this repository's county: all three services, all its departments.

    A folder with a catalogue of its own (that of a demonstration) goes on with it.

    Raises:
        StackError: the catalogue cannot be read.
    """
    from services.contracts.vocabulary import Service
    from services.demonstration.county import folder_of
    from services.runtime import catalogue_files
    from services.runtime.embedded.errors import StackError
    from services.runtime.embedded.service import REPOSITORY, ServiceSpec
    from services.runtime.embedded.stack import Stack

    own = folder_of(data)
    folder = own if own.exists() else REPOSITORY / "deploy" / "catalogue"
    try:
        catalogues = catalogue_files.load_all(folder)
    except catalogue_files.CatalogueError as error:
        raise StackError(f"The catalogue in {folder} cannot be used: {error}") from error
    codes = sorted({found.code for one in catalogues for found in one.departments})
    return Stack(
        data,
        services=[ServiceSpec.of(service) for service in Service],
        departments=codes,
        seconds_per_working_day=demo_clock,
        viewer=viewer,
        ports=ports,
        catalogue_folder=folder,
        say=say,
    )


def are_authorisations_required() -> bool:
    """Whether the departments' service of a stack started here asks for written authorisations."""
    from services.departments.settings import Settings

    return Settings().authorisations == "required"


async def authorise(stack: "Stack") -> None:
    """Give the representatives of a stack that just started what they need to decide."""
    from services.demonstration.authorisations import authorise as sign
    from services.runtime import calendar_files, clock
    from services.runtime.embedded.service import REPOSITORY

    if not are_authorisations_required():
        return
    calendar = calendar_files.load(REPOSITORY / "deploy" / "calendar")
    running = (
        clock.SystemClock() if stack.clock_file is None else clock.read(stack.clock_file, calendar)
    )
    signed = await sign(
        stack.urls["departments"],
        stack.departments,
        tokens=stack.tokens,
        today=calendar.local_date(running.now()),
    )
    if signed:
        say(f"{signed} representatives were given their written authorisations.")


def say(sentence: str) -> None:
    """Print one sentence for the person at the terminal."""
    typer.echo(sentence, err=True)


def run_until_interrupted(stack: "Stack") -> None:
    """Run a stack until SIGINT, SIGTERM or SIGHUP; a second signal ends it at once.

    Raises:
        StackError: it cannot be started.
    """
    asyncio.run(_serve(stack))


async def _serve(stack: "Stack") -> None:
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def ask() -> None:
        if asked.is_set():
            # Every child dies with this process: the kernel sees to it.
            os._exit(_INTERRUPTED)
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ask)
    starting = asyncio.create_task(stack.start())
    waiting = asyncio.create_task(asked.wait())
    await asyncio.wait((starting, waiting), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        say("Stopping ...")
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        waiting.cancel()
        return
    try:
        starting.result()
        await authorise(stack)
        _show(stack.urls, stack.data, stack.oidc.password)
        await waiting
        say("Stopping ... (`lianshen up` goes on where it was)")
    finally:
        waiting.cancel()
        await stack.stop()


def _run(data: Path, demo_clock: float | None, ports: dict[str, int], viewer: bool) -> None:
    run_until_interrupted(make_stack(data, demo_clock=demo_clock, ports=ports, viewer=viewer))


def _detach(data: Path) -> None:
    """Start the same command in the background and wait until it is ready."""
    from services.runtime.embedded.errors import StackError
    from services.runtime.embedded.files import make_folder

    log = make_folder(data / "logs") / "stack.log"
    command = [sys.executable, "-m", "services", *(a for a in sys.argv[1:] if a != "--detach")]
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  this very command
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + _UP_S
    while (state := _running(data)) is None or state.pid != process.pid or state.phase != "ready":
        if process.poll() is not None or time.monotonic() > deadline:
            raise StackError(f"The stack did not start; the end of {log}:\n{_tail(log)}")
        time.sleep(_POLL_S)
    _show(state.urls, data, _password(data))


def _down(data: Path) -> None:
    from services.runtime.embedded.errors import StackError

    state = _running(data)
    if state is None:
        say(f"No stack is running on {data}.")
        return
    os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + _DOWN_S
    while state.alive:
        if time.monotonic() > deadline:
            raise StackError(f"Process {state.pid} did not stop within {_DOWN_S:.0f} s.")
        time.sleep(_POLL_S)
    say("Stopped.")


def _status(data: Path) -> None:
    state = _running(data)
    if state is None:
        say(f"No stack is running on {data}.")
        raise typer.Exit(1)
    if state.phase != "ready":
        say(f"The stack on {data} is {state.phase} (process {state.pid}).")
        raise typer.Exit(1)
    _show(state.urls, data, _password(data))


def _running(data: Path) -> "Running | None":
    from services.runtime.embedded.place import read_running

    state = read_running(data)
    return state if state is not None and state.alive else None


def _password(data: Path) -> str:
    """Return what people log in with on a folder whose stack has started."""
    from services.runtime.embedded.files import Secrets
    from services.runtime.embedded.oidc import password_of

    return password_of(Secrets(data / "secrets.json"))


def _show(urls: dict[str, str], data: Path, password: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Lianshen 联审", title_justify="left", show_header=False)
    names = {"temporal": "Temporal", "viewer": "traces", "issuer": "OpenID issuer"}
    for part, url in urls.items():
        table.add_row(names.get(part, part), url)
    table.add_row("log in as", f"investor, officer-..., chief-..., operator; password {password}")
    table.add_row("logs", str(data / "logs"))
    Console().print(table)


def _ports(pairs: list[str]) -> dict[str, int]:
    found = {}
    for pair in pairs:
        part, _, number = pair.partition("=")
        if not number.isdecimal() or not 0 < int(number) < 65_536:  # noqa: PLR2004  ports
            raise typer.BadParameter(f"{pair}: expected PART=NUMBER, such as intake=8000")
        found[part] = int(number)
    return found


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").strip().splitlines()[-_TAIL_LINES:])


def fail_clearly(work: Callable[[], None]) -> None:
    """Run a command; what stops the stack is said in its one sentence, with exit code 1."""
    from services.runtime.embedded.errors import StackError

    try:
        work()
    except StackError as error:
        say(str(error))
        raise typer.Exit(1) from error
