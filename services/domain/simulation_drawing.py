"""Completion against promise as a picture: the share completed by each working day (SVG)."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 420
LEFT, TOP, RIGHT, BOTTOM = 56, 40, 20, 48
COLOURS = ("#0b57d0", "#b3261e", "#7a4b00", "#146c2e", "#6750a4", "#00677d")
DASHES = ("", "6 4", "2 3", "8 3 2 3", "1 4", "10 5")
"""Curves differ by dash too, for those who do not see colours."""
TICKS = 10


def completion(
    curves: Sequence[tuple[str, dict[int, int]]], promised: int, title: str, across: str, mark: str
) -> str:
    """Return an SVG document.

    Args:
        curves: name, and how many applications were completed after so many working days.
        promised: the promise in working days: a vertical line named `mark`.
        title: above the picture; it is also what is read out.
        across: what the horizontal axis counts.
        mark: the name of the promise.
    """
    longest = max([promised, *(max(done, default=0) for _, done in curves)]) or 1
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{escape(title)}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>',
        *_axes(longest, across),
        *_promise(promised, longest, mark),
    ]
    for place, (name, done) in enumerate(curves):
        lines += _curve(place, name, done, longest)
    return "\n".join([*lines, "</svg>", ""])


def _x(day: float, longest: int) -> float:
    return round(LEFT + day / longest * (WIDTH - LEFT - RIGHT), 1)


def _y(share: float) -> float:
    return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)


def _axes(longest: int, across: str) -> list[str]:
    found = []
    for percent in range(0, 101, 25):
        y = _y(percent / 100)
        found.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        found.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{percent}%</text>')
    for day in range(0, longest + 1, -(-longest // TICKS)):
        x = _x(day, longest)
        found.append(f'<text x="{x}" y="{_y(0) + 18}" text-anchor="middle">{day}</text>')
    middle = (LEFT + WIDTH - RIGHT) // 2
    found.append(
        f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>'
    )
    return found


def _promise(promised: int, longest: int, mark: str) -> list[str]:
    x = _x(promised, longest)
    return [
        f'<path d="M{x} {TOP}V{_y(0)}" stroke="#555" stroke-width="2"/>',
        f'<text x="{x - 4}" y="{TOP + 12}" text-anchor="end">{escape(mark)} {promised}</text>',
    ]


def _curve(place: int, name: str, done: dict[int, int], longest: int) -> list[str]:
    colour, dash = COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)]
    whole, reached = sum(done.values()) or 1, 0
    path = f"M{_x(0, longest)} {_y(0)}"
    for day, count in sorted(done.items()):
        reached += count
        path += f"H{_x(day, longest)}V{_y(reached / whole)}"
    path += f"H{_x(longest, longest)}"
    style = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
    y = TOP + 150 + 18 * place
    return [
        f'<path d="{path}" {style}/>',
        f'<path d="M{WIDTH - 220} {y - 4}h26" {style}/>',
        f'<text x="{WIDTH - 188}" y="{y}">{escape(name)}</text>',
    ]
