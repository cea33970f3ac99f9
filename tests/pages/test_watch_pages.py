"""What a supervisor looks at, in a real browser: the league table, the report, the simulator."""

import pytest

from tests.pages.conftest import LogIn

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


async def test_the_supervision_of_a_month(log_in: LogIn, granted: str) -> None:
    supervisor = await log_in("supervisor")
    await supervisor.open("/supervision")
    await supervisor.look("supervision")
    for name in ("cards", "findings", "follow-ups"):
        await supervisor.page.locator(f".subnav a[href$='/{name}']").click()
        await supervisor.look(name)
    await supervisor.open("/supervision")
    await supervisor.page.locator("a[href*='/reports/']").first.click()
    await supervisor.look("report")


async def test_a_simulation(log_in: LogIn) -> None:
    operator = await log_in("operator")
    await operator.open("/simulator")
    await operator.look("simulator")
    await operator.page.select_option("#scenario", "warehouse")
    await operator.page.fill("#applications", "20")
    await operator.page.locator("main form button").click()
    await operator.page.locator("img.drawing").wait_for()
    await operator.look("simulated")
