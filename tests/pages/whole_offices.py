"""What officers, representatives and a head do: look at papers, decide, ask for longer, meet."""

import asyncio
import re
from datetime import datetime

from playwright.async_api import Locator, expect

from services.runtime import calendar_files
from tests.e2e.town import CALENDAR, until
from tests.pages.browser import Visitor
from tests.pages.whole_county import SECONDS
from tests.pages.whole_people import Cast, keys, photo, pressed, tabbed, typed

STEP = "opening-inspection"


async def enlists(visitor: Visitor) -> None:
    """Put oneself on the roster of those who go to joint sessions, who is not on it yet."""
    await visitor.open("/sessions/roster")
    form = visitor.page.locator("form:has(input[name=act][value=list])")
    if await form.count():
        await pressed(visitor, form.locator("button"))


async def finds(visitor: Visitor, number: str, wanted: dict[str, str], called: str = "") -> None:
    """Open an examination from the queue, and name what is missing, or nothing.

    `wanted` has words of what is named (a pattern, for both languages), and what is said of it.
    """
    page = visitor.page
    await opens(visitor, number, "/examinations/")
    for name, words in wanted.items():
        box = page.locator(".finding", has_text=re.compile(name))
        await box.locator("input[type=checkbox]").check()
        await box.locator("textarea").fill(words)
    if called:
        await visitor.look(called)
        await reads(visitor)
    do = "findings" if wanted else "complete"
    await pressed(visitor, page.locator(f"button[value={do}]"))


async def reads(visitor: Visitor) -> None:
    """Open a paper as it was handed in; what has been written meanwhile is there afterwards."""
    here = visitor.page.url
    link = visitor.page.locator(".finding a[href*='/papers/']").first
    path = await link.get_attribute("href")
    assert path is not None
    await link.click()
    await visitor.page.wait_for_url(f"**{path}")
    file = await visitor.page.locator("iframe").get_attribute("src")
    answer = await visitor.page.request.get(f"{visitor.base}{file}")
    assert (await answer.body()).startswith(b"%PDF")
    await visitor.look("10-paper")
    await visitor.page.go_back()
    await visitor.page.wait_for_url(here)
    assert await visitor.page.locator(".finding input:checked").count() > 0


async def opens(visitor: Visitor, number: str, kind: str = "/tasks/") -> None:
    """Wait until there is something of an application in the queue, and open that."""
    link = visitor.page.locator(f"tr:has-text('{number}') a[data-key-open][href^='{kind}']")
    await _appears(visitor, "/queue", link)
    async with visitor.page.expect_navigation():
        await link.first.click()


async def _appears(visitor: Visitor, path: str, link: Locator, seconds: float = 60) -> None:
    """Look at a page until something is there."""

    async def there() -> bool:
        await visitor.open(path)
        return await link.count() > 0

    await until(there, f"{link} on {path}", seconds, look=0.3)


async def decides_by_keyboard(visitor: Visitor, number: str) -> None:
    """Find, claim, open, read, grant and sign, and never touch a mouse."""
    page = visitor.page
    link = page.locator(f"tr:has-text('{number}') a[href^='/tasks/']")
    await _appears(visitor, "/queue", link)
    await keys(visitor, ["/"])
    await typed(visitor, number)
    await keys(visitor, ["Enter"])
    await page.wait_for_url(f"**q={number}**")
    await visitor.look("15-queue")
    await keys(visitor, ["j", "c"])
    await page.wait_for_url("**result=**")
    await keys(visitor, ["j", "Enter"])
    await page.wait_for_url("**/tasks/*")
    await visitor.look("16-case")
    await tabbed(visitor, "#ending input[value=granted]")
    await keys(visitor, ["Space"])
    await tabbed(visitor, "#ending input[name=signed]")
    await keys(visitor, ["Space"])
    await tabbed(visitor, "#ending button[type=submit]:not([value])")
    await keys(visitor, ["Enter"])
    await page.locator("p.note-ok").wait_for()
    await visitor.look("17-granted")


async def checks(officer: Visitor, number: str) -> None:
    """An officer takes a task up, and goes through the list of conditions."""
    await opens(officer, number)
    await pressed(officer, officer.page.locator(".case-holder button").first)
    await officer.page.check("input[name=met_1][value=yes]")
    await pressed(officer, officer.page.locator("#checklist button[type=submit]"))
    await officer.look("18-checked")


async def asks_for_longer(chief: Visitor, head: Visitor, number: str) -> None:
    """The chief representative asks to extend; the head of the department agrees."""
    page = chief.page
    await opens(chief, number)
    await page.locator("#more details:has(#extension_days) summary").click()
    await page.fill("#extension_days", "5")
    await page.fill("#extension_reason", "须会同供水单位核对接管位置")
    await chief.look("18-extension")
    await pressed(chief, page.locator("form[data-keep=extend] button"))
    path = page.url.removeprefix(chief.base).partition("#")[0]
    await head.open("/department")
    await head.look("19-head")
    await head.page.locator(f"a[href='{path}']").first.click()
    await head.page.wait_for_url(f"**{path}")
    await head.page.check("input[value=approved]")
    await head.page.fill("#extension_document", "排延〔2026〕4号")
    await head.look("19-answer")
    await pressed(head, head.page.locator("form[data-keep=answer_extension] button"))


