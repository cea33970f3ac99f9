"""`lianshen audit`: keys, checking a database, and checking an export without one."""

from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
import typer
from typer.testing import CliRunner

from services.commands import audit as command
from services.runtime import audit
from services.runtime.notes import Signer
from tests.conftest import Databases

BASE = Path(audit.__file__).with_name("sql") / "base.sql"
AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


async def prepare(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(BASE.read_text(encoding="utf-8"))
    await connection.close()


def run(*arguments: str) -> tuple[int, str]:
    root = typer.Typer()
    command.register(root)
    result = CliRunner().invoke(root, ["audit", *arguments])
    return result.exit_code, result.output


async def fill(url: str, key: Path) -> None:
    async with asyncpg.create_pool(url, min_size=1, max_size=2) as pool:
        async with pool.acquire() as conn, conn.transaction():
            for number in range(3):
                await audit.leaf(conn, f"act.{number}", None, None, {"n": number}, at=AT)
        signer = Signer.load(audit.log_name("intake"), key)
        assert await audit.Sealer(pool, signer).seal() == 3


async def test_the_whole_life_of_a_log(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    url = await databases.fresh("audit", prepare)
    key, public, log = tmp_path / "log.pem", tmp_path / "log.vkey", tmp_path / "log.jsonl"

    def life() -> None:
        code, printed = run("keygen", "intake", str(key))
        assert code == 0
        assert run("keygen", "intake", str(key))[0] == 2
        assert run("key", "intake", "--private-key", str(key)) == (0, printed)
        public.write_text(printed)
        asyncio.run(fill(url, key))

        code, output = run("verify", "intake")
        assert code == 2
        assert "LIANSHEN_AUDIT__KEY_FILE" in output
        monkeypatch.setenv("LIANSHEN_AUDIT__KEY_FILE", str(key))
        monkeypatch.setenv("LIANSHEN_DATABASE__DSN", url)
        code, output = run("verify", "intake")
        assert (code, "3 leaves, 1 checkpoints" in output) == (0, True)
        assert run("export", "intake", str(log)) == (0, f"3 leaves in {log}\n")

        monkeypatch.setenv("LIANSHEN_DATABASE__DSN", "postgresql://x@127.0.0.1:1/x")
        assert run("verify", "intake")[0] == 2
        offline = ("verify", "intake", "--public-key", str(public), "--file", str(log))
        code, output = run(*offline)
        assert (code, "unbroken" in output) == (0, True)
        log.write_bytes(log.read_bytes().replace(b"act.1", b"act.9"))
        code, output = run(*offline)
        assert (code, "BROKEN" in output) == (1, True)
        log.write_bytes(b"{}\n")
        code, output = run(*offline)
        assert (code, "is not an export" in output) == (2, True)

    await asyncio.to_thread(life)
