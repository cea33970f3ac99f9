"""The limits beside those of tasks, from the plan to the row, the explanation, the investor."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

import orjson
import pytest
import pytest_asyncio
from msgspec.structs import replace

from services.contracts.clocks import Days
from services.contracts.events import Event, TaskExtended, TaskPaused, TaskPauseEnded
from services.contracts.limits import TaskSentUp
from services.contracts.topics import decisions_topic
from services.contracts.vocabulary import (
    Approver,
    Authority,
    DepartmentSystem,
    PauseKind,
    Role,
    Service,
)
from services.domain.case import ClockReached, Reprojected
from services.domain.examination import Received
from services.domain.limit_events import JointExtended, SentUp
from services.orchestrator import joint_extending
from services.orchestrator.consumer import Intake
from services.orchestrator.deliver import core_event
from services.runtime.embedded.temporal import Temporal
from services.runtime.inbox import Inbox
from services.runtime.messages import Outgoing, Raw, encode, new_event_id
from tests.integration.conftest import OpenPool
from tests.integration.orchestrator_kit import (
    CITY,
    DAY,
    DRAINS,
    HOUR,
    JOINT,
    LICENCE,
    OPERATOR,
    SIGN,
    START,
    SUPERVISOR,
    WHO,
    Api,
    Engine,
    Kit,
    Story,
    bearer,
    engine,
    problem_of,
    serving,
    shelf,
    submitted,
    task,
)
from tests.integration.test_orchestrator_acceptance import ExaminedKit, application

HEAD = bearer("head-of-the-government", Role.GOVERNMENT_HEAD)
EXTENSION = {"days": 15, "approval": "县府延〔2026〕1号", "reason": "涉及多部门论证，情况复杂"}
TUESDAY = START + DAY


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


def number_of(story: Story) -> str:
    return story.case.route.application


async def underway(kit: Kit) -> Story:
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    return story


async def extended(kit: Kit, api: Api, story: Story) -> None:
    """Let the head of the government extend the joint case, and the core draw what follows."""
    number = number_of(story)
    answer = await api.post(f"/applications/{number}/joint-extensions", HEAD, EXTENSION)
    assert answer.status_code == 202, answer.text
    row = await kit.one("SELECT event_id, type, payload FROM inbox ORDER BY arrival DESC LIMIT 1")
    assert row["type"] == joint_extending.TYPE
    event = core_event(row)
    assert isinstance(event, JointExtended)
    await kit.writer.carry_out(story.next(event))


async def test_the_joint_case_has_a_limit_that_is_explained_day_by_day(kit: Kit, api: Api) -> None:
    story = await underway(kit)
    number = number_of(story)
    [found] = (await api.get(f"/applications/{number}/limits", SUPERVISOR)).json()["items"]
    assert (found["kind"], found["task"], found["days"]) == ("joint", None, 45)
    assert (found["start_on"], found["article"]) == ("2026-03-02", "行政许可法 42(2)")
    explained = (await api.get(f"/applications/{number}/limits/joint", SUPERVISOR)).json()
    assert explained["due_on"] == found["due_on"]
    [told] = [said["joint"] for said in await kit.progressed(number) if said.get("joint")]
    assert (told["due_on"], told["article"]) == (found["due_on"], found["article"])
    counted = [one["number"] for one in explained["lines"] if one["counted"]]
    assert counted == list(range(1, 46))
    assert problem_of(await api.get(f"/applications/{number}/limits/delivery")) == "not-found"
    assert problem_of(await api.get(f"/applications/{number[:-1]}x/limits")) == "not-found"


async def test_the_head_of_the_government_extends_it_and_the_applicant_is_told_why(
    kit: Kit, api: Api
) -> None:
    story = await underway(kit)
    number = number_of(story)
    path = f"/applications/{number}/joint-extensions"
    for other in (OPERATOR, SUPERVISOR, bearer("h", Role.DEPARTMENT_HEAD, department=CITY)):
        assert problem_of(await api.post(path, other, EXTENSION)) == "forbidden"
    long = await api.post(path, HEAD, EXTENSION | {"days": 16})
    assert (problem_of(long), long.json()["errors"][0]["pointer"]) == ("invalid", "#/days")
    before = story.case.limits["joint"].due_on
    await extended(kit, api, story)
    assert problem_of(await api.post(path, HEAD, EXTENSION)) == "conflict"
    row = await kit.one("SELECT due_on, ledger FROM case_limit WHERE application = $1", number)
    assert row["due_on"] == story.case.limits["joint"].due_on > before
    [lengthened] = orjson.loads(row["ledger"])["extensions"]
    assert lengthened["approver"] == "government_head"
    told = (await kit.progressed(number))[-1]["extended"]
    assert (told["reason"], told["approval"]) == (EXTENSION["reason"], EXTENSION["approval"])
    [move] = (await api.get(f"/applications/{number}/date-changes")).json()["items"]
    assert (move["limit_kind"], move["why"], move["promised_before"]) == ("joint", "extended", None)
    assert move["limit_before"] < move["limit_after"]
    leaf = await kit.value("SELECT body FROM audit_leaf WHERE act = 'joint.extended'")
    assert EXTENSION["reason"] not in leaf
    explained = (await api.get(f"/applications/{number}/limits/joint")).json()
    assert explained["due_on"] == row["due_on"].isoformat()
    articles = [one["article"] for one in explained["lines"] if one["counted"]]
    assert articles[-15:] == ["行政许可法 42(2)"] * 15


async def test_nobody_extends_his_own_case_nor_one_whose_limit_is_over(kit: Kit, api: Api) -> None:
    me = "ab" * 16
    story = await kit.story(submitted(applicant_refs=(me,)))
    number = number_of(story)
    path = f"/applications/{number}/joint-extensions"
    assert problem_of(await api.post(path, HEAD, EXTENSION)) == "no-joint-case"
    await kit.writer.carry_out(story.accepted())
    over = story.case.limits["joint"].due_at + timedelta(minutes=1)
    kit.clock.move_to(over)
    assert problem_of(await api.post(path, HEAD, EXTENSION)) == "joint-limit-passed"
    own = await kit.value("SELECT shared ->> 'applicant_refs' FROM application")
    async with kit.pool.acquire() as conn:
        ref = await _ref_of_head(api)
        await conn.execute(
            "UPDATE application SET shared = jsonb_set(shared, '{applicant_refs}', $1::jsonb)",
            orjson.dumps([*orjson.loads(own), ref]).decode(),
        )
    assert problem_of(await api.post(path, HEAD, EXTENSION)) == "own-application"


async def test_while_later_papers_are_awaited_the_limit_stands_and_may_be_extended(
    kit: Kit, api: Api
) -> None:
    story = await underway(kit)
    number = number_of(story)
    path = f"/applications/{number}/joint-extensions"
    await kit.pool.execute(
        "INSERT INTO papers_awaited (application, step, materials, since, told_at)"
        " VALUES ($1, $2, '{floor-plan}', $3, $4)",
        *(number, JOINT, START.date(), START),
    )
    kit.clock.move_to(story.case.limits["joint"].due_at + timedelta(minutes=1))
    # A step with a row of its own has begun or was cancelled: it awaits nothing any more.
    await kit.pool.execute(
        "INSERT INTO step (application, step, state, changed_at) VALUES ($1, $2, 'open', $3)",
        *(number, JOINT, START),
    )
    assert problem_of(await api.post(path, HEAD, EXTENSION)) == "joint-limit-passed"
    await kit.pool.execute("DELETE FROM step WHERE application = $1 AND step = $2", number, JOINT)
    answer = await api.post(path, HEAD, EXTENSION)
    assert answer.status_code == 202, answer.text


async def _ref_of_head(api: Api) -> str:
    """The keyed hash by which the head of the government is known."""
    authenticator = api.client._transport.app.state.authenticator  # type: ignore[attr-defined]  # an ASGI app
    who = await authenticator.principal(HEAD["authorization"].removeprefix("Bearer "))
    return str(who.ref)


async def test_a_limit_that_is_passed_is_a_fact_in_journal_and_signals(kit: Kit) -> None:
    story = await underway(kit)
    number = number_of(story)
    passed = story.case.limits["joint"].due_at + timedelta(seconds=1)
    await kit.writer.carry_out(story.next(ClockReached(at=passed)))
    rows = await kit.rows(
        "SELECT task, at FROM deadline_signal WHERE signal = 'joint_limit_passed'"
    )
    assert [tuple(row) for row in rows] == [(None, passed)]
    told = (await kit.progressed(number))[-1]["signals"]
    assert "joint_limit_passed" in {one["signal"] for one in told}
    commands = await kit.value("SELECT commands::text FROM journal ORDER BY turn DESC LIMIT 1")
    assert "joint_limit_passed" in commands


async def to_inspection(kit: Kit, story: Story) -> None:
    """Both permits are granted, and the joint inspection begins."""
    await kit.writer.carry_out(story.next(story.decide(LICENCE), story.decide(DRAINS)))


async def test_a_licence_that_waits_for_its_inspection_is_delivered_late(
    kit: Kit, api: Api
) -> None:
    story = await underway(kit)
    number = number_of(story)
    await to_inspection(kit, story)
    at = START + 2 * HOUR
    await kit.writer.carry_out(story.next(story.decide(SIGN, at=at)))
    [row] = await kit.rows("SELECT task, start_on, due_on FROM case_limit WHERE kind = 'delivery'")
    assert (row["task"], row["start_on"]) == (task(number, SIGN), date(2026, 3, 2))
    assert row["due_on"] == date(2026, 3, 16)
    query: dict[str, Any] = {"task": task(number, SIGN)}
    explained = (await api.get(f"/applications/{number}/limits/delivery", **query)).json()
    assert explained["due_on"] == "2026-03-16"
    over = story.case.limits[f"delivery/{SIGN}"].due_at + timedelta(seconds=1)
    await kit.writer.carry_out(story.next(ClockReached(at=over)))
    overdue = await kit.rows("SELECT task FROM deadline_signal WHERE signal = 'delivery_overdue'")
    assert [one["task"] for one in overdue] == [task(number, SIGN)]
    # what was released in the turn of its decision had a last day too, and is explained
    permits = await kit.rows("SELECT item, deliver_by FROM result ORDER BY item")
    assert {row["item"]: row["deliver_by"] for row in permits} == {
        DRAINS: date(2026, 3, 16),
        LICENCE: None,  # a registration: the law speaks of licences
    }
    query = {"task": task(number, DRAINS)}
    explained = (await api.get(f"/applications/{number}/limits/delivery", **query)).json()
    assert explained["due_on"] == "2026-03-16"


async def test_what_was_sent_up_ends_its_first_review(kit: Kit) -> None:
    """By the message of the department; the route has no such item, so the core notes it only."""
    story = await underway(kit)
    number = number_of(story)
    kit.clock.move_to(TUESDAY + HOUR)
    up = TaskSentUp(
        application=number,
        task=task(number, DRAINS),
        department=CITY,
        level=Authority.HIGHER_LEVEL,
        actor_ref=WHO,
        actor_role=Role.CHIEF_REPRESENTATIVE,
        sent_at=TUESDAY,
    )
    taken = await kit.inbox.take(kit.pool, [raw(kit, up, str(Service.DEPARTMENTS))])
    assert taken.applied == 1
    row = await kit.one("SELECT event_id, type, payload FROM inbox ORDER BY arrival DESC LIMIT 1")
    event = core_event(row)
    assert event == SentUp(at=TUESDAY, ref=str(row["event_id"]), task=task(number, DRAINS))
    await kit.writer.carry_out(story.next(event))
    commands = await kit.value("SELECT commands::text FROM journal ORDER BY turn DESC LIMIT 1")
    assert "no first review" in commands


async def test_a_notice_whose_limit_was_moved_is_told_and_on_record(
    open_service_pool: OpenPool,
) -> None:
    """A day off in the five working days (行政许可法 32): before, after and why are on record."""
    kit = ExaminedKit(pool=await open_service_pool(Service.ORCHESTRATOR))
    story = await kit.story(application())
    number = number_of(story)
    await kit.writer.carry_out(story.next(Received(at=START)))
    before = story.case.examination
    years = tuple(
        replace(year, off=year.off | {date(2026, 3, 4): "台风"}) if year.year == 2026 else year
        for year in shelf().calendar.years
    )
    newer = replace(shelf().calendar, version="with-a-notice", years=years)
    ref = str(new_event_id())
    event = Reprojected(at=START + HOUR, ref=ref, calendar=newer)
    await kit.writer.carry_out(story.next(event))
    after = story.case.examination
    assert before is not None
    assert after is not None
    [move] = await kit.rows("SELECT * FROM date_change WHERE limit_kind = 'acceptance'")
    assert (move["limit_before"], move["limit_after"]) == (before.notice_until, after.notice_until)
    assert (move["why"], str(move["ref"]), move["task"]) == ("calendar", ref, None)
    told = (await kit.progressed(number))[-1]["acceptance"]
    assert datetime.fromisoformat(told["until"]) == after.notice_until > before.notice_until
    untils = {row["until"] for row in await kit.rows("SELECT until FROM examination")}
    assert untils == {after.answer_by}
    said = [one["data"] for one in await kit.said(number) if one["type"] == "examination.redated"]
    assert {one["department"] for one in said} == set(after.examiners)
    assert {datetime.fromisoformat(one["until"]) for one in said} == untils
    assert {one["why"] for one in said} == {"calendar"}


# Departments with software of their own


class OwnCounty:
    """The county, in which the city's appearance has software of its own."""

    systems: ClassVar = {**shelf().systems, CITY: DepartmentSystem.OWN}

    def __getattr__(self, name: str) -> Any:
        return getattr(shelf(), name)


