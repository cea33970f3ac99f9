"""Migrations of the services' databases: plain SQL, run by alembic, forward only.

A step of a service is two files in its `migrations/versions`: `NNNN_name.sql`, and beside it
`NNNN_name.py`, which is always the same but for its three names:

    revision = "0002"
    down_revision = "0001"

    def upgrade() -> None:
        run_beside(__file__)

Every step is applied while the old code still runs: add first (expand), remove in a later release
(contract). There is no way down; a step that was wrong is corrected by the next one.
"""

from pathlib import Path

from alembic import context, op
from sqlalchemy import PoolProxiedConnection

BASE = Path(__file__).parents[1] / "sql" / "base.sql"
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '10s'"


def run_beside(migration: str) -> None:
    """Run the SQL file that has the migration's name (pass `__file__`)."""
    run(Path(migration).with_suffix(".sql"))


def run_base() -> None:
    """Run the tables that every service has."""
    run(BASE)


def run(file: Path) -> None:
    """Run a file of SQL statements in the migration's transaction, or print it (`--sql`).

    A table that stays locked by others ends the migration after ten seconds, instead of making
    every later statement queue behind it.
    """
    script = file.read_text(encoding="utf-8")
    # Also opens the transaction, which the driver's own `execute` below would not do.
    op.execute(LOCK_TIMEOUT)
    if context.is_offline_mode():
        context.get_context().impl.static_output(script)
        return
    proxied = op.get_bind().connection
    assert isinstance(proxied, PoolProxiedConnection)  # noqa: S101  online, it always is
    if all(line.startswith("--") or not line.strip() for line in script.splitlines()):
        return  # the driver trips over comments alone
    driver = proxied.dbapi_connection
    assert driver is not None  # noqa: S101  the connection is open
    driver.run_async(lambda connection: connection.execute(script))
