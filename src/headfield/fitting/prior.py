"""Priors: what was learned from many subjects, and all it takes to fit a new one, in one safetensors file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TypeVar

from torch import nn

from headfield.errors import InputError
from headfield.fields.geometry import Geometry
from headfield.fields.weights import Weights, load, save
from headfield.fitting.statistics import CodeStatistics

PARTS = {"geometry": Geometry, "codes": CodeStatistics}


PriorType = TypeVar("PriorType", bound="Prior")


class Prior(ABC):
    """What a method learned beforehand: modules that one file holds, and how they were made."""

    method: str
    """Which method it was learned by, and is for."""
    facts: Mapping[str, object]
    """How it was made: data, seed, settings, versions, hours."""

    @abstractmethod
    def parts(self) -> Mapping[str, nn.Module]:
        """What the file holds, by name."""

    @classmethod
    @abstractmethod
    def load(cls: type[PriorType], path: Path) -> PriorType:
        """Read one; InputError if the file is none."""

    def save(self, path: Path, *, half: bool = True) -> None:
        """Write it as one file, in half precision unless told otherwise."""
        save(path, self.parts(), {**self.facts, "kind": "prior", "method": self.method}, half=half)

    @classmethod
    def shipped(cls: type[PriorType], method: str) -> PriorType:
        """The prior of a method that comes with headfield; InputError if none does."""
        resource = files("headfield") / "methods" / f"{method}.safetensors"
        if not resource.is_file():
            raise InputError(f"no prior of {method} comes with headfield; train one and name it with --prior.")
        with as_file(resource) as path:
            return cls.load(path)

    def checked_for(self: PriorType, method: str) -> PriorType:
        """This prior; InputError if it belongs to another method."""
        if self.method != method:
            raise InputError(
                f"the prior was learned by {self.method}, {method} cannot use it; "
                f"name one of {method}, or choose --method {self.method}."
            )
        return self


def read_prior(path: Path, kinds: Mapping[str, type[nn.Module]]) -> tuple[str, Weights]:
    """The method and the parts of a prior's file; InputError if it is none."""
    weights = load(path, kinds)
    method = weights.facts.get("method")
    if weights.facts.get("kind") != "prior" or not isinstance(method, str):
        raise InputError(f"{path} is not a prior; train one, or leave --prior out for the one that comes along.")
    return method, weights


@dataclass(frozen=True, eq=False)
class ShapePrior(Prior):
    """A family of shapes: a geometry read by codes, and what codes are usual."""

    method: str
    geometry: Geometry
    codes: CodeStatistics
    facts: Mapping[str, object]

    def parts(self) -> Mapping[str, nn.Module]:
        """What the file holds, by name."""
        return {"geometry": self.geometry, "codes": self.codes}

    @classmethod
    def load(cls, path: Path) -> ShapePrior:
        """Read one; InputError if the file is none."""
        method, weights = read_prior(path, PARTS)
        prior = ShapePrior(
            method, weights.part("geometry", Geometry), weights.part("codes", CodeStatistics), weights.facts
        )
        if prior.codes.settings.code != prior.geometry.settings.code:
            raise InputError(f"{path} holds codes that its geometry cannot read; train it again.")
        return prior
