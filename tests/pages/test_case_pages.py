"""A case from its first look to its end, as officers and chief representatives work on it."""

from datetime import timedelta
from typing import Any

import pytest

from services.demonstration import investor
from services.domain.calendar import ZONE
from tests.e2e.town import Task, Town, until
from tests.pages.browser import Visitor
from tests.pages.conftest import LogIn

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
SAID = {
    "zh": {
        "granted": "已签批准予",
        "refused": "已签批不予",
        "checked": "核对情况已保存",
        "changed": "内容已被他人更新",
        "stopped": "已停止计时，告知书已送申请人",
        "ended": "签批依据",
    },
    "en": {
        "granted": "Granted and signed",
        "refused": "Refused and signed",
        "checked": "The checklist was saved",
        "changed": "It has changed since you read it",
        "stopped": "The clock is stopped and the applicant is told",
        "ended": "Signed under",
    },
}


async def task_of(town: Town, department: str, scenario: str) -> Task:
    """A task that nobody ends but whoever is at the browser, when the officer has taken it up."""
    receipt = await investor.submit(town.investor, scenario)
    number: str = receipt["number"]
    found: list[Task] = []

    async def there() -> bool:
        queue = await town.queue(department, number, "open")
        found[:] = [one for one in queue if one["part"] == "decide" and one["claimed_by"]]
        return bool(found)

    await until(there, f"{number} at {department}")
    return found[0]


async def sent(visitor: Visitor, selector: str) -> None:
    """Press a button with the keyboard and wait for the page that answers."""
    async with visitor.page.expect_navigation():
        await visitor.page.focus(selector)
        await visitor.page.keyboard.press("Enter")


async def outcome_of(town: Town, department: str, task: Task) -> dict[str, Any]:
    officer = town.windows[department].officer
    found: dict[str, Any] = (await officer.get(f"/v1/tasks/{task['id']}"))["ended"]
    return found


async def test_an_officer_checks_and_the_chief_representative_grants(
    log_in: LogIn, town: Town, language: str
) -> None:
    department, said = "water-resources", SAID[language]
    task = await task_of(town, department, "warehouse")
    officer = await log_in(f"officer-{department}")
    await officer.open(f"/tasks/{task['id']}")
    await officer.page.check("input[name=met_1][value=yes]")
    await officer.page.fill("input[name=remark_1]", "与规划图一致")
    await officer.page.fill("#note", "还没有记下的话")
    await sent(officer, "#checklist button[type=submit]")
    assert said["checked"] in await officer.page.inner_text("[role=status]")
    assert await officer.page.input_value("#note") == "还没有记下的话"
    await officer.look("case-checked")

    chief = await log_in(f"chief-{department}")
    await chief.open(f"/tasks/{task['id']}")
    assert await chief.page.input_value("input[name=remark_1]") == "与规划图一致"
    paper = await chief.page.locator("a[href*='/papers/']").first.get_attribute("href")
    assert paper is not None
    await chief.open(paper)
    address = await chief.page.locator("iframe").get_attribute("src")
    file = await chief.page.request.get(f"{chief.base}{address}")
    assert (await file.body()).startswith(b"%PDF")
    assert "frame-ancestors 'self'" in file.headers["content-security-policy"]
    await chief.look("case-paper")
    await chief.open(f"/tasks/{task['id']}")
    await chief.page.check("#ending input[value=granted]")
    await chief.page.fill("#conditions", "开工前完成放线验收")
    await sent(chief, "#ending button[value=preview]")
    assert "开工前完成放线验收" in await chief.page.inner_text("#decision-letter")
    await chief.page.check("#ending input[name=signed]")
    await chief.look("case-granting")
    await sent(chief, "#ending button:not([value])")
    assert said["granted"] in await chief.page.inner_text("[role=status]")
    assert said["ended"] in await chief.words()
    await chief.look("case-granted")
    assert (await outcome_of(town, department, task))["conditions"] == ["开工前完成放线验收"]


async def test_two_on_one_case_and_a_refusal_by_its_template(
    log_in: LogIn, town: Town, language: str
) -> None:
    department, said = "urban-management", SAID[language]
    task = await task_of(town, department, "warehouse")
    chief = await log_in(f"chief-{department}")
    await chief.open(f"/tasks/{task['id']}")
    await chief.page.check("#ending input[value=refused]")
    await chief.page.locator("#ending input[name=reason]").first.check()
    await chief.page.fill("#reasons", "排水口位置与规划不符")
    await chief.page.check("#ending input[name=signed]")

    officer = await log_in(f"officer-{department}")
    await officer.open(f"/tasks/{task['id']}")
    await officer.page.check("input[name=met_1][value=no]")
    await sent(officer, "#checklist button[type=submit]")

    # Told at once, without a reload; and whoever sends it all the same overwrites nothing.
    await chief.page.wait_for_selector("[role=status]")
    await sent(chief, "#ending button:not([value])")
    assert said["changed"] in await chief.page.inner_text("[role=alert]")
    assert await chief.page.input_value("#reasons") == "排水口位置与规划不符"
    assert await chief.page.is_checked("#ending input[value=refused]")
    chief.complaints.clear()  # the browser notes the 412
    await chief.look("case-stale")
    # What has changed since is signed anew: that tick alone is not given back.
    assert not await chief.page.is_checked("#ending input[name=signed]")
    await chief.page.check("#ending input[name=signed]")
    await sent(chief, "#ending button:not([value])")
    assert said["refused"] in await chief.page.inner_text("[role=status]")
    ended = await outcome_of(town, department, task)
    assert ended["outcome"] == "refused"
    assert len(ended["reasons"]) == len(ended["remedies"]) == 2
    assert "排水口位置与规划不符" in ended["reasons"]


async def test_a_pause_with_its_letter(log_in: LogIn, town: Town, language: str) -> None:
    department, said = "ecology-environment", SAID[language]
    task = await task_of(town, department, "plant")
    officer = await log_in(f"officer-{department}")
    await officer.open(f"/tasks/{task['id']}")
    await officer.page.locator("#more summary").first.click()
    until_on = town.clock.now().astimezone(ZONE).date() + timedelta(days=200)
    await officer.page.check("input[name=pause_kind][value=expert_review]")
    await officer.page.fill("#pause_until", until_on.isoformat())
    await officer.page.fill("#pause_notice", "环审听告〔2026〕3号")
    await officer.page.fill("#pause_reason", "须组织专家评审")
    await sent(officer, "#more button[value=preview]")
    letter = await officer.page.inner_text("#more .letter")
    assert "环审听告〔2026〕3号" in letter
    assert f"{until_on.year}年{until_on.month}月{until_on.day}日" in letter
    await officer.look("case-letter")
    await sent(officer, "#more details[open] button:not([value])")
    assert said["stopped"] in await officer.page.inner_text("[role=status]")
    await officer.page.locator(".case-clock summary").last.click()
    assert "须组织专家评审" in await officer.page.inner_text(".case-clock .letter")
    await officer.look("case-paused")
