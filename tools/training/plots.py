"""Figures as inline SVG that follows the page's light or dark colours: curves, a heat map, bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 400, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 18, 40
COLOURS = 8
TICKS = 5
CELL, MOST_CELLS = 34, 30


@dataclass(frozen=True, slots=True)
class Line:
    """A named curve; `dot` is the point of it that matters. `steps` draws it as stairs."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dot: tuple[float, float] | None = None
    steps: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """What is drawn along one side, and from where to where."""

    name: str
    low: float
    high: float

    def ticks(self) -> list[float]:
        """Round numbers inside the range."""
        rough = (self.high - self.low) / TICKS
        power = 10.0 ** np.floor(np.log10(rough))
        step = power * next(size for size in (1, 2, 2.5, 5, 10) if size * power >= rough * 0.99)
        first = np.ceil(self.low / step - 1e-9) * step
        return [float(first + place * step) for place in range(int((self.high - first) / step + 1e-6) + 1)]


def curves(lines: Sequence[Line], across: Axis, up: Axis, title: str) -> str:
    """Lines over a grid, with a legend below if there are several."""

    def place(x: float, y: float) -> tuple[float, float]:
        right = (x - across.low) / (across.high - across.low)
        above = (y - up.low) / (up.high - up.low)
        return LEFT + right * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - above * (HEIGHT - TOP - BOTTOM)

    parts = []
    for tick in across.ticks():
        x, bottom = place(tick, up.low)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom:.1f}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{tick:g}</text>')
    for tick in up.ticks():
        left, y = place(across.low, tick)
        parts.append(f'<line class="grid" x1="{left:.1f}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    parts.append(
        f'<text class="axis" x="{middle:.1f}" y="{HEIGHT - 4}" text-anchor="middle">{escape(across.name)}</text>'
    )
    upright = TOP + (HEIGHT - TOP - BOTTOM) / 2
    parts.append(
        f'<text class="axis" transform="translate(11 {upright:.1f}) rotate(-90)" text-anchor="middle">'
        f"{escape(up.name)}</text>"
    )
    for number, line in enumerate(lines):
        points = [place(x, y) for x, y in zip(line.x, line.y, strict=True)]
        parts.append(
            f'<path class="line k{number % COLOURS}" d="{_path(points, line.steps)}">'
            f"<title>{escape(line.name)}</title></path>"
        )
        if line.dot:
            x, y = place(*line.dot)
            parts.append(
                f'<circle class="dot k{number % COLOURS}" cx="{x:.1f}" cy="{y:.1f}" r="4.5">'
                f"<title>{escape(line.name)}</title></circle>"
            )
    drawn = _svg(WIDTH, HEIGHT, parts, title)
    return drawn + legend([line.name for line in lines]) if len(lines) > 1 else drawn


