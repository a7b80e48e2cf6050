"""``headfield bench multi-neus``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from headfield.bench import ablations
from headfield.bench.multi_neus import SceneVariants, trainings
from headfield.bench.plan import bench_on
from headfield.bench.scene_plan import ALL, Name, ScenePlan
from headfield.cli.bench import learn as learn_priors
from headfield.cli.bench import make
from headfield.errors import InputError
from headfield.methods import multi_neus


def run(
    data: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")],
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("bench"),
    subjects: int | None = None,
    tables: tuple[Name, ...] = ALL,
    prior: Path | None = None,
    h3d_prior: Path | None = None,
    fit: multi_neus.Fitting = multi_neus.Fitting(),  # noqa: B008 - frozen
    learn: multi_neus.Training = multi_neus.Training(),  # noqa: B008 - frozen
    train_ablations: Path | None = None,
    ablation_steps: int = 4000,
    report_only: bool = False,
    write: Path | None = None,
    workers: int = 0,
    device: Literal["cpu", "cuda"] = "cpu",
    seed: int = 0,
) -> None:
    """Make Multi-NeuS's figure 6 and tables anew, on people in arcs of views whose true surfaces are known.

    Every fit's result is kept, so a bench that was interrupted goes on where it stopped when the same command is given
    again.

    Args:
        data: A data set of people in arcs; `headfield studio DATA --split validation --rig arc` makes one.
        output: A folder for the results and for the page of tables.
        subjects: Try the first few people only.
        tables: Kinds of layers and ranks (figure 6), surfaces of one view (1), patterns of layers (2), queries a ray.
        prior: The prior's file, instead of the one that comes with headfield.
        h3d_prior: The prior of H3D-Net, for table 1.
        fit: How heads are fitted.
        learn: How the priors of figure 6 and table 2 are learned, besides what each is about.
        train_ablations: First learn those priors, from this data set of posed views.
        ablation_steps: In how many steps each of them is learned.
        report_only: Make the tables from the results there are.
        write: A page to put the tables into, too; what is written between them by hand stays.
        workers: How many processes work at once, each on one thread; 0 is one a core.
        device: Where the work is done.
        seed: Decides every random number.
    """
    if workers < 0:
        raise InputError("--workers are 0 (one a core) or more.")
    bench = bench_on(data, output, subjects=subjects, views=3, device=device, seed=seed)
    wanted = trainings(ablation_steps, learn)
    if train_ablations is not None and not report_only:
        methods = dict.fromkeys(wanted, multi_neus.NAME)
        if not learn_priors(train_ablations, output, wanted, learn.lessons, device=device, seed=seed, methods=methods):
            print(f"Stopped; the same command goes on from {output / ablations.PRIORS}.")
            return
    variants = SceneVariants.of(prior, h3d_prior, ablations.learned(output, wanted), fit)
    for sentence in variants.left_out():
        print(sentence)
    planned = ScenePlan(bench, variants, tables)
    make(planned, planned.trials(), output, write=write, report_only=report_only, workers=workers)
