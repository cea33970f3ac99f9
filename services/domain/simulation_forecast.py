"""A running application's chance of keeping its promise, and the task that holds it back.

A forward pass over the route, many times: what is open needs what such tasks have still needed when
they had lasted as long; what waits starts when all it requires is over; the last step ends it all.
That is what the core does with an application in which everything is granted, and what a refusal
would spare is not counted on. Time that an investor takes to put things right moves the promise;
so does the time a step has waited for papers that come later. They are taken to come now, and those
of other steps when their turn has come.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date

from msgspec import Struct

from services.contracts.times import DateTime
from services.contracts.vocabulary import Part, Silence, StepState
from services.domain.route import Route, RoutePart, RouteStep
from services.domain.simulation_lives import INVESTOR
from services.domain.simulation_plans import promised_hours
from services.domain.simulation_times import HOUR_S, Draws, Times, WorkingTime
from services.domain.turn import part_key

DRAWS = 200
NEVER = 1 << 62
"""A duration, or a place, that nothing reaches."""

TimesOf = Callable[[RoutePart], Times]
"""How long such a part lasts, from the issue of its task to its end."""


class OpenTask(Struct, frozen=True, kw_only=True):
    """A task on a queue: issued, promised, and the days of the pause that stopped it last."""

    issued_at: DateTime
    promised_at: DateTime
    paused_from: date | None = None
    paused_until: date | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """How far an application has come: states of its steps, and its tasks by `item/department`.

    A step that is not named waits. `adverse` are the parts that objected in steps that are being
    put right, `asked` the instants at which those steps asked for it. `awaited` are the steps that
    wait for papers, with the day since when.
    """

    now: DateTime
    promised_at: DateTime
    steps: Mapping[str, StepState]
    open: Mapping[str, OpenTask]
    adverse: frozenset[str] = frozenset()
    asked: Mapping[str, DateTime] = {}
    awaited: Mapping[str, date] = {}


class Forecast(Struct, frozen=True, kw_only=True):
    """What is to be expected. `chance` (0..1) is that of keeping the promise.

    Half of all futures end by `likely_on`, nine of ten by `latest_on`. `holding` is the open part
    (`item/department`) that most often carries the end, in `holding_share` of all futures; empty
    when that is the investor, who puts something right.
    """

    chance: float
    likely_on: date
    latest_on: date
    holding: str
    holding_share: float


def forecast(
    route: Route,
    standing: Standing,
    times: TimesOf,
    line: WorkingTime,
    *,
    seed: int = 1,
    draws: int = DRAWS,
) -> Forecast:
    """Return the forecast of an application that is not over.

    `line` begins on or before the day on which its first open task was issued. Raises ValueError
    when all its steps are over.
    """
    future = _Future(route, standing, times, line)
    chance = Draws(seed)
    ends: list[int] = []
    holding: Counter[str] = Counter()
    kept = 0
    for _ in range(draws):
        end, moved, holds = future.draw(chance)
        ends.append(end)
        holding[holds] += 1
        kept += end <= future.promised + moved
    ends.sort()
    most, count = max(holding.items(), key=lambda pair: (pair[1], pair[0]))
    return Forecast(
        chance=kept / draws,
        likely_on=_day(line, ends[(draws - 1) // 2]),
        latest_on=_day(line, ends[-(-draws * 9 // 10) - 1]),
        holding=most,
        holding_share=count / draws,
    )


def _day(line: WorkingTime, place: int) -> date:
    """Return the day on which something ends: where two days meet, the earlier."""
    return line.date_of(max(place - 1, 0))


class _Future:
    """What is common to all futures of one application."""

    def __init__(self, route: Route, standing: Standing, times: TimesOf, line: WorkingTime) -> None:
        states = ((step, standing.steps.get(step.code, StepState.WAITING)) for step in route.steps)
        ended = {StepState.DONE, StepState.CANCELLED}
        self._steps = [(step, state) for step, state in states if state not in ended]
        if not self._steps:
            message = "all its steps are over"
            raise ValueError(message)
        self._standing, self._line, self._times = standing, line, times
        self.now = line.place_of(standing.now)
        self.promised = line.place_of(standing.promised_at)
        made_by = {part.item: step.code for step, _ in self._steps for part in step.parts}
        self._after = {
            step.code: sorted({made_by[i] for p in step.parts for i in p.requires if i in made_by})
            for step, _ in self._steps
        }
        self._parts = {step.code: self._parts_of(step, state) for step, state in self._steps}
        self._given = {step.code: self._term(step) for step, _ in self._steps}
        self._waited = self._waited_for_papers()

    def draw(self, chance: Callable[[], float]) -> tuple[int, int, str]:
        """Return one future: its end, by how much it moves the promise, and who holds it back."""
        ends: dict[str, tuple[int, str | None]] = {}
        moved = self._waited
        for step, state in self._steps:
            begin, first = self.now, INVESTOR if step.code in self._standing.awaited else None
            for code in self._after[step.code]:
                if first is None or ends[code][0] > begin:
                    begin, first = ends[code]
            if state is StepState.RECTIFYING:
                wait = round(chance() * self._given[step.code])
                begin, first, moved = begin + wait, INVESTOR, moved + wait
            ends[step.code] = self._end(step.code, begin, first, chance)
        end, holds = max(ends.values(), key=lambda found: found[0])
        return end, moved, INVESTOR if holds is None else holds

    def _end(
        self, code: str, begin: int, first: str | None, chance: Callable[[], float]
    ) -> tuple[int, str | None]:
        """Return when a step ends, and who holds its last part back: `first`, or the part."""
        end, last = begin, first
        for key, begun, until, times in self._parts[code]:
            if begun is None:
                place = begin + min(round(times.at(chance()) * HOUR_S), until)
            else:
                left = times.left(chance(), (self.now - begun) / HOUR_S)
                place = min(self._resumes(key) + round(left * HOUR_S), until)
            if place >= end:
                end, last = place, key if first is None else first
        return end, last

    def _parts_of(
        self, step: RouteStep, state: StepState
    ) -> list[tuple[str, int | None, int, Times]]:
        """Return the parts still to be done: key, place of issue, longest until, distribution.

        `until` is a place for an open task and a duration for one that is yet to be issued: the
        silence of a unit, where it counts, ends its part with its time.
        """
        found: list[tuple[str, int | None, int, Times]] = []
        for part in step.parts:
            key, times = part_key(part), self._times(part)
            is_bound = part.part is Part.CONSULT and part.silence is not Silence.NONE
            task = self._standing.open.get(key)
            if task is not None:
                until = self._line.place_of(task.promised_at) if is_bound else NEVER
                begun = self._line.place_of(task.issued_at) + self._paused(task)
                found.append((key, min(begun, self.now), max(until, self.now), times))
            elif state is StepState.WAITING or key in self._standing.adverse:
                found.append((key, None, self._opinion_s(step) if is_bound else NEVER, times))
        return found

    def _paused(self, task: OpenTask) -> int:
        """Return the seconds that a pause has stopped the clock so far."""
        if task.paused_from is None or task.paused_until is None:
            return 0
        calendar = self._line.calendar
        begun = self._line.place_of(calendar.opening_of(task.paused_from))
        over = self._line.place_of(calendar.close_of(task.paused_until))
        return max(min(self.now, over) - begun, 0)

    def _resumes(self, key: str) -> int:
        """Return the place from which an open task's clock runs (again)."""
        until = self._standing.open[key].paused_until
        if until is None:
            return self.now
        return max(self.now, self._line.place_of(self._line.calendar.close_of(until)))

    def _waited_for_papers(self) -> int:
        """Return the seconds of whole days that steps have waited so far, all together."""
        if not self._standing.awaited:
            return 0
        calendar = self._line.calendar
        since, today = min(self._standing.awaited.values()), calendar.local_date(self._standing.now)
        return calendar.working_days_between(since, today) * self._line.day

    def _opinion_s(self, step: RouteStep) -> int:
        """Return what a unit has for its opinion: the step's promise less its last working day."""
        deciding = (p for p in step.parts if p.part is Part.DECIDE)
        whole = min(promised_hours(part, self._line.day) for part in deciding) * HOUR_S
        return max(round(whole) - self._line.day, self._line.day)

    def _term(self, step: RouteStep) -> int:
        """Return what is left of an investor's term to put a step right, in seconds."""
        asked, rule = self._standing.asked.get(step.code), step.rectification
        if asked is None or rule is None:
            return 0
        whole = rule.budget.value * self._line.day
        return max(self._line.place_of(asked) + whole - self.now, 0)
