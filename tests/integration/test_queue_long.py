"""A queue of a million: every page, of the API and of the workbench, comes at once."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, date, datetime
from itertools import product
from typing import Any

import pytest
import pytest_asyncio

from services.contracts.vocabulary import Part
from services.departments import pages, store
from services.departments.pages import queue_reading
from services.departments.pages.queue_reading import Filter, Kind, State, Whose
from services.departments.settings import Settings
from services.departments.store import Filters
from services.runtime.db import Connection
from tests.conftest import Databases
from tests.integration.departments_parts import OFFICER, Desk, open_desk, ref
from tests.integration.signing_in import browser

MANY = 1_000_000
LOOKS = 20_000
ME, OTHER = ref("officer-1"), ref("officer-2")
FAST_S = 0.1
ENOUGH = 5
TRIES = 5
DEEP = datetime(2026, 3, 6, tzinfo=UTC)
FILL = f"""
    INSERT INTO task (task, application, project_code, step, item, department, part, round,
        authority, silence, applicant_refs, issued_at, promised_on, promised_at, provisional,
        state, ended_at, claimed_by, claimed_at, special_at)
    SELECT a || '/' || i || '/planning/1', a, 'P-' || lpad((n / 20)::text, 6, '0'), 's', i,
        'planning', CASE WHEN i IN ('RARE', 'ITEM-6') THEN 'consult' ELSE 'decide' END, 1,
        'representative', 'none', '{{}}', now(), '2026-03-05',
        timestamptz '2026-03-01 09:00Z' + n * interval '1 s', false,
        CASE n % 10 WHEN 0 THEN 'open' WHEN 1 THEN 'open' WHEN 2 THEN 'open' WHEN 3 THEN 'open'
            WHEN 4 THEN 'lapsed' WHEN 5 THEN 'cancelled' ELSE 'decided' END,
        CASE WHEN n % 10 < 4 THEN NULL ELSE now() END,
        CASE WHEN n % 50 IN (0, 9) THEN $1 WHEN n % 5000 IN (1, 7) THEN $2 END,
        CASE WHEN n % 50 IN (0, 9) OR n % 5000 IN (1, 7) THEN now() END,
        CASE WHEN n % 40000 = 2 THEN now() END
    FROM (SELECT n, 'MX202603' || lpad((n / 40000)::text, 2, '0') || '-' || lpad(n::text, 9, '0')
                || '-7' AS a,
            CASE WHEN n % 20000 = 13 THEN 'RARE' ELSE 'ITEM-' || n % 7 END AS i
        FROM generate_series(1, {MANY}) AS n) AS made
"""
FILL_LOOKS = f"""
    INSERT INTO examination (task, application, project_code, department, round, items,
        applicant_refs, subjects, scenario, catalogue_version, facts, materials, asked_at, until,
        state, ended_at)
    SELECT a || '/examination/planning/1', a, 'P-' || n / 20, 'planning', 1,
        ARRAY['ITEM-' || n % 7], '{{}}', '{{}}', 's', 'v', '{{}}', '[]', now(),
        timestamptz '2026-03-01 09:00Z' + n * interval '50 s',
        CASE n % 10 WHEN 0 THEN 'done' WHEN 1 THEN 'silent' WHEN 2 THEN 'closed' ELSE 'open' END,
        CASE WHEN n % 10 < 3 THEN now() END
    FROM (SELECT n, 'MX20260399-' || lpad(n::text, 9, '0') || '-7' AS a
        FROM generate_series(1, {LOOKS}) AS n) AS made
"""
INDEXES = """
    SELECT i.indexname AS name, i.indexdef AS made
    FROM pg_indexes AS i
    LEFT JOIN pg_constraint AS c ON c.conname = i.indexname
    WHERE i.tablename = 'task' AND c.oid IS NULL