def raw(kit: Kit, event: Any, source: str, *, told_at: Any = None) -> Raw:
    outgoing = Outgoing(
        topic=decisions_topic(event.department),
        application=event.application,
        event=event,
        at=told_at or kit.clock.now(),
        consumers=(),
    )
    place = kit._seqs.setdefault((event.application, outgoing.topic, source), iter(range(1, 99)))
    value = encode(outgoing, source=source, event_id=new_event_id(), seq=next(place))
    return Raw(topic=outgoing.topic, value=value, key=event.application.encode())


async def say(kit: Kit, *events: Event, told_at: Any = None) -> str | None:
    """Let own software say something; return why it was refused."""
    inbox = Inbox(handler=Intake(OwnCounty(), kit.clock), deferred=True, attempts=1)  # type: ignore[arg-type]  # the shelf, with one department more
    records = [raw(kit, event, f"department/{CITY}", told_at=told_at) for event in events]
    taken = await inbox.take(kit.pool, records)
    if taken.dead == 0:
        return None
    found = await kit.value("SELECT error_class FROM dead_letter ORDER BY id DESC LIMIT 1")
    return str(found)


def paused(name: str, number: int, at: Any, cap: int) -> TaskPaused:
    return TaskPaused(
        application=name.split("/", maxsplit=1)[0],
        task=name,
        department=CITY,
        actor_ref=WHO,
        actor_role=Role.OFFICER,
        pause=number,
        kind=PauseKind.INSPECTION,
        until=(at + timedelta(days=20)).date(),
        cap=Days(value=cap),
        notice=f"市容检告〔2026〕{number}号",
        article="行政许可法 45",
        reason="须现场检验",
        paused_at=at,
    )


