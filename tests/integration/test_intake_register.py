"""The public register of grants, and remedies noted against decisions."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from services.contracts.events import ApplicationProgressed, Result
from services.contracts.vocabulary import ApplicationStatus, Outcome
from tests.conftest import Databases
from tests.integration.intake_kit import (
    INVESTOR,
    PERSON,
    STRANGER,
    SUPERVISOR,
    Intake,
    officer,
    once,
    prepare,
    problem,
    running,
)

DECIDED = datetime(2026, 3, 5, 3, 0, tzinfo=UTC)
FIRE, FOOD, SIGN = "FIRE-CHECK", "FOOD-PERMIT", "SIGNBOARD"
DEPARTMENTS = {FIRE: "fire-rescue", FOOD: "market-supervision", SIGN: "city-appearance"}
REGISTER = "/v1/public/results"
REVIEW = {
    "kind": "review",
    "authority": "市人民政府",
    "reference": "复议〔2026〕12号",
    "filed_on": "2026-03-06",
}


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path) as found,
    ):
        yield found


async def released(
    intake: Intake,
    number: str,
    *items: str,
    outcome: Outcome = Outcome.GRANTED,
    at: datetime = DECIDED,
    called: str | None = None,
) -> None:
    granted = outcome is Outcome.GRANTED
    results = tuple(
        Result(
            item=item,
            department=DEPARTMENTS[item],
            outcome=outcome,
            number=(called or f"{item}-{number}") if granted else None,
            reasons=() if granted else ("面积不足",),
            remedies=() if granted else ("申请行政复议",),
            decided_at=at,
            released_at=at,
        )
        for item in items
    )
    taken = await intake.told(
        ApplicationProgressed(
            application=number, status=ApplicationStatus.IN_PROGRESS, at=at, results=results
        )
    )
    assert not taken.dead
    intake.clock.move_to(max(intake.clock.now(), at))


async def register(intake: Intake, query: str = "") -> dict[str, Any]:
    answer = await intake.client.get(f"{REGISTER}{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def numbers(page: dict[str, Any]) -> list[str]:
    return [one["number"] for one in page["items"]]


async def test_grants_are_public_and_refusals_are_not(intake: Intake) -> None:
    """ALL 40."""
    number = await intake.accepted()
    await released(intake, number, FIRE)
    await released(intake, number, FOOD, outcome=Outcome.REFUSED)
    [shown] = (await register(intake))["items"]
    assert (shown["number"], shown["item"]) == (f"{FIRE}-{number}", FIRE)
    assert shown["holder"] == "示例餐饮有限公司"
    assert shown["item_name"]["zh"]
    assert shown["department_name"]["en"]
    assert shown["standing"] == "in_force"
    one = await intake.client.get(shown["href"])
    assert one.json() == shown
    problem(await intake.client.get(f"{REGISTER}/none"), 404, "not-found")


async def test_a_number_with_a_stroke_is_found(intake: Intake) -> None:
    number = await intake.accepted()
    await released(intake, number, FIRE, called="消审字/2026/12号")
    [shown] = (await register(intake))["items"]
    assert (await intake.client.get(shown["href"])).json()["number"] == "消审字/2026/12号"


async def test_people_are_not_named(intake: Intake) -> None:
    name = "欧阳若兰"
    number = await intake.accepted(
        applicant={"name": name, "kind": "person", "id_number": PERSON, "phone": "0375-5550100"},
        project={"name": f"{name}的小店", "address": "创业路 9 号"},
    )
    await released(intake, number, FIRE)
    [shown] = (await register(intake))["items"]
    assert (shown["holder"], shown["project_name"]) == (None, None)
    everything = (await intake.client.get(REGISTER)).text
    everything += (await intake.client.get(f"{REGISTER}.csv")).text
    assert name not in everything
    assert "创业路" not in everything


async def test_pages_show_every_grant_once_newest_first(intake: Intake) -> None:
    expected = []
    for day in range(4):
        number = await intake.accepted(project={"name": "店", "address": "路"})
        at = DECIDED + timedelta(days=day)
        await released(intake, number, FIRE, FOOD, SIGN, at=at)
        expected += [(at, number, item) for item in (FIRE, FOOD, SIGN)]
    wanted = [f"{item}-{number}" for _, number, item in sorted(expected, reverse=True)]
    seen: list[str] = []
    cursor = ""
    for _ in range(10):
        page = await register(intake, f"?limit=5{cursor}")
        seen += numbers(page)
        if page["next"] is None:
            break
        cursor = f"&after={page['next']}"
    assert seen == wanted
    problem(await intake.client.get(f"{REGISTER}?after=x"), 400, "bad-cursor")
    problem(await intake.client.get(f"{REGISTER}?limit=101"), 422, "invalid")


async def test_the_table_is_paged_by_its_links(intake: Intake) -> None:
    for day in range(3):
        number = await intake.accepted(project={"name": "店", "address": "路"})
        await released(intake, number, FIRE, FOOD, at=DECIDED + timedelta(days=day))
    path: str | None = f"{REGISTER}.csv?limit=4&since=2026-03-01"
    rows: list[dict[str, str]] = []
    pages = 0
    while path:
        answer = await intake.client.get(path)
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        rows += csv.DictReader(io.StringIO(answer.text))
        link = answer.headers.get("link", "")
        path = link.partition("<")[2].partition(">")[0] or None
        pages += 1
    assert pages == 2
    assert [one["number"] for one in rows] == numbers(await register(intake))
    assert {one["holder"] for one in rows} == {"示例餐饮有限公司"}
    assert all(one["item_zh"] and one["standing"] == "in_force" for one in rows)


async def test_the_table_holds_no_formula(intake: Intake) -> None:
    number = await intake.accepted(
        project={"code": "P-1", "name": '=HYPERLINK("http://x")', "address": "路 1 号"}
    )
    await released(intake, number, FIRE)
    [row] = csv.DictReader(io.StringIO((await intake.client.get(f"{REGISTER}.csv")).text))
    assert row["project_name"] == '\'=HYPERLINK("http://x")'


async def test_the_register_is_searched_by_item_department_project_and_day(
    intake: Intake,
) -> None:
    one, two = (
        await intake.accepted(),
        await intake.accepted(project={"code": "P-2", "name": "店", "address": "路"}),
    )
    late = datetime(2026, 3, 6, 15, 59, 59, tzinfo=UTC)  # still the 6th in Shanghai
    await released(intake, one, FIRE, FOOD)
    await released(intake, two, FIRE, at=late)
    assert len(numbers(await register(intake, f"?item={FIRE}"))) == 2
    assert numbers(await register(intake, "?department=market-supervision")) == [f"{FOOD}-{one}"]
    assert numbers(await register(intake, "?project_code=P-2")) == [f"{FIRE}-{two}"]
    assert numbers(await register(intake, "?since=2026-03-06&until=2026-03-06")) == [
        f"{FIRE}-{two}"
    ]
    assert numbers(await register(intake, "?since=2026-03-07")) == []
    assert len(numbers(await register(intake, "?until=2026-03-05"))) == 2


async def note(
    intake: Intake, number: str, item: str = FIRE, who: dict[str, str] = SUPERVISOR, **changes: Any
) -> httpx2.Response:
    return await intake.client.post(
        f"/v1/applications/{number}/results/{item}/remedies",
        json={**REVIEW, **changes},
        headers={**who, **once()},
    )


async def end(
    intake: Intake, number: str, remedy: str, outcome: str, on: str = "2026-03-06"
) -> httpx2.Response:
    return await intake.client.post(
        f"/v1/applications/{number}/results/{FIRE}/remedies/{remedy}/outcome",
        json={"outcome": outcome, "ended_on": on},
        headers={**SUPERVISOR, **once()},
    )


async def granted(intake: Intake) -> str:
    number = await intake.accepted()
    await released(intake, number, FIRE, at=DECIDED)
    intake.clock.move_to(DECIDED + timedelta(days=1))
    return number


async def standings(intake: Intake, number: str) -> set[str]:
    """What everybody and what the applicant is told."""
    results = (await intake.get(f"/v1/applications/{number}/results")).json()["items"]
    [shown] = (await register(intake))["items"]
    listed = await intake.get(f"/v1/applications/{number}/results/{FIRE}/remedies")
    return {results[0]["standing"], shown["standing"], listed.json()["standing"]}


async def test_a_remedy_shows_wherever_the_decision_is_shown(intake: Intake) -> None:
    number = await granted(intake)
    assert await standings(intake, number) == {"in_force"}
    answer = await note(intake, number)
    assert answer.status_code == 201, answer.text
    remedy = answer.json()["id"]
    assert await standings(intake, number) == {"under_review"}
    ended = await end(intake, number, remedy, "annulled")
    assert ended.status_code == 200, ended.text
    assert await standings(intake, number) == {"annulled"}
    [shown] = (await register(intake))["items"]
    assert shown["remedies"] == [
        {
            "kind": "review",
            "filed_on": "2026-03-06",
            "outcome": "annulled",
            "ended_on": "2026-03-06",
        }
    ]
    noted, over = [one for one in await intake.acts() if one["act"].startswith("remedy.")]
    assert noted["facts"]["filed_on"] == REVIEW["filed_on"]
    assert REVIEW["reference"] not in str(noted)
    assert REVIEW["authority"] not in str(noted)
    assert (over["act"], over["facts"]["outcome"]) == ("remedy.ended", "annulled")


@pytest.mark.parametrize(
    ("outcome", "standing"),
    [
        ("upheld", "in_force"),
        ("changed", "changed"),
        ("unlawful", "in_force"),
        ("ended", "in_force"),
    ],
)
async def test_how_a_remedy_ends_says_what_is_left(
    intake: Intake, outcome: str, standing: str
) -> None:
    number = await granted(intake)
    remedy = (await note(intake, number)).json()["id"]
    await end(intake, number, remedy, outcome)
    assert await standings(intake, number) == {standing}


async def test_a_remedy_is_noted_and_ended_once(intake: Intake) -> None:
    number = await granted(intake)
    remedy = (await note(intake, number)).json()["id"]
    problem(await note(intake, number), 409, "remedy-noted")
    assert (await note(intake, number, kind="suit", reference="行初 3")).status_code == 201
    assert (await end(intake, number, remedy, "upheld")).status_code == 200
    problem(await end(intake, number, remedy, "annulled"), 409, "remedy-ended")
    problem(await end(intake, number, str(uuid4()), "annulled"), 404, "not-found")


async def test_the_days_of_a_remedy_can_be(intake: Intake) -> None:
    number = await granted(intake)
    for day in ("2026-03-04", "2026-03-07"):
        body = problem(await note(intake, number, filed_on=day), 422, "invalid")
        assert body["errors"][0]["pointer"] == "#/filed_on"
    remedy = (await note(intake, number)).json()["id"]
    for day in ("2026-03-05", "2026-03-07"):
        body = problem(await end(intake, number, remedy, "upheld", day), 422, "invalid")
        assert body["errors"][0]["pointer"] == "#/ended_on"


async def test_only_the_supervision_notes_a_remedy(intake: Intake) -> None:
    number = await granted(intake)
    problem(await note(intake, number, who=INVESTOR), 403, "forbidden")
    problem(await note(intake, number, who=officer("fire-rescue")), 403, "forbidden")
    problem(await note(intake, number, item=FOOD), 404, "not-found")
    assert (await note(intake, number)).status_code == 201
    path = f"/v1/applications/{number}/results/{FIRE}/remedies"
    assert (await intake.get(path, SUPERVISOR)).status_code == 200
    assert len((await intake.get(path)).json()["items"]) == 1
    problem(await intake.get(path, STRANGER), 404, "not-found")


MANY = """
INSERT INTO application (number, owner_ref, project_code, project_name, project_address, scenario,
    answers, held, catalogue_version, calendar_version, plan_digest, submitted_at, promised_days,
    statutory_serial_days, promised_at, provisional)
