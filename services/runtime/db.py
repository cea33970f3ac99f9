"""Postgres: pools, transactions and the SQL files."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

import aiosql
import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.runtime.settings import DatabaseSettings

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:  # at run time these classes take no parameters
    Connection = asyncpg.Connection | PoolConnectionProxy
    Pool = asyncpg.Pool

# The database is not there, is ending, is full, or had to choose a victim: the same work may well
# succeed a moment later. Everything else is the work's own fault.
_TRANSIENT = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
    TimeoutError,
    OSError,
)


class UnavailableError(Exception):
    """The database, or something else the work needs, is not there for now."""


def is_transient(error: BaseException, conn: "Connection | None" = None) -> bool:
    """Return whether the same work may succeed later without anybody changing anything."""
    return isinstance(error, _TRANSIENT) or (conn is not None and _is_gone(conn))


def _is_gone(conn: Connection) -> bool:
    try:
        return conn.is_closed()
    except asyncpg.InterfaceError:  # the pool takes a connection back at once when it breaks
        return True


async def open_pool(settings: DatabaseSettings, *, service: str) -> Pool:
    """Return a pool of connections to a service's database.

    Raises:
        OSError, asyncpg.PostgresError: the database cannot be reached.
    """
    return await asyncpg.create_pool(
        settings.dsn_of(service),
        min_size=settings.min_connections,
        max_size=settings.max_connections,
        timeout=settings.connect_timeout,
        reset=_leave_as_it_is,
        command_timeout=settings.command_timeout,
        server_settings={
            "application_name": f"lianshen-{service}",
            "timezone": "UTC",
            "lock_timeout": f"{int(settings.lock_timeout * 1000)}",
            "idle_in_transaction_session_timeout": f"{int(settings.idle_transaction * 1000)}",
        },
    )


async def _leave_as_it_is(conn: Connection) -> None:
    """Spare every request the round trip that restores a session's defaults.

    Nobody changes a session (`SET LOCAL` ends with its transaction); the relay, which does, puts
    everything back itself. asyncpg still rolls back what was left open.
    """


def load(*files: Path) -> Any:
    """Return the named statements of SQL files, each an attribute (aiosql, numbered parameters)."""
    queries = aiosql.from_path(files[0], "asyncpg")
    for file in files[1:]:
        more = aiosql.from_path(file, "asyncpg")
        for name in more.available_queries:
            queries.add_query(name, getattr(more, name))
    return queries


def load_queries(package: str) -> Any:
    """Return the statements of `sql/queries.sql` of a package (`services.intake`, say)."""
    folder = importlib.import_module(package).__path__[0]
    return load(Path(folder) / "sql" / "queries.sql")


def beside(module_file: str, name: str = "queries.sql") -> Path:
    """Return the SQL file in the `sql` folder beside a module."""
    return Path(module_file).with_name("sql") / name


def role_of(dsn: str) -> str | None:
    """Return the role a DSN logs in as."""
    return urlsplit(dsn).username
