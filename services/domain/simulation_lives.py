"""The shapes of a simulation: what is assumed, and what became of each application."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from services.contracts.vocabulary import Conclusion
from services.domain.route import Route
from services.domain.simulation_times import Times, constant

INVESTOR = ""
"""Stands for a department where time passes with the investor."""
ACCEPTANCE = ""
"""Stands for a step while departments look whether the papers are complete."""


class Assumptions(Struct, frozen=True, kw_only=True):
    """What is assumed of the world.

    `officers` by department; `hours` of one officer's work by part (`item/department`), `examine`
    of a look at the papers. `refused`, `objected`, `silent` and `incomplete` are shares (0..1) of
    the decisions, of the opinions of units that speak, of the opinions whose silence counts, and
    of the looks that find a paper missing. `answer` is what an investor takes to put things right,
    `papers` what he takes, once their turn has come, for those that come later.
    """

    officers: dict[str, int]
    hours: dict[str, Times]
    refused: float = 0.0
    objected: float = 0.0
    silent: float = 0.0
    incomplete: float = 0.0
    examine: Times = constant(1.0)
    answer: Times = constant(16.0)
    papers: Times = constant(0.0)


class Stretch(Struct, frozen=True, kw_only=True):
    """Time on the chain that carried an application's end: waiting, then working (seconds)."""

    department: str
    waited: int
    worked: int


class Life(Struct, frozen=True, kw_only=True):
    """One application from `arrived` to `ended` (places on the line).

    `used_days` and `promised_days` are the core's own figures in working days. `chain` leads from
    the first task to the one that ended it all.
    """

    number: int
    arrived: int
    ended: int
    conclusion: Conclusion
    used_days: int
    promised_days: int
    in_time: bool
    chain: tuple[Stretch, ...]


class Load(Struct, frozen=True, kw_only=True):
    """What one department had to do: tasks, those late or left to lapse, seconds waited, worked."""

    department: str
    officers: int
    tasks: int
    late: int
    lapsed: int
    waited: int
    worked: int


class Run(Struct, frozen=True, kw_only=True):
    """A whole run. `span` is the length of the line in seconds, `day` that of a working day."""

    lives: tuple[Life, ...]
    loads: tuple[Load, ...]
    span: int
    day: int


class Round:
    """The part of one round of a step that was last to end."""

    __slots__ = ("begun", "department", "ended", "issued")

    def __init__(self, issued: int) -> None:
        self.issued = issued
        self.begun = self.ended = issued
        self.department = INVESTOR


def chain(
    route: Route, rounds: Mapping[str, Sequence[Round]], ended: Mapping[str, int]
) -> tuple[Stretch, ...]:
    """Return the stretches that carried the end, first to last, walking back from the last step.

    A step that was cancelled took no time, but what waited for it had waited for its reason. Before
    all steps is the acceptance, where there is one. `rounds` and `ended` (places) are by step.
    """
    steps = {step.code: step for step in route.steps}
    made_by = {part.item: step.code for step in steps.values() for part in step.parts}
    found: list[Stretch] = []
    codes, until = rounds.keys() - {ACCEPTANCE}, 0
    while codes:
        code = max(codes, key=lambda code: (ended[code], code))
        if until > ended[code]:  # its papers were not there when its turn came
            found.append(Stretch(department=INVESTOR, waited=until - ended[code], worked=0))
        until = _walk_back(found, rounds.get(code, ()), ended[code])
        needed = {made_by[item] for part in steps[code].parts for item in part.requires}
        codes = {code for code in needed if ended.get(code, until + 1) <= until}
    if ACCEPTANCE in rounds:
        _walk_back(found, rounds[ACCEPTANCE], ended[ACCEPTANCE])
    return tuple(found[::-1])


def _walk_back(found: list[Stretch], rounds: Sequence[Round], until: int) -> int:
    """Add the stretches of a step's rounds, last first; return when the first was issued."""
    for one in reversed(rounds):
        if until > one.ended:
            found.append(Stretch(department=INVESTOR, waited=until - one.ended, worked=0))
        waited, worked = one.begun - one.issued, one.ended - one.begun
        found.append(Stretch(department=one.department, waited=waited, worked=worked))
        until = one.issued
    return until
