"""How landmarks move with people's expressions, whoever they are: by E e with e ~ N(0, 1), in each photo its own.

Priors know faces at rest. What a smile moves would be taken for the person's shape without E, which is learned from
the studio's expressions and the same for all priors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from headfield.fields.weights import load, save
from headfield.fitting.statistics import LANDMARKS

KEPT = 12
"""How many directions are kept: 98 % of how far landmarks move."""

FILE = "expressions.safetensors"

_PART = "expressions"


@dataclass(frozen=True)
class ExpressionSettings:
    """How many directions there are."""

    kept: int = KEPT


class Expressions(nn.Module):
    """The principal directions E of how landmarks move away from where they are at rest, in head units."""

    settings: ExpressionSettings
    basis: Tensor

    def __init__(self, settings: ExpressionSettings):
        super().__init__()
        self.settings = settings
        self.register_buffer("basis", torch.zeros(LANDMARKS, 3, settings.kept))

    @staticmethod
    def of(offsets: Float[Tensor, "n l 3"], *, kept: int = KEPT) -> Expressions:
        """The principal directions of how far landmarks moved, each as long as it usually was.

        No mean is taken away, since rest, e = 0, is what is likeliest.
        """
        flat = offsets.double().flatten(1)
        _, sizes, directions = torch.linalg.svd(flat, full_matrices=False)
        usual = sizes[:kept, None] / len(flat) ** 0.5
        expressions = Expressions(ExpressionSettings(kept))
        expressions.basis.copy_((usual * directions[:kept]).T.reshape(LANDMARKS, 3, kept))
        return expressions

    def save(self, path: Path, facts: Mapping[str, object]) -> None:
        """Write them as one file, with how they were made."""
        save(path, {_PART: self}, facts)

    @staticmethod
    def load(path: Path) -> Expressions:
        """Read them; InputError if the file holds none."""
        return load(path, {_PART: Expressions}).part(_PART, Expressions)

    @staticmethod
    @lru_cache(maxsize=1)
    def shipped() -> Expressions:
        """Those that come with headfield."""
        with as_file(files("headfield") / "fitting" / FILE) as path:
            return Expressions.load(path)
