"""How letters are sent: each once however slow, nothing read when there is nothing to send."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest_asyncio

from services.intake.letters_carriers import Channel, Files, Parcel
from services.intake.letters_sending import KEPT, Sending, forget_old, send_unsent
from services.intake.letters_settings import LetterSettings
from services.intake.letters_store import QUERIES
from tests.conftest import Databases
from tests.integration.intake_kit import Intake, prepare, running

ENDED = "SELECT count(*) FROM letter_sending WHERE ended_at IS NOT NULL"
OPEN = "SELECT count(*) FROM letter_sending WHERE ended_at IS NULL"


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=4) as pool,
        running(pool, tmp_path / "files") as found,
    ):
        yield found


class Slow:
    """A gateway that takes its time."""

    channels = frozenset({Channel.SMS})

    def __init__(self, seconds: float) -> None:
        self.numbers: list[str] = []
        self._seconds = seconds

    async def carry(self, parcel: Parcel) -> None:
        self.numbers.append(parcel.number)
        await asyncio.sleep(self._seconds)

    async def close(self) -> None:
        """Nothing is open."""


def sending(intake: Intake, carrier: Any, **changes: Any) -> Sending:
    settings = LetterSettings(adapter="file", **({"again_after": 0.001} | changes))
    return Sending(
        parts=intake.parts, carrier=carrier, settings=settings, base="https://centre.example"
    )


async def test_a_slow_gateway_gets_each_letter_once(intake: Intake) -> None:
    for _ in range(4):
        await intake.accepted()
    slow = Slow(0.15)
    outgoing = sending(intake, slow, timeout=0.3)
    first = asyncio.create_task(send_unsent(outgoing))
    async with asyncio.timeout(20):
        while len(slow.numbers) < 5:  # noqa: ASYNC110  longer than one sending may take
            await asyncio.sleep(0.01)
    await send_unsent(outgoing)
    await first
    assert len(slow.numbers) == len(set(slow.numbers)) == 8


async def test_what_came_while_nothing_was_sent_is_sent_when_it_is(intake: Intake) -> None:
    await intake.accepted()
    assert await intake.pool.fetchval("SELECT count(*) FROM letter_sending") == 0
    slow = Slow(0)
    for _ in range(2):
        assert await send_unsent(sending(intake, slow)) == 0
        await intake.accepted()
    assert len(slow.numbers) == 4
    await intake.pool.execute("UPDATE letter SET written_at = now() - interval '4 days'")
    await send_unsent(sending(intake, slow))
    assert len(slow.numbers) == 4


async def test_what_became_too_old_is_over(intake: Intake) -> None:
    await intake.accepted()
    hanging = sending(intake, Slow(1), timeout=0.01)
    assert await send_unsent(hanging) == 2
    assert await intake.pool.fetchval(OPEN) == 2
    await intake.pool.execute("UPDATE letter SET written_at = now() - interval '4 days'")
    await intake.pool.execute("UPDATE letter_sending SET next_attempt_at = now()")
    slow = Slow(0)
    assert await send_unsent(sending(intake, slow)) == 0
    assert slow.numbers == []
    assert await intake.pool.fetchval(OPEN) == 0


async def scanned(intake: Intake, sql: str, *given: Any) -> list[dict[str, Any]]:
    """Run a statement and return what was read of letters and their sending."""
    async with intake.pool.acquire() as conn:
        plan = await conn.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *given)

    def nodes(one: dict[str, Any]) -> list[dict[str, Any]]:
        return [one, *(each for inner in one.get("Plans", ()) for each in nodes(inner))]

    (root,) = orjson.loads(plan)
    return [
        one
        for one in nodes(root["Plan"])
        if one.get("Relation Name") in {"letter", "letter_sending"} and "Scan" in one["Node Type"]
    ]


async def test_an_idle_look_reads_nothing(intake: Intake) -> None:
    number = await intake.accepted()
    await send_unsent(sending(intake, Slow(0)))
    await intake.pool.execute(
        "INSERT INTO letter (owner_ref, application, kind, source, place, facts, at, queued)"
        " SELECT 'x', $1, 'received', gen_random_uuid(), 0, '{}', now(), true"
        " FROM generate_series(1, 4000)",
        number,
    )
    await intake.pool.execute(
        "INSERT INTO letter_sending (letter, channel, attempts, next_attempt_at, ended_at)"
        " SELECT id, 'sms', 1, now(), now() FROM letter ON CONFLICT DO NOTHING"
    )
    await intake.pool.execute("ANALYZE letter, letter_sending")
    assert await intake.pool.fetchval(ENDED) > 4000
    now, channels = datetime.now(UTC), ["sms"]
    since = now - timedelta(hours=72)
    read = [
        *await scanned(intake, QUERIES.queue_letters.sql, since, channels),
        *await scanned(intake, QUERIES.claim_letters.sql, since, channels, 50, now),
    ]
    assert read
    for one in read:
        rows = one["Actual Rows"] + one.get("Rows Removed by Filter", 0)
        assert rows * one["Actual Loops"] == 0, one


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_files_of_what_would_be_sent_are_kept_for_a_month(tmp_path: Path) -> None:
    files = Files(tmp_path)
    await forget_old(files, datetime.now(UTC))
    parcel = Parcel(
        number="1-sms", channel=Channel.SMS, address="0375-5550100", subject="s", text="t"
    )
    await files.carry(parcel)
    (new,) = names(tmp_path)
    old, other = tmp_path / "sms-2026-01-31.jsonl", tmp_path / "notes.txt"
    now = datetime.now(UTC)
    for path in (old, other):
        path.write_bytes(b"x")
        long_ago = (now - KEPT).timestamp() - 60
        os.utime(path, (long_ago, long_ago))
    await forget_old(files, now - KEPT)
    assert names(tmp_path) == sorted([new, other.name])
