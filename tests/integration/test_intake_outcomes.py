"""ALL 32(1), 32(2) as acts: no licence needed, another in power; in writing, sealed, verified."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import orjson
import pypdfium2
import pytest
import pytest_asyncio

from services.intake.documents.press import Press
from services.intake.documents.sealing import is_genuine
from services.intake.settings import SealSettings
from services.orchestrator.settings import TemporalSettings
from services.runtime.catalogue_shelf import Shelf
from services.runtime.embedded.keys import ensure_test_seal
from services.runtime.settings import CatalogueSettings
from services.verification.answers import answers as verified
from services.verification.sources import Sources
from services.verification.world import read
from tests.conftest import Databases
from tests.integration.intake_kit import (
    CATALOGUE,
    INVESTOR,
    PERSON,
    STRANGER,
    SUPERVISOR,
    Intake,
    once,
    prepare,
    problem,
    running,
)

SIGN, FIRE = "SIGNBOARD", "FIRE-CHECK"
DELEGATED = """  status: delegated
  in_power:
    authority: {zh: 市城市管理局, en: City management bureau}
    basis: {law: 下放事项目录, article: 第 9 项}
"""
SIGN_ONLY = """code: sign-only
name: {zh: 换招牌, en: Another sign}
description: {zh: 只换招牌, en: Nothing but a sign}
questions:
  - {question: premises}
  - {question: has_sign, when: premises == 'street', otherwise: false}
items: [SIGNBOARD]
example: {premises: street, has_sign: true}
"""
ANSWERS = {"premises": "street", "has_sign": True}
APPLICANT = {"name": "欧阳若兰", "kind": "person"}
BASE = "https://centre.example"


def county(folder: Path) -> Path:
    """The restaurant's county, in which the city decides about signs."""
    shutil.copytree(CATALOGUE.folder, folder)
    items = folder / "2026.1/items/opening.yaml"
    text = items.read_text()
    assert text.endswith("applies_when: has_sign\n")
    before, sign = text.split("- code: SIGNBOARD\n")
    sign = sign.replace("  group: opening-inspection\n", "")
    items.write_text(f"{before}- code: SIGNBOARD\n{sign}{DELEGATED}")
    groups = folder / "2026.1/groups.yaml"
    groups.write_text(groups.read_text().replace(", SIGNBOARD]", "]"))
    (folder / "2026.1/scenarios/sign-only.yaml").write_text(SIGN_ONLY)
    return folder


@pytest.fixture(scope="module")
def press(tmp_path_factory: pytest.TempPathFactory) -> Press:
    key, certificate = ensure_test_seal(tmp_path_factory.mktemp("seal"))
    found = Press.open(SealSettings(key_file=key, certificate_file=certificate), BASE)
    assert found is not None
    return found


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path, press: Press) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    shelf = Shelf(
        CatalogueSettings(
            folder=county(tmp_path / "shelf"), calendar_folder=CATALOGUE.calendar_folder
        )
    )
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path / "files") as found,
    ):
        found.parts = replace(found.parts, press=press, shelf=shelf)
        found.app.state.parts = found.parts
        yield found


async def ask(
    intake: Intake, who: dict[str, str] = INVESTOR, key: dict[str, str] | None = None, **given: Any
) -> httpx2.Response:
    body = {
        "project": "老店换招牌",
        "scenario": "sign-only",
        "answers": ANSWERS,
        "applicant": APPLICANT,
        **given,
    }
    headers = {**who, **(key or once())}
    return await intake.client.post("/v1/inquiries", json=body, headers=headers)


