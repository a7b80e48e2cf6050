"""What lies beyond the unit sphere, as a radiance field of inverted places (NeRF++, section 4; Multi-NeuS, 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from headfield.fields.encoding import Encoding
from headfield.fields.mlp import MLP, MLPSettings


@dataclass(frozen=True)
class BackgroundSettings:
    """What a background is made of: ``depth`` layers of ``width``. As it stands, a small one."""

    width: int = 64
    depth: int = 3
    frequencies: int = 4
    direction_frequencies: int = 1


class Background(nn.Module):
    """Density and colour of places (x / r, 1 / r) that lie r > 1 from the middle, seen along unit directions."""

    settings: BackgroundSettings

    def __init__(self, settings: BackgroundSettings):
        super().__init__()
        self.settings = settings
        width = settings.width
        self.encoding = Encoding(settings.frequencies, numbers=4)
        self.direction_encoding = Encoding(settings.direction_frequencies)
        self.place = MLP(MLPSettings(width, settings.depth, activation="relu"), self.encoding.size, 1 + width)
        self.look = MLP(MLPSettings(width, 1, activation="relu"), width + self.direction_encoding.size, 3)

    def forward(
        self, places: Float[Tensor, "k 4"], directions: Float[Tensor, "k 3"]
    ) -> tuple[Float[Tensor, "k"], Float[Tensor, "k 3"]]:
        """Densities, and colours from 0 to 1."""
        out = self.place(self.encoding(places))
        inputs = torch.cat([out[..., 1:], self.direction_encoding(directions)], dim=-1)
        return softplus(out[..., 0]), self.look(inputs).sigmoid()
