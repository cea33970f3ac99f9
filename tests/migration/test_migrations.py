"""The databases: made from nothing, the same as what is committed, and every statement fits."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from io import StringIO
from pathlib import Path

import aiosql
import asyncpg
import pytest
import pytest_asyncio
from pydantic import SecretStr

from services.commands.schema import schema_file
from services.contracts.vocabulary import Service
from services.runtime import migrate
from services.runtime.settings import DatabaseSettings
from tests.conftest import Databases

SERVICES = Path(migrate.__file__).parents[1]
RUNTIME_SQL = SERVICES / "runtime" / "sql"


@pytest_asyncio.fixture
async def migrated(
    request: pytest.FixtureRequest, databases: Databases
) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the migrated database of the service that is the parameter."""
    service = Service(request.param)

    async def prepare(url: str) -> None:
        await migrate.upgrade_async(service, url)

    connection = await asyncpg.connect(await databases.fresh(f"migrated_{service}", prepare))
    yield connection
    await connection.close()


def sql_files() -> Iterator[tuple[Service, Path]]:
    """Every file of named statements with the service whose database it is for."""
    for service in Service:
        for folder in (SERVICES / service / "sql", RUNTIME_SQL):
            for file in sorted(folder.glob("*.sql")):
                if file.name not in ("base.sql", "schema.sql"):
                    yield service, file


@pytest.mark.parametrize("service", Service)
async def test_the_committed_schema_is_what_the_migrations_make(
    databases: Databases, service: Service
) -> None:
    url = await databases.fresh(f"empty_{service}")
    await migrate.upgrade_async(service, url)
    made = await asyncio.to_thread(migrate.dump_schema, url)
    assert schema_file(service).read_text(encoding="utf-8") == made, (
        "run `lianshen schema --write` and commit what it changes"
    )


@pytest.mark.parametrize("service", Service)
async def test_migrating_again_changes_nothing(databases: Databases, service: Service) -> None:
    url = await databases.fresh(f"empty_{service}")
    await migrate.upgrade_async(service, url)
    before = await asyncio.to_thread(migrate.dump_schema, url)
    await migrate.upgrade_async(service, url)
    assert await asyncio.to_thread(migrate.dump_schema, url) == before


async def test_what_was_there_before_there_were_cards_is_recorded(databases: Databases) -> None:
    url = await databases.fresh("empty_orchestrator")
    await migrate.upgrade_async(Service.ORCHESTRATOR, url, to="0004")
    add = """
        INSERT INTO application (number, project_code, scenario, status, turn, facts, route, shared,
            plan_digest, catalogue_version, calendar_version, submitted_at, promised_at,
            provisional, promised_working_days)
        VALUES ($1, 'P', 's', 'in_progress', $2, '{}', '{}', '{}', 'd', 'v', 'v', now(), now(),
            false, 5)
    """
    connection = await asyncpg.connect(url)
    await connection.execute(add, "N1", 7)
    await migrate.upgrade_async(Service.ORCHESTRATOR, url)
    found = await connection.fetch("SELECT application, turn FROM before_supervision")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("DELETE FROM before_supervision")
    await connection.close()
    assert [tuple(row) for row in found] == [("N1", 7)]


async def test_clocks_that_were_moved_before_needed_no_authorisation(databases: Databases) -> None:
    url = await databases.fresh("empty_departments")
    await migrate.upgrade_async(Service.DEPARTMENTS, url, to="0006")
    connection = await asyncpg.connect(url)
    await connection.execute("""
        ALTER TABLE task_pause DROP CONSTRAINT task_pause_task_id_fkey;
        ALTER TABLE task_extension DROP CONSTRAINT task_extension_task_id_fkey;
        INSERT INTO task_pause (task_id, number, kind, from_on, until_on, notice, article, reason,
            actor_ref, actor_role, at)
        VALUES (1, 1, 'hearing', '2026-03-02', '2026-03-03', 'n', 'a', 'r', 'x', 'officer', now());
        INSERT INTO pause_end (task_id, number, ended_on, actor_ref, actor_role, at)
        VALUES (1, 1, '2026-03-03', 'x', 'officer', now());
        INSERT INTO task_extension (task_id, number, days, unit, approver, approval, article,
            reason, actor_ref, actor_role, at)
        VALUES (1, 1, 5, 'working_day', 'department_head', 'n', 'a', 'r', 'x', 'officer', now())
    """)
    await migrate.upgrade_async(Service.DEPARTMENTS, url)
    for table in ("task_pause", "pause_end", "task_extension"):
        assert await connection.fetchval(f"SELECT asked FROM {table}") is False
    await connection.close()


