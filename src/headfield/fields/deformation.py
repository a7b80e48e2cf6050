"""Shapes as one reference that is bent for each subject (SIRA++, section III.B).

    f_def : x ↦ (δ, γ)                   (equation 1)
    x_ref = x + δ                        (equation 2)
    f_ref : x_ref ↦ s                    (equation 3)
    f_sdf(x) = f_ref(x + δ(x))           (equation 4)

The deformation alone is read with a subject's code. What is learned once for everybody is the reference.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float, Int64
from torch import Tensor

from headfield.fields.encoding import Encoding
from headfield.fields.geometry import GeometrySettings, Shape
from headfield.fields.mlp import MLP, MLPSettings, become_small


@dataclass(frozen=True)
class DeformedSettings:
    """What a reference and its deformation are made of. As it stands: with the widths of SIRA++'s forerunner IDR.

    ``frequencies`` encode the point that is deformed; those of the reference are its own. ``code`` numbers tell
    subjects apart, ``features`` numbers (γ) are handed on to the colours. The last weights of the deformation
    are at first drawn with standard deviation ``spread``, so that the field starts as the reference, a ball.
    """

    reference: GeometrySettings = field(
        default_factory=lambda: GeometrySettings(MLPSettings(depth=8, skips=(4,)), frequencies=6, grid=None, code=0)
    )
    deformation: MLPSettings = field(default_factory=lambda: MLPSettings(depth=8, skips=(4,)))
    frequencies: int = 6
    code: int = 256
    features: int = 256
    spread: float = 0.01

    def __post_init__(self) -> None:
        if self.reference.code or self.reference.features:
            raise ValueError("a reference is everybody's, so it has neither a code nor features")

    def new(self) -> DeformedGeometry:
        """A geometry so made."""
        return DeformedGeometry(self)


class DeformedGeometry(Shape):
    """A signed distance field f_sdf(x) = f_ref(x + δ(x)); its features are all that the deformation says, [δ, γ].

    What :func:`headfield.fields.parts.train_only` may name: ``deformation``, ``reference`` …
    """

    settings: DeformedSettings

    def __init__(self, settings: DeformedSettings):
        super().__init__()
        self.settings = settings
        self.reference = settings.reference.new()
        self.encoding = Encoding(settings.frequencies)
        self.deformation = MLP(settings.deformation, self.encoding.size, 3 + settings.features, condition=settings.code)
        become_small(self.deformation, settings.spread)

    def forward(
        self,
        points: Float[Tensor, "*b n 3"],
        code: Float[Tensor, "*b c"] | None = None,
        subjects: Int64[Tensor, "*b"] | None = None,
    ) -> tuple[Float[Tensor, "*b n"], Float[Tensor, "*b n f"]]:
        """Distances, and the deformations with their features."""
        self.checked(code)
        deformed = self.deformation(self.encoding(points), code)
        displacement, _ = apart(deformed)
        return self.reference.distance(points + displacement, None, subjects), deformed

    def in_reference(
        self, points: Float[Tensor, "*b n 3"], code: Float[Tensor, "*b c"] | None = None
    ) -> Float[Tensor, "*b n 3"]:
        """Where points lie in the reference space, x_ref."""
        displacement, _ = apart(self.deformation(self.encoding(points), code))
        return points + displacement


def apart(deformed: Float[Tensor, "*b f"]) -> tuple[Float[Tensor, "*b 3"], Float[Tensor, "*b g"]]:
    """What a deformation says: the displacement δ, and the features γ."""
    return deformed[..., :3], deformed[..., 3:]
