"""Everything that the owner of an application may read of it, gathered for the pages that track."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from services.contracts.vocabulary import StepState
from services.domain.calendar import WorkingCalendar
from services.domain.catalogue import Name
from services.domain.plan import Plan, PlanStep
from services.intake import clocks, later, ratings, reading, sessions, supplement_reading
from services.intake.clocks import ClockNoticeShown
from services.intake.parts import Parts
from services.intake.ratings_shown import RatingShown
from services.intake.sessions import SessionShown
from services.intake.shown import Application, Progress, Results, TaskShown
from services.intake.supplement_shown import AcceptanceShown
from services.runtime.auth import Principal
from services.runtime.web.problems import NOT_FOUND, Problem


@dataclass(frozen=True, kw_only=True)
class Told:
    """One application as its owner may know it at `now`."""

    application: Application
    progress: Progress
    acceptance: AcceptanceShown
    results: Results
    clocks: tuple[ClockNoticeShown, ...]
    sessions: tuple[SessionShown, ...]
    ratings: tuple[RatingShown, ...]
    papers: tuple[Mapping[str, Any], ...]
    """What was ever told to be awaited: step, materials, since."""
    plan: Plan
    calendar: WorkingCalendar
    now: datetime

    @property
    def number(self) -> str:
        """The application's number."""
        return self.application.number

    @property
    def today(self) -> date:
        """Today's date where the county is."""
        return self.calendar.local_date(self.now)

    @property
    def start(self) -> date:
        """The day the promise is reckoned from: of the acceptance, or supposed to be."""
        return self.acceptance.accepted_on or self.plan.start

    def moved(self, day: date) -> date:
        """Return where a day of the plan lies, reckoned from the acceptance."""
        if self.start == self.plan.start:
            return day
        ahead = self.calendar.working_days_between(self.plan.start, day)
        return self.calendar.add_working_days(self.start, ahead)

    @cached_property
    def steps(self) -> tuple[PlanStep, ...]:
        """The steps of the plan, in the order they are to start."""
        return tuple(
            sorted(self.plan.steps, key=lambda s: (s.promised.start, s.promised.due, s.code))
        )

    @cached_property
    def states(self) -> dict[str, StepState]:
        """The states of the steps by their codes."""
        return {one.step: one.state for one in self.progress.steps}

    def tasks_of(self, step: str) -> list[TaskShown]:
        """Return the tasks of a step, of every round."""
        return [one for one in self.progress.tasks if one.step == step]

    def current(self, step: str) -> list[TaskShown]:
        """Return the tasks of a step, each department and item in its last round."""
        last: dict[tuple[str, str], TaskShown] = {}
        for one in sorted(self.tasks_of(step), key=lambda task: task.round):
            last[one.department, one.item] = one
        return list(last.values())

    @cached_property
    def step_names(self) -> dict[str, Name]:
        """The names of the steps by their codes."""
        return {step.code: step.name for step in self.plan.steps}

    def department(self, code: str) -> Name:
        """Return the name of a department."""
        return self._names.departments.get(code) or Name(zh=code, en=code)

    def item(self, code: str) -> Name:
        """Return the name of an item."""
        return self._names.items.get(code) or Name(zh=code, en=code)

    @cached_property
    def _names(self) -> reading.Names:
        return reading.Names(self.plan)


async def told(parts: Parts, who: Principal, number: str) -> Told:
    """Return what is known. Raises Problem 404 for another's application."""
    _, application = await reading.read(parts, who, number)
    async with parts.pool.acquire() as conn:
        plan = await parts.plans.get(conn, application.plan.digest)
        stopped = await clocks.told(conn, number, who.ref)
        met = await sessions.told(conn, number, who.ref, parts.shelf.calendar, parts.clock.now())
        papers = await later.ever_awaited(conn, number)
    if stopped is None or met is None:
        raise Problem(NOT_FOUND)
    return Told(
        application=application,
        progress=await reading.progress(parts, who, number),
        acceptance=await supplement_reading.read(parts, who, number),
        results=await reading.results(parts, who, number),
        clocks=tuple(stopped.items),
        sessions=tuple(met.items),
        ratings=tuple((await ratings.listed(parts, who, number)).items),
        papers=papers,
        plan=plan,
        calendar=parts.shelf.calendar,
        now=parts.clock.now(),
    )
