"""Bars that say how long each phase took, as an SVG within a page, in the page's own colours."""

from __future__ import annotations

from collections.abc import Mapping

from headfield.report.html import Markup, tag

WIDTH, ROW, BAR = 360, 46, 12


def bars(seconds: Mapping[str, float]) -> Markup:
    """A bar for each phase, the longest filling the chart, its name and its time above it."""
    longest = max([*seconds.values(), 1e-9])
    parts = [tag("title", "Seconds of each phase: " + ", ".join(f"{n} {duration(s)}" for n, s in seconds.items()))]
    for row, (name, value) in enumerate(seconds.items()):
        line, length = row * ROW + 16, max(WIDTH * value / longest, 1)
        parts += [
            tag("text", name, x=0, y=line),
            tag("text", duration(value), x=WIDTH, y=line, text_anchor="end"),
            tag("rect", x=0, y=line + 8, width=f"{length:.1f}", height=BAR, rx=3, class_="bar"),
        ]
    return tag("svg", *parts, viewBox=f"0 0 {WIDTH} {ROW * len(seconds)}", role="img", class_="bars")


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
