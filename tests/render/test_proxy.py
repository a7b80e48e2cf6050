from __future__ import annotations

import pytest
import torch

from headfield.cameras import Camera, Rays
from headfield.errors import InputError
from headfield.render.proxy import Proxy, ProxySettings
from headfield.render.queries import Counted
from headfield.render.views import all_pixels, pixel_rays

from .solids import bust, rays_from_around, sphere, true_hits

COARSE = ProxySettings(resolution=48, uses=5)


def test_a_proxy_in_use_costs_a_tenth_of_sampling():
    rays = rays_from_around(3000)
    proxy = Proxy()
    proxy(bust, rays)
    counted = Counted(bust)
    proxy(counted, rays_from_around(3000, seed=1))
    assert counted.points < 10 * 3000


def test_a_mesh_serves_so_many_calls():
    proxy = Proxy(COARSE)
    rays = rays_from_around(100)
    made = []
    for _ in range(11):
        made.append(proxy.is_stale)
        proxy(sphere(), rays)
    assert made == [True] + ([False] * 4 + [True]) * 2


def test_hits_follow_a_surface_that_moves_within_the_margin():
    rays = rays_from_around(1000)
    proxy = Proxy(ProxySettings(resolution=96))
    proxy(bust, rays)
    moved = lambda x: bust(x - x.new_tensor([0.004, -0.004, 0.003]))  # noqa: E731
    expected, margin = true_hits(moved, rays)
    counted = Counted(moved)
    hits = proxy(counted, rays)
    assert counted.points < 10 * 1000
    expects = torch.isfinite(expected)
    certain = torch.where(expects, margin > 0.03, margin > 2e-3)
    assert torch.equal(hits.hit[certain], expects[certain])
    assert (hits.distance - expected)[certain & expects].abs().max() < 5e-4


def test_a_surface_that_moved_too_far_makes_it_stale_and_is_found_nonetheless():
    rays = rays_from_around(1000)
    proxy = Proxy(COARSE)
    proxy(sphere(0.5), rays)
    assert not proxy.is_stale
    expected, _ = true_hits(sphere(0.47), rays)
    hits = proxy(sphere(0.47), rays)
    assert torch.equal(hits.hit, expected.isfinite())
    assert (hits.distance - expected)[hits.hit].abs().max() < 5e-4
    assert proxy.is_stale


def test_a_surface_that_stays_does_not_make_it_stale():
    proxy = Proxy(ProxySettings(resolution=48))
    for seed in range(5):
        proxy(bust, rays_from_around(500, seed))
        assert not proxy.is_stale


def test_without_a_surface_the_sentence_says_so():
    with pytest.raises(InputError, match="there is no surface within 1 of the origin"):
        Proxy(COARSE)(sphere(-1.0), rays_from_around(10))


def test_the_thin_edge_of_an_ear_has_no_gaps():
    # From the side that parallel samples lose it: a field that is flat there, and an edge thinner than their spacing.
    camera = Camera.look_at(
        torch.tensor([1.5, 0.6, 4.0]), torch.tensor([0.45, 0.1, 0]), focal=450.0, width=32, height=32
    )
    rays = pixel_rays(camera, all_pixels(camera))
    expected, margin = true_hits(bust, rays)
    hits = Proxy()(bust, rays)
    wrong = hits.hit != expected.isfinite()
    assert wrong.float().mean() < 0.002
    assert not wrong[margin > 0.01].any()
    assert (hits.distance - expected)[hits.hit & ~wrong].abs().max() < 5e-4


def test_rays_that_begin_inside_say_nothing_about_the_mesh():
    ground = lambda x: x[..., 1] + 0.3 + 0.02 * torch.cos(3 * x[..., 0])  # noqa: E731
    proxy = Proxy(COARSE)
    proxy(ground, rays_from_around(200))
    origins = torch.stack([torch.linspace(-0.3, 0.3, 100), torch.full((100,), -3.0), torch.zeros(100)], dim=-1)
    counted = Counted(ground)
    hits = proxy(counted, Rays(origins, torch.tensor([[0.0, 1, 0]]).expand(100, 3)))
    assert not hits.hit.any()
    assert counted.points == 100
    assert not proxy.is_stale


def test_a_mesh_that_serves_never_is_one_sentence():
    with pytest.raises(InputError, match="serves 0 times serves never"):
        ProxySettings(uses=0)
