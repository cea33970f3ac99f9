"""What waits for an investor, on pages without a browser: answers, own only, forged, too late."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from services.contracts.clocks import ClockNotice
from services.contracts.events import (
    AcceptanceProgress,
    ApplicationRectified,
    ApplicationSupplemented,
)
from services.contracts.vocabulary import (
    AcceptanceState,
    ApplicationStatus,
    DateChange,
    PauseKind,
)
from services.intake.pages.waiting import waiting_for
from services.intake.payment import Sandbox
from tests import examined_county
from tests.conftest import Databases
from tests.integration.intake_kit import INVESTOR, NOW, PDF, STRANGER, Intake, prepare, running
from tests.integration.signing_in import Browser, browser
from tests.integration.waiting_told import (
    BRIGADE,
    CONDITION,
    DAY,
    PLAN,
    STEP,
    accepted,
    convened,
    events,
    noticed,
    objected,
    told,
)

PAGES = ("notice", "papers", "bill", "session")


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path) as found,
    ):
        found.parts = found.app.state.parts = replace(
            found.parts, shelf=examined_county.shelf(), payment=Sandbox()
        )
        yield found


@pytest.fixture
def mine(intake: Intake) -> Browser:
    return browser(intake.app, INVESTOR)


async def page(intake: Intake, mine: Browser, number: str, name: str) -> str:
    answer = await intake.client.get(f"/applications/{number}/{name}", headers=mine.headers)
    assert answer.status_code == 200, answer.text
    return answer.text


async def post(
    intake: Intake, who: Browser, path: str, key: int = 1, file: Any = None, **fields: str
) -> httpx2.Response:
    sent: dict[str, Any] = {"data": who.form(f"{key:032x}", **fields), "headers": who.headers}
    if file is not None:
        sent["files"] = file
    return await intake.client.post(path, **sent)


async def waits(intake: Intake, number: str) -> list[str]:
    """The links of what waits for the investor."""
    principal = await intake.app.state.authenticator.principal(
        INVESTOR["authorization"].removeprefix("Bearer ")
    )
    found = await waiting_for(intake.parts, principal, number)
    return [one.href.removeprefix(f"/applications/{number}/") for one in found]


async def test_the_notice_is_answered_piece_by_piece_on_its_page(
    intake: Intake, mine: Browser
) -> None:
    number = await intake.accepted()
    assert await waits(intake, number) == []
    await intake.told(noticed(number))
    assert await waits(intake, number) == ["notice"]
    text = await page(intake, mine, number, "notice")
    assert "已答复 0 项，共 2 项" in text
    assert "改 condition/FIRE-CHECK/1" in text
    assert "行政许可法 32(4)" in text
    path = f"/applications/{number}/notice/answers"
    pdf = {"file": ("新平面图.pdf", PDF, "application/pdf")}
    first = await post(intake, mine, path, 1, file=pdf, subject=PLAN, round="1", reference="")
    assert first.status_code == 303, first.text
    assert "已答复 1 项，共 2 项" in await page(intake, mine, number, "notice")
    again = await post(intake, mine, path, 1, file=pdf, subject=PLAN, round="1", reference="")
    assert again.status_code == 303
    second = await post(intake, mine, path, 2, subject=CONDITION, round="1", statement="已加宽")
    assert second.status_code == 303, second.text
    said = await events(intake, ApplicationSupplemented)
    assert [one.subjects for one in said] == [(PLAN,), (CONDITION,)]
    assert said[0].materials[0].sha256 is not None
    assert await waits(intake, number) == []


async def test_what_was_typed_is_there_when_it_was_wrong(intake: Intake, mine: Browser) -> None:
    number = await intake.accepted()
    await intake.told(noticed(number))
    path = f"/applications/{number}/notice/answers"
    nothing = await post(intake, mine, path, 1, subject=PLAN, round="1", reference="")
    assert nothing.status_code == 422
    assert "两者选一" in nothing.text
    pdf = {"file": ("新平面图.pdf", PDF, "application/pdf")}
    both = await post(intake, mine, path, 2, file=pdf, subject=PLAN, round="1", reference="柜子里")
    assert both.status_code == 422
    assert "新平面图.pdf" in both.text
    assert "柜子里" in both.text
    upload = both.text.partition('name="upload" value="')[2].partition('"')[0]
    kept = {"subject": PLAN, "round": "1", "reference": "", "upload": upload, "name": "x.pdf"}
    assert (await post(intake, mine, path, 3, **kept)).status_code == 303
    bad = {"file": ("x.exe", b"MZ", "application/octet-stream")}
    refused = await post(intake, mine, path, 4, file=bad, subject=PLAN, round="1")
    assert refused.status_code == 422
    for subject, round_ in (("condition/NONE", "1"), (CONDITION, "x"), (CONDITION, "")):
        strange = await post(intake, mine, path, 5, subject=subject, round=round_, statement="甲")
        assert strange.status_code == 422, subject
    assert len(await events(intake, ApplicationSupplemented)) == 1


async def test_the_notice_can_be_handed_back_as_it_is(intake: Intake, mine: Browser) -> None:
    number = await intake.accepted()
    await intake.told(noticed(number))
    ended = await post(intake, mine, f"/applications/{number}/notice/end", 1, round="1")
    assert ended.status_code == 303
    [said] = await events(intake, ApplicationSupplemented)
    assert said.complete


async def test_the_notice_of_a_merged_step_is_answered_in_its_term(
    intake: Intake, mine: Browser
) -> None:
    number = await intake.accepted()
    await intake.told(accepted(number), objected(number))
    assert "notice" in await waits(intake, number)
    text = await page(intake, mine, number, "notice")
    assert "疏散宽度不足" in text
    paper = text.partition('name="reference.')[2].partition('"')[0]
    path = f"/applications/{number}/notice/rectifications"
    empty = await post(intake, mine, path, 1, step=STEP, round="1", **{f"reference.{paper}": ""})
    assert empty.status_code == 422
    assert "至少提交一份" in empty.text
    given = {"step": STEP, "round": "1", f"reference.{paper}": "修改后的版本"}
    done = await post(intake, mine, path, 2, **given)
    assert done.status_code == 303, done.text
    [said] = await events(intake, ApplicationRectified)
    assert [one.material for one in said.materials] == [paper]
    assert "notice" not in await waits(intake, number)


async def test_an_answer_after_the_term_is_refused_in_words(intake: Intake, mine: Browser) -> None:
    number = await intake.accepted()
    await intake.told(accepted(number), objected(number))
    intake.clock.move_to(NOW + 6 * DAY)
    assert "notice" not in await waits(intake, number)
    path = f"/applications/{number}/notice/rectifications"
    given = {"step": STEP, "round": "1", "reference.floor-plan": "修改后的版本"}
    over = await post(intake, mine, path, 1, **given)
    assert over.status_code == 409
    assert "补正期限已过" in over.text
    assert await events(intake, ApplicationRectified) == []


async def test_a_paper_is_corrected_on_the_spot(intake: Intake, mine: Browser) -> None:
    number = await intake.accepted()
    examining = AcceptanceProgress(
        state=AcceptanceState.EXAMINING, round=1, examining=(BRIGADE,), until=NOW + 6 * DAY
    )
    await intake.told(told(number, status=ApplicationStatus.RECEIVED, acceptance=examining))
    assert "当场更正" in await page(intake, mine, number, "papers")
    path = f"/applications/{number}/papers"
    given = {"material": "floor-plan", "reference": "更正后的版本"}
    assert (await post(intake, mine, path, 1, **given)).status_code == 303
    strange = await post(intake, mine, path, 2, material="nothing-like-it", reference="甲")
    assert strange.status_code == 422
    [said] = await events(intake, ApplicationSupplemented)
    assert (said.round, said.subjects) == (0, (PLAN,))


async def test_the_bill_is_paid_on_its_page(intake: Intake, mine: Browser) -> None:
    number = await intake.accepted()
    assert "受理之前不产生任何费用" in await page(intake, mine, number, "bill")
    await intake.told(accepted(number))
    assert "bill" in await waits(intake, number)
    assert "待缴" in await page(intake, mine, number, "bill")
    path = f"/applications/{number}/bill/payments"
    assert (await post(intake, mine, path, 1, line="no-such-fee")).status_code == 409
    paid = await post(intake, mine, path, 2)
    assert paid.status_code == 303, paid.text
    text = await page(intake, mine, number, "bill")
    assert "已到账" in text
    assert "没有真实资金往来" in text
    assert "bill" not in await waits(intake, number)


async def test_sessions_and_stopped_clocks_are_shown(intake: Intake, mine: Browser) -> None:
    number = await intake.accepted()
    pause = ClockNotice(
        task=f"{number}/FIRE-CHECK/{BRIGADE}/1",
        why=DateChange.PAUSED,
        notice="停1号",
        article="行政许可法 45",
        reason="<b>检验</b>",
        kind=PauseKind.TESTING,
        until=NOW.date(),
        at=NOW,
    )
    await intake.told(accepted(number), convened(number), told(number, clocks=(pause,)))
    assert "session" in await waits(intake, number)
    assert "2026年3月3日（周二） 09:30–11:30" in await page(intake, mine, number, "session")
    text = await page(intake, mine, number, "papers")
    assert "停1号" in text
    assert "&lt;b&gt;检验" in text


async def test_own_only_and_from_our_own_forms_alone(intake: Intake, mine: Browser) -> None:
    number = await intake.accepted()
    await intake.told(noticed(number))
    other = browser(intake.app, STRANGER)
    for name in PAGES:
        path = f"/applications/{number}/{name}"
        assert (await intake.client.get(path, headers=other.headers)).status_code == 404
        nobody = await intake.client.get(path, headers={"accept": "text/html"})
        assert nobody.headers["location"].startswith("/login?next=")
    acts = ("notice/answers", "notice/end", "notice/rectifications", "papers", "bill/payments")
    for act in acts:
        path = f"/applications/{number}/{act}"
        fields = {"subject": CONDITION, "round": "1", "statement": "甲", "step": STEP}
        fields |= {"material": "floor-plan", "reference": "甲", "reference.floor-plan": "甲"}
        assert (await post(intake, other, path, 1, **fields)).status_code == 404, act
        forged = replace(mine, csrf="no")
        assert (await post(intake, forged, path, 2, **fields)).status_code == 403, act
        elsewhere = replace(mine, headers=mine.headers | {"sec-fetch-site": "cross-site"})
        assert (await post(intake, elsewhere, path, 3, **fields)).status_code == 403, act
    assert await events(intake, ApplicationSupplemented) == []


async def test_what_no_notice_could_name_is_said_on_the_page(intake: Intake, mine: Browser) -> None:
    number = await intake.accepted()
    await intake.told(noticed(number))
    base = f"/applications/{number}"
    for key, path, fields in (
        (1, "notice/answers", {"subject": "material/../Ä", "round": "1", "reference": "甲"}),
        (2, "notice/answers", {"subject": PLAN, "round": "99", "reference": "甲"}),
        (3, "notice/answers", {"subject": "x" * 900, "round": "1", "statement": "甲"}),
        (4, "notice/end", {"round": "99"}),
        (5, "notice/rectifications", {"step": STEP, "round": "1", "reference.Ä": "甲"}),
        (6, "notice/rectifications", {"step": "x" * 900, "round": "1", "reference.a": "甲"}),
        (7, "notice/rectifications", {"step": STEP, "round": "4000", "reference.a": "甲"}),
        (8, "papers", {"material": "../Ä", "reference": "甲"}),
    ):
        answer = await post(intake, mine, f"{base}/{path}", key, **fields)
        assert answer.status_code in {409, 422}, (fields, answer.text)
        assert 'role="alert"' in answer.text, fields
