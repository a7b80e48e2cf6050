"""Small heads whose shape is known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from headfield import rigs
from headfield.cameras import Camera
from headfield.fields.appearance import AppearanceSettings, PlaceSettings
from headfield.fields.geometry import GeometrySettings
from headfield.fields.mlp import MLPSettings
from headfield.fields.surface_field import SurfaceField, SurfaceFieldSettings
from headfield.head import Head

SETTINGS = SurfaceFieldSettings(
    GeometrySettings(MLPSettings(width=64, depth=2), frequencies=2, grid=None, code=3, features=2, radius=0.5),
    AppearanceSettings(PlaceSettings(MLPSettings(16, 2), frequencies=2, size=4), MLPSettings(16, 1), features=2),
)


def small_head(**given: object) -> Head:
    """A network that starts as a ball, and is one to about a hundredth."""
    torch.manual_seed(0)
    return Head.of(SurfaceField(SETTINGS), cameras={"photo": front()}, resolution=24, **given)


def front(size: int = 64, distance: float = 6.0) -> Camera:
    return rigs.around(torch.tensor([[0.0, 0, 1]]).double(), distance=distance, pixels=size)[0]


class Ball(nn.Module):
    """An exact ball, coloured by its normal, or by the direction it is seen along."""

    def __init__(self, radius: float = 0.5, centre: tuple[float, float, float] = (0, 0, 0), by: str = "normal"):
        super().__init__()
        self.radius, self.centre, self.by = radius, centre, by

    def distance(self, points: Tensor) -> Tensor:
        return (points - points.new_tensor(self.centre)).norm(dim=-1) - self.radius

    def colour(self, points: Tensor, normals: Tensor, directions: Tensor) -> Tensor:
        return ((normals if self.by == "normal" else directions) + 1) / 2
