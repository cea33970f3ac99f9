"""Verification of papers that come later: clean over what the core does, red over the rest."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import orjson
import pytest

from services.domain.case import ClockReached, IssueTask
from services.domain.later_events import AskPapers, GiveUpPapers, PapersLapsed
from services.verification.days import Days
from services.verification.folders import Folder
from services.verification.later import Waits, awaits, later
from services.verification.world import World
from tests.unit.routes import CALENDAR, START, decide, route, step, task
from tests.unit.test_approval import DAY, HOUR, Life
from tests.unit.test_later import DRAWINGS, REPORT, TODAY, drawn, handed, needing, paper
from tests.unit.test_papers_late import MORNING, UNTIL, awaiting

WORLD = World(
    days=Days.of_content(msgspec.to_builtins(CALENDAR)),
    calendar_version=CALENDAR.version,
    own=frozenset(),
)


def folder(life: Life, **materials: datetime) -> Folder:
    """What the stores would hold of a life; papers by name, with when they were handed in."""
    told = {one.step: one.awaited for one in life.of(AskPapers)}
    untils: dict[str, dict[str, datetime]] = {}
    for ask in life.of(AskPapers):
        untils.setdefault(ask.step, {}).update(ask.awaited.untils)
    closed = {one.step: one for one in life.of(GiveUpPapers)}
    facts = [{"step": one.step, "materials": one.materials} for one in closed.values()]
    return Folder(
        number="N",
        intake={
            "papers_awaited": [
                {
                    "step": code,
                    "materials": list(one.materials),
                    "until": one.until,
                    "untils": orjson.dumps(untils[code]).decode(),
                    "closed": list(closed[code].materials) if code in closed else [],
                    "closed_at": closed[code].at if code in closed else None,
                }
                for code, one in told.items()
            ],
            "audit_leaf": [
                {"act": "papers.lapsed", "body": orjson.dumps({"facts": one})} for one in facts
            ],
            "later_material": [
                {"material": name.replace("_", "-"), "given_at": at}
                for name, at in materials.items()
            ],
        },
        orchestrator={
            "application": [
                {
                    "route": msgspec.json.encode(life.case.route).decode(),
                    "conclusion": life.case.conclusion,
                }
            ],
            "journal": [{"events": "[]", "commands": msgspec.json.encode(life.commands).decode()}],
            "task": [
                {
                    "task": one.task,
                    "step": one.step,
                    "item": one.key.partition("/")[0],
                    "issued_at": one.dates.issued_at,
                }
                for one in life.of(IssueTask)
            ],
        },
        departments={},
        moving=False,
    )


def waited() -> Life:
    life = Life(drawn(term=30))
    life.decide(task("SCHEME", "x"), after=DAY)
    life.do(handed(DRAWINGS, after=8 * DAY))
    return life


def said(found: Folder) -> list[str]:
    return [str(one) for one in later(found, WORLD)]


def test_what_the_core_does_is_clean_and_its_days_are_reckoned_alike() -> None:
    life = waited()
    found = folder(life, construction_drawings=START + 8 * DAY)
    assert said(found) == []
    pause = life.case.steps["REVIEW"].waited
    assert pause is not None
    assert Waits(found).days == {
        pause.from_on + timedelta(days=place)
        for place in range((pause.until_on or TODAY).toordinal() - pause.from_on.toordinal() + 1)
    }


def test_a_task_issued_without_its_paper_is_found() -> None:
    assert said(folder(waited())) == [
        f"{task('REVIEW', 'y')}: it was issued before {DRAWINGS} was there"
    ]
    late = folder(waited(), construction_drawings=START + 8 * DAY + HOUR)
    assert said(late) == said(folder(waited()))


def test_who_waits_has_been_told_and_is_shown_what_he_was_told() -> None:
    at = START + 8 * DAY
    untold = folder(waited(), construction_drawings=at)
    untold.intake["papers_awaited"].clear()
    assert said(untold) == ["N/REVIEW: it waits for papers, and the investor is not told"]
    other = folder(waited(), construction_drawings=at)
    other.intake["papers_awaited"][0]["materials"] = ["site-plan"]
    assert "shown as ['site-plan']" in said(other)[0]
    other = folder(waited(), construction_drawings=at)
    other.intake["papers_awaited"][0]["until"] = None
    assert len(said(other)) == 1
    nobody = folder(Life(route(step(decide("A", "x")))))
    nobody.intake["papers_awaited"].append(
        {
            "step": "A",
            "materials": ["p"],
            "until": None,
            "untils": "{}",
            "closed": [],
            "closed_at": None,
        }
    )
    assert said(nobody) == ["N/A: papers are asked for that nobody waits for"]


def test_nothing_is_reckoned_while_it_lasts_or_when_nothing_was_waited() -> None:
    life = Life(drawn())
    life.decide(task("SCHEME", "x"), after=DAY)
    found = folder(life)
    assert Waits(found).days == frozenset()
    review = next(one for one in found.route["steps"] if one["code"] == "REVIEW")
    assert awaits(found, review)
    life.do(handed(DRAWINGS, after=DAY + HOUR))
    after = folder(life, construction_drawings=START + DAY + HOUR)
    assert Waits(after).days == frozenset()
    assert not awaits(after, review)


def test_an_application_that_is_not_driven_is_none_of_this() -> None:
    empty: dict[str, list[Any]] = {"application": []}
    found = Folder(number="N", intake={}, orchestrator=empty, departments={}, moving=False)
    assert said(found) == []


@pytest.mark.parametrize("last", [DRAWINGS, REPORT])
def test_the_last_piece_ends_it(last: str) -> None:
    both = needing(step(decide("A", "x")), paper(DRAWINGS, "A"), paper(REPORT, "A"))
    life = Life(route(both))
    first = REPORT if last == DRAWINGS else DRAWINGS
    life.do(handed(first, after=DAY))
    life.do(handed(last, after=3 * DAY))
    names = {first.replace("-", "_"): START + DAY, last.replace("-", "_"): START + 3 * DAY}
    found = folder(life, **names)
    assert said(found) == []
    assert max(Waits(found).days) == TODAY + 3 * DAY
    assert orjson.loads(found.orchestrator["journal"][0]["commands"])


def vain() -> Life:
    """The drawings were awaited until the third day; intake closed them the morning after."""
    life = awaiting()
    life.do(ClockReached(at=MORNING))
    life.do(PapersLapsed(at=MORNING + 2 * DAY, step="REVIEW", materials=(DRAWINGS,)))
    return life


def test_what_intake_has_closed_is_given_up_and_clean() -> None:
    life = vain()
    assert said(folder(life)) == []
    pause = life.case.steps["REVIEW"].waited
    assert pause is not None
    assert (min(Waits(folder(life)).days), max(Waits(folder(life)).days)) == (
        pause.from_on,
        pause.until_on,
    )


@pytest.mark.parametrize("term", [9, None])
def test_a_paper_was_closed_by_its_own_term_whatever_is_awaited_then(term: int | None) -> None:
    joint = step(decide("A", "x"), decide("B", "y"), decide("C", "z"), code="joint")
    papers = (paper(DRAWINGS, "B", term=3), paper(REPORT, "C", term=term))
    life = Life(route(needing(joint, *papers)))
    life.do(ClockReached(at=MORNING))
    life.do(PapersLapsed(at=MORNING + HOUR, step="joint", materials=(DRAWINGS,)))
    found = folder(life)
    assert found.intake["papers_awaited"][0]["materials"] == [REPORT]
    assert said(found) == []
    found.intake["papers_awaited"][0]["closed_at"] = UNTIL
    assert said(found) == [f"N/joint: {DRAWINGS} was closed before its term"]


def test_where_one_term_held_for_all_it_is_that_of_each_and_none_is_closed_without() -> None:
    old = folder(vain())
    old.intake["papers_awaited"][0]["untils"] = "{}"
    assert said(old) == []
    termless = folder(vain(), construction_drawings=UNTIL)
    termless.intake["papers_awaited"][0]["untils"] = orjson.dumps({REPORT: UNTIL}).decode()
    assert said(termless) == [
        f"N/REVIEW: {DRAWINGS} was closed before its term",
        f"N/REVIEW: {DRAWINGS} was handed in, and closed",
    ]


def test_a_paper_heard_of_late_was_waited_for_until_it_came() -> None:
    life = awaiting()
    life.do(ClockReached(at=MORNING + 2 * DAY))
    life.do(handed(DRAWINGS, after=UNTIL - START))
    found = folder(life, construction_drawings=UNTIL)
    pause = life.case.steps["REVIEW"].waited
    assert pause is not None
    assert (said(found), max(Waits(found).days)) == ([], pause.until_on)


def test_what_must_not_become_of_a_paper_is_found() -> None:
    early = folder(vain())
    early.intake["papers_awaited"][0]["closed_at"] = UNTIL
    assert said(early) == [f"N/REVIEW: {DRAWINGS} was closed before its term"]
    both = folder(vain(), construction_drawings=UNTIL)
    assert said(both) == [f"N/REVIEW: {DRAWINGS} was handed in, and closed"]
    unsaid = folder(vain())
    unsaid.intake["audit_leaf"].clear()
    assert said(unsaid) == [f"N/REVIEW: {DRAWINGS} was closed or recorded, but not both"]
    open_ = folder(vain())
    open_.intake["audit_leaf"].clear()
    open_.intake["papers_awaited"][0] |= {"closed": [], "closed_at": None}
    assert said(open_) == [f"N/REVIEW: {DRAWINGS} was given up, and is not closed"]
    waiting = awaiting()
    waiting.do(ClockReached(at=MORNING))
    unheard = folder(waiting)
    unheard.intake["papers_awaited"][0] |= {"closed": [DRAWINGS], "closed_at": MORNING}
    assert f"N/REVIEW: {DRAWINGS} was closed, and is still awaited" in said(unheard)
    alone = folder(vain())
    journal = alone.orchestrator["journal"][0]
    commands = orjson.loads(journal["commands"])
    journal["commands"] = orjson.dumps([c for c in commands if c["type"] != "GiveUpPapers"])
    alone.intake["audit_leaf"].clear()
    alone.intake["papers_awaited"][0] |= {"closed": [], "closed_at": None}
    assert said(alone) == [f"{task('REVIEW', 'y')}: it was given up for papers that nobody closed"]
