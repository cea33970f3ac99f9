"""Postgres: pools, transactions and the SQL files."""

import importlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

import aiosql
import asyncpg
from aiosql.adapters.asyncpg import AsyncPGAdapter
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


LIFETIME_S = 3600.0
"""An idle connection is kept so long."""


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
        # A new connection asks the catalogue for every array type it meets: ten times 10 ms.
        max_inactive_connection_lifetime=LIFETIME_S,
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


class _Adapter(AsyncPGAdapter):
    """aiosql's adapter for a connection in hand.

    Its own looks through `dir()` of the connection at every statement, in case it was given a pool:
    90 us each, as much as a short statement takes in Postgres.
    """

    def _ordered(self, query_name: str, parameters: Any) -> Any:
        untyped: Any = self
        return untyped.maybe_order_params(query_name, parameters)

    async def select(
        self, conn: Any, query_name: str, sql: str, parameters: Any, record_class: Any = None
    ) -> AsyncIterator[asyncpg.Record]:
        """Yield the rows."""
        del record_class
        for row in await conn.fetch(sql, *self._ordered(query_name, parameters)):
            yield row

    async def select_one(
        self, conn: Any, query_name: str, sql: str, parameters: Any, record_class: Any = None
    ) -> Any:
        """Return the first row or None."""
        del record_class
        return await conn.fetchrow(sql, *self._ordered(query_name, parameters))

    async def select_value(self, conn: Any, query_name: str, sql: str, parameters: Any) -> Any:
        """Return the first column of the first row."""
        return await conn.fetchval(sql, *self._ordered(query_name, parameters))

    async def insert_update_delete(
        self, conn: Any, query_name: str, sql: str, parameters: Any
    ) -> Any:
        """Execute and return the command tag."""
        return await conn.execute(sql, *self._ordered(query_name, parameters))


_ADAPTER: Any = _Adapter  # aiosql's protocol for adapters is wider than what is used of it


def load(*files: Path) -> Any:
    """Return the named statements of SQL files, each an attribute (aiosql, numbered parameters)."""
    queries = aiosql.from_path(files[0], _ADAPTER)
    for file in files[1:]:
        more = aiosql.from_path(file, _ADAPTER)
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
