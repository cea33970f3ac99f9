"""`lianshen rebuild`: make the workflows that Temporal has lost, from Postgres."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.stack import say

if TYPE_CHECKING:
    from services.orchestrator.rebuild import Rebuilt

INCOMPLETE = 1
UNUSABLE = 2


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def rebuild(
        data: Annotated[
            Path | None,
            typer.Option(
                help="The folder of a running stack; without it, the LIANSHEN_ variables of the"
                " orchestrator."
            ),
        ] = None,
        application: Annotated[
            str | None, typer.Option(metavar="NUMBER", help="Only this application.")
        ] = None,
        replace: Annotated[
            bool,
            typer.Option(
                "--replace",
                help="Also where there is a workflow, which is terminated: for a Temporal that was"
                " restored from an older copy.",
            ),
        ] = False,
    ) -> None:
        """Start every workflow that Temporal does not have, in the state that Postgres knows.

        Every event of the journal is applied anew and must give what it gave then; messages that
        no turn has applied are delivered once more. An application whose workflow is there is left
        alone, so it may be run at any time. Ends with 1 when an application could not be rebuilt,
        with 2 when a store cannot be reached.
        """
        if data is not None:
            _take_environment_of(data)
        import asyncpg

        from services.orchestrator.workflows import TemporalAwayError

        away = (OSError, RuntimeError, asyncpg.PostgresError, TemporalAwayError)
        try:
            found = asyncio.run(_rebuild(application, replace=replace))
        except away as error:
            say(f"{type(error).__name__}: {error}")
            raise typer.Exit(UNUSABLE) from error
        _tell(found)
        if found.failed:
            raise typer.Exit(INCOMPLETE)


def _take_environment_of(data: Path) -> None:
    """Use the variables that the orchestrator of a running stack was started with."""
    from services.contracts.vocabulary import Service
    from services.runtime.embedded.place import read_running

    running = read_running(data)
    if running is None or not running.alive or Service.ORCHESTRATOR not in running.environment:
        say(f"No stack with an orchestrator is running on {data}: start one with `lianshen up`.")
        raise typer.Exit(UNUSABLE)
    os.environ.update(running.environment[Service.ORCHESTRATOR])


async def _rebuild(application: str | None, *, replace: bool) -> "Rebuilt":
    from services.contracts.vocabulary import Service
    from services.orchestrator import worker
    from services.orchestrator.rebuild import Rebuilder
    from services.orchestrator.reprojection import Calendars
    from services.orchestrator.settings import Settings
    from services.runtime import calendar_files, service
    from services.runtime.db import open_pool

    settings = Settings()
    calendar = calendar_files.load(settings.catalogue.calendar_folder)
    client = await worker.connect(settings.temporal)
    async with await open_pool(settings.database, service=Service.ORCHESTRATOR) as pool:
        rebuilder = Rebuilder(
            pool=pool,
            client=client,
            task_queue=settings.temporal.task_queue,
            calendars=Calendars(pool, lambda: calendar),
            clock=service.clock_of(settings, calendar),
        )
        return await rebuilder.run(application, replace=replace)


def _tell(found: "Rebuilt") -> None:
    typer.echo(
        f"started {len(found.started)}, there already {len(found.there)},"
        f" not begun yet {len(found.waiting)}, messages delivered again {found.again},"
        f" failed {len(found.failed)}"
    )
    for number, why in sorted(found.failed.items()):
        say(f"{number}: {why}")
