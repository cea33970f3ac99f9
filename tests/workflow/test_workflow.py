"""The workflow as a shell: it delivers, asks, carries out, sleeps - on a clock that skips."""

from datetime import date, timedelta
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment

from services.contracts.vocabulary import Conclusion, Outcome, Signal
from services.domain.approval import apply, begin
from services.domain.case import (
    Accepted,
    AskLapse,
    Conclude,
    Decided,
    EndTask,
    IssueTask,
    Lapsed,
    RaiseSignal,
    Release,
    Withdrawn,
)
from services.domain.limit_events import SetLimit
from tests.unit.routes import CALENDAR, START, consult, decide, route, step, task
from tests.unit.test_limit_clocks import limited
from tests.workflow.conftest import Run, close_of, running

HOUR = timedelta(hours=1)


def of(run: Run, kind: type[Any]) -> list[Any]:
    return [command for command in run.shell.commands if isinstance(command, kind)]


async def test_everything_that_can_start_goes_out_in_one_turn(env: WorkflowEnvironment) -> None:
    steps = [step(decide(f"I{n}", f"d{n}")) for n in range(20)]
    async with running(env, route(*steps), START) as run:
        await run.say(
            *(
                Decided(at=START + HOUR, task=task(f"I{n}", f"d{n}"), outcome=Outcome.GRANTED)
                for n in range(20)
            )
        )
        assert await run.handle.result() == Conclusion.GRANTED
        assert len(of(run, IssueTask)) == 20
        assert {turn["turn"] for turn in run.shell.turns} <= {1, 2}


async def test_history_is_flat_in_the_number_of_departments(env: WorkflowEnvironment) -> None:
    lengths = []
    for count in (8, 20):
        steps = [step(decide(f"I{n}", f"d{n}")) for n in range(count)]
        async with running(env, route(*steps), START) as run:
            await run.say(
                *(
                    Decided(at=START, task=task(f"I{n}", f"d{n}"), outcome=Outcome.GRANTED)
                    for n in range(count)
                )
            )
            await run.handle.result()
            history = await run.handle.fetch_history()
            lengths.append(len(history.events))
    assert max(lengths) <= 16


async def timers_of(run: Run) -> int:
    """How many timers a workflow has started so far."""
    history = await run.handle.fetch_history()
    started = EventType.EVENT_TYPE_TIMER_STARTED
    return sum(event.event_type == started for event in history.events)


async def test_limits_beside_those_of_tasks_take_no_timer_of_their_own(
    env: WorkflowEnvironment,
) -> None:
    """One timer, for whatever speaks next: a joint case and its licences are as flat as before."""
    found = []
    for plan in (route, limited):
        steps = [step(decide(f"I{n}", f"d{n}"), decide(f"J{n}", f"e{n}")) for n in range(8)]
        async with running(env, plan(*steps), START) as run:
            while not await timers_of(run):  # else all is decided before the first turn is over
                await env.sleep(timedelta(milliseconds=50))
            for letter, department in (("I", "d"), ("J", "e")):
                names = [task(f"{letter}{n}", f"{department}{n}") for n in range(8)]
                await run.say(
                    *(Decided(at=START, task=one, outcome=Outcome.GRANTED) for one in names)
                )
            await run.handle.result()
            found.append((await timers_of(run), bool(of(run, SetLimit))))
    assert found == [(1, False), (1, True)]


async def test_deadlines_are_durable_timers_in_business_time(env: WorkflowEnvironment) -> None:
    async with running(
        env, route(step(decide("A", "x", promised=2)), promised_days=9), START
    ) as run:
        while len(of(run, RaiseSignal)) < 2:
            await env.sleep(HOUR)
        said = [(c.signal, c.at) for c in of(run, RaiseSignal)]
        assert said[0] == (Signal.WARNING, close_of(date(2026, 1, 6)))
        assert said[1][0] is Signal.PROMISE_PASSED
        assert timedelta() <= said[1][1] - close_of(date(2026, 1, 7)) <= timedelta(minutes=1)
        await run.say(Decided(at=said[1][1], task=task("A", "x"), outcome=Outcome.GRANTED))
        assert await run.handle.result() == Conclusion.GRANTED
        history = await run.handle.fetch_history()
        timers = [e for e in history.events if e.event_type == EventType.EVENT_TYPE_TIMER_STARTED]
        assert len(timers) >= 2


