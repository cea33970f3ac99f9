"""Whole lives of applications, with a fault in every step: invariants, and an end.

Some hundred lives here; `make lives` lives ten thousand (`LIANSHEN_TEST_LIVES`) and prints what
came to pass in them; there every fault and every outcome must have occurred.
"""

import os
import sys
from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.domain.route import Route
from tests.unit.lives_routes import life_routes
from tests.unit.lives_world import World

LIVES = int(os.environ.get("LIANSHEN_TEST_LIVES", "300"))
MANY = 2000
STEPS = 40
LONGEST = 600
MUST_OCCUR = (
    "fault: calendar notice",
    "fault: died after carrying out",
    "fault: everything said again",
    "fault: handed over again, late",
    "fault: handed over twice",
    "fault: late timer",
    "fault: lost",
    "fault: message later than its timer",
    "fault: overtaken",
    "fault: restart from the journal",
    "fault: restart from the state",
    "fault: said against its own word",
    "fault: sent again after a loss",
    "fault: stale instant",
    "fault: twice",
    "a correction on the spot",
    "a further round",
    "a lapse that lost",
    "a notice answered in time",
    "a notice of what is missing",
    "a notice to put right ran out",
    "a pause",
    "a second notice",
    "papers that were closed",
    "papers that were handed in before they were closed",
    "a signal taken back",
    "accepted: deemed",
    "accepted: explicit",
    "an extension",
    "concluded: granted",
    "concluded: partly_granted",
    "concluded: refused",
    "concluded: withdrawn",
    "a renewal decided",
    "renewed by silence",
    "signal promise_passed",
    "signal statute_passed",
    "signal warning",
    "task cancelled",
    "task decided",
    "task lapsed",
)

PICK = st.integers(0, 999)
HOW = st.sampled_from(["well", "well", "well", "waits", "forgets", "dies"])
SELDOM = st.integers(0, 3).map(lambda n: n == 3)
tally: Counter[str] = Counter()


