"""What waits for an investor, in a real browser: letters, one notice, later papers, the bill."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from services.contracts.events import ApplicationSupplemented
from services.demonstration.caller import Caller
from services.demonstration.officers import favourable
from tests.conftest import Databases
from tests.e2e.town import Town, until
from tests.integration.intake_kit import prepare
from tests.integration.waiting_told import (
    CONDITION,
    PLAN,
    accepted,
    convened,
    events,
    noticed,
    objected,
    offered,
)
from tests.pages.browser import Visitor
from tests.pages.conftest import LANGUAGES, SIZES, LogIn
from tests.pages.examined import Served, served

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
STEP, FEE = "joint-drawing-review", "soil-conservation-compensation"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\nxref\ntrailer\nstartxref\n9\n%%EOF\n"  # as small as one is
SAID = {
    "zh": {
        "answer": "去答复",
        "none": "目前没有需要答复的通知",
        "half": "已答复 1 项，共 2 项",
        "day": "2026年3月3日（周二）",
        "all": "全部标为已读",
    },
    "en": {
        "answer": "Answer",
        "none": "No notice needs an answer",
        "half": "1 of 2 answered",
        "day": "Tue 3 March 2026",
        "all": "Mark all as read",
    },
}


def objects_once(task: dict[str, Any]) -> dict[str, Any]:
    """Whoever decides in the joint review refuses the first drawings."""
    if task["step"] == STEP and task["round"] == 1 and task["part"] == "decide":
        remedies = ["六十日内可申请行政复议"]
        return {"outcome": "refused", "reasons": ["图纸缺防火分区"], "remedies": remedies}
    return favourable(task)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def fee_desk(town: Town) -> AsyncIterator[Caller]:
    """The centre's operator, who records what a department has assessed."""
    async with Caller(town.stack.urls["intake"], town.stack.tokens("operator")) as caller:
        yield caller


async def test_letters_lead_to_the_notice_the_papers_and_the_bill(
    log_in: LogIn, town: Town, fee_desk: Caller, language: str, tmp_path: Path
) -> None:
    drawing = tmp_path / "图纸.pdf"
    drawing.write_bytes(PDF)
    visitor = await log_in("investor")
    number = await town.submit(objects_once, ahead=False)
    await town.until(number, lambda found: found["rectification"] is not None, "a notice", 90)
    await answers(visitor, number, language, drawing)
    await hands_in(visitor, town, number, drawing)
    assert (await town.concluded(number, 90))["conclusion"] == "granted"
    await fee_desk.post(
        f"/v1/applications/{number}/bill/lines/{FEE}/assessments",
        {"rate": "1.20", "quantity": "2000", "document": "水保费核〔2026〕8号"},
    )
    await pays(visitor, number)


async def pays(visitor: Visitor, number: str) -> None:
    await visitor.open(f"/applications/{number}/bill")
    assert "2,400.00" in await visitor.words()
    await visitor.look("bill")
    await visitor.page.locator("form[action$='/bill/payments'] button").click()
    await visitor.page.locator(".note-ok").wait_for()
    assert await visitor.page.locator(".badge-good").count() >= 2
    await visitor.look("bill-paid")


async def answers(visitor: Visitor, number: str, language: str, drawing: Path) -> None:
    await visitor.open("/inbox")
    letter = visitor.page.locator(".mail-unread", has_text=number).filter(
        has=visitor.page.get_by_role("button", name=SAID[language]["answer"], exact=True)
    )
    await letter.first.locator("button").click()
    await visitor.page.wait_for_url(f"**/applications/{number}/notice")
    assert "图纸缺防火分区" in await visitor.words()
    form = visitor.page.locator("form[action$='/rectifications']")
    await form.locator("summary").first.click()
    await form.locator("input[type=file]").first.set_input_files(drawing)
    await form.locator("button").click()
    await visitor.page.locator(".note-ok").wait_for()
    assert SAID[language]["none"] in await visitor.words()
    await visitor.look("notice-answered")


async def hands_in(visitor: Visitor, town: Town, number: str, paper: Path) -> None:
    await town.until(number, lambda found: bool(found["awaited"]), "what it waits for", 90)
    await visitor.open(f"/applications/{number}/papers")
    await visitor.look("papers")
    forms = visitor.page.locator("main section:has(h4) form")
    while await forms.count():
        await forms.first.locator("input[type=file]").set_input_files(paper)
        await forms.first.locator("button").click()
        await visitor.page.locator(".note-ok").wait_for()
        await visitor.open(f"/applications/{number}/papers")

    async def goes_on() -> bool:
        return not (await town.progress(number))["awaited"]

    await until(goes_on, "nothing is awaited any more")


