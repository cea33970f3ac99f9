"""The graph of an application, laid out by layers, in the units of an SVG.

A step stands in the layer behind the last of those it waits for. A merged step is one box with a
line for each department; its right edge is the barrier. What follows from other lines of the graph
is not drawn twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

BOX = 248.0
HEAD, LINE, FOOT = 34.0, 22.0, 8.0
ACROSS, DOWN = 56.0, 22.0
MARGIN = 4.0
TEXT, TITLE = 13.0, 14.5
NARROW = 0.5
"""Width of a Latin letter, in ems."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One department's part: its words, how it stands, and the sign for that."""

    text: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Node:
    """One step. `after` are codes of steps; `state` is a word of the style."""

    code: str
    title: str
    state: str
    after: tuple[str, ...]
    rows: tuple[Row, ...]
    merged: bool


@dataclass(frozen=True, kw_only=True)
class Box:
    """A node in its place; `title` and `rows` as far as there is room."""

    node: Node
    title: str
    rows: tuple[Row, ...]
    x: float
    y: float
    height: float

    @property
    def middle(self) -> float:
        """Where lines come in and go out."""
        return self.y + self.height / 2


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A line from a step to one that waits for it."""

    path: str
    done: bool


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """All of it."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    box: float = BOX
    """How wide every box is."""


def draw(nodes: Sequence[Node]) -> Drawing:
    """Lay out the nodes. Those of a layer stand in the order of what they follow from."""
    layers = layers_of(nodes)
    columns: list[list[Node]] = [[] for _ in range(max(layers.values(), default=0) + 1)]
    for node in nodes:
        columns[layers[node.code]].append(node)
    height = max((_height_of(column) for column in columns), default=0.0)
    boxes: dict[str, Box] = {}
    for place, column in enumerate(columns):
        y = MARGIN + (height - _height_of(column)) / 2
        for node in sorted(column, key=lambda one: _pull(one, boxes)):
            boxes[node.code] = _box(node, MARGIN + place * (BOX + ACROSS), y)
            y += boxes[node.code].height + DOWN
    needed = reduced(nodes)
    return Drawing(
        width=2 * MARGIN + len(columns) * (BOX + ACROSS) - ACROSS,
        height=2 * MARGIN + height,
        boxes=tuple(boxes.values()),
        edges=tuple(
            _edge(boxes[before], boxes[node.code]) for node in nodes for before in needed[node.code]
        ),
    )


def layers_of(nodes: Sequence[Node]) -> dict[str, int]:
    """Return the layer of each node: 0 for what waits for nothing."""
    after = {node.code: node.after for node in nodes}
    found: dict[str, int] = {}

    def layer(code: str) -> int:
        if code not in found:
            found[code] = max((layer(before) + 1 for before in after[code]), default=0)
        return found[code]

    for code in after:
        layer(code)
    return found


def reduced(nodes: Sequence[Node]) -> Mapping[str, tuple[str, ...]]:
    """Return what each node waits for, without what that waits for itself."""
    after = {node.code: node.after for node in nodes}
    behind: dict[str, frozenset[str]] = {}

    def all_before(code: str) -> frozenset[str]:
        if code not in behind:
            direct = frozenset(after[code])
            behind[code] = direct.union(*(all_before(one) for one in direct))
        return behind[code]

    return {
        code: tuple(
            one
            for one in direct
            if not any(one in all_before(other) for other in direct if other != one)
        )
        for code, direct in after.items()
    }


def fitted(text: str, width: float, size: float = TEXT) -> str:
    """Return a text, cut with an ellipsis where it would be wider than that."""
    room = width / size
    used = 0.0
    for place, letter in enumerate(text):
        used += 1.0 if east_asian_width(letter) in "WF" else NARROW
        if used > room:
            return text[: max(0, place - 1)].rstrip() + "…"
    return text


def _height_of(column: Sequence[Node]) -> float:
    return sum(_height(node) + DOWN for node in column) - DOWN


def _height(node: Node) -> float:
    return HEAD + LINE * len(node.rows) + FOOT


def _pull(node: Node, boxes: Mapping[str, Box]) -> float:
    """Return the height at which a node would stand straight behind what it waits for."""
    heights = [boxes[code].middle for code in node.after]
    return sum(heights) / len(heights) if heights else 0.0


def _box(node: Node, x: float, y: float) -> Box:
    return Box(
        node=node,
        title=fitted(node.title, BOX - 40, TITLE),
        rows=tuple(Row(text=fitted(one.text, BOX - 44), state=one.state) for one in node.rows),
        x=x,
        y=round(y, 1),
        height=_height(node),
    )


def _edge(before: Box, after: Box) -> Edge:
    x, y = before.x + BOX, before.middle
    to_x, to_y = after.x, after.middle
    bend = ACROSS / 2
    path = f"M{x} {y} C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"
    return Edge(path=path, done=before.node.state == "done")
