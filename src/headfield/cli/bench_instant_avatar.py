"""``headfield bench instant-avatar``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from headfield.bench import ablations
from headfield.bench.instant_avatar import Fits, Variants
from headfield.bench.plan import ALL, Name, Plan
from headfield.bench.trials import Cues
from headfield.cli.bench_work import Shared, Work, numbers_of_views
from headfield.methods.instant_avatar import Training


def run(
    data: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")],
    *,
    views: tuple[int, ...] = (1, 3, 6),
    tables: tuple[Name, ...] = ALL,
    cues: Cues = "predicted",
    prior: Path | None = None,
    h3d_prior: Path | None = None,
    fits: Fits = Fits(),  # noqa: B008 - frozen
    work: Shared = Work(),  # noqa: B008 - frozen
) -> None:
    """Make InstantAvatar's tables anew, on people whose true surfaces are known.

    Every fit's result is kept, so a bench that was interrupted goes on where it stopped when the same command is given
    again, and a fit is made again only when something that it follows from has changed. The ablations' priors are
    learned from scans.

    Args:
        data: A data set of posed views with true surfaces; `headfield studio DATA --set studio-test` makes one.
        views: With how many views heads are fitted: the first so many of each person.
        tables: Which of the paper's tables; the error over the steps (figure 4); ways to find hits; where time goes.
        cues: Which normals the fits see: those that the network sees in the pictures, the true ones, or none.
        prior: The prior's file, instead of the one that comes with headfield.
        h3d_prior: The same for H3D-Net.
        fits: How each method fits a head.
        work: Where results go, how many people are tried, and who does it.
    """
    views = numbers_of_views(views)
    bench = work.bench(data, max(views))

    def plan() -> tuple[Plan, list[str]]:
        variants = Variants.of(prior, h3d_prior, ablations.learned(work.output), cues, fits)
        return Plan.of(bench, variants, views, tables), variants.left_out()

    work.go(plan, lambda: ablations.trainings(work.ablation_steps), Training().lessons)
