"""What tables do not show: the error while a fit goes, the ways to find hits side by side, where the time goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headfield.bench.chart import Line, svg
from headfield.bench.tables import Bench, Block, Row, grid, how, people
from headfield.bench.trials import Trial, Variant
from headfield.render.finders import Finder

WATCHED = 3
"""How many people's fits are watched."""

FINDERS: tuple[Finder, ...] = ("sphere tracing", "parallel samples", "proxy")

SHOWN = (0, 50, 100, 200, 300, 450, 600, 900)
"""After how many steps the error is told, of those that were looked at."""

Curve = dict[int, float]


@dataclass(frozen=True)
class Steps:
    """The error of the face over the steps of fits (figure 4)."""

    rows: tuple[Row, ...]
    views: int
    bench: Bench

    name = "steps"

    def trials(self) -> Iterator[Trial]:
        """Fits of the first few people, watched."""
        for subject in self.bench.subjects[:WATCHED]:
            for row in self.rows:
                yield replace(self.bench.trial(row.variant, subject, self.views), watched=True)

    def block(self, picture: str) -> Block:
        """The curves as a table, below the picture of that name."""
        curves = {row.label: self._curve(row.variant) for row in self.rows}
        reached = {step for curve in curves.values() for step in curve}
        steps = [step for step in SHOWN if step in reached]
        lines = [
            [label, *(f"{curve[step]:.2f}" if step in curve else "–" for step in steps)]
            for label, curve in curves.items()
        ]
        results = [result for trial in self.trials() if (result := self.bench.results.of(trial)) is not None]
        few = replace(self.bench, subjects=self.bench.subjects[:WATCHED])
        caption = (
            f"Millimetres from the true face after so many steps, with {self.views} view{'s' * (self.views > 1)}; "
            f"{people(few)}. {how(results)}"
        )
        table = grid(["steps", *map(str, steps)], lines)
        title = "The error while a fit goes (InstantAvatar, figure 4)"
        return Block(self.name, title, f"![{title}]({picture})\n\n{table}\n\n{caption}")

    def picture(self) -> str:
        """The curves as an SVG."""
        lines = [Line(row.label, tuple(sorted(self._curve(row.variant).items()))) for row in self.rows]
        ends = [line.points[-1][1] for line in lines if line.points]
        starts = [line.points[0][1] for line in lines if line.points]
        most = max(2 * float(np.median(ends)), 1.05 * float(np.median(starts))) if ends else None
        title = f"Error of the face over the steps of a fit to {self.views} views"
        return svg([line for line in lines if line.points], title=title, x="steps", y="face, mm", most=most)

    def _curve(self, variant: Variant) -> Curve:
        """The mean over the people watched, at the steps at which all of them had a surface."""
        told: list[Curve] = []
        for subject in self.bench.subjects[:WATCHED]:
            result = self.bench.results.of(replace(self.bench.trial(variant, subject, self.views), watched=True))
            if result is not None:
                told.append({entry["step"]: entry["face"] for entry in result["curve"] if entry["face"] is not None})
        steps = set.intersection(*(set(curve) for curve in told)) if told else set()
        return {step: float(np.mean([curve[step] for curve in told])) for step in sorted(steps)}


@dataclass(frozen=True)
class Ways:
    """The ways to find hits, each used for the same fit of one person."""

    variant: Variant
    views: int
    bench: Bench

    name = "hits"

    def trials(self) -> Iterator[Trial]:
        """One fit a way."""
        for finder in FINDERS:
            yield replace(self.bench.trial(self.variant, self.bench.subjects[0], self.views), finder=finder)

    def block(self) -> Block:
        """What each costs, and how exact it is."""
        found = [(trial, self.bench.results.of(trial)) for trial in self.trials()]
        lines = [self._line(trial, result) for trial, result in found if result is not None]
        head = [
            "",
            "queries a ray",
            "seconds of fitting",
            "face, mm",
            "99.9 % of hits within, mm",
            "hit or not differs",
        ]
        caption = (
            f"InstantAvatar fitted to {self.views} view{'s' * (self.views > 1)} of one person of {self.bench.people}, "
            "the field asked for hits in these ways; those of the proxy's mesh are among its queries. The last two "
            "columns compare each way's hits on the field it led to with those of a slow and careful walk. "
            f"{how([result for _, result in found if result is not None])}"
        )
        return Block(self.name, "Ways to find where rays meet the surface", f"{grid(head, lines)}\n\n{caption}")

    def _line(self, trial: Trial, result: dict[str, Any]) -> list[str]:
        hits, name = result.get("hits"), f"{trial.finder}"
        face = f"{result['scores']['face']['mean']:.2f}" if "scores" in result else "failed"
        exact = ["–", "–"] if hits is None else [f"{hits['most_mm']:.3f}", f"{100 * hits['differs']:.2f} %"]
        queries = result["queries_a_ray"]
        seconds = result["seconds"].get("fit")
        return [
            name,
            "–" if queries is None else f"{queries:.1f}",
            "–" if seconds is None else f"{seconds:.0f}",
            face,
            *exact,
        ]


@dataclass(frozen=True)
class Times:
    """Where the time from files to a GLB goes, with the machine to itself."""

    variant: Variant
    views: Sequence[int]
    bench: Bench

    name = "speed"

    def trials(self) -> Iterator[Trial]:
        """One fit of one person for each number of views."""
        for views in self.views:
            yield replace(self.bench.trial(self.variant, self.bench.subjects[0], views), timed=True)

    def block(self) -> Block:
        """Seconds of every part, and the most memory held."""
        found = [(trial, result) for trial in self.trials() if (result := self.bench.results.of(trial)) is not None]
        stages = list(dict.fromkeys(stage for _, result in found for stage in result["seconds"].get("stages", {})))
        head = ["", "reading", "cues", *(f"fit: {stage}" for stage in stages), "fit: rest", "mesh", "GLB", "all", "MB"]
        lines = [
            [f"{trial.views} view{'s' * (trial.views > 1)}", *_times(result, stages)]
            for trial, result in found
            if "mesh" in result["seconds"]
        ]
        caption = (
            f"Seconds, and the most memory held, for one person of {self.bench.people}, from the files of the views to "
            f"the file of the head. {how([result for _, result in found])}"
        )
        return Block(self.name, "Where the time goes", f"{grid(head, lines)}\n\n{caption}")


def _times(result: dict[str, Any], stages: Sequence[str]) -> list[str]:
    seconds = result["seconds"]
    spent = [seconds["stages"].get(stage, 0.0) for stage in stages]
    whole = sum(seconds[part] for part in ("read", "cues", "fit", "mesh", "save"))
    parts = [seconds["read"], seconds["cues"], *spent, seconds["fit"] - sum(spent), seconds["mesh"], seconds["save"]]
    return [*(f"{part:.1f}" for part in parts), f"{whole:.1f}", f"{result['peak_megabytes']:.0f}"]
