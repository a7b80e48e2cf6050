"""One head as a bent reference: colours are those of places in the reference space (SIRA++, equation 5)."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from headfield.fields.appearance import AppearanceSettings
from headfield.fields.deformation import DeformedGeometry, DeformedSettings, apart
from headfield.fields.geometry import Shape
from headfield.fields.surface_field import SurfaceField, SurfaceFieldSettings


@dataclass(frozen=True)
class DeformedFieldSettings(SurfaceFieldSettings):
    """What a head's networks are made of: reference, deformation, and rendering network."""

    geometry: DeformedSettings = field(default_factory=DeformedSettings)  # type: ignore[assignment]  # no subclass

    def new(self) -> DeformedField:
        """A field so made."""
        return DeformedField(self)


class DeformedField(SurfaceField):
    """c = r(x_ref, n, v, γ; z_r): the colour of the place in the reference space that a point was bent from."""

    settings: DeformedFieldSettings

    def colour(
        self, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """The colours, from 0 to 1, of points with unit normals that are seen along unit directions."""
        return self.shaded(points, normals, directions, self.geometry(points, self._code)[1])

    def shaded(
        self,
        points: Float[Tensor, "n 3"],
        normals: Float[Tensor, "n 3"],
        directions: Float[Tensor, "n 3"],
        features: Float[Tensor, "n f"] | None,
        look: Float[Tensor, "c"] | None = None,
    ) -> Float[Tensor, "n 3"]:
        """The same where the deformation [δ, γ] is known, with this appearance code or the field's own."""
        if features is None:
            raise ValueError("a bent reference has no colours without its deformation")
        displacement, handed_on = apart(features)
        return super().shaded(points + displacement, normals, directions, handed_on, look)


def settings_of(shape: Shape, appearance: AppearanceSettings) -> SurfaceFieldSettings:
    """The settings of a field with a shape like this one."""
    if isinstance(shape, DeformedGeometry):
        return DeformedFieldSettings(shape.settings, appearance)
    return SurfaceFieldSettings(shape.settings, appearance)
