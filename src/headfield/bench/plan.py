"""What is to be tried for the tables that are wanted of a paper, and the page they make; and InstantAvatar's plan."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from headfield.bench.instant_avatar import Variants
from headfield.bench.looks import Steps, Times, Ways
from headfield.bench.report import write_blocks
from headfield.bench.scoring import nose_of
from headfield.bench.tables import Bench, Block, Table, markdown
from headfield.bench.trials import Results, Trial
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.files import new_file

Name = Literal["1", "2", "3", "4", "steps", "hits", "speed"]

ALL: tuple[Name, ...] = ("1", "2", "3", "4", "steps", "hits", "speed")

TITLE = "Benchmarks"

TRIALS = "trials"


def bench_on(data: Path, out: Path, *, subjects: int | None, views: int, device: str = "cpu", seed: int = 0) -> Bench:
    """A bench on the people of a data set; InputError where they cannot be measured or lack views."""
    dataset = Dataset(data)
    names = dataset.names[:subjects]
    if not names:
        raise InputError(f"{data} has no subjects to try anything on; `headfield studio {data} --set studio-test`.")
    called = re.sub(r"[^\w-]+", "-", dataset.name or data.resolve().name)
    for name in names:
        subject = dataset.read(name, scan=False)
        nose_of(subject)
        there = len(subject.capture.views) if subject.capture is not None else 0
        if there < views:
            raise InputError(f"{name} of {data} has {there} views, so {views} cannot be had; choose other --views.")
    return Bench(data, called, names, Results(out / TRIALS / called), device=device, seed=seed)


class Planned(ABC):
    """What is to be tried for a paper, and the page that is made of it."""

    paper: ClassVar[str]
    bench: Bench

    @abstractmethod
    def trials(self) -> Sequence[Trial]:
        """All of them, each once."""

    @abstractmethod
    def blocks(self, page: Path) -> Iterator[Block]:
        """What the page has, with whatever lies beside it."""

    def programs(self) -> int:
        """How many states of headfield's code the results were made with."""
        found = (self.bench.result(trial) for trial in self.trials())
        return len({result["program"] for result in found if result is not None})

    def write(self, pages: list[Path]) -> None:
        """Put all blocks into pages, and what belongs to them beside them."""
        for page in pages:
            write_blocks(page, self.paper, [self._named(block) for block in self.blocks(page)], title=TITLE)

    def _named(self, block: Block) -> Block:
        """The block under a name and a title of its own for these people."""
        return Block(f"{block.name}-{self.bench.people}", f"{block.title}: {self.bench.people}", block.text)


@dataclass(frozen=True)
class Plan(Planned):
    """What is to be tried of InstantAvatar."""

    paper = "instant-avatar"
    bench: Bench
    tables: tuple[Table, ...]
    steps: Steps | None
    ways: Ways | None
    times: Times | None

    @staticmethod
    def of(bench: Bench, variants: Variants, views: tuple[int, ...], names: tuple[Name, ...]) -> Plan:
        """For the tables that are wanted, as far as they are about so many views."""
        made = {
            "1": variants.table_1(views),
            "2": variants.table_2(views),
            "3": variants.table_3(views),
            "4": variants.table_4(views),
        }
        tables = tuple(table for name, table in made.items() if name in names and table.columns)
        fitted = tuple(row for row in made["1"].rows if row.variant.method is not None)
        few = [count for count in views if count <= 3]
        return Plan(
            bench,
            tables,
            Steps(fitted, max(views), bench) if "steps" in names else None,
            Ways(variants.whole, max(few), bench) if "hits" in names and few else None,
            Times(variants.whole, few, bench) if "speed" in names and few else None,
        )

    def trials(self) -> list[Trial]:
        """All of them, each once, person by person; one that is watched serves for the same one unwatched."""
        watched = list(self.steps.trials()) if self.steps else []
        instead = {replace(trial, watched=False).digest: trial for trial in watched}
        plain = [trial for table in self.tables for trial in self.bench.trials(table)]
        order = {name: place for place, name in enumerate(self.bench.subjects)}
        wanted = [instead.get(trial.digest, trial) for trial in plain]
        trials = sorted([*wanted, *watched], key=lambda trial: order[trial.subject])
        trials += [*(self.ways.trials() if self.ways else ()), *(self.times.trials() if self.times else ())]
        return list({trial.digest: trial for trial in trials}.values())

    def blocks(self, page: Path) -> Iterator[Block]:
        """The tables, and the picture beside the page."""
        for table in self.tables:
            yield markdown(table, self.bench)
        if self.steps:
            picture = Path("pictures") / f"instant-avatar-steps-{self.bench.people}.svg"
            with new_file(page.parent / picture) as temporary:
                temporary.write_text(self.steps.picture(), encoding="utf-8")
            yield self.steps.block(picture.as_posix())
        if self.ways:
            yield self.ways.block()
        if self.times:
            yield self.times.block()
