"""`lianshen demo`: one application through every department, on real parts, before one's eyes."""

import asyncio
import signal
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.commands.stack import (
    DEFAULT_DATA,
    are_authorisations_required,
    authorise,
    fail_clearly,
    make_stack,
    say,
)

if TYPE_CHECKING:
    from rich.console import Console

    from services.demonstration.officers import Window
    from services.runtime.embedded.stack import Stack

SEED = 20260105
LOOK_EVERY_S = 0.3
LONGEST_S = 240.0
INTERRUPTED = 130
SETTLE_S = 30.0


class DemoFailedError(Exception):
    """The demonstration did not end as it must; the message says how."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What is known at the end."""

    plan: dict[str, Any]
    progress: dict[str, Any]
    results: dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def demo(
        data: Annotated[Path, typer.Option(help="The stack's only folder.")] = DEFAULT_DATA,
        scenario: Annotated[
            str, typer.Option(help="A scenario of the catalogue.", envvar="SCENARIO")
        ] = "plant",
        speed: Annotated[
            float, typer.Option(metavar="SECONDS", min=0.2, help="Length of a working day.")
        ] = 1.0,
        seed: Annotated[int, typer.Option(help="Of the simulated officers.")] = SEED,
    ) -> None:
        """Hand in one application and watch every department work on it at the same time.

        Ends with 0 only if it was concluded within its promise and `verify` finds nothing wrong.
        """
        fail_clearly(lambda: asyncio.run(_until_interrupted(_demo(data, scenario, speed, seed))))


async def _until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Do `work`; a signal to end cancels it, so that it stops what it has started."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        say("Stopped.")
        raise typer.Exit(INTERRUPTED) from None
    except DemoFailedError as error:
        say(f"The demonstration failed: {error}.")
        raise typer.Exit(1) from error


async def _demo(data: Path, scenario: str, speed: float, seed: int) -> None:
    import httpx2
    from rich.console import Console

    from services.demonstration.caller import RefusedError

    console = Console()
    began = time.monotonic()
    async with make_stack(data, demo_clock=speed) as stack:
        console.print(f"[dim]the stack is up after {time.monotonic() - began:.0f} s[/dim]")
        await authorise(stack)
        try:
            ended = await asyncio.wait_for(_run(stack, console, scenario, seed), LONGEST_S)
        except TimeoutError:
            raise DemoFailedError(f"nothing was concluded within {LONGEST_S:.0f} s") from None
        except RefusedError as refused:
            raise DemoFailedError(f"somebody was refused: {refused}") from refused
        except httpx2.HTTPError as error:
            kind = type(error).__name__
            raise DemoFailedError(f"a service did not answer ({kind}): see {data}/logs") from error
        _account(console, stack, ended)
        await _judge(console, stack, ended)
    console.print(
        f"[bold green]Concluded within its promise; verified.[/bold green] "
        f"[dim]({time.monotonic() - began:.0f} s in all)[/dim]\n"
        f"Keep it running, and go on where it stands: [bold]lianshen up --data {data}[/bold]"
    )


async def _run(stack: "Stack", console: "Console", scenario: str, seed: int) -> Ended:
    from rich.live import Live as Screen

    from services.demonstration import investor, show
    from services.demonstration.caller import Caller

    urls = stack.urls
    async with AsyncExitStack() as people:
        intake = await people.enter_async_context(Caller(urls["intake"], stack.tokens("investor")))
        windows = await _windows(stack, people, seed)
        receipt = await investor.submit(intake, scenario)
        number = receipt["number"]
        plan = await intake.get(f"/v1/applications/{number}/plan")
        console.print(
            f"Application [bold]{number}[/bold] accepted; promised for {receipt['promised_on']}"
            + (" (provisional: the year's holidays are not published yet)" * receipt["provisional"])
        )
        live = show.Live(plan, number)
        working = asyncio.gather(*(window.work() for window in windows))
        try:
            with Screen(live, console=console, refresh_per_second=8):
                progress = await _watch(intake, number, live, working)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        results = await intake.get(f"/v1/applications/{number}/results")
        return Ended(plan=plan, progress=progress, results=results)


async def _windows(stack: "Stack", people: AsyncExitStack, seed: int) -> "list[Window]":
    """Open a window for every department."""
    from services.demonstration.officers import open_windows
    from services.runtime import calendar_files, clock
    from services.runtime.embedded.service import REPOSITORY

    if stack.clock_file is None:
        raise DemoFailedError(
            f"{stack.data} was begun on real time: take another folder with --data"
        )
    business = clock.read(stack.clock_file, calendar_files.load(REPOSITORY / "deploy" / "calendar"))
    return await open_windows(
        people,
        stack.urls["departments"],
        stack.departments,
        tokens=stack.tokens,
        clock=business,
        seed=seed,
        heads=are_authorisations_required(),
    )


async def _watch(
    intake: Any, number: str, live: Any, working: "asyncio.Future[Any]"
) -> dict[str, Any]:
    """Show progress until the application is concluded; an officer who fails ends it."""
    while True:
        progress: dict[str, Any] = await intake.get(f"/v1/applications/{number}/progress")
        live.update(progress)
        if progress["conclusion"] is not None:
            return progress
        if working.done():
            working.result()
        await asyncio.sleep(LOOK_EVERY_S)


def _account(console: "Console", stack: "Stack", ended: Ended) -> None:
    from rich.table import Table

    from services.demonstration import show

    show.account(console, ended.plan, ended.progress, ended.results)
    places = Table(title="Where to look 入口", show_header=False)
    for part, url in stack.urls.items():
        places.add_row(part, url)
    number = ended.progress["number"]
    places.add_row("trace 全程轨迹", f"lianshen trace {number} --data {stack.data}")
    trace = _trace_link(stack, number)
    if trace is not None:
        places.add_row("", trace)
    console.print(places)


def _trace_link(stack: "Stack", number: str) -> str | None:
    from services.commands import trace

    if stack.viewer is None:
        return None
    return stack.viewer.trace_url(trace.load(stack.data, number).trace_id)


async def _judge(console: "Console", stack: "Stack", ended: Ended) -> None:
    """Raise DemoFailedError unless everything is as it must be."""
    from services.verification import verify

    progress = ended.progress
    if progress["conclusion"] != "granted":
        raise DemoFailedError(f"the application was concluded as {progress['conclusion']}")
    if not progress["in_time"]:
        raise DemoFailedError("the application was concluded after its promise")
    report = await verify(stack.data, settle=SETTLE_S)
    report.show(console)
    if not report.clean:
        raise DemoFailedError("verify found something wrong (above)")
