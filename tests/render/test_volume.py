from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import normalize

from headfield.cameras import Rays
from headfield.render.queries import Counted
from headfield.render.sampling import (
    AroundSurface,
    AroundSurfaceSettings,
    Hierarchical,
    Sampler,
    drawn,
)
from headfield.render.span import Span, spread
from headfield.render.volume import Medium, Sections, alphas, falling, render, weights

RADIUS = 0.5


def ball(points: Tensor) -> Tensor:
    return points.norm(dim=-1) - RADIUS


def ball_medium(points: Tensor, directions: Tensor) -> Medium:
    normals = normalize(points, dim=-1)
    return Medium(ball(points), normals, (normals + 1) / 2)


def rays_at(aside: Tensor) -> Rays:
    """Rays along -z that pass the origin at distances along x."""
    origins = torch.stack([aside, torch.zeros_like(aside), torch.full_like(aside, 3.0)], dim=-1)
    return Rays(origins, torch.tensor([0.0, 0, -1]).to(aside).expand(len(aside), 3))


def evenly(rays: Rays, count: int) -> Sections:
    span = Span.of(rays)
    return Sections(span, spread(torch.zeros_like(span.length), span.length, count + 1))


def both_samplers() -> list[Sampler]:
    return [Hierarchical(), AroundSurface(AroundSurfaceSettings(sections=24, resolution=48))]


@given(
    distance=st.lists(st.floats(-1, 1), min_size=5, max_size=5),
    facing=st.floats(0, 1),
    sharpness=st.floats(1, 5000),
)
def test_what_sections_stop_is_a_share_of_what_comes(distance, facing, sharpness):
    alpha = alphas(torch.tensor([distance]), torch.full((1, 4), 0.1), sharpness, facing=facing)
    assert ((alpha >= 0) & (alpha <= 1)).all()
    weight = weights(alpha)
    assert (weight >= 0).all()
    assert float(weight.sum()) <= 1 + 1e-6


def test_weights_are_alphas_times_what_is_let_through():
    alpha = torch.tensor([[0.5, 0.25, 1.0, 0.7]])
    assert torch.allclose(weights(alpha), torch.tensor([[0.5, 0.125, 0.375, 0.0]]))


@pytest.mark.parametrize("cosine", [1.0, 0.6, 0.2])
@pytest.mark.parametrize("sharpness", [20.0, 200.0, 2000.0])
def test_a_plane_is_seen_where_it_is(cosine, sharpness):
    """Its weights are (Φ(f(t)) - Φ(f(t'))) / Φ(f(t₀)) however the ray is cut, and greatest at the plane (NeuS, 3.1)."""
    surface = 0.7
    generator = torch.Generator().manual_seed(0)
    edges = torch.cat([torch.zeros(1), torch.rand(400, generator=generator), torch.tensor([1.4])]).double().sort()[0]
    f = cosine * (surface - edges)
    found = weights(alphas(f[None], edges.diff()[None], sharpness))[0]
    phi = torch.sigmoid(sharpness * f)
    assert torch.allclose(found, -phi.diff() / phi[0], atol=1e-9)
    even = torch.linspace(0, 1.4, 1402).double()
    middles = (even[1:] + even[:-1]) / 2
    weight = weights(alphas(cosine * (surface - even)[None], even.diff()[None], sharpness))[0]
    assert float(middles[weight.argmax()]) == pytest.approx(surface, abs=0.0011)


def test_what_passes_by_is_stopped_as_its_least_distance_says_however_the_ray_is_cut():
    """1 - Φ(f_least) / Φ(f₀): few sections and many stop the same where one of them begins at the least."""
    for edges in (torch.linspace(-1, 1, 5), torch.linspace(-1, 1, 401)):
        f = (0.5**2 + edges.double().square()).sqrt()[None] - 0.45
        stopped = weights(alphas(f, edges.double().diff()[None], 30.0)).sum()
        phi = torch.sigmoid(30.0 * f)
        assert float(stopped) == pytest.approx(float(1 - phi.min() / phi[0, 0]), abs=1e-9)


def test_of_two_walls_the_first_is_seen():
    rays = rays_at(torch.zeros(1).double())

    def walls(points: Tensor, directions: Tensor) -> Medium:
        distance = (points[:, 2] - 0.5).abs().minimum((points[:, 2] + 0.5).abs()) - 0.1
        first = (points[:, 2:] > 0).to(points)
        nearer = torch.where(points[:, 2] > 0, points[:, 2] - 0.5, points[:, 2] + 0.5).sign()
        gradient = torch.stack([0 * nearer, 0 * nearer, nearer], dim=-1)
        return Medium(distance, gradient, first.expand(-1, 3))

    seen = render(rays, evenly(rays, 2000), walls, 400.0)
    assert float(seen.opacity) == pytest.approx(1, abs=1e-6)
    assert float(seen.colours[0, 0]) == pytest.approx(1, abs=1e-6)
    assert float(seen.depth) == pytest.approx(3 - 0.6, abs=2e-3)


