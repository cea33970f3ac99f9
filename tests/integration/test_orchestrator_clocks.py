"""Pauses, extensions and calendar notices, from the message to the row, the queue, the investor."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio
from msgspec.structs import replace

from services.contracts.clocks import Days
from services.contracts.events import Event, TaskExtended, TaskPaused, TaskPauseEnded
from services.contracts.topics import tasks_topic
from services.contracts.vocabulary import Approver, PauseKind, Role, Service, Unit
from services.domain.calendar import WorkingCalendar
from services.domain.case import ClockReached
from services.orchestrator import clock_store
from services.orchestrator.deliver import core_event
from services.orchestrator.reprojection import TYPE, Calendars
from services.orchestrator.reprojection import core_event as projected
from services.runtime.embedded.temporal import Temporal
from tests.integration.conftest import OpenPool
from tests.integration.orchestrator_kit import (
    CITY,
    DAY,
    DRAINS,
    HOUR,
    INVESTOR,
    LICENCE,
    MARKET,
    OPERATOR,
    START,
    SUPERVISOR,
    WHO,
    Api,
    Engine,
    Kit,
    Story,
    engine,
    problem_of,
    serving,
    shelf,
    task,
)

TUESDAY = START + DAY
NOTICE = "市容检告〔2026〕1号"
UNTIL = date(2026, 3, 6)
ABOUT: dict[str, Any] = {"department": CITY, "actor_ref": WHO, "actor_role": Role.OFFICER}


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    return Kit(pool=await open_service_pool(Service.ORCHESTRATOR))


@pytest_asyncio.fixture
async def running(kit: Kit, temporal: Temporal) -> Engine:
    return await engine(kit, temporal.address)


@pytest_asyncio.fixture
async def api(kit: Kit, running: Engine) -> AsyncIterator[Api]:
    async with serving(kit, running) as found:
        yield found


async def deadline(
    api: Api, story: Story, item: str, department: str, kind: str = "promised"
) -> dict[str, Any]:
    path = f"/applications/{number_of(story)}/deadlines/{item}/{department}/1"
    answer = await api.get(path, kind=kind)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def number_of(story: Story) -> str:
    return story.case.route.application


def paused(application: str, **changes: Any) -> TaskPaused:
    given: dict[str, Any] = {
        "application": application,
        "task": task(application, DRAINS),
        "pause": 1,
        "kind": PauseKind.INSPECTION,
        "until": UNTIL,
        "cap": Days(value=5),
        "notice": NOTICE,
        "article": "行政许可法 45",
        "reason": "须现场检验排水能力",
        "paused_at": TUESDAY,
    }
    return TaskPaused(**(ABOUT | given | changes))


def extended(application: str, **changes: Any) -> TaskExtended:
    given: dict[str, Any] = {
        "application": application,
        "task": task(application, DRAINS),
        "extension": 1,
        "days": Days(value=10, unit=Unit.WORKING_DAY),
        "approver": Approver.DEPARTMENT_HEAD,
        "approval": "市容延〔2026〕2号",
        "article": "行政许可法 42(1)",
        "reason": "情况复杂",
        "extended_at": TUESDAY + HOUR,
    }
    return TaskExtended(**(ABOUT | given | changes))


async def underway(kit: Kit) -> Story:
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    return story


async def hear(kit: Kit, story: Story, *events: Event) -> None:
    """Let departments speak, and the workflow's core draw what follows."""
    kit.clock.move_to(max(kit.clock.now(), TUESDAY + 2 * HOUR))
    taken = await kit.take(*events)
    assert taken.applied == len(events)
    rows = await kit.rows(
        "SELECT event_id, type, payload FROM inbox ORDER BY arrival DESC LIMIT $1", len(events)
    )
    await kit.writer.carry_out(story.next(*(core_event(row) for row in reversed(rows))))


async def test_a_pause_moves_dates_everywhere_and_is_told(kit: Kit) -> None:
    story = await underway(kit)
    number, name = number_of(story), task(number_of(story), DRAINS)
    before = await kit.one("SELECT promised_at FROM application WHERE number = $1", number)
    await hear(kit, story, paused(number))
    row = await kit.one("SELECT promised_on, statutory_on, ledger FROM task WHERE task = $1", name)
    # 3 to 6 March are four working days
    assert (row["promised_on"], row["statutory_on"]) == (date(2026, 3, 13), date(2026, 4, 3))
    ledger = orjson.loads(row["ledger"])
    assert [(one["from_on"], one["until_on"], one["notice"]) for one in ledger["pauses"]] == [
        ("2026-03-03", "2026-03-06", NOTICE)
    ]
    said = await kit.said(number)
    [moved] = [one for one in said if one["type"] == "task.redated"]
    assert moved["topic"] == tasks_topic(CITY)
    assert (moved["data"]["due"]["promised_on"], moved["data"]["why"]) == ("2026-03-13", "paused")
    progress = said[-1]["data"]
    assert [one["due"]["promised_on"] for one in progress["tasks"]] == ["2026-03-13"]
    [told] = progress["clocks"]
    assert not progress["resumed"]
    assert (told["notice"], told["reason"], told["until"], told["kind"]) == (
        NOTICE,
        "须现场检验排水能力",
        "2026-03-06",
        "inspection",
    )
    after = await kit.one("SELECT promised_at FROM application WHERE number = $1", number)
    assert after["promised_at"] > before["promised_at"]
    moves = await kit.rows(
        "SELECT limit_kind, task, why, coalesce(promised_before < promised_after,"
        " limit_before < limit_after) AS later FROM date_change"
    )
    assert {tuple(move) for move in moves} == {
        (None, name, "paused", True),
        (None, None, "paused", True),
        ("joint", None, "paused", True),
    }


