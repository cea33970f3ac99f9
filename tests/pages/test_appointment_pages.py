"""The investor moves a joint inspection on his page, and its departments see that he did."""

from datetime import timedelta
from typing import Any

import pytest

from services.demonstration import investor as people
from services.demonstration.caller import RefusedError
from services.demonstration.officers import favourable
from tests.e2e.town import Town, until
from tests.pages.conftest import LogIn

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
STEP, LEAD, MEMBER = "joint-inspection", "urban-management", "traffic-police"
AHEAD = timedelta(days=14)
"""Ten working days, of a second and a half each: time enough to read the page and answer."""
SAID = {"zh": ("已按您的选择改期", "已改期"), "en": ("Moved as you chose", "Moved")}


def apart(task: dict[str, Any]) -> dict[str, Any] | None:
    """End everything but what a session is convened for."""
    return None if task["step"] == STEP else favourable(task)


async def enlist(town: Town) -> None:
    for code in (LEAD, MEMBER):
        for who in (town.windows[code].officer, town.windows[code].chief):
            await who.put("/v1/officers/me")


async def convened(town: Town) -> tuple[str, int]:
    """Convene an inspection of a new application; return its number and the session's."""
    receipt = await people.submit(town.investor, "renovation")
    number: str = receipt["number"]
    town.verdicts[number] = apart
    lead = town.windows[LEAD].officer
    made: dict[str, Any] = {}

    async def there() -> bool:
        since = (town.clock.now() + AHEAD).isoformat()
        wanted = {"application": number, "step": STEP, "minutes": 60, "not_before": since}
        try:
            found = (await lead.post("/v1/sessions/proposals", {"sessions": [wanted]})).json()
            time = found["sessions"][0]["proposed"]
            if time is None or set(time["attendees"]) != {LEAD, MEMBER}:
                return False
            body = {"application": number, "step": STEP, "place": "项目现场", **time}
            made.update((await lead.post("/v1/sessions", body)).json())
        except RefusedError:
            return False  # the step has not begun
        return True

    await until(there, "an inspection is convened", 90)
    return number, int(made["id"])


async def shown(town: Town, number: str) -> dict[str, Any]:
    found = (await town.investor.get(f"/v1/applications/{number}/sessions"))["items"]
    return found[0] if found else {"offer": None, "answer": None}


async def test_the_investor_moves_an_inspection(log_in: LogIn, town: Town, language: str) -> None:
    investor, chief = await log_in("investor"), await log_in(f"chief-{LEAD}")
    await enlist(town)
    number, session = await convened(town)

    async def offered() -> bool:
        return (await shown(town, number))["offer"] is not None

    await until(offered, "other times are offered")
    await investor.open(f"/applications/{number}/session")
    times = investor.page.locator("input[name=starts_at]")
    chosen = await times.last.get_attribute("value")
    await times.last.check()
    await investor.page.locator("form:has(input[name=starts_at]) button").click()
    await investor.page.locator(".note-ok").wait_for()

    async def settled() -> bool:
        answer = (await shown(town, number))["answer"]
        return answer is not None and answer["outcome"] is not None

    await until(settled, "the departments have decided")
    one = await shown(town, number)
    assert one["answer"]["outcome"] == "moved"
    assert one["starts_at"].rstrip("Z") == str(chosen).partition("+")[0]
    to_investor, to_departments = SAID[language]
    await investor.open(f"/applications/{number}/session")
    assert to_investor in await investor.words()
    await investor.look("appointment-moved")
    await chief.open(f"/sessions/{session}")
    assert to_departments in await chief.words()
    await chief.look("session-moved")