SELECT 'A' || n, 'o' || n, 'P' || n % 3000, 'p', 'a', 'restaurant', '{}', '{}', '2026.1', 'c', 'd',
    now(), 1, 1, now(), false
FROM generate_series(1, 6000) AS n;
INSERT INTO party (application, capacity, kind, name, id_number, phone)
SELECT 'A' || n, 'applicant', 'company', 'c', 'i', 't' FROM generate_series(1, 6000) AS n;
INSERT INTO result (application, item, department, outcome, number, reasons, remedies, conditions,
    decided_at, released_at)
SELECT 'A' || n, 'ITEM-' || i, 'department-' || i,
    CASE WHEN n % 7 = 0 THEN 'refused' ELSE 'granted' END, n || '-' || i, '{}', '{}', '{}',
    timestamptz '2026-03-01' + n * interval '1 minute',
    timestamptz '2026-03-01' + n * interval '1 minute'
FROM generate_series(1, 6000) AS n, generate_series(1, 4) AS i;
UPDATE result SET item = 'RARE', department = 'rare'
WHERE item = 'ITEM-1' AND application IN ('A10', 'A11');
ANALYZE application; ANALYZE party; ANALYZE result;
"""
PAGE = 5


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", PAGE),
        ("item=RARE", 2),
        ("department=rare", 2),
        ("item=RARE&department=rare&since=2026-03-01", 2),
        ("project_code=P10", 4),
        ("item=ITEM-2&until=2026-03-01", PAGE),
        ("item=NOTHING", 0),
        ("since=2026-03-09", 0),
    ],
)
async def test_a_filter_reads_what_it_finds_and_not_the_register(
    databases: Databases, tmp_path: Path, query: str, found: int
) -> None:
    """Among 24,000 results, whatever Postgres has planned before."""
    url = await databases.fresh("intake", prepare)
    once_for_all = {"plan_cache_mode": "force_generic_plan"}  # as Postgres may do at the sixth use
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=1, server_settings=once_for_all) as pool,
        running(pool, tmp_path) as intake,
    ):
        await pool.execute(MANY)
        path = f"{REGISTER}?limit={PAGE}&{query}"
        answer = await intake.client.get(path)
        assert len(answer.json()["items"]) == found, answer.text
        before = await rows_read(pool)
        await intake.client.get(path)
        assert await rows_read(pool) - before <= 12 * PAGE


async def rows_read(pool: asyncpg.Pool) -> int:
    """How many rows of results and their applications were fetched so far, index entries too."""
    async with pool.acquire() as conn:
        await conn.execute("SELECT pg_stat_force_next_flush()")
        found = await conn.fetchval(
            "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables"
            " WHERE relname IN ('result', 'application')"
        )
        return int(found)
