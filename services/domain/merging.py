"""Which items become which steps: merging, participants, prerequisites, the order of papers."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from services.contracts.vocabulary import Part, Silence
from services.domain.applicability import Facts, holds
from services.domain.catalogue import Catalogue, Consulted, Group, Item
from services.domain.graph import CycleError, ordered


class MergeError(Exception):
    """The steps wait for each other, or papers of one step must be issued after each other."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """One department's share of a step, before dates."""

    item: Item
    department: str
    part: Part
    silence: Silence = Silence.NONE


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A step before dates. `group` is None for an item on its own."""

    code: str
    items: tuple[Item, ...]
    shares: tuple[Share, ...]
    requires: Mapping[str, tuple[str, ...]]
    on_trust: Mapping[str, tuple[str, ...]]
    after: tuple[str, ...]
    group: Group | None
    issue_order: tuple[str, ...]


def prerequisites(item: Item, planned: Collection[str], held: Collection[str]) -> tuple[str, ...]:
    """Return the items of the plan that must be granted first.

    An item that is neither planned nor held is no edge: its result is supplied as a material. Of a
    choice (`any_of`) a held result is enough; else the first that is planned. What may be taken in
    on trust is no edge.
    """
    needed = [code for code in item.prerequisites.all_of if code in planned]
    for choice in item.prerequisites.any_of:
        if not any(code in held for code in choice):
            needed.extend([code for code in choice if code in planned][:1])
    trusted = {item.code, *item.prerequisites.on_trust}
    return tuple(sorted(set(needed) - trusted))


def merged(
    catalogue: Catalogue, items: Iterable[Item], held: Collection[str], facts: Facts
) -> tuple[Draft, ...]:
    """Return the steps, each after the steps it waits for; ties by code. Raises MergeError."""
    by_code = {item.code: item for item in items}
    steps = _steps(catalogue, by_code.values(), facts)
    step_of = {item.code: code for code, (_, members, _) in steps.items() for item in members}
    needs = {code: prerequisites(item, by_code.keys(), held) for code, item in by_code.items()}
    after = {
        code: tuple(sorted({step_of[n] for item in members for n in needs[item.code]} - {code}))
        for code, (_, members, _) in steps.items()
    }
    try:
        order = ordered(after)
    except CycleError as error:
        raise MergeError(f"steps wait for each other: {error}") from None
    return tuple(
        _draft(code, *steps[code], needs=needs, after=after[code], planned=by_code.keys())
        for code in order
    )


def issue_order(
    items: Iterable[Item], declared: Iterable[str], needs: Mapping[str, Iterable[str]]
) -> tuple[str, ...]:
    """Return the order in which a merged step's papers are issued; () when nothing orders them.

    Raises MergeError when the declared order and the prerequisites contradict each other.
    """
    codes = {item.code for item in items}
    inner: dict[str, set[str]] = {code: set(needs[code]) & codes for code in sorted(codes)}
    chain = [code for code in declared if code in codes]
    for earlier, later in pairwise(chain):
        inner[later].add(earlier)
    if not any(inner.values()):
        return ()
    try:
        return ordered(inner)
    except CycleError as error:
        raise MergeError(f"papers of one step wait for each other: {error}") from None


_Step = tuple[Group | None, tuple[Item, ...], tuple[Share, ...]]


def _steps(catalogue: Catalogue, items: Iterable[Item], facts: Facts) -> dict[str, _Step]:
    members: dict[str, list[Item]] = {}
    for item in items:
        is_grouped = item.group in catalogue.group_by_code
        members.setdefault((is_grouped and item.group) or item.code, []).append(item)
    steps: dict[str, _Step] = {}
    for code, found in members.items():
        group = catalogue.group_by_code.get(code)
        ranked = tuple(sorted(found, key=lambda item: item.code))
        asked = _active(group.consulted, facts) if group else ()
        if group and (len(ranked) > 1 or asked):
            steps[group.code] = (group, ranked, _shares(ranked, facts, asked, group.lead))
        else:
            steps[ranked[0].code] = (None, ranked, _shares(ranked, facts, (), ""))
    return steps


def _shares(
    items: tuple[Item, ...], facts: Facts, asked: tuple[Consulted, ...], lead: str
) -> tuple[Share, ...]:
    """A department stands once for one item: as decider if it decides, else consulted once."""
    found: dict[tuple[str, str], Share] = {}
    for share in _all_shares(items, facts, asked, lead):
        found.setdefault((share.item.code, share.department), share)
    return tuple(sorted(found.values(), key=lambda s: (s.part is Part.CONSULT, s.item.code)))


def _all_shares(
    items: tuple[Item, ...], facts: Facts, asked: tuple[Consulted, ...], lead: str
) -> Iterator[Share]:
    for item in items:
        for department in (item.department, *item.co_deciders):
            yield Share(item=item, department=department, part=Part.DECIDE)
    for item in items:
        for unit in _active(item.consulted, facts):
            yield _consulted(item, unit)
    led = next((item for item in items if item.department == lead), items[0])
    for unit in asked:
        yield _consulted(led, unit)


def _consulted(item: Item, unit: Consulted) -> Share:
    return Share(item=item, department=unit.department, part=Part.CONSULT, silence=unit.silence)


def _active(units: Iterable[Consulted], facts: Facts) -> tuple[Consulted, ...]:
    return tuple(unit for unit in units if holds(unit.when, facts))


def _draft(
    code: str,
    group: Group | None,
    items: tuple[Item, ...],
    shares: tuple[Share, ...],
    *,
    needs: Mapping[str, tuple[str, ...]],
    after: tuple[str, ...],
    planned: Collection[str],
) -> Draft:
    own = {item.code for item in items}
    return Draft(
        code=code,
        items=items,
        shares=shares,
        requires={c: tuple(n for n in needs[c] if n not in own) for c in sorted(own)},
        on_trust={
            item.code: tuple(sorted(c for c in set(item.prerequisites.on_trust) if c in planned))
            for item in items
        },
        after=after,
        group=group,
        issue_order=issue_order(items, group.issue_order if group else (), needs),
    )
