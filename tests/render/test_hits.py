from __future__ import annotations

import math
from functools import cache

import pytest
import torch
from torch import Tensor

from headfield.cameras import Rays
from headfield.render.cached_samples import CachedSamples
from headfield.render.hits import SurfaceHits
from headfield.render.parallel_samples import ParallelSamples
from headfield.render.proxy import Proxy
from headfield.render.queries import Counted
from headfield.render.span import Span
from headfield.render.sphere_tracing import SphereTracing

from .solids import SOLIDS, bust, plane_cut, rays_from_around, sphere, true_hits

TENTH_OF_A_MILLIMETRE = 5e-4
LONG = 0.03  # chords that no way may miss
CLEAR = 2e-3  # misses that none may take for a hit

WAYS = {
    "sphere tracing": lambda: SphereTracing(safety=1.5),
    "parallel samples": ParallelSamples,
    "cached samples": CachedSamples,
    "proxy": Proxy,
}
EVERY_WAY = pytest.mark.parametrize("way", WAYS)


@cache
def expected_hits(solid: str) -> tuple[Rays, Tensor, Tensor]:
    rays = rays_from_around(1000)
    return rays, *true_hits(SOLIDS[solid], rays)


@EVERY_WAY
@pytest.mark.parametrize("solid", SOLIDS)
def test_every_way_finds_the_surface_within_a_tenth_of_a_millimetre(way, solid):
    rays, expected, margin = expected_hits(solid)
    hits = WAYS[way]()(SOLIDS[solid], rays)
    expects = torch.isfinite(expected)
    certain = torch.where(expects, margin > LONG, margin > CLEAR)
    assert certain.float().mean() > 0.96
    assert torch.equal(hits.hit[certain], expects[certain])
    both = certain & expects
    assert both.sum() > 80
    assert (hits.distance[both] - expected[both]).abs().max() < TENTH_OF_A_MILLIMETRE
    # Whatever else is called a hit lies on the surface.
    assert SOLIDS[solid](hits.points).abs().max() < TENTH_OF_A_MILLIMETRE


@EVERY_WAY
@pytest.mark.parametrize("steepness", [0.3, 3.0])
def test_a_function_need_not_be_a_distance(way, steepness):
    rays, expected, margin = expected_hits("bust")
    finder = SphereTracing(safety=5) if way == "sphere tracing" else WAYS[way]()
    hits = finder(lambda x: steepness * bust(x) * (1 + 0.3 * torch.sin(5 * x[..., 0])), rays)
    certain = torch.isfinite(expected) & (margin > LONG)
    assert (hits.distance[certain] - expected[certain]).abs().max() < TENTH_OF_A_MILLIMETRE


@EVERY_WAY
def test_a_ray_that_enters_the_unit_sphere_inside_the_solid_hits_nothing(way):
    ground = lambda x: x[..., 1] + 0.3 + 0.02 * torch.cos(3 * x[..., 0])  # noqa: E731
    up = Rays(torch.tensor([[0.0, -3, 0], [0, 3, 0]]), torch.tensor([[0.0, 1, 0], [0, -1, 0]]))
    hits = WAYS[way]()(ground, up)
    assert hits.hit.tolist() == [False, True]
    assert hits.distance[1].item() == pytest.approx(3 + 0.32, abs=1e-5)


@EVERY_WAY
def test_rays_beside_the_unit_sphere_and_away_from_it_hit_nothing(way):
    origins = torch.tensor([[0.0, 0, 3], [0, 1.5, 3], [0, 0, 0.9]])
    directions = torch.tensor([[0.0, 0, 1], [0, 0, -1], [0, 0, 1]])
    counted = Counted(sphere(0.5))
    hits = WAYS[way]()(counted, Rays(origins, directions))
    assert not hits.hit.any()
    assert hits.distance.tolist() == [math.inf] * 3
    assert hits.points.shape == (0, 3)


@EVERY_WAY
def test_a_camera_within_the_unit_sphere_sees_what_lies_before_it(way):
    hits = WAYS[way]()(sphere(0.5), Rays(torch.tensor([[0.0, 0, 0.9]]), torch.tensor([[0.0, 0, -1]])))
    assert hits.distance.item() == pytest.approx(0.4, abs=1e-5)


@EVERY_WAY
def test_no_rays_are_no_hits(way):
    assert len(WAYS[way]()(sphere(), Rays(torch.empty(0, 3), torch.empty(0, 3))).distance) == 0


@EVERY_WAY
def test_double_precision_stays_double(way):
    rays = rays_from_around(20)
    hits = WAYS[way]()(sphere(), Rays(rays.origins.double(), rays.directions.double()))
    assert hits.distance.dtype == torch.float64


@EVERY_WAY
def test_finding_leaves_no_gradient(way):
    radius = torch.tensor(0.5, requires_grad=True)
    rays = rays_from_around(50)
    hits = WAYS[way]()(
        lambda x: x.norm(dim=-1) - radius, Rays(rays.origins.requires_grad_(), rays.directions.requires_grad_())
    )
    assert not hits.distance.requires_grad
    assert not hits.points.requires_grad
    assert hits.hitting.origins.requires_grad


def test_points_lie_on_the_rays_that_hit():
    rays = rays_from_around(50)
    distance = torch.where(torch.arange(50) % 3 == 0, torch.inf, torch.arange(50.0))
    hits = SurfaceHits(rays, distance)
    some = distance.isfinite()
    assert torch.equal(hits.points, rays.origins[some] + distance[some, None] * rays.directions[some])


def test_parallel_samples_ask_as_often_as_the_paper_says():
    rays = rays_from_around(1000)
    counted = Counted(sphere())
    hits = ParallelSamples()(counted, rays)
    assert counted.points == 75 * Span.of(rays).meets.sum() + 25 * hits.hit.sum()


def test_sphere_tracing_finds_the_plate_edge_on():
    # Rays that fly along a thin plate for long: walking takes too long, sampling what is left decides.
    n = 200
    heights = torch.linspace(-0.03, 0.03, n)
    rays = Rays(torch.stack([heights, torch.full((n,), 3.0), torch.zeros(n)], -1), torch.tensor([[0.0, -1, 0]] * n))
    thin = lambda x: torch.maximum(x.norm(dim=-1) - 0.5, x[..., 0].abs() - 0.01)  # noqa: E731
    hits = SphereTracing()(thin, rays)
    assert torch.equal(hits.hit, heights.abs() < 0.01)


def test_sphere_tracing_repairs_steps_that_went_too_far():
    steep = lambda x: 4 * plane_cut()(x)  # noqa: E731
    rays = rays_from_around(500)
    expected, margin = true_hits(plane_cut(), rays)
    hits = SphereTracing(safety=1.0)(steep, rays)
    deep = torch.isfinite(expected) & (margin > 0.5) & hits.hit
    assert deep.sum() > 50
    assert (hits.distance[deep] - expected[deep]).abs().max() < TENTH_OF_A_MILLIMETRE


@pytest.mark.parametrize("way", ["sphere tracing", "parallel samples", "cached samples"])
def test_a_broken_field_is_never_hit(way):
    hits = WAYS[way]()(lambda x: torch.where(x[..., 0] > 0, torch.nan, sphere()(x)), rays_from_around(500))
    assert torch.isfinite(hits.points).all()
    assert sphere()(hits.points).abs().max() < TENTH_OF_A_MILLIMETRE