def test_the_depth_of_a_sphere_becomes_that_of_its_hit():
    aside = torch.tensor([0.0, 0.2, 0.4]).double()
    rays = rays_at(aside)
    hit = 3 - (RADIUS**2 - aside.square()).sqrt()
    off = []
    for sharpness in (20.0, 80.0, 320.0, 1280.0):
        seen = render(rays, evenly(rays, 4000), ball_medium, sharpness)
        off.append(float((seen.depth - hit).abs().max()))
    assert off == sorted(off, reverse=True)
    assert off[-1] < 1e-3
    there = rays.at(hit) / RADIUS
    assert torch.allclose(seen.normals, there, atol=0.01)
    assert torch.allclose(seen.colours, (there + 1) / 2, atol=0.01)


@pytest.mark.parametrize("number", [0, 1])
def test_few_sections_in_the_right_places_show_what_many_do(number):
    rays = rays_at(torch.linspace(0, 0.9, 40))
    sampler = both_samplers()[number]
    for sharpness in (60.0, 250.0):
        exact = render(rays, evenly(rays, 3000), ball_medium, sharpness)
        seen = render(rays, sampler(ball, Span.of(rays), sharpness), ball_medium, sharpness)
        assert float((seen.opacity - exact.opacity).abs().max()) < 0.03
        sees = exact.opacity > 0.5
        assert float((seen.depth - exact.depth)[sees].abs().max()) < 0.01
        assert float((seen.colours - exact.colours).abs().max()) < 0.04


def test_around_the_surface_the_field_is_asked_a_small_part_as_often():
    rays = rays_at(torch.linspace(0, 0.9, 500))
    asked = []
    for sampler in (Hierarchical(), AroundSurface()):
        counted, sections = Counted(ball), 0
        for seed in range(25):
            found = sampler(counted, Span.of(rays), 100.0, torch.Generator().manual_seed(seed))
            sections += found.edges.numel()
        asked.append((counted.points + sections) / (25 * len(rays.origins)))
    plain, few = asked
    assert plain == 64 + 3 * 16 + 128
    assert few < plain / 8


@pytest.mark.parametrize("number", [0, 1])
def test_sections_are_in_order_within_the_sphere_and_the_same_for_the_same_chance(number):
    rays = rays_at(torch.tensor([0.0, 0.3, 0.99, 1.5]))
    span = Span.of(rays)
    made = [both_samplers()[number](ball, span, 50.0, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(made[0].edges, made[1].edges)
    assert (made[0].edges.diff(dim=1) >= 0).all()
    assert (made[0].edges >= 0).all()
    assert (made[0].edges <= span.length[:, None] + 1e-6).all()
    past = render(rays, made[0], ball_medium, 50.0)
    assert float(past.opacity[3]) == 0


def test_a_grid_is_made_anew_when_it_has_served():
    rays = rays_at(torch.linspace(0, 0.9, 10))
    sampler = AroundSurface(AroundSurfaceSettings(uses=2, resolution=8))
    counted = Counted(ball)
    for made in (1, 1, 2, 2, 3):
        sampler(counted, Span.of(rays), 50.0)
        assert counted.points == made * 8**3


def test_places_are_drawn_as_dense_as_weights_say():
    edges = torch.tensor([[0.0, 1.0, 2.0, 4.0]])
    places = drawn(edges, torch.tensor([[1.0, 0.0, 3.0]]), 400)
    assert (places.diff(dim=1) >= 0).all()
    assert float((places < 1).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float((places > 2).float().mean()) == pytest.approx(0.75, abs=0.01)
    assert float(places[places > 2].mean()) == pytest.approx(3, abs=0.02)


def test_a_surface_turned_away_counts_as_half_when_both_sides_do():
    slope = torch.tensor([[-1.0, 0.0, 1.0]])
    assert torch.equal(falling(slope, 1.0), torch.tensor([[-1.0, 0.0, 0.0]]))
    assert torch.equal(falling(slope, 0.0), torch.tensor([[-1.0, -0.5, 0.0]]))


def test_pictures_move_with_field_sharpness_and_rays():
    """Gradients by the radius, by the sharpness and by where the rays begin are those of finite differences."""
    radius = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    sharpness = torch.tensor(40.0, dtype=torch.float64, requires_grad=True)
    moved = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    base = rays_at(torch.tensor([0.1, 0.3, 0.55]).double())

    def loss(radius: Tensor, sharpness: Tensor, moved: Tensor) -> Tensor:
        def medium(points: Tensor, directions: Tensor) -> Medium:
            normals = normalize(points, dim=-1)
            return Medium(points.norm(dim=-1) - radius, normals, torch.sigmoid(4 * points))

        rays = Rays(base.origins + moved, base.directions)
        seen = render(rays, evenly(base, 3000), medium, sharpness)
        return (seen.colours * torch.tensor([1.0, 2.0, -1.0]).double()).sum() + seen.opacity.sum()

    found = torch.autograd.grad(loss(radius, sharpness, moved), (radius, sharpness, moved))
    values = [radius.detach(), sharpness.detach(), moved.detach()]
    for which, gradient in enumerate(found):
        for entry in range(values[which].numel()):
            step = torch.zeros_like(values[which]).reshape(-1)
            step[entry] = 1e-5
            step = step.reshape(values[which].shape)
            there = [
                loss(*(v + sign * step if i == which else v for i, v in enumerate(values))).item() for sign in (1, -1)
            ]
            assert float(gradient.reshape(-1)[entry]) == pytest.approx((there[0] - there[1]) / 2e-5, rel=1e-3, abs=1e-5)
