"""Verification of cards: clean over what the hook does, red over what must not be."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import msgspec
import orjson
import pytest

from services.contracts.vocabulary import Outcome, Signal
from services.domain.approval import apply, begin
from services.domain.case import (
    Accepted,
    AnyCommand,
    AnyEvent,
    ClockReached,
    Decided,
    EndTask,
    IssueTask,
    Lapsed,
    LiftSignal,
    RaiseSignal,
)
from services.domain.supervision import Fact
from services.domain.supervision_facts import seen
from services.domain.supervision_rules import FactKind
from services.verification.folders import Folder
from services.verification.supervision import supervision
from tests.unit.routes import CALENDAR, NUMBER, START, consult, decide, route, step, task

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
PROMISED = CALENDAR.close_of(date(2026, 1, 8))
WORLD: Any = None
"""The cards are reckoned from the rows alone."""
Rows = dict[str, list[dict[str, Any]]]


class Life:
    """A life and the rows that the orchestrator would hold of it."""

    def __init__(self) -> None:
        joint = step(decide("B", "e"), consult("B", "u"), code="joint")
        self.case = begin(route(step(decide("A", "d")), joint), CALENDAR, START)
        self.rows: Rows = {
            name: [] for name in ("task", "signal", "examination", "card", "journal", "audit_leaf")
        }
        self.intake: Rows = {"bill": [], "audit_leaf": []}
        self.before_cards: int | None = None
        self.do(Accepted(at=START))

    def do(self, event: AnyEvent) -> None:
        self.case, commands = apply(self.case, event)
        self.keep(commands, [event])

    def keep(self, commands: tuple[AnyCommand, ...], events: list[Any]) -> None:
        for command in commands:
            self._keep(command)
        encoded = msgspec.json.encode(commands)
        self.rows["journal"].append({"turn": len(self.rows["journal"]), "commands": encoded})
        found = seen(self.case.route, commands, msgspec.to_builtins(events), holders=["d"])
        for one in found.removals:
            for card in self.rows["card"]:
                if (card["fact"], card["subject"]) == (one.kind, one.subject):
                    card |= {"state": "lifted", "lifted": 1}
        for fact in found.facts:
            self.card(fact)

    def card(self, fact: Fact) -> None:
        number = len(self.rows["card"]) + 1
        self.rows["card"].append(
            {
                "id": number,
                "rule": "rule",
                "fact": str(fact.kind),
                "subject": fact.subject,
                "department": fact.department,
                "state": "open",
                "lifted_by": None,
                "raised": 1,
                "lifted": 0,
                "founded": False,
            }
        )
        leaf = orjson.dumps({"facts": {"card": number}}).decode()
        self.rows["audit_leaf"].append({"act": "card.raised", "body": leaf})

    def _keep(self, command: AnyCommand) -> None:
        match command:
            case IssueTask():
                _, item, department, _ = command.task.split("/")
                self.rows["task"].append(
                    {
                        "task": command.task,
                        "item": item,
                        "department": department,
                        "state": "open",
                        "issued_at": command.at,
                        "ended_at": None,
                        "promised_at": command.dates.promised_at,
                        "statutory_at": command.dates.statutory_at,
                    }
                )
            case EndTask():
                row = next(one for one in self.rows["task"] if one["task"] == command.task)
                row |= {"state": str(command.state), "ended_at": command.at}
            case RaiseSignal():
                said = {"task": command.task, "signal": str(command.signal), "at": command.at}
                self.rows["signal"].append(said | {"lifted_at": None})
            case LiftSignal():
                for row in self.rows["signal"]:
                    if (row["task"], row["signal"]) == (command.task, command.signal):
                        row["lifted_at"] = command.at
            case _:
                pass  # no row that cards are reckoned from

    def findings(self) -> list[str]:
        driven = {
            "route": msgspec.json.encode(self.case.route).decode(),
            "before_cards": self.before_cards,
        }
        folder = Folder(
            number=NUMBER,
            intake=self.intake,
            orchestrator={**self.rows, "application": [driven]},
            departments={},
            moving=False,
        )
        return [str(one) for one in supervision(folder, WORLD)]


def late() -> Life:
    """One department passes promise and statute, a unit keeps silent, one card is lifted."""
    life = Life()
    life.do(ClockReached(at=PROMISED + SECOND))
    life.do(Lapsed(at=PROMISED + SECOND, task=task("B", "u")))
    in_time = Decided(at=PROMISED - DAY, task=task("B", "e"), outcome=Outcome.GRANTED, ref="r")
    life.do(in_time)
    life.do(ClockReached(at=PROMISED + 30 * DAY))
    life.do(Decided(at=PROMISED + 31 * DAY, task=task("A", "d"), outcome=Outcome.GRANTED, ref="r"))
    return life


def test_what_the_hook_does_is_clean() -> None:
    life = late()
    assert life.findings() == []
    assert [(one["fact"], one["state"]) for one in life.rows["card"]] == [
        ("promise_passed", "open"),
        ("step_passed", "lifted"),
        ("opinion_lapsed", "open"),
        ("statute_passed", "open"),
    ]


def test_an_application_that_nobody_drives_has_no_cards() -> None:
    empty: Rows = {"application": []}
    folder = Folder(number="N", intake={}, orchestrator=empty, departments={}, moving=False)
    assert list(supervision(folder, WORLD)) == []


def _card(life: Life, fact: str) -> dict[str, Any]:
    return next(one for one in life.rows["card"] if one["fact"] == fact)


def _lost(life: Life) -> None:
    life.rows["card"].remove(_card(life, "statute_passed"))


def _lapse_lost(life: Life) -> None:
    _card(life, "opinion_lapsed")["department"] = "x"


def _revived(life: Life) -> None:
    _card(life, "step_passed").update(state="open", lifted=0)


def _lifted_by_nobody(life: Life) -> None:
    _card(life, "promise_passed")["state"] = "lifted"


def _sensed(life: Life) -> None:
    _card(life, "promise_passed")["fact"] = "number_twice"


def _unlogged(life: Life) -> None:
    life.rows["audit_leaf"].pop()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_lost, "statute_passed of d: there is no card"),
        (_lapse_lost, "opinion_lapsed of u: there is no card"),
        (_revived, "has no ground"),
        (_lifted_by_nobody, "its journal says otherwise"),
        (_sensed, "rests on nothing"),
        (_unlogged, "is not what the log of acts has"),
    ],
)
def test_what_must_not_be_is_found(spoil: Callable[[Life], None], says: str) -> None:
    life = late()
    spoil(life)
    found = life.findings()
    assert any(says in one for one in found), found


def test_a_card_that_a_person_lifted_is_accounted_for() -> None:
    life = late()
    _card(life, "promise_passed").update(state="lifted", lifted=1, lifted_by="ab" * 8)
    assert life.findings() == []


def test_a_joint_limit_needs_one_card_of_whoever_held_it() -> None:
    life = Life()
    life.keep((RaiseSignal(at=START + DAY, signal=Signal.JOINT_LIMIT_PASSED),), [])
    assert life.findings() == []
    life.rows["card"].clear()
    life.rows["audit_leaf"].clear()
    assert len([one for one in life.findings() if "joint_limit_passed" in one]) == 3
    life.rows["signal"][-1]["lifted_at"] = START + DAY
    assert life.findings() == []


def test_a_silent_look_and_an_absence_are_grounds() -> None:
    life = Life()
    name = f"{NUMBER}/examination/d/1"
    life.rows["examination"].append({"task": name, "department": "d", "state": "silent"})
    assert "examination_silent of d" in life.findings()[0]
    closed = {"type": "CloseExamination", "task": name}
    deemed = {"type": "Accept", "kind": "deemed"}
    life.rows["journal"].append({"turn": 9, "commands": orjson.dumps([closed, deemed])})
    assert "acceptance_deemed of d" in life.findings()[0]
    life.rows["examination"].clear()
    held = {"type": "TellSession", "state": "held", "session": 4, "absent": ["e"]}
    convened = held | {"state": "convened"}
    life.rows["journal"].append({"turn": 10, "commands": orjson.dumps([convened, held])})
    assert life.findings() == [], "a county may leave absences without a rule"


def test_a_refund_of_an_unlawful_fee_has_its_card() -> None:
    life = Life()
    line = orjson.dumps([{"standard": "sign-fee", "departments": ["d"]}])
    life.intake["bill"].append({"lines": line})
    facts = {"lines": ["sign-fee"], "texts_sha256": "0" * 64}
    body = orjson.dumps({"facts": facts}).decode()
    life.intake["audit_leaf"].append({"act": "fee.refund_begun", "body": body})
    [missing] = life.findings()
    assert "fee_repaid of d: there is no card" in missing
    fact = Fact(
        kind=FactKind.FEE_REPAID, subject=f"{NUMBER}/fee/sign-fee", department="d", at=START
    )
    life.card(fact)
    assert life.findings() == []


def _without_cards(life: Life) -> Life:
    """What has been said so far was said before there were cards."""
    life.before_cards = len(life.rows["journal"]) - 1
    life.rows["card"].clear()
    life.rows["audit_leaf"].clear()
    return life


def test_what_was_said_before_there_were_cards_needs_none() -> None:
    life = late()
    name = f"{NUMBER}/examination/d/1"
    life.rows["examination"].append({"task": name, "department": "d", "state": "silent"})
    closed = orjson.dumps([{"type": "CloseExamination", "task": name}])
    life.rows["journal"].append({"turn": len(life.rows["journal"]), "commands": closed})
    assert _without_cards(life).findings() == []
    life.before_cards = None
    assert len(life.findings()) == 4


def test_what_was_signalled_before_there_were_cards_may_end_after_them() -> None:
    life = Life()
    life.do(ClockReached(at=PROMISED + SECOND))
    _without_cards(life)
    life.do(Decided(at=PROMISED + DAY, task=task("A", "d"), outcome=Outcome.GRANTED, ref="r"))
    assert life.findings() == []


def test_what_is_said_since_there_are_cards_needs_one() -> None:
    life = Life()
    life.do(ClockReached(at=PROMISED + SECOND))
    _without_cards(life)
    life.do(ClockReached(at=PROMISED + 30 * DAY))
    assert life.findings() == []
    life.rows["card"].clear()
    life.rows["audit_leaf"].clear()
    assert life.findings(), "the statute passed afterwards"
    assert all("statute_passed" in one for one in life.findings())


def test_what_was_taken_back_and_is_said_again_needs_a_card() -> None:
    life = Life()
    life.do(ClockReached(at=PROMISED + SECOND))
    _without_cards(life)
    name = task("A", "d")
    signal = Signal.PROMISE_PASSED
    said = next(
        row for row in life.rows["signal"] if (row["task"], row["signal"]) == (name, signal)
    )
    life.keep((LiftSignal(at=PROMISED + DAY, signal=signal, task=name),), [])
    life.rows["signal"].remove(said)
    life.keep((RaiseSignal(at=PROMISED + 2 * DAY, signal=signal, task=name),), [])
    assert life.findings() == []
    life.rows["card"].clear()
    life.rows["audit_leaf"].clear()
    assert [one for one in life.findings() if "promise_passed of d" in one]


def test_a_refund_whose_reason_is_in_clear_was_told_to_nobody() -> None:
    life = Life()
    line = orjson.dumps([{"standard": "sign-fee", "departments": ["d"]}])
    life.intake["bill"].append({"lines": line})
    facts = {"lines": ["sign-fee"], "reason": "多收", "document": "退字1号"}
    body = orjson.dumps({"facts": facts}).decode()
    life.intake["audit_leaf"].append({"act": "fee.refund_begun", "body": body})
    assert life.findings() == []
