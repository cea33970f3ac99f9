"""Invariant 13: every overrun and every silence has its card, and every card has its ground.

Reckoned from the rows alone: dates against ends, signals, silences. A card that a person lifted is
accounted for; one that a later fact lifted must have no ground any more.
"""

from collections.abc import Iterator
from datetime import timedelta

import orjson

from services.contracts.vocabulary import Part, Service, Signal, Silence, TaskState
from services.verification.folders import Folder, Row
from services.verification.report import SUPERVISION, Finding
from services.verification.world import Finder, World

AFTER = timedelta(seconds=1)
LIMITS = {Signal.PROMISE_PASSED: "promised_at", Signal.STATUTE_PASSED: "statutory_at"}
JOINT = Signal.JOINT_LIMIT_PASSED
SILENT_LOOKS = ("examination_silent", "acceptance_deemed")
SIGNALLED = {
    Signal.PROMISE_PASSED: ("promise_passed", "step_passed"),
    Signal.STATUTE_PASSED: ("statute_passed",),
}
ENDED = ("promise_passed", "step_passed", "statute_passed", "opinion_lapsed", "renewal_lapsed")
RECKONED = frozenset(
    {
        *("promise_passed", "step_passed", "statute_passed"),
        *("opinion_lapsed", "renewal_lapsed", *SILENT_LOOKS),
        *("first_review_overdue", "delivery_overdue", "joint_limit_passed", "session_missed"),
        "fee_repaid",
    }
)
"""The facts whose ground stands in the application's own rows; a sensor's stands in its finding."""


def supervision(folder: Folder, _world: World) -> Iterator[Finding]:
    """13: cards and grounds, each against the other, and against the log of acts."""
    if folder.driven is None:
        return
    find = Finder(invariant=SUPERVISION, number=folder.number, moving=folder.moving)
    grounds = set(_grounds(folder))
    cards = folder.orchestrator["card"]
    counted = {_key(row) for row in cards if row["state"] != "lifted" or row["lifted_by"]}
    for key in sorted(_refunds(folder) - {_key(row) for row in cards}):
        yield find.across(f"fee_repaid of {key[2]}: there is no card", key[1])
    grounds |= _refunds(folder)
    before = _before_cards(folder)
    for fact, subject, department in sorted(grounds - counted - _refunds(folder)):
        # a county may leave absences without a rule
        if fact != "session_missed" and (fact, subject) not in before:
            yield find.within(f"{fact} of {department}: there is no card", subject)
    for row in cards:
        yield from _card(find, row, grounds)
    yield from _log(find, folder)


def _key(row: Row) -> tuple[str, str, str]:
    return row["fact"], row["subject"], row["department"]


def _card(find: Finder, row: Row, grounds: set[tuple[str, str, str]]) -> Iterator[Finding]:
    stands = row["state"] != "lifted"
    if row["fact"] in RECKONED:
        if stands and _key(row) not in grounds:
            yield find.within(f"card {row['id']} ({row['rule']}) has no ground", row["subject"])
    elif stands and not row["founded"]:
        yield find.within(f"card {row['id']} ({row['rule']}) rests on nothing", row["subject"])
    if row["raised"] - row["lifted"] != int(stands):
        yield find.within(f"card {row['id']} is {row['state']}, its journal says otherwise")


def _log(find: Finder, folder: Folder) -> Iterator[Finding]:
    """Every card was raised as often as the log of acts has it."""
    raised: dict[int, int] = {}
    for leaf in folder.leaves(Service.ORCHESTRATOR, "card.raised"):
        card = leaf["facts"]["card"]
        raised[card] = raised.get(card, 0) + 1
    told = {row["id"]: row["raised"] for row in folder.orchestrator["card"]}
    for card in sorted(raised.keys() | told.keys()):
        if raised.get(card, 0) != told.get(card, 0):
            yield find.within(f"card {card} is not what the log of acts has")


def _grounds(folder: Folder) -> Iterator[tuple[str, str, str]]:
    """Yield fact, subject and department of everything that a card must be there for."""
    standing = {
        (row["task"], row["signal"])
        for row in folder.orchestrator["signal"]
        if row["lifted_at"] is None
    }
    for row in folder.orchestrator["task"]:
        found = folder.parts.get((row["item"], row["department"]))
        if found is not None:  # else invariant 2 has it
            if row["state"] == TaskState.LAPSED:
                yield _lapsed(found[1]), row["task"], row["department"]
            for fact in _of_task(row, found[0]["group"], _silence(found[1]), standing):
                yield fact, row["task"], row["department"]
    yield from _of_whole(folder)
    for row in folder.orchestrator["examination"]:
        if row["state"] == "silent":
            yield _look(folder, row["task"]), row["task"], row["department"]
    for told in folder.commanded("TellSession"):
        if told["state"] == "held":
            for department in told["absent"]:
                yield "session_missed", f"{folder.number}/session/{told['session']}", department


