"""What the core commands becomes rows and messages: each turn once, in order, wholly."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio

from services.contracts.vocabulary import DepartmentSystem, Outcome, Service, Signal
from services.domain.case import (
    AskLapse,
    ClockReached,
    Conclude,
    Held,
    Lapsed,
    RaiseSignal,
    Rectified,
    Withdrawn,
)
from services.orchestrator.turns import TurnInput
from services.orchestrator.writer import OutOfTurnError
from tests.integration.conftest import OpenPool
from tests.integration.orchestrator_kit import (
    BRIGADE,
    CITY,
    DAY,
    DRAINS,
    FIRE,
    FOOD,
    HEALTH,
    HOUR,
    JOINT,
    LICENCE,
    MARKET,
    REASONS,
    REMEDIES,
    SIGN,
    START,
    Kit,
    Story,
    decided,
    submitted,
    task,
)


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    return Kit(pool=await open_service_pool(Service.ORCHESTRATOR))


async def state_of(kit: Kit, application: str) -> dict[str, Any]:
    """Everything that a turn may write, as text that can be compared."""
    tables = ("task", "step", "result", "deadline_signal", "journal", "outbox", "audit_leaf")
    found = {
        name: [str(row) for row in await kit.rows(f"SELECT * FROM {name} ORDER BY 1, 2")]
        for name in tables
    }
    head = await kit.one("SELECT * FROM application WHERE number = $1", application)
    return found | {"application": str(head)}


async def to_joint_step(kit: Kit, story: Story) -> None:
    """Write the turns up to the issue of the joint step."""
    await kit.writer.carry_out(story.accepted())
    await kit.writer.carry_out(story.next(story.decide(LICENCE), story.decide(DRAINS)))


def number_of(story: Story) -> str:
    return story.case.route.application


async def test_the_first_turn_issues_what_can_start(kit: Kit) -> None:
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    number = number_of(story)

    assert await kit.tasks(number) == {
        f"{LICENCE}/{MARKET}/1": "open",
        f"{DRAINS}/{CITY}/1": "open",
    }
    *issued, told = await kit.said(number)
    assert {(one["topic"], one["type"]) for one in issued} == {
        (f"lianshen.tasks.{MARKET}.v1", "task.issued"),
        (f"lianshen.tasks.{CITY}.v1", "task.issued"),
    }
    assert all(one["awaiting"] == ["departments"] for one in issued)
    assert told["type"] == "application.progressed"
    assert told["awaiting"] == ["intake"]
    assert told["data"]["status"] == "in_progress"
    assert {one["task"] for one in told["data"]["tasks"]} == {one["data"]["task"] for one in issued}
    head = await kit.one("SELECT status, turn FROM application WHERE number = $1", number)
    assert (head["status"], head["turn"]) == ("in_progress", 1)


async def test_a_task_carries_what_a_department_needs_to_decide(kit: Kit) -> None:
    event = submitted()
    story = await kit.story(event)
    await to_joint_step(kit, story)

    said = await kit.said(event.application)
    joint = {
        (one["data"]["item"], one["data"]["department"]): one["data"]
        for one in said
        if one["type"] == "task.issued" and one["data"]["step"] == JOINT
    }
    assert set(joint) == {(FIRE, BRIGADE), (FOOD, MARKET), (SIGN, CITY), (FOOD, HEALTH)}
    for one in joint.values():
        assert set(one["participants"]) == {BRIGADE, MARKET, CITY, HEALTH}
        assert (one["group"], one["lead"]) == (JOINT, MARKET)
        assert one["applicant_refs"] == list(event.applicant_refs)
        assert one["materials"] == [{"material": "floor-plan", "sha256": "0" * 64}]
        assert one["facts"]["seats"] == 80
        assert one["project_code"] == event.project_code
        assert one["catalogue_version"] == event.catalogue_version
    assert joint[FOOD, HEALTH]["part"] == "consult"
    assert joint[FOOD, HEALTH]["silence"] == "no_objection"
    assert joint[FOOD, HEALTH]["due"].get("statutory_on") is None
    # The one joint promise: the earliest of its members; an opinion is due a working day before.
    assert joint[FOOD, MARKET]["due"]["promised_on"] == "2026-03-05"
    assert joint[FOOD, HEALTH]["due"]["promised_on"] == "2026-03-04"


async def test_a_turn_that_comes_again_changes_nothing(kit: Kit) -> None:
    story = await kit.story()
    first = story.accepted()
    await kit.writer.carry_out(first)
    second = story.next(story.decide(LICENCE))
    await kit.writer.carry_out(second)
    before = await state_of(kit, number_of(story))

    for turn in (second, first, second):
        await kit.writer.carry_out(turn)

    assert await state_of(kit, number_of(story)) == before


async def test_a_turn_that_comes_again_with_other_events_is_told_what_was_written(kit: Kit) -> None:
    """Its first worker died before Temporal knew of it, and a decision came in between."""
    story = await kit.story()
    first = story.accepted()
    assert await kit.writer.carry_out(first) is None
    before = await state_of(kit, number_of(story))

    decided = story.next(story.decide(LICENCE))
    other = replace(
        first,
        events=[*first.events, *decided.events],
        commands=(*first.commands, *decided.commands),
    )

    assert await kit.writer.carry_out(other) == first.events
    assert await state_of(kit, number_of(story)) == before
    assert await kit.writer.carry_out(decided) is None


async def test_a_turn_that_is_handed_over_twice_at_once_is_written_once(kit: Kit) -> None:
    """A local activity that took too long is tried again while its first try still waits."""
    story = await kit.story()
    turn = story.accepted()
    await asyncio.gather(*(kit.writer.carry_out(turn) for _ in range(3)))
    assert await kit.value("SELECT count(*) FROM journal") == 1
    assert len(await kit.progressed(number_of(story))) == 1


async def test_a_turn_before_its_time_is_refused_and_leaves_nothing(kit: Kit) -> None:
    story = await kit.story()
    first, second = story.accepted(), story.next(story.decide(LICENCE))
    before = await state_of(kit, number_of(story))
    with pytest.raises(OutOfTurnError):
        await kit.writer.carry_out(second)
    assert await state_of(kit, number_of(story)) == before

    await kit.writer.carry_out(first)
    await kit.writer.carry_out(second)
    assert await kit.value("SELECT turn FROM application") == 2


async def test_a_turn_of_an_application_that_is_not_there_is_refused(kit: Kit) -> None:
    """A database that was put back to an older state must be noticed, not written around."""
    story = await kit.story()
    await kit.pool.execute("DELETE FROM application")
    with pytest.raises(OutOfTurnError):
        await kit.writer.carry_out(story.accepted())


async def test_turns_of_many_applications_share_a_transaction(kit: Kit) -> None:
    stories = [await kit.story() for _ in range(5)]
    await asyncio.gather(*(kit.writer.carry_out(story.accepted()) for story in stories))
    rows = await kit.rows("SELECT application, xmin::text AS xid FROM journal")
    assert {row["application"] for row in rows} == {number_of(story) for story in stories}
    assert len({row["xid"] for row in rows}) == 1


async def test_a_bad_turn_does_not_hold_up_the_others(kit: Kit) -> None:
    good = [await kit.story() for _ in range(3)]
    bad = await kit.story()
    bad.accepted()
    turns = [story.accepted() for story in good]
    turns.insert(1, bad.next(bad.decide(LICENCE)))

    found = await asyncio.gather(
        *(kit.writer.carry_out(turn) for turn in turns), return_exceptions=True
    )

    assert [type(one) for one in found] == [type(None), OutOfTurnError, type(None), type(None)]
    written = {row["application"] for row in await kit.rows("SELECT application FROM journal")}
    assert written == {number_of(story) for story in good}


async def test_results_carry_what_the_department_said(kit: Kit) -> None:
    story = await kit.story()
    number = number_of(story)
    await kit.writer.carry_out(story.accepted())
    yes = await kit.told(decided(task(number, LICENCE)))
    no = await kit.told(decided(task(number, DRAINS), Outcome.REFUSED))
    await kit.writer.carry_out(
        story.next(story.decide(LICENCE, ref=yes), story.decide(DRAINS, Outcome.REFUSED, ref=no))
    )

    told = (await kit.progressed(number))[-1]
    results = {one["item"]: one for one in told["results"]}
    assert results[LICENCE]["outcome"] == "granted"
    assert results[LICENCE]["number"] == f"{LICENCE}-〔2026〕1"
    assert results[LICENCE]["reasons"] == []
    assert results[DRAINS]["outcome"] == "refused"
    assert results[DRAINS]["reasons"] == list(REASONS)
    assert results[DRAINS]["remedies"] == list(REMEDIES)
    stored = await kit.rows("SELECT item, outcome, department FROM result ORDER BY item")
    assert [tuple(row) for row in stored] == [
        (LICENCE, "granted", MARKET),
        (DRAINS, "refused", CITY),
    ]


async def test_a_refusal_cancels_what_depends_on_it(kit: Kit) -> None:
    story = await kit.story()
    number = number_of(story)
    await kit.writer.carry_out(story.accepted())
    await kit.writer.carry_out(
        story.next(story.decide(LICENCE), story.decide(DRAINS, Outcome.REFUSED))
    )
    # Nobody had seen the fire brigade's task: it is told to the investor, not to the brigade.
    assert f"{FIRE}/{BRIGADE}/1" not in await kit.tasks(number)
    assert not [one for one in await kit.said(number) if one["type"] == "task.cancelled"]
    told = (await kit.progressed(number))[-1]
    states = {one["item"]: one["state"] for one in told["tasks"] if one["department"] != HEALTH}
    assert states == {
        LICENCE: "decided",
        DRAINS: "decided",
        FIRE: "cancelled",
        FOOD: "open",
        SIGN: "open",
    }


async def test_a_withdrawal_is_told_to_whoever_has_the_task(kit: Kit) -> None:
    story = await kit.story()
    number = number_of(story)
    await kit.writer.carry_out(story.accepted())
    await kit.writer.carry_out(story.next(story.decide(LICENCE)))
    await kit.writer.carry_out(story.next(Withdrawn(at=START + 2 * HOUR)))

    cancelled = [one for one in await kit.said(number) if one["type"] == "task.cancelled"]
    assert [(one["topic"], one["data"]["task"]) for one in cancelled] == [
        (f"lianshen.tasks.{CITY}.v1", task(number, DRAINS))
    ]
    assert cancelled[0]["data"]["reason"]
    told = (await kit.progressed(number))[-1]
    assert told["status"] == "withdrawn"
    assert told["concluded"]["conclusion"] == "withdrawn"
    assert (await kit.tasks(number))[f"{DRAINS}/{CITY}/1"] == "cancelled"
    head = await kit.one("SELECT status, conclusion FROM application")
    assert tuple(head) == ("withdrawn", "withdrawn")


async def test_silence_is_asked_of_the_department_and_then_shown(kit: Kit) -> None:
    story = await kit.story()
    number = number_of(story)
    await to_joint_step(kit, story)
    late = datetime.fromisoformat("2026-03-04T09:00:01+00:00")
    asking = story.next(ClockReached(at=late))
    assert any(isinstance(command, AskLapse) for command in asking.commands)
    await kit.writer.carry_out(asking)

    asked = [one for one in await kit.said(number) if one["type"] == "task.lapse_due"]
    assert [(one["topic"], one["data"]["task"]) for one in asked] == [
        (f"lianshen.tasks.{HEALTH}.v1", task(number, FOOD, HEALTH))
    ]
    await kit.writer.carry_out(story.next(Lapsed(at=late, task=task(number, FOOD, HEALTH))))
    assert (await kit.tasks(number))[f"{FOOD}/{HEALTH}/1"] == "lapsed"
    told = (await kit.progressed(number))[-1]["tasks"]
    assert [(one["department"], one["state"], one["outcome"]) for one in told] == [
        (HEALTH, "lapsed", "deemed_no_objection")
    ]


async def test_a_joint_step_asks_once_for_everything_that_was_objected_to(kit: Kit) -> None:
    story = await kit.story()
    number = number_of(story)
    await to_joint_step(kit, story)
    objection = await kit.told(
        decided(task(number, FOOD, HEALTH), Outcome.OBJECTION, reasons=("缺通风图",))
    )
    refusal = await kit.told(decided(task(number, FIRE), Outcome.REFUSED))
    await kit.writer.carry_out(
        story.next(
            story.decide(FOOD),
            story.decide(SIGN),
            story.decide(FOOD, Outcome.OBJECTION, department=HEALTH, ref=objection),
            story.decide(FIRE, Outcome.REFUSED, ref=refusal),
        )
    )
    told = (await kit.progressed(number))[-1]
    notice = told["rectification"]
    assert (notice["step"], notice["round"]) == (JOINT, 1)
    assert set(notice["items"]) == {FIRE, FOOD}
    assert set(notice["reasons"]) == {"缺通风图", *REASONS}
    assert told["status"] == "rectifying"
    assert told["results"] == [], "nothing of a merged step is shown before it is over"

    await kit.writer.carry_out(story.next(Rectified(at=START + DAY, step=JOINT, round=1)))
    again = {name for name in await kit.tasks(number) if name.endswith("/2")}
    assert again == {f"{FIRE}/{BRIGADE}/2", f"{FOOD}/{HEALTH}/2"}, "only who had objected"


async def test_deadlines_speak_and_are_lifted_when_the_act_was_in_time(kit: Kit) -> None:
    story = await kit.story()
    number = number_of(story)
    await kit.writer.carry_out(story.accepted())
    late = datetime.fromisoformat("2026-03-03T09:00:01+00:00")
    await kit.writer.carry_out(story.next(ClockReached(at=late)))
    raised = (await kit.progressed(number))[-1]["signals"]
    assert {(one["task"], one["signal"]) for one in raised} == {
        (task(number, LICENCE), "warning"),
        (task(number, LICENCE), "promise_passed"),
    }
    assert await kit.value("SELECT count(*) FROM deadline_signal WHERE lifted_at IS NULL") == 2

    in_time = datetime.fromisoformat("2026-03-03T08:00:00+00:00")
    await kit.writer.carry_out(story.next(story.decide(LICENCE, at=in_time)))
    lifted = (await kit.progressed(number))[-1]["lifted"]
    assert [one["signal"] for one in lifted] == ["promise_passed"]
    rows = await kit.rows("SELECT signal FROM deadline_signal WHERE lifted_at IS NOT NULL")
    assert [row["signal"] for row in rows] == ["promise_passed"]


async def test_the_promise_of_the_whole_marks_an_application_as_late(kit: Kit) -> None:
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    turn = story.next(ClockReached(at=story.case.promised_at + timedelta(seconds=1)))
    whole = [c for c in turn.commands if isinstance(c, RaiseSignal) and c.task is None]
    assert [command.signal for command in whole] == [Signal.PROMISE_PASSED]
    await kit.writer.carry_out(turn)
    assert await kit.value("SELECT late FROM application") is True


async def test_the_last_turn_concludes(kit: Kit) -> None:
    story = await kit.story()
    number = number_of(story)
    await to_joint_step(kit, story)
    last = story.next(
        story.decide(FIRE),
        story.decide(FOOD),
        story.decide(SIGN),
        story.decide(FOOD, Outcome.NO_OBJECTION, department=HEALTH),
    )
    assert any(isinstance(command, Conclude) for command in last.commands)
    await kit.writer.carry_out(last)

    told = (await kit.progressed(number))[-1]
    assert [one["item"] for one in told["results"]] == [FIRE, FOOD, SIGN], "the order of the law"
    assert told["concluded"]["conclusion"] == "granted"
    assert told["concluded"]["in_time"] is True
    head = await kit.one("SELECT * FROM application")
    assert (head["status"], head["conclusion"], head["in_time"]) == ("concluded", "granted", True)
    assert head["used_working_days"] == told["concluded"]["used_working_days"]
    assert head["concluded_at"] == START + HOUR
    released = {
        row["released_at"] for row in await kit.rows("SELECT * FROM result WHERE step = $1", JOINT)
    }
    assert len(released) == 1


async def test_what_changes_nothing_is_still_in_the_journal(kit: Kit) -> None:
    story = await kit.story()
    number = number_of(story)
    await kit.writer.carry_out(story.accepted())
    await kit.writer.carry_out(story.next(story.decide(LICENCE)))
    await kit.writer.carry_out(story.next(story.decide(LICENCE)))
    row = await kit.one("SELECT commands, events FROM journal WHERE turn = 3")
    assert [one["type"] for one in orjson.loads(row["commands"])] == ["Ignore"]
    assert [one["type"] for one in orjson.loads(row["events"])] == ["Decided"]
    assert (await kit.progressed(number))[-1]["tasks"] == []


async def test_a_department_with_its_own_software_is_awaited_itself(kit: Kit) -> None:
    kit.systems[CITY] = DepartmentSystem.OWN
    story = await kit.story()
    await kit.writer.carry_out(story.accepted())
    await kit.writer.carry_out(story.next(Withdrawn(at=START + HOUR)))
    awaited = Counter(
        (one["topic"], one["type"], *one["awaiting"])
        for one in await kit.said(number_of(story))
        if one["topic"].startswith("lianshen.tasks.")
    )
    assert awaited == {
        (f"lianshen.tasks.{CITY}.v1", "task.issued", f"department/{CITY}"): 1,
        (f"lianshen.tasks.{CITY}.v1", "task.cancelled", f"department/{CITY}"): 1,
        (f"lianshen.tasks.{MARKET}.v1", "task.issued", "departments"): 1,
        (f"lianshen.tasks.{MARKET}.v1", "task.cancelled", "departments"): 1,
    }


async def test_every_turn_leaves_one_record_in_the_log_of_acts(kit: Kit) -> None:
    story = await kit.story()
    number = number_of(story)
    turns: list[TurnInput] = [
        story.accepted(),
        story.next(story.decide(LICENCE)),
        story.next(Held(at=START + 2 * HOUR)),
    ]
    for turn in turns:
        await kit.writer.carry_out(turn)
    leaves = [orjson.loads(row["body"]) for row in await kit.rows("SELECT body FROM audit_leaf")]
    assert [one["facts"]["turn"] for one in leaves] == [1, 2, 3]
    assert {one["application"] for one in leaves} == {number}
    assert {one["act"] for one in leaves} == {"turn"}
    said = [one["type"] for one in leaves[0]["facts"]["commands"]]
    assert said.count("IssueTask") == 2


async def test_the_trace_goes_on_in_every_message_of_a_turn(kit: Kit) -> None:
    story = await kit.story()
    first = story.accepted()
    here = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    traced = TurnInput(
        application=first.application,
        turn=first.turn,
        events=first.events,
        commands=first.commands,
        traceparent=here,
    )
    await kit.writer.carry_out(traced)
    rows = await kit.rows("SELECT traceparent FROM outbox")
    assert [row["traceparent"] for row in rows] == [here] * 3
