"""`lianshen migrate`: bring the databases to the form this version needs."""

import sys
from typing import Annotated

import typer

from services.contracts.vocabulary import Service


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def migrate(
        service: Annotated[
            Service | None, typer.Argument(help="One service; default: all three.")
        ] = None,
        sql: Annotated[
            bool, typer.Option("--sql", help="Print the SQL instead of running it.")
        ] = False,
    ) -> None:
        """Migrate the database of one service, or of all (LIANSHEN_DATABASE__DSN)."""
        from services.runtime import migrate
        from services.runtime.settings import ServiceSettings

        settings = ServiceSettings()
        for one in (service,) if service else tuple(Service):
            if sql:
                typer.echo(f"-- database of {one}")
                migrate.write_sql(one, sys.stdout)
            else:
                migrate.upgrade_as_owner(one, settings.database)
                typer.echo(f"{one}: up to date")