async def grants(chief: Visitor, number: str, conditions: str) -> None:
    """The chief representative grants, on a condition."""
    await opens(chief, number)
    await chief.page.check("#ending input[value=granted]")
    await chief.page.fill("#conditions", conditions)
    await chief.page.check("#ending input[name=signed]")
    await pressed(chief, chief.page.locator("#ending button:not([value])"))


async def has_the_day(cast: Cast) -> None:
    """Wait for the next working day if more than a third of this one has gone.

    A unit that is consulted has two days from that on which its step begins, and whoever is invited
    has two days' notice: the session must be convened, and confirmed, on that very day.
    """
    calendar = calendar_files.load(CALENDAR)
    close = calendar.close_of(calendar.local_date(cast.clock.now()))
    left = cast.clock.real_delay(close)
    if left < SECONDS * 2 / 3:
        await asyncio.sleep(left + 0.1)


async def convenes(cast: Cast, lead: Visitor, number: str) -> str:
    """Choose a time for the joint inspection on the calendar; return the path of the session."""
    page = lead.page
    begins = page.locator(f"a[href^='/sessions/new?application={number}']")
    await _appears(lead, "/sessions", begins)
    await lead.look("22-to-convene")
    await begins.click()
    await page.wait_for_url("**/sessions/new?**")
    calendar = calendar_files.load(CALENDAR)
    on = calendar.add_working_days(calendar.local_date(cast.clock.now()), 2)
    await page.fill("#minutes", "60")
    await page.fill("#since", on.isoformat())
    async with page.expect_navigation():
        await page.locator("form.filters button").click()
    await lead.look("23-times")
    await page.fill("#place", "滨河路 18 号一层")
    await pressed(lead, page.locator("form[data-keep=convene] button"))
    await lead.look("24-convened")
    return page.url.removeprefix(lead.base)


async def come(cast: Cast, people: dict[str, Visitor], path: str) -> None:
    """Wait until it begins; then every department says who has come."""
    lead = next(iter(people.values()))
    await lead.open(path)
    starts = await lead.page.locator("dl.facts time").first.get_attribute("datetime")
    assert starts is not None
    await asyncio.sleep(cast.clock.real_delay(datetime.fromisoformat(starts)) + 0.1)
    for visitor in people.values():
        await visitor.open(path)
        seats = visitor.page.locator("form[data-keep=attendance] input[type=checkbox]")
        for place in range(await seats.count()):
            await seats.nth(place).check()
        if visitor is lead:
            await visitor.look("25-attendance")
        await pressed(visitor, visitor.page.locator("form[data-keep=attendance] button"))


async def records(lead: Visitor, path: str) -> None:
    """Take a picture on site, and write down what everybody saw."""
    page = lead.page
    await lead.open(path)
    await page.locator("input[type=file]").set_input_files(photo("门面"))
    await pressed(lead, page.locator("form[data-keep=photo] button"))
    await page.locator(".photos img").first.wait_for()
    await page.fill("#minutes", "四个部门共同到场，逐项核对布局、疏散通道、招牌位置和后厨。")
    findings = page.locator("form[data-keep=record] textarea[id^=finding-]")
    for place in range(await findings.count()):
        await findings.nth(place).fill("现场与图纸一致，符合要求。")
    await lead.look("26-record")
    await pressed(lead, page.locator("form[data-keep=record] button"))


async def sign(people: dict[str, Visitor], path: str) -> None:
    """Every member signs the one record; the last sees all signatures."""
    for place, visitor in enumerate(people.values()):
        await visitor.open(path)
        form = visitor.page.locator("form[data-keep=sign]")
        for good in ("granted", "no_objection"):
            choices = form.locator(f"input[value={good}]")
            for one in range(await choices.count()):
                await choices.nth(one).check()
        await form.locator("input[name=signed]").check()
        if not place:
            await visitor.look("27-signing")
        await pressed(visitor, form.locator("button[type=submit]"))
    await expect(visitor.page.locator("form[data-keep=sign]")).to_have_count(0)
    assert await visitor.page.locator("tbody .badge-good").count() == 2 * len(people)
    await visitor.look("28-signed")


async def sees_why(operator: Visitor, number: str, said: dict[str, str]) -> None:
    """From the overview to the one that is late: whose task, since when, by which article."""
    page = operator.page
    link = page.locator(f"a[href='/applications/{number}']")
    await _appears(operator, "/applications?late=true", link, seconds=150)
    await operator.open("/overview")
    await operator.look("30-overview")
    await page.locator("a.tile[href*='late=true']").click()
    await page.wait_for_url("**late=true**")
    await operator.look("31-late")
    await link.first.click()
    await page.wait_for_url(f"**/applications/{number}")
    why = page.locator(".why .is-bad").first
    for words in (said["department"], said["task"], said["late"]):
        await expect(why).to_contain_text(re.compile(words))
    await operator.look("32-why")
    await why.locator("a[href*='/deadlines/']").click()
    await page.wait_for_url("**/deadlines/**")
    assert re.search(said["article"], await operator.words())
    await operator.look("33-deadline")
