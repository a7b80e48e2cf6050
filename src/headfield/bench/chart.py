"""Lines in a picture: an SVG that says in its own words what it shows, and is legible on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 860, 400
LEFT, RIGHT, TOP, BOTTOM = 60, 350, 20, 50

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#888888", "#8c510a", "#5e3c99")
"""Told apart by people who see fewer colours, too (Okabe and Ito)."""

INK = "#777777"


@dataclass(frozen=True)
class Line:
    """Points in order of x."""

    label: str
    points: tuple[tuple[float, float], ...]


def svg(lines: Sequence[Line], *, title: str, x: str, y: str, most: float | None = None) -> str:
    """The chart, from zero; what lies above ``most`` is cut off."""
    shown = [point for line in lines for point in line.points]
    x_ticks = ticks(max((px for px, _ in shown), default=1.0))
    highest = max((py for _, py in shown), default=1.0)
    y_ticks = ticks(highest if most is None else min(highest, most))
    place = _Place(x_ticks[-1], y_ticks[-1])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="13" fill="{INK}">',
        f"<title>{escape(title)}</title>",
        f'<clipPath id="plot"><rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" '
        f'height="{HEIGHT - TOP - BOTTOM}"/></clipPath>',
    ]
    for tick in x_ticks:
        px, _ = place(tick, 0)
        parts.append(f'<text x="{px:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick:g}</text>')
    for tick in y_ticks:
        _, py = place(0, tick)
        parts.append(f'<path d="M{LEFT} {py:.1f}H{WIDTH - RIGHT}" stroke="{INK}" stroke-opacity="0.3"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{py + 4:.1f}" text-anchor="end">{tick:g}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x)}</text>')
    turned = f"rotate(-90 16 {(TOP + HEIGHT - BOTTOM) / 2:.1f})"
    parts.append(
        f'<text x="16" y="{(TOP + HEIGHT - BOTTOM) / 2:.1f}" text-anchor="middle" transform="{turned}">'
        f"{escape(y)}</text>"
    )
    for number, line in enumerate(lines):
        parts += _drawn(line, number, place)
    return "\n".join([*parts, "</svg>", ""])


@dataclass(frozen=True)
class _Place:
    """Where a point lies in the picture."""

    x_end: float
    y_end: float

    def __call__(self, x: float, y: float) -> tuple[float, float]:
        across, up = x / self.x_end, y / self.y_end
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)


def _drawn(line: Line, number: int, place: _Place) -> list[str]:
    """The line, and its entry beside the plot."""
    colour = COLOURS[number % len(COLOURS)]
    dashes = ' stroke-dasharray="6 4"' if number >= len(COLOURS) else ""
    stroke = f'fill="none" stroke="{colour}" stroke-width="2"{dashes}'
    points = " ".join("{:.1f},{:.1f}".format(*place(px, py)) for px, py in line.points)
    left, height = WIDTH - RIGHT + 16, TOP + 12 + 22 * number
    return [
        f'<polyline points="{points}" clip-path="url(#plot)" stroke-linejoin="round" {stroke}/>',
        f'<path d="M{left} {height}h24" {stroke}/>',
        f'<text x="{left + 32}" y="{height + 4}">{escape(line.label)}</text>',
    ]


def ticks(end: float, most: int = 6) -> list[float]:
    """Round numbers from zero to at least ``end``, at most so many steps of them."""
    if not end > 0:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(end / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if end / (power * factor) <= most + 1e-9)
    return [step * k for k in range(math.ceil(end / step - 1e-9) + 1)]
