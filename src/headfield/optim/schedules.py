"""Numbers that change over a stage: rates, weights of objectives.

A schedule is plain data that takes a stage's progress, from 0 at its first step towards 1 at its end, to a number.
Because it speaks of progress and not of steps, a stage can be made shorter or longer and keeps its shape.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from dataclasses import dataclass, replace


class Schedule(ABC):
    """A number for every progress from 0 to 1."""

    def __call__(self, progress: float) -> float:
        """The number at this progress."""
        return self._at(progress)

    @abstractmethod
    def _at(self, progress: float) -> float: ...


def value_at(number: float | Schedule, progress: float) -> float:
    """What a number or a schedule of it is at this progress."""
    return number(progress) if isinstance(number, Schedule) else number


@dataclass(frozen=True)
class Exponential(Schedule):
    """From ``start`` to ``end``, changing by the same factor every step."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if self.start <= 0 or self.end <= 0:
            raise ValueError("an exponential schedule starts and ends above zero")

    def _at(self, progress: float) -> float:
        return self.start * (self.end / self.start) ** progress


@dataclass(frozen=True)
class Cosine(Schedule):
    """From ``start`` to ``end`` along half a cosine: slowly, fast, slowly."""

    start: float
    end: float = 0.0

    def _at(self, progress: float) -> float:
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * progress)) / 2


@dataclass(frozen=True)
class Milestones(Schedule):
    """``start``, multiplied by ``factor`` at each progress in ``at``."""

    start: float
    factor: float
    at: tuple[float, ...]

    def __post_init__(self) -> None:
        if list(self.at) != sorted(self.at):
            raise ValueError("milestones come in order")

    @staticmethod
    def evenly(start: float, factor: float, parts: int) -> Milestones:
        """Milestones that cut the stage into equal parts."""
        return Milestones(start, factor, tuple(k / parts for k in range(1, parts)))

    def _at(self, progress: float) -> float:
        return self.start * self.factor ** bisect_right(self.at, progress)


@dataclass(frozen=True)
class Ramp(Schedule):
    """``start`` before the progress ``since``, ``end`` after ``until``, a straight line in between."""

    start: float
    end: float
    since: float = 0.0
    until: float = 1.0

    def __post_init__(self) -> None:
        if self.since >= self.until:
            raise ValueError("a ramp ends after it begins")

    def _at(self, progress: float) -> float:
        along = min(max((progress - self.since) / (self.until - self.since), 0.0), 1.0)
        return self.start + (self.end - self.start) * along


@dataclass(frozen=True)
class WarmUp(Schedule):
    """Rises from zero until the progress ``until``; the rest of the stage is all of ``then``."""

    until: float
    then: float | Schedule

    def __post_init__(self) -> None:
        if not 0 < self.until < 1:
            raise ValueError("a warm-up ends within its stage")

    def _at(self, progress: float) -> float:
        if progress < self.until:
            return value_at(self.then, 0.0) * progress / self.until
        return value_at(self.then, (progress - self.until) / (1 - self.until))


@dataclass(frozen=True)
class Plateau:
    """Multiply every rate of a stage by ``factor`` each time the loss has stopped decreasing.

    The loss has stopped when its mean over ``window`` steps is not below the least such mean so far by at least
    ``least`` of it. Windows follow each other, so one look costs nothing and a noisy loss is not misread.
    """

    factor: float
    window: int
    least: float = 0.0

    def after(self, seen: PlateauSeen, loss: float) -> PlateauSeen:
        """What has been seen once this loss has come too."""
        total, count = seen.total + loss, seen.count + 1
        if count < self.window:
            return replace(seen, total=total, count=count)
        mean = total / count
        if seen.best is not None and mean >= seen.best - self.least * abs(seen.best):
            return PlateauSeen(seen.scale * self.factor, min(mean, seen.best))
        return PlateauSeen(seen.scale, mean)


@dataclass(frozen=True)
class PlateauSeen:
    """How far the rates are scaled down, the least mean so far, and the window that is being filled."""

    scale: float = 1.0
    best: float | None = None
    total: float = 0.0
    count: int = 0