async def test_two_migrations_at_once_wait_for_each_other(databases: Databases) -> None:
    url = await databases.fresh("empty_intake")
    outcomes = await asyncio.gather(
        *(_migrate_in_a_process(url) for _ in range(3)), return_exceptions=True
    )
    assert outcomes == [0, 0, 0]


async def _migrate_in_a_process(url: str) -> int:
    """Migrate in a process of its own: alembic keeps its state in module globals."""
    process = await asyncio.create_subprocess_exec(
        *("python", "-m", "services", "migrate", "intake"),
        cwd=SERVICES.parent,
        env={"LIANSHEN_DATABASE__DSN": url, "PATH": _path()},
    )
    return await process.wait()


def _path() -> str:
    import os
    import sys

    return f"{Path(sys.executable).parent}:{os.environ['PATH']}"


@pytest.mark.parametrize("service", Service)
async def test_the_printed_sql_makes_the_same_database(
    databases: Databases, service: Service
) -> None:
    output = StringIO()
    await asyncio.to_thread(migrate.write_sql, service, output)
    url = await databases.fresh(f"empty_{service}")
    connection = await asyncpg.connect(url)
    await connection.execute(output.getvalue())
    await connection.close()
    printed = await asyncio.to_thread(migrate.dump_schema, url)
    assert printed == schema_file(service).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("migrated", "file"),
    [pytest.param(*found, id=f"{found[0]}-{found[1].stem}") for found in sql_files()],
    indirect=["migrated"],
)
async def test_every_statement_fits_the_tables(migrated: asyncpg.Connection, file: Path) -> None:
    queries = aiosql.from_path(file, "asyncpg")
    wrong: dict[str, str] = {}
    for name in queries.available_queries:
        statement = getattr(queries, name).sql
        try:
            await migrated.prepare(statement)
        except asyncpg.PostgresError as error:
            wrong[name] = str(error)
    assert queries.available_queries
    assert wrong == {}


@pytest.mark.parametrize("migrated", Service, indirect=True)
@pytest.mark.parametrize(
    "change",
    ["UPDATE audit_leaf SET act = 'b'", "DELETE FROM audit_leaf", "TRUNCATE audit_leaf CASCADE"],
)
async def test_an_audit_leaf_cannot_be_changed_even_by_its_owner(
    migrated: asyncpg.Connection, change: str
) -> None:
    transaction = migrated.transaction()
    await transaction.start()
    await migrated.execute("INSERT INTO audit_leaf (act, body) VALUES ('a', '{}')")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await migrated.execute(change)
    await transaction.rollback()


async def test_a_service_role_that_owns_nothing_gets_what_it_needs_and_no_more(
    databases: Databases,
) -> None:
    owner = await databases.fresh("empty_intake")
    admin = await asyncpg.connect(databases.server.url("postgres"))
    database = owner.rsplit("/", 1)[1]
    await admin.execute("DROP ROLE IF EXISTS reader")
    await admin.execute("CREATE ROLE reader LOGIN PASSWORD 'test'")
    await admin.execute(f'GRANT CONNECT ON DATABASE "{database}" TO reader')
    url = databases.server.url(database, role="reader", password="test")
    settings = DatabaseSettings(dsn=SecretStr(url), owner_dsn=SecretStr(owner))
    await asyncio.to_thread(migrate.upgrade_as_owner, Service.INTAKE, settings)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("INSERT INTO audit_leaf (act, body) VALUES ('a', '{}')")
        await connection.execute("UPDATE stream_position SET last = 1")
        for refused in (
            "UPDATE audit_leaf SET act = 'b'",
            "DELETE FROM audit_leaf",
            "TRUNCATE outbox",
            "DROP TABLE outbox",
            "CREATE TABLE extra ()",
            "UPDATE alembic_version SET version_num = '0'",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(refused)
    finally:
        await connection.close()
        await databases.server.drop_database(database)
        await admin.execute("DROP ROLE reader")
        await admin.close()
