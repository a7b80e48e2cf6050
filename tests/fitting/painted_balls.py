"""Balls with a pattern on them, as photos of heads: a family of shapes, landmarks, and pictures of its members."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from headfield.fields.geometry import Shape
from headfield.fitting.poses import LandmarkModel
from headfield.fitting.prior import ShapePrior
from headfield.fitting.statistics import CodeStatistics, CodeStatisticsSettings

RADIUS, SPREAD = 0.55, 0.05


class Balls(Shape):
    """Balls around the origin whose code is their radius."""

    settings = CodeStatisticsSettings(1, 1)

    def forward(self, points, code=None, subjects=None):
        return points.norm(dim=-1) - code, points[..., :0]


def ball_prior() -> ShapePrior:
    statistics = CodeStatistics(Balls.settings)
    statistics.mean.fill_(RADIUS)
    statistics.factor.fill_(SPREAD)
    return ShapePrior("balls", Balls(), statistics, {})


def ball_marks() -> LandmarkModel:
    """The landmarks of heads, on balls, which say roughly how these are turned."""
    heads = LandmarkModel.of(ShapePrior.shipped("instant-avatar").codes)
    outwards = heads.mean / np.linalg.norm(heads.mean, axis=1, keepdims=True)
    return replace(heads, mean=RADIUS * outwards, basis=SPREAD * outwards[..., None], noise=0.1)


def painted(camera, gain=1.0, plain=False):
    """A photo of a ball with a pattern on it, and its mask."""
    rays = camera.rays(camera.pixel_centres().reshape(-1, 2))
    closest = -(rays.origins * rays.directions).sum(dim=-1)
    inside = RADIUS**2 - (rays.at(closest).square().sum(dim=-1))
    place = rays.at(closest - inside.clamp(min=0).sqrt())
    random = np.random.default_rng(0)
    waves, phases = torch.from_numpy(random.normal(0, 12, (40, 3))), torch.from_numpy(random.uniform(0, 6, 40))
    pattern = (place @ waves.T + phases).sin().sum(dim=-1)
    light = 0.5 + (0 if plain else 0.05) * pattern
    grey = torch.where(inside > 0, gain * light, 0.2).reshape(camera.height, camera.width)
    mask = (inside > 0).reshape(grey.shape)
    photo = (255 * grey.clamp(0, 1))[..., None].expand(-1, -1, 3)
    return photo.numpy().astype(np.uint8), 255 * mask.numpy().astype(np.uint8)
