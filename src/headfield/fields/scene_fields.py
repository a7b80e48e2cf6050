"""Signed distances and colours of many scenes in one pair of networks (Multi-NeuS, section 3.2); with one, NeuS's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from headfield.fields.appearance import AppearanceSettings
from headfield.fields.encoding import Encoding
from headfield.fields.geometry import Geometry, GeometrySettings, Sample
from headfield.fields.mlp import MLP, MLPSettings
from headfield.fields.scene_layers import SceneLayer, SceneLayersSettings
from headfield.fields.surface_field import SurfaceField, SurfaceFieldSettings

STEEPNESS = 10.0
"""How many times as fast the sharpness's logarithm moves as the parameter behind it (NeuS's code)."""


@dataclass(frozen=True)
class NetworksSettings:
    """The SDF network and the radiance network. As it stands: NeuS's, without view directions (Multi-NeuS, 3.2).

    Both are ``width`` wide; they have ``sdf`` and ``radiance`` layers, the last ones among them.
    """

    width: int = 256
    sdf: int = 9
    radiance: int = 5
    frequencies: int = 6
    radius: float = 0.5
    """The field starts as the ball of this radius, in head units."""
    sharpness: float = 20.0
    """How sharp its surface is at first: the inverse deviation of the logistic density, per head unit."""

    def surface(self) -> SurfaceFieldSettings:
        """The same as the settings of a surface field: the point joins in again in the middle of the SDF network."""
        sdf = MLPSettings(width=self.width, depth=self.sdf - 1, skips=(self.sdf // 2,))
        look = MLPSettings(width=self.width, depth=self.radiance - 1, activation="relu")
        geometry = GeometrySettings(sdf, self.frequencies, grid=None, code=0, features=self.width, radius=self.radius)
        appearance = AppearanceSettings(
            place=None, look=look, frequencies=0, direction_frequencies=None, features=self.width
        )
        return SurfaceFieldSettings(geometry, appearance)


@dataclass(frozen=True)
class SceneFieldsSettings:
    """The networks, which of their layers are each scene's own, and how many scenes there are."""

    networks: NetworksSettings = field(default_factory=NetworksSettings)
    layers: SceneLayersSettings = field(default_factory=SceneLayersSettings)
    scenes: int = 1


class SceneFields(nn.Module):
    """The field of the scene that was chosen last, as a medium: its surface, and how sharp that is."""

    settings: SceneFieldsSettings

    def __init__(self, settings: SceneFieldsSettings):
        super().__init__()
        self.settings = settings
        self.surface = SurfaceField(settings.networks.surface())
        self.surface.code.requires_grad_(False)
        self.deviation = nn.Parameter(torch.tensor(settings.networks.sharpness).log() / STEEPNESS)
        scenes_own = (settings.layers.sdf, settings.layers.radiance)
        for network, own in zip(_networks(self.surface), scenes_own, strict=True):
            _check(own, len(network.layers))
            for number in own:
                layer = cast(nn.Linear, network.layers[number - 1])
                network.layers[number - 1] = SceneLayer(layer, settings.scenes, settings.layers)

    @property
    def sharpness(self) -> Float[Tensor, ""]:
        """s, the inverse deviation of the logistic density: the larger, the closer to a surface."""
        return (STEEPNESS * self.deviation).exp()

    @property
    def encoding(self) -> Encoding:
        """What the SDF network sees of a point."""
        return _geometry(self.surface).encoding

    def choose(self, scene: int) -> None:
        """From now on this is the field of that scene."""
        for layer in self._own():
            layer.scene = scene

    def distance(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        """The signed distance of points, negative inside."""
        return self.surface.distance(points)

    def sample(self, points: Float[Tensor, "n 3"], *, create_graph: bool = False) -> Sample:
        """Distances, gradients and features of points."""
        return self.surface.sample(points, create_graph=create_graph)

    def of_mean_scene(self) -> SceneFields:
        """The fields of one new scene: all that scenes share, and the mean of what is their own (section 3.4)."""
        one = SceneFields(replace(self.settings, scenes=1)).to(self.deviation.device)
        own = {f"{name}." for name, layer in self.named_modules() if isinstance(layer, SceneLayer)}
        shared = {name: value for name, value in self.state_dict().items() if not name.startswith(tuple(own))}
        one.load_state_dict(shared, strict=not own)
        for mine, theirs in zip(one._own(), self._own(), strict=True):
            mine.take_mean(theirs)
        return one

    @torch.no_grad()
    def alone(self) -> SurfaceField:
        """The surface of the chosen scene in networks of its own, for a head."""
        surface = SurfaceField(self.settings.networks.surface()).to(self.deviation.device)
        for mine, theirs in zip(_networks(surface), _networks(self.surface), strict=True):
            _copy_layers(mine, theirs)
        _geometry(surface).encoding.load_state_dict(self.encoding.state_dict())
        return surface

    def _own(self) -> Iterator[SceneLayer]:
        return (layer for layer in self.modules() if isinstance(layer, SceneLayer))


def _geometry(surface: SurfaceField) -> Geometry:
    return cast(Geometry, surface.geometry)


def _networks(surface: SurfaceField) -> tuple[MLP, MLP]:
    return _geometry(surface).decoder, surface.appearance.look


def _copy_layers(mine: MLP, theirs: MLP) -> None:
    for own, other in zip(mine.linears, theirs.linears, strict=True):
        own.weight.copy_(other.weight)
        own.bias.copy_(other.bias)


def _check(own: tuple[int, ...], layers: int) -> None:
    if len(set(own)) < len(own) or not all(1 <= number <= layers for number in own):
        raise ValueError(f"scenes can have the layers 1 to {layers} of their own, each once, not {own}")
