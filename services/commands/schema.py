"""`lianshen schema`: show the whole form of each service's database."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from services.contracts.vocabulary import Service


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def schema(
        write: Annotated[
            bool, typer.Option("--write", help="Write services/<service>/sql/schema.sql.")
        ] = False,
    ) -> None:
        """Show (or write) what the migrations make of an empty database."""
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder)
            data.chmod(0o755)  # the server runs as another user
            schemas = asyncio.run(_schemas(data))
        for service, text in schemas.items():
            if write:
                schema_file(service).write_text(text, encoding="utf-8")
                typer.echo(f"{schema_file(service)} written")
            else:
                typer.echo(text)


def schema_file(service: Service) -> Path:
    """Return the committed schema of a service."""
    return Path(__file__).parents[1] / service / "sql" / "schema.sql"


async def _schemas(data: Path) -> dict[Service, str]:
    """Return the schemas, made by a scratch server in the folder `data`."""
    from services.runtime.embedded.files import Secrets
    from services.runtime.embedded.ports import Ports
    from services.runtime.embedded.postgres import Postgres
    from services.runtime.migrate import dump_schema, upgrade_async

    secrets = Secrets(data / "secrets.json")
    port = Ports(data / "ports.json").take("postgres")
    server = Postgres(data, port=port, secrets=secrets, durable=False)
    found: dict[Service, str] = {}
    await server.start()
    try:
        for service in Service:
            url = await server.create_database(service, service, secrets.get(service))
            await upgrade_async(service, url)
            found[service] = dump_schema(url)
    finally:
        await server.stop()
    return found
