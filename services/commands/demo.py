"""`lianshen demo`: one application through every department, on real parts, before one's eyes."""

import asyncio
import signal
import time
from collections.abc import Coroutine, Sequence
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
    from services.demonstration.story import Story
    from services.demonstration.whole import Offices
    from services.runtime.embedded.stack import Stack

SEED = 20260105
LOOK_EVERY_S = 0.3
LONGEST_S = 240.0
INTERRUPTED = 130
SETTLE_S = 30.0
USUAL = "plant"
SPEED_S, WHOLE_SPEED_S = 1.0, 3.0
"""Seconds of a working day: a plain demonstration, and one of the whole procedure."""
RATED_S = 30.0


class DemoFailedError(Exception):
    """The demonstration did not end as it must; the message says how."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What is known at the end."""

    plan: dict[str, Any]
    progress: dict[str, Any]
    results: dict[str, Any]
    story: "Story | None" = None


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def demo(
        data: Annotated[Path, typer.Option(help="The stack's only folder.")] = DEFAULT_DATA,
        scenario: Annotated[
            str | None,
            typer.Option(
                help=f"A scenario of the catalogue; {USUAL}: the whole procedure of the law. "
                f"Without one: {USUAL}, and nothing goes wrong.",
                envvar="SCENARIO",
            ),
        ] = None,
        speed: Annotated[
            float | None, typer.Option(metavar="SECONDS", min=0.2, help="Length of a working day.")
        ] = None,
        seed: Annotated[int, typer.Option(help="Of the simulated officers.")] = SEED,
    ) -> None:
        """Hand in one application and watch every department work on it at the same time.

        Ends with 0 only if it was concluded within its promise and `verify` finds nothing wrong; a
        demonstration of the whole procedure also, only if everything in it has happened.
        """
        whole = scenario == USUAL
        play = Play(
            scenario=scenario or USUAL,
            speed=speed or (WHOLE_SPEED_S if whole else SPEED_S),
            seed=seed,
            whole=whole,
        )
        fail_clearly(lambda: asyncio.run(_until_interrupted(_demo(data, play))))


@dataclass(frozen=True, kw_only=True)
class Play:
    """What is demonstrated; `whole`: everything that the law has in store for an application."""

    scenario: str
    speed: float
    seed: int
    whole: bool


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


async def _demo(data: Path, play: Play) -> None:
    import httpx2
    from rich.console import Console

    from services.demonstration.caller import RefusedError

    console = Console()
    began = time.monotonic()
    if play.whole:
        examined_county(data)
    async with make_stack(data, demo_clock=play.speed) as stack:
        console.print(f"[dim]the stack is up after {time.monotonic() - began:.0f} s[/dim]")
        await authorise(stack)
        try:
            ended = await asyncio.wait_for(_run(stack, console, play), LONGEST_S)
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


def examined_county(data: Path) -> None:
    """Give the stack a catalogue by which departments look at the papers first.

    Raises DemoFailedError where it has begun with another one.
    """
    from services.demonstration import county
    from services.runtime.embedded.service import REPOSITORY

    if county.folder_of(data).exists():
        return
    if (data / "clock.json").exists():
        raise DemoFailedError(
            f"the county of {data} accepts on the spot: take another folder with --data"
        )
    county.make_examined(data, REPOSITORY / "deploy" / "catalogue")


async def _run(stack: "Stack", console: "Console", play: Play) -> Ended:
    from services.demonstration import investor
    from services.demonstration.caller import Caller
    from services.demonstration.whole import Offices

    async with AsyncExitStack() as people:
        intake = await people.enter_async_context(
            Caller(stack.urls["intake"], stack.tokens("investor"))
        )
        windows = await _windows(stack, people, play.seed)
        offices = await Offices.open(people, stack.urls, stack.tokens) if play.whole else None
        receipt = await investor.submit(intake, play.scenario, ahead=not play.whole)
        number = receipt["number"]
        plan = await intake.get(f"/v1/applications/{number}/plan")
        console.print(
            f"Application [bold]{number}[/bold] {_taken(receipt)}; "
            f"promised for {receipt['promised_on']}"
            + (" (provisional: the year's holidays are not published yet)" * receipt["provisional"])
        )
        if offices is None:
            working = [window.work() for window in windows]
            progress = await _show(intake, console, plan, number, working)
            results = await intake.get(f"/v1/applications/{number}/results")
            return Ended(plan=plan, progress=progress, results=results)
        return await _whole(stack, console, plan, number, windows, intake, offices)


def _taken(receipt: dict[str, Any]) -> str:
    return "received" if receipt["accepted"] is None else "accepted"


async def _show(
    intake: Any,
    console: "Console",
    plan: dict[str, Any],
    number: str,
    acts: Sequence[Coroutine[Any, Any, None]],
) -> dict[str, Any]:
    """Let people act, and show it, until the application is concluded."""
    from rich.live import Live as Screen

    from services.demonstration import show

    live = show.Live(plan, number)
    working = asyncio.gather(*acts)
    try:
        with Screen(live, console=console, refresh_per_second=8):
            return await _watch(intake, number, live, working)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def _whole(
    stack: "Stack",
    console: "Console",
    plan: dict[str, Any],
    number: str,
    windows: "list[Window]",
    intake: Any,
    offices: "Offices",
) -> Ended:
    """Play the whole procedure."""
    from services.demonstration import whole
    from services.demonstration.story import Story

    story = Story(console, windows[0].clock)
    plot = await whole.prepare(
        number,
        plan,
        story=story,
        windows=windows,
        intake=intake,
        offices=offices,
        tokens=stack.tokens,
    )
    acts = [window.work() for window in windows]
    acts += [plot.invest(), plot.pause(), plot.pay(), plot.supervise(), plot.joint.hold()]
    progress = await _show(intake, console, plan, number, acts)
    results = await intake.get(f"/v1/applications/{number}/results")
    await asyncio.wait_for(plot.rate(results["items"]), RATED_S)
    return Ended(plan=plan, progress=progress, results=results, story=story)


async def _windows(stack: "Stack", people: AsyncExitStack, seed: int) -> "list[Window]":
    """Open a window for every department."""
    from services.demonstration import county
    from services.demonstration.officers import complete, open_windows
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
        examine=complete if county.is_examined(stack.catalogue_folder) else None,
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
    if ended.story is not None:
        ended.story.account(console)
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
    if ended.story is not None and ended.story.missing:
        raise DemoFailedError(f"this did not happen: {', '.join(ended.story.missing)}")
    report = await verify(stack.data, settle=SETTLE_S)
    report.show(console)
    if not report.clean:
        raise DemoFailedError("verify found something wrong (above)")
