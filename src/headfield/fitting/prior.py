"""Priors: what was learned from many subjects, and all it takes to fit a new one, in one safetensors file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from headfield.errors import InputError
from headfield.fields.geometry import Geometry
from headfield.fields.weights import load, parts_in, save
from headfield.fitting.statistics import CodeStatistics
from headfield.fitting.usual_colours import UsualColours

PARTS = {"geometry": Geometry, "codes": CodeStatistics}
COLOURS = "colours"


@dataclass(frozen=True, eq=False)
class ShapePrior:
    """A family of shapes: a geometry read by codes, and what codes are usual; and the colours heads usually have."""

    method: str
    """Which method it was learned by, and is for."""
    geometry: Geometry
    codes: CodeStatistics
    facts: Mapping[str, object]
    """How it was made: data, seed, settings, versions, hours."""
    colours: UsualColours | None = None
    """None where the scans it was learned from had none."""

    def save(self, path: Path, *, half: bool = True) -> None:
        """Write it as one file, in half precision unless told otherwise."""
        parts = {"geometry": self.geometry, "codes": self.codes, COLOURS: self.colours}
        parts = {name: part for name, part in parts.items() if part is not None}
        save(path, parts, {**self.facts, "kind": "prior", "method": self.method}, half=half)

    @staticmethod
    def load(path: Path) -> ShapePrior:
        """Read one; InputError if the file is none."""
        coloured = COLOURS in parts_in(path)
        weights = load(path, {**PARTS, **({COLOURS: UsualColours} if coloured else {})})
        method = weights.facts.get("method")
        if weights.facts.get("kind") != "prior" or not isinstance(method, str):
            raise InputError(f"{path} is not a prior; train one, or leave --prior out for the one that comes along.")
        prior = ShapePrior(
            method,
            weights.part("geometry", Geometry),
            weights.part("codes", CodeStatistics),
            weights.facts,
            weights.part(COLOURS, UsualColours) if coloured else None,
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
