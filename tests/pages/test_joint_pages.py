"""A joint session as its members see it, in a real browser, on a telephone too."""

from datetime import timedelta
from typing import Any

import pytest

from services.demonstration.caller import RefusedError
from services.demonstration.officers import favourable
from tests.e2e.town import Town, until
from tests.pages.conftest import LogIn

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c494441"
    "54789c631009880100013c00c13ba36a380000000049454e44ae426082"
)
"""One blue dot."""
STEP, LEAD, MEMBER = "joint-evaluation", "water-resources", "natural-resources"


def apart(task: dict[str, Any]) -> dict[str, Any] | None:
    """End everything but what a session is convened for."""
    return None if task["step"] == STEP else favourable(task)


async def convened(town: Town) -> int:
    """Convene a session for a new application, as soon as there is a time; return its number."""
    number = await town.submit(apart)
    lead = town.windows[LEAD].officer
    for code in (LEAD, MEMBER):
        for who in (town.windows[code].officer, town.windows[code].chief):
            await who.put("/v1/officers/me")
    made: dict[str, Any] = {}

    async def there() -> bool:
        wanted = {
            "application": number,
            "step": STEP,
            "minutes": 60,
            "not_before": (town.clock.now() + timedelta(days=2)).isoformat(),
        }
        try:
            found = (await lead.post("/v1/sessions/proposals", {"sessions": [wanted]})).json()
            time = found["sessions"][0]["proposed"]
            if time is None or set(time["attendees"]) != {LEAD, MEMBER}:
                return False
            body = {"application": number, "step": STEP, "place": "项目现场", **time}
            made.update((await lead.post("/v1/sessions", body)).json())
        except RefusedError:
            return False  # the step has not begun, or the time is over: ask anew
        return True

    await until(there, "a session is convened", 90)
    return int(made["id"])


async def test_a_session_on_the_desk_and_in_the_field(log_in: LogIn, town: Town) -> None:
    session = await convened(town)
    chief = await log_in(f"chief-{LEAD}")
    await chief.open("/sessions")
    await chief.look("sessions")
    await chief.page.locator(f"a[href='/sessions/{session}']").first.click()
    await chief.look("session")
    await chief.page.locator("input[type=file]").set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": PNG}
    )
    await chief.page.locator("form:has(input[type=file]) button").click()
    await chief.page.locator(".photos img").wait_for()
    await chief.look("session-photo")
    await chief.open("/sessions/roster")
    await chief.look("roster")