async def test_who_is_in_power_is_said_in_writing(intake: Intake, press: Press) -> None:
    """ALL 32(2): refused at once, sealed and dated, with whom to apply to."""
    key = once()
    answer = await ask(intake, key=key)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert (said["outcome"], said["basis"], said["dated"]) == (
        "not_in_power",
        "行政许可法 32(2)",
        "2026-03-02",
    )
    [one] = said["items"]
    assert (one["item"], one["decided_by"]) == (SIGN, "has_sign")
    assert one["in_power"]["authority"]["zh"] == "市城市管理局"
    assert said["catalogue_version"] == "2026.1"
    again = await ask(intake, key=key)
    assert again.json() == said
    assert (await intake.get(answer.headers["location"])).json() == said

    sealed = await intake.get(said["links"]["document"])
    assert sealed.headers["content-type"] == "application/pdf"
    assert await asyncio.to_thread(is_genuine, sealed.content, press.seal.pem)
    pages = pypdfium2.PdfDocument(sealed.content)
    text = "".join("".join(page.get_textpage().get_text_range().split()) for page in pages)
    for words in ("不予受理决定书", "市城市管理局", "2026年3月2日", "欧阳若兰", "行政复议"):
        assert words in text
    assert (await intake.get(said["links"]["document"])).content == sealed.content
    row = await intake.pool.fetchrow("SELECT * FROM inquiry_document")
    query = {"number": said["number"], "code": row["code"]}
    shown = (await intake.client.get("/v1/public/verification", params=query)).json()
    assert (shown["kind"], shown["holder"], shown["sha256"]) == (
        "not_in_power",
        "欧**",
        row["sha256"],
    )
    problem(
        await intake.client.get(
            "/v1/public/verification", params={**query, "code": "AAAA-AAAA-AAAA-AAAA"}
        ),
        404,
        "not-found",
    )
    asked, made = await intake.acts()
    assert (asked["act"], asked["facts"]["items"]) == ("inquiry.answered", {SIGN: "not_in_power"})
    assert (made["act"], made["facts"]["sha256"]) == ("document.issued", row["sha256"])
    assert "欧阳若兰" not in orjson.dumps([asked, made]).decode()


async def test_that_no_licence_is_needed_is_said_at_once(intake: Intake) -> None:
    """ALL 32(1)."""
    answer = await ask(intake, answers={"premises": "street", "has_sign": False})
    said = answer.json()
    assert (answer.status_code, said["outcome"]) == (201, "not_needed"), answer.text
    assert said["items"][0]["in_power"] is None
    small = {"area_m2": 50, "seats": 10, "premises": "mall", "fits_out": False}
    asked = await ask(intake, scenario="restaurant", answers=small, items=[FIRE])
    assert asked.status_code == 201, asked.text
    [one] = asked.json()["items"]
    assert (one["rule"], one["outcome"]) == ("area_m2 >= 200 or seats >= 60", "not_needed")
    sealed = await intake.get(asked.json()["links"]["document"])
    assert sealed.content.startswith(b"%PDF")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await intake.pool.execute("DELETE FROM inquiry_document")


async def test_where_something_is_to_be_applied_for_the_answer_says_so(intake: Intake) -> None:
    example = intake.submission()["answers"]
    found = problem(
        await ask(intake, scenario="restaurant", answers=example), 409, "licence-needed"
    )
    assert FIRE in {one["item"] for one in found["items"]}
    assert SIGN not in {one["item"] for one in found["items"]}
    faults = problem(await ask(intake, items=["NO-ITEM"]), 422, "invalid")["errors"]
    assert faults[0]["pointer"] == "#/items/0"
    faults = problem(await ask(intake, items=[SIGN, FIRE]), 422, "invalid")["errors"]
    assert faults[0]["pointer"] == "#/items/1"
    faults = problem(await ask(intake, held={FIRE: "X 1"}), 422, "invalid")["errors"]
    assert faults[0]["pointer"] == f"#/held/{FIRE}"
    assert await intake.acts() == []


async def test_an_answer_is_its_askers_own(intake: Intake) -> None:
    said = (await ask(intake)).json()
    for link in said["links"].values():
        problem(await intake.get(link, STRANGER), 404, "not-found")
        problem(await intake.get(link, SUPERVISOR), 403, "forbidden")
    problem(await intake.get("/v1/inquiries/QX20260302-Q000001-0"), 404, "not-found")
    problem(await ask(intake, who=SUPERVISOR), 403, "forbidden")


