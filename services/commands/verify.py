"""`lianshen verify`: compare all stores with each other and with independent reckonings."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.stack import DEFAULT_DATA, say

if TYPE_CHECKING:
    from services.verification import Sources

WRONG = 1
UNUSABLE = 2


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def verify(
        data: Annotated[Path, typer.Option(help="The folder of a running stack.")] = DEFAULT_DATA,
        application: Annotated[
            str | None, typer.Option(metavar="NUMBER", help="Only this application.")
        ] = None,
        settle: Annotated[
            float,
            typer.Option(
                metavar="SECONDS", min=0, help="Look again while messages are under way, so long."
            ),
        ] = 0.0,
        as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
        intake_dsn: Annotated[
            str | None,
            typer.Option(
                envvar="LIANSHEN_VERIFY_INTAKE_DSN",
                help="Database of intake; with the other two, instead of a stack.",
            ),
        ] = None,
        orchestrator_dsn: Annotated[
            str | None,
            typer.Option(envvar="LIANSHEN_VERIFY_ORCHESTRATOR_DSN", help="Of the orchestrator."),
        ] = None,
        departments_dsn: Annotated[
            str | None,
            typer.Option(envvar="LIANSHEN_VERIFY_DEPARTMENTS_DSN", help="Of the departments."),
        ] = None,
        key: Annotated[
            list[Path] | None,
            typer.Option(help="File with a verifier key (`lianshen audit key`); once per service."),
        ] = None,
    ) -> None:
        """Check the invariants of all stores: nothing lost, doubled, late, forged or stuck.

        Reads only. Without database addresses it reads the stack that runs on DATA. With them,
        catalogue, calendar and Temporal come from the LIANSHEN_ variables of the orchestrator.
        Ends with 1 when something is violated, with 2 when a store cannot be read.
        """
        from services.verification import SourcesError

        try:
            where = _sources(data, (intake_dsn, orchestrator_dsn, departments_dsn), key or [])
            _run(where, settle, application, as_json=as_json)
        except SourcesError as error:
            say(str(error))
            raise typer.Exit(UNUSABLE) from None


def _sources(
    data: Path, dsns: tuple[str | None, str | None, str | None], keys: list[Path]
) -> "Path | Sources":
    from services.contracts.vocabulary import Service
    from services.orchestrator.settings import Settings
    from services.verification import Sources, SourcesError
    from services.verification.sources import verifiers_of

    if not any(dsns):
        return data
    given = dict(zip(Service, dsns, strict=True))
    settings = Settings()
    missing = [service for service, dsn in given.items() if dsn is None]
    if missing:
        raise SourcesError(f"The database of {', '.join(missing)} is not given.")
    return Sources(
        dsns={service: dsn for service, dsn in given.items() if dsn is not None},
        verifiers=verifiers_of(keys),
        catalogue=settings.catalogue.folder,
        calendar=settings.catalogue.calendar_folder,
        temporal=settings.temporal,
    )


def _run(where: "Path | Sources", settle: float, application: str | None, *, as_json: bool) -> None:
    from rich.console import Console

    from services.verification import verify

    report = asyncio.run(verify(where, settle=settle, application=application))
    if as_json:
        typer.echo(json.dumps(report.to_json(), ensure_ascii=False, indent=2))
    else:
        report.show(Console())
    if not report.clean:
        raise typer.Exit(WRONG)
