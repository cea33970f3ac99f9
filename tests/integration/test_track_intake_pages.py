"""The pages on which an investor follows his application: his own alone, safe, and true."""

import io
import re
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from services.contracts.events import (
    ApplicationProgressed,
    ClockNotice,
    ClockResumed,
    Concluded,
    DeadlineSignal,
    Due,
    RectificationAsked,
    Result,
    StepProgress,
    TaskProgress,
)
from services.contracts.ratings import FollowUpTold
from services.contracts.vocabulary import (
    ApplicationStatus,
    Conclusion,
    DateChange,
    FollowUpState,
    Outcome,
    Part,
    PauseKind,
    Signal,
    StepState,
    TaskState,
)
from services.intake.documents.press import Press
from services.intake.settings import SealSettings
from services.runtime.embedded.keys import ensure_test_seal
from tests.conftest import Databases
from tests.integration.intake_kit import (
    INVESTOR,
    NOW,
    STRANGER,
    Intake,
    officer,
    prepare,
    running,
)
from tests.integration.signing_in import Browser, browser

JOINT, DRAINS = "opening-inspection", "FIT-OUT-DRAINS"
FIRE = "FIRE-CHECK"
EVIL = "<script>alert('x')</script>"
DAY = timedelta(days=1)
DECIDED = datetime(2026, 3, 5, 3, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path) as found,
    ):
        yield found


@pytest.fixture
def investor(intake: Intake) -> Browser:
    return browser(intake.app, INVESTOR)


async def page(
    intake: Intake, who: Browser, path: str, status: int = 200, language: str = "zh-CN"
) -> str:
    answer = await intake.client.get(path, headers=who.headers | {"accept-language": language})
    assert answer.status_code == status, answer.text
    return answer.text


