"""Inbox -> Temporal -> Postgres: every message reaches its workflow, once in effect."""

import json
import time
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    WorkflowExecutionStatus,
    WorkflowHandle,
)
from temporalio.service import RPCError, RPCStatusCode

from services.contracts.events import ApplicationRectified, ApplicationWithdrawn
from services.contracts.ratings import RatingGiven
from services.contracts.vocabulary import Outcome, Service
from services.orchestrator import deliver, setting_aside
from services.orchestrator.deliver import WorkflowLostError
from services.orchestrator.setting_aside import UndeliverableError
from services.runtime import dead_letters
from services.runtime.embedded.temporal import Temporal
from services.runtime.inbox import Inbox
from services.runtime.loops import Loop, Loops, Pace
from tests.integration.conftest import OpenPool
from tests.integration.messaging import until
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
    SIGN,
    START,
    Engine,
    Kit,
    decided,
    deliverer_of,
    engine,
    submitted,
    task,
)


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    return Kit(pool=await open_service_pool(Service.ORCHESTRATOR))


@pytest_asyncio.fixture
async def running(kit: Kit, temporal: Temporal) -> Engine:
    return await engine(kit, temporal.address)


async def reached(kit: Kit, application: str, turn: int) -> None:
    """Wait until a turn of a workflow is written."""

    async def there() -> bool:
        query = "SELECT turn FROM application WHERE number = $1"
        return bool(await kit.value(query, application) >= turn)

    await until(there, f"turn {turn} of {application}", seconds=20)


async def started(running: Engine, *numbers: str) -> None:
    """Hand over submissions and wait for their first turns."""
    await running.deliver()
    for number in numbers:
        await reached(running.kit, number, 1)


async def events_of(running: Engine, number: str) -> Counter[int]:
    history = await running.handle(number).fetch_history()
    return Counter(event.event_type for event in history.events)


async def test_a_submission_starts_a_workflow_whose_tasks_are_written(
    kit: Kit, running: Engine
) -> None:
    number = await kit.received()
    async with running.working():
        assert await running.deliver() == 1
        await reached(kit, number, 1)
    assert await kit.tasks(number) == {
        f"{LICENCE}/{MARKET}/1": "open",
        f"{DRAINS}/{CITY}/1": "open",
    }
    assert await kit.undelivered() == 0
    found = await running.handle(number).describe()
    assert found.status is WorkflowExecutionStatus.RUNNING
    attributes = {pair.key.name: pair.value for pair in found.typed_search_attributes}
    assert attributes["ProjectCode"] == "P-2026-0001"
    assert attributes["Scenario"] == "restaurant"


async def test_an_application_runs_to_its_end(kit: Kit, running: Engine) -> None:
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(decided(task(number, LICENCE)), decided(task(number, DRAINS)))
        assert await running.deliver() == 2
        await reached(kit, number, 2)
        opinion = decided(task(number, FOOD, HEALTH), Outcome.NO_OBJECTION)
        await kit.take(*(decided(task(number, item)) for item in (FIRE, FOOD, SIGN)), opinion)
        await running.deliver()
        assert await running.ended(number) == "granted"
    head = await kit.one("SELECT status, conclusion FROM application WHERE number = $1", number)
    assert tuple(head) == ("concluded", "granted")
    assert await kit.value("SELECT count(*) FROM result") == 5


async def test_everything_of_one_poll_is_one_signal_and_one_turn(kit: Kit, running: Engine) -> None:
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(decided(task(number, LICENCE)), decided(task(number, DRAINS)))
        await running.deliver()
        await reached(kit, number, 2)
        await kit.take(
            *(decided(task(number, item)) for item in (FIRE, FOOD, SIGN)),
            decided(task(number, FOOD, HEALTH), Outcome.NO_OBJECTION),
        )
        assert await running.deliver() == 4
        await running.ended(number)
    counted = await events_of(running, number)
    assert counted[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED] == 2
    assert await kit.value("SELECT turn FROM application") == 3


