"""``headfield bench``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from headfield.bench import ablations, scene_plan
from headfield.bench import multi_neus as scene_variants
from headfield.bench.instant_avatar import Fits, Variants
from headfield.bench.plan import ALL, Name, Plan, bench_on
from headfield.bench.pool import try_missing
from headfield.bench.tables import Bench
from headfield.bench.trials import Cues
from headfield.cli.progress import progress
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.methods import instant_avatar, multi_neus
from headfield.methods.registry import Method, find_method
from headfield.optim.record import Callback, Update

PAGE = "benchmarks.md"


def run_for(what: str) -> Callable[..., None]:
    """The command for one paper."""
    if what in ("-h", "--help"):
        print(_overview())
        raise SystemExit(0)
    if what not in BENCHES:
        raise InputError(f"there is no bench of {what!r}; there are {', '.join(BENCHES)}.")
    return BENCHES[what]


def run(
    data: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")],
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("bench"),
    views: tuple[int, ...] = (1, 3, 6),
    subjects: int | None = None,
    tables: tuple[Name, ...] = ALL,
    cues: Cues = "predicted",
    prior: Path | None = None,
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
    """Make InstantAvatar's tables anew, on people whose true surfaces are known.

    Every fit's result is kept, so a bench that was interrupted goes on where it stopped when the same command is given
    again, and a fit is made again only when something that it follows from has changed.

    Args:
        data: A data set of posed views with true surfaces; `headfield studio DATA --set studio-test` makes one.
        output: A folder for the results and for the page of tables.
        views: With how many views heads are fitted: the first so many of each person.
        subjects: Try the first few people only.
        tables: Which of the paper's tables; the error over the steps (figure 4); ways to find hits; where time goes.
        cues: Which normals the fits see: those that the network sees in the pictures, the true ones, or none.
        prior: The prior's file, instead of the one that comes with headfield.
        h3d_prior: The same for H3D-Net.
        fits: How each method fits a head.
        train_ablations: First learn the priors that the ablations need, from this data set of scans.
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

    def plan() -> tuple[Plan, list[str]]:
        variants = Variants.of(prior, h3d_prior, ablations.learned(output), cues, fits)
        return Plan.of(bench, variants, views, tables), variants.left_out()

    planned, left_out = plan()
    planned.trials()  # before hours are spent: all files that they need are there
    if train_ablations is not None and not report_only:
        method = find_method(instant_avatar.NAME)
        if not _learn(train_ablations, output, ablations.trainings(ablation_steps), device, seed, method):
            print(f"Stopped; the same command goes on from {output / ablations.PRIORS}.")
            return
        planned, left_out = plan()
    for sentence in left_out:
        print(sentence)
    _try_and_tell(planned, bench, output, report_only, write, workers)


def run_multi_neus(
    data: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")],
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("bench"),
    subjects: int | None = None,
    tables: tuple[scene_plan.Name, ...] = scene_plan.ALL,
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
    wanted = scene_variants.trainings(ablation_steps, learn)
    if train_ablations is not None and not report_only:
        method = find_method(multi_neus.NAME)
        if not _learn(train_ablations, output, wanted, device, seed, method, learn):
            print(f"Stopped; the same command goes on from {output / ablations.PRIORS}.")
            return
    short = ablations.learned(output, wanted)
    variants = scene_variants.SceneVariants.of(prior, h3d_prior, short, fit)
    for sentence in variants.left_out():
        print(sentence)
    planned = scene_plan.ScenePlan(bench, variants, tables)
    _try_and_tell(planned, bench, output, report_only, write, workers)


def _try_and_tell(
    planned: Plan | scene_plan.ScenePlan,
    bench: Bench,
    output: Path,
    report_only: bool,
    write: Path | None,
    workers: int,
) -> None:
    """Try what is missing, write the page, and say what to do next."""
    trials = planned.trials()
    if not report_only:
        with progress() as bar:
            task = bar.add_task("Trying", total=None)
            for done, total in try_missing(trials, bench.results, workers=workers or os.cpu_count() or 1):
                bar.update(task, completed=done, total=total)
    pages = [output / PAGE, *([write] if write else [])]
    planned.write(pages)
    missing = len(bench.results.missing(trials))
    print(f"Wrote {pages[-1]} (results: {len(trials) - missing} of {len(trials)}, in {bench.results.folder}).")
    if (states := planned.programs()) > 1:
        print(f"The results are of {states} states of the program; delete older ones to have all made by this one.")
    if missing:
        print("Next: the same command, without --report-only, makes what is missing.")
    elif write is None:
        print(f"Next: the same command with --report-only --write docs/{PAGE} puts the tables into a page.")
    else:
        print(f"Next: read {write}, and write down in it what came out.")


BENCHES: dict[str, Callable[..., None]] = {"instant-avatar": run, "multi-neus": run_multi_neus}


def _learn(
    data: Path,
    output: Path,
    wanted: Mapping[str, Any],
    device: str,
    seed: int,
    method: Method,
    settings: Any = None,
) -> bool:
    """Learn the ablations' priors; False if somebody stopped it."""
    dataset = Dataset(data)
    if not len(dataset):
        raise InputError(f"{data} has no subjects to learn from; `headfield studio {data}` makes some.")
    with progress() as bar:
        task = bar.add_task("Reading", total=None)

        def show(name: str) -> Sequence[Callback]:
            def told(update: Update) -> None:
                bar.update(task, total=update.steps, completed=update.done, description=f"Learning {name}")

            return [told]

        return ablations.learn(
            lambda: method.read(dataset, settings),
            output,
            wanted,
            method=method,
            made_from={"name": dataset.name or data.name, "made": dict(dataset.made)},
            device=device,
            seed=seed,
            progress=show,
        )


def _overview() -> str:
    return "\n".join(
        [
            "usage: headfield bench PAPER DATA [OPTIONS]",
            "",
            "Make a paper's tables anew, on people whose true surfaces are known.",
            "",
            "  instant-avatar  Ablations, methods side by side, convergence, ways to find hits, times.",
            "  multi-neus      Kinds of layers, ranks and patterns by control views; surfaces of one view; queries.",
            "",
            "`headfield bench PAPER --help` says what can be set.",
        ]
    )
