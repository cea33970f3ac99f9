"""What the applicant is told of clocks: notices of pauses and extensions, and moved dates."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest_asyncio

from services.contracts.clocks import ClockResumed, Days
from services.contracts.events import ApplicationProgressed, ClockNotice
from services.contracts.limits import CaseExtended, JointLimitTold
from services.contracts.vocabulary import ApplicationStatus, Approver, DateChange, PauseKind
from tests.conftest import Databases
from tests.integration.intake_kit import (
    INVESTOR,
    NOW,
    STRANGER,
    SUPERVISOR,
    Intake,
    prepare,
    problem,
    running,
)

NOTICE = "市容检告〔2026〕1号"


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path) as found,
    ):
        yield found


def paused(number: str) -> ClockNotice:
    return ClockNotice(
        task=f"{number}/FIT-OUT-DRAINS/city-appearance/1",
        why=DateChange.PAUSED,
        notice=NOTICE,
        article="行政许可法 45",
        reason="须现场检验排水能力",
        kind=PauseKind.INSPECTION,
        until=date(2026, 3, 6),
        at=NOW,
    )


def extended(number: str) -> ClockNotice:
    return ClockNotice(
        task=f"{number}/FIT-OUT-DRAINS/city-appearance/1",
        why=DateChange.EXTENDED,
        notice="市容延〔2026〕2号",
        article="行政许可法 42(1)",
        reason="情况复杂",
        days=Days(value=10),
        approver=Approver.DEPARTMENT_HEAD,
        at=NOW,
    )


def progressed(number: str, **told: Any) -> ApplicationProgressed:
    return ApplicationProgressed(
        application=number, status=ApplicationStatus.IN_PROGRESS, at=NOW, **told
    )


async def test_the_applicant_is_told_why_a_clock_stops_and_a_limit_is_longer(
    intake: Intake,
) -> None:
    number = await intake.accepted()
    path = f"/v1/applications/{number}/clocks"
    assert (await intake.get(path)).json() == {"items": []}
    await intake.told(progressed(number, clocks=(paused(number), extended(number))))
    shown = (await intake.get(path)).json()["items"]
    by_why = {one["why"]: one for one in shown}
    assert by_why["paused"]["notice"] == NOTICE
    assert (by_why["paused"]["kind"], by_why["paused"]["until"]) == ("inspection", "2026-03-06")
    assert by_why["paused"]["reason"] == "须现场检验排水能力"
    assert (by_why["extended"]["days"], by_why["extended"]["unit"]) == (10, "working_day")
    assert by_why["extended"]["approver"] == "department_head"


async def test_a_pause_that_ended_sooner_ends_sooner_and_only_it(intake: Intake) -> None:
    number = await intake.accepted()
    first, second = (
        paused(number),
        paused(number).model_copy(update={"notice": "市容检告〔2026〕9号"}),
    )
    await intake.told(progressed(number, clocks=(first, second)))
    for day in (date(2026, 3, 4), date(2026, 3, 5)):  # what is told later never makes it longer
        over = ClockResumed(task=first.task, notice=NOTICE, until=day, at=NOW)
        assert not (await intake.told(progressed(number, resumed=(over,)))).dead
    shown = (await intake.get(f"/v1/applications/{number}/clocks")).json()["items"]
    assert {one["notice"]: (one["until"], one["ended_on"]) for one in shown} == {
        NOTICE: ("2026-03-06", "2026-03-04"),
        second.notice: ("2026-03-06", None),
    }


async def test_a_pause_may_begin_and_end_in_one_message(intake: Intake) -> None:
    number = await intake.accepted()
    first = paused(number)
    over = ClockResumed(task=first.task, notice=NOTICE, until=date(2026, 3, 3), at=NOW)
    await intake.told(progressed(number, clocks=(first,), resumed=(over,)))
    [shown] = (await intake.get(f"/v1/applications/{number}/clocks")).json()["items"]
    assert (shown["until"], shown["ended_on"]) == ("2026-03-06", "2026-03-03")
    assert shown["ended_at"] == NOW.isoformat().replace("+00:00", "Z")


async def test_only_the_applicant_is(intake: Intake) -> None:
    number = await intake.accepted()
    path = f"/v1/applications/{number}/clocks"
    problem(await intake.get(path, STRANGER), 404, "not-found")
    assert (await intake.get(path, SUPERVISOR)).status_code == 403
    assert (await intake.get(path, INVESTOR)).status_code == 200


async def test_a_provisional_promise_becomes_final(intake: Intake) -> None:
    number = await intake.accepted()
    until = datetime(2027, 3, 1, 9, tzinfo=UTC)
    for told, expected in (
        ([progressed(number, promised_at=until, provisional=True)], True),
        ([progressed(number, settled=True)], False),
        ([progressed(number, settled=True), progressed(number, provisional=True)], True),
        ([progressed(number, provisional=True), progressed(number, settled=True)], False),
    ):
        await intake.told(*told)
        shown = (await intake.get(f"/v1/applications/{number}/progress")).json()
        assert shown["provisional"] is expected


async def test_the_applicant_is_told_why_the_joint_case_takes_longer(intake: Intake) -> None:
    number = await intake.accepted()
    told = CaseExtended(
        days=Days(value=15),
        approver=Approver.GOVERNMENT_HEAD,
        approval="县府延〔2026〕1号",
        article="行政许可法 42(2)",
        reason="涉及多部门论证",
        due_at=NOW,
        at=NOW,
    )
    await intake.told(progressed(number, extended=told))
    [shown] = (await intake.get(f"/v1/applications/{number}/clocks")).json()["items"]
    assert (shown["task"], shown["why"], shown["approver"]) == (None, "extended", "government_head")
    assert (shown["notice"], shown["reason"], shown["days"]) == (
        "县府延〔2026〕1号",
        "涉及多部门论证",
        15,
    )


async def test_the_limit_of_the_joint_case_is_shown_as_it_was_told_last(intake: Intake) -> None:
    number, alone = await intake.accepted(), await intake.accepted()
    told = {"start_on": date(2026, 3, 2), "days": Days(value=45), "article": "行政许可法 42(2)"}
    for day in (date(2026, 5, 7), date(2026, 5, 28)):
        due_at = datetime(2026, 5, day.day, 9, tzinfo=UTC)
        joint = JointLimitTold(**told, due_on=day, due_at=due_at, provisional=False)
        await intake.told(progressed(number, joint=joint))
    await intake.told(progressed(number))
    shown = (await intake.get(f"/v1/applications/{number}/progress")).json()["joint_limit"]
    assert (shown["start_on"], shown["due_on"], shown["days"]) == ("2026-03-02", "2026-05-28", 45)
    assert (shown["unit"], shown["article"]) == ("working_day", "行政许可法 42(2)")
    other = (await intake.get(f"/v1/applications/{alone}/progress")).json()
    assert other["joint_limit"] is None
