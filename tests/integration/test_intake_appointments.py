"""The investor confirms when departments come, or asks for another time, by API and page."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from services.contracts.events import ApplicationProgressed, Concluded
from services.contracts.sessions import (
    AppointmentAnswered,
    AppointmentOffer,
    AppointmentSettled,
    AppointmentSlot,
    SessionProgress,
)
from services.contracts.vocabulary import (
    ApplicationStatus,
    AppointmentOutcome,
    Conclusion,
    SessionState,
)
from services.intake import pages
from services.intake.settings import Settings
from tests.conftest import Databases
from tests.integration.intake_kit import (
    INVESTOR,
    NOW,
    STRANGER,
    Intake,
    once,
    prepare,
    running,
)
from tests.integration.signing_in import Browser, browser
from tests.integration.waiting_told import BRIGADE, DAY, STEP, events, told

STARTS = NOW + 2 * DAY
SLOTS = (STARTS + timedelta(hours=4), STARTS + DAY)
TWO_HOURS = timedelta(hours=2)
PATH = f"/sessions/{BRIGADE}/1/answer"


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path) as found,
    ):
        pages.install(found.app, Settings())
        yield found


@pytest.fixture
def mine(intake: Intake) -> Browser:
    return browser(intake.app, INVESTOR)


def offer(number: int = 1, slots: tuple[datetime, ...] = SLOTS) -> AppointmentOffer:
    return AppointmentOffer(
        number=number,
        until=STARTS - DAY,
        slots=tuple(AppointmentSlot(starts_at=one, ends_at=one + TWO_HOURS) for one in slots),
    )


def session(number: str, starts: datetime = STARTS, **changes: Any) -> ApplicationProgressed:
    fields: dict[str, Any] = {
        "step": STEP,
        "session": 1,
        "lead": BRIGADE,
        "state": SessionState.CONVENED,
        "starts_at": starts,
        "ends_at": starts + TWO_HOURS,
        "offer": offer(),
    }
    return told(number, sessions=(SessionProgress(**(fields | changes)),))


def settled(
    number: str, outcome: AppointmentOutcome, starts: datetime = STARTS, **changes: Any
) -> ApplicationProgressed:
    what = AppointmentSettled(offer=1, outcome=outcome)
    return session(number, starts, **({"offer": None, "settled": what} | changes))


def concluded(number: str) -> ApplicationProgressed:
    end = Concluded(
        conclusion=Conclusion.REFUSED,
        at=NOW,
        used_working_days=1,
        promised_working_days=7,
        in_time=True,
    )
    return told(number, status=ApplicationStatus.CONCLUDED, concluded=end)


@pytest_asyncio.fixture
async def number(intake: Intake) -> str:
    found = await intake.accepted()
    await intake.told(session(found))
    return found


async def answer(intake: Intake, number: str, who: Any = INVESTOR, **body: Any) -> httpx2.Response:
    return await intake.client.post(
        f"/v1/applications/{number}{PATH}", json={"offer": 1, **body}, headers={**who, **once()}
    )


def code_of(answer: httpx2.Response) -> str:
    return "ok" if answer.is_success else str(answer.json()["type"]).rpartition(":")[2]


async def shown(intake: Intake, number: str) -> dict[str, Any]:
    [one] = (await intake.get(f"/v1/applications/{number}/sessions")).json()["items"]
    found: dict[str, Any] = one
    return found


async def seen(intake: Intake, mine: Browser, number: str) -> str:
    found = await intake.client.get(f"/applications/{number}/session", headers=mine.headers)
    assert found.status_code == 200
    return found.text


async def test_a_move_is_said_once_and_told_as_the_departments_decide(
    intake: Intake, number: str
) -> None:
    assert len((await shown(intake, number))["offer"]["slots"]) == 2
    taken = await answer(intake, number, starts_at=SLOTS[1].isoformat())
    assert taken.status_code == 202, taken.text
    [event] = await events(intake, AppointmentAnswered)
    assert (event.department, event.session, event.offer) == (BRIGADE, 1, 1)
    assert event.slot == AppointmentSlot(starts_at=SLOTS[1], ends_at=SLOTS[1] + TWO_HOURS)
    assert [one["act"] for one in await intake.acts()][-1] == "appointment.answered"
    assert code_of(await answer(intake, number)) == "appointment-answered"
    pending = await shown(intake, number)
    assert (pending["offer"], pending["answer"]["outcome"]) == (None, None)
    assert pending["starts_at"] == STARTS.isoformat().replace("+00:00", "Z"), "not moved yet"
    await intake.told(settled(number, AppointmentOutcome.MOVED, SLOTS[1]))
    moved = await shown(intake, number)
    assert moved["starts_at"] == SLOTS[1].isoformat().replace("+00:00", "Z")
    assert moved["answer"]["outcome"] == "moved"
    kinds = await intake.pool.fetch("SELECT kind FROM letter ORDER BY id")
    assert [row["kind"] for row in kinds][-2:] == ["session", "session_moved"]


async def test_a_time_that_is_gone_leaves_it_as_it_was_with_a_new_offer(
    intake: Intake, number: str
) -> None:
    await answer(intake, number, starts_at=SLOTS[0].isoformat())
    gone = settled(number, AppointmentOutcome.GONE, offer=offer(2, SLOTS[1:]))
    # Both arrive in one batch: the last word of the session must not swallow the first.
    await intake.told(gone, session(number, offer=offer(2, SLOTS[1:])))
    found = await shown(intake, number)
    assert (found["answer"]["outcome"], found["offer"]["number"]) == ("gone", 2)
    assert code_of(await answer(intake, number)) == "appointment-answered"
    assert code_of(await answer(intake, number, offer=3)) == "appointment-offer-replaced"
    assert code_of(await answer(intake, number, offer=2)) == "ok"
    await intake.told(settled(number, AppointmentOutcome.CONFIRMED))
    kinds = [row["kind"] for row in await intake.pool.fetch("SELECT kind FROM letter")]
    assert kinds.count("session_kept") == 1


@pytest.mark.parametrize(
    ("asked", "state", "letters"),
    [
        (SLOTS[1].isoformat(), SessionState.CONVENED, 1),
        (SLOTS[1].isoformat(), SessionState.HELD, 1),
        (SLOTS[1].isoformat(), SessionState.CANCELLED, 0),
        (None, SessionState.CONVENED, 0),
    ],
)
async def test_who_asked_for_another_time_is_told_that_it_came_to_nothing(
    intake: Intake, number: str, asked: str | None, state: SessionState, letters: int
) -> None:
    assert code_of(await answer(intake, number, starts_at=asked)) == "ok"
    await intake.told(settled(number, AppointmentOutcome.VOID, state=state))
    rows = await intake.pool.fetch("SELECT kind FROM letter WHERE kind LIKE 'session_%'")
    assert [row["kind"] for row in rows] == ["session_unmoved"] * letters


async def test_where_there_is_no_other_time_none_is_promised(intake: Intake, mine: Browser) -> None:
    number = await intake.accepted()
    for slots, words, label in (
        ((), "前确认；不答复的按此安排进行", "确认时间"),
        (SLOTS, "前确认，或改选其他时间；", "确认或改期"),
    ):
        await intake.told(session(number, offer=offer(1, slots)))
        [newest, *_] = (await intake.get("/v1/letters")).json()["items"]
        assert words in newest["text"]["zh"]
        home = await intake.client.get(f"/applications/{number}", headers=mine.headers)
        assert label in home.text


async def test_the_same_key_answers_once(intake: Intake, number: str) -> None:
    headers, path = {**INVESTOR, **once()}, f"/v1/applications/{number}{PATH}"
    first = await intake.client.post(path, json={"offer": 1}, headers=headers)
    again = await intake.client.post(path, json={"offer": 1}, headers=headers)
    assert (first.status_code, again.json()) == (202, first.json())
    assert len(await events(intake, AppointmentAnswered)) == 1


async def test_the_term_ends_a_working_day_before(intake: Intake, number: str) -> None:
    intake.clock.move_to(STARTS - DAY - timedelta(seconds=1))
    assert (await shown(intake, number))["offer"] is not None
    intake.clock.move_to(STARTS - DAY)
    assert (await shown(intake, number))["offer"] is None, "the offer vanishes"
    late = await answer(intake, number)
    assert code_of(late) == "appointment-term-passed"
    assert "until" in late.json()
    assert await events(intake, AppointmentAnswered) == []


async def test_a_time_too_near_is_offered_no_more(intake: Intake, number: str) -> None:
    near = NOW + DAY + timedelta(hours=1)
    await intake.told(session(number, offer=offer(1, (near, *SLOTS))))
    assert len((await shown(intake, number))["offer"]["slots"]) == 3
    intake.clock.move_to(NOW + timedelta(hours=1))
    assert len((await shown(intake, number))["offer"]["slots"]) == 2
    refused = await answer(intake, number, starts_at=near.isoformat())
    assert code_of(refused) == "appointment-not-offered"


@pytest.mark.parametrize(
    ("state", "offered"),
    [(SessionState.HELD, None), (SessionState.CANCELLED, None), (SessionState.CONVENED, None)],
)
async def test_what_is_over_or_was_never_offered_is_not_answered(
    intake: Intake, number: str, state: SessionState, offered: None
) -> None:
    await intake.told(session(number, state=state, offer=offered))
    assert code_of(await answer(intake, number)) == "appointment-closed"


async def test_who_is_not_concerned_finds_nothing(intake: Intake, number: str) -> None:
    assert code_of(await answer(intake, number, STRANGER)) == "not-found"
    path = f"/v1/applications/{number}/sessions/{BRIGADE}/2/answer"
    other = await intake.client.post(path, json={"offer": 1}, headers={**INVESTOR, **once()})
    assert code_of(other) == "not-found"
    assert (await intake.client.post(path, json={"offer": 1}, headers=once())).status_code == 401


async def test_a_withdrawn_application_is_not_answered(intake: Intake, number: str) -> None:
    path = f"/v1/applications/{number}/withdrawal"
    assert (await intake.client.post(path, headers={**INVESTOR, **once()})).status_code == 202
    assert code_of(await answer(intake, number)) == "already-withdrawn"


@pytest.mark.parametrize("asks", [True, False])
async def test_what_the_end_of_the_case_overtakes_waits_for_nobody(
    intake: Intake, mine: Browser, number: str, asks: bool
) -> None:
    await answer(intake, number, **({"starts_at": SLOTS[1].isoformat()} if asks else {}))
    assert (await shown(intake, number))["answer"]["closed"] is False
    await intake.told(concluded(number))
    found = (await shown(intake, number))["answer"]
    assert (found["outcome"], found["closed"]) == (None, True)
    text = await seen(intake, mine, number)
    assert "申请已结束，不再需要" in text
    assert ("等部门核对" in text, "您已确认" in text) == (False, False)


async def test_when_the_case_is_over_nothing_is_offered(
    intake: Intake, mine: Browser, number: str
) -> None:
    await intake.told(concluded(number))
    assert (await shown(intake, number))["offer"] is None
    assert "这个时间可以吗" not in await seen(intake, mine, number)
    assert code_of(await answer(intake, number)) == "concluded"


# On the page, without a script


def form_of(mine: Browser, key: int, **fields: str) -> dict[str, str]:
    about = {"lead": BRIGADE, "session": "1", "offer": "1", **fields}
    return {**mine.form(f"{key:032x}"), **about}


async def post(
    intake: Intake, who: Browser, number: str, key: int, **fields: str
) -> httpx2.Response:
    return await intake.client.post(
        f"/applications/{number}/session", data=form_of(who, key, **fields), headers=who.headers
    )


async def test_the_page_asks_and_says_what_became_of_it(
    intake: Intake, mine: Browser, number: str
) -> None:
    text = await seen(intake, mine, number)
    assert "确认 2026年3月4日 09:30" in text
    assert "2026年3月5日（周四） 09:30–11:30" in text
    empty = await post(intake, mine, number, 1, act="move")
    assert (empty.status_code, "请选择一个时间" in empty.text) == (422, True)
    done = await post(intake, mine, number, 2, act="move", starts_at=SLOTS[1].isoformat())
    assert done.status_code == 303
    assert "等部门核对" in await seen(intake, mine, number)
    second = await post(intake, mine, number, 3, act="confirm")
    assert (second.status_code, "您已答复过" in second.text) == (409, True)
    await intake.told(settled(number, AppointmentOutcome.GONE, offer=offer(2)))
    text = await seen(intake, mine, number)
    assert "未能改期" in text
    assert 'name="offer" value="2"' in text
    fields = form_of(mine, 4, act="confirm") | {"offer": "2"}
    path = f"/applications/{number}/session"
    await intake.client.post(path, data=fields, headers=mine.headers)
    assert "您已确认" in await seen(intake, mine, number)


async def test_what_was_never_offered_is_not_said_to_be_too_late(
    intake: Intake, mine: Browser, number: str
) -> None:
    late, plain = "离开始不足一个工作日", "时间不合适的，请尽早联系牵头部门"
    assert code_of(await answer(intake, number)) == "ok"
    assert late in await seen(intake, mine, number)
    other = await intake.accepted()
    await intake.told(session(other, offer=None))
    text = await seen(intake, mine, other)
    assert (late in text, plain in text) == (False, True)


async def test_forged_forms_answer_nothing(intake: Intake, mine: Browser, number: str) -> None:
    other = browser(intake.app, STRANGER)
    assert (await post(intake, other, number, 1, act="confirm")).status_code == 404
    forged = replace(mine, csrf="no")
    assert (await post(intake, forged, number, 2, act="confirm")).status_code == 403
    elsewhere = replace(mine, headers=mine.headers | {"sec-fetch-site": "cross-site"})
    assert (await post(intake, elsewhere, number, 3, act="confirm")).status_code == 403
    forms: list[dict[str, str]] = [{"act": "cancel"}]
    for session_ in ("x", "", "0", "-1", "²", str(2**63), "1" * 30, "9" * 5000):
        forms.append({"act": "confirm", "session": session_})
    for lead in ("", "x/1", "消防", "a" * 65, "\x00"):
        forms.append({"act": "confirm", "lead": lead})
    for wrong in forms:
        assert (await post(intake, mine, number, 4, **wrong)).status_code == 404, wrong
    assert await events(intake, AppointmentAnswered) == []