def lengthened(name: str, at: Any) -> TaskExtended:
    return TaskExtended(
        application=name.split("/", maxsplit=1)[0],
        task=name,
        department=CITY,
        actor_ref=WHO,
        actor_role=Role.CHIEF_REPRESENTATIVE,
        extension=1,
        days=Days(value=10),
        approver=Approver.DEPARTMENT_HEAD,
        approval="市容延〔2026〕2号",
        article="行政许可法 42(1)",
        reason="情况复杂",
        extended_at=at,
    )


async def test_the_cap_holds_over_all_that_own_software_says(kit: Kit) -> None:
    """Five working days for an inspection: not five with every message."""
    story = await underway(kit)
    name = task(number_of(story), DRAINS)
    kit.clock.move_to(TUESDAY)
    assert await say(kit, paused(name, 1, TUESDAY, 3)) is None
    end = TaskPauseEnded(
        application=number_of(story),
        task=name,
        department=CITY,
        actor_ref=WHO,
        actor_role=Role.OFFICER,
        pause=1,
        ended_at=TUESDAY + DAY,
    )
    kit.clock.move_to(TUESDAY + DAY)
    assert await say(kit, end) is None
    later = TUESDAY + 3 * DAY
    kit.clock.move_to(later)
    # Tuesday and Wednesday were used: three are left
    assert await say(kit, paused(name, 2, later, 4)) == "UnlawfulClockError"


