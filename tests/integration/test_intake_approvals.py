"""A new version of the catalogue is used when the supervisor has approved it, and not before."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services.contracts.vocabulary import Role
from services.domain.catalogue_changes import digest_of
from services.intake import editions
from services.intake.editions import Editions
from services.runtime.catalogue_shelf import Shelf
from services.runtime.service import StartError
from services.runtime.settings import CatalogueSettings
from services.verification import editions as verified
from services.verification.folders import Folder, queries
from tests.conftest import Databases
from tests.integration.intake_kit import (
    CATALOGUE,
    INVESTOR,
    SUPERVISOR,
    Intake,
    bearer,
    officer,
    once,
    prepare,
    problem,
    running,
)

OLD, NEW = "2026.1", "2026.2"
EVE, DAY = datetime(2026, 3, 4, 2, tzinfo=UTC), datetime(2026, 3, 5, 2, tzinfo=UTC)
REASON = "省定收费标准下调"


def write(folder: Path) -> None:
    """Put two versions into a folder: the second asks less for a sign, from 5 March on."""
    for version in (OLD, NEW):
        shutil.copytree(CATALOGUE.folder / OLD, folder / version)
    old, new = (folder / version / "county.yaml" for version in (OLD, NEW))
    old.write_text(old.read_text() + "effective_to: '2026-03-04'\n")
    text = new.read_text().replace(f"version: '{OLD}'", f"version: '{NEW}'")
    new.write_text(text.replace("'2026-01-01'", "'2026-03-05'"))
    fees = folder / NEW / "fees.yaml"
    fees.write_text(fees.read_text().replace("amount: 30", "amount: 20"))


def shelf_of(folder: Path) -> Shelf:
    return Shelf(CatalogueSettings(folder=folder, calendar_folder=CATALOGUE.calendar_folder))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "catalogue"
    write(found)
    return found


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path, folder: Path) -> AsyncIterator[Intake]:
    """An intake that began with the old version; the new one has come onto its shelf."""
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path / "files") as found,
    ):
        found.parts = found.app.state.parts = replace(found.parts, shelf=shelf_of(folder))
        yield found


async def rests_on(intake: Intake, number: str) -> str:
    found: str = await intake.pool.fetchval(
        "SELECT catalogue_version FROM application WHERE number = $1", number
    )
    return found


async def test_until_it_is_approved_the_predecessor_goes_on_being_used(intake: Intake) -> None:
    assert await rests_on(intake, await intake.accepted()) == OLD
    parts = intake.parts
    assert await editions.warn(parts.editions, parts.clock, parts.shelf) is None
    intake.clock.move_to(DAY)
    assert await rests_on(intake, await intake.accepted()) == OLD, "past its own end"
    assert (await intake.get("/v1/catalogue", {})).json()["version"] == OLD
    warning = await editions.warn(parts.editions, parts.clock, parts.shelf)
    assert warning == f"not approved, predecessor in use: {NEW}"


async def test_approved_it_holds_from_its_day_on_and_running_cases_keep_theirs(
    intake: Intake,
) -> None:
    intake.clock.move_to(EVE)
    answer = await intake.approve(NEW, reason=REASON)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["version"], told["predecessor"], told["role"]) == (NEW, OLD, "supervisor")
    (change,) = told["differences"]
    assert change["kind"] == "fee_changed"
    assert "30" in change["zh"]
    assert "20" in change["en"]
    before = await intake.accepted()
    intake.clock.move_to(DAY)
    after = await intake.accepted()
    assert [await rests_on(intake, number) for number in (before, after)] == [OLD, NEW]
    plans = [(await intake.get(f"/v1/applications/{n}/plan")).json() for n in (before, after)]
    amounts = [{fee["id"]: fee["amount"] for fee in plan["fees"]} for plan in plans]
    assert [plan["catalogue_version"] for plan in plans] == [OLD, NEW]
    assert [one["sign-space-fee"] for one in amounts] == ["30", "20"]
    events = [one["data"]["catalogue_version"] for one in await intake.outbox()]
    assert events == [OLD, NEW]


async def test_what_was_approved_is_public_with_reason_and_differences(intake: Intake) -> None:
    assert (await intake.approve(NEW, reason=REASON)).status_code == 201
    listed = (await intake.get("/v1/catalogue/approvals", {})).json()["items"]
    assert [(one["version"], one["role"], one["reason"]) for one in listed] == [
        (NEW, "supervisor", REASON),
        (OLD, "founding", None),
    ]
    assert listed[0]["effective_from"] == "2026-03-05"
    assert [one["kind"] for one in listed[0]["differences"]] == ["fee_changed"]
    (act,) = await intake.acts()
    assert act["act"] == "catalogue.approved"
    assert (act["facts"]["version"], act["facts"]["differences"]) == (NEW, 1)
    assert REASON not in str(act)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await intake.pool.execute("UPDATE catalogue_approval SET reason = 'x'")


async def test_the_supervisor_reads_what_waits_before_he_approves(intake: Intake) -> None:
    (one,) = (await intake.get("/v1/catalogue/pending", SUPERVISOR)).json()["items"]
    assert (one["version"], one["predecessor"], one["too_late"]) == (NEW, OLD, False)
    assert one["digest"] == digest_of(intake.parts.shelf.version(NEW))
    assert [change["kind"] for change in one["differences"]] == ["fee_changed"]
    assert (await intake.approve(NEW, digest=one["digest"])).status_code == 201
    assert (await intake.get("/v1/catalogue/pending", SUPERVISOR)).json()["items"] == []


async def test_another_content_or_a_day_in_the_past_is_refused(intake: Intake) -> None:
    other = problem(await intake.approve(NEW, digest="0" * 64), 422, "catalogue-approval-refused")
    assert [one["pointer"] for one in other["errors"]] == ["#/digest"]
    problem(await intake.approve(NEW, reason=" "), 422, "invalid")
    intake.clock.move_to(datetime(2026, 3, 6, 2, tzinfo=UTC))
    late = problem(await intake.approve(NEW), 422, "catalogue-approval-refused")
    assert [one["pointer"] for one in late["errors"]] == ["#/version"]
    assert "in the past" in str((await _english(intake)).json())
    (one,) = (await intake.get("/v1/catalogue/pending", SUPERVISOR)).json()["items"]
    assert one["too_late"] is True
    assert await intake.pool.fetchval("SELECT count(*) FROM catalogue_approval") == 1
    assert await intake.acts() == []


async def _english(intake: Intake) -> Any:
    return await intake.approve(NEW, {**SUPERVISOR, "accept-language": "en"})


async def test_a_version_is_approved_once_and_must_be_on_the_shelf(intake: Intake) -> None:
    body = {"version": "2027.1", "digest": "0" * 64, "reason": "x"}
    headers = {**SUPERVISOR, **once()}
    answer = await intake.client.post("/v1/catalogue/approvals", json=body, headers=headers)
    problem(answer, 404, "not-found")
    problem(await intake.approve(OLD), 409, "catalogue-approved")
    both = await asyncio.gather(intake.approve(NEW), intake.approve(NEW))
    assert sorted(one.status_code for one in both) == [201, 409]
    assert len(await intake.acts()) == 1


async def test_one_key_is_one_approval(intake: Intake) -> None:
    digest = digest_of(intake.parts.shelf.version(NEW))
    body, headers = {"version": NEW, "digest": digest, "reason": "x"}, {**SUPERVISOR, **once()}
    answers = [
        await intake.client.post("/v1/catalogue/approvals", json=body, headers=headers)
        for _ in range(2)
    ]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


async def test_what_the_linter_refuses_now_is_not_approved(intake: Intake, folder: Path) -> None:
    items = folder / NEW / "items/set-up.yaml"
    good = items.read_text()
    items.write_text(good.replace("department: market-supervision", "department: nobody", 1))
    assert items.read_text() != good
    refused = problem(await _english(intake), 422, "catalogue-approval-refused")
    assert "set-up.yaml" in str(refused["errors"])
    items.write_text(good + "# nothing\n")
    assert (await intake.approve(NEW)).status_code == 201


async def test_files_that_were_changed_since_the_start_are_not_approved(
    intake: Intake, folder: Path
) -> None:
    fees = folder / NEW / "fees.yaml"
    fees.write_text(fees.read_text().replace("amount: 20", "amount: 10"))
    refused = problem(await _english(intake), 422, "catalogue-approval-refused")
    assert [one["pointer"] for one in refused["errors"]] == ["#/version"]
    assert "since the service started" in str(refused["errors"])


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ({}, 401),
        (INVESTOR, 403),
        (officer("market-supervision"), 403),
        (bearer("operator", Role.OPERATOR), 403),
        (bearer("head", Role.DEPARTMENT_HEAD, department="market-supervision"), 403),
        (bearer("chief", Role.CHIEF_REPRESENTATIVE, department="market-supervision"), 403),
    ],
    ids=["nobody", "investor", "officer", "operator", "head", "chief"],
)
async def test_nobody_but_the_supervisor_approves(
    intake: Intake, who: dict[str, str], status: int
) -> None:
    assert (await intake.get("/v1/catalogue/pending", who)).status_code == status
    digest = digest_of(intake.parts.shelf.version(NEW))
    body = {"version": NEW, "digest": digest, "reason": "x"}
    headers = {**who, **once()}
    answer = await intake.client.post("/v1/catalogue/approvals", json=body, headers=headers)
    assert answer.status_code == status
    assert await intake.pool.fetchval("SELECT count(*) FROM catalogue_approval") == 1


# Starting


@pytest.mark.parametrize("version", [OLD, NEW])
async def test_a_version_that_was_changed_after_its_approval_stops_the_start(
    intake: Intake, folder: Path, version: str
) -> None:
    await intake.approve(NEW)
    shelf = shelf_of(folder)
    again = await Editions.open(intake.pool, shelf, intake.clock)
    assert again.current(shelf, DAY.date()).county.version == NEW
    fees = folder / version / "fees.yaml"
    fees.write_text(fees.read_text().replace("amount: ", "amount: 1"))
    with pytest.raises(StartError, match=f"catalogue version {version} was changed after") as found:
        await Editions.open(intake.pool, shelf_of(folder), intake.clock)
    assert "\n" not in str(found.value)


async def test_what_was_in_use_before_needs_no_approval(
    databases: Databases, tmp_path: Path, folder: Path
) -> None:
    """A county that had gone over to its second version before approvals were kept."""
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=4) as pool,
        running(pool, tmp_path / "files") as found,
    ):
        await found.accepted()
        await pool.execute("ALTER TABLE catalogue_approval DISABLE TRIGGER USER")
        await pool.execute("DELETE FROM catalogue_approval")
        found.clock.move_to(DAY)
        shelf = shelf_of(folder)
        begun = await Editions.open(pool, shelf, found.clock)
        rows = await pool.fetch(
            "SELECT version, approved_role, approved_at FROM catalogue_approval ORDER BY version"
        )
        assert [tuple(row)[:2] for row in rows] == [(OLD, "founding"), (NEW, "founding")]
        assert rows[0]["approved_at"] < rows[1]["approved_at"] == DAY
        assert begun.overdue(shelf, DAY.date()) == ()


async def test_another_process_hears_of_an_approval(intake: Intake) -> None:
    other = await Editions.open(intake.pool, intake.parts.shelf, intake.clock)
    await intake.approve(NEW)
    assert other.current(intake.parts.shelf, DAY.date()).county.version == OLD
    await other.refresh(intake.pool)
    assert other.current(intake.parts.shelf, DAY.date()).county.version == NEW


# What a verification says to it

SABOTAGES = {
    "which nobody has approved": "DELETE FROM catalogue_approval WHERE version = '2026.2'",
    "which was approved later": "UPDATE catalogue_approval SET approved_at = '2030-01-01'",
    "its approval was recorded 0 times": (
        "UPDATE catalogue_approval SET digest = repeat('0', 64) WHERE version = '2026.2'"
    ),
}


async def found_by_verification(intake: Intake) -> list[str]:
    async with intake.pool.acquire() as conn:
        rows = [row async for row in queries.edition(conn, application=None)]
        store = [found.message async for found in verified.approvals(conn)]
    assert len(rows) == 2
    found = Folder(
        number="x", intake={"edition": rows}, orchestrator={}, departments={}, moving=False
    )
    return [one.message for one in verified.editions(found, None)] + store  # type: ignore[arg-type]  # the world is not looked at


@pytest.mark.parametrize("message", SABOTAGES)
async def test_a_verification_finds_what_nobody_approved(intake: Intake, message: str) -> None:
    await intake.approve(NEW)
    await intake.accepted()
    intake.clock.move_to(DAY)
    await intake.accepted()
    assert await found_by_verification(intake) == []
    await intake.pool.execute("ALTER TABLE catalogue_approval DISABLE TRIGGER USER")
    await intake.pool.execute(SABOTAGES[message])
    assert any(message in one for one in await found_by_verification(intake))
