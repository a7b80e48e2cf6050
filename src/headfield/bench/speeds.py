"""How long fits take with and without what makes them fast, with the machine to themselves (SIRA++, table I)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from headfield.bench.tables import PAPER, Bench, Block, grid, how, quantity
from headfield.bench.trials import Trial, Variant
from headfield.render.finders import Finder


@dataclass(frozen=True)
class SpeedRow:
    """A variant, and how hits are found for it."""

    label: str
    variant: Variant
    finder: Finder | None
    """None is the variant's own way."""
    paper: float | None = None
    """Seconds with three views, in the paper."""
    is_base: bool = False
    """Whether the others are compared with it."""


@dataclass(frozen=True)
class Speeds:
    """Fits of one person, each timed alone."""

    rows: tuple[SpeedRow, ...]
    views: tuple[int, ...]
    bench: Bench

    name = "table-1"

    def trials(self) -> Iterator[Trial]:
        """One fit for each row and number of views."""
        for row in self.rows:
            yield from (self._trial(row, views) for views in self.views)

    def block(self) -> Block:
        """Seconds, how many of them are saved, how often the field is asked, and what comes of it."""
        most = max(self.views)
        base = next((self._result(row, most) for row in self.rows if row.is_base), None)
        head = [
            "",
            *(f"{views} view{'s' * (views > 1)}, seconds" for views in self.views),
            "saved",
            "queries a ray",
            "face, mm",
            f"seconds in {PAPER}",
        ]
        lines = [self._line(row, base) for row in self.rows]
        found = [result for trial in self.trials() if (result := self.bench.results.of(trial)) is not None]
        caption = (
            f"Seconds from the views to the mesh, for one person of {self.bench.people}; the columns to the right are "
            f"of {most} view{'s' * (most > 1)}. {how(found)}"
        )
        return Block(self.name, "How long a fit takes (SIRA++, table 1)", f"{grid(head, lines)}\n\n{caption}")

    def _line(self, row: SpeedRow, base: dict[str, Any] | None) -> list[str]:
        results = [self._result(row, views) for views in self.views]
        last = results[-1]
        spent, slowest = _seconds(last), _seconds(base)
        saved = "–" if spent is None or slowest is None else f"{100 * (1 - spent / slowest):.0f} %"
        queries = None if last is None else last["queries_a_ray"]
        face = None if last is None else quantity(last, "face")
        return [
            row.label,
            *(_told(_seconds(result), ".0f") for result in results),
            saved,
            _told(queries, ".1f"),
            _told(face, ".2f"),
            _told(row.paper, ".0f"),
        ]

    def _trial(self, row: SpeedRow, views: int) -> Trial:
        plain = self.bench.trial(row.variant, self.bench.subjects[0], views)
        return replace(plain, timed=True, finder=row.finder)

    def _result(self, row: SpeedRow, views: int) -> dict[str, Any] | None:
        return self.bench.results.of(self._trial(row, views))


def _seconds(result: dict[str, Any] | None) -> float | None:
    return None if result is None else quantity(result, "seconds")


def _told(value: float | None, form: str) -> str:
    return "–" if value is None else f"{value:{form}}"
