"""Directed graphs of codes: `after[node]` are the nodes that come before it. Deterministic."""

from collections.abc import Collection, Mapping
from graphlib import CycleError as _GraphlibCycleError
from graphlib import TopologicalSorter

Edges = Mapping[str, Collection[str]]


class CycleError(Exception):
    """The graph has a cycle: `cycle` names its nodes, each before the next, first again last."""

    def __init__(self, cycle: tuple[str, ...]) -> None:
        super().__init__(" -> ".join(cycle))
        self.cycle = cycle


def generations(after: Edges) -> tuple[tuple[str, ...], ...]:
    """Return the nodes in generations, each sorted: a node stands as early as it can.

    Every node of the graph must be a key of `after`. Raises CycleError.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for node in sorted(after):
        sorter.add(node, *sorted(after[node]))
    try:
        sorter.prepare()
    except _GraphlibCycleError as error:
        raise CycleError(_from_smallest(error.args[1])) from None
    found = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        sorter.done(*ready)
        found.append(tuple(ready))
    return tuple(found)


def ordered(after: Edges) -> tuple[str, ...]:
    """Return the nodes, each after its predecessors; ties by code. Raises CycleError."""
    return tuple(node for generation in generations(after) for node in generation)


def _from_smallest(cycle: list[str]) -> tuple[str, ...]:
    """A cycle has no beginning: start at its smallest code so that it always reads the same."""
    ring = cycle[:-1]
    first = ring.index(min(ring))
    turned = ring[first:] + ring[:first]
    return (*turned, turned[0])
