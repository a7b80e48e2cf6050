from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from headfield.render.cached_samples import CachedSamples, CacheSettings
from headfield.render.parallel_samples import ParallelSamples
from headfield.render.queries import Counted
from headfield.render.span import Span

from .solids import SOLIDS, rays_from_around, sphere

RAYS = rays_from_around(1000)
UNCACHED = ParallelSamples()


def stale(value: float) -> torch.Tensor:
    return torch.full((64, 64, 64), value)


@pytest.mark.parametrize("solid", ["sphere", "plane-cut", "plate"])
def test_cached_hits_equal_uncached_hits(solid):
    """Of a true distance, what is believed has the right sign; what a hit rests on is asked anyway."""
    find, sdf = CachedSamples(), SOLIDS[solid]
    expected = UNCACHED(sdf, RAYS)
    for _ in range(4):
        assert torch.equal(find(sdf, RAYS).distance, expected.distance)


def test_what_is_remembered_need_not_be_asked_again():
    find, counts = CachedSamples(replace(CacheSettings(), forcing=0.0)), []
    for _ in range(2):
        counted = Counted(sphere(0.3))
        find(counted, RAYS)
        counts.append(counted.points)
    assert counts[0] == 75 * Span.of(RAYS).meets.sum() + 27 * find(sphere(0.3), RAYS).hit.sum()
    assert counts[1] < 0.4 * counts[0]


def test_some_is_asked_all_the_same():
    find, counts = CachedSamples(), []
    for _ in range(2):
        counted = Counted(sphere(0.3))
        find(counted, RAYS)
        counts.append(counted.points)
    samples = 75 * int(Span.of(RAYS).meets.sum())
    assert 0.2 * samples < counts[1] < 0.6 * samples


def test_a_surface_is_not_hidden_for_long_by_what_was_seen_before():
    """All voxels say that nothing is near; random forcing finds the surface that has come since."""
    plate = SOLIDS["plate"]
    find, expected = CachedSamples(), UNCACHED(plate, RAYS)
    find.remember(stale(1.0))
    assert find(plate, RAYS).hit.sum() < expected.hit.sum()
    for _ in range(30):
        found = find(plate, RAYS)
    assert torch.equal(found.hit, expected.hit)
    assert torch.equal(found.distance, expected.distance)


def test_without_forcing_it_would_stay_hidden():
    find = CachedSamples(replace(CacheSettings(), forcing=0.0))
    find.remember(stale(1.0))
    for _ in range(15):
        assert not find(sphere(), RAYS).hit.any()


def test_a_surface_that_moves_a_little_from_call_to_call_is_never_lost():
    find = CachedSamples()
    for radius in torch.linspace(0.5, 0.7, 21).tolist():
        found, expected = find(sphere(radius), RAYS), UNCACHED(sphere(radius), RAYS)
        missed = (expected.hit & ~found.hit).sum() / expected.hit.sum()
        assert missed < 0.01
        both = expected.hit & found.hit
        assert ((found.distance - expected.distance)[both].abs() < 1e-4).float().mean() > 0.99


def test_no_hit_is_found_where_there_is_no_surface_any_more():
    """Remembered insides are believed in no hit: both its ends are asked."""
    find = CachedSamples(replace(CacheSettings(), forcing=0.0))
    inside = stale(1.0)
    inside[20:44, 20:44, 20:44] = -1.0
    find.remember(inside)
    away = find(lambda x: x.norm(dim=-1) + 1, RAYS)
    assert not away.hit.any()


def test_a_voxel_remembers_what_was_nearest_to_the_surface():
    find = CachedSamples()
    points = torch.tensor([[0.51, 0.51, 0.51], [0.515, 0.51, 0.51], [-0.51, 0.51, 0.51], [-0.515, 0.51, 0.51]])
    find._remember(points, torch.tensor([0.3, 0.2, -0.4, 0.1]))
    remembered = find._memory(points)[find._voxel(points)]
    assert remembered.tolist() == pytest.approx([0.2, 0.2, 0, 0])
    assert find._values.isnan().sum() == 64**3 - 2


def test_the_same_calls_find_the_same():
    def calls(seed: int) -> list[torch.Tensor]:
        find = CachedSamples(seed=seed)
        find.remember(stale(1.0))
        return [find(sphere(), RAYS).distance for _ in range(3)]

    for one, again in zip(calls(1), calls(1), strict=True):
        assert torch.equal(one, again)
    assert any(not torch.equal(one, other) for one, other in zip(calls(1), calls(2), strict=True))


@pytest.mark.parametrize("wrong", [{"voxels": 0}, {"uniform": 1}, {"refined": 0}, {"forcing": 1.5}])
def test_settings_that_cannot_be(wrong):
    with pytest.raises(ValueError, match="a cache has voxels"):
        CacheSettings(**wrong)


def test_memories_of_another_size_are_a_mistake():
    with pytest.raises(ValueError, match="there are 64 voxels a side"):
        CachedSamples().remember(torch.zeros(4, 4, 4))
