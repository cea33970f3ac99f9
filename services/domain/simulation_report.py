"""What a run says: completion against promise, where time is spent, what else would change it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from services.contracts.vocabulary import Conclusion
from services.domain.calendar import WorkingCalendar
from services.domain.route import Route
from services.domain.simulation import World
from services.domain.simulation_lives import INVESTOR, Assumptions, Life, Load, Run
from services.domain.simulation_plans import arrivals, handed_in, one_after_another
from services.domain.simulation_times import HOUR_S, WorkingTime


class DepartmentShare(Struct, frozen=True, kw_only=True):
    """One department in a run.

    `busy` is the share (0..1) of its officers' time that was worked. `waiting_h` is the mean wait
    of a task in its queue, in working hours. `holds` is its share of all time on the chains that
    carried the ends: the department with the largest is the bottleneck.
    """

    department: str
    officers: int
    tasks: int
    late: int
    lapsed: int
    busy: float
    waiting_h: float
    holds: float


class Summary(Struct, frozen=True, kw_only=True):
    """A run in figures; days are working days. `completed` counts applications by days used.

    `investor_holds` is the share of the chains' time that passed with investors.
    """

    applications: int
    conclusions: dict[Conclusion, int]
    on_time: float
    mean_days: float
    median_days: int
    p90_days: int
    longest_days: int
    promised_days: int
    completed: dict[int, int]
    departments: tuple[DepartmentShare, ...]
    bottleneck: str | None
    investor_holds: float


def summary(run: Run) -> Summary:
    """Return a run in figures. Raises ValueError for a run in which nobody handed in."""
    if not run.lives:
        raise ValueError("a run without applications says nothing")
    used = sorted(life.used_days for life in run.lives)
    promised = sorted(life.promised_days for life in run.lives)
    held = _held(run.lives)
    whole = sum(held.values()) or 1
    shares = tuple(_share(load, held[load.department] / whole, run.span) for load in run.loads)
    most = max(shares, key=lambda share: (share.holds, share.department), default=None)
    return Summary(
        applications=len(run.lives),
        conclusions=dict(sorted(Counter(life.conclusion for life in run.lives).items())),
        on_time=sum(life.in_time for life in run.lives) / len(run.lives),
        mean_days=sum(used) / len(used),
        median_days=_quantile(used, 0.5),
        p90_days=_quantile(used, 0.9),
        longest_days=used[-1],
        promised_days=_quantile(promised, 0.5),
        completed=dict(sorted(Counter(used).items())),
        departments=shares,
        bottleneck=most.department if most and most.holds > 0 else None,
        investor_holds=held[INVESTOR] / whole,
    )


def _quantile(ordered: Sequence[int], share: float) -> int:
    """Return the smallest value that at least `share` of all do not exceed."""
    need = share * len(ordered)
    return next(value for place, value in enumerate(ordered, 1) if place >= need)


def _held(lives: Iterable[Life]) -> Counter[str]:
    held: Counter[str] = Counter()
    for life in lives:
        for stretch in life.chain:
            held[stretch.department] += stretch.waited + stretch.worked
    return held


def _share(load: Load, holds: float, span: int) -> DepartmentShare:
    return DepartmentShare(
        department=load.department,
        officers=load.officers,
        tasks=load.tasks,
        late=load.late,
        lapsed=load.lapsed,
        busy=load.worked / (load.officers * span) if span else 0.0,
        waiting_h=load.waited / load.tasks / HOUR_S if load.tasks else 0.0,
        holds=holds,
    )


class Change(Struct, frozen=True, kw_only=True):
    """The same applications under one change.

    `kind` is `as_is`, `unmerged`, `one_after_another` (and unmerged: as before the centre)
    or `one_more_officer`, for which `department` says where.
    """

    kind: str
    department: str | None
    summary: Summary


class Study(Struct, frozen=True, kw_only=True):
    """A county's project under simulation: what is common to all its runs.

    `first` is the day the line of time begins, `per_day` the mean number of applications a working
    day. The routes share their promise: `changed` asks what keeping today's would be like.
    """

    calendar: WorkingCalendar
    first: date
    seed: int
    per_day: float
    assumed: Assumptions
    route: Route
    unmerged: Route

    def run(
        self, count: int, *, route: Route | None = None, assumed: Assumptions | None = None
    ) -> Run:
        """Return the run of `count` applications, on this route and assumptions unless others."""
        line = WorkingTime(self.calendar, self.first)
        promised = handed_in(self.route, self.calendar)
        steps = (route or self.route).steps

        def of(number: int, day: date) -> Route:
            return replace(promised(number, day), steps=steps)

        world = World(line=line, route_of=of, assumptions=assumed or self.assumed, seed=self.seed)
        return world.run(arrivals(count, self.per_day, self.seed, line.day))

    def changes(self, count: int, most_held: int = 3) -> tuple[Change, ...]:
        """Return what merging, running in parallel, or one more officer changes.

        The same draws in all runs, and everything is granted, so that they differ by the change
        alone. Officers are added, one at a time, where most time is spent.
        """
        calm = replace(self.assumed, refused=0.0, objected=0.0)
        base = summary(self.run(count, assumed=calm))
        found = [Change(kind="as_is", department=None, summary=base)]
        routes = {"unmerged": self.unmerged, "one_after_another": one_after_another(self.unmerged)}
        for kind, route in routes.items():
            other = summary(self.run(count, route=route, assumed=calm))
            found.append(Change(kind=kind, department=None, summary=other))
        ranked = sorted(base.departments, key=lambda share: (-share.holds, share.department))
        for share in ranked[:most_held]:
            officers = calm.officers | {share.department: share.officers + 1}
            more = replace(calm, officers=officers)
            other = summary(self.run(count, assumed=more))
            found.append(
                Change(kind="one_more_officer", department=share.department, summary=other)
            )
        return tuple(found)
