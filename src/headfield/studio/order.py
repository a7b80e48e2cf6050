"""What can be ordered from the studio: settings that, with the open data, decide every byte of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headfield.errors import InputError
from headfield.studio.chance import Split
from headfield.studio.rigs import RIGS


@dataclass(frozen=True)
class Order:
    """What a studio data set consists of."""

    subjects: int = 10
    """How many people."""
    seed: int = 0
    """The number of the first person; the others follow. Data sets with disjoint numbers have no person in common."""
    split: Split = "train"
    """What the data set is for; people of different splits differ whatever their numbers."""
    rig: tuple[str, ...] = ("sphere",)
    """Where the cameras stand: some of orbit, arc, grid, fibonacci, views-1, views-3, views-6, sphere, phone,
    phones."""
    size: int = 256
    """The width and height of the pictures in pixels."""
    expressions: int | Literal["all"] = 1
    """How many expressions of each person: the first is neutral, the others left to chance; "all" is neutral and each
    of the model's movements alone."""
    light: Literal["subject", "view"] = "subject"
    """Whether a person stands in one light, or each view has its own."""
    layers: tuple[Literal["mask", "normals", "depth"], ...] = ("mask", "normals", "depth")
    """What the views have beside their image."""
    scan_points: int = 100_000
    """How many points the scan has; 0 leaves it out."""
    truth: bool = True
    """Whether the true surface is kept, as a mesh and point by point from expression to expression."""
    model: Literal["ict", "builtin"] = "ict"
    """Which head model the people come from: the open one, or the small built-in one that needs no outside data."""

    def checked(self) -> Order:
        """This order; InputError if it cannot be met."""
        unknown = [name for name in self.rig if name not in RIGS]
        if unknown:
            raise InputError(f"there is no rig {unknown[0]!r}; there are {', '.join(RIGS)}.")
        if len(set(self.rig)) < len(self.rig):
            raise InputError(f"a rig is named twice in {', '.join(self.rig)}; name each once.")
        if not 16 <= self.size <= 4096:
            raise InputError(f"pictures {self.size} pixels wide are not made; choose a size from 16 to 4096.")
        if self.expressions != "all" and self.expressions < 1:
            raise InputError(f"{self.expressions} expressions of a person are none; ask for at least 1.")
        if self.scan_points < 0:
            raise InputError(f"a scan cannot have {self.scan_points} points; 0 leaves it out.")
        return self


REAL = "real-dev"
"""The name of the set of real heads."""

SETS = {
    "studio-test": Order(subjects=20, split="test", rig=("views-6",), size=512),
    REAL: Order(subjects=4, split="test", rig=("views-6",), size=512),
}
"""Data sets with a name. ``studio-test`` is what methods are measured on: it never changes. Of its six views the first
alone and the first three are the one-view and the three-view set. ``real-dev`` is real heads in the same views, see
:mod:`headfield.studio.real`."""
