"""What every bench is told, and how it goes on from there: learn what is missing, try what is missing, write pages."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from headfield.bench import ablations
from headfield.bench.plan import Bench, Planned, bench_on
from headfield.bench.pool import try_missing
from headfield.bench.trials import Trial
from headfield.cli.devices import Device, checked
from headfield.cli.progress import progress
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.fitting.training import PriorTraining
from headfield.optim.record import Callback, Update

PAGE = "benchmarks.md"


@dataclass(frozen=True)
class Work:
    """Where results go, how many people are tried, and who does it."""

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("bench")
    """A folder for the results and for the page of tables."""
    subjects: int | None = None
    """Try the first few people only."""
    train_ablations: Path | None = None
    """First learn the priors that the ablations need, from this data set."""
    ablation_steps: int = 4000
    """In how many steps each of them is learned."""
    report_only: bool = False
    """Make the tables from the results there are."""
    write: Path | None = None
    """A page to put the tables into, too; what is written between them by hand stays."""
    workers: int = 0
    """How many processes work at once, each on one thread; 0 is one a core."""
    device: Device = "cpu"
    """Where the work is done."""
    seed: int = 0
    """Decides every random number."""

    def bench(self, data: Path, views: int) -> Bench:
        """The bench on a data set, with at most so many views of a person."""
        if self.workers < 0:
            raise InputError("--workers are 0 (one a core) or more.")
        if self.subjects is not None and self.subjects < 1:
            raise InputError("--subjects are 1 or more.")
        device = checked(self.device)
        return bench_on(data, self.output, subjects=self.subjects, views=views, device=device, seed=self.seed)

    def go(
        self,
        plan: Callable[[], tuple[Planned, list[str]]],
        wanted: Callable[[], Mapping[str, PriorTraining[Any, Any]]],
        lessons: Callable[[Dataset], Any],
        methods: Mapping[str, str] | None = None,
    ) -> None:
        """Learn the ablations' priors where asked to, try what ``plan`` finds with the priors there are, and report.

        The plan comes with sentences about what it leaves out.
        """
        planned, left_out = plan()
        trials = planned.trials()  # before hours are spent: all files that they need are there
        if self.train_ablations is not None and not self.report_only:
            if not self._learn(self.train_ablations, wanted(), lessons, methods):
                print(f"Stopped; the same command goes on from {self.output / ablations.PRIORS}.")
                return
            planned, left_out = plan()
            trials = planned.trials()
        for sentence in left_out:
            print(sentence)
        self._try_and_write(planned, trials)

    def _try_and_write(self, planned: Planned, trials: Sequence[Trial]) -> None:
        """Try what is missing, write the page, and say how far it is."""
        results = planned.bench.results
        if not self.report_only:
            with progress() as bar:
                task = bar.add_task("Trying", total=None)
                for done, total in try_missing(trials, results, workers=self.workers or os.cpu_count() or 1):
                    bar.update(task, completed=done, total=total)
        pages = [self.output / PAGE, *([self.write] if self.write else [])]
        planned.write(pages)
        missing = len(results.missing(trials))
        print(f"Wrote {pages[-1]} (results: {len(trials) - missing} of {len(trials)}, in {results.folder}).")
        if (states := planned.programs()) > 1:
            print(f"The results are of {states} states of the program; delete older ones to have all made by this one.")
        if missing:
            print("Next: the same command, without --report-only, makes what is missing.")
        elif self.write is None:
            print(f"Next: the same command with --report-only --write docs/{PAGE} puts the tables into a page.")
        else:
            print(f"Next: read {self.write}, and write down in it what came out.")

    def _learn(
        self,
        data: Path,
        wanted: Mapping[str, PriorTraining[Any, Any]],
        lessons: Callable[[Dataset], Any],
        methods: Mapping[str, str] | None,
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
                self.output,
                wanted,
                methods=methods,
                made_from={"name": dataset.name or data.name, "made": dict(dataset.made)},
                device=self.device,
                seed=self.seed,
                progress=show,
            )


Shared = Annotated[Work, tyro.conf.arg(name="")]
"""As options of a command, without a prefix."""


def numbers_of_views(views: tuple[int, ...]) -> tuple[int, ...]:
    """Each once, in order; InputError where some are no numbers of views."""
    if not views or min(views) < 1:
        raise InputError("--views are 1 or more.")
    return tuple(sorted(set(views)))