def words(html: str) -> str:
    """What is read of a page, on one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def told(number: str, **rest: Any) -> ApplicationProgressed:
    return ApplicationProgressed(
        application=number, **({"status": ApplicationStatus.IN_PROGRESS, "at": NOW} | rest)
    )


def task(number: str, department: str, item: str, step: str, **rest: Any) -> TaskProgress:
    due = Due(
        promised_on=date(2026, 3, 5),
        promised_at=datetime(2026, 3, 5, 9, 0, tzinfo=UTC),
        statutory_on=date(2026, 3, 16),
        statutory_at=datetime(2026, 3, 16, 9, 0, tzinfo=UTC),
        provisional=False,
    )
    return TaskProgress(
        **{
            "task": f"{number}/{item}/{department}/1",
            "step": step,
            "item": item,
            "department": department,
            "part": Part.DECIDE,
            "round": 1,
            "state": TaskState.OPEN,
            "issued_at": NOW,
            "due": due,
        }
        | rest
    )


def result(item: str = FIRE, department: str = "fire-rescue", **rest: Any) -> Result:
    return Result(
        **{
            "item": item,
            "department": department,
            "outcome": Outcome.GRANTED,
            "number": f"{item}-1",
            "decided_at": DECIDED,
            "released_at": DECIDED,
        }
        | rest
    )


async def under_way(intake: Intake) -> str:
    """An application whose joint inspection two departments have in hand."""
    number = await intake.accepted()
    taken = await intake.told(
        told(
            number,
            tasks=(
                task(number, "fire-rescue", FIRE, JOINT),
                task(number, "city-appearance", "SIGNBOARD", JOINT),
            ),
            steps=(StepProgress(step=JOINT, state=StepState.OPEN),),
        )
    )
    assert not taken.dead
    return number


async def concluded(intake: Intake, *results: Result) -> str:
    number = await under_way(intake)
    end = Concluded(
        conclusion=Conclusion.PARTLY_GRANTED,
        at=DECIDED,
        used_working_days=3,
        promised_working_days=9,
        in_time=True,
    )
    await intake.told(
        told(
            number,
            status=ApplicationStatus.CONCLUDED,
            at=DECIDED,
            results=results,
            concluded=end,
        )
    )
    return number


async def test_without_a_login_there_is_the_login_and_for_officers_nothing(
    intake: Intake, investor: Browser
) -> None:
    number = await intake.accepted()
    for place in ("", "/live", "/results", "/explain", "/history", "/withdrawal", "/bundle"):
        path = f"/applications/{number}{place}"
        answer = await intake.client.get(path, headers={"accept": "text/html"})
        assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/login")
        fire = browser(intake.app, officer("fire-rescue"))
        assert (await intake.client.get(path, headers=fire.headers)).status_code == 403
        stranger = browser(intake.app, STRANGER)
        assert (await intake.client.get(path, headers=stranger.headers)).status_code == 404
    for act in ("withdrawal", "ratings"):
        stranger = browser(intake.app, STRANGER)
        form = stranger.form(department="fire-rescue", grade="satisfied")
        path = f"/applications/{number}/{act}"
        answer = await intake.client.post(path, data=form, headers=stranger.headers)
        assert answer.status_code == 404, act
    assert number not in await page(intake, browser(intake.app, STRANGER), "/applications")
    assert number in await page(intake, investor, "/applications")


async def test_nothing_is_done_without_the_forms_own_token(
    intake: Intake, investor: Browser
) -> None:
    number = await intake.accepted()
    for act in ("withdrawal", "ratings"):
        path = f"/applications/{number}/{act}"
        for form, headers in (
            (investor.form() | {"csrf": "made-up"}, investor.headers),
            (investor.form(), investor.headers | {"sec-fetch-site": "cross-site"}),
        ):
            answer = await intake.client.post(path, data=form, headers=headers)
            assert answer.status_code == 403
    assert "已收到" in words(await page(intake, investor, "/applications"))
    assert (
        await intake.pool.fetchval(
            "SELECT count(*) FROM application WHERE withdrawn_at > now() - interval '99 years'"
        )
        == 0
    )


async def test_it_says_who_has_it_what_is_next_and_until_when(
    intake: Intake, investor: Browser
) -> None:
    number = await under_way(intake)
    html = await page(intake, investor, f"/applications/{number}")
    said = words(html)
    assert "2 个部门正在同时办理" in said
    for department in ("fire-rescue", "city-appearance"):
        name = next(
            part.department_name.zh
            for step in intake.plan.steps
            for part in step.parts
            if part.department == department
        )
        assert name in said
    assert "2026年3月5日" in said
    assert "2026年3月16日" in said
    assert 'hx-sse:connect="/applications/' in html
    assert html.count("<h1>") == 1
    assert "departments are working on it at the same time" in words(
        await page(intake, investor, f"/applications/{number}", language="en")
    )


async def test_a_late_department_is_named(intake: Intake, investor: Browser) -> None:
    number = await under_way(intake)
    late = DeadlineSignal(
        task=f"{number}/{FIRE}/fire-rescue/1",
        signal=Signal.PROMISE_PASSED,
        at=datetime(2026, 3, 5, 9, 0, 1, tzinfo=UTC),
    )
    assert "超过承诺日期" not in words(await page(intake, investor, f"/applications/{number}"))
    await intake.told(told(number, signals=(late,)))
    said = words(await page(intake, investor, f"/applications/{number}"))
    assert "超过承诺日期，仍在办理" in said
    assert "已记入电子监察" in said


async def test_what_waits_for_the_investor_stands_on_top(intake: Intake, investor: Browser) -> None:
    number = await under_way(intake)
    assert "/notice" not in await page(intake, investor, "/applications")
    notice = RectificationAsked(
        step=JOINT, round=1, items=(FIRE,), reasons=(EVIL,), until=DECIDED + 7 * DAY
    )
    step = StepProgress(step=JOINT, state=StepState.RECTIFYING)
    await intake.told(
        told(number, status=ApplicationStatus.RECTIFYING, steps=(step,), rectification=notice)
    )
    for path in ("/applications", f"/applications/{number}"):
        html = await page(intake, investor, path)
        assert "等您办理" in words(html)
        assert f'href="/applications/{number}/notice"' in html
    assert "等待的日子不计入时限" in words(html)
    assert EVIL not in html


async def test_every_day_of_the_promise_is_explained(intake: Intake, investor: Browser) -> None:
    number = await under_way(intake)
    said = words(await page(intake, investor, f"/applications/{number}/explain"))
    promised = intake.plan.promised_on
    assert f"数到 {promised.year}年{promised.month}月{promised.day}日" in said
    assert "周六" in said
    assert "以承诺日期为准" not in said
    of_task = f"/applications/{number}/explain?task={number}/{FIRE}/fire-rescue/1&limit=statutory"
    assert "法定期限" in words(await page(intake, investor, of_task))
    await page(intake, investor, f"/applications/{number}/explain?task=nothing", 404)


async def test_a_pause_moves_the_promise_and_its_days_are_named(
    intake: Intake, investor: Browser
) -> None:
    number = await under_way(intake)
    calendar = intake.parts.shelf.calendar
    notice = ClockNotice(
        task=f"{number}/{FIRE}/fire-rescue/1",
        why=DateChange.PAUSED,
        notice="消检告〔2026〕1号",
        article="行政许可法 45",
        reason=f"须现场检验 {EVIL}",
        kind=PauseKind.INSPECTION,
        until=date(2026, 3, 4),
        at=NOW,
    )
    moved = calendar.add_working_days(intake.plan.promised_on, 2)
    at = calendar.close_of(moved)
    await intake.told(told(number, promised_at=at, clocks=(notice,)))
    html = await page(intake, investor, f"/applications/{number}/explain")
    said = words(html)
    assert "检验期间，依书面通知消检告〔2026〕1号不计" in said
    assert "以承诺日期为准" not in said
    assert EVIL not in html
    assert "&lt;script&gt;" in html
    assert "依法停止计时" in words(await page(intake, investor, f"/applications/{number}"))
    # It was ended a day sooner than told: the day that is left out makes the date.
    sooner = calendar.add_working_days(intake.plan.promised_on, 1)
    await intake.told(told(number, promised_at=calendar.close_of(sooner)))
    said = words(await page(intake, investor, f"/applications/{number}/explain"))
    assert f"数到 {sooner.year}年{sooner.month}月{sooner.day}日" in said
    assert "以承诺日期为准" not in said
    # So it is when it is told; the notice keeps the day that it named, on every page.
    over = ClockResumed(task=notice.task, notice=notice.notice, until=date(2026, 3, 3), at=NOW)
    await intake.told(told(number, resumed=(over,)))
    said = words(await page(intake, investor, f"/applications/{number}/explain"))
    assert "到 2026年3月4日 为止不计；已提前结束，最后一天改为 2026年3月3日" in said
    assert "以承诺日期为准" not in said
    said = words(await page(intake, investor, f"/applications/{number}"))
    assert "停止计时，到 2026年3月4日" in said
    assert "消防救援大队停止的计时提前结束，不计入时限的最后一天改为 2026年3月3日" in said
    said = words(await page(intake, investor, f"/applications/{number}/papers"))
    assert "最后一天 2026年3月4日" in said
    assert "；已提前结束，最后一天改为 2026年3月3日" in said
    # What cannot be explained is not explained away.
    later = calendar.close_of(calendar.add_working_days(moved, 30))
    await intake.told(told(number, promised_at=later))
    assert "以承诺日期为准" in words(
        await page(intake, investor, f"/applications/{number}/explain")
    )


async def test_a_refusal_says_why_and_what_to_do_as_it_was_written(
    intake: Intake, investor: Browser
) -> None:
    refused = result(
        outcome=Outcome.REFUSED, number=None, reasons=(EVIL,), remedies=("六十日内可申请行政复议",)
    )
    number = await concluded(intake, refused, result("SIGNBOARD", "city-appearance"))
    html = await page(intake, investor, f"/applications/{number}/results")
    assert EVIL not in html
    assert "&lt;script&gt;" in html
    said = words(html)
    for text in ("不予许可", "为什么不予许可", "六十日内可申请行政复议", "SIGNBOARD-1"):
        assert text in said
    standing = words(await page(intake, investor, f"/applications/{number}"))
    assert "准予 1 项，不予 1 项" in standing
    assert "撤回这个申请" not in standing


async def test_a_department_is_rated_once_and_its_answer_is_read(
    intake: Intake, investor: Browser
) -> None:
    number = await concluded(intake, result(), result("SIGNBOARD", "city-appearance"))
    path = f"/applications/{number}/ratings"
    typed = {"department": "fire-rescue", "comment": f"跑了三次 {EVIL}"}
    answer = await intake.client.post(
        path, data=investor.form("1" * 32, **typed), headers=investor.headers
    )
    assert answer.status_code == 422
    assert "请选择一个评价等级" in answer.text
    assert "跑了三次 &lt;script" in answer.text
    sent = investor.form("2" * 32, **typed, grade="very_dissatisfied")
    for _ in range(2):  # a second press of the button is the same rating
        answer = await intake.client.post(path, data=sent, headers=investor.headers)
        assert answer.status_code == 303, answer.text
    again = investor.form("3" * 32, **typed, grade="satisfied")
    answer = await intake.client.post(path, data=again, headers=investor.headers)
    assert answer.status_code == 409
    assert "已评价过该部门" in answer.text
    due = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
    for state, text in ((FollowUpState.OPEN, None), (FollowUpState.ANSWERED, f"今后改正 {EVIL}")):
        await intake.told(
            FollowUpTold(
                application=number,
                department="fire-rescue",
                state=state,
                due_at=due,
                answer=text,
                told_at=DECIDED,
            )
        )
    html = await page(intake, investor, f"/applications/{number}/results")
    assert "非常不满意" in words(html)
    assert "今后改正" in words(html)
    assert EVIL not in html


async def test_a_withdrawal_is_confirmed_on_a_page_that_says_what_it_means(
    intake: Intake, investor: Browser
) -> None:
    number = await under_way(intake)
    path = f"/applications/{number}/withdrawal"
    said = words(await page(intake, investor, path))
    assert "撤回不能取消" in said
    assert "这些部门停止办理" in said
    answer = await intake.client.post(path, data=investor.form(), headers=investor.headers)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/applications/{number}")
    assert "正在停止办理" in words(await page(intake, investor, f"/applications/{number}"))
    again = investor.form("1" * 32)
    answer = await intake.client.post(path, data=again, headers=investor.headers)
    assert answer.status_code == 409
    assert "该申请已撤回" in answer.text


async def test_documents_come_one_by_one_or_together(
    intake: Intake, investor: Browser, tmp_path: Path
) -> None:
    from dataclasses import replace

    key, certificate = ensure_test_seal(tmp_path / "seal")
    press = Press.open(
        SealSettings(key_file=key, certificate_file=certificate), "https://centre.example"
    )
    intake.app.state.parts = replace(intake.parts, press=press)
    number = await concluded(intake, result())
    html = await page(intake, investor, f"/applications/{number}/results")
    links = re.findall(rf'href="(/applications/{number}/documents/[^"]+)"', html)
    assert len(links) == 3  # the receipt, the acceptance, the grant
    got = {path: await _get(intake, investor, path) for path in links}
    assert all(answer.content.startswith(b"%PDF") for answer in got.values())
    bundle = await _get(intake, investor, f"/applications/{number}/bundle")
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        assert archive.testzip() is None
        inside = {archive.read(name) for name in archive.namelist() if name.endswith(".pdf")}
    assert inside == {answer.content for answer in got.values()}


async def _get(intake: Intake, who: Browser, path: str) -> httpx2.Response:
    answer = await intake.client.get(path, headers=who.headers)
    assert answer.status_code == 200, path
    return answer


async def test_the_list_goes_on_to_older_ones(intake: Intake, investor: Browser) -> None:
    assert "您还没有提交过申请" in await page(intake, investor, "/applications")
    numbers = []
    for place in range(11):
        numbers.append(
            await intake.accepted(project={"name": f"第{place}店", "address": "路 8 号"})
        )
        intake.clock.advance(timedelta(minutes=1))
    first = await page(intake, investor, "/applications")
    assert numbers[0] not in first
    assert first.index(numbers[10]) < first.index(numbers[9])
    [more] = re.findall(r'href="(/applications\?after=[^"]+)"', first)
    assert numbers[0] in await page(intake, investor, more)


async def test_that_nothing_is_needed_can_be_had_in_writing(
    intake: Intake, investor: Browser
) -> None:
    small = "area_m2=50&seats=10&premises=mall&fits_out=false"
    path = f"/inquiries/new/restaurant?{small}"
    html = await page(intake, investor, path)
    assert f'value="{FIRE}"' in html
    assert 'value="BUSINESS-LICENCE"' not in html  # that one is to be applied for
    answer = await intake.client.post(path, data=investor.form(), headers=investor.headers)
    assert answer.status_code == 422
    for text in ("请至少选择一个事项", "请填写项目名称", "请填写申请人名称"):
        assert text in answer.text
    typed = {"project": f"小饭店 {EVIL}", "name": "欧阳若兰", "kind": "person", "item": FIRE}
    answer = await intake.client.post(
        path, data=investor.form("1" * 32, **typed), headers=investor.headers
    )
    assert answer.status_code == 303, answer.text
    there = answer.headers["location"]
    said = words(await page(intake, investor, there))
    assert "依法不需要许可" in said
    assert "行政许可法 32(1)" in said
    await page(intake, browser(intake.app, STRANGER), there, 404)
    needed = investor.form("2" * 32, **(typed | {"item": "BUSINESS-LICENCE"}))
    answer = await intake.client.post(path, data=needed, headers=investor.headers)
    assert answer.status_code == 409
    assert "小饭店 &lt;script" in answer.text
    forged = typed | {"csrf": "made-up", "once": "3" * 32}
    answer = await intake.client.post(path, data=forged, headers=investor.headers)
    assert answer.status_code == 403
    started = await intake.client.get("/inquiries/new/restaurant", headers=investor.headers)
    assert started.headers["location"].startswith("/needs/restaurant")
