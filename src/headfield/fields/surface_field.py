"""One head as a field: a signed distance and a colour for every place."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from headfield.fields.appearance import Appearance, AppearanceSettings
from headfield.fields.geometry import Geometry, GeometrySettings, Sample


@dataclass(frozen=True)
class SurfaceFieldSettings:
    """What a head's two networks are made of. The appearance sees the geometry's features where it asks for them."""

    geometry: GeometrySettings = field(default_factory=GeometrySettings)
    appearance: AppearanceSettings = field(default_factory=AppearanceSettings)


class SurfaceField(nn.Module):
    """The geometry, the code it is read with, and the appearance of one head."""

    settings: SurfaceFieldSettings

    def __init__(self, settings: SurfaceFieldSettings):
        super().__init__()
        self.settings = settings
        self.geometry = Geometry(settings.geometry)
        self.code = nn.Parameter(torch.zeros(settings.geometry.code))
        self.appearance = Appearance(settings.appearance)

    def distance(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        """The signed distance of points, negative inside."""
        return self.geometry.distance(points, self._code)

    def sample(self, points: Float[Tensor, "n 3"], *, create_graph: bool = False) -> Sample:
        """Distances, gradients and features of points."""
        return self.geometry.sample(points, self._code, create_graph=create_graph)

    def colour(
        self, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """The colours, from 0 to 1, of points with unit normals that are seen along unit directions."""
        features = self.geometry(points, self._code)[1] if self.settings.appearance.features else None
        return self.appearance(points, normals, directions, features)

    @property
    def _code(self) -> Tensor | None:
        return self.code if self.settings.geometry.code else None
