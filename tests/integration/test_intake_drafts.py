"""Drafts on real parts: their owner's alone, kept by section, files in pieces, handed in once."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest
import pytest_asyncio

from services.contracts.vocabulary import Role
from services.intake import drafts, drafts_files
from services.intake.pages.apply_shown import sent_of
from tests.conftest import Databases
from tests.integration.drafts_kit import PEOPLE, SITE_PLAN, Portal, number_in, portal_of
from tests.integration.intake_kit import (
    COMPANY,
    PDF,
    PERSON,
    SCENARIO,
    STRANGER,
    bearer,
    png,
)
from tests.integration.signing_in import browser


@pytest_asyncio.fixture
async def portal(databases: Databases, tmp_path: Path) -> AsyncIterator[Portal]:
    async with portal_of(databases, tmp_path / "files") as found:
        yield found


async def test_from_the_answers_to_the_receipt(portal: Portal) -> None:
    draft = await portal.filled()
    review = (await portal.get(f"{draft}/review")).text
    for text in ("示例餐饮有限公司", COMPANY, "原件已交窗口", "创业路 8 号"):
        assert text in review
    number = number_in(await portal.post(f"{draft}/review"))
    receipt = (await portal.get(f"/applications/{number}/receipt")).text
    assert number in receipt
    assert portal.intake.plan.promised_on.isoformat() in receipt
    stored = (await portal.intake.get(f"/v1/applications/{number}")).json()
    assert stored["project_name"] == "饭店"
    assert "application.submitted" in (await portal.intake.outbox())[-1]["type"]


async def test_pressing_twice_gives_one_application(portal: Portal) -> None:
    draft = await portal.filled()
    pressed = await asyncio.gather(*(portal.post(f"{draft}/review") for _ in range(4)))
    later = await portal.post(f"{draft}/review")
    assert len({number_in(answer) for answer in [*pressed, later]}) == 1
    assert await portal.count("application") == 1
    for page in ("", "/materials", "/review", "/facts", "/removal"):
        number_in(await portal.get(f"{draft}{page}"))
    row = await portal.intake.pool.fetchrow("SELECT fields, answers FROM draft")
    assert row
    assert (row["fields"], row["answers"]) == ("{}", "{}")
    assert "饭店" not in (await portal.get("/apply")).text


async def test_the_same_form_begins_one_draft(portal: Portal) -> None:
    answers = sent_of(portal.intake.parts.catalogue().scenario_by_code[SCENARIO].example)
    form = {**answers, "once": "1" * 32}
    first, again = [await portal.post(f"/apply/new/{SCENARIO}", form=form) for _ in range(2)]
    assert first.headers["location"] == again.headers["location"]
    assert await portal.count("draft") == 1


async def test_a_draft_is_its_owners_alone(portal: Portal) -> None:
    draft = await portal.filled()
    content = PDF
    begun = (await portal.announce(draft, content)).json()
    other = browser(portal.intake.app, STRANGER)
    officer = browser(portal.intake.app, bearer("officer", Role.OFFICER, department="food-health"))
    for page in ("", "/facts", "/materials", "/review", "/removal", f"/slots/{SITE_PLAN}"):
        assert (await portal.get(f"{draft}{page}", other)).status_code == 404, page
        assert (await portal.get(f"{draft}{page}", officer)).status_code == 403, page
        nobody = await portal.intake.client.get(f"{draft}{page}", headers={"accept": "text/html"})
        assert nobody.headers["location"].startswith("/login?next="), page
    for page in ("", "/materials", "/review", "/removal", "/facts", "/catalogue"):
        assert (await portal.post(f"{draft}{page}", other)).status_code == 404, page
    assert (await portal.send(begun["address"], content, 0, other)).status_code == 404
    assert "饭店" not in (await portal.get("/apply", other)).text
    assert "饭店" in (await portal.get("/apply")).text


async def test_an_act_from_elsewhere_is_refused(portal: Portal) -> None:
    draft = await portal.filled()
    begun = (await portal.announce(draft, PDF)).json()
    client, headers = portal.intake.client, portal.me.headers
    for page in ("", "/materials", "/review", "/removal", "/facts", f"/slots/{SITE_PLAN}"):
        for form, more in (
            ({**PEOPLE, "csrf": "wrong"}, {}),
            (PEOPLE, {}),
            (portal.me.form(**PEOPLE), {"sec-fetch-site": "cross-site"}),
        ):
            answer = await client.post(f"{draft}{page}", data=form, headers={**headers, **more})
            assert answer.status_code == 403, page
    for wrong in ({}, {"x-csrf-token": "wrong"}):
        answer = await client.put(
            begun["address"], content=PDF, headers={**headers, **wrong, "upload-offset": "0"}
        )
        assert answer.status_code == 403
    assert await portal.count("application") == 0
    assert await portal.count("draft") == 1


async def test_what_is_wrong_is_kept_and_said_beside_the_field(portal: Portal) -> None:
    draft = await portal.begun()
    wrong = {
        **PEOPLE,
        "project.name": "",
        "applicant.id_number": COMPANY[:-1] + "X",
        "acting": "agent",
        "agent.name": "<b>某人</b>",
        "agent.id_number": PERSON[:-1] + "1",
        "agent.phone": "打我",
        "action": "next",
    }
    answer = await portal.post(draft, form=wrong)
    assert answer.status_code == 422
    assert answer.text.count('aria-invalid="true"') == 4
    assert COMPANY[:-1] + "X" in answer.text
    assert "&lt;b&gt;某人" in answer.text
    assert "<b>某人" not in answer.text
    assert "打我" in (await portal.get(draft)).text
    review = (await portal.get(f"{draft}/review")).text
    for place in ("#project.name", "#applicant.id_number", "#agent.phone", "/materials#slot-"):
        assert place in review


async def test_what_is_missing_is_said_with_the_way_to_it(portal: Portal) -> None:
    draft = await portal.begun()
    await portal.post(draft, form={**PEOPLE, "action": "next"})
    answer = await portal.post(f"{draft}/review")
    assert answer.status_code == 422
    for one in portal.intake.asked():
        assert f"{draft}/materials#slot-{one.id}" in answer.text
    assert await portal.count("application") == 0
    assert "disabled" in answer.text


async def test_an_agent_needs_the_file_that_authorises_him(portal: Portal) -> None:
    draft = await portal.filled()
    agent = {"agent.name": "司马清", "agent.id_number": PERSON, "agent.phone": "0375-5550101"}
    await portal.post(draft, form={**PEOPLE, **agent, "acting": "agent", "action": "next"})
    slot = drafts_files.AUTHORISATION
    assert f"#slot-{slot}" in (await portal.get(f"{draft}/review")).text
    assert (await portal.post(f"{draft}/review")).status_code == 422
    file = {f"file:{slot}": ("授权委托书.png", png())}
    papers = {f"reference:{one.id}": "原件" for one in portal.intake.asked()}
    answer = await portal.post(f"{draft}/materials", form={**papers, "action": "next"}, files=file)
    assert answer.status_code == 303, answer.text
    number = number_in(await portal.post(f"{draft}/review"))
    party = await portal.intake.pool.fetchrow(
        "SELECT p.name, u.file_name FROM party p JOIN upload u ON u.id = p.authorisation"
        " WHERE application = $1 AND capacity = 'agent'",
        number,
    )
    assert party
    assert tuple(party) == ("司马清", "授权委托书.png")


async def test_an_upload_goes_on_where_it_broke_off(portal: Portal) -> None:
    draft = await portal.filled()
    content = PDF[:-6] + b"0" * 1_500_000 + b"\nstartxref\n9\n%%EOF\n"
    begun = (await portal.announce(draft, content, "总平面图.pdf")).json()
    address, piece = begun["address"], begun["piece"]
    assert (begun["received"], begun["size"]) == (0, len(content))
    assert (await portal.send(address, content[:piece], 0)).json()["received"] == piece

    twice = await portal.send(address, content[:piece], 0)
    assert (twice.status_code, twice.json()["received"]) == (409, piece)
    # The machine stopped after writing to the disk: what is beyond does not count.
    path = portal.folder / drafts_files.FOLDER / UUID(address.rpartition("/")[2]).hex
    path.write_bytes(path.read_bytes() + b"garbage")

    again = (await portal.announce(draft, content, "总平面图.pdf")).json()
    assert (again["address"], again["received"]) == (address, piece)
    at = piece
    while at < len(content):
        told = await portal.send(address, content[at : at + piece], at)
        assert told.status_code == 200, told.text
        at = told.json()["received"]
    back = await portal.get(address)
    assert back.content == content
    assert back.headers["content-disposition"].startswith("attachment")

    number = number_in(await portal.post(f"{draft}/review"))
    row = await portal.intake.pool.fetchrow(
        "SELECT u.sha256, u.file_name FROM material m JOIN upload u ON u.id = m.upload"
        " WHERE m.application = $1",
        number,
    )
    assert row
    assert row["file_name"] == "总平面图.pdf"
    assert portal.intake.parts.files.path_of(row["sha256"]).read_bytes() == content
    assert not path.exists()


async def test_another_file_of_the_same_name_begins_anew(portal: Portal) -> None:
    draft = await portal.filled()
    content = PDF + b"0" * 600_000
    first = (await portal.announce(draft, content)).json()
    await portal.send(first["address"], content[: first["piece"]], 0)
    second = (await portal.announce(draft, content[:-1])).json()
    assert second["received"] == 0
    assert (await portal.send(first["address"], b"x", first["piece"])).status_code == 404
    assert len(portal.files()) == 0


REFUSED = [
    (b"MZ\x90\x00" + b"\x00" * 100, "plan.pdf", 422),
    (png(tail=b"<script>"), "plan.png", 422),
    (b"MZ\x90\x00" + b"\x00" * 100, "plan.exe", 422),
    (b"", "plan.pdf", 422),
    (PDF + b"0" * 3_000_000, "plan.pdf", 413),
]


async def test_a_file_that_is_none_is_refused_at_once(portal: Portal) -> None:
    draft = await portal.filled()
    for content, name, status in REFUSED:
        told = await portal.announce(draft, content, name)
        if told.is_success:
            told = await portal.send(told.json()["address"], content, 0)
        assert told.status_code == status, told.text
        assert told.json()["detail"]
        assert portal.files() == []


async def test_so_it_is_with_the_form_and_nothing_typed_is_lost(portal: Portal) -> None:
    draft = await portal.filled()
    for content, name, _ in [one for one in REFUSED if one[0]]:
        sent = {f"file:{SITE_PLAN}": (name, content)}
        form = {"reference:sign-design": "原件还在", "action": "next"}
        answer = await portal.post(f"{draft}/materials", form=form, files=sent)
        assert answer.status_code == 422
        assert "原件还在" in answer.text
        assert answer.text.count('aria-invalid="true"') == 1
        assert portal.files() == []


async def test_a_piece_beyond_the_end_is_refused(portal: Portal) -> None:
    draft = await portal.filled()
    begun = (await portal.announce(draft, PDF)).json()
    assert (await portal.send(begun["address"], PDF + b"x", 0)).status_code == 400
    assert (await portal.send(begun["address"], b"", 0)).status_code == 400
    assert (await portal.announce(draft, PDF, slot="no-such-paper")).status_code == 404


async def test_a_file_is_replaced_and_removed(portal: Portal) -> None:
    draft = await portal.filled()
    for content in (PDF, PDF + b"\n%%EOF\n"):
        begun = (await portal.announce(draft, content)).json()
        assert (await portal.send(begun["address"], content, 0)).status_code == 200
    assert [path.read_bytes() for path in portal.files()] == [PDF + b"\n%%EOF\n"]
    answer = await portal.post(f"{draft}/materials", form={"remove": SITE_PLAN})
    assert answer.status_code == 303
    assert portal.files() == []


HIDDEN = re.compile(r'type="hidden" name="([^"]+)" value="([^"]*)"')


def links_in(answer: httpx2.Response, beginning: str) -> list[str]:
    """Return the addresses of a page that begin so."""
    found = re.findall(rf'href="({re.escape(beginning)}[^"]*)"', answer.text)
    return [link.replace("&amp;", "&") for link in found]


async def test_an_answer_is_changed_by_its_question(portal: Portal) -> None:
    """The answers before and after it are kept; the plan and the papers are new."""
    draft = await portal.begun()
    ways = links_in(await portal.get(f"{draft}/facts"), f"/needs/{SCENARIO}?")
    (again,) = [way for way in ways if "has_sign=" not in way and "seats=" in way]
    question = await portal.get(again)
    assert 'name="has_sign"' in question.text
    sent = {**dict(HIDDEN.findall(question.text)), "has_sign": "false"}
    onward = await portal.get(f"/needs/{SCENARIO}?{urlencode(sent)}")
    plan = await portal.get(onward.headers["location"])
    (back,) = links_in(plan, f"{draft}/facts")
    shown = await portal.get(back)
    names = {one.code: one.name.zh for one in portal.intake.parts.catalogue().items}
    assert f"不再需要的事项：{names['SIGNBOARD']}" in shown.text
    form = {k: v for k, v in HIDDEN.findall(shown.text) if k not in ("csrf", "once")}
    assert (await portal.post(f"{draft}/facts", form=form)).status_code == 303
    stored = orjson.loads(await portal.intake.pool.fetchval("SELECT answers FROM draft"))
    example = portal.intake.parts.catalogue().scenario_by_code[SCENARIO].example
    kept = {key: value for key, value in example.items() if key != "sign_area_m2"}
    assert stored == {**kept, "has_sign": False}
    assert "slot-sign-design" not in (await portal.get(f"{draft}/materials")).text


async def test_a_newer_catalogue_is_looked_at_first(portal: Portal) -> None:
    draft = await portal.filled()
    await portal.intake.pool.execute("UPDATE draft SET catalogue_version = '2019.9'")
    answer = await portal.post(f"{draft}/review")
    assert answer.status_code == 409
    version = portal.intake.parts.catalogue().county.version
    assert version in answer.text
    assert await portal.count("application") == 0
    await portal.post(f"{draft}/catalogue", form={"version": "2019.9"})
    assert (await portal.post(f"{draft}/review")).status_code == 409
    await portal.post(f"{draft}/catalogue", form={"version": version})
    number_in(await portal.post(f"{draft}/review"))


async def test_a_draft_is_removed_with_its_files(portal: Portal) -> None:
    draft = await portal.filled()
    begun = (await portal.announce(draft, PDF)).json()
    await portal.send(begun["address"], PDF, 0)
    assert (await portal.get(f"{draft}/removal")).status_code == 200
    assert (await portal.post(f"{draft}/removal")).headers["location"] == "/apply"
    assert (await portal.get(draft)).status_code == 404
    assert portal.files() == []
    assert [await portal.count(one) for one in ("draft", "draft_file", "audit_leaf")] == [0, 0, 0]


async def test_forgotten_drafts_are_removed_and_leftovers_swept(portal: Portal) -> None:
    draft = await portal.filled()
    begun = (await portal.announce(draft, PDF)).json()
    await portal.send(begun["address"], PDF, 0)
    now = datetime.now(UTC)
    await drafts.forget_old(portal.intake.parts, now - timedelta(days=1))
    assert await portal.count("draft") == 1
    orphan = portal.folder / drafts_files.FOLDER / uuid4().hex
    orphan.write_bytes(b"left by a crash")
    assert await drafts_files.sweep(portal.intake.parts) == 0
    for path in portal.files():
        old = now.timestamp() - 2 * drafts_files.ORPHAN_SECONDS
        os.utime(path, (old, old))
    assert await drafts_files.sweep(portal.intake.parts) == 1
    assert len(portal.files()) == 1
    await drafts.forget_old(portal.intake.parts, now + timedelta(minutes=1))
    assert portal.files() == []
    assert await portal.count("draft") == 0


async def test_there_is_an_end_of_drafts(portal: Portal) -> None:
    for _ in range(drafts.MOST_DRAFTS):
        await portal.begun()
    answers = sent_of(portal.intake.parts.catalogue().scenario_by_code[SCENARIO].example)
    assert (await portal.post(f"/apply/new/{SCENARIO}", form=answers)).status_code == 409


async def test_nobody_is_named_in_the_log(
    portal: Portal, capfd: pytest.CaptureFixture[str]
) -> None:
    draft = await portal.filled()
    await portal.post(f"{draft}/review")
    said = "".join(capfd.readouterr())
    for text in (COMPANY, "示例餐饮有限公司", "0375-5550100"):
        assert text not in said
    for act in await portal.intake.acts():
        assert COMPANY not in str(act)
