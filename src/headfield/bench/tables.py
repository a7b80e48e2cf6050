"""Tables as data, rows of variants and columns of numbers of views, and how they are written from results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from headfield.bench.trials import Results, Trial, Variant

Quantity = Literal["face", "head", "open face", "open head", "seconds"]
"""Millimetres from the true face, or head, to what was fitted, all of it or what lies open; or seconds from the
views to the mesh."""

PAPER = "the paper, on H3DS"
"""The papers' numbers are from a data set that is not public: ours and theirs can be compared in order, not in size."""


@dataclass(frozen=True)
class Column:
    """One number of every row."""

    views: int
    quantity: Quantity

    @property
    def title(self) -> str:
        """What stands above it."""
        return f"{self.views} view{'s' * (self.views > 1)}, {self.quantity}"


@dataclass(frozen=True)
class Row:
    """A variant, and what the paper's table says of it, in the order of the columns, where it has such a row."""

    label: str
    variant: Variant
    paper: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table of a paper."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Block:
    """A piece of a report, in Markdown, that is written anew each time."""

    name: str
    title: str
    text: str


@dataclass(frozen=True)
class Bench:
    """On whom and how trials are made, whatever the variant, and where their results lie."""

    data: Path
    people: str
    """What the data set is called."""
    subjects: tuple[str, ...]
    results: Results
    device: str = "cpu"
    seed: int = 0
    resolution: int = 256

    def trial(self, variant: Variant, subject: str, views: int) -> Trial:
        """The plain trial; a mean head looks at no view."""
        seen = 0 if variant.method is None else views
        return Trial(variant, self.data, subject, seen, resolution=self.resolution, device=self.device, seed=self.seed)

    def trials(self, table: Table) -> Iterator[Trial]:
        """All that a table needs, person by person: a bench that is stopped has all rows for some of them."""
        for subject in self.subjects:
            for row in table.rows:
                for views in dict.fromkeys(column.views for column in table.columns):
                    yield self.trial(row.variant, subject, views)

    def result(self, trial: Trial) -> dict[str, Any] | None:
        """What came of a trial, or of the same one watched, which comes to the same."""
        found = self.results.of(trial)
        return self.results.of(replace(trial, watched=True)) if found is None else found

    def found(self, variant: Variant, views: int) -> list[dict[str, Any]]:
        """The results there are for a variant, one a person."""
        results = (self.result(self.trial(variant, subject, views)) for subject in self.subjects)
        return [result for result in results if result is not None]


def markdown(table: Table, bench: Bench) -> Block:
    """The table, each number the mean over the people, with what was asked for and on what it ran below it."""
    compared = any(row.paper for row in table.rows)
    head = ["", *(column.title for column in table.columns), *([PAPER] if compared else [])]
    lines = []
    for row in table.rows:
        cells = [_cell(bench, row.variant, column) for column in table.columns]
        lines.append([row.label, *cells, *([_papers(row, table)] if compared else [])])
    results = [result for trial in bench.trials(table) if (result := bench.result(trial)) is not None]
    units = "Millimetres" if all(column.quantity != "seconds" for column in table.columns) else "Millimetres, seconds"
    caption = f"{units}; {people(bench)}. {how(results)}"
    return Block(table.name, table.title, f"{grid(head, lines)}\n\n{caption}")


def _cell(bench: Bench, variant: Variant, column: Column) -> str:
    results = bench.found(variant, column.views)
    values = [value for result in results if (value := quantity(result, column.quantity)) is not None]
    if not values:
        return "failed" if results and all("failed" in result for result in results) else "–"
    number = _number(float(np.mean(values)), column.quantity)
    failed = sum("failed" in result for result in results)
    told = len(values) + failed
    notes = [
        *([f"of {told}"] if told < len(bench.subjects) else []),
        *([f"{failed} failed"] if failed else []),
    ]
    return f"{number} ({', '.join(notes)})" if notes else number


def quantity(result: dict[str, Any], what: Quantity) -> float | None:
    """A number of a result; None where it has none."""
    if what == "seconds":
        seconds = result["seconds"]
        return seconds["cues"] + seconds["fit"] + seconds["mesh"] if "mesh" in seconds else None
    return result["scores"][what]["mean"] if what in result.get("scores", {}) else None


def people(bench: Bench) -> str:
    """Over whom numbers are means."""
    count = len(bench.subjects)
    return f"mean over {count} people of {bench.people}" if count > 1 else f"one person of {bench.people}"


def how(results: Iterable[dict[str, Any]]) -> str:
    """On what results were made, in a sentence or two."""
    machines = [result["machine"] for result in results]
    places = sorted(
        {m["gpu"] or f"{m['threads']} thread{'s' * (m['threads'] > 1)} of {m['processor']}" for m in machines}
    )
    versions = sorted({f"headfield {m['headfield']}, PyTorch {m['torch']}" for m in machines})
    if not machines:
        return "Nothing has been tried yet."
    return f"Each fit on {' or '.join(places)}; {' or '.join(versions)}."


def grid(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its first column to the left and all others to the right."""
    marks = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, marks, *lines))


def _papers(row: Row, table: Table) -> str:
    """The paper's values in the order of the columns."""
    pairs = zip(row.paper, table.columns, strict=False)  # a row that the paper lacks has none
    return " / ".join("–" if value is None else _number(value, column.quantity) for value, column in pairs)


def _number(value: float, what: Quantity) -> str:
    return f"{value:.0f}" if what == "seconds" else f"{value:.2f}"
