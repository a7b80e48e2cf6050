"""The shape of subjects: a signed distance field read by code, of a network and, where asked for, a feature grid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from headfield.fields.encoding import Encoding
from headfield.fields.grid import FeatureGrid, GridSettings
from headfield.fields.mlp import MLP, MLPSettings, become_sphere


@dataclass(frozen=True)
class GeometrySettings:
    """What a geometry is made of. As it stands: InstantAvatar's (section 3.3).

    ``frequencies`` encode the point, ``code`` numbers tell subjects apart (0 for a field of one subject), ``features``
    numbers are handed on to the colours. The field starts as the ball of ``radius`` head units.
    """

    decoder: MLPSettings = field(default_factory=MLPSettings)
    frequencies: int = 6
    grid: GridSettings | None = field(default_factory=GridSettings)
    code: int = 256
    features: int = 0
    radius: float = 0.5

    def new(self) -> Geometry:
        """A geometry so made."""
        return Geometry(self)


@dataclass(frozen=True, eq=False)
class Sample:
    """What a geometry says at points: signed distances (negative inside), their gradients, and features."""

    distance: Float[Tensor, "*b n"]
    gradient: Float[Tensor, "*b n 3"]
    features: Float[Tensor, "*b n f"]


class Shape(nn.Module, ABC):
    """A signed distance field read by code, whatever it is made of.

    Points come as ``*b n 3`` with one code for each ``*b``. ``subjects`` says whose grid is meant where each subject
    has its own.
    """

    settings: Any
    """A dataclass of its own for every kind; all have ``code``, the length of the code that the shape is read with."""

    @abstractmethod
    def forward(
        self,
        points: Float[Tensor, "*b n 3"],
        code: Float[Tensor, "*b c"] | None = None,
        subjects: Int64[Tensor, "*b"] | None = None,
    ) -> tuple[Float[Tensor, "*b n"], Float[Tensor, "*b n f"]]:
        """Distances and features."""

    def checked(self, code: Tensor | None) -> None:
        """ValueError if the shape is not read with such a code."""
        if (0 if code is None else code.shape[-1]) != self.settings.code:
            raise ValueError(f"this geometry is read with a code of {self.settings.code} numbers")

    def distance(
        self,
        points: Float[Tensor, "*b n 3"],
        code: Float[Tensor, "*b c"] | None = None,
        subjects: Int64[Tensor, "*b"] | None = None,
    ) -> Float[Tensor, "*b n"]:
        """Distances alone."""
        distance, _ = self(points, code, subjects)
        return distance

    def sample(
        self,
        points: Float[Tensor, "*b n 3"],
        code: Float[Tensor, "*b c"] | None = None,
        subjects: Int64[Tensor, "*b"] | None = None,
        *,
        create_graph: bool = False,
    ) -> Sample:
        """Distances, features and gradients, by one pass forward and one back.

        With ``create_graph`` losses on all three can be taken back to weights, codes and points; without, nothing can.
        """
        if not create_graph:
            points = points.detach()
        with torch.enable_grad():
            points = points if points.requires_grad else points.detach().requires_grad_()
            distance, features = self(points, code, subjects)
            (gradient,) = torch.autograd.grad(distance.sum(), points, create_graph=create_graph)
        if create_graph:
            return Sample(distance, gradient, features)
        return Sample(distance.detach(), gradient, features.detach())


class Geometry(Shape):
    """d = F([γ(x), z(x), g]): the distance of a point, of the subject with code g (InstantAvatar, equation 1).

    What :func:`headfield.fields.parts.train_only` may name: ``decoder``, ``grid``, ``grid.levels.0`` …
    """

    settings: GeometrySettings

    def __init__(self, settings: GeometrySettings):
        super().__init__()
        self.settings = settings
        self.encoding = Encoding(settings.frequencies)
        self.grid = FeatureGrid(settings.grid) if settings.grid else None
        inputs = self.encoding.size + (settings.grid.features if settings.grid else 0)
        self.decoder = MLP(settings.decoder, inputs, 1 + settings.features, condition=settings.code)
        become_sphere(self.decoder, settings.radius, silent=slice(3, self.encoding.size))

    def forward(
        self,
        points: Float[Tensor, "*b n 3"],
        code: Float[Tensor, "*b c"] | None = None,
        subjects: Int64[Tensor, "*b"] | None = None,
    ) -> tuple[Float[Tensor, "*b n"], Float[Tensor, "*b n f"]]:
        """Distances and features."""
        self.checked(code)
        inputs = self.encoding(points)
        if self.grid is not None:
            inputs = torch.cat([inputs, self.grid(points, subjects)], dim=-1)
        out = self.decoder(inputs, code)
        return out[..., 0], out[..., 1:]

    def of_mean_subject(self) -> Geometry:
        """A geometry for one new subject: the same network, and the mean of all subjects' grids."""
        grid = self.settings.grid
        one = Geometry(replace(self.settings, grid=replace(grid, subjects=1) if grid else None))
        one.to(next(self.decoder.parameters()))
        one.encoding.load_state_dict(self.encoding.state_dict())
        one.decoder.load_state_dict(self.decoder.state_dict())
        if self.grid is not None:
            one.grid = self.grid.mean_subject()
        return one


def eikonal(gradient: Float[Tensor, "*b 3"]) -> Float[Tensor, ""]:
    """(|∇d| - 1)², averaged: zero for a signed distance."""
    return (gradient.norm(dim=-1) - 1).square().mean()
