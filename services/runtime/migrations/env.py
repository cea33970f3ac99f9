"""Run by alembic for every service's migrations (see `services.runtime.migrate`)."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

# Any number that no other program uses for its advisory lock in these databases.
LOCK = 0x6C69616E


def migrate_locked(connection: Connection) -> None:
    """Run the migrations while holding an advisory lock, so that two runs wait for each other."""
    connection.execute(text(f"SELECT pg_advisory_lock({LOCK})"))
    connection.commit()  # the lock belongs to the session, not to this transaction
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def migrate_online(dsn: str) -> None:
    """Connect and migrate; the lock ends with the connection."""
    engine = create_async_engine(
        dsn.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=NullPool
    )
    try:
        async with engine.connect() as connection:
            await connection.run_sync(migrate_locked)
            await connection.commit()
    finally:
        await engine.dispose()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(migrate_online(context.config.attributes["dsn"]))