async def test_three_days_more_are_within_the_cap(kit: Kit) -> None:
    story = await underway(kit)
    name = task(number_of(story), DRAINS)
    kit.clock.move_to(TUESDAY)
    assert await say(kit, paused(name, 1, TUESDAY, 2)) is None
    later = TUESDAY + 6 * DAY
    kit.clock.move_to(later)
    assert await say(kit, paused(name, 2, later, 3)) is None
    kit.clock.move_to(later + 6 * DAY)
    assert await say(kit, paused(name, 3, later + 6 * DAY, 1)) == "UnlawfulClockError"


async def test_one_extension_whatever_the_round(kit: Kit) -> None:
    story = await underway(kit)
    name = task(number_of(story), DRAINS)
    kit.clock.move_to(TUESDAY)
    assert await say(kit, lengthened(name, TUESDAY)) is None
    await kit.pool.execute(
        "INSERT INTO task SELECT ($1::text || '2'), application, step, item, department, part, 2,"
        " state, outcome, issued_at, promised_on, promised_at, statutory_on, statutory_at,"
        " provisional, ended_at, ref FROM task WHERE task = $2",
        name.removesuffix("1"),
        name,
    )
    again = name.removesuffix("1") + "2"
    assert await say(kit, lengthened(again, TUESDAY)) == "UnlawfulClockError"


