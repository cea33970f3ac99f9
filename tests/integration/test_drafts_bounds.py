"""What drafts may cost: connections while files are checked, room on the disk, their number."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
import pytest_asyncio

from services.intake import drafts, drafts_files
from services.intake.pages.apply_shown import sent_of
from tests.conftest import Databases
from tests.integration.drafts_kit import PEOPLE, SITE_PLAN, Portal, number_in, portal_of
from tests.integration.intake_kit import PDF, SCENARIO, STRANGER
from tests.integration.signing_in import browser

PIECE = drafts_files.PIECE_BYTES


@pytest_asyncio.fixture
async def portal(databases: Databases, tmp_path: Path) -> AsyncIterator[Portal]:
    async with portal_of(databases, tmp_path / "files") as found:
        yield found


class Gate:
    """Holds every inspection until it is opened; what is inspected is inspected all the same."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waiting, self._opened, self._real = 0, threading.Event(), drafts_files.inspect
        monkeypatch.setattr(drafts_files, "inspect", self._inspect)

    def _inspect(self, *given: Any) -> str:
        self.waiting += 1
        assert self._opened.wait(30)
        return self._real(*given)

    def open(self) -> None:
        self._opened.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while self.waiting < count:  # noqa: ASYNC110  threads count
                await asyncio.sleep(0.01)


def example(portal: Portal) -> dict[str, str]:
    return sent_of(portal.intake.parts.catalogue().scenario_by_code[SCENARIO].example)