@pytest_asyncio.fixture(loop_scope="session")
async def examined(databases: Databases, tmp_path: Path) -> AsyncIterator[Served]:
    """A county whose departments look at the papers before it accepts."""
    url = await databases.fresh("intake", prepare)
    async with served(url, tmp_path) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def guest(
    examined: Served, browser: Browser, size: str, language: str
) -> AsyncIterator[Visitor]:
    """Its investor, logged in."""
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height}, locale=LANGUAGES[language]
    )
    called = f"examined-{size}-{language}"
    found = Visitor(page=await context.new_page(), base=examined.base, called=called)
    found.listen()
    await examined.enter(context)
    yield found
    await context.close()


async def test_one_notice_is_answered_piece_by_piece(
    guest: Visitor, examined: Served, language: str, tmp_path: Path
) -> None:
    paper = tmp_path / "平面图.pdf"
    paper.write_bytes(PDF)
    intake = examined.intake
    number = await intake.accepted()
    await intake.told(noticed(number))
    await guest.open(f"/applications/{number}/notice")
    await guest.look("one-notice")
    plan = guest.page.locator("#material-floor-plan")
    await plan.locator("button").click()
    await plan.get_by_role("alert").wait_for()
    guest.complaints.clear()  # the browser notes the 422 that was asked for
    await guest.look("one-notice-wrong")
    await plan.locator("input[type=file]").set_input_files(paper)
    await plan.locator("button").click()
    await guest.page.locator(".note-ok").wait_for()
    assert SAID[language]["half"] in await guest.words()
    condition = guest.page.locator("#condition-FIRE-CHECK-1")
    await condition.locator("textarea").fill("疏散宽度已改为 1.4 米")
    await condition.locator("button").click()
    await guest.page.locator(".note-ok").wait_for()
    assert SAID[language]["none"] in await guest.words()
    await guest.look("one-notice-answered")
    [first, second] = await events(intake, ApplicationSupplemented, number)
    assert (first.subjects, second.subjects) == ((PLAN,), (CONDITION,))


async def test_a_merged_step_has_its_notice(guest: Visitor, examined: Served) -> None:
    number = await examined.intake.accepted()
    await examined.intake.told(accepted(number), objected(number))
    await guest.open(f"/applications/{number}/notice")
    await guest.look("merged-notice")
    await guest.page.locator("form[action$='/rectifications'] .actions button").click()
    await guest.page.get_by_role("alert").wait_for()
    guest.complaints.clear()  # the browser notes the 422 that was asked for
    await guest.look("merged-notice-wrong")


async def test_bill_sessions_and_empty_pages(
    guest: Visitor, examined: Served, language: str
) -> None:
    intake = examined.intake
    number = await intake.accepted()
    for name in ("notice", "papers", "bill", "session"):
        await guest.open(f"/applications/{number}/{name}")
        await guest.look(f"empty-{name}")
    await intake.told(accepted(number), convened(number))
    await guest.open(f"/applications/{number}/bill")
    await guest.page.locator("form[action$='/bill/payments'] button").click()
    await guest.page.locator(".note-ok").wait_for()
    await guest.look("bill-of-one-line")
    await guest.open(f"/applications/{number}/session")
    assert SAID[language]["day"] in await guest.words()
    await guest.look("session")
    await guest.open("/inbox")
    await guest.look("inbox")
    await guest.page.get_by_role("button", name=SAID[language]["all"], exact=True).click()
    await guest.page.locator(".note-ok").wait_for()
    assert await guest.page.locator(".mail-unread").count() == 0
    await guest.look("inbox-read")


async def test_the_time_of_an_inspection_is_confirmed(guest: Visitor, examined: Served) -> None:
    intake = examined.intake
    number = await intake.accepted()
    await intake.told(accepted(number), offered(number))
    await guest.open(f"/applications/{number}")
    await guest.page.locator(f"a[href='/applications/{number}/session']").first.click()
    await guest.look("session-offered")
    await guest.page.locator("form:has(input[value=move]) button").click()
    assert await guest.page.locator("input[name=starts_at]:invalid").count(), "none is chosen yet"
    await guest.page.locator("form:has(input[value=confirm]) button").click()
    await guest.page.locator(".note-ok").wait_for()
    await guest.look("session-confirmed")