async def test_an_application_for_nothing_of_ours_is_refused_with_the_way_to_it(
    intake: Intake,
) -> None:
    hand_in = partial(intake.submit, scenario="sign-only", materials=[])
    refused = problem(await hand_in(answers=ANSWERS), 422, "not-in-power")
    assert refused["links"] == {"inquiries": "/v1/inquiries"}
    assert refused["items"][0]["in_power"]["authority"]["en"] == "City management bureau"
    none = {"premises": "street", "has_sign": False}
    problem(await hand_in(answers=none), 422, "no-licence-needed")
    claimed = problem(await hand_in(answers=none, held={FIRE: "X 1"}), 422, "incomplete")
    assert claimed["errors"][0]["pointer"] == f"#/held/{FIRE}"
    assert await intake.outbox() == []


async def test_what_is_accepted_names_what_is_to_be_applied_for_elsewhere(intake: Intake) -> None:
    """Some items are ours and some are not: the receipts say who is in power for those."""
    answer = await intake.submit(
        applicant={
            "name": "欧阳若兰",
            "kind": "person",
            "id_number": PERSON,
            "phone": "0375-5550100",
        }
    )
    assert answer.status_code == 201, answer.text
    number, receipt = answer.json()["number"], answer.json()
    [one] = receipt["elsewhere"]
    assert (one["item"], one["authority"]["zh"], one["basis"]) == (
        SIGN,
        "市城市管理局",
        "下放事项目录 第 9 项",
    )
    shown = (await intake.get(f"/v1/applications/{number}")).json()
    assert shown["receipt"]["elsewhere"] == receipt["elsewhere"]
    assert SIGN not in shown["plan"]["items"]
    for name in ("submission", "acceptance"):
        sealed = await intake.get(f"/v1/applications/{number}/documents/{name}")
        pages = pypdfium2.PdfDocument(sealed.content)
        text = "".join(page.get_textpage().get_text_range() for page in pages)
        assert "市城市管理局" in "".join(text.split())


async def found_by_verification(intake: Intake, folder: Path) -> list[str]:
    """Verify the answers, by the county's files in a folder."""
    sources = Sources(
        dsns={},
        verifiers={},
        catalogue=folder,
        calendar=CATALOGUE.calendar_folder,
        temporal=TemporalSettings(),
    )
    async with intake.pool.acquire() as conn, conn.transaction():
        return [str(one.message) async for one in verified(conn, read(sources))]


async def test_answers_are_reckoned_again_over_the_stores(intake: Intake, tmp_path: Path) -> None:
    for answers in (ANSWERS, {"premises": "mall"}):
        said = (await ask(intake, answers=answers)).json()
        await intake.get(said["links"]["document"])
    await ask(intake)
    shelf = tmp_path / "shelf"
    assert await found_by_verification(intake, shelf) == []
    # Rows and leaves cannot be changed; one that has no leaf, and a county that says otherwise.
    await intake.pool.execute(
        "INSERT INTO inquiry SELECT 'X', owner_ref, party_kind, party_name, project_name, scenario,"
        " answers, held, catalogue_version, 'not_needed', items, answered_at FROM inquiry"
        " WHERE outcome = 'not_in_power' LIMIT 1"
    )
    found = await found_by_verification(intake, shelf)
    assert found == [
        "it was answered, and the log of acts has that 0 times",
        "the answer is not_needed, its items say ['not_in_power']",
    ]
    items = shelf / "2026.1/items/opening.yaml"
    items.write_text(items.read_text().replace("市城市管理局", "省住房和城乡建设厅"))
    found = await found_by_verification(intake, shelf)
    assert f"{SIGN}: 市城市管理局 is not who edition 2026.1 names" in found
