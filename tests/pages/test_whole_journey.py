"""The whole of it as new users would try it: an investor, five departments, an operator.

Through pages alone, on a stack of its own, in a county whose departments look before it accepts.
Every screen and both languages take part each time, held by different people; with
LIANSHEN_TEST_VIEWS=all the people change places until each has had all four.
"""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from services.runtime.embedded.stack import Stack
from tests.pages import whole_investor as investor
from tests.pages import whole_offices as offices
from tests.pages.browser import Visitor
from tests.pages.conftest import ALL_VIEWS
from tests.pages.whole_county import DRAINS, open_county
from tests.pages.whole_people import VIEWS, Cast

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]
TURNS = range(len(VIEWS)) if os.environ.get(ALL_VIEWS) == "all" else range(1)
LEAD = "market-supervision"
MEMBERS = (LEAD, "fire-rescue", "city-appearance", "food-health")
RESULTS = 5
WAIT_MS = 60_000
WHY = {
    "department": "市场监督管理局|Market Supervision Bureau",
    "task": "个体工商户或企业设立登记|Registration of the business",
    "late": "还没有办结|still open",
    "article": "民法典 201",
}
FLOOR_PLAN, SIGN = "场所平面图|Floor plan", "招牌设计效果图|Design of the sign"
ESCAPE = "疏散通道和消防设施|Ways of escape"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def county(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The county's stack."""
    async with open_county(tmp_path_factory.mktemp("whole") / "county") as found:
        yield found


@pytest_asyncio.fixture(params=TURNS, loop_scope="session")
async def cast(
    request: pytest.FixtureRequest, county: Stack, browser: Browser
) -> AsyncIterator[Cast]:
    """Everybody, each with a screen and a language."""
    found = Cast(stack=county, browser=browser, turn=request.param)
    yield found
    await found.leave()


async def test_from_the_first_question_to_the_last_rating(cast: Cast) -> None:
    await gather(cast)
    _, late = await investor.applies(cast, "investor-2", 1, investor.AS_IT_IS, looks=False)
    someone, number = await investor.applies(cast, "investor", 0)
    answering = await cast.enter("investor", 1)
    await is_accepted(cast, number, someone, answering)
    await decide(cast, number)
    path = await offices.convenes(cast, cast.people[f"officer-{LEAD}"], number)
    payer = await cast.enter("investor", 2)
    await investor.confirms(payer, number)
    await investor.pays(payer, number)
    await inspect(cast, path)
    await investor.takes_and_rates(await cast.enter("investor", 3), number, RESULTS)
    operator = await cast.enter("operator", 2)
    await offices.sees_why(operator, late, WHY)


async def gather(cast: Cast) -> None:
    """Five departments' people come to work; those of four put themselves on their rosters."""
    for code in (*MEMBERS, DRAINS):
        for role in ("officer", "chief"):
            visitor = await cast.enter(f"{role}-{code}", len(cast.people))
            if code in MEMBERS:
                await offices.enlists(visitor)


async def is_accepted(cast: Cast, number: str, someone: Visitor, answering: Visitor) -> None:
    """Four departments look; the investor answers their one notice; three look again."""
    officers = {code: cast.people[f"officer-{code}"] for code in (*MEMBERS, DRAINS)}
    await someone.open(f"/applications/{number}")
    await someone.look("09-handed-in")
    for code in (LEAD, DRAINS):
        await offices.finds(officers[code], number, {})
    await offices.finds(officers["city-appearance"], number, {SIGN: "请提交招牌设计效果图"})
    wanted = {FLOOR_PLAN: "平面图未标注疏散宽度", ESCAPE: "请说明疏散宽度怎样改"}
    await offices.finds(officers["fire-rescue"], number, wanted, "10-examination")
    await expect(someone.page.locator("#mine-title")).to_be_visible(timeout=WAIT_MS)
    await someone.look("11-asked")
    pieces = {
        "material-floor-plan": "",
        "condition-FIRE-CHECK-1": "疏散宽度已改为 1.4 米",
        "material-sign-design": "",
    }
    await investor.answers(answering, number, pieces)
    for code in ("city-appearance", "fire-rescue", LEAD):
        await offices.finds(officers[code], number, {})


async def decide(cast: Cast, number: str) -> None:
    """One department grants, by keyboard; another asks for longer before it does."""
    await offices.decides_by_keyboard(cast.people[f"chief-{LEAD}"], number)
    head = await cast.enter(f"head-{DRAINS}", 3)
    chief = cast.people[f"chief-{DRAINS}"]
    await offices.checks(cast.people[f"officer-{DRAINS}"], number)
    await offices.asks_for_longer(chief, head, number)
    await offices.has_the_day(cast)
    await offices.grants(chief, number, "隔油池每月清掏一次")


async def inspect(cast: Cast, path: str) -> None:
    """Four departments come, one of them writes down what was seen, all sign."""
    lead = cast.people[f"officer-{LEAD}"]
    chiefs = {code: cast.people[f"chief-{code}"] for code in MEMBERS}
    await offices.come(cast, {**chiefs, LEAD: lead}, path)
    await offices.records(lead, path)
    await offices.sign(chiefs, path)
