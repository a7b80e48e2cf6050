from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from headfield.cameras import Camera, CameraCorrection, Rays
from headfield.render.implicit import LEAST_COSINE, surface_points
from headfield.render.queries import ask, gradients
from headfield.render.sphere_tracing import SphereTracing

from .solids import ellipsoid


def sphere_distance(origins: Tensor, directions: Tensor, radius: Tensor) -> Tensor:
    """How many lengths of its direction a ray flies to a sphere around the origin."""
    a, b = (directions**2).sum(-1), (origins * directions).sum(-1)
    return (-b - (b**2 - a * ((origins**2).sum(-1) - radius**2)).sqrt()) / a


def rays_at_sphere(n: int = 6) -> Rays:
    generator = torch.Generator().manual_seed(0)
    origins = torch.randn(n, 3, generator=generator, dtype=torch.float64)
    origins = 3 * origins / origins.norm(dim=-1, keepdim=True)
    aims = 0.2 * torch.randn(n, 3, generator=generator, dtype=torch.float64)
    directions = aims - origins
    return Rays(origins, directions / directions.norm(dim=-1, keepdim=True))


def hit_sphere(radius: Tensor, origins: Tensor, directions: Tensor) -> Tensor:
    distance = sphere_distance(origins, directions, radius).detach()
    return surface_points(lambda x: x.norm(dim=-1) - radius, Rays(origins, directions), distance)


def test_hits_on_a_sphere_have_the_derivatives_of_its_closed_form():
    rays = rays_at_sphere()
    inputs = [torch.tensor(0.5, dtype=torch.float64), rays.origins, rays.directions]
    inputs = [value.requires_grad_() for value in inputs]
    assert torch.autograd.gradcheck(hit_sphere, inputs)

    def closed(radius: Tensor, origins: Tensor, directions: Tensor) -> Tensor:
        return origins + sphere_distance(origins, directions, radius)[:, None] * directions

    weights = torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    ours, truth = (torch.autograd.grad((f(*inputs) * weights).sum(), inputs) for f in (hit_sphere, closed))
    for one, other in zip(ours, truth, strict=True):
        torch.testing.assert_close(one, other)


def test_a_plane_that_rises_moves_its_hits_along_the_rays():
    height = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    rays = Rays(torch.tensor([[0.3, 2.0, 0.1]]).double(), torch.tensor([[0.6, -0.8, 0.0]]).double())
    distance = (2.0 - height.detach()[None]) / 0.8
    x = surface_points(lambda p: 3 * (p[:, 1] - height), rays, distance)  # whatever the field's steepness
    derivative = torch.stack([torch.autograd.grad(x[0, k], height, retain_graph=True)[0] for k in range(3)])
    torch.testing.assert_close(derivative, torch.tensor([-0.75, 1.0, 0.0]).double())