async def test_what_comes_within_a_moment_is_one_signal_when_many_applications_move(
    kit: Kit, temporal: Temporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "BUSY_S", 60.0)
    running = await engine(kit, temporal.address, pace=0.5)
    number, other = await kit.received(), await kit.received()
    async with running.working():
        await started(running, number, other)
        await kit.take(decided(task(number, LICENCE)))
        assert await running.deliver() == 0, "more may be said about it right now"
        await kit.take(decided(task(number, DRAINS)))

        async def delivered() -> bool:
            return await running.deliver() == 2

        await until(delivered, "both in one signal", seconds=20)
        await reached(kit, number, 2)
    counted = await events_of(running, number)
    assert counted[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED] == 1


async def test_a_crowd_that_comes_after_a_rest_waits_for_each_other(
    kit: Kit, temporal: Temporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "BUSY_S", 0.0)
    running = await engine(kit, temporal.address, pace=60.0)
    numbers = [await kit.received(), await kit.received()]
    async with running.working():
        await started(running, *numbers)
        await kit.take(*(decided(task(number, LICENCE)) for number in numbers))
        assert await running.deliver() == 0, "others may decide right now"
        await kit.take(*(decided(task(number, DRAINS)) for number in numbers))
        assert await running.deliver() == 4, "nobody else has anything to decide"
        for number in numbers:
            await reached(kit, number, 2)
    for number in numbers:
        counted = await events_of(running, number)
        assert counted[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED] == 1


async def test_an_application_alone_waits_for_nobody(
    kit: Kit, temporal: Temporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "BUSY_S", 0.0)
    running = await engine(kit, temporal.address, pace=60.0)
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(decided(task(number, LICENCE)))
        assert await running.deliver() == 1