async def test_an_end_on_the_day_of_the_notice_is_no_sooner(kit: Kit) -> None:
    story = await underway(kit)
    number = number_of(story)
    told = {"application": number, "task": task(number, DRAINS), "pause": 1}
    end = TaskPauseEnded(**ABOUT, **told, ended_at=TUESDAY + HOUR)
    await hear(kit, story, paused(number, until=date(2026, 3, 3)), end)
    assert not (await kit.progressed(number))[-1]["resumed"]


async def test_an_end_and_an_extension_follow(kit: Kit) -> None:
    story = await underway(kit)
    number = number_of(story)
    name = task(number, DRAINS)
    end = TaskPauseEnded(**ABOUT, application=number, task=name, pause=1, ended_at=TUESDAY + HOUR)
    await hear(kit, story, paused(number), end, extended(number))
    row = await kit.one("SELECT promised_on, statutory_on FROM task WHERE task = $1", name)
    # one day is left out, ten are added
    assert (row["promised_on"], row["statutory_on"]) == (date(2026, 3, 10), date(2026, 4, 15))
    progress = (await kit.progressed(number))[-1]
    told = progress["clocks"]
    [over] = progress["resumed"]
    assert (over["task"], over["notice"], over["until"]) == (name, NOTICE, "2026-03-03")
    assert [(one["why"], one["notice"]) for one in told] == [
        ("paused", NOTICE),
        ("extended", "市容延〔2026〕2号"),
    ]
    assert told[1]["days"] == {"value": 10, "unit": "working_day"}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda n: paused(n, kind=PauseKind.HEARING),
        lambda n: paused(n, cap=None),
        lambda n: paused(n, cap=Days(value=6)),
        lambda n: extended(n, days=Days(value=11)),
        lambda n: extended(n, approver=Approver.GOVERNMENT_HEAD),
        lambda n: extended(n, extension=2),
        lambda n: extended(n, days=Days(value=10, unit=Unit.CALENDAR_DAY)),
    ],
    ids=["kind", "no cap", "long cap", "long", "approver", "twice", "unit"],
)
async def test_what_the_catalogue_does_not_list_is_refused(kit: Kit, wrong: Any) -> None:
    story = await underway(kit)
    kit.clock.move_to(TUESDAY + 2 * HOUR)
    taken = await kit.take(wrong(number_of(story)))
    assert taken.applied == 0
    assert await kit.value("SELECT error_class FROM dead_letter") == "UnlawfulClockError"


async def test_no_reason_and_no_person_enters_the_core(kit: Kit) -> None:
    story = await underway(kit)
    await hear(kit, story, paused(number_of(story)), extended(number_of(story)))
    events = await kit.value("SELECT events::text FROM journal ORDER BY turn DESC LIMIT 1")
    assert NOTICE in events
    assert "须现场检验" not in events
    assert WHO not in events


async def test_an_explanation_ends_on_the_dates_that_stand(kit: Kit, api: Api) -> None:
    story = await underway(kit)
    await hear(kit, story, paused(number_of(story)), extended(number_of(story)))
    for kind, column in (("promised", "promised_on"), ("statutory", "statutory_on")):
        for item, department in ((DRAINS, CITY), (LICENCE, MARKET)):
            found = await deadline(api, story, item, department, kind=kind)
            name = task(number_of(story), item)
            stored = await kit.value(f"SELECT {column} FROM task WHERE task = $1", name)
            assert found["due_on"] == stored.isoformat(), (item, kind)
    found = await deadline(api, story, DRAINS, CITY, kind="statutory")
    lines = {one["day"]: one for one in found["lines"]}
    assert lines["2026-03-04"]["counted"] is False
    assert NOTICE in lines["2026-03-04"]["reason_zh"]
    assert lines["2026-03-04"]["article"] == "行政许可法 45"
    assert [one["article"] for one in found["lines"] if one["counted"]][-10:] == [
        "行政许可法 42(1)"
    ] * 10


# Calendar notices


def notice(*off: date) -> WorkingCalendar:
    """The county's calendar with more days off, under a name of its own."""
    calendar = shelf().calendar
    years = tuple(
        replace(year, off=year.off | {day: "台风" for day in off if day.year == year.year})
        for year in calendar.years
    )
    return replace(calendar, version="with-a-notice", years=years)