class TinyField(nn.Module):
    """A network whose surface is near a sphere."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.Softplus(), nn.Linear(8, 1)).double()

    def forward(self, x: Tensor) -> Tensor:
        return x.norm(dim=-1) - 0.5 + 0.2 * self.layers(x)[:, 0]


def true_points(field: TinyField, rays: Rays) -> Tensor:
    hits = SphereTracing(safety=1.5)(field, rays)
    distance = hits.distance
    for _ in range(20):  # to the last digit
        places = rays.at(distance)
        distance = distance - ask(field, places) / (gradients(field, places).detach() * rays.directions).sum(-1)
    return rays.at(distance)


def test_the_parameters_of_a_network_get_the_gradient_that_finite_differences_find():
    field, rays = TinyField(), rays_at_sphere(20)
    weights = torch.randn(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    x = true_points(field, rays)
    distance = ((x - rays.origins) * rays.directions).sum(-1)
    loss = (surface_points(field, rays, distance) * weights).sum()
    parameters = list(field.parameters())
    step = 1e-5
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        found = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter.view(-1)[0] += sign * step
            found.append((true_points(field, rays) * weights).sum().item())
            with torch.no_grad():
                parameter.view(-1)[0] -= sign * step
        assert gradient.view(-1)[0].item() == pytest.approx((found[0] - found[1]) / (2 * step), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("name", ["rotation", "translation", "log_focal"])
def test_corrections_of_cameras_get_the_gradient_that_finite_differences_find(name):
    radius = torch.tensor(0.5, dtype=torch.float64)
    eye = torch.tensor([[0.4, 0.3, 4.0]]).double()
    cameras = Camera.look_at(eye, torch.zeros(1, 3).double(), focal=400.0, width=100, height=100)
    correction = CameraCorrection(1).double()
    pixels = torch.tensor([[[40.0, 45], [60, 52], [50, 70]]]).double()

    def loss(closed: bool) -> Tensor:
        rays = correction(cameras).rays(pixels)
        origins, directions = rays.origins[0], rays.directions[0]
        if closed:
            x = origins + sphere_distance(origins, directions, radius)[:, None] * directions
        else:
            x = hit_sphere(radius, origins, directions)
        return (x * torch.tensor([[1.0, 2, 3], [-2, 1, 0], [0.5, -1, 2]])).sum()

    parameter = getattr(correction, name)
    (gradient,) = torch.autograd.grad(loss(closed=False), parameter)
    for k in range(parameter.numel()):
        found = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                parameter.view(-1)[k] += step
            found.append(loss(closed=True).item())
            with torch.no_grad():
                parameter.view(-1)[k] -= step
        assert gradient.view(-1)[k].item() == pytest.approx((found[0] - found[1]) / 2e-5, rel=1e-6, abs=1e-6)


def test_grazing_hits_have_bounded_gradients():
    radius = torch.tensor(0.5, requires_grad=True)
    aside = torch.tensor([0.0, 0.4, 0.49999, 0.5, 0.5001])
    rays = Rays(torch.stack([aside, 0 * aside, torch.full((5,), 2.0)], -1), torch.tensor([[0.0, 0, -1]]).expand(5, 3))
    distance = 2 - (0.25 - aside**2).clamp(min=0).sqrt()
    x = surface_points(lambda p: p.norm(dim=-1) - radius, rays, distance)
    moves = torch.stack([torch.autograd.grad(z, radius, retain_graph=True)[0] for z in x[:, 2]])
    assert moves[1].item() == pytest.approx(1 / 0.6, rel=1e-5)
    assert moves[3:].tolist() == pytest.approx([1 / LEAST_COSINE] * 2)
    assert (moves <= 1 / LEAST_COSINE * 1.0001).all()


def test_a_field_without_any_slope_gives_finite_gradients():
    level = torch.tensor(0.0, requires_grad=True)
    x = surface_points(lambda p: 0 * p.sum(-1) + level, Rays(torch.zeros(1, 3), torch.eye(3)[:1]), torch.ones(1))
    (gradient,) = torch.autograd.grad(x.sum(), level)
    assert math.isfinite(gradient.item())


def test_without_gradients_it_is_the_point_itself():
    rays = rays_at_sphere()
    asked = []
    with torch.no_grad():
        x = surface_points(lambda p: asked.append(p), rays, torch.ones(6).double())
    assert not asked
    assert torch.equal(x, rays.at(torch.ones(6).double()))


def test_gradients_are_normals_and_can_be_differentiated_again():
    x = rays_at_sphere().origins
    normals = gradients(lambda p: p.norm(dim=-1), x)
    torch.testing.assert_close(normals, x / 3)
    radii = torch.tensor([0.4, 0.6, 0.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda r, p: gradients(lambda q: (q / r).norm(dim=-1), p), (radii, x.clone().requires_grad_())
    )
    with torch.no_grad():
        assert not gradients(ellipsoid(0.4, 0.5, 0.6), x).requires_grad