def stacked(stacks: Sequence[NDArray[np.int64]], names: Sequence[str], across: str, title: str) -> str:
    """Counts of equal parts of 0..1, one kind on another: the first good, the second bad."""
    wide = len(stacks[0])
    most = max(int(sum(stacks).max()), 1)  # type: ignore[union-attr]
    room, tall = (WIDTH - LEFT - RIGHT) / wide, HEIGHT - TOP - BOTTOM
    parts = [f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>']
    for place in range(wide):
        top = float(HEIGHT - BOTTOM)
        for counts, name, kind in zip(stacks, names, ("good", "bad"), strict=True):
            high = tall * int(counts[place]) / most
            top -= high
            parts.append(
                f'<rect class="{kind}" x="{LEFT + place * room + 2:.1f}" y="{top:.1f}" width="{room - 4:.1f}" '
                f'height="{high:.1f}" rx="2"><title>{counts[place]} {escape(name)}</title></rect>'
            )
        total = sum(int(counts[place]) for counts in stacks)
        if total:
            middle = LEFT + (place + 0.5) * room
            parts.append(f'<text x="{middle:.1f}" y="{top - 4:.1f}" text-anchor="middle">{total}</text>')
    for tick in range(0, wide + 1, 2):
        x = LEFT + tick * room
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{tick / wide:g}</text>')
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    parts.append(f'<text class="axis" x="{middle:.1f}" y="{HEIGHT - 4}" text-anchor="middle">{escape(across)}</text>')
    keys = zip(names, ("good", "bad"), strict=True)
    below = "".join(f'<span class="key"><i class="{kind}"></i>{escape(name)}</span>' for name, kind in keys)
    return f'{_svg(WIDTH, HEIGHT, parts, title)}<p class="legend">{below}</p>'


def legend(names: Sequence[str]) -> str:
    """Each curve's colour before its name."""
    items = (
        f'<span class="key"><i class="k{number % COLOURS}"></i>{escape(name)}</span>'
        for number, name in enumerate(names)
    )
    return f'<p class="legend">{"".join(items)}</p>'


def heat(counts: NDArray[np.int64], rows: Sequence[str], columns: Sequence[str], title: str) -> str:
    """A matrix whose cells are the stronger the larger their part of the row; right ones lie on the diagonal."""
    longest = max((len(name) for name in rows), default=0)
    side = min(24 + 6.2 * min(longest, 22), 160)
    head = min(24 + 4.6 * min(max((len(name) for name in columns), default=0), 22), 120)
    parts = []
    for place, name in enumerate(columns):
        x = side + place * CELL + CELL / 2
        parts.append(f'<text transform="translate({x + 4:.1f} {head - 8:.1f}) rotate(-45)">{_short(name)}</text>')
    for row, name in enumerate(rows):
        y = head + row * CELL
        parts.append(f'<text x="{side - 8:.1f}" y="{y + CELL / 2 + 4:.1f}" text-anchor="end">{_short(name)}</text>')
        total = max(int(counts[row].sum()), 1)
        for column, called in enumerate(columns):
            count, x = int(counts[row, column]), side + column * CELL
            kind = "good" if name == called else "bad"
            share = count / total
            tip = escape(f"{name} called {called}: {count} of {int(counts[row].sum())}")
            parts.append(f'<rect class="cell" x="{x:.1f}" y="{y:.1f}" width="{CELL - 2}" height="{CELL - 2}" rx="3"/>')
            if not count:
                continue
            parts.append(
                f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{CELL - 2}" height="{CELL - 2}" rx="3" '
                f'fill-opacity="{0.18 + 0.82 * share:.2f}"><title>{tip}</title></rect>'
            )
            strong = ' class="strong"' if share > 0.45 else ""
            middle = f'x="{x + CELL / 2 - 1:.1f}" y="{y + CELL / 2 + 3:.1f}" text-anchor="middle"'
            parts.append(f"<text{strong} {middle}>{count}</text>")
    width, height = side + len(columns) * CELL + 60, head + len(rows) * CELL
    return _svg(round(width), round(height), parts, title, most=True)


def bar(share: float, kind: str = "k0", mark: float | None = None) -> str:
    """A part of one as a bar; `mark` is a place on it, such as a threshold."""
    parts = [
        '<rect class="cell" width="120" height="10" rx="5"/>',
        f'<rect class="{kind}" width="{max(min(share, 1.0), 0.0) * 120:.1f}" height="10" rx="5"/>',
    ]
    if mark is not None:
        parts.append(f'<line class="mark" x1="{mark * 120:.1f}" x2="{mark * 120:.1f}" y1="-2" y2="12"/>')
    return f'<svg class="bar" viewBox="0 -2 120 14" role="img" aria-label="{share:.2f}">{"".join(parts)}</svg>'


def _path(points: Sequence[tuple[float, float]], steps: bool) -> str:
    found = []
    for number, (x, y) in enumerate(points):
        if number and steps:
            found.append(f"H{x:.1f}V{y:.1f}")
        else:
            found.append(f"{'L' if number else 'M'}{x:.1f} {y:.1f}")
    return "".join(found)


def _short(name: str) -> str:
    return escape(name if len(name) <= 22 else f"{name[:21]}…")


def _svg(width: int, height: int, parts: Sequence[str], title: str, *, most: bool = False) -> str:
    style = f' style="max-width:{1.5 * width:.0f}px"' if most else ""
    return (
        f'<svg class="plot" viewBox="0 0 {width} {height}"{style} role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )
