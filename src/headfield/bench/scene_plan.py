"""What is to be tried for Multi-NeuS's figure and tables, and the page that they make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from headfield.bench.multi_neus import (
    INDEPENDENT,
    PAPER,
    PAPER_FACES,
    RANKS,
    TRANSFERRED,
    SceneVariants,
    patterns,
    rank_name,
)
from headfield.bench.plan import Planned
from headfield.bench.scene_trials import SceneTrial, Side
from headfield.bench.tables import Bench, Block, grid, how, people
from headfield.bench.trials import Variant
from headfield.fields.scene_fields import NetworksSettings
from headfield.fields.scene_layers import SceneLayersSettings
from headfield.methods import h3d_net, multi_neus
from headfield.methods.registry import find_method

Name = Literal["figure-6", "1", "2", "queries"]

ALL: tuple[Name, ...] = ("figure-6", "1", "2", "queries")

SIDES: tuple[Side, ...] = ("front", "left", "right")

SHOWN: dict[int, tuple[tuple[Side, ...], ...]] = {
    1: (("front",), ("left",), ("right",)),
    2: (("left", "right"),),
    3: (SIDES,),
}
"""What is fitted to for each number of views; with one, the number told is the mean of three (section 4.3)."""

STAGES = {"scene": "step one", "everything": "full"}

Labelled = Sequence[tuple[str, Variant, tuple[float, ...]]]
"""Rows: what they are called, what is tried, and what the paper has."""


@dataclass(frozen=True)
class ScenePlan(Planned):
    """What is to be tried of Multi-NeuS."""

    paper = multi_neus.NAME
    bench: Bench
    variants: SceneVariants
    names: tuple[Name, ...] = ALL

    def trials(self) -> list[SceneTrial]:
        """All of them, each once, person by person."""
        wanted = [trial for subject in self.bench.subjects for trial in self._of(subject)]
        return list({trial.digest: trial for trial in wanted}.values())

    def _of(self, subject: str) -> Iterator[SceneTrial]:
        every = [shown for sets in SHOWN.values() for shown in sets]
        if "figure-6" in self.names:
            yield from (self._trial(row, subject, shown) for _, row, _ in self._figure_6() for shown in every)
        if "2" in self.names:
            yield from (self._trial(row, subject, shown) for _, row, _ in self._table_2() for shown in every)
        if "1" in self.names:
            yield from (self._trial(row, subject, (side,)) for _, row, _ in self._table_1() for side in SIDES)
        if "queries" in self.names:
            yield from (self._trial(row, subject, SIDES) for _, row, _ in self._queries())

    def _trial(self, variant: Variant, subject: str, shown: tuple[Side, ...]) -> SceneTrial:
        bench = self.bench
        shown = ("front",) if variant.method is None else shown  # it looks at none
        views = 0 if variant.method is None else len(shown)
        rest: dict[str, Any] = {"resolution": bench.resolution, "device": bench.device, "seed": bench.seed}
        return SceneTrial(variant, bench.data, subject, views, shown=shown, **rest)

    def _figure_6(self) -> Labelled:
        rows: list[tuple[str, Variant | None, tuple[float, ...]]] = [
            (f"low-rank, r = {rank}", self.variants.short_one(rank_name(rank)), ()) for rank in RANKS
        ]
        rows.append(("independent", self.variants.short_one(INDEPENDENT), ()))
        ordinal = ("first", "second")
        rows += [
            (f"NeuS transferred from a {ordinal[scene]} person", self.variants.short_one(f"{TRANSFERRED}-{scene}"), ())
            for scene in (0, 1)
        ]
        if self.variants.prior is not None:
            rows.append(("Multi-NeuS with its long prior", self.variants.main, ()))
        return _there(rows)

    def _table_2(self) -> Labelled:
        whole = SceneLayersSettings()
        rows = [
            (drawn(own), self.variants.short_one(name), PAPER.get(name, ()))
            for name, own in patterns(whole, NetworksSettings()).items()
        ]
        return _there([*rows, (drawn(whole), self.variants.short_one(rank_name(RANKS[1])), PAPER["whole"])])

    def _table_1(self) -> Labelled:
        variants = self.variants
        rows: list[tuple[str, Variant | None, tuple[float, ...]]] = []
        if variants.mean_prior is not None:
            rows.append(("mean head, no view looked at", Variant("mean-head", None, None, variants.mean_prior), ()))
        if variants.h3d_prior is not None:
            settings = h3d_net.Fitting()
            one = Variant(h3d_net.NAME, find_method(h3d_net.NAME), settings, variants.h3d_prior)
            rows.append(("H3D-Net", one, PAPER_FACES["h3d-net"]))
        return _there([*rows, ("Multi-NeuS", variants.main, PAPER_FACES["multi-neus"])])

    def _queries(self) -> Labelled:
        rows = [("NeuS's schedule", self.variants.plain_sampling(), ()), ("around the surface", self.variants.main, ())]
        return _there(rows)

    def blocks(self, page: Path) -> Iterator[Block]:
        """The figure's numbers and the tables."""
        if "figure-6" in self.names:
            title = "Control views by kind of layer and rank (Multi-NeuS, figure 6)"
            yield self._pictures("figure-6", title, self._figure_6())
        if "1" in self.names:
            yield self._surfaces()
        if "2" in self.names:
            title = "Control views by which layers are a scene's own (Multi-NeuS, table 2)"
            yield self._pictures("table-2", title, self._table_2())
        if "queries" in self.names:
            yield self._costs()

    def _pictures(self, name: str, title: str, rows: Labelled) -> Block:
        """PSNR after each step of fitting, for each number of views."""
        head = ["", *(f"{views} view{'s' * (views > 1)}, {told}" for told in STAGES.values() for views in SHOWN)]
        compared = any(paper for *_, paper in rows)
        lines = []
        for label, variant, paper in rows:
            cells = [self._psnr(variant, views, stage) for stage in STAGES for views in SHOWN]
            lines.append([label, *cells, *([_papers(paper)] if compared else [])])
        caption = f"PSNR in dB of views at ±20°, their cameras refined; {people(self.bench)}. {self._how(rows)}"
        return _block(name, title, [*head, *(["the paper, on SmartPortraits"] if compared else [])], lines, caption)

    def _psnr(self, variant: Variant, views: int, stage: str) -> str:
        wanted = SHOWN[views]
        found = [it["psnr"][stage] for it in self._results(variant, wanted) if stage in it.get("psnr", {})]
        return self._mean([float(np.mean(values)) for values in found], wanted)

    def _surfaces(self) -> Block:
        """How far faces and heads are off with one view from each side (table 1)."""
        rows = self._table_1()
        places = [*SIDES, "mean"]
        lines = []
        for label, variant, paper in rows:
            cells = []
            for region in ("face", "head"):
                sides = [[side] for side in SIDES] + [list(SIDES)]
                for of in sides:
                    wanted = [(side,) for side in of]
                    results = self._results(variant, wanted)
                    cells.append(self._mean([it["scores"][region]["mean"] for it in results if "scores" in it], wanted))
            lines.append([label, *cells, _papers(paper)])
        head = ["", *(f"{region}, {place}" for region in ("face", "head") for place in places), "the paper, on H3DS"]
        caption = f"Millimetres, with one view from each side; {people(self.bench)}. {self._how(rows)}"
        return _block("table-1", "One view, in millimetres (Multi-NeuS, table 1)", head, lines, caption)

    def _costs(self) -> Block:
        """What looking around the surface saves."""
        rows, lines = self._queries(), []
        for label, variant, _ in rows:
            results = self._results(variant, (SIDES,))
            lines.append(
                [
                    label,
                    self._mean([it["queries_a_ray"] for it in results], [SIDES]),
                    self._mean([it["seconds"]["fit"] for it in results], [SIDES]),
                    self._psnr(variant, 3, "everything"),
                ]
            )
        caption = f"Three views, the same number of steps; {people(self.bench)}. {self._how(rows)}"
        head = ["", "queries a ray", "seconds of fitting", "PSNR of control views"]
        return _block("queries", "How often the field is asked (Multi-NeuS)", head, lines, caption)

    def _results(self, variant: Variant, shown: Sequence[tuple[Side, ...]]) -> list[dict[str, Any]]:
        trials = [self._trial(variant, subject, sides) for subject in self.bench.subjects for sides in shown]
        return [result for trial in trials if (result := self.bench.results.of(trial)) is not None]

    def _mean(self, values: Sequence[float], shown: Sequence[tuple[Side, ...]]) -> str:
        """The mean of a value of each fit, with how many fits there are where some are missing."""
        if not values:
            return "–"
        told = f"{np.mean(values):.2f}"
        return told if len(values) == len(self.bench.subjects) * len(shown) else f"{told} (of {len(values)})"

    def _how(self, rows: Labelled) -> str:
        every = [shown for sets in SHOWN.values() for shown in sets]
        return how(result for _, variant, _ in rows for result in self._results(variant, every))


def drawn(own: SceneLayersSettings, sdf: int = 9, radiance: int = 5) -> str:
    """A pattern as the paper draws it: ■ for a layer of a scene's own, □ for one that scenes share."""
    parts = ((own.sdf, sdf), (own.radiance, radiance))
    return " ".join("".join("■" if number + 1 in its else "□" for number in range(count)) for its, count in parts)


def _there(rows: Sequence[tuple[str, Variant | None, tuple[float, ...]]]) -> Labelled:
    """Those rows that can be tried."""
    return [(label, variant, paper) for label, variant, paper in rows if variant is not None]


def _papers(values: Sequence[float]) -> str:
    return " / ".join(f"{value:.2f}" for value in values) or "–"


def _block(name: str, title: str, head: list[str], lines: list[list[str]], caption: str) -> Block:
    return Block(name, title, f"{grid(head, lines)}\n\n{caption}")
