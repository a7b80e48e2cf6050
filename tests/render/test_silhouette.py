from __future__ import annotations

import pytest
import torch
from hypothesis import given

from headfield.cameras import Rays
from headfield.render.queries import Counted
from headfield.render.silhouette import least_distance, silhouette_loss, soft_coverage

from ..strategies import numbers
from .solids import bust, rays_from_around, sphere


def double(rays: Rays) -> Rays:
    return Rays(rays.origins.double(), rays.directions.double())


def test_the_least_distance_to_a_sphere_is_the_rays_from_its_centre():
    rays = rays_from_around(500)
    aside = torch.linalg.cross(rays.origins, rays.directions).norm(dim=-1)
    least = least_distance(sphere(0.5), rays)
    assert torch.equal(least < 0, aside < 0.5)
    torch.testing.assert_close(least[aside > 0.5], aside[aside > 0.5] - 0.5, atol=1e-4, rtol=0)


def test_it_is_the_least_of_many_samples_of_any_solid():
    rays = rays_from_around(300)
    dense = least_distance(bust, rays, uniform=4001, refined=2)
    found = least_distance(bust, rays)
    missing = dense > 0
    assert (found - dense)[missing].abs().max() < 1e-3
    assert (found[~missing] < 1e-3).all()


def test_it_asks_once_more_than_it_samples_and_keeps_gradients_of_that_once():
    rays = rays_from_around(100)
    inside = Rays(rays.origins, -rays.origins / 6)
    counted = Counted(sphere())
    least_distance(counted, inside, uniform=20, refined=5)
    assert counted.points == 100 * 26


def test_its_derivatives_are_those_of_the_closed_form():
    rays = double(rays_from_around(50))
    radius = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    inputs = [radius, rays.origins.clone().requires_grad_()]
    ours = least_distance(lambda x: x.norm(dim=-1) - radius, Rays(inputs[1], rays.directions), uniform=400, refined=50)
    closed = torch.linalg.cross(inputs[1], rays.directions).norm(dim=-1) - radius
    for one, other in zip(*(torch.autograd.grad(f.sum(), inputs) for f in (ours, closed)), strict=True):
        torch.testing.assert_close(one, other, atol=5e-3, rtol=0)


@given(numbers(-0.2, 0.2), numbers(0, 1), numbers(1, 100))
def test_the_loss_is_the_cross_entropy_of_the_soft_coverage(least, coverage, alpha):
    d, o = torch.tensor([least]).double(), torch.tensor([coverage]).double()
    s = soft_coverage(d, alpha).clamp(1e-300, 1 - 1e-16)
    expected = -(o * s.log() + (1 - o) * (1 - s).log()) / alpha
    torch.testing.assert_close(silhouette_loss(d, o, alpha), expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("coverage", [0.0, 0.3, 1.0])
def test_the_loss_pulls_towards_the_masks_coverage(coverage):
    d = torch.linspace(-0.2, 0.2, 401).double().requires_grad_()
    loss = silhouette_loss(d, torch.full_like(d, coverage).detach(), alpha=50.0)
    (pull,) = torch.autograd.grad(loss.sum(), d)
    wanted = soft_coverage(d, 50.0) - coverage  # too much covered: grow the distance
    torch.testing.assert_close(pull, -wanted)


def test_far_from_the_silhouette_it_stays_finite():
    d = torch.tensor([-1e4, 1e4], requires_grad=True)
    loss = silhouette_loss(d, torch.tensor([0.0, 1.0]), alpha=1e4)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert d.grad is not None
    assert d.grad.tolist() == [-1, 1]
