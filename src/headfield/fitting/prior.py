"""Priors: what was learned from many subjects, and all it takes to fit a new one, in one safetensors file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from headfield.errors import InputError
from headfield.fields.geometry import Geometry
from headfield.fields.weights import load, save
from headfield.fitting.statistics import CodeStatistics

PARTS = {"geometry": Geometry, "codes": CodeStatistics}


@dataclass(frozen=True, eq=False)
class ShapePrior:
    """A family of shapes: a geometry read by codes, and what codes are usual."""

    method: str
    """Which method it was learned by, and is for."""
    geometry: Geometry
    codes: CodeStatistics
    facts: Mapping[str, object]
    """How it was made: data, seed, settings, versions, hours."""

    def save(self, path: Path, *, half: bool = True) -> None:
        """Write it as one file, in half precision unless told otherwise."""
        parts = {"geometry": self.geometry, "codes": self.codes}
        save(path, parts, {**self.facts, "kind": "prior", "method": self.method}, half=half)

    @staticmethod
    def load(path: Path) -> ShapePrior:
        """Read one; InputError if the file is none."""
        weights = load(path, PARTS)
        method = weights.facts.get("method")
        if weights.facts.get("kind") != "prior" or not isinstance(method, str):
            raise InputError(f"{path} is not a prior; train one, or leave --prior out for the one that comes along.")
        prior = ShapePrior(
            method, weights.part("geometry", Geometry), weights.part("codes", CodeStatistics), weights.facts
        )
        if prior.codes.settings.code != prior.geometry.settings.code:
            raise InputError(f"{path} holds codes that its geometry cannot read; train it again.")
        return prior

    @staticmethod
    def shipped(method: str) -> ShapePrior:
        """The prior of a method that comes with headfield; InputError if none does."""
        resource = files("headfield") / "methods" / f"{method}.safetensors"
        if not resource.is_file():
            raise InputError(f"no prior of {method} comes with headfield; train one and name it with --prior.")
        with as_file(resource) as path:
            return ShapePrior.load(path)

    def checked_for(self, method: str) -> ShapePrior:
        """This prior; InputError if it belongs to another method."""
        if self.method != method:
            raise InputError(
                f"the prior was learned by {self.method}, {method} cannot use it; "
                f"name one of {method}, or choose --method {self.method}."
            )
        return self
