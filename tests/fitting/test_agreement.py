from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from headfield.capture import Capture, View
from headfield.fields.surface_field import SurfaceFieldSettings
from headfield.fitting.agreement import BETWEEN, FINEST, WIDEST, Agreement, Brightness, apart
from headfield.fitting.drive import Run, fit_surface
from headfield.fitting.flatness import FLAT
from headfield.optim.stages import Moving, Stage
from headfield.rigs import fibonacci

from ..balls import APPEARANCE, GEOMETRY, OPTIONS, camera, family, radii_of, view

CPU = torch.device("cpu")

RADIUS = 0.47

WAVES = torch.from_numpy(np.random.default_rng(0).normal(scale=25.0, size=(12, 3)))


def painted(azimuth: float, *, light: float = 1.0, radius: float = RADIUS, pixels: int = 256) -> View:
    """A picture of a ball with spots all over."""
    seen = view(radius, camera(azimuth, pixels), f"at-{azimuth:g}", normals=False)
    rays = seen.camera.rays(seen.camera.pixel_centres().reshape(-1, 2))
    along = -(rays.origins * rays.directions).sum(-1)
    inside = radius**2 - (rays.origins.square().sum(-1) - along**2)
    outwards = rays.at(along - inside.clamp(min=0).sqrt()) / radius
    spots = torch.sin(outwards @ WAVES.T).mean(dim=1).reshape(pixels, pixels, 1).numpy()
    return replace(
        seen, image=np.broadcast_to(light * (128 + 250 * spots), (pixels, pixels, 3)).clip(0, 255).astype(np.uint8)
    )


def agreement(views: list[View], radius: float = RADIUS, scale: float = 0.012) -> Agreement:
    def shape(points: Tensor) -> Tensor:
        return points.norm(dim=-1) - radius

    pictures = [Brightness.of(it) for it in views]
    return Agreement(shape, [it.camera for it in views], pictures, scale, device=CPU)


def cost(views: list[View], radius: float | Tensor = RADIUS, *, of: int = 0, tilt: float = 0.0) -> Tensor:
    """What a ball of some size costs, at places that face one of the views, by squares tilted by an angle."""
    directions = fibonacci(400).double()
    directions = directions[directions @ normalize(views[of].camera.centre.double(), dim=-1) > 0.5]

    def project(places: Tensor) -> Tensor:
        return torch.stack([it.camera.to(dtype=places.dtype).project(places)[0] for it in views])

    compared = agreement(views, float(torch.as_tensor(radius).detach()))
    compared._shown = [it.double() for it in compared._shown]
    compared._offsets = compared._offsets.double()
    aside = normalize(torch.linalg.cross(directions, directions.new_tensor([[0.0, 1.0, 0.0]])), dim=-1)
    normals = np.cos(tilt) * directions + np.sin(tilt) * aside
    return compared.loss(radius * directions, normals, torch.full((len(directions),), of), project)


def test_views_agree_most_on_the_true_shape():
    views = [painted(0.0), painted(30.0)]
    costs = {radius: float(cost(views, radius)) for radius in (0.44, 0.45, 0.46, 0.465, RADIUS, 0.475, 0.48, 0.49, 0.5)}
    assert min(costs, key=costs.__getitem__) == RADIUS
    assert costs[RADIUS] < 0.1
    assert costs[0.44] > 0.3 < costs[0.5]


def test_how_bright_a_view_is_does_not_matter():
    assert float(cost([painted(0.0), painted(30.0, light=0.6)])) == pytest.approx(
        float(cost([painted(0.0), painted(30.0)])), abs=0.02
    )


def test_the_gradient_is_the_one_that_finite_differences_find():
    views, radius = [painted(0.0), painted(30.0)], torch.tensor(0.465, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(cost(views, radius), radius)
    assert slope < 0  # a larger ball fits better
    step = 1e-7
    before, after = (float(cost(views, radius.detach() + sign * step)) for sign in (-1, 1))
    assert float(slope) == pytest.approx((after - before) / (2 * step), rel=1e-3)


def test_what_no_other_view_sees_is_not_compared():
    radius = torch.tensor(RADIUS, dtype=torch.float64, requires_grad=True)
    found = cost([painted(0.0), painted(180.0)], radius)
    assert found == 1
    assert not torch.autograd.grad(found, radius)[0]


def test_squares_that_reach_past_an_outline_are_not_compared():
    here, there = painted(0.0), painted(30.0)
    smaller = replace(there, mask=np.zeros_like(there.mask))
    assert cost([here, there]) < 0.1
    assert cost([here, smaller]) == 1


def test_squares_that_leave_the_surface_are_not_compared():
    views = [painted(0.0), painted(30.0)]
    steepest = np.arcsin(np.sqrt(2) * FLAT)  # a corner's way is the square root of two longer than that across
    assert cost(views, tilt=0.8 * steepest) < 0.9
    assert cost(views, tilt=1.2 * steepest) == 1


def test_squares_become_smaller_from_stage_to_stage():
    assert apart(0.0, within_family=True) == WIDEST
    assert apart(1.0, within_family=True) == pytest.approx(BETWEEN) == apart(0.0, within_family=False)
    assert apart(1.0, within_family=False) == pytest.approx(FINEST)


def test_a_ball_is_as_large_as_its_views_agree_on():
    views = Capture(tuple(painted(azimuth) for azimuth in (-30.0, 0.0, 30.0)))
    stage = Stage("agreeing", 60, (Moving("u", 0.03),), {"agreement": 1.0})
    found = fit_surface(
        "test", views, family(False), SurfaceFieldSettings(GEOMETRY, APPEARANCE), [stage], OPTIONS, Run()
    )
    assert float(radii_of(found.field.distance).mean()) == pytest.approx(RADIUS, abs=0.005)  # the mean ball's is 0.5
