"""The supervision's core: rules as data, facts of turns, cards, and what becomes of them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.contracts.vocabulary import (
    AcceptanceKind,
    AcceptanceState,
    AppointmentOutcome,
    DateChange,
    Outcome,
    PauseKind,
    SessionState,
    Signal,
    Silence,
    TaskState,
)
from services.domain.approval import apply, begin
from services.domain.case import (
    Accepted,
    AnyCommand,
    AnyEvent,
    Case,
    ClockReached,
    Decided,
    Lapsed,
    LiftSignal,
    Paused,
    RaiseSignal,
)
from services.domain.examination import (
    Accept,
    CloseExamination,
    RecordExamination,
    StrikeSilence,
)
from services.domain.limits import EMPTY, Extension, Ledger, Pause
from services.domain.route import Route
from services.domain.session_events import Settled, TellSession
from services.domain.supervision import (
    CardAct,
    CardState,
    Fact,
    Overrun,
    Standing,
    after,
    appeal_until,
    judge,
    red_list,
)
from services.domain.supervision_facts import LIMITS, seen, touches, whole_passed_at, with_limit
from services.domain.supervision_rules import Colour, FactKind, Rule, SupervisionRules
from services.runtime import supervision_files
from services.runtime.catalogue_files import CatalogueError
from tests.unit.routes import CALENDAR, NUMBER, START, consult, days, decide, route, routes, step
from tests.unit.routes import task as named

RULES = supervision_files.load(Path("deploy/supervision/rules.yaml"))
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
PLAIN = route(step(decide("A", "d")))


def fact(kind: FactKind = FactKind.PROMISE_PASSED, **changes: Any) -> Fact:
    given: dict[str, Any] = {
        "subject": named("A", "d"),
        "department": "d",
        "at": START,
        "evidence": {"step": "A"},
    }
    return Fact(kind=kind, **(given | changes))


def ruled(*rules: Rule) -> SupervisionRules:
    """These rules and no other, lawful or not."""
    return SupervisionRules.model_construct(
        version="1", appeal_within=RULES.appeal_within, rules=rules, escalations=()
    )


# Rules


def test_the_shipped_rules_say_what_is_yellow_and_what_is_red() -> None:
    colours = {rule.reads: rule.colour for rule in RULES.rules}
    assert colours[FactKind.WARNING] is Colour.LIGHT
    yellow = {FactKind.PROMISE_PASSED, FactKind.STEP_PASSED, FactKind.OPINION_LAPSED}
    assert {colours[kind] for kind in yellow} == {Colour.YELLOW}
    red = {
        *(FactKind.STATUTE_PASSED, FactKind.ACCEPTANCE_DEEMED, FactKind.NEW_FINDINGS),
        *(FactKind.REFUSAL_UNREASONED, FactKind.FEE_REPAID, FactKind.TASK_UNKNOWN),
    }
    assert {colours[kind] for kind in red} == {Colour.RED}
    assert RULES.by_code["told-late"].reads is FactKind.TOLD_LATE
    assert set(FactKind) == set(RULES.of_fact), "nothing is seen that no rule names"


BROKEN = [
    ("colour: red", "colour: yellow", "statute_passed is red at least"),
    ("colour: yellow", "colour: green", "rules.1.colour"),
    ("reads: promise_passed", "reads: something_else", "rules.1.reads"),
    ("reads: promise_passed", "reads: warning", "the fact warning has two rules"),
    ("code: step-overrun", "code: promise-passed", "the code promise-passed has two rules"),
    ("reads: told_late\n", "reads: out_of_hours\n", "out_of_hours"),
    ("thresholds: {working_days: 1}", "thresholds: {at_least: 1}", "['working_days']"),
    ("cards: 2", "cards: 0", "escalations.0.cards"),
    ("appeal_within: {value: 5}", "appeal_within: {value: five}", "appeal_within.value"),
]


@pytest.mark.parametrize(("what", "instead", "says"), BROKEN)
def test_a_mistake_in_the_rules_is_told_with_its_place(
    tmp_path: Path, what: str, instead: str, says: str
) -> None:
    text = Path("deploy/supervision/rules.yaml").read_text(encoding="utf-8")
    file = tmp_path / "rules.yaml"
    file.write_text(text.replace(what, instead, 1), encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        supervision_files.load(file)
    [finding] = caught.value.findings
    assert says in finding.en, finding.en
    assert finding.place.file == str(file)
    assert finding.place.line >= 1


def test_the_line_is_that_of_the_entry(tmp_path: Path) -> None:
    text = Path("deploy/supervision/rules.yaml").read_text(encoding="utf-8")
    file = tmp_path / "rules.yaml"
    file.write_text(text.replace("colour: red", "colour: yellow", 1), encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        supervision_files.load(file)
    line = next(n for n, one in enumerate(text.splitlines(), 1) if "code: statute-passed" in one)
    assert caught.value.findings[0].place.line == line


def test_a_county_cannot_leave_out_what_the_law_asks_for(tmp_path: Path) -> None:
    kept = [rule for rule in RULES.rules if rule.reads is not FactKind.STATUTE_PASSED]
    with pytest.raises(ValueError, match="no rule for statute_passed"):
        SupervisionRules(version="1", appeal_within=RULES.appeal_within, rules=tuple(kept))


# Judging


def test_a_fact_that_no_rule_reads_or_that_is_a_light_raises_nothing() -> None:
    assert judge(fact(), ruled(), CALENDAR) is None
    assert judge(fact(FactKind.WARNING), RULES, CALENDAR) is None


def test_there_is_no_card_without_evidence() -> None:
    assert judge(fact(evidence={}), RULES, CALENDAR) is None
    card = judge(fact(), RULES, CALENDAR)
    assert card is not None
    assert card.evidence == {"step": "A"}


def limited(due_at: datetime, ledger: Ledger = EMPTY) -> Overrun:
    return Overrun(issued_at=START, due_at=due_at, ledger=ledger)


def test_a_day_within_the_limit_as_it_stands_raises_nothing() -> None:
    assert judge(fact(overrun=limited(START)), RULES, CALENDAR) is None
    assert judge(fact(at=START + SECOND, overrun=limited(START)), RULES, CALENDAR) is not None


def test_the_evidence_names_everything_that_was_not_counted() -> None:
    pause = Pause(
        kind=PauseKind.HEARING,
        from_on=date(2026, 1, 6),
        until_on=date(2026, 1, 7),
        cap=None,
        notice="甲〔2026〕1号",
        article="行政许可法 45",
    )
    open_ = replace(pause, until_on=None)
    longer = Extension(
        budget=days(10), approver="department_head", article="行政许可法 42", on=date(2026, 1, 7)
    )
    ledger = Ledger(pauses=(pause, open_), extensions=(longer,))
    due = CALENDAR.close_of(date(2026, 1, 12))
    card = judge(fact(at=due + SECOND, overrun=limited(due, ledger)), RULES, CALENDAR)
    assert card is not None
    assert (card.rule, card.colour) == ("promise-passed", Colour.YELLOW)
    told = card.evidence
    assert told["due_on"] == "2026-01-12"
    assert told["working_days"] == 6
    assert [one["until_on"] for one in told["pauses"]] == ["2026-01-07", None]
    assert told["pauses"][0]["notice"] == "甲〔2026〕1号"
    assert told["extensions"] == [
        {"on": "2026-01-07", "days": 10, "unit": "working_day", "approver": "department_head"}
    ]


def test_the_article_is_the_rules() -> None:
    card = judge(fact(FactKind.STATUTE_PASSED), RULES, CALENDAR)
    assert card is not None
    assert card.article == "行政许可法 42, 74"
    local = judge(fact(), RULES, CALENDAR)
    assert local is not None
    assert local.article == "本县电子监察办法"


# What becomes of a card


def test_what_can_be_done_to_a_card() -> None:
    found = {
        (state, act): after(state, act)
        for state in CardState
        for act in CardAct
        if after(state, act) is not None
    }
    assert found == {
        (CardState.OPEN, CardAct.APPEAL): CardState.APPEALED,
        (CardState.OPEN, CardAct.LIFT): CardState.LIFTED,
        (CardState.APPEALED, CardAct.UPHOLD): CardState.UPHELD,
        (CardState.APPEALED, CardAct.LIFT): CardState.LIFTED,
        (CardState.UPHELD, CardAct.LIFT): CardState.LIFTED,
    }


def test_the_term_of_an_appeal_counts_working_days() -> None:
    raised = datetime(2026, 1, 8, 9, 0, 1, tzinfo=UTC)
    # the 9th, the make-up Saturday of the 10th, then the 12th to 14th
    assert appeal_until(raised, RULES, CALENDAR) == CALENDAR.close_of(date(2026, 1, 14))


def card_of(id_: int, department: str, colour: Colour, day: int, month: int = 3) -> Standing:
    return Standing(id=id_, department=department, colour=colour, raised_on=date(2026, month, day))


def test_two_yellow_cards_of_a_month_or_a_red_one_are_an_entry_on_the_red_list() -> None:
    standing = [
        card_of(4, "b", Colour.YELLOW, 30),
        card_of(1, "b", Colour.YELLOW, 2),
        card_of(2, "a", Colour.YELLOW, 2),
        card_of(3, "a", Colour.YELLOW, 1, month=4),
        card_of(5, "c", Colour.RED, 5),
    ]
    found = red_list(standing, RULES, date(2026, 3, 1))
    assert [(one.department, one.escalation.code, one.cards) for one in found] == [
        ("b", "two-yellow", (1, 4)),
        ("c", "any-red", (5,)),
    ]


# Facts of turns


def raised(signal: Signal, task: str | None, at: datetime = START) -> RaiseSignal:
    return RaiseSignal(at=at, signal=signal, task=task)


def kinds(found: Route, *commands: AnyCommand, **more: Any) -> list[FactKind]:
    return [one.kind for one in seen(found, commands, more.pop("events", ()), **more).facts]


def test_a_turn_that_says_nothing_is_not_looked_at() -> None:
    assert not touches([])
    assert touches([raised(Signal.WARNING, named("A", "d"))])
    assert seen(PLAIN, [], ()) == seen(PLAIN, [raised(Signal.WARNING, named("A", "d"))], ())


def test_the_promise_of_a_merged_step_is_the_steps() -> None:
    merged = route(step(decide("A", "d"), decide("B", "e"), code="joint"))
    late = raised(Signal.PROMISE_PASSED, named("A", "d"))
    assert kinds(PLAIN, late) == [FactKind.PROMISE_PASSED]
    assert kinds(merged, late) == [FactKind.STEP_PASSED]
    assert kinds(merged, raised(Signal.STATUTE_PASSED, named("A", "d"))) == [
        FactKind.STATUTE_PASSED
    ]


def test_silence_that_counts_is_the_fact_and_not_its_lateness() -> None:
    def asked(silence: Silence) -> Route:
        return route(step(decide("A", "d"), consult("A", "u", silence), code="joint"))

    late = raised(Signal.PROMISE_PASSED, named("A", "u"))
    assert kinds(asked(Silence.NO_OBJECTION), late) == []
    assert kinds(asked(Silence.NONE), late) == [FactKind.STEP_PASSED]


def test_what_is_taken_back_in_the_same_turn_was_never_said() -> None:
    late, other = named("A", "d"), named("B", "e")
    both = route(step(decide("A", "d")), step(decide("B", "e")))
    found = seen(
        both,
        [
            raised(Signal.PROMISE_PASSED, late),
            raised(Signal.PROMISE_PASSED, other),
            LiftSignal(at=START, signal=Signal.PROMISE_PASSED, task=late),
            LiftSignal(at=START, signal=Signal.WARNING, task=other),
        ],
        (),
    )
    assert [one.subject for one in found.facts] == [other]
    assert [(one.subject, one.reason) for one in found.removals] == [(late, "act_in_time")]


def test_the_limit_of_the_joint_case_is_answered_for_by_whoever_has_it_in_hand() -> None:
    whole = raised(Signal.JOINT_LIMIT_PASSED, None)
    assert whole_passed_at([raised(Signal.PROMISE_PASSED, None)]) is None
    assert whole_passed_at([whole]) == START
    facts = seen(PLAIN, [whole], (), holders=["x", "y", "x"]).facts
    assert [(one.kind, one.department, one.subject) for one in facts] == [
        (FactKind.JOINT_LIMIT_PASSED, "x", f"{NUMBER}/joint_limit_passed"),
        (FactKind.JOINT_LIMIT_PASSED, "y", f"{NUMBER}/joint_limit_passed"),
    ]
    assert kinds(PLAIN, raised(Signal.PROMISE_PASSED, None), holders=["x"]) == []
    lifted = LiftSignal(at=START, signal=Signal.JOINT_LIMIT_PASSED)
    [gone] = seen(PLAIN, [lifted], ()).removals
    assert gone.subject == f"{NUMBER}/joint_limit_passed"
    assert seen(PLAIN, [LiftSignal(at=START, signal=Signal.PROMISE_PASSED)], ()).removals == ()


def look(number: int = 1) -> str:
    return f"{NUMBER}/examination/d/{number}"


def closed(*, silent: bool = True) -> CloseExamination:
    return CloseExamination(at=START, task=look(), department="d", silent=silent, reason="")


def struck(number: int = 1) -> StrikeSilence:
    return StrikeSilence(
        at=START,
        task=look(number),
        department="d",
        findings=(),
        ref="",
        arrived_at=START,
        state=AcceptanceState.ACCEPTED,
        round=1,
        outstanding=(),
        silent=(),
    )


def test_silence_by_which_an_application_is_accepted_is_graver() -> None:
    accept = Accept(
        at=START,
        kind=AcceptanceKind.DEEMED,
        on=date(2026, 1, 5),
        received_on=date(2026, 1, 5),
        silent=("d",),
        promised_at=START,
        promised_days=3,
        provisional=False,
    )
    assert kinds(PLAIN, closed()) == [FactKind.EXAMINATION_SILENT]
    assert kinds(PLAIN, closed(silent=False), accept) == []
    [deemed] = seen(PLAIN, [closed(), accept], ()).facts
    assert deemed.kind is FactKind.ACCEPTANCE_DEEMED
    assert deemed.evidence["received_on"] == "2026-01-05"
    assert {one.kind for one in seen(PLAIN, [struck()], ()).removals} == {
        FactKind.ACCEPTANCE_DEEMED,
        FactKind.EXAMINATION_SILENT,
    }


def test_silence_that_is_struck_out_in_the_same_turn_raises_nothing() -> None:
    assert kinds(PLAIN, closed(), struck()) == []
    assert kinds(PLAIN, closed(), struck(2)) == [FactKind.EXAMINATION_SILENT]


def test_a_later_notice_that_names_something_new() -> None:
    def recorded(round_: int, *findings: str) -> RecordExamination:
        return RecordExamination(
            at=START, task=look(2), department="d", round=round_, findings=findings, ref="r"
        )

    events = [{"type": "Examined", "ref": "r", "findings": ["material/a", "material/b"]}]
    assert kinds(PLAIN, recorded(1, "material/a"), events=events) == []
    assert kinds(PLAIN, recorded(2, "material/a", "material/b"), events=events) == []
    [found] = seen(PLAIN, [recorded(2, "material/a")], events).facts
    assert (found.kind, found.evidence["named"]) == (FactKind.NEW_FINDINGS, ["material/b"])


def test_who_is_absent_without_a_substitute_is_named_once_the_session_was_held() -> None:
    def told(state: SessionState, settled: Settled | None = None) -> TellSession:
        return TellSession(
            at=START,
            step="A",
            department="d",
            session=7,
            state=state,
            starts_at=START,
            ends_at=START + HOUR,
            absent=("e", "f"),
            ref="",
            settled=settled,
        )

    assert kinds(PLAIN, told(SessionState.CONVENED)) == []
    late = Settled(offer=1, outcome=AppointmentOutcome.VOID)
    assert kinds(PLAIN, told(SessionState.HELD, late)) == [], "it was said when it was held"
    facts = seen(PLAIN, [told(SessionState.HELD)], ()).facts
    assert [(one.kind, one.department) for one in facts] == [
        (FactKind.SESSION_MISSED, "e"),
        (FactKind.SESSION_MISSED, "f"),
    ]


# Whole lives


class Watched:
    """A case under supervision: the cards that stand after every event."""

    def __init__(self, found: Route) -> None:
        self.case: Case = begin(found, CALENDAR, START)
        self.standing: dict[tuple[FactKind, str], dict[str, Any]] = {}
        self.raised = 0

    def do(self, event: AnyEvent) -> None:
        self.case, commands = apply(self.case, event)
        found = seen(self.case.route, commands, msgspec.to_builtins([event]))
        for removal in found.removals:
            self.standing.pop((removal.kind, removal.subject), None)
        for one in found.facts:
            card = judge(self._limited(one), RULES, CALENDAR)
            if card is not None:
                assert card.evidence
                assert (card.fact, card.subject) not in self.standing, "one card of a rule"
                self.standing[card.fact, card.subject] = card.evidence
                self.raised += 1

    def _limited(self, one: Fact) -> Fact:
        if one.kind not in LIMITS or one.task is None:
            return one
        task = self.case.tasks[one.task.removeprefix(f"{NUMBER}/").rpartition("/")[0]]
        assert task.dates is not None
        ledger = Ledger(pauses=task.pauses, extensions=task.extensions)
        limit = getattr(task.dates, LIMITS[one.kind])
        return with_limit(one, issued_at=task.dates.issued_at, due_at=limit, ledger=ledger)


@st.composite
def deeds(draw: st.DrawFn) -> list[tuple[str, int, int, int]]:
    """What is done, with whom, how much later, and how long before it was told."""
    kinds_ = st.sampled_from(["decide", "wait", "pause", "lapse"])
    one = st.tuples(kinds_, st.integers(0, 9), st.integers(0, 96), st.integers(0, 60))
    return draw(st.lists(one, min_size=3, max_size=25))


def _event(case: Case, kind: str, which: int, at: datetime) -> AnyEvent | None:
    open_ = [key for key, task in case.tasks.items() if task.state is TaskState.OPEN]
    if kind == "wait" or not open_:
        return ClockReached(at=at)
    key = open_[which % len(open_)]
    status, (_, part) = case.tasks[key], case.route.parts[key]
    name = f"{NUMBER}/{key}/{status.round}"
    if kind == "decide":
        outcome = Outcome.GRANTED if part.statute is not None else Outcome.NO_OBJECTION
        return Decided(at=at, task=name, outcome=outcome, ref="d")
    if kind == "lapse":
        return Lapsed(at=at, task=name, ref="l")
    return Paused(
        at=at,
        ref="p",
        task=name,
        pause=status.pauses_told + 1,
        kind=PauseKind.EXPERT_REVIEW,
        until=(at + which * DAY).date(),
        cap=None,
        notice="甲〔2026〕1号",
        article="行政许可法 45",
    )


@settings(max_examples=120, deadline=None)
@given(routes(), deeds())
def test_exactly_what_is_over_its_limit_as_told_has_its_card(
    found: Route, done: Sequence[tuple[str, int, int, int]]
) -> None:
    """Pauses told late excuse late days; what was decided in time and told late is no fact."""
    life, now = Watched(found), START
    life.do(Accepted(at=START))
    for kind, which, later, before in done:
        now += later * HOUR
        at = max(START + SECOND, now - before * HOUR)
        event = _event(life.case, kind, which, now if kind in ("wait", "lapse") else at)
        if event is not None:
            life.do(event)
    for key, task in life.case.tasks.items():
        if task.dates is None or task.decided_at is None:
            continue
        if task.state is TaskState.LAPSED:
            assert (FactKind.OPINION_LAPSED, f"{NUMBER}/{key}/{task.round}") in life.standing
        if task.state is not TaskState.DECIDED:
            continue
        step_, part = life.case.route.parts[key]
        name = f"{NUMBER}/{key}/{task.round}"
        late = task.decided_at >= task.dates.promised_at + SECOND
        kind_ = FactKind.STEP_PASSED if step_.group else FactKind.PROMISE_PASSED
        silent = part.statute is None and part.silence is not Silence.NONE
        assert ((kind_, name) in life.standing) == (late and not silent)
        over = task.dates.statutory_at
        beyond = over is not None and task.decided_at >= over + SECOND
        assert ((FactKind.STATUTE_PASSED, name) in life.standing) == beyond


def test_a_late_day_that_a_told_pause_excuses_raises_nothing() -> None:
    life = Watched(PLAIN)
    life.do(Accepted(at=START))
    promised = CALENDAR.close_of(date(2026, 1, 8))
    pause = _event(life.case, "pause", 7, promised - 4 * HOUR)
    assert pause is not None
    life.do(pause)
    life.do(ClockReached(at=promised + DAY))
    assert life.raised == 0


def test_a_pause_that_is_told_late_lifts_what_it_excuses() -> None:
    life = Watched(PLAIN)
    life.do(Accepted(at=START))
    promised = CALENDAR.close_of(date(2026, 1, 8))
    life.do(ClockReached(at=promised + SECOND))
    assert list(life.standing) == [(FactKind.PROMISE_PASSED, named("A", "d"))]
    pause = _event(life.case, "pause", 7, promised - 4 * HOUR)
    assert pause is not None
    case, commands = apply(life.case, pause)
    [removal] = seen(case.route, commands, ()).removals
    assert removal.why is DateChange.PAUSED
    assert removal.reason == "paused"
    life.do(pause)
    assert life.standing == {}


def test_a_rule_of_its_own_colour_judges_alike() -> None:
    harder = Rule(
        **RULES.of_fact[FactKind.PROMISE_PASSED].model_dump(exclude={"colour"}), colour=Colour.RED
    )
    card = judge(fact(), ruled(harder), CALENDAR)
    assert card is not None
    assert card.colour is Colour.RED