@pytest.mark.parametrize("act", ["pause", "extension"])
async def test_nothing_is_dated_back_over_what_a_deadline_has_said(kit: Kit, act: str) -> None:
    story = await underway(kit)
    name = task(number_of(story), DRAINS)
    dates = story.case.tasks[f"{DRAINS}/{CITY}"].dates
    assert dates is not None
    spoken = dates.promised_at + timedelta(seconds=1)
    await kit.writer.carry_out(story.next(ClockReached(at=spoken)))
    now = spoken + HOUR
    kit.clock.move_to(now)
    back = spoken - 2 * HOUR
    event = paused(name, 1, back, 3) if act == "pause" else lengthened(name, back)
    assert await say(kit, event, told_at=back) == "DatedBackError"
    assert await kit.value("SELECT count(*) FROM deadline_signal WHERE lifted_at IS NOT NULL") == 0


async def test_a_pause_is_not_put_back_before_its_notice_or_its_task(kit: Kit) -> None:
    story = await underway(kit)
    name = task(number_of(story), DRAINS)
    now = TUESDAY + 2 * DAY
    kit.clock.move_to(now)
    assert await say(kit, paused(name, 1, TUESDAY, 3), told_at=now) == "DatedBackError"


async def test_a_pause_is_not_put_back_before_its_task_was_there(kit: Kit) -> None:
    story = await underway(kit)
    name = task(number_of(story), DRAINS)
    kit.clock.move_to(TUESDAY)
    before = START - HOUR / 2
    assert await say(kit, paused(name, 1, before, 3), told_at=before) == "DatedBackError"
