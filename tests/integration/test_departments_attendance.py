"""Who came to a joint session: each department says so of its own officers."""

from datetime import datetime

import pytest_asyncio

from tests.integration.departments_parts import Desk, code_of
from tests.integration.sessions_kit import (
    ATTENDEES,
    LEAD,
    POLICE,
    WATER,
    Inspection,
    absent_from,
    at,
    enlist,
    inspection,
    leaves,
    refs,
    session_told,
)


@pytest_asyncio.fixture
async def joint(desk: Desk) -> Inspection:
    """An inspection all of whose people are on the rosters."""
    await enlist(desk)
    return await inspection(desk)


async def test_each_department_says_of_its_own_officers_who_came(
    desk: Desk, joint: Inspection
) -> None:
    await joint.convene()
    desk.clock.move_to(datetime.fromisoformat(at(10)))
    for_all = {"present": [ref for refs_ in ATTENDEES.values() for ref in refs_]}
    assert code_of(await joint.act("attendance", for_all)) == "not-sent", "the lead for others"
    assert (await joint.attest(LEAD)).json()["state"] == "convened"
    assert (await joint.attest(POLICE, refs(POLICE, 1)[0])).json()["state"] == "convened"
    assert code_of(await joint.record()) == "session-state"
    shown = {one["department"]: one for one in (await joint.read())["members"]}
    assert [shown[one]["present"] for one in (LEAD, POLICE, WATER)] == [True, False, None]
    assert shown[POLICE]["attested_by"] == refs(POLICE, 3)[0]
    assert (await joint.attest(WATER)).json()["state"] == "held"
    assert await absent_from(joint) == [POLICE]
    assert (await joint.attest(POLICE)).json()["state"] == "held", "said anew before the record"
    assert await absent_from(joint) == []
    assert await leaves(desk, "session.attended") == 4
    assert await session_told(desk) == [("convened", []), ("held", [POLICE]), ("held", [])]


async def test_after_its_end_the_lead_closes_it_and_who_kept_silent_is_absent(
    desk: Desk, joint: Inspection
) -> None:
    await joint.convene()
    desk.clock.move_to(datetime.fromisoformat(at(12)))
    assert (await joint.attest(POLICE)).json()["state"] == "convened", "it does not lead"
    assert (await joint.attest(LEAD)).json()["state"] == "held"
    assert await absent_from(joint) == [WATER]
    assert code_of(await joint.record()) == "ok"
    assert code_of(await joint.sign(WATER)) == "member-absent"
    assert code_of(await joint.sign(POLICE)) == "ok"
