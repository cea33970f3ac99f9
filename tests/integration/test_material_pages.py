"""Materials and their samples on the public pages, and the number of unread letters on all."""

import asyncio
import html as markup
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
import pytest_asyncio

from services.contracts.vocabulary import Role
from services.domain.catalogue_base import Name
from services.domain.samples import Sample, SampleRow
from services.runtime.catalogue_shelf import Shelf
from services.runtime.settings import CatalogueSettings
from tests.conftest import Databases
from tests.integration.intake_kit import INVESTOR, STRANGER, Intake, bearer, prepare, running
from tests.integration.signing_in import Browser, browser
from tests.integration.test_intake_approvals import DAY, NEW, OLD, shelf_of, write
from tests.integration.test_track_list_reads import counted

HTML = {"accept": "text/html"}
EVIL = "<b>不是标记</b>"
ITEM, MATERIAL = "FIRE-CHECK", "floor-plan"


def name(text: str) -> Name:
    return Name(zh=text, en=f"{text} in English")


SAMPLE = Sample(
    material=MATERIAL,
    title=name("平面图样本"),
    purpose=name("核对疏散"),
    rows=(SampleRow(field=name(EVIL), example=name("○○平方米"), mistake=name("没有标门宽")),),
    sent_back=(name("看不清"),),
)


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=4) as pool,
        running(pool, tmp_path) as found,
    ):
        found.parts = found.app.state.parts = replace(found.parts, samples={MATERIAL: SAMPLE})
        yield found


async def get(intake: Intake, path: str, status: int = 200, who: Browser | None = None) -> str:
    answer = await intake.client.get(path, headers=who.headers if who else HTML)
    assert answer.status_code == status, answer.text
    return answer.text


async def test_a_material_is_shown_with_its_sample_in_both_languages(intake: Intake) -> None:
    for language, said in (
        ("zh-CN", ("平面图样本", "没有标门宽", "看不清", "申请人提供", "PDF", "32 MB")),
        ("en", ("平面图样本 in English", "Frequent mistake", "32 MB")),
    ):
        shown = await get(intake, f"/materials/{MATERIAL}?lang={language}")
        for text in said:
            assert text in shown
        assert EVIL not in shown
        assert markup.escape(EVIL) in shown
        assert f'href="/items/{ITEM}"' in shown


async def test_a_material_without_a_sample_says_so_and_an_unknown_one_is_not_there(
    intake: Intake,
) -> None:
    catalogue = intake.parts.catalogue()
    bare = next(
        one.id
        for one in catalogue.materials
        if one.id != MATERIAL and one.supplied_by == "applicant"
    )
    shown = await get(intake, f"/materials/{bare}")
    assert "这份材料还没有样本" in shown
    assert "specimen" not in shown
    await get(intake, "/materials/moonlight", 404)


async def test_items_and_the_search_lead_to_materials(intake: Intake) -> None:
    shown = await get(intake, f"/items/{ITEM}")
    assert f'href="/materials/{MATERIAL}"' in shown
    assert shown.count("有样本") == 1
    found = intake.parts.catalogue().material_by_id[MATERIAL].name
    for words in (found.zh, found.en.upper(), MATERIAL):
        assert f'href="/materials/{MATERIAL}"' in await get(intake, f"/items?q={words}")
    assert "/materials/" not in await get(intake, "/items?q=moonlight")
    assert "/materials/" not in await get(intake, "/items")


async def test_the_api_leads_from_an_item_to_the_sample(intake: Intake) -> None:
    item = (await intake.client.get(f"/v1/catalogue/items/{ITEM}")).json()
    by_id = {one["material"]["id"]: one["sample"] for one in item["materials"]}
    assert by_id[MATERIAL] == f"/v1/catalogue/materials/{MATERIAL}"
    assert set(by_id.values()) - {by_id[MATERIAL]} <= {None}
    found = (await intake.client.get(by_id[MATERIAL])).json()
    assert found["sample"] == SAMPLE.model_dump(mode="json")
    assert ITEM in {one["item"] for one in found["used_by"]}
    assert found["upload"]["max_file_bytes"] == 32 * 1024 * 1024
    assert ".pdf" in found["upload"]["extensions"]
    gone = await intake.client.get("/v1/catalogue/materials/moonlight")
    assert gone.status_code == 404


def renamed(folder: Path) -> None:
    """Make a new version that knows the material, and an item that needs it, by other names."""
    write(folder)
    for file in (folder / NEW).rglob("*.yaml"):
        text = file.read_text("utf-8").replace(MATERIAL, "storey-plan")
        file.write_text(text.replace(ITEM, "FIRE-LOOK"), "utf-8")


async def test_a_material_of_an_older_application_is_still_explained(
    intake: Intake, tmp_path: Path
) -> None:
    """The notice and the papers of an older application link to it."""
    renamed(tmp_path / "catalogue")
    intake.parts = intake.app.state.parts = replace(
        intake.parts, shelf=shelf_of(tmp_path / "catalogue")
    )
    await get(intake, "/materials/storey-plan", 404)  # nobody has approved it
    assert (await intake.approve(NEW)).status_code == 201
    intake.clock.move_to(DAY)
    older = await get(intake, f"/materials/{MATERIAL}")
    assert "没有标门宽" in older
    assert f"现行目录里没有这份材料：以下是目录 {OLD} 版的内容" in older
    assert f'href="/items/{ITEM}"' not in older
    newer = await get(intake, "/materials/storey-plan")
    assert "现行目录里没有这份材料" not in newer
    assert 'href="/items/FIRE-LOOK"' in newer
    await get(intake, "/materials/moonlight", 404)