async def test_a_timer_that_rings_before_the_clock_agrees_waits_again(
    env: WorkflowEnvironment,
) -> None:
    """A demo's clock may have stood still meanwhile: the clock is asked, not the timer."""
    late = timedelta(hours=30)
    one = route(step(decide("A", "x", promised=1)), promised_days=9)
    async with running(env, one, START, clock_behind=-late) as run:
        # The first answer was 30 hours ahead, so the first timer is 30 hours too early.
        while not of(run, RaiseSignal):
            await env.sleep(HOUR)
        assert await run.shell.now() >= close_of(date(2026, 1, 5))
        await run.say(Withdrawn(at=START + HOUR))
        await run.handle.result()


async def test_silence_is_asked_for_and_arbitrated_by_the_department(
    env: WorkflowEnvironment,
) -> None:
    joint = step(decide("A", "x"), consult("A", "z"), code="joint")
    async with running(env, route(joint), START) as run:
        await run.say(Decided(at=START + HOUR, task=task("A", "x"), outcome=Outcome.GRANTED))
        while not of(run, AskLapse):
            await env.sleep(HOUR)
        assert not of(run, Release)
        at = of(run, AskLapse)[0].at
        await run.say(Lapsed(at=at, task=task("A", "z")))
        assert await run.handle.result() == Conclusion.GRANTED


async def test_a_turn_that_fails_is_tried_again_until_it_is_written(
    env: WorkflowEnvironment,
) -> None:
    async with running(env, route(step(decide("A", "x"))), START, fail_first=3) as run:
        await run.say(Decided(at=START + HOUR, task=task("A", "x"), outcome=Outcome.GRANTED))
        assert await run.handle.result() == Conclusion.GRANTED
        turns = [turn["turn"] for turn in run.shell.turns]
        assert turns == sorted(set(turns))


async def test_what_a_turn_did_not_contain_when_it_was_written_is_not_lost(
    env: WorkflowEnvironment,
) -> None:
    """A worker wrote the first turn and died; decisions were signalled before it began anew."""
    decisions = [
        Decided(at=START + HOUR, task=task(item, "x"), outcome=Outcome.GRANTED, ref=f"r-{item}")
        for item in ("A", "B")
    ]
    accepted = Accepted(at=START, ref="")
    written = {1: [accepted, decisions[0]]}
    of_two = route(step(decide("A", "x")), step(decide("B", "x")))
    async with running(env, of_two, START, carried=written, signalled=decisions) as run:
        assert await run.handle.result() == Conclusion.GRANTED
        assert [turn["turn"] for turn in run.shell.turns] == [2]
        assert [command.ref for command in of(run, EndTask)] == ["r-B"]
        assert len(of(run, Conclude)) == 1


async def test_a_late_message_after_the_end_does_no_harm(env: WorkflowEnvironment) -> None:
    async with running(env, route(step(decide("A", "x"))), START) as run:
        decision = Decided(at=START + HOUR, task=task("A", "x"), outcome=Outcome.GRANTED)
        await run.say(decision, decision, decision)
        assert await run.handle.result() == Conclusion.GRANTED
        assert len(of(run, Conclude)) == 1


async def test_the_case_can_be_read_while_it_runs(env: WorkflowEnvironment) -> None:
    async with running(env, route(step(decide("A", "x"))), START) as run:
        while not run.shell.turns:
            await env.sleep(timedelta(milliseconds=50))
        case = await run.handle.query("case")
        assert case["tasks"]["A/x"]["state"] == "open"
        await run.say(Withdrawn(at=START))
        assert await run.handle.result() == Conclusion.WITHDRAWN


async def test_a_workflow_that_goes_on_from_a_case_arms_its_timer(
    env: WorkflowEnvironment,
) -> None:
    """As after a long history, or when it is made again: nothing is pending, and a deadline is."""
    case, _ = apply(
        begin(route(step(decide("A", "x", promised=2)), promised_days=9), CALENDAR, START),
        Accepted(at=START),
    )
    async with running(env, case.route, START, case=case) as run:
        while len(of(run, RaiseSignal)) < 2:
            await env.sleep(HOUR)
        assert [c.signal for c in of(run, RaiseSignal)] == [Signal.WARNING, Signal.PROMISE_PASSED]
        assert [turn["turn"] for turn in run.shell.turns] == [8, 9]
        at = run.shell.commands[-1].at
        await run.say(Decided(at=at, task=task("A", "x"), outcome=Outcome.GRANTED))
        assert await run.handle.result() == Conclusion.GRANTED