async def test_files_are_checked_without_a_connection(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = []
    for _ in range(2):
        addresses.append((await portal.announce(await portal.begun(), PDF)).json()["address"])
    forms = [await portal.begun() for _ in range(2)]
    gate = Gate(monkeypatch)
    sent = [asyncio.create_task(portal.send(one, PDF, 0)) for one in addresses]
    sent += [
        asyncio.create_task(
            portal.post(f"{one}/materials", files={f"file:{SITE_PLAN}": ("plan.pdf", PDF)})
        )
        for one in forms
    ]
    try:
        await gate.until(4)
        pool = portal.intake.pool
        async with asyncio.timeout(5):
            held = [await pool.acquire() for _ in range(pool.get_max_size())]
        for one in held:
            await pool.release(one)
    finally:
        gate.open()
    assert [answer.status_code for answer in await asyncio.gather(*sent)] == [200, 200, 303, 303]
    whole = "SELECT count(*) FROM draft_file WHERE sha256 IS NOT NULL AND received = size"
    assert await portal.intake.pool.fetchval(whole) == 4


async def test_a_draft_may_be_removed_while_its_file_is_checked(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = await portal.filled()
    begun = (await portal.announce(draft, PDF)).json()
    gate = Gate(monkeypatch)
    sent = asyncio.create_task(portal.send(begun["address"], PDF, 0))
    await gate.until(1)
    assert (await portal.post(f"{draft}/removal")).status_code == 303
    gate.open()
    assert (await sent).status_code == 404
    assert portal.files() == []


async def test_a_file_that_was_here_when_the_machine_stopped_is_checked_when_announced(
    portal: Portal,
) -> None:
    draft = await portal.filled()
    begun = (await portal.announce(draft, PDF)).json()
    file = UUID(begun["address"].rpartition("/")[2])
    drafts_files.path_of(portal.intake.parts.files, file).parent.mkdir(exist_ok=True)
    drafts_files.path_of(portal.intake.parts.files, file).write_bytes(PDF)
    await portal.intake.pool.execute("UPDATE draft_file SET received = size")
    again = (await portal.announce(draft, PDF)).json()
    assert (again["address"], again["received"]) == (begun["address"], len(PDF))
    assert (await portal.get(begun["address"])).content == PDF


async def test_a_file_that_is_whole_is_not_sent_again(portal: Portal) -> None:
    draft = await portal.filled()
    begun = (await portal.announce(draft, PDF)).json()
    await portal.send(begun["address"], PDF, 0)
    other = (await portal.announce(draft, PDF + b"\n%%EOF\n")).json()
    assert other["received"] == 0
    again = (await portal.announce(draft, PDF)).json()
    assert (again["address"], again["received"]) == (begun["address"], len(PDF))
    assert (await portal.send(other["address"], PDF, 0)).status_code == 404
    assert await portal.count("draft_file") == 1


async def test_only_what_the_plan_asks_for_is_taken(portal: Portal) -> None:
    draft = await portal.filled()
    asked = {one.id for one in portal.intake.asked()}
    known = set(portal.intake.parts.catalogue().material_by_id)
    plan = portal.intake.plan
    may = {one.id for one in plan.materials if one.asked and one.later is None} | asked
    other = sorted(known - may)
    assert other, "the catalogue has a paper that this plan does not ask for"
    for slot in other:
        assert (await portal.announce(draft, PDF, slot=slot)).status_code == 404
        file = {f"file:{slot}": ("plan.pdf", PDF)}
        assert (await portal.post(f"{draft}/materials", files=file)).status_code == 404
    assert portal.files() == []
    assert (await portal.announce(draft, PDF)).status_code == 201


async def test_nobody_keeps_more_than_there_is_room_for(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, other = await portal.filled(), await portal.filled()
    monkeypatch.setattr(drafts_files, "MOST_BYTES", 2 * len(PDF) + 1)
    begun = (await portal.announce(draft, PDF)).json()
    assert (await portal.send(begun["address"], PDF, 0)).status_code == 200
    told = await asyncio.gather(
        *(portal.announce(one, PDF, name=f"{one[-4:]}.pdf") for one in (draft, other))
    )
    assert sorted(answer.status_code for answer in told) == [201, 409]
    answer = await portal.post(
        f"{other}/materials", files={f"file:{SITE_PLAN}": ("b.pdf", PDF + b"\n%%EOF\n")}
    )
    assert answer.status_code == 422
    assert "512 MB" in answer.text
    stranger = browser(portal.intake.app, STRANGER)
    begun_by_another = await portal.post(f"/apply/new/{SCENARIO}", stranger, form=example(portal))
    told_of_another = await portal.intake.client.post(
        f"{begun_by_another.headers['location']}/slots/{SITE_PLAN}",
        data={"name": "plan.pdf", "size": "9", "mark": "1"},
        headers={**stranger.headers, "accept": "application/json", "x-csrf-token": stranger.csrf},
    )
    assert told_of_another.status_code == 201


async def test_only_known_items_are_applied_for_anew(portal: Portal) -> None:
    draft = await portal.filled()
    item = portal.intake.parts.catalogue().items[0].code
    form = {"anew": [item, item, "NO-SUCH-ITEM"]}
    assert (await portal.post(f"{draft}/materials", form=form)).status_code == 303
    fields = orjson.loads(await portal.intake.pool.fetchval("SELECT fields FROM draft"))
    assert fields["anew"] == [item]


async def test_the_last_draft_is_begun_once_by_whoever_presses_often(portal: Portal) -> None:
    for _ in range(drafts.MOST_DRAFTS - 1):
        await portal.begun()
    form = {**example(portal), "once": "1" * 32}
    path = f"/apply/new/{SCENARIO}"
    twice = await asyncio.gather(*(portal.post(path, form=form) for _ in range(4)))
    assert {answer.status_code for answer in twice} == {303}
    assert len({answer.headers["location"] for answer in twice}) == 1
    assert await portal.count("draft") == drafts.MOST_DRAFTS


async def test_drafts_begun_at_once_are_counted_one_by_one(portal: Portal) -> None:
    for _ in range(drafts.MOST_DRAFTS - 1):
        await portal.begun()
    path, form = f"/apply/new/{SCENARIO}", example(portal)
    answers = await asyncio.gather(*(portal.post(path, form=form) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [303, 409, 409, 409, 409]
    assert await portal.count("draft") == drafts.MOST_DRAFTS


async def test_files_of_a_draft_are_found_by_an_index(portal: Portal) -> None:
    async with portal.intake.pool.acquire() as conn, conn.transaction():
        for one in ("seqscan", "bitmapscan", "sort"):
            await conn.execute(f"SET LOCAL enable_{one} = off")
        plan = await conn.fetchval(
            "EXPLAIN (FORMAT JSON)"
            " SELECT * FROM draft_file WHERE draft = $1 ORDER BY created_at, id",
            uuid4(),
        )
    assert "draft_file_of_draft" in plan


async def test_changes_that_could_not_be_accepted_are_said(portal: Portal) -> None:
    draft = await portal.filled()
    await portal.intake.pool.execute("UPDATE draft SET catalogue_version = '2019.9'")
    answer = await portal.post(f"{draft}/catalogue", form={"version": "2019.9"})
    assert answer.headers["location"] == f"{draft}/review"
    note = answer.headers["set-cookie"].partition(";")[0]
    cookie = f"{portal.me.headers['cookie']}; {note}"
    page = (await portal.get(f"{draft}/review", cookie=cookie)).text
    assert "事项目录已更新，请先查看变化" in page
    assert "已按新目录继续" not in page


async def test_letters_go_to_the_address_that_was_given(portal: Portal) -> None:
    draft = await portal.filled()
    wrong = {**PEOPLE, "applicant.email": "nobody", "action": "next"}
    answer = await portal.post(draft, form=wrong)
    assert answer.status_code == 422
    assert "电子邮箱的格式不对" in answer.text
    form = {**PEOPLE, "applicant.email": " office@applicant.example ", "action": "next"}
    assert (await portal.post(draft, form=form)).status_code == 303
    assert "office@applicant.example" in (await portal.get(f"{draft}/review")).text
    number = number_in(await portal.post(f"{draft}/review"))
    kept = "SELECT email FROM party WHERE application = $1"
    assert await portal.intake.pool.fetchval(kept, number) == "office@applicant.example"