class Life(RuleBasedStateMachine):
    """One application, from its submission to its end."""

    world: World | None = None

    @initialize(of=life_routes(), luck=st.integers(0, 2**32))
    def submit(self, of: Route, luck: int) -> None:
        self.world = World(of, tally)
        self.luck = Random(luck)
        self.steps = 0

    def _is(self, name: str) -> bool:
        """Whether there is anything of a kind to act upon."""
        world = self.world
        if world is None:
            return False
        match name:
            case "flying":
                return bool(world.wire.flying)
            case "open":
                return bool(world.departments.open())
            case "asked":
                return bool(world.departments.asked())
            case "papers":
                return bool(world.door.papers)
            case _:
                return bool(world.door.notices) or world.door.missing is not None

    @property
    def w(self) -> World:
        assert self.world is not None
        self.steps += 1
        return self.world

    def then(self, how: str) -> None:
        if how != "waits":
            self.w.work(how)

    # -- messages --------------------------------------------------------------------------------

    @precondition(lambda self: self._is("flying"))
    @rule(pick=PICK, how=HOW)
    def a_message_arrives(self, pick: int, how: str) -> None:
        self.w.arrive(pick)
        self.then(how)

    @precondition(lambda self: self._is("flying"))
    @rule(how=HOW)
    def all_messages_arrive(self, how: str) -> None:
        self.w.arrive_all()
        self.then(how)

    @rule(pick=PICK, fault=st.sampled_from(["lost", "doubled", "again", "all again", "known"]))
    def the_wire_fails(self, pick: int, fault: str) -> None:
        match fault:
            case "lost" if self.w.wire.flying:
                self.w.lose(pick)
            case "doubled":
                self.w.double(pick)
            case "all again":
                self.w.say_all_again()
            case "known":
                self.w.say_again_past_the_inbox(pick)
            case _:
                self.w.resend()

    # -- the workflow ----------------------------------------------------------------------------

    @rule(hours=st.integers(1, 60), rings=st.booleans())
    def time_passes(self, hours: int, rings: bool) -> None:
        self.w.pass_time(hours)
        if rings:
            self.w.ring()

    @rule()
    def the_timer_rings(self) -> None:
        world = self.w
        ahead = world.shell.due
        if ahead is not None:
            world.now = max(world.now, ahead)
            world.ring()

    @rule(wiped=st.booleans(), how=HOW)
    def the_workflow_is_lost(self, wiped: bool, how: str) -> None:
        if wiped:
            self.w.rebuild()
            self.then(how)
        else:
            self.w.restart()

    # -- people ----------------------------------------------------------------------------------

    @precondition(lambda self: self._is("open"))
    @rule(pick=PICK, adverse=SELDOM)
    def a_department_decides(self, pick: int, adverse: bool) -> None:
        self.w.decide(pick, adverse=adverse)

    @precondition(lambda self: self._is("asked"))
    @rule(pick=PICK, lacking=st.sampled_from([0, 0, 1, 2]))
    def a_department_examines(self, pick: int, lacking: int) -> None:
        self.w.examine(pick, lacking=lacking)

    @precondition(lambda self: self._is("open"))
    @rule(pick=PICK, length=st.integers(0, 9), cap=st.none() | st.integers(1, 4))
    def a_department_stops_a_clock(self, pick: int, length: int, cap: int | None) -> None:
        self.w.pause(pick, length, cap)

    @precondition(lambda self: self._is("open"))
    @rule(pick=PICK, act=st.sampled_from(["goes on", "longer", "up", "meet"]))
    def a_department_acts_on_a_clock(self, pick: int, act: str) -> None:
        match act:
            case "goes on":
                self.w.end_pause(pick)
            case "longer":
                self.w.extend(pick, 1 + pick % 10)
            case "up":
                self.w.send_up(pick)
            case _:
                self.w.meet(pick)

    @rule(pick=PICK, stale=st.integers(0, 90), adverse=SELDOM)
    def own_software_misbehaves(self, pick: int, stale: int, adverse: bool) -> None:
        self.w.misbehave(pick, stale, adverse=adverse)

    @precondition(lambda self: self._is("notice"))
    @rule(pick=PICK, complete=st.booleans())
    def the_investor_answers(self, pick: int, complete: bool) -> None:
        self.w.rectify(pick)
        self.w.supplement(pick, complete=complete)

    @precondition(lambda self: self._is("papers"))
    @rule()
    def the_investor_hands_in_later_papers(self) -> None:
        self.w.hand_in()

    @rule(pick=PICK)
    def the_investor_corrects(self, pick: int) -> None:
        self.w.correct(pick)

    @precondition(lambda self: self.world is not None and self.steps > STEPS // 2)
    @rule(really=SELDOM)
    def the_investor_withdraws(self, really: bool) -> None:
        if really:
            self.w.withdraw()

    @rule(pick=PICK, how=HOW, act=st.sampled_from(["hold", "resume", "calendar", "extend"]))
    def an_operator_acts(self, pick: int, how: str, act: str) -> None:
        match act:
            case "hold":
                self.w.hold()
            case "resume":
                self.w.resume()
            case "calendar":
                self.w.publish(pick)
            case _:
                self.w.extend_whole(1 + pick % 6)
        self.then(how)

    # -- what must hold --------------------------------------------------------------------------

    @invariant()
    def nothing_is_broken(self) -> None:
        if self.world is not None:
            self.world.check()

    def teardown(self) -> None:
        if self.world is None or sys.exc_info()[0] is not None:
            return
        tally["lives"] += 1
        tally["steps"] += self.steps
        live_on(self.world, self.luck)
        self.world.check_end()


def live_on(world: World, luck: Random) -> None:
    """Let everything be delivered, and time pass, until the application is over."""
    for _ in range(LONGEST):
        world.resend()
        world.arrive_all()
        world.work()
        world.check()
        tally["steps to the end"] += 1
        if world.case.conclusion is not None and not (world.wire.flying or world.undelivered):
            return
        over = world.case.conclusion is not None
        if not over and luck.random() < 0.2:
            world.say_again_past_the_inbox(luck.randrange(1000))
        if not over and not act(world, luck) and world.shell.due is not None:
            world.now = max(world.now, world.shell.due)
            world.ring()
            world.check()
    raise AssertionError("it does not end")


def act(world: World, luck: Random) -> bool:
    """Let somebody act who can; return whether anybody did."""
    before = len(world.wire.sent), len(world.undelivered)
    pick = luck.randrange(1000)
    if luck.random() < 0.3:
        world.pass_time(luck.randrange(1, 30))
    if world.case.held:
        world.resume()
    elif world.departments.asked() and luck.random() < 0.7:
        world.examine(pick, lacking=luck.choice([0, 0, 0, 1]))
    elif world.departments.open() and luck.random() < 0.7:
        world.end_pause(pick)
        world.decide(pick, adverse=luck.random() < 0.3)
    elif luck.random() < 0.7 or world.door.missing is not None:
        world.rectify(pick)
        world.supplement(pick, complete=True)
        world.hand_in()
    return (len(world.wire.sent), len(world.undelivered)) != before


def test_every_life_ends_once_and_nothing_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    tally.clear()
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=STEPS,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
    if LIVES < MANY:
        return
    with capsys.disabled():
        print("\n" + "\n".join(f"{count:>10,}  {name}" for name, count in sorted(tally.items())))
    assert tally["lives"] >= LIVES
    assert [name for name in MUST_OCCUR if not tally[name]] == []
