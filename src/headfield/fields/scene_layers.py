"""Layers whose weights depend on the scene, independent or of low rank (Multi-NeuS, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

LayerKind = Literal["independent", "low-rank"]


@dataclass(frozen=True)
class SceneLayersSettings:
    """Which layers are each scene's own, counted from 1, and how. As it stands: the first halves (section 3.2).

    ``independent`` layers have weights for each scene. ``low-rank`` ones learn ``rank`` weights for all scenes, and for
    each scene the coefficients of their sum. At first scenes are ``spread`` of their weights' size apart.
    """

    sdf: tuple[int, ...] = (1, 2, 3, 4)
    radiance: tuple[int, ...] = (1, 2)
    kind: LayerKind = "low-rank"
    rank: int = 32
    spread: float = 0.1

    @property
    def used(self) -> bool:
        """Whether anything is a scene's own."""
        return bool(self.sdf or self.radiance)


class SceneLayer(nn.Module):
    """A fully connected layer with weights and biases w(i) of its own for each scene i; that of ``scene`` is in use.

    ``own[i]`` is w_i where scenes are independent, and else c_i with w(i) = Σ_j c_ij b_j (equation 1). What belongs to
    a scene is a parameter of its own, so that it rests, and so do its moments, while the scene is not looked at.
    """

    def __init__(self, layer: nn.Linear, scenes: int, settings: SceneLayersSettings):
        super().__init__()
        self.shape = layer.weight.shape
        self.scene = 0
        w = torch.cat([layer.weight.detach().flatten(), layer.bias.detach()])
        self.basis: nn.Parameter | None = None
        if settings.kind == "independent":
            own = [w.clone() for _ in range(scenes)]
        else:
            # What is zero in the layer is so in all of the basis: what starts silent starts so for all scenes.
            others = torch.randn(settings.rank - 1, len(w)) * w
            self.basis = nn.Parameter(torch.cat([w[None], others]))
            own = [_beside_the_first(settings) for _ in range(scenes)]
        self.own = nn.ParameterList([nn.Parameter(values) for values in own])

    @property
    def w(self) -> Float[Tensor, "p"]:
        """w(i): all weights, then all biases, of the scene in use."""
        own = self.own[self.scene]
        if self.basis is None:
            return own
        with torch.autocast(own.device.type, enabled=False):
            return own @ self.basis

    @property
    def weight(self) -> Float[Tensor, "o i"]:
        """The weights of the scene in use."""
        return self.w[: self.shape.numel()].view(self.shape)

    @property
    def bias(self) -> Float[Tensor, "o"]:
        """The biases of the scene in use."""
        return self.w[self.shape.numel() :]

    @torch.no_grad()
    def take_mean(self, other: SceneLayer) -> None:
        """Become a layer for one scene: the mean of all of another's (section 3.4)."""
        self.own[0].copy_(torch.stack(list(other.own)).mean(dim=0))
        if self.basis is not None and other.basis is not None:
            self.basis.copy_(other.basis)


def _beside_the_first(settings: SceneLayersSettings) -> Float[Tensor, "r"]:
    """Coefficients of the first of the basis, and a little of all others."""
    others = settings.spread / max(settings.rank - 1, 1) ** 0.5 * torch.randn(settings.rank - 1)
    return torch.cat([torch.ones(1), others])
