from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from headfield.errors import InputError
from headfield.fields import weights
from headfield.photo import normals
from headfield.photo.normal_network import NormalNetwork
from headfield.photo.normals import EstimatorSettings, NormalEstimator, Region, head_region, with_estimated
from headfield.rigs import around, on_sphere, orbit

from ..data.subjects import sphere_view
from .test_normal_network import TINY, tiny

PLAIN = EstimatorSettings(pixels=64, mirrored=False, looks=1)


class Facing(NormalNetwork):
    """Takes what is bright for the person, and says that all of it faces the middle of the region."""

    def __init__(self):
        nn.Module.__init__(self)
        self.settings = TINY
        self.nothing = nn.Parameter(torch.zeros(()))
        self.seen: list[torch.Tensor] = []

    def forward(self, pictures, guides=None):
        self.seen.append(pictures)
        there = torch.tensor([0.0, 0.0, -1.0])[:, None, None].expand(len(pictures), 3, *pictures.shape[2:])
        return there, 40 * (pictures.mean(dim=1) - 0.75)


def facing(settings: EstimatorSettings = PLAIN) -> NormalEstimator:
    return NormalEstimator(Facing(), settings)


def bright(height: int, width: int, rows: slice, columns: slice) -> np.ndarray:
    image = np.full((height, width, 3), 60, np.uint8)
    image[rows, columns] = 255
    return image


def test_the_mask_lies_where_the_person_was_in_the_picture():
    image = bright(120, 200, slice(30, 80), slice(50, 150))
    found, mask = facing(replace(PLAIN, pixels=128)).estimate(image)
    assert mask.shape == (120, 200)
    assert mask.dtype == np.uint8
    assert found.dtype == np.float32
    inner = np.zeros((120, 200), bool)
    inner[34:76, 54:146] = True
    outer = np.ones((120, 200), bool)
    outer[26:84, 46:154] = False
    assert (mask[inner] > 200).all()
    assert (mask[outer] < 50).all()


def test_there_are_unit_normals_in_the_mask_and_none_outside():
    found, mask = facing().estimate(bright(90, 90, slice(20, 70), slice(0, 60)))
    lengths = np.linalg.norm(found, axis=-1)
    assert np.allclose(lengths[mask >= 128], 1, atol=1e-5)
    assert (lengths[mask < 128] == 0).all()


def test_with_a_camera_normals_are_turned_from_the_regions_frame_into_the_cameras():
    camera = around(orbit(1), distance=4.0, size=3.0, pixels=96)[0].to(dtype=torch.float64)
    region = Region(60, 10, 30)
    found, mask = facing().estimate(np.full((96, 96, 3), 255, np.uint8), region, camera)
    ray = camera.rays(torch.tensor([region.centre], dtype=torch.float64)).directions @ camera.rotation.T
    assert np.allclose(found[mask >= 128], -ray.numpy(), atol=1e-5)
    without, _ = facing().estimate(np.full((96, 96, 3), 255, np.uint8), region)
    assert np.allclose(without[mask >= 128], [0, 0, -1], atol=1e-6)


def test_beyond_the_region_there_is_nobody():
    _, mask = facing().estimate(np.full((80, 80, 3), 255, np.uint8), Region(-20, 30, 60))
    assert (mask[34:74, :36] > 200).all()
    assert (mask[:30] == 0).all()
    assert (mask[:, 40:] == 0).all()


def test_the_second_look_is_at_the_person_alone():
    image = bright(256, 256, slice(100, 132), slice(180, 212))
    estimator = facing(replace(PLAIN, looks=2, margin=0.25))
    _, mask = estimator.estimate(image)
    first, second = estimator.network.seen
    assert first.shape == second.shape
    assert (first.mean(dim=1) > 0.75).float().mean() == pytest.approx(1 / 64, rel=0.2)
    assert (second.mean(dim=1) > 0.75).float().mean() == pytest.approx(1 / 1.5**2, rel=0.2)
    assert (mask > 127).sum() == pytest.approx(32**2, rel=0.1)


def test_of_two_people_the_larger_one_counts():
    image = bright(128, 128, slice(20, 100), slice(10, 60)) + bright(128, 128, slice(90, 110), slice(90, 110)) - 60
    _, mask = facing().estimate(image)
    assert mask[60, 30] > 200
    assert mask[100, 100] == 0


def test_a_mirrored_picture_gets_mirrored_normals():
    estimator = NormalEstimator(tiny(), EstimatorSettings(pixels=64, looks=1))
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    it = estimator.look(image)
    mirrored = estimator.look(np.ascontiguousarray(image[:, ::-1]))
    assert np.allclose(mirrored.normals[:, ::-1] * [-1, 1, 1], it.normals, atol=1e-3)


@pytest.mark.parametrize("azimuth", [0.0, 70.0])
def test_the_region_of_the_head_just_holds_the_unit_sphere(azimuth):
    eye = on_sphere(torch.tensor([azimuth], dtype=torch.float64), torch.tensor([10.0], dtype=torch.float64))
    camera = around(eye, distance=5.0, size=4.0, pixels=200)[0]
    points = torch.nn.functional.normalize(torch.randn(4000, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    pixels, _ = camera.project(points.double())
    region = head_region(camera)
    low, high = pixels.amin(dim=0), pixels.amax(dim=0)
    assert torch.allclose(low, low.new_tensor([region.left, region.top]), atol=2)
    assert torch.allclose(high, high.new_tensor([region.left, region.top]) + region.side, atol=2)


def test_a_camera_within_the_sphere_shows_the_head_all_over_the_picture():
    camera = around(orbit(1), distance=0.5, size=1.0, pixels=64)[0]
    assert head_region(camera) == Region(0, 0, 64)


def test_a_view_keeps_what_it_has_and_gets_what_it_lacks():
    whole = sphere_view("ball", around(orbit(1), distance=4.0, size=1.4, pixels=64)[0])
    assert with_estimated(whole, facing()) is whole
    bare = replace(whole, image=np.full_like(whole.image, 255), mask=None, normals=None)
    guessed = with_estimated(bare, facing())
    assert guessed.mask is not None
    assert (guessed.mask > 200).mean() > 0.9
    masked = with_estimated(replace(bare, mask=whole.mask), facing())
    assert masked.mask is whole.mask
    assert np.array_equal(np.abs(masked.normals).sum(axis=-1) > 0, whole.mask >= 128)
    assert with_estimated(replace(bare, normals=whole.normals), facing()).normals is whole.normals


def test_an_estimator_that_was_saved_sees_the_same(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    weights.save(tmp_path / "it.safetensors", {normals.PART: tiny()})
    again = NormalEstimator.load(tmp_path / "it.safetensors", PLAIN)
    expected = NormalEstimator(tiny(), PLAIN).estimate(image)
    assert all(np.array_equal(a, b) for a, b in zip(again.estimate(image), expected, strict=True))


def test_what_cannot_be_looked_at_is_said_in_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="4 x 100 pixels"):
        facing().estimate(np.zeros((100, 4, 3), np.uint8))
    with pytest.raises(InputError, match="outside of the picture"):
        facing().estimate(np.zeros((50, 50, 3), np.uint8), Region(60, 0, 20))
    monkeypatch.setattr(normals, "SHIPPED", tmp_path / "none.safetensors")
    with pytest.raises(InputError, match="without a network of normals"):
        NormalEstimator.load()


@pytest.mark.parametrize("change", [{"pixels": 4}, {"looks": 0}, {"margin": -0.1}])
def test_settings_that_cannot_be_are_refused(change):
    with pytest.raises(InputError, match="an estimator looks"):
        replace(PLAIN, **change)
