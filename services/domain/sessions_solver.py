"""The best timetable of a round by OR-tools' CP-SAT, where the extra `solver` is installed.

The same question and the same costs as `sessions_search`: both answer equally well. It is worth
having when a round has many sessions that want the same officers.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from services.domain.sessions import (
    Cost,
    Opening,
    Placement,
    Round,
    Timetable,
    Wanted,
    openings,
    waiting,
)
from services.domain.sessions_search import search

SEED = 1
SECONDS = 5.0
"""Seconds after which the best timetable so far is the answer."""


def is_installed() -> bool:
    """Return whether OR-tools can be imported here."""
    return find_spec("ortools") is not None


def timetable(round_: Round, *, stop: Callable[[], bool] = lambda: False) -> Timetable:
    """Return the best timetable: a complete search, and CP-SAT where that proves nothing.

    One session alone, and most rounds, are proven at once by the search. Once `stop` says so, the
    best so far is the answer.
    """
    found = search(round_, stop=stop)
    if found.proven or stop() or not is_installed():
        return found
    solved = solve(round_)
    return min(solved, found, key=lambda one: (one.cost, not one.proven))


def solve(round_: Round, *, seconds: float = SECONDS) -> Timetable:
    """Return a timetable of least cost by CP-SAT. Raises ImportError without OR-tools."""
    from ortools.sat.python import cp_model

    model = _Model(cp_model, round_)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = SEED
    solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(model.model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        keys = tuple(sorted(one.key for one in round_.wanted))
        return Timetable(placed=(), unplaced=keys, cost=Cost(unplaced=len(keys)), proven=False)
    return model.answer(solver, proven=status == cp_model.OPTIMAL)


class _Model:
    """Which opening each session takes, and which officers attend it."""

    def __init__(self, cp_model: Any, round_: Round) -> None:
        self.model = cp_model.CpModel()
        self._round = round_
        self._openings = {one.key: tuple(openings(round_, one)) for one in round_.wanted}
        self._at: dict[tuple[str, int], Any] = {}
        self._goes: dict[tuple[str, str], Any] = {}
        self._intervals: dict[str, list[Any]] = {}
        self._lost: list[Any] = []
        for wanted in round_.wanted:
            self._add(wanted)
        for intervals in self._intervals.values():
            self.model.add_no_overlap(intervals)
        self.model.minimize(self._objective())

    def _add(self, wanted: Wanted) -> None:
        model, found = self.model, self._openings[wanted.key]
        at = [model.new_bool_var(f"at {wanted.key} {n}") for n in range(len(found))]
        self._at |= {(wanted.key, n): variable for n, variable in enumerate(at)}
        placed = model.new_bool_var(f"placed {wanted.key}")
        model.add(sum(at) == placed)
        self._lost.append(1 - placed)
        minutes = [_minute(self._round, opening) for opening in found]
        start = model.new_int_var(0, max(minutes, default=0), f"start of {wanted.key}")
        model.add(start == sum(v * minute for v, minute in zip(at, minutes, strict=True)))
        size = int((wanted.length + 2 * wanted.travel).total_seconds() // 60)
        for member in wanted.members:
            going = []
            for ref in member.officers:
                goes = model.new_bool_var(f"{ref} goes to {wanted.key}")
                self._goes[wanted.key, ref] = goes
                going.append(goes)
                for variable, opening in zip(at, found, strict=True):
                    if ref not in opening.free[member.department]:
                        model.add(goes + variable <= 1)
                name = f"{ref} at {wanted.key}"
                self._intervals.setdefault(ref, []).append(
                    model.new_optional_fixed_size_interval_var(start, size, goes, name)
                )
            model.add(sum(going) == member.needed * placed)

    def _objective(self) -> Any:
        """The three costs in one number: each outweighs all that the next can come to."""
        officers = self._round.officers
        load = sum(goes * officers[ref].load for (_, ref), goes in self._goes.items())
        waits = {
            (wanted.key, n): waiting(wanted, opening.time)
            for wanted in self._round.wanted
            for n, opening in enumerate(self._openings[wanted.key])
        }
        later = sum(self._at[place] * minutes for place, minutes in waits.items())
        minute = 1 + sum(officers[ref].load for _, ref in self._goes)
        session = 1 + minute * (1 + sum(waits.values()))
        return sum(self._lost) * session + later * minute + load

    def answer(self, solver: Any, *, proven: bool) -> Timetable:
        """Return the solution as a timetable."""
        placed, cost = [], Cost(unplaced=len(self._round.wanted))
        for wanted in sorted(self._round.wanted, key=lambda one: one.key):
            for n, opening in enumerate(self._openings[wanted.key]):
                if not solver.value(self._at[wanted.key, n]):
                    continue
                sent = {
                    member.department: tuple(
                        ref
                        for ref in opening.free[member.department]
                        if solver.value(self._goes[wanted.key, ref])
                    )
                    for member in wanted.members
                }
                placed.append(Placement(key=wanted.key, time=opening.time, attendees=sent))
                cost = Cost(
                    unplaced=cost.unplaced - 1,
                    waiting=cost.waiting + waiting(wanted, opening.time),
                    load=cost.load + self._load(sent),
                )
        keys = {one.key for one in placed}
        unplaced = tuple(sorted(one.key for one in self._round.wanted if one.key not in keys))
        return Timetable(placed=tuple(placed), unplaced=unplaced, cost=cost, proven=proven)

    def _load(self, sent: dict[str, tuple[str, ...]]) -> int:
        return sum(self._round.officers[ref].load for refs in sent.values() for ref in refs)


def _minute(round_: Round, opening: Opening) -> int:
    """Minutes from the first moment of the round to the start of an opening's block."""
    first = min(one.earliest - one.travel for one in round_.wanted)
    return int((opening.block.start - first).total_seconds() // 60)
