"""The log of acts on a real Postgres: commit order, signatures, and every way to tamper with it."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.runtime import audit, audit_check, merkle
from services.runtime.db import Pool
from services.runtime.loops import Loops
from services.runtime.migrate import GRANTS
from services.runtime.notes import Checkpoint, NoteError, Signer, Verifier, create_key
from services.runtime.settings import AuditSettings
from tests.conftest import Databases

BASE = Path(audit.__file__).with_name("sql") / "base.sql"
AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
COLUMN = {
    "audit_leaf": "body",
    "audit_order": "hash",
    "audit_node": "hash",
    "audit_checkpoint": "note",
}
TABLES = tuple(COLUMN)


async def prepare(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(BASE.read_text(encoding="utf-8"))
    await connection.execute("CREATE TABLE alembic_version (version_num text)")
    await connection.close()


@pytest_asyncio.fixture
async def url(databases: Databases) -> str:
    return await databases.fresh("audit", prepare)


@pytest_asyncio.fixture
async def pool(url: str) -> AsyncIterator[Pool]:
    pool = await asyncpg.create_pool(url, min_size=1, max_size=6)
    yield pool
    await pool.close()


@pytest.fixture
def signer() -> Signer:
    return Signer("lianshen/test", Ed25519PrivateKey.generate())


def act(number: int, application: str = "LS20260302-000001-1") -> audit.Leaf:
    return audit.Leaf(at=AT, act=f"act.{number}", application=application, facts={"number": number})


async def write(pool: Pool, *numbers: int) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await audit.leaves(conn, [act(number) for number in numbers])


async def order_of(pool: Pool) -> list[str]:
    rows = await pool.fetch(
        "SELECT act FROM audit_order JOIN audit_leaf ON id = leaf_id ORDER BY position"
    )
    return [row["act"] for row in rows]


async def check(pool: Pool, verifier: Verifier) -> audit_check.Report:
    async with pool.acquire() as conn:
        return await audit_check.verify(conn, verifier)


async def tamper(pool: Pool, *statements: str) -> None:
    """Do what only somebody with all rights can do: triggers off, then change."""
    async with pool.acquire() as conn, conn.transaction():
        for table in TABLES:
            await conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            assert await conn.execute(statement) not in {"UPDATE 0", "DELETE 0"}


def test_the_record_of_a_leaf_is_the_same_for_the_same_act() -> None:
    one = audit.Leaf(at=AT, act="a", facts={"b": 1, "a": {"d": "中", "c": None}})
    same = audit.Leaf(at=AT, act="a", facts={"a": {"c": None, "d": "中"}, "b": 1})
    assert audit.canonical(one) == audit.canonical(same)
    assert audit.canonical(one) == (
        '{"act":"a","actor":null,"application":null,"at":"2026-03-02T01:00:00Z",'
        '"facts":{"a":{"c":null,"d":"中"},"b":1}}'
    )


async def test_a_leaf_exists_only_with_its_transaction(pool: Pool, signer: Signer) -> None:
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await audit.leaf(conn, "lost", None, None, {}, at=AT)
        await transaction.rollback()
    await write(pool, 1)
    assert await audit.Sealer(pool, signer).seal() == 1
    assert await order_of(pool) == ["act.1"]


async def test_the_leaf_of_a_late_transaction_is_not_skipped_and_holds_up_nobody(
    pool: Pool, signer: Signer
) -> None:
    sealer = audit.Sealer(pool, signer)
    async with pool.acquire() as late:
        transaction = late.transaction()
        await transaction.start()
        await audit.leaves(late, [act(1)])
        await write(pool, 2)
        assert await sealer.seal() == 1
        await write(pool, 3)
        assert await sealer.seal() == 1
        await transaction.commit()
    assert await sealer.seal() == 1
    assert await sealer.seal() == 0
    assert await order_of(pool) == ["act.2", "act.3", "act.1"]
    assert (await check(pool, signer.verifier)).findings == []


async def test_nothing_is_lost_or_doubled_under_concurrent_writers_and_sealers(
    pool: Pool, signer: Signer
) -> None:
    async def writer(base: int) -> None:
        for number in range(base, base + 40):
            await write(pool, number)

    async def seal(sealer: audit.Sealer, done: asyncio.Event) -> None:
        while not done.is_set():
            await sealer.seal()
            await asyncio.sleep(0)

    done = asyncio.Event()
    sealers = [audit.Sealer(pool, signer, round_size=7) for _ in range(2)]
    sealing = [asyncio.create_task(seal(one, done)) for one in sealers]
    await asyncio.gather(*(writer(base) for base in (0, 100, 200, 300)))
    done.set()
    await asyncio.gather(*sealing)
    await sealers[0].seal()
    assert len(await order_of(pool)) == 160
    report = await check(pool, signer.verifier)
    assert (report.findings, report.leaves, report.unsealed) == ([], 160, 0)


async def test_a_sealer_that_starts_anew_goes_on_where_the_last_stopped(
    pool: Pool, signer: Signer
) -> None:
    for numbers in ((1, 2, 3), (4,), (5, 6)):
        await write(pool, *numbers)
        assert await audit.Sealer(pool, signer, round_size=2).seal() == len(numbers)
    report = await check(pool, signer.verifier)
    assert (report.findings, report.leaves, report.checkpoints) == ([], 6, 4)


async def test_the_loop_seals_when_there_is_a_key(
    pool: Pool, signer: Signer, tmp_path: Path
) -> None:
    assert audit.sealer_loop(pool, "intake", AuditSettings()) is None
    create_key(tmp_path / "log.pem")
    settings = AuditSettings(key_file=tmp_path / "log.pem", seal_seconds=0.01)
    loop = audit.sealer_loop(pool, "intake", settings)
    assert loop is not None
    await write(pool, 1)
    async with Loops([loop], service="intake", pool=None), asyncio.timeout(30):
        while not await order_of(pool):  # noqa: ASYNC110 - a poll with a deadline
            await asyncio.sleep(0.01)
    key = Signer.load("lianshen/intake", tmp_path / "log.pem").verifier
    assert (await check(pool, key)).ok
    assert not (await check(pool, signer.verifier)).ok


async def test_unsealed_leaves_are_counted_not_reported_as_wrong(
    pool: Pool, signer: Signer
) -> None:
    await write(pool, 1, 2)
    report = await check(pool, signer.verifier)
    assert (report.findings, report.leaves, report.unsealed) == ([], 0, 2)


FORGERIES = {
    "a record changed": (
        ["UPDATE audit_leaf SET body = replace(body, '3', '7') WHERE act = 'act.3'"],
        "was changed after it was sealed",
    ),
    "a record and its hash changed": (
        [
            "UPDATE audit_leaf SET body = 'x' WHERE act = 'act.3'",
            "UPDATE audit_order SET hash = sha256('\\x0078') "
            "WHERE leaf_id = (SELECT id FROM audit_leaf WHERE act = 'act.3')",
        ],
        "was signed over other leaves",
    ),
    "a record removed": (
        ["DELETE FROM audit_leaf WHERE act = 'act.3'"],
        "has a place but no record",
    ),
    "a leaf removed with its place": (
        ["DELETE FROM audit_order WHERE position = 2"],
        "leaf 2 is missing",
    ),
    "two leaves swapped": (
        [
            "UPDATE audit_order SET position = -1 WHERE position = 1",
            "UPDATE audit_order SET position = 1 WHERE position = 2",
            "UPDATE audit_order SET position = 2 WHERE position = -1",
        ],
        "was signed over other leaves",
    ),
    "the signature of the last head removed": (
        ["DELETE FROM audit_checkpoint WHERE tree_size = 5"],
        "are not signed",
    ),
    "a checkpoint of another size": (
        ["UPDATE audit_checkpoint SET tree_size = 4 WHERE tree_size = 5"],
        "is of another log or size",
    ),
    "a note changed": (
        ["UPDATE audit_checkpoint SET note = replace(note, '\n5\n', '\n4\n')"],
        "no valid signature",
    ),
    "a leaf invented": (
        ["INSERT INTO audit_order VALUES (5, 99, '\\x00')"],
        "leaf 5 has a place but no record",
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_tampering_is_found(pool: Pool, signer: Signer, forgery: str) -> None:
    statements, finding = FORGERIES[forgery]
    await write(pool, 1, 2, 3, 4, 5)
    await audit.Sealer(pool, signer).seal()
    assert (await check(pool, signer.verifier)).ok
    await tamper(pool, *statements)
    report = await check(pool, signer.verifier)
    assert any(finding in found for found in report.findings), report.findings


async def test_a_forged_inner_node_is_found(pool: Pool, signer: Signer) -> None:
    await write(pool, *range(256))
    await audit.Sealer(pool, signer).seal()
    assert (await check(pool, signer.verifier)).ok
    await tamper(pool, "UPDATE audit_node SET hash = '\\x00'")
    assert "inner node (8, 0)" in (await check(pool, signer.verifier)).findings[0]


async def test_a_log_cut_short_with_its_checkpoints_is_found_by_a_witness(
    pool: Pool, signer: Signer
) -> None:
    sealer = audit.Sealer(pool, signer)
    await write(pool, 1, 2)
    await sealer.seal()
    await write(pool, 3)
    await sealer.seal()
    note = await pool.fetchval("SELECT note FROM audit_checkpoint WHERE tree_size = 3")
    witnessed = Checkpoint.parse(signer.verifier.open(note))
    await tamper(
        pool,
        "DELETE FROM audit_leaf WHERE act = 'act.3'",
        "DELETE FROM audit_order WHERE position = 2",
        "DELETE FROM audit_checkpoint WHERE tree_size = 3",
    )
    assert (await check(pool, signer.verifier)).ok, "nothing inside the database shows it"
    async with pool.acquire() as conn:
        report = await audit_check.verify(conn, signer.verifier, witnessed)
    assert report.findings == ["the log is shorter than the witnessed 3 leaves"]


async def test_another_key_is_not_accepted(pool: Pool, signer: Signer) -> None:
    await write(pool, 1)
    await audit.Sealer(pool, signer).seal()
    other = Signer("lianshen/test", Ed25519PrivateKey.generate())
    assert "no valid signature" in (await check(pool, other.verifier)).findings[0]


async def test_an_export_is_checked_offline(pool: Pool, signer: Signer, tmp_path: Path) -> None:
    await write(pool, *range(10))
    await audit.Sealer(pool, signer, round_size=4).seal()
    file = tmp_path / "log.jsonl"
    with file.open("wb") as output:
        async with pool.acquire() as conn:
            assert await audit_check.export(conn, "lianshen/test", output) == 10
    verifier = Verifier.parse(str(signer.verifier))
    report = audit_check.verify_export(file, verifier)
    assert (report.findings, report.leaves, report.checkpoints) == ([], 10, 3)
    file.write_bytes(file.read_bytes().replace(b"act.6", b"act.x"))
    assert "was signed over other leaves" in audit_check.verify_export(file, verifier).findings[0]


async def test_inclusion_and_consistency_over_several_levels_of_stored_nodes(
    pool: Pool, signer: Signer
) -> None:
    sealer = audit.Sealer(pool, signer)
    await write(pool, *range(600))
    await sealer.seal()
    await write(pool, *range(600, 1000))
    await sealer.seal()
    async with pool.acquire() as conn:
        for number in (0, 255, 256, 599, 999):
            found = await audit.inclusion(conn, "LS20260302-000001-1", f"act.{number}")
            assert found is not None
            head = Checkpoint.parse(signer.verifier.open(found.note))
            assert found.index == number
            assert found.holds(head)
            path = await audit.consistency(conn, 600, 1000)
        old = await conn.fetchval("SELECT note FROM audit_checkpoint WHERE tree_size = 600")
        assert await audit.inclusion(conn, "LS20260302-000001-1", "never") is None
    old_root = Checkpoint.parse(signer.verifier.open(old)).root
    assert merkle.verify_consistency(600, 1000, old_root, head.root, path)


async def test_the_service_role_can_add_to_the_log_and_not_change_it(
    url: str, pool: Pool, databases: Databases, signer: Signer
) -> None:
    role_url = await databases.server.admit(urlsplit(url).path[1:], "audit_writer", "test")
    for row in await pool.fetch(GRANTS, "audit_writer"):
        await pool.execute(row[0])
    async with asyncpg.create_pool(role_url, min_size=1, max_size=2) as restricted:
        await write(restricted, *range(256))
        await audit.Sealer(restricted, signer).seal()
        assert (await check(restricted, signer.verifier)).ok
        for table in TABLES:
            for statement in (
                f"DELETE FROM {table}",
                f"TRUNCATE {table}",
                f"UPDATE {table} SET {COLUMN[table]} = {COLUMN[table]}",
                f"ALTER TABLE {table} DISABLE TRIGGER USER",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError) as refused:
                    await restricted.execute(statement)
                assert "INSERT-only" not in str(refused.value), "refused by grants, not triggers"


@pytest.mark.parametrize("table", TABLES)
async def test_even_the_owner_changes_nothing_by_mistake(
    pool: Pool, signer: Signer, table: str
) -> None:
    await write(pool, *range(300))
    await audit.Sealer(pool, signer).seal()
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="INSERT-only"):
            await pool.execute(statement)


def test_keys_are_written_once_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "log.pem"
    create_key(file)
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(FileExistsError):
        create_key(file)
    signer = Signer.load("lianshen/intake", file)
    note = signer.sign(Checkpoint(log="lianshen/intake", size=1, root=b"r" * 32, at=AT).text())
    text = Verifier.parse(str(signer.verifier)).open(note)
    assert Checkpoint.parse(text).root == b"r" * 32
    with pytest.raises(NoteError, match="no valid signature"):
        signer.verifier.open(note.replace("\n1\n", "\n2\n"))
    head, _, blob = note.rstrip().rpartition(" ")
    of_another_key = b64encode(b"\0\0\0\0" + b64decode(blob)[4:]).decode()
    with pytest.raises(NoteError, match="no valid signature"):
        signer.verifier.open(f"{head} {of_another_key}\n")
    for wrong in ("", "a+b", str(signer.verifier).replace("intake", "other")):
        with pytest.raises(NoteError, match="not a verifier key"):
            Verifier.parse(wrong)
    file.write_text("nothing")
    with pytest.raises(NoteError, match="not a private key"):
        Signer.load("lianshen/intake", file)