async def test_a_notice_reaches_every_running_application_once(
    kit: Kit,
    running: Engine,
) -> None:
    first, second = await underway(kit), await underway(kit)
    calendar = notice(date(2026, 3, 5))

    class Newer:
        def __init__(self) -> None:
            self.calendar = calendar

        def __getattr__(self, name: str) -> Any:
            return getattr(shelf(), name)

    async with serving(kit, running) as api:
        api.client._transport.app.state.shelf = Newer()  # type: ignore[attr-defined]  # an ASGI app
        body = {"reason": "台风停工通知"}
        refused = await api.post("/calendar/reprojections", SUPERVISOR, body)
        assert refused.status_code == 403
        answer = await api.post("/calendar/reprojections", OPERATOR, body, key="notice-2026")
        assert answer.status_code == 202, answer.text
        assert answer.json()["applications"] == 2
        again = await api.post("/calendar/reprojections", OPERATOR, body, key="notice-2026")
        assert again.json() == answer.json()
        calendars = Calendars(kit.pool, lambda: shelf().calendar)
        for story in (first, second):
            row = await kit.one(
                "SELECT event_id, payload FROM inbox WHERE type = $1 AND application = $2",
                TYPE,
                number_of(story),
            )
            event = await projected(row, calendars)
            assert event.calendar == calendar
            await kit.writer.carry_out(story.next(event))
        number = number_of(first)
        head = await kit.one("SELECT calendar_version FROM application WHERE number = $1", number)
        assert head["calendar_version"] == "with-a-notice"
        changes = (await api.get(f"/applications/{number}/date-changes", SUPERVISOR)).json()
        moved = [(one["task"], one["why"]) for one in changes["items"]]
        assert (task(number, DRAINS), "calendar") in moved
        assert (None, "calendar") in moved
        found = await deadline(api, first, DRAINS, CITY)
        assert found["calendar_version"] == "with-a-notice"
        assert found["due_on"] == "2026-03-10"
        third = await api.post("/calendar/reprojections", OPERATOR, body, key="notice-again")
        assert third.json()["applications"] == 0
        acts = (await api.get(f"/applications/{number}", OPERATOR)).json()["acts"]
        assert [(one["act"], one["reason"]) for one in acts] == [("reproject", "台风停工通知")]


async def test_the_changes_of_dates_come_page_by_page(kit: Kit, api: Api) -> None:
    story = await underway(kit)
    await hear(kit, story, paused(number_of(story)), extended(number_of(story)))
    path, found, after = f"/applications/{number_of(story)}/date-changes", [], None
    while True:
        query = {"limit": 1} | ({"after": after} if after else {})
        answer = (await api.get(path, **query)).json()
        found += [(one["limit_kind"], one["task"], one["why"]) for one in answer["items"]]
        after = answer.get("next")
        if after is None:
            break
    name = task(number_of(story), DRAINS)
    assert found == [
        (None, name, "paused"),
        (None, None, "paused"),
        ("joint", None, "paused"),
        (None, name, "extended"),
    ]
    assert (await api.get(path, INVESTOR)).status_code == 403
    assert (
        problem_of(await api.get("/applications/QX20260302-999999-0/date-changes")) == "not-found"
    )


async def test_an_explanation_stays_with_the_calendar_of_its_application(
    kit: Kit,
    running: Engine,
) -> None:
    """A newer calendar on the shelf changes nothing that has not been projected onto it."""
    story = await underway(kit)
    async with kit.pool.acquire() as conn:
        await clock_store.keep_calendar(conn, shelf().calendar)

    class Newer:
        calendar = notice(date(2026, 3, 5))

    async with serving(kit, running) as api:
        api.client._transport.app.state.shelf = Newer()  # type: ignore[attr-defined]  # an ASGI app
        found = await deadline(api, story, DRAINS, CITY)
        assert found["calendar_version"] == shelf().calendar.version
        assert found["due_on"] == "2026-03-09"


async def test_what_was_late_by_mistake_is_so_no_more(kit: Kit) -> None:
    """A pause whose message comes after the timer: signals are lifted, and may speak again."""
    story = await underway(kit)
    number = number_of(story)
    passed = story.case.promised_at + timedelta(seconds=1)
    await kit.writer.carry_out(story.next(ClockReached(at=passed)))
    assert await kit.value("SELECT late FROM application WHERE number = $1", number)
    kit.clock.move_to(passed)
    await hear(kit, story, paused(number))
    assert not await kit.value("SELECT late FROM application WHERE number = $1", number)
    lifted = await kit.rows("SELECT task, signal FROM deadline_signal WHERE lifted_at IS NOT NULL")
    assert (None, "promise_passed") in {tuple(row) for row in lifted}
    again = story.case.promised_at + timedelta(seconds=1)
    await kit.writer.carry_out(story.next(ClockReached(at=again)))
    row = await kit.one("SELECT at, lifted_at FROM deadline_signal WHERE task IS NULL")
    assert (row["at"], row["lifted_at"]) == (story.case.promised_at, None)
    assert await kit.value("SELECT late FROM application WHERE number = $1", number)