async def test_a_batch_ends_between_applications_never_within_one(
    kit: Kit, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [await kit.received(), await kit.received()]
    async with running.working():
        await started(running, *numbers)
        for item in (LICENCE, DRAINS):
            await kit.take(*(decided(task(number, item)) for number in numbers))
        monkeypatch.setattr(deliver, "MOST", 1)
        assert [await running.deliver() for _ in range(3)] == [2, 2, 0]


async def test_a_submission_and_its_withdrawal_of_one_poll(kit: Kit, running: Engine) -> None:
    number = await kit.received()
    await kit.take(ApplicationWithdrawn(application=number, withdrawn_at=START + HOUR))
    async with running.working():
        assert await running.deliver() == 2
        assert await running.ended(number) == "withdrawn"


async def test_many_applications_start_in_one_poll(kit: Kit, running: Engine) -> None:
    events = [submitted() for _ in range(30)]
    await kit.take(*events)
    async with running.working():
        assert await running.deliver() == 30
        for event in events:
            await reached(kit, event.application, 1)
    assert await kit.value("SELECT count(*) FROM task") == 60


async def test_what_is_delivered_twice_is_done_once(kit: Kit, running: Engine) -> None:
    """The process was killed between Temporal's answer and the mark in the inbox."""
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(decided(task(number, LICENCE)))
        await running.deliver()
        await reached(kit, number, 2)
        tasks = await kit.tasks(number)

        await kit.pool.execute("UPDATE inbox SET delivered_at = NULL")
        assert await running.deliver() == 2
        await reached(kit, number, 3)
        assert await kit.undelivered() == 0

        assert await kit.tasks(number) == tasks
        assert await kit.value("SELECT count(*) FROM result WHERE item = $1", LICENCE) == 1
        third = await kit.one("SELECT commands FROM journal WHERE turn = 3")
        assert '"Ignore"' in third["commands"]


async def test_a_message_after_the_end_is_delivered_and_forgotten(
    kit: Kit, running: Engine
) -> None:
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(ApplicationWithdrawn(application=number, withdrawn_at=START + HOUR))
        await running.deliver()
        await running.ended(number)
        await kit.take(decided(task(number, LICENCE)))
        assert await running.deliver() == 1
    assert await kit.undelivered() == 0
    assert await kit.value("SELECT status FROM application") == "withdrawn"


async def test_an_application_that_is_over_does_not_run_again(kit: Kit, running: Engine) -> None:
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(ApplicationWithdrawn(application=number, withdrawn_at=START + HOUR))
        await running.deliver()
        await running.ended(number)
        run = (await running.handle(number).describe()).run_id

        await kit.pool.execute("UPDATE inbox SET delivered_at = NULL")
        assert await running.deliver() == 2
        after = await running.handle(number).describe()
    assert after.run_id == run
    assert after.status is WorkflowExecutionStatus.COMPLETED
    assert await kit.value("SELECT turn FROM application") == 2


async def test_a_lost_workflow_keeps_its_messages_and_holds_nobody_else_up(
    kit: Kit, running: Engine
) -> None:
    lost, unknown, well = [await kit.received() for _ in range(3)]
    async with running.working():
        await started(running, lost, unknown, well)
        await running.handle(lost).terminate("by hand")
        await kit.take(*(decided(task(number, LICENCE)) for number in (lost, well)))
        with pytest.raises(WorkflowLostError, match=lost):
            await running.deliver()
        await reached(kit, well, 2)
        rows = await kit.rows("SELECT application FROM inbox WHERE delivered_at IS NULL")
        assert [row["application"] for row in rows] == [lost]


async def test_a_workflow_that_temporal_never_had_is_lost_too(kit: Kit, running: Engine) -> None:
    """Its start was marked as delivered, and then Temporal's store was replaced by an empty one."""
    number = await kit.received()
    await kit.pool.execute("UPDATE inbox SET delivered_at = now()")
    await kit.take(ApplicationWithdrawn(application=number, withdrawn_at=START + HOUR))
    with pytest.raises(WorkflowLostError, match=number):
        await running.deliver()
    assert await kit.undelivered() == 1


async def test_a_lost_workflow_does_not_slow_the_others_down(kit: Kit, running: Engine) -> None:
    """The loop goes on at full speed, and counts as alive, beside what it cannot hand over."""
    lost, well = await kit.received(), await kit.received()
    async with running.working():
        await started(running, lost, well)
        await running.handle(lost).terminate("by hand")
        await kit.take(decided(task(lost, LICENCE)))
        loop = Loop(name="deliverer", body=running.deliverer.run)
        async with Loops([loop], service="test", pool=None) as loops:
            pulse = loops.pulses["deliverer"]

            async def reported() -> bool:
                return pulse.detail == "workflow_lost=1"

            await until(reported, "the loss is in the heartbeat")
            # A loop that backs off would wait for seconds between two of these.
            begun = time.monotonic()
            for turn, item in ((2, LICENCE), (3, DRAINS)):
                await kit.take(decided(task(well, item)))
                running.deliverer.wake.set()
                await reached(kit, well, turn)
            assert time.monotonic() - begun < 3
            assert pulse.since_progress < 3
    assert await kit.undelivered() == 1


async def test_a_lost_workflow_that_is_back_gets_its_messages(
    kit: Kit, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody put Temporal's store back from a copy."""
    monkeypatch.setattr(deliver, "LOST_AGAIN_S", 0.2)
    number = await kit.received()
    await kit.pool.execute("UPDATE inbox SET delivered_at = now()")
    await kit.take(ApplicationWithdrawn(application=number, withdrawn_at=START + HOUR))
    with pytest.raises(WorkflowLostError):
        await running.deliver()
    await kit.pool.execute("UPDATE inbox SET delivered_at = NULL")
    async with running.working():

        async def delivered() -> bool:
            return await running.deliver() == 2

        await until(delivered, "both messages", seconds=10)
        assert await running.ended(number) == "withdrawn"


async def test_what_waits_while_no_worker_runs_is_done_when_one_comes(
    kit: Kit, running: Engine
) -> None:
    number = await kit.received()
    await running.deliver()
    assert await kit.undelivered() == 0
    async with running.working():
        await reached(kit, number, 1)


async def test_a_rectified_step_goes_round_again(kit: Kit, running: Engine) -> None:
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(decided(task(number, LICENCE)), decided(task(number, DRAINS)))
        await running.deliver()
        await reached(kit, number, 2)
        await kit.take(
            decided(task(number, FIRE), Outcome.REFUSED),
            *(decided(task(number, item)) for item in (FOOD, SIGN)),
            decided(task(number, FOOD, HEALTH), Outcome.NO_OBJECTION),
        )
        await running.deliver()
        await reached(kit, number, 3)
        await kit.take(
            ApplicationRectified(
                application=number, step=JOINT, round=1, rectified_at=START + timedelta(days=1)
            )
        )
        await running.deliver()
        await reached(kit, number, 4)
        assert (await kit.tasks(number))[f"{FIRE}/{BRIGADE}/2"] == "open"
        kit.clock.advance(timedelta(days=1))
        again: Any = decided(task(number, FIRE, round_=2), decided_at=START + timedelta(days=1))
        await kit.take(again)
        await running.deliver()
        assert await running.ended(number) == "granted"


async def test_what_follows_from_a_late_message_is_dated_when_it_came(
    kit: Kit, running: Engine
) -> None:
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(decided(task(number, LICENCE)), decided(task(number, DRAINS)))
        kit.clock.move_to(START + 11 * DAY)
        await running.deliver()
        await reached(kit, number, 2)
        query = "SELECT issued_at, promised_at, ended_at, state FROM task WHERE task LIKE $1"
        begun = await kit.one(query, f"%{FIRE}/{BRIGADE}/1")
        assert begun["issued_at"] == kit.clock.now()
        assert begun["promised_at"] > kit.clock.now() + DAY, "nobody is late with what he just got"
        assert (await kit.one(query, f"%{DRAINS}/{CITY}/1"))["ended_at"] == START + HOUR
        assert begun["promised_at"] < START + 18 * DAY, "by then its promise is over"
        at = kit.clock.now() + HOUR
        await kit.take(
            decided(task(number, FIRE), Outcome.REFUSED, decided_at=at),
            *(decided(task(number, item), decided_at=at) for item in (FOOD, SIGN)),
            decided(task(number, FOOD, HEALTH), Outcome.NO_OBJECTION, decided_at=at),
        )
        kit.clock.move_to(START + 18 * DAY)
        await running.deliver()
        await reached(kit, number, 3)
    told = """SELECT (c->>'until')::timestamptz FROM journal, jsonb_array_elements(commands) AS c
        WHERE c->>'type' = 'AskRectification'"""
    assert await kit.value(told) > kit.clock.now() + DAY, "he has the whole term"
    left = await kit.rows("SELECT task FROM deadline_signal WHERE lifted_at IS NULL")
    assert [row["task"] for row in left if row["task"] is not None] == []
    assert await kit.value("SELECT count(*) FROM card") == 0


async def test_no_free_text_and_no_person_enters_a_history(kit: Kit, running: Engine) -> None:
    number = await kit.received()
    async with running.working():
        await started(running, number)
        await kit.take(
            decided(task(number, LICENCE), Outcome.REFUSED, reasons=("张三的证件过期",)),
            decided(task(number, DRAINS), result_number="文号-张三"),
        )
        await running.deliver()
        await reached(kit, number, 2)
        kept = await running.kept(number)
    assert number.encode() in kept, "what is there is found"
    for text in ("张三", *submitted().applicant_refs):
        assert text.encode() not in kept
        assert json.dumps(text).strip('"').encode() not in kept


# What no workflow can be given


async def poisoned(kit: Kit, number: str) -> UUID:
    """Forge a row of the inbox: a message that a workflow cannot be given."""
    found: UUID = await kit.value(
        "UPDATE inbox SET type = 'lianshen.nobody.knows.v1' WHERE event_id = (SELECT event_id "
        "FROM inbox WHERE application = $1 AND delivered_at IS NULL ORDER BY arrival LIMIT 1) "
        "RETURNING event_id",
        number,
    )
    return found


async def letters(kit: Kit) -> list[dead_letters.LetterView]:
    async with kit.pool.acquire() as conn:
        return await dead_letters.page(conn)


async def test_one_delivery_that_always_fails_is_set_aside_and_the_others_go_on(
    kit: Kit, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setting_aside, "RESTS_S", (0.1,) * 4)
    bad, well = await kit.received(), await kit.received()
    async with running.working():
        await started(running, bad, well)
        await kit.take(decided(task(bad, LICENCE)))
        event = await poisoned(kit, bad)
        await kit.take(decided(task(bad, DRAINS)))
        loop = Loop(name="deliverer", body=running.deliverer.run)
        async with Loops([loop], service="test", pool=None) as loops:
            pulse = loops.pulses["deliverer"]
            await kit.take(decided(task(well, LICENCE)))
            running.deliverer.wake.set()
            await reached(kit, well, 2)

            async def reported() -> bool:
                return pulse.detail == "set_aside=1"

            await until(reported, "it is in the sign of life", seconds=20)
            begun = time.monotonic()
            await kit.take(decided(task(well, DRAINS)))
            running.deliverer.wake.set()
            await reached(kit, well, 3)
            assert time.monotonic() - begun < 3
            assert pulse.since_progress < 3, "the loop is alive: nothing is restarted"
            assert await kit.value("SELECT turn FROM application WHERE number = $1", bad) == 1
            [letter] = await letters(kit)
            assert (letter.application, letter.event_id) == (bad, event)
            assert letter.error_class == "UndeliverableError"
            assert letter.error_message.startswith("KeyError")
            # The operator has had it mended, and lets it be tried again.
            await kit.pool.execute(
                "UPDATE inbox SET type = 'lianshen.task.decided.v1' WHERE event_id = $1", event
            )
            inbox = Inbox(handler=_nothing, deferred=True)
            await dead_letters.replay(kit.pool, inbox, letter.id, actor_ref="operator")
            running.deliverer.wake.set()
            await reached(kit, bad, 2)
    assert await kit.undelivered() == 0
    assert await letters(kit) == []


async def test_what_is_given_up_holds_the_application_no_more(
    kit: Kit, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setting_aside, "RESTS_S", (0.0,) * 4)
    bad = await kit.received()
    async with running.working():
        await started(running, bad)
        await kit.take(decided(task(bad, LICENCE)))
        await poisoned(kit, bad)
        await kit.take(decided(task(bad, DRAINS)))
        for _ in range(setting_aside.ATTEMPTS):
            with pytest.raises(UndeliverableError):
                await running.deliver()
        assert await running.deliver() == 0
        [letter] = await letters(kit)
        inbox = Inbox(handler=_nothing, deferred=True)
        await dead_letters.discard(kit.pool, inbox, letter.id, actor_ref="operator")
        assert await running.deliver() == 1
        await reached(kit, bad, 2)
    state = await kit.value("SELECT state FROM inbox WHERE event_id = $1", letter.event_id)
    assert state == "discarded"


class Away(Interceptor):
    """Temporal has gone: no workflow can be started."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002  # theirs
        return Unreachable(next)


class Unreachable(OutboundInterceptor):
    async def start_workflow(self, _: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        raise RPCError("connection refused", RPCStatusCode.UNAVAILABLE, b"")


async def test_what_needs_no_workflow_does_not_show_that_temporal_is_there(
    kit: Kit, running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ratings pass while Temporal cannot be reached: whoever waits for it is not set aside."""
    monkeypatch.setattr(setting_aside, "RESTS_S", (0.0,) * 4)
    known: Any = {**running.client.config(), "interceptors": [Away()]}
    deliverer = deliverer_of(kit, Client(**known), running.settings.task_queue)
    waiting = await kit.received()
    for _ in range(setting_aside.ATTEMPTS + 1):
        rated = await kit.received()
        await kit.pool.execute(
            "UPDATE inbox SET type = $1 WHERE application = $2", RatingGiven.TYPE, rated
        )
        with pytest.raises(RPCError, match="refused"):
            await deliverer.turn()
    rows = await kit.rows("SELECT application FROM inbox WHERE delivered_at IS NULL")
    assert [row["application"] for row in rows] == [waiting]
    assert await letters(kit) == []


async def _nothing(*_: Any) -> None:
    """No message is applied anew: what failed was handing it on."""
    raise AssertionError


_EXHAUSTED = RPCStatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("error", "others_went", "expected"),
    [
        (KeyError("x"), False, True),
        (RPCError("x", RPCStatusCode.UNAVAILABLE, b""), False, False),
        (RPCError("x", RPCStatusCode.UNAVAILABLE, b""), True, True),
        (RPCError("x", RPCStatusCode.INVALID_ARGUMENT, b""), False, True),
        (RPCError("namespace rate limit exceeded", _EXHAUSTED, b""), False, False),
        (RPCError("namespace rate limit exceeded", _EXHAUSTED, b""), True, True),
        (RPCError("grpc: received message larger than max", _EXHAUSTED, b""), False, True),
        (ConnectionRefusedError(), False, False),
        (TimeoutError(), True, True),
    ],
)
def test_whose_failure_it_is(error: Exception, others_went: bool, expected: bool) -> None:
    assert setting_aside.is_its_own(error, others_went=others_went) is expected
