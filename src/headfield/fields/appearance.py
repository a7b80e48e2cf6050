"""The colour of a surface seen from somewhere: a network for the place (Q) and one for the look at it (R)."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from headfield.fields.encoding import Encoding
from headfield.fields.mlp import MLP, MLPSettings


@dataclass(frozen=True)
class PlaceSettings:
    """Q: what a place looks like before anyone looks at it, as ``size`` numbers."""

    network: MLPSettings = field(default_factory=lambda: MLPSettings(depth=8, skips=(4,)))
    frequencies: int = 6
    size: int = 256


@dataclass(frozen=True)
class AppearanceSettings:
    """What colours are made of. As it stands: InstantAvatar's and H3D-Net's (InstantAvatar, section 3.3).

    Without ``place``, with ``features`` of the geometry and with ``direction_frequencies`` it is IDR's; with None of
    these, colours are the same from everywhere. ``code`` numbers tell subjects apart; 0 for the colours of one subject.
    """

    place: PlaceSettings | None = field(default_factory=PlaceSettings)
    look: MLPSettings = field(default_factory=lambda: MLPSettings(depth=4, activation="relu"))
    frequencies: int = 4
    direction_frequencies: int | None = 0
    features: int = 0
    code: int = 0


class Appearance(nn.Module):
    """c = R(γ(x), n, Q(γ(x)), v), between 0 and 1; the geometry's features and a subject's code beside them."""

    settings: AppearanceSettings

    def __init__(self, settings: AppearanceSettings):
        super().__init__()
        self.settings = settings
        self.encoding = Encoding(settings.frequencies)
        inputs = self.encoding.size + 3 + settings.features
        self.direction_encoding: Encoding | None = None
        if settings.direction_frequencies is not None:
            self.direction_encoding = Encoding(settings.direction_frequencies)
            inputs += self.direction_encoding.size
        if settings.place:
            self.place_encoding = Encoding(settings.place.frequencies)
            self.place = MLP(settings.place.network, self.place_encoding.size, settings.place.size, settings.code)
            inputs += settings.place.size
        self.look = MLP(settings.look, inputs, 3, settings.code)

    def forward(
        self,
        points: Float[Tensor, "*b n 3"],
        normals: Float[Tensor, "*b n 3"],
        directions: Float[Tensor, "*b n 3"],
        features: Float[Tensor, "*b n f"] | None = None,
        code: Float[Tensor, "*b c"] | None = None,
    ) -> Float[Tensor, "*b n 3"]:
        """The colours of ``points`` with unit ``normals``, seen along unit ``directions``."""
        if (0 if code is None else code.shape[-1]) != self.settings.code:
            raise ValueError(f"this appearance is read with a code of {self.settings.code} numbers")
        inputs = [self.encoding(points), normals]
        if self.direction_encoding is not None:
            inputs.append(self.direction_encoding(directions))
        if self.settings.place:
            inputs.append(self.place(self.place_encoding(points), code))
        if self.settings.features:
            if features is None:
                raise ValueError(f"this appearance is read with {self.settings.features} features of the geometry")
            inputs.append(features)
        return (self.look(torch.cat(inputs, dim=-1), code).tanh() + 1) / 2