def _before_cards(folder: Folder) -> set[tuple[str, str]]:
    """Reckon fact and subject of what turns had said when there were no cards yet."""
    last = folder.driven["before_cards"]
    if last is None:
        return set()
    said: dict[tuple[str, str], int] = {}
    for row in folder.orchestrator["journal"]:
        turn = row["turn"]
        for command in orjson.loads(row["commands"]):
            subject = command.get("task")
            facts = SIGNALLED.get(command.get("signal"), ())
            match command["type"]:
                case "RaiseSignal":
                    said |= {(fact, subject): turn for fact in facts}
                case "LiftSignal":
                    for fact in facts:
                        said.pop((fact, subject), None)
                case "EndTask":
                    said = {(fact, subject): turn for fact in ENDED} | said
                case "CloseExamination":
                    said |= {(fact, subject): turn for fact in SILENT_LOOKS}
    return {key for key, turn in said.items() if turn <= last}


def _refunds(folder: Folder) -> set[tuple[str, str, str]]:
    """Refunds that intake's log of acts has, for each department that the line was charged for.

    Those whose reason the log has in clear are of before there were cards: nobody was told.
    """
    charged = {
        line["standard"]: line["departments"]
        for row in folder.intake["bill"]
        for line in orjson.loads(row["lines"])
    }
    return {
        ("fee_repaid", f"{folder.number}/fee/{line}", department)
        for leaf in folder.leaves(Service.INTAKE, "fee.refund_begun")
        if "texts_sha256" in leaf["facts"]
        for line in leaf["facts"]["lines"]
        for department in charged.get(line, ())
    }


def _silence(part: dict[str, str]) -> bool:
    """Whether silence of a part counts, so that the silence is the fact and not its lateness."""
    return part["part"] == Part.CONSULT and part.get("silence", Silence.NONE) != Silence.NONE


def _lapsed(part: dict[str, str]) -> str:
    return "renewal_lapsed" if part["part"] == Part.DECIDE else "opinion_lapsed"


def _of_task(
    row: Row, group: str | None, silence: bool, standing: set[tuple[str | None, str]]
) -> Iterator[str]:
    for signal, column in LIMITS.items():
        ended = row["state"] in (TaskState.DECIDED, TaskState.LAPSED)
        due = row[column]
        passed = (row["task"], signal) in standing
        if ended:
            passed = due is not None and row["ended_at"] >= due + AFTER
        if passed and signal is Signal.STATUTE_PASSED:
            yield "statute_passed"
        elif passed and not silence:
            yield "step_passed" if group else "promise_passed"
    for other in (Signal.FIRST_REVIEW_OVERDUE, Signal.DELIVERY_OVERDUE):
        if (row["task"], other) in standing:
            yield str(other)


def _of_whole(folder: Folder) -> Iterator[tuple[str, str, str]]:
    """The limit of the joint case: whoever had open tasks when it passed answers for it.

    One of them is enough: what another had decided in time may have been told afterwards.
    """
    subject = f"{folder.number}/{JOINT}"
    for said in folder.orchestrator["signal"]:
        if said["task"] is not None or said["signal"] != JOINT or said["lifted_at"] is not None:
            continue
        carded = {row["department"] for row in folder.orchestrator["card"] if row["fact"] == JOINT}
        holding = {
            row["department"]
            for row in folder.orchestrator["task"]
            if row["issued_at"] <= said["at"]
            and (row["ended_at"] is None or row["ended_at"] > said["at"])
        }
        for department in carded or holding:
            yield str(JOINT), subject, department


def _look(folder: Folder, task: str) -> str:
    """Silence by which the application counts as accepted is graver than any other."""
    for row in folder.orchestrator["journal"]:
        commands = orjson.loads(row["commands"])
        if any(c["type"] == "CloseExamination" and c["task"] == task for c in commands):
            deemed = any(c["type"] == "Accept" and c["kind"] == "deemed" for c in commands)
            return "acceptance_deemed" if deemed else "examination_silent"
    return "examination_silent"