async def test_what_uses_a_material_is_named_with_when_and_by_when(
    databases: Databases,
    tmp_path: Path,
) -> None:
    url = await databases.fresh("intake", prepare)
    shelf = Shelf(CatalogueSettings())
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=4) as pool,
        running(pool, tmp_path, shelf=shelf) as found,
    ):
        result = await get(found, "/materials/land-opinion")
        assert "它是「建设项目用地预审与选址意见书」的办理结果" in result
        later = await get(found, "/materials/construction-drawings")
        assert "办理过程中才形成，在这些之后" in later
        assert "初步设计" in later
        from_us = await get(found, "/materials/application-form")
        assert "上传时当场检查" not in from_us
        assert "还没有样本" not in from_us


# Unread letters


def count_in(shown: str) -> str | None:
    """Return what is said beside the inbox, without markup; None: there is no inbox."""
    found = re.search(r'<a href="/inbox"[^>]*>(.*?)</a>', shown, re.DOTALL)
    return None if found is None else re.sub(r"<[^>]+>", "", found[1])


async def test_every_page_of_ones_own_says_how_many_letters_are_unread(intake: Intake) -> None:
    number = await intake.accepted()
    mine, other = browser(intake.app, INVESTOR), browser(intake.app, STRANGER)
    for path in ("/", f"/items/{ITEM}", "/applications", f"/applications/{number}", "/inbox"):
        shown = await get(intake, path, who=mine)
        assert count_in(shown) == "我的信箱2，2 封未读", path
        assert '<span class="count" aria-hidden="true">2</span>' in shown
    assert count_in(await get(intake, "/inbox?lang=en", who=mine)) == "Inbox2, 2 unread letters"
    assert count_in(await get(intake, "/applications", who=other)) == "我的信箱"
    assert count_in(await get(intake, "/")) is None
    await intake.client.post(
        "/inbox", data=mine.form(up_to="9223372036854775807"), headers=mine.headers
    )
    assert count_in(await get(intake, "/applications", who=mine)) == "我的信箱"


async def test_one_question_a_page_and_none_for_others(intake: Intake) -> None:
    number = await intake.accepted()
    mine = browser(intake.app, INVESTOR)
    operator = browser(intake.app, bearer("operator", Role.OPERATOR))
    part = {**mine.headers, "hx-request": "true"}
    for path, headers, questions in (
        ("/", mine.headers, 1),
        ("/inbox", mine.headers, 1),
        (f"/applications/{number}", mine.headers, 1),
        (f"/applications/{number}", part, 0),
        ("/", HTML, 0),
        ("/", operator.headers, 0),
    ):
        async with counted(intake.pool) as asked:
            assert (await intake.client.get(path, headers=headers)).status_code == 200
        found = [one for one in asked if "count(*) from letter" in one.lower()]
        assert len(found) == questions, (path, asked)


async def test_neither_a_file_nor_a_form_that_is_sent_asks_for_the_number(intake: Intake) -> None:
    number = await intake.accepted()
    mine = browser(intake.app, INVESTOR)
    form: dict[str, Any] = {"data": mine.form(up_to="1")}
    for method, path, more in (
        ("GET", f"/applications/{number}/bundle", {}),
        ("GET", f"/applications/{number}/documents/receipt", {}),
        ("GET", "/inquiries/1/document", {}),
        ("GET", f"/apply/{UUID(int=1)}/files/{UUID(int=2)}", {}),
        ("POST", "/inbox", form),
    ):
        async with counted(intake.pool) as asked:
            await intake.client.request(method, path, headers=mine.headers, **more)
        assert not [one for one in asked if "count(*) from letter" in one.lower()], path


async def test_a_page_is_shown_without_the_number_when_it_cannot_be_had(intake: Intake) -> None:
    await intake.accepted()
    mine = browser(intake.app, INVESTOR)
    held = [await intake.pool.acquire() for _ in range(intake.pool.get_max_size())]
    try:
        async with asyncio.timeout(10):
            shown = await get(intake, f"/items/{ITEM}", who=mine)
    finally:
        for one in held:
            await intake.pool.release(one)
    assert count_in(shown) == "我的信箱"
    await intake.pool.execute("ALTER TABLE letter RENAME TO letters_elsewhere")
    assert count_in(await get(intake, "/", who=mine)) == "我的信箱"


async def test_the_live_part_brings_the_number_along(intake: Intake) -> None:
    number = await intake.accepted()
    mine = browser(intake.app, INVESTOR)
    stream = {**mine.headers, "accept": "text/event-stream"}
    address = f"/applications/{number}/live"
    intake.app.state.stopping = True  # the stream ends after the first look
    answer: httpx2.Response = await intake.client.get(address, headers=stream)
    assert 'id="count-inbox" hx-swap-oob="true"' in answer.text
    assert "2 封未读" in answer.text
