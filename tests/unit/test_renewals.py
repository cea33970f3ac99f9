"""Renewal by silence (行政许可法 50): what is one, until when, and what silence comes to."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.contracts.vocabulary import (
    Conclusion,
    Outcome,
    Part,
    PauseKind,
    Silence,
    TaskState,
    Unit,
)
from services.domain import facts, planner, renewals, sheets_renewal, silences
from services.domain.approval import begin, next_instant
from services.domain.case import (
    Accepted,
    AskLapse,
    ClockReached,
    Decided,
    EndTask,
    Ignore,
    Lapsed,
    Paused,
    Release,
)
from services.domain.catalogue import Basis, Catalogue, Item, ItemKind, Renewal
from services.domain.disclosure import markdown
from services.domain.facts import FactsError
from services.domain.limit_events import LimitStatus
from services.domain.plan import Plan
from services.domain.supervision_facts import seen
from services.domain.supervision_rules import FactKind
from services.orchestrator import renewal_turns
from tests.unit.builders import CALENDAR as WORKING
from tests.unit.builders import START as FIRST
from tests.unit.builders import days as limit
from tests.unit.builders import due_by_hand, item, name, of, scenario
from tests.unit.linting import codes, text
from tests.unit.routes import CALENDAR, START, consult, decide, renew, route, step, task
from tests.unit.test_approval import HOUR, Life
from tests.unit.test_limit_clocks import limited
from tests.unit.test_sheets import OF, decided, lines

ALL50 = Basis(law="行政许可法", article="50")
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
EXPIRES = {"id": "expires", "text": name("expires"), "type": "date"}
LAST = date(2026, 2, 6)
UNTIL = CALENDAR.close_of(LAST)
RENEWAL = route(step(renew("R", "d", LAST)), promised_days=4)


def rule(value: int = 30, unit: Unit = Unit.CALENDAR_DAY, expires: str = "expires") -> Renewal:
    return Renewal(expires=expires, apply_before=limit(value, unit), basis=ALL50)


def county(*items: Item, **fields: Any) -> Catalogue:
    """A county whose one scenario asks until when the permit is valid."""
    found = items or (item("RENEW", renewal=rule()),)
    asked = scenario(
        (one.code for one in found),
        **(
            {"questions": ({"question": "expires"},), "example": {"expires": "2030-01-01"}} | fields
        ),
    )
    return of(found, questions=(EXPIRES,), scenarios=[asked])


def planned(expires: object, start: date = FIRST, found: Catalogue | None = None) -> Plan:
    return planner.plan(found or county(), WORKING, "plant", {"expires": expires}, {}, start)  # type: ignore[dict-item]  # wrong answers too


# The day


@pytest.mark.parametrize(
    "answer", [20270630, True, "20270630", "2027-6-30", "2027-02-30", "", "2027-W26-3"]
)
def test_a_day_is_written_in_one_way(answer: object) -> None:
    with pytest.raises(FactsError) as refused:
        planned(answer)
    [problem] = refused.value.problems
    assert (problem.question, problem.code) == ("expires", "date")
    assert "2027-06-30" in problem.fix.zh
    assert "2027-06-30" in problem.fix.en


def test_a_day_is_a_fact_like_any_other() -> None:
    assert facts.day_of("2028-02-29") == date(2028, 2, 29)
    assert facts.day_of(date(2028, 2, 29)) is None
    plain = item("PLAIN", applies_when="expires < '2027-01-01'")
    found = county(item("RENEW", renewal=rule()), plain)
    assert {s.code for s in planned("2026-12-31", found=found).steps} == {"RENEW", "PLAIN"}
    assert {s.code for s in planned("2027-01-01", found=found).steps} == {"RENEW"}


@pytest.mark.parametrize(
    ("applies_when", "wrong"),
    [
        ("expires >= '2026-01-01'", []),
        ("expires in ['2026-01-01', '2027-01-01']", []),
        ("expires >= '2026-13-01'", ["rule-type"]),
        ("expires == 2026", ["rule-type"]),
        ("expires", ["rule-type"]),
    ],
)
def test_a_rule_compares_days_with_days(applies_when: str, wrong: list[str]) -> None:
    one = item("RENEW", renewal=rule(), applies_when=applies_when)
    assert codes(county(one)) == wrong


# In time


@given(st.dates(date(2026, 1, 1), date(2026, 12, 1)), st.integers(0, 60), st.sampled_from(Unit))
def test_the_last_day_to_apply_is_so_long_before(expires: date, value: int, unit: Unit) -> None:
    last = renewals.last_day_to_apply(rule(value, unit), expires, WORKING)
    assert last <= expires
    if unit is Unit.CALENDAR_DAY:
        assert (expires - last).days == value
    else:
        assert (
            sum(WORKING.is_working(last + n * DAY) for n in range((expires - last).days)) == value
        )
        assert value == 0 or due_by_hand(limit(value + 1), last) > expires


def test_it_is_applied_for_thirty_days_before_and_no_later() -> None:
    found = planned((FIRST + 30 * DAY).isoformat())
    [[part]] = [one.parts for one in found.steps]
    assert part.silence is Silence.RENEWED
    assert part.renewal is not None
    assert (part.renewal.apply_by, part.renewal.article) == (FIRST, "行政许可法 50")
    for days in (29, 0, -1):
        with pytest.raises(FactsError) as refused:
            planned((FIRST + days * DAY).isoformat())
        [problem] = refused.value.problems
        assert (problem.question, problem.code) == ("expires", "renewal_late")
        assert "行政许可法 50" in problem.message.zh
        assert "30 days before" in problem.message.en
        assert "silence grants none" in problem.fix.en
    working = county(item("RENEW", renewal=rule(20, Unit.WORKING_DAY)))
    with pytest.raises(FactsError) as refused:
        planned((FIRST + 20 * DAY).isoformat(), found=working)
    assert "20个工作日" in refused.value.problems[0].message.zh
    assert "20 working days" in refused.value.problems[0].message.en


def test_the_route_pins_the_end_of_the_permit_and_nothing_else_has_one() -> None:
    found = planned("2026-10-03", found=county(item("RENEW", renewal=rule()), item("PLAIN")))
    pinned = planner.route(found, "MX20260302-000001-7", WORKING)
    parts = {part.item: part for _, part in pinned.parts.values()}
    assert parts["RENEW"].expires_at == WORKING.close_of(date(2026, 10, 3))  # a holiday: it stays
    assert parts["RENEW"].silence is Silence.RENEWED
    assert (parts["PLAIN"].expires_at, parts["PLAIN"].silence) == (None, Silence.NONE)


def test_a_plan_without_a_renewal_is_the_same_bytes_as_ever() -> None:
    plain = of([item("PLAIN")])
    found = planner.plan(plain, WORKING, "plant", {"floor_area": 1200, "is_large": True}, {}, FIRST)
    assert b"renewal" not in found.to_json()
    assert '"renewal"' not in plain.items[0].model_dump_json()


# What the linter refuses


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": ItemKind.FILING}, "renewal-permit"),
        ({"co_deciders": ("fire",)}, "renewal-alone"),
        ({"consulted": ({"department": "fire"},)}, "renewal-alone"),
        ({"after": ("FIRST-ONE",)}, "renewal-alone"),
        ({"any_of": (("FIRST-ONE",),)}, "renewal-alone"),
        ({"materials": ({"material": "late"},), "after": ("FIRST-ONE",)}, "renewal-alone"),
        ({"materials": ({"material": "early"},)}, None),
        ({"renewal": rule(expires="floor_area")}, "renewal-date"),
    ],
)
def test_a_renewal_stands_alone_and_has_a_day(change: dict[str, Any], code: str | None) -> None:
    one = item("RENEW", **({"renewal": rule()} | change))
    found = (item("FIRST-ONE"), one)
    comes = {"after": ("FIRST-ONE",), "basis": ALL50}
    papers = (
        {"id": "late", "name": name("late"), "comes": comes},
        {"id": "early", "name": name("early")},
    )
    base = of([item("AA")])
    made = of(
        found,
        materials=tuple(p for p in papers if p["id"] in str(change.get("materials"))),
        questions=(*base.questions, EXPIRES),
        scenarios=[
            scenario(
                ("FIRST-ONE", "RENEW"),
                questions=(
                    *({"question": "floor_area"}, {"question": "is_large"}),
                    {"question": "expires"},
                ),
                example={"floor_area": 1, "is_large": True, "expires": "2030-01-01"},
            )
        ],
    )
    assert set(codes(made)) == ({code} if code else set())
    assert code is None or "RENEW" in text(made)
    assert ("cannot wait for papers" in text(made)) is ("late" in str(change))


@pytest.mark.parametrize(
    ("promised", "ahead", "code"),
    [
        (limit(16), rule(30), []),
        (limit(17), rule(30), ["renewal-time"]),
        (limit(23, Unit.CALENDAR_DAY), rule(30), []),
        (limit(24, Unit.CALENDAR_DAY), rule(30), ["renewal-time"]),
        (limit(5), rule(10, Unit.WORKING_DAY), []),
        (limit(5), rule(9, Unit.WORKING_DAY), ["renewal-time"]),
    ],
)
def test_a_renewal_leaves_time_to_decide(promised: Any, ahead: Renewal, code: list[str]) -> None:
    """One that is applied for on the last day is not renewed for want of time."""
    one = item("RENEW", promised=promised, renewal=ahead)
    assert code == [found for found in codes(county(one)) if found == "renewal-time"]


def test_a_renewal_whose_day_may_not_be_asked_is_refused() -> None:
    sometimes = county(fixed={"use": True}, questions=({"question": "expires", "when": "use"},))
    assert codes(sometimes) == ["unknown-fact"]
    assert "may not ask" in text(sometimes)


def test_the_public_catalogue_says_what_silence_comes_to() -> None:
    assert "有效期届满30" in markdown(county(), "zh").replace(" ", "")
    assert "undecided by then, it is renewed" in markdown(county(), "en")
    assert "renewed" not in markdown(of([item("PLAIN")]), "en")


# Silence


def expired(life: Life) -> datetime:
    """Let time pass until the department is asked; return the instant."""
    while not life.of(AskLapse):
        life.tick()
    [asked] = life.of(AskLapse)
    return asked.at


def test_silence_until_the_permit_expires_renews_it() -> None:
    """ALL 50(2): undecided by the last day, it counts as renewed, and is no new licence."""
    life = Life(RENEWAL)
    assert expired(life) == UNTIL + SECOND
    life.do(Lapsed(at=life.case.at, task=task("R", "d"), ref="silence"))
    [ended] = life.of(EndTask)
    assert (ended.state, ended.outcome) == (TaskState.LAPSED, Outcome.DEEMED_RENEWED)
    [release] = life.of(Release)
    [result] = release.results
    assert (result.outcome, result.refs) == (Outcome.DEEMED_RENEWED, ("silence",))
    assert result.deliver_by is None
    assert life.case.conclusion is Conclusion.GRANTED
    assert next_instant(life.case) is None


@pytest.mark.parametrize("outcome", [Outcome.GRANTED, Outcome.REFUSED])
@pytest.mark.parametrize("at", [START + HOUR, UNTIL - HOUR, UNTIL])
def test_what_was_decided_by_then_counts_whenever_it_is_heard_of(
    outcome: Outcome, at: datetime
) -> None:
    life = Life(RENEWAL)
    expired(life)  # the department has been asked, and its store says that it had decided
    life.do(Decided(at=at, task=task("R", "d"), outcome=outcome))
    assert life.case.items == {"R": outcome}


def test_what_is_decided_after_it_is_nothing_any_more() -> None:
    life = Life(RENEWAL)
    for outcome in (Outcome.REFUSED, Outcome.GRANTED):
        said = life.do(Decided(at=UNTIL + SECOND, task=task("R", "d"), outcome=outcome))
        assert [type(one) for one in said] == [Ignore]
    expired(life)
    life.do(Lapsed(at=UNTIL + DAY, task=task("R", "d")))
    assert life.case.items == {"R": Outcome.DEEMED_RENEWED}


def test_nobody_is_silent_before_the_permit_expires() -> None:
    life = Life(RENEWAL)
    life.do(ClockReached(at=UNTIL))
    assert life.of(AskLapse) == []
    life.do(Lapsed(at=UNTIL, task=task("R", "d")))
    assert "its time is not over" in life.of(Ignore)[0].why


def test_no_pause_moves_the_end_of_a_permit_and_none_outlasts_it() -> None:
    life = Life(RENEWAL)
    life.do(
        Paused(
            at=START + HOUR,
            task=task("R", "d"),
            pause=1,
            kind=PauseKind.INSPECTION,
            until=date(2026, 3, 31),
            cap=None,
            notice="告知书 1",
            article="行政许可法 45",
        )
    )
    assert expired(life) == UNTIL + SECOND
    life.do(Lapsed(at=life.case.at, task=task("R", "d")))
    assert life.case.tasks["R/d"].open_pause is None
    assert life.case.conclusion is Conclusion.GRANTED


def test_a_renewal_taken_up_after_the_permit_expired_is_renewed_at_once() -> None:
    """ALL 50(2): it was applied for in time; that the authority was late is its own affair."""
    late = UNTIL + 3 * DAY
    life = Life(RENEWAL)
    life.case, life.commands = begin(RENEWAL, CALENDAR, START), []
    life.do(Accepted(at=late))
    assert (next_instant(life.case) or late) <= late
    life.do(Decided(at=late, task=task("R", "d"), outcome=Outcome.REFUSED))
    assert len(life.of(Ignore)) == 1
    life.do(ClockReached(at=late))
    assert [one.at for one in life.of(AskLapse)] == [late]
    life.do(Lapsed(at=late + SECOND, task=task("R", "d")))
    assert life.case.items == {"R": Outcome.DEEMED_RENEWED}
    [release] = life.of(Release)
    assert [one.decided_at for one in release.results] == [UNTIL]  # not when it was established


def test_a_renewal_completed_after_the_permit_expired_is_decided_like_anything_else() -> None:
    late = route(step(renew("R", "d", date(2026, 1, 4))))
    life = Life(late)
    life.do(ClockReached(at=START + 60 * DAY))
    assert life.of(AskLapse) == []
    life.do(Decided(at=START + 60 * DAY, task=task("R", "d"), outcome=Outcome.REFUSED))
    assert life.case.items == {"R": Outcome.REFUSED}


def test_a_licence_renewed_by_law_has_no_limit_of_delivery() -> None:
    found = limited(step(renew("R", "d", LAST)))
    assert found.limits is not None
    life = Life(replace(found, limits=replace(found.limits, licences=("R",))))
    expired(life)
    life.do(Lapsed(at=life.case.at, task=task("R", "d")))
    kinds: list[LimitStatus] = [one for key, one in life.case.limits.items() if "delivery" in key]
    assert kinds == []
    assert life.of(Release)[0].results[0].deliver_by is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["granted", "refused", "lapsed", "clock"]), st.integers(0, 24 * 60)
        ),
        max_size=6,
    )
)
def test_silence_never_grants_and_a_permit_is_renewed_by_nothing_but_its_end(
    said: list[tuple[str, int]],
) -> None:
    """Whatever is said, in whatever order, with whatever instants."""
    life = Life(route(step(renew("R", "d", LAST)), step(decide("A", "e"), consult("A", "u"))))
    for what, hours in said:
        at = START + hours * HOUR
        for name_ in (task("R", "d"), task("A", "e"), task("A", "u")):
            match what:
                case "lapsed":
                    life.do(Lapsed(at=at, task=name_))
                case "clock":
                    life.do(ClockReached(at=at))
                case _:
                    life.do(Decided(at=at, task=name_, outcome=Outcome(what)))
    for ended in life.of(EndTask):
        if ended.state is TaskState.LAPSED:
            assert ended.outcome in (Outcome.DEEMED_RENEWED, Outcome.DEEMED_NO_OBJECTION)
    renewed = life.case.items.get("R") is Outcome.DEEMED_RENEWED
    assert life.case.items.get("A") is not Outcome.DEEMED_RENEWED
    assert not renewed or (life.of(AskLapse) and life.case.at > UNTIL)
    decided_at = [one.at for one in life.of(EndTask) if one.task == task("R", "d")]
    if decided_at and not renewed:
        assert decided_at[0] <= UNTIL


def test_silence_of_others_means_what_it_always_did() -> None:
    life = Life(route(step(decide("A", "d"), consult("A", "u"))))
    asked, deciding = life.case.tasks["A/u"].dates, life.case.tasks["A/d"].dates
    assert asked is not None
    assert deciding is not None
    assert silences.ends_at(consult("A", "u"), asked) == asked.promised_at
    assert silences.ends_at(consult("A", "u", Silence.NONE), asked) is None
    assert silences.ends_at(decide("A", "d"), deciding) is None
    assert not silences.is_settled(deciding, UNTIL + 60 * DAY)


# What follows from it


def test_a_permit_renewed_by_law_is_a_red_card() -> None:
    life = Life(RENEWAL)
    expired(life)
    commands = life.do(Lapsed(at=life.case.at, task=task("R", "d")))
    found = [one.kind for one in seen(RENEWAL, commands, (), ()).facts]
    assert found == [FactKind.RENEWAL_LAPSED]


def test_a_renewal_that_own_software_did_not_number_is_numbered_as_ours_are() -> None:
    ref, number = uuid4(), task("R", "d").partition("/")[0]
    said: Any = {"application": number, "task": task("R", "d"), "department": "d"}
    told = renewal_turns.ended(said | {"lapsed_at": UNTIL})
    assert renewal_turns.number_of({ref: told}, [str(ref)]) == f"R-{number}-d-1"
    numbered = renewal_turns.ended(said | {"lapsed_at": UNTIL, "result_number": "N"})
    assert renewal_turns.number_of({ref: numbered}, [str(ref)]) == "N"


def test_the_statement_says_that_it_is_no_new_licence() -> None:
    sheet = sheets_renewal.renewed(OF, decided(number="DRAINAGE-RENEWAL-1"), LAST)
    assert sheet.number == "DRAINAGE-RENEWAL-1"
    assert "第五十条第二款，视为准予延续" in sheet.text[0].zh
    assert "2026年2月6日" in sheet.text[0].zh
    assert "no new licence" in sheet.text[0].en
    assert lines(sheet)["Was valid until"] == "2026-02-06"
    with pytest.raises(ValueError, match="no number"):
        sheets_renewal.renewed(OF, decided(number=None), LAST)


def test_the_parts_of_a_renewal_that_are_asked_keep_their_silence() -> None:
    """The planner marks whoever decides, and nobody else."""
    found = planned("2030-01-01")
    [[part]] = [one.parts for one in found.steps]
    other = part.model_copy(update={"part": Part.CONSULT, "silence": Silence.NO_OBJECTION})
    mixed = found.steps[0].model_copy(update={"parts": (part, other)})
    [again] = renewals.renewing(county(), [mixed], {"expires": "2030-01-01"}, FIRST, WORKING)
    assert [one.silence for one in again.parts] == [Silence.RENEWED, Silence.NO_OBJECTION]
