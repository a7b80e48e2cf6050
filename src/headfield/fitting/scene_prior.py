"""Priors that were learned from pictures: the fields of a new scene, which is the mean of those learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from headfield.fields.scene_fields import SceneFields
from headfield.fitting.prior import Prior, read_prior


@dataclass(frozen=True, eq=False)
class ScenePrior(Prior):
    """The fields of one scene: what all scenes share, and the mean of what is their own (Multi-NeuS, section 3.4)."""

    method: str
    fields: SceneFields
    facts: Mapping[str, object]

    def parts(self) -> Mapping[str, nn.Module]:
        """What the file holds, by name."""
        return {"fields": self.fields}

    @classmethod
    def load(cls, path: Path) -> ScenePrior:
        """Read one; InputError if the file is none."""
        method, weights = read_prior(path, {"fields": SceneFields})
        return ScenePrior(method, weights.part("fields", SceneFields), weights.facts)
