"""The applicant's word about a session's time, as departments take it: confirmed, moved, or not."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio

from services.contracts.sessions import AppointmentAnswered, AppointmentSlot
from services.departments import pages
from services.departments.sessions_answers import UnknownOfferError
from services.departments.settings import Settings
from services.domain.appointments import answer_until
from services.domain.calendar import ZONE
from tests.conftest import Databases
from tests.integration.departments_parts import DUE, Desk, code_of, open_desk, ref
from tests.integration.sessions_kit import (
    CHIEFS,
    CLERK,
    LEAD,
    POLICE,
    STEP,
    WATER,
    Inspection,
    at,
    enlist,
    inspection,
    leaves,
    refs,
)
from tests.integration.signing_in import browser
from tests.unit.routes import CALENDAR

WHO = ref("investor-1")


@pytest_asyncio.fixture
async def desk(databases: Databases) -> AsyncIterator[Desk]:
    async with open_desk(databases) as found:
        pages.install(found.app, Settings())
        yield found


@pytest_asyncio.fixture
async def joint(desk: Desk) -> Inspection:
    """A session on Wednesday from ten to twelve; every promise is Thursday at five."""
    await enlist(desk)
    found = await inspection(desk)
    times = {"starts_at": at(10, 4), "ends_at": at(12, 4)}
    assert (await found.convene(**times)).status_code == 201
    return found


async def told(desk: Desk) -> list[dict[str, Any]]:
    rows = await desk.rows(
        "SELECT convert_from(payload, 'UTF8')::jsonb -> 'data' AS data FROM outbox"
        " WHERE type = 'lianshen.session.told.v1' ORDER BY seq"
    )
    return [orjson.loads(row["data"]) for row in rows]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def answer(joint: Inspection, start: str | None = None, **changes: Any) -> AppointmentAnswered:
    slot = None
    if start is not None:
        begins = instant(start)
        slot = AppointmentSlot(starts_at=begins, ends_at=begins + timedelta(hours=2))
    fields: dict[str, Any] = {
        "application": joint.application,
        "step": STEP,
        "department": LEAD,
        "session": joint.session,
        "offer": 1,
        "slot": slot,
        "answered_by": WHO,
        "answered_at": joint.desk.clock.now(),
    }
    return AppointmentAnswered(**(fields | changes))


async def offered(desk: Desk) -> Any:
    return (await told(desk))[-1].get("offer")


async def seen(desk: Desk, joint: Inspection, who: Any = CLERK) -> str:
    path, headers = (
        f"/sessions/{joint.session}",
        browser(desk.app, dict(who), "departments").headers,
    )
    found = await desk.client.get(path, headers=headers)
    assert found.status_code == 200, found.text
    return found.text


async def test_convening_offers_other_times_inside_every_clock(
    desk: Desk, joint: Inspection
) -> None:
    offer = await offered(desk)
    assert (offer["number"], instant(offer["until"])) == (1, instant(at(10, 3)))
    assert len(offer["slots"]) >= 2
    for slot in offer["slots"]:
        assert instant(slot["ends_at"]) <= DUE.promised_at
        assert slot["starts_at"] != at(10, 4)
    [shown] = (await joint.read())["offers"]
    assert shown["answer"] is None
    assert [instant(one["starts_at"]) for one in shown["slots"]] == [
        instant(one["starts_at"]) for one in offer["slots"]
    ]
    page = await seen(desk, joint, CHIEFS[POLICE])
    assert "尚未答复" in page
    assert f"或从 {len(offer['slots'])} 个时间中改选" in page
    await desk.pool.execute(
        "INSERT INTO session_offer (session_id, number, until, slots, made_at)"
        " SELECT session_id, 2, until, '[]', made_at FROM session_offer"
    )
    page = await seen(desk, joint, CHIEFS[POLICE])
    assert "前确认；没有其他时间可选" in page
    assert "从 0 个时间中改选" not in page
    desk.clock.move_to(instant(at(11, 3)))
    assert "没有答复" in await seen(desk, joint)


async def test_a_session_for_tomorrow_morning_offers_nothing(desk: Desk) -> None:
    await enlist(desk)
    found = await inspection(desk)
    times = {"starts_at": at(10, 3), "ends_at": at(12, 3)}
    assert (await found.convene(**times)).status_code == 201
    assert await offered(desk) is None


async def test_all_members_see_that_it_is_confirmed(desk: Desk, joint: Inspection) -> None:
    await desk.put(answer(joint))
    last = (await told(desk))[-1]
    assert last["settled"] == {"offer": 1, "outcome": "confirmed"}
    assert (last.get("offer"), instant(last["starts_at"])) == (None, instant(at(10, 4)))
    for department in (LEAD, POLICE, WATER):
        assert "已确认" in await seen(desk, joint, CHIEFS[department])
    assert (await joint.read())["version"] == 2, "whoever had it open learns of it"
    assert await leaves(desk, "session.answered") == 1


async def test_a_move_is_the_applicants_and_keeps_the_people(desk: Desk, joint: Inspection) -> None:
    before = (await joint.read())["attendees"]
    start = (await offered(desk))["slots"][-1]["starts_at"]
    await desk.put(answer(joint, start))
    last = (await told(desk))[-1]
    assert last["settled"] == {"offer": 1, "outcome": "moved"}
    assert (last["state"], instant(last["starts_at"])) == ("convened", instant(start))
    assert "offer" not in last, "he chose this time himself"
    whole = await joint.read()
    assert instant(whole["starts_at"]) == instant(start)
    assert whole["attendees"] == before
    rows = await desk.rows("SELECT actor_ref, actor_role, note FROM act WHERE note LIKE '%moved%'")
    note = f"{joint.session} moved: {instant(start).astimezone(ZONE):%Y-%m-%d %H:%M}"
    assert {tuple(row) for row in rows} == {(WHO, "investor", note)}, "on the officers' clock"
    assert len(rows) == 3, "it stands in the history of every member's task"
    assert "已改期" in await seen(desk, joint, CHIEFS[WATER])
    # The old time is free again.
    other = await inspection(desk)
    again = await other.convene(starts_at=at(10, 4), ends_at=at(12, 4))
    assert code_of(again) == "ok"


async def test_a_time_that_was_taken_meanwhile_is_offered_no_more(
    desk: Desk, joint: Inspection
) -> None:
    start = (await offered(desk))["slots"][-1]["starts_at"]
    [officer] = refs(POLICE, 1)
    engaged = {"kind": "duty", "starts_at": start, "ends_at": at(17, 5)}
    noted = await desk.post(f"/officers/{officer}/engagements", CHIEFS[POLICE], engaged)
    assert noted.status_code == 201, noted.text
    await desk.put(answer(joint, start))
    last = (await told(desk))[-1]
    assert last["settled"] == {"offer": 1, "outcome": "gone"}
    assert instant(last["starts_at"]) == instant(at(10, 4)), "it stays as it was"
    assert last["offer"]["number"] == 2
    assert start not in [one["starts_at"] for one in last["offer"]["slots"]]
    assert "未能改期" in await seen(desk, joint)
    await desk.put(answer(joint, offer=2))
    assert (await told(desk))[-1]["settled"] == {"offer": 2, "outcome": "confirmed"}


@pytest.mark.parametrize("why", ["cancelled", "too late", "never offered"])
async def test_what_cannot_be_answered_changes_nothing(
    desk: Desk, joint: Inspection, why: str
) -> None:
    start = (await offered(desk))["slots"][0]["starts_at"]
    if why == "cancelled":
        assert code_of(await joint.act("cancellation", {"reason": "暴雨"})) == "ok"
    changes = {"answered_at": instant(at(10, 3))} if why == "too late" else {}
    await desk.put(answer(joint, at(9, 5) if why == "never offered" else start, **changes))
    last = (await told(desk))[-1]
    assert last["settled"] == {"offer": 1, "outcome": "void"}
    assert last["state"] == ("cancelled" if why == "cancelled" else "convened")
    assert instant((await joint.read())["starts_at"]) == instant(at(10, 4))


@pytest.mark.parametrize("asks", [True, False])
async def test_what_arrives_when_it_has_begun_moves_nobody(
    desk: Desk, joint: Inspection, asks: bool
) -> None:
    start = (await offered(desk))["slots"][-1]["starts_at"]
    in_time = answer(joint, start if asks else None)
    desk.clock.move_to(instant(at(10, 4)))
    assert code_of(await joint.attest(POLICE)) == "ok", "somebody is there already"
    await desk.put(in_time)
    last = (await told(desk))[-1]
    assert last["settled"] == {"offer": 1, "outcome": "void"}
    whole = await joint.read()
    assert (whole["state"], instant(whole["starts_at"])) == ("convened", instant(at(10, 4)))


async def test_what_arrives_late_leaves_the_officers_their_notice(
    desk: Desk, joint: Inspection
) -> None:
    start = (await offered(desk))["slots"][0]["starts_at"]
    in_time = answer(joint, start)
    desk.clock.move_to(answer_until(CALENDAR, instant(start)))
    await desk.put(in_time)
    assert (await told(desk))[-1]["settled"] == {"offer": 1, "outcome": "gone"}
    assert instant((await joint.read())["starts_at"]) == instant(at(10, 4))


async def test_an_offer_is_answered_once(desk: Desk, joint: Inspection) -> None:
    start = (await offered(desk))["slots"][0]["starts_at"]
    await desk.put(answer(joint), answer(joint, start))
    assert [one["settled"]["outcome"] for one in (await told(desk))[1:]] == ["confirmed"]
    assert instant((await joint.read())["starts_at"]) == instant(at(10, 4))


@pytest.mark.parametrize("changes", [{"offer": 7}, {"session": 9999}, {"department": POLICE}])
async def test_an_answer_to_nothing_is_refused(
    desk: Desk, joint: Inspection, changes: dict[str, Any]
) -> None:
    with pytest.raises(UnknownOfferError):
        await desk.put(answer(joint, **changes))
