"""``headfield bench``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from headfield.bench import ablations
from headfield.bench.instant_avatar import Fits, Variants
from headfield.bench.plan import ALL, Name, Plan, Planned, bench_on
from headfield.bench.pool import try_missing
from headfield.bench.trials import Cues, Trial
from headfield.cli.progress import progress
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.fitting.training import PriorTraining
from headfield.methods.instant_avatar import Training
from headfield.optim.record import Callback, Update

PAGE = "benchmarks.md"

BENCHES = {
    "instant-avatar": "Ablations, methods side by side, convergence, ways to find hits, times.",
    "sira": "Times, ablation, cameras that are off, methods side by side from one view to many.",
    "multi-neus": "Kinds of layers, ranks and patterns by control views; surfaces of one view; queries.",
}
"""The papers, and what their tables show."""


def run_for(what: str) -> Callable[..., None]:
    """The command for one paper."""
    if what in ("-h", "--help"):
        print(_overview())
        raise SystemExit(0)
    if what not in BENCHES:
        raise InputError(f"there is no bench of {what!r}; there are {', '.join(BENCHES)}.")
    if what == "instant-avatar":
        return run
    command: Callable[..., None] = import_module(f"headfield.cli.bench_{what.replace('-', '_')}").run
    return command


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
    trials = planned.trials()  # before hours are spent: all files that they need are there
    if train_ablations is not None and not report_only:
        wanted = ablations.trainings(ablation_steps)
        if not learn(train_ablations, output, wanted, Training().lessons, device=device, seed=seed):
            print(f"Stopped; the same command goes on from {output / ablations.PRIORS}.")
            return
        planned, left_out = plan()
        trials = planned.trials()
    for sentence in left_out:
        print(sentence)
    make(planned, trials, output, write=write, report_only=report_only, workers=workers)


def make(
    planned: Planned, trials: Sequence[Trial], output: Path, *, write: Path | None, report_only: bool, workers: int
) -> None:
    """Try what is missing, write the page, and say how far it is."""
    results = planned.bench.results
    if not report_only:
        with progress() as bar:
            task = bar.add_task("Trying", total=None)
            for done, total in try_missing(trials, results, workers=workers or os.cpu_count() or 1):
                bar.update(task, completed=done, total=total)
    pages = [output / PAGE, *([write] if write else [])]
    planned.write(pages)
    missing = len(results.missing(trials))
    print(f"Wrote {pages[-1]} (results: {len(trials) - missing} of {len(trials)}, in {results.folder}).")
    if (states := planned.programs()) > 1:
        print(f"The results are of {states} states of the program; delete older ones to have all made by this one.")
    if missing:
        print("Next: the same command, without --report-only, makes what is missing.")
    elif write is None:
        print(f"Next: the same command with --report-only --write docs/{PAGE} puts the tables into a page.")
    else:
        print(f"Next: read {write}, and write down in it what came out.")


def learn(
    data: Path,
    output: Path,
    wanted: Mapping[str, PriorTraining[Any, Any]],
    lessons: Callable[[Dataset], Any],
    *,
    device: str,
    seed: int,
    methods: Mapping[str, str] | None = None,
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
            lambda: lessons(dataset),
            output,
            wanted,
            methods=methods,
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
            *(f"  {name:<14}  {summary}" for name, summary in BENCHES.items()),
            "",
            "`headfield bench PAPER --help` says what can be set.",
        ]
    )