"""


@pytest_asyncio.fixture
async def desk(databases: Databases) -> AsyncIterator[Desk]:
    """A department with a million tasks; the indexes are made once they are there."""
    async with open_desk(databases) as found:
        pages.install(found.app, Settings())
        async with found.pool.acquire() as conn:
            await conn.execute("SET statement_timeout = '120s'")
            indexes = await conn.fetch(INDEXES)
            for one in indexes:
                await conn.execute(f"DROP INDEX {one['name']}")
            await conn.execute(FILL, OTHER, ME, timeout=120)
            await conn.execute(FILL_LOOKS, timeout=120)
            for one in indexes:
                await conn.execute(one["made"], timeout=120)
            await conn.execute("ANALYZE task, examination", timeout=120)
        yield found


async def least(tries: int, act: Callable[[], Awaitable[Any]]) -> float:
    """The least time of some tries: what else the machine does meanwhile is not measured."""
    best = float("inf")
    for _ in range(tries):
        started = time.perf_counter()
        await act()
        best = min(best, time.perf_counter() - started)
        if best < FAST_S:
            break
    return best


def every_filter() -> Iterator[Filter]:
    """Every combination that the page offers, with what is frequent, rare and not there."""
    for state, kind, item, until, late, whose, text in product(
        State,
        (None, *Kind),
        (None, "ITEM-3", "RARE"),
        (None, date(2026, 3, 2)),
        (False, True),
        Whose,
        (None, "MX2026", "MX20260305", "MX20260305-000200400-7", "P-000123"),
    ):
        yield Filter(
            state=state, kind=kind, item=item, until=until, late=late, whose=whose, text=text
        )


async def look(conn: Connection, wanted: Filter, desk: Desk, after: Any = None) -> Any:
    return await queue_reading.find(
        conn, "planning", wanted, me=ME, now=desk.clock.now(), after=after
    )


async def check_every_filter(desk: Desk) -> None:
    slow: dict[str, float] = {}
    async with desk.pool.acquire() as conn:
        for wanted in every_filter():
            taken = await least(TRIES, lambda wanted=wanted: look(conn, wanted, desk))
            if taken > FAST_S:
                slow[str(wanted.query)] = round(taken, 3)
            assert len(slow) < ENOUGH, slow
    assert not slow


async def check_the_pages(desk: Desk) -> None:
    """Whole pages, as the server makes them: the first, and one deep inside."""
    headers = browser(desk.app, OFFICER, "departments").headers
    async with desk.pool.acquire() as conn:
        deep = (await look(conn, Filter(), desk, queue_reading.Key(1, DEEP, 0, 0))).next
    for path in (
        "/queue",
        f"/queue?after={deep.cursor}",
        "/queue?state=decided",
        "/queue?whose=me&kind=decide",
        "/queue?item=RARE&kind=consult",
    ):
        answers = []

        async def ask(path: str = path, answers: list[Any] = answers) -> None:
            answers.append(await desk.client.get(path, headers=headers))

        assert await least(TRIES, ask) < FAST_S, path
        assert answers[0].status_code == 200
        assert answers[0].text.count("data-key-row") >= 10, path
        assert "999+" in answers[0].text


async def check_the_api(desk: Desk) -> None:
    wanted = {
        "plain": Filters(department="planning"),
        "mine": Filters(department="planning", holder=ME),
        "nobody's": Filters(department="planning", unclaimed=True),
        "rare item": Filters(department="planning", item="RARE"),
        "one part": Filters(department="planning", part=Part.CONSULT),
        "one number": Filters(department="planning", prefix="MX20260303-000123"),
        "one project": Filters(department="planning", prefix="P-000123"),
        "nothing": Filters(department="planning", prefix="ZZ"),
    }
    slow = {}
    async with desk.pool.acquire() as conn:
        for by_issue, (name, filters) in product((False, True), wanted.items()):
            rows: list[Any] = []

            async def ask(
                filters: Filters = filters, by_issue: bool = by_issue, rows: list[Any] = rows
            ) -> None:
                rows[:] = await store.list_tasks(
                    conn, filters, by_issue=by_issue, after=None, rows=51
                )

            taken = await least(TRIES, ask)
            assert bool(rows) == (name != "nothing"), name
            if taken > FAST_S:
                slow[name, by_issue] = round(taken, 3)
    assert not slow


async def check_the_order(desk: Desk) -> None:
    """The special ones first, each once, and everything in its place over several pages."""
    seen: list[queue_reading.Key] = []
    async with desk.pool.acquire() as conn:
        after = None
        for _ in range(4):
            page = await look(conn, Filter(), desk, after)
            seen += page.keys
            after = page.next
        special = await conn.fetchval(
            "SELECT count(*) FROM task WHERE state = 'open' AND special_at IS NOT NULL"
        )
    assert seen == sorted(set(seen))
    assert [key.group for key in seen] == [0] * special + [1] * (200 - special)
    assert {key.rank for key in seen} == {0, 1}


@pytest.mark.timeout(180)
async def test_every_page_of_a_queue_of_a_million_comes_at_once(desk: Desk) -> None:
    """What is read does not grow with the queue, whatever is looked for, and whoever asks."""
    assert await desk.value("SELECT count(*) FROM task") == MANY
    await check_the_order(desk)
    await check_every_filter(desk)
    await check_the_pages(desk)
    await check_the_api(desk)
