"""`explain` against the reckoning of `services.verification.days`, for any number of random cases.

Twenty thousand here; `make explanations` runs a million (`LIANSHEN_TEST_EXPLANATIONS`). The two
share no code: one writes a line for every day and lands on the last, the other only walks. A
quarter of the cases are the limits beside those of tasks: the joint case (45 working days, stopped
by the pauses of many parts at once, 15 more at most), the first review (20, not extended) and the
delivery (10, stopped by rectifications alone).
"""

import os
from datetime import date, timedelta
from pathlib import Path
from random import Random

from msgspec.structs import replace

from services.contracts.vocabulary import LimitKind, PauseKind, Unit
from services.domain.limits import Extension, Ledger, Pause, due_on, explain
from services.domain.route import Budget
from services.runtime.calendar_files import load
from services.verification.days import NO_DAYS, Days

CASES = int(os.environ.get("LIANSHEN_TEST_EXPLANATIONS", "20000"))
SEED = 42
FOLDER = Path(__file__).parents[2] / "deploy" / "calendar"
CALENDAR, DAYS = load(FOLDER), Days(FOLDER)
FIRST = date(2024, 1, 2)
DAY = timedelta(days=1)
UNITS = tuple(Unit)
KINDS = tuple(PauseKind)


def budget(draw: Random, most: int) -> Budget:
    return Budget(value=draw.randint(0, most), unit=draw.choice(UNITS))


def pause(draw: Random, start: date) -> Pause:
    first = start + draw.randint(-5, 40) * DAY
    return Pause(
        kind=draw.choice(KINDS),
        from_on=first,
        until_on=first + draw.randint(0, 25) * DAY,
        cap=budget(draw, 12) if draw.random() < 0.4 else None,
        notice=None if draw.random() < 0.1 else "甲〔2026〕1号",
        article="行政许可法 45",
    )


def extension(draw: Random, start: date) -> Extension:
    return Extension(
        budget=budget(draw, 15),
        approver="department_head",
        article="行政许可法 42",
        on=start + draw.randint(0, 60) * DAY,
    )


def ledger(draw: Random, start: date) -> Ledger:
    some = draw.random() < 0.7
    return Ledger(
        pauses=tuple(pause(draw, start) for _ in range(draw.randint(0, 3) if some else 0)),
        extensions=tuple(extension(draw, start) for _ in range(draw.randint(0, 2) if some else 0)),
    )


def rectification(draw: Random, start: date) -> Pause:
    """A step waited for the investor: uncapped, and always told in writing."""
    first = start + draw.randint(-15, 20) * DAY
    return Pause(
        kind=PauseKind.RECTIFICATION,
        from_on=first,
        until_on=first + draw.randint(0, 15) * DAY,
        cap=None,
        notice="MX/J/1",
        article="联合验收办法 9",
    )


def beside(draw: Random, start: date) -> tuple[Budget, Ledger]:
    """A limit beside those of tasks, as `limit_clocks` has it run."""
    kind = draw.choice([one for one in LimitKind if one is not LimitKind.ACCEPTANCE])
    waited = [rectification(draw, start) for _ in range(draw.randint(0, 2))]
    if kind is LimitKind.DELIVERY:
        return Budget(value=10, unit=Unit.WORKING_DAY), Ledger(pauses=tuple(waited))
    stopped = [pause(draw, start) for _ in range(draw.randint(0, 6))]
    found = Ledger(pauses=(*waited, *stopped))
    if kind is LimitKind.FIRST_REVIEW:
        return Budget(value=20, unit=Unit.WORKING_DAY), found
    more = Extension(
        budget=Budget(value=draw.randint(1, 15), unit=Unit.WORKING_DAY),
        approver="government_head",
        article="行政许可法 42(2)",
        on=start + draw.randint(0, 150) * DAY,
    )
    extensions = (more,) if draw.random() < 0.5 else ()
    return Budget(value=45, unit=Unit.WORKING_DAY), replace(found, extensions=extensions)


def reckoned(limit: Budget, start: date, found: Ledger) -> tuple[date, frozenset[date]]:
    """The last day and the days left out, by the other way."""
    paused = NO_DAYS
    for one in found.pauses:
        if one.notice and one.until_on is not None:
            cap = None if one.cap is None else (one.cap.value, one.cap.unit.value)
            paused |= DAYS.pause(one.from_on, one.until_on, cap)
    extensions = [(one.on, one.budget.value, one.budget.unit.value) for one in found.extensions]
    last = DAYS.due_extended(limit.value, limit.unit.value, start, paused, extensions)
    return last, paused


def test_every_explanation_ends_where_another_reckoning_does() -> None:
    draw = Random(SEED)
    for case in range(CASES):
        start, limit = FIRST + draw.randint(0, 1200) * DAY, budget(draw, 45)
        found = ledger(draw, start)
        if draw.random() < 0.25:
            limit, found = beside(draw, start)
        lines = explain(limit, start, CALENDAR, found)
        last, paused = reckoned(limit, start, found)
        subject = (SEED, case, limit, start, found)
        assert lines[-1].day == last == due_on(limit, start, CALENDAR, found), subject
        assert len(lines) == (last - start).days + 1, subject
        for line in lines[1:]:
            assert line.counted or line.article, (subject, line)
            if line.counted:
                assert line.day not in paused, (subject, line)
            elif line.day not in paused and line.day != last:
                assert not DAYS.works(line.day) or line.article == "民法典 203", (subject, line)
