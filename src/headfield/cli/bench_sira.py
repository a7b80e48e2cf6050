"""``headfield bench sira``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from headfield.bench import ablations
from headfield.bench.sira import ALL, LEARNED_BY, Fits, Name, SiraPlan, Variants, trainings
from headfield.bench.trials import Cues
from headfield.cli.bench_work import Shared, Work, numbers_of_views
from headfield.methods.sira import Training


def run(
    data: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")],
    *,
    views: tuple[int, ...] = (1, 3, 4, 6),
    tables: tuple[Name, ...] = ALL,
    cues: Cues = "predicted",
    prior: Path | None = None,
    avatar_prior: Path | None = None,
    h3d_prior: Path | None = None,
    fits: Fits = Fits(),  # noqa: B008 - frozen
    work: Shared = Work(),  # noqa: B008 - frozen
) -> None:
    """Make SIRA++'s tables anew, on people whose true surfaces are known.

    Every fit's result is kept, so a bench that was interrupted goes on where it stopped when the same command is given
    again, and a fit is made again only when something that it follows from has changed. The ablation's priors are
    learned from scans with views.

    Args:
        data: A data set of posed views with true surfaces; `headfield studio DATA --set studio-test` makes one.
        views: With how many views heads are fitted: the first so many of each person. The paper goes up to 32.
        tables: Which of the paper's tables: times, ablation, cameras that are off, methods side by side; and the last
            one without what lies in cavities (open).
        cues: Which normals InstantAvatar sees: those that the network sees in the pictures, the true ones, or none.
        prior: The prior's file, instead of the one that comes with headfield.
        avatar_prior: The same for InstantAvatar.
        h3d_prior: The same for H3D-Net.
        fits: How each method fits a head.
        work: Where results go, how many people are tried, and who does it.
    """
    views = numbers_of_views(views)
    bench = work.bench(data, max(views))

    def plan() -> tuple[SiraPlan, list[str]]:
        short = ablations.learned(work.output, LEARNED_BY)
        variants = Variants.of(prior, avatar_prior, h3d_prior, short, cues, fits)
        return SiraPlan.of(bench, variants, views, tables), variants.left_out()

    work.go(plan, lambda: trainings(work.ablation_steps), Training().lessons, LEARNED_BY)
