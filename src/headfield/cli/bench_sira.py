"""``headfield bench sira``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from headfield.bench import ablations
from headfield.bench.plan import bench_on
from headfield.bench.sira import ALL, LEARNED_BY, Fits, Name, SiraPlan, Variants, trainings
from headfield.bench.trials import Cues
from headfield.cli.bench import learn, make
from headfield.errors import InputError
from headfield.methods.sira import Training


def run(
    data: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")],
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("bench"),
    views: tuple[int, ...] = (1, 3, 4, 6),
    subjects: int | None = None,
    tables: tuple[Name, ...] = ALL,
    cues: Cues = "predicted",
    prior: Path | None = None,
    avatar_prior: Path | None = None,
    h3d_prior: Path | None = None,
    fits: Fits = Fits(),  # noqa: B008 - frozen
    train_ablations: Path | None = None,
    ablation_steps: int = 4000,
    report_only: bool = False,
    write: Path | None = None,
    workers: int = 0,
    device: Literal["cpu", "cuda"] = "cpu",
    seed: int = 0,
) -> None:
    """Make SIRA++'s tables anew, on people whose true surfaces are known.

    Every fit's result is kept, so a bench that was interrupted goes on where it stopped when the same command is given
    again, and a fit is made again only when something that it follows from has changed.

    Args:
        data: A data set of posed views with true surfaces; `headfield studio DATA --set studio-test` makes one.
        output: A folder for the results and for the page of tables.
        views: With how many views heads are fitted: the first so many of each person. The paper goes up to 32.
        subjects: Try the first few people only.
        tables: Which of the paper's tables: times, ablation, cameras that are off, methods side by side.
        cues: Which normals InstantAvatar sees: those that the network sees in the pictures, the true ones, or none.
        prior: The prior's file, instead of the one that comes with headfield.
        avatar_prior: The same for InstantAvatar.
        h3d_prior: The same for H3D-Net.
        fits: How each method fits a head.
        train_ablations: First learn the priors that the ablation needs, from this data set of scans with views.
        ablation_steps: In how many steps each of them is learned.
        report_only: Make the tables from the results there are.
        write: A page to put the tables into, too; what is written between them by hand stays.
        workers: How many processes work at once, each on one thread; 0 is one a core.
        device: Where the work is done.
        seed: Decides every random number.
    """
    if not views or min(views) < 1 or workers < 0:
        raise InputError("--views are 1 or more, and --workers 0 (one a core) or more.")
    views = tuple(sorted(set(views)))
    bench = bench_on(data, output, subjects=subjects, views=max(views), device=device, seed=seed)

    def plan() -> tuple[SiraPlan, list[str]]:
        short = ablations.learned(output, LEARNED_BY)
        variants = Variants.of(prior, avatar_prior, h3d_prior, short, cues, fits)
        return SiraPlan.of(bench, variants, views, tables), variants.left_out()

    planned, left_out = plan()
    trials = planned.trials()  # before hours are spent: all files that they need are there
    if train_ablations is not None and not report_only:
        wanted = trainings(ablation_steps)
        if not learn(train_ablations, output, wanted, Training().lessons, device=device, seed=seed, methods=LEARNED_BY):
            print(f"Stopped; the same command goes on from {output / ablations.PRIORS}.")
            return
        planned, left_out = plan()
        trials = planned.trials()
    for sentence in left_out:
        print(sentence)
    make(planned, trials, output, write=write, report_only=report_only, workers=workers)
