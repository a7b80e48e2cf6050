"""``headfield bench multi-neus``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from headfield.bench import ablations
from headfield.bench.multi_neus import SceneVariants, trainings
from headfield.bench.scene_plan import ALL, Name, ScenePlan
from headfield.cli.bench_work import Shared, Work
from headfield.methods import multi_neus

VIEWS = 3
"""From the front and from both sides."""


def run(
    data: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")],
    *,
    tables: tuple[Name, ...] = ALL,
    prior: Path | None = None,
    h3d_prior: Path | None = None,
    fit: multi_neus.Fitting = multi_neus.Fitting(),  # noqa: B008 - frozen
    learn: multi_neus.Training = multi_neus.Training(),  # noqa: B008 - frozen
    work: Shared = Work(),  # noqa: B008 - frozen
) -> None:
    """Make Multi-NeuS's figure 6 and tables anew, on people in arcs of views whose true surfaces are known.

    Every fit's result is kept, so a bench that was interrupted goes on where it stopped when the same command is given
    again. The priors of figure 6 and table 2 are learned from posed views.

    Args:
        data: A data set of people in arcs; `headfield studio DATA --split validation --rig arc` makes one.
        tables: Kinds of layers and ranks (figure 6), surfaces of one view (1), patterns of layers (2), queries a ray.
        prior: The prior's file, instead of the one that comes with headfield.
        h3d_prior: The prior of H3D-Net, for table 1.
        fit: How heads are fitted.
        learn: How the priors of figure 6 and table 2 are learned, besides what each is about.
        work: Where results go, how many people are tried, and who does it.
    """
    bench = work.bench(data, VIEWS)
    wanted = trainings(work.ablation_steps, learn)

    def plan() -> tuple[ScenePlan, list[str]]:
        variants = SceneVariants.of(prior, h3d_prior, ablations.learned(work.output, wanted), fit)
        return ScenePlan(bench, variants, tables), variants.left_out()

    work.go(plan, lambda: wanted, learn.lessons, dict.fromkeys(wanted, multi_neus.NAME))
