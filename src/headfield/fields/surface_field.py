"""One head as a field: a signed distance and a colour for every place."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from headfield.fields.appearance import Appearance, AppearanceSettings
from headfield.fields.geometry import GeometrySettings, Sample, Shape


@dataclass(frozen=True)
class SurfaceFieldSettings:
    """What a head's two networks are made of. The appearance sees the geometry's features where it asks for them."""

    geometry: GeometrySettings = field(default_factory=GeometrySettings)
    appearance: AppearanceSettings = field(default_factory=AppearanceSettings)

    def new(self) -> SurfaceField:
        """A field so made."""
        return SurfaceField(self)


class SurfaceField(nn.Module):
    """The geometry and the appearance of one head, with the codes that they are read with."""

    settings: SurfaceFieldSettings
    look: nn.Parameter | None
    """The code of the appearance, where it is read with one."""

    def __init__(self, settings: SurfaceFieldSettings):
        super().__init__()
        self.settings = settings
        self.geometry: Shape = settings.geometry.new()
        self.code = nn.Parameter(torch.zeros(settings.geometry.code))
        self.appearance = Appearance(settings.appearance)
        looks = settings.appearance.code
        self.register_parameter("look", nn.Parameter(torch.zeros(looks)) if looks else None)

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
        return self.shaded(points, normals, directions, features)

    def shaded(
        self,
        points: Float[Tensor, "n 3"],
        normals: Float[Tensor, "n 3"],
        directions: Float[Tensor, "n 3"],
        features: Float[Tensor, "n f"] | None,
        look: Float[Tensor, "c"] | None = None,
    ) -> Float[Tensor, "n 3"]:
        """The same where the geometry's features are known, with this appearance code or the field's own."""
        return self.appearance(points, normals, directions, features, *self._read_with(look))

    def _read_with(self, look: Tensor | None) -> tuple[Tensor, ...]:
        look = self.look if look is None else look
        return () if look is None else (look,)

    @property
    def _code(self) -> Tensor | None:
        return self.code if self.settings.geometry.code else None
