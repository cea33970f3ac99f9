"""The best timetable of a round by a complete search: branch and bound over the openings.

For a few sessions at a time, as a centre convenes them. The search is complete: it either proves
its answer or says, after `STEPS` looks, that it has not. The same round gives the same timetable.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from services.domain.sessions import (
    Cost,
    Interval,
    Opening,
    Placement,
    Round,
    Timetable,
    Wanted,
    openings,
    waiting,
)

STEPS = 200_000
"""Looks after which the best timetable so far is the answer."""
_Chosen = tuple[Wanted, Opening]
_Seats = dict[str, dict[str, tuple[str, ...]]]


def search(
    round_: Round, *, steps: int = STEPS, stop: Callable[[], bool] = lambda: False
) -> Timetable:
    """Return a timetable of least cost; `proven` is False only when it was not enough.

    `stop` is asked before each look: once it says so, the best so far is the answer.
    """
    return _Search(round_, steps, stop).answer()


class _Search:
    """One search. Sessions with the fewest openings are placed first."""

    def __init__(self, round_: Round, steps: int, stop: Callable[[], bool]) -> None:
        self._round = round_
        self._left = steps
        self._stop = stop
        found = {one.key: tuple(openings(round_, one)) for one in round_.wanted}
        able = [one for one in round_.wanted if found[one.key]]
        self._order = sorted(able, key=lambda one: (len(found[one.key]), one.key))
        self._openings = found
        self._hopeless = len(round_.wanted) - len(able)
        waits = [waiting(one, found[one.key][0].time) for one in self._order]
        self._least = [sum(waits[place:]) for place in range(len(waits) + 1)]
        self._best: tuple[Cost, tuple[_Chosen, ...], _Seats] | None = None

    def answer(self) -> Timetable:
        self._place((), Cost(unplaced=self._hopeless))
        best = self._best
        cost, chosen, seats = best if best else (Cost(unplaced=len(self._round.wanted)), (), {})
        placed = {one.key: (one, opening) for one, opening in chosen}
        return Timetable(
            placed=tuple(
                Placement(key=key, time=opening.time, attendees=seats[key])
                for key, (_, opening) in sorted(placed.items())
            ),
            unplaced=tuple(sorted(one.key for one in self._round.wanted if one.key not in placed)),
            cost=cost,
            proven=self._left > 0,
        )

    def _place(self, chosen: tuple[_Chosen, ...], cost: Cost, place: int = 0) -> None:
        """Place the sessions from `place` on; `cost` is that of what has been chosen."""
        self._left -= 1
        bound = Cost(
            unplaced=cost.unplaced, waiting=cost.waiting + self._least[place], load=cost.load
        )
        if self._left <= 0 or (self._best is not None and bound >= self._best[0]):
            return
        if place == len(self._order):
            seated = seat(self._round, chosen)
            assert seated is not None  # noqa: S101  seen on the way here
            self._best = (cost, chosen, seated[1])
            return
        wanted = self._order[place]
        for opening in self._openings[wanted.key]:
            if self._left <= 0 or self._stop():
                self._left = 0
                return
            longer = (*chosen, (wanted, opening))
            seated = seat(self._round, longer)
            if seated is None:
                continue
            later = cost.waiting + waiting(wanted, opening.time)
            self._place(
                longer, Cost(unplaced=cost.unplaced, waiting=later, load=seated[0]), place + 1
            )
        self._place(
            chosen,
            Cost(unplaced=cost.unplaced + 1, waiting=cost.waiting, load=cost.load),
            place + 1,
        )


def seat(round_: Round, chosen: Sequence[_Chosen]) -> tuple[int, _Seats] | None:
    """Return the least load and who attends what, by session and department; None: impossible.

    Departments share no officer, so each is seated by itself.
    """
    total = 0
    seats: _Seats = {wanted.key: {} for wanted, _ in chosen}
    departments = dict.fromkeys(m.department for wanted, _ in chosen for m in wanted.members)
    for department in departments:
        found = _seat_department(round_, department, chosen)
        if found is None:
            return None
        total += found[0]
        for key, sent in found[1].items():
            seats[key][department] = sent
    return total, seats


def _seat_department(
    round_: Round, department: str, chosen: Sequence[_Chosen]
) -> tuple[int, dict[str, tuple[str, ...]]] | None:
    """Return the least load of one department's officers, and who goes where."""
    asked = [
        (wanted.key, opening.block, member.needed, opening.free[department])
        for wanted, opening in sorted(chosen, key=lambda one: (one[1].block, one[0].key))
        for member in wanted.members
        if member.department == department
    ]
    best: tuple[int, dict[str, tuple[str, ...]]] | None = None

    def go(place: int, taken: tuple[tuple[Interval, str], ...], load: int, sent: _Sent) -> None:
        nonlocal best
        if best is not None and load >= best[0]:
            return
        if place == len(asked):
            best = (load, dict(sent))
            return
        key, block, needed, free = asked[place]
        away = {ref for other, ref in taken if other.meets(block)}
        here = [ref for ref in free if ref not in away]
        overlaps = any(block.meets(other[1]) for other in asked[place + 1 :])
        choices: Iterable[tuple[str, ...]] = combinations(here, needed)
        if not overlaps:  # nobody later is kept from anything: the least loaded go
            choices = [tuple(here[:needed])] if len(here) >= needed else []
        for refs in choices:
            more = load + sum(round_.officers[ref].load for ref in refs)
            go(
                place + 1,
                (*taken, *((block, ref) for ref in refs)),
                more,
                (*sent, (key, refs)),
            )

    go(0, (), 0, ())
    return best


_Sent = tuple[tuple[str, tuple[str, ...]], ...]
