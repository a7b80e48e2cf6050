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
from headfield.fields.appearance import Appearance, AppearanceSettings
from headfield.fields.deformation import DeformedGeometry
from headfield.fields.deformed_field import settings_of
from headfield.fields.geometry import Geometry, Shape
from headfield.fields.surface_field import SurfaceFieldSettings
from headfield.fields.weights import Weights, load, parts_in, save
from headfield.fitting.statistics import CodeGaussian, CodeStatistics
from headfield.fitting.usual_colours import UsualColours

SHAPES: dict[str | None, type[Shape]] = {"Geometry": Geometry, "DeformedGeometry": DeformedGeometry}

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
    """A family of shapes: a geometry read by codes, and what codes are usual. It may know their colours, too."""

    method: str
    geometry: Shape
    codes: CodeStatistics
    facts: Mapping[str, object]
    colours: UsualColours | None = None
    """What colours heads usually have; None where the scans it was learned from had none."""
    appearance: Appearance | None = None
    """How people of the family look, read by codes of its own."""
    looks: CodeGaussian | None = None
    """What codes of the appearance are usual."""

    def field(self, appearance: AppearanceSettings) -> SurfaceFieldSettings:
        """What a new head of the family is made of; ``appearance`` where the prior knows none."""
        return settings_of(self.geometry, self.appearance.settings if self.appearance else appearance)

    def parts(self) -> Mapping[str, nn.Module]:
        """What the file holds, by name."""
        names = ("geometry", "codes", "colours", "appearance", "looks")
        return {name: part for name in names if (part := getattr(self, name)) is not None}

    @classmethod
    def load(cls, path: Path) -> ShapePrior:
        """Read one; InputError if the file is none."""
        there = parts_in(path)
        shape = SHAPES.get(there.get("geometry"), Geometry)
        kinds: dict[str, type[nn.Module]] = {"geometry": shape, "codes": CodeStatistics}
        if "colours" in there:
            kinds["colours"] = UsualColours
        if there.keys() & {"appearance", "looks"}:
            kinds |= {"appearance": Appearance, "looks": CodeGaussian}
        method, weights = read_prior(path, kinds)
        prior = ShapePrior(
            method,
            weights.part("geometry", shape),
            weights.part("codes", CodeStatistics),
            weights.facts,
            weights.part("colours", UsualColours) if "colours" in kinds else None,
            weights.part("appearance", Appearance) if "appearance" in kinds else None,
            weights.part("looks", CodeGaussian) if "looks" in kinds else None,
        )
        if not prior._is_readable:
            raise InputError(f"{path} holds codes that its geometry cannot read; train it again.")
        return prior

    @property
    def _is_readable(self) -> bool:
        """Whether the codes are as long as those that geometry and appearance are read with."""
        lengths: list[tuple[CodeGaussian, int]] = [(self.codes, self.geometry.settings.code)]
        if self.appearance is not None and self.looks is not None:
            lengths.append((self.looks, self.appearance.settings.code))
        return all(gaussian.settings.code == length for gaussian, length in lengths)
