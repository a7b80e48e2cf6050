"""Phone photos differ from the light they show, but only as photos do; backgrounds are pictures of light."""

from __future__ import annotations

import numpy as np
import pytest

from headfield.studio.backgrounds import BACKGROUNDS, sample_background
from headfield.studio.phone import phone_photo
from headfield.studio.photograph import Plate, expose
from headfield.studio.sitter import Sitter
from headfield.studio.tone import decode, encode, shoulder, to_light, to_pixels

from ..shapes import bumpy
from .scenes import camera, figure, lamp, uniform


@pytest.fixture(scope="module")
def plate() -> Plate:
    light = uniform(0.4, lamp((1.0, 1.0, 1.0), irradiance=1.5))
    return expose(Sitter.of(figure(bumpy())).lit(light), camera(pixels=96, size=1.8))


def test_a_photo_shows_the_subject_where_it_is(plate):
    wall = np.array([0.05, 0.1, 0.3], np.float32)
    true = encode(shoulder(plate.over(wall)))
    for seed in range(8):
        view = phone_photo(plate, wall, np.random.default_rng(seed))
        likeness = np.corrcoef(view.image[..., 0].ravel(), true[..., 0].ravel())[0, 1]
        assert likeness > 0.9
        assert np.array_equal(view.mask, plate.mask)
        assert view.depth is plate.depth


def test_photos_of_one_subject_differ_in_brightness_colour_and_noise(plate):
    wall = np.array([0.2, 0.2, 0.2], np.float32)
    images = [phone_photo(plate, wall, np.random.default_rng(seed)).image.astype(float) for seed in range(12)]
    means = np.array([image.mean(axis=(0, 1)) for image in images])
    assert np.std(means.mean(axis=1)) > 8
    assert np.std(means[:, 0] - means[:, 2]) > 4
    corners = [image[:12, :12].mean(axis=2) for image in images]
    noise = np.array([np.std(corner - corner.mean()) for corner in corners])
    assert noise.max() > 2 * noise.min()


def test_the_same_seed_takes_the_same_photo(plate):
    wall = np.zeros(3, np.float32)
    one, other = (phone_photo(plate, wall, np.random.default_rng(5)).image for _ in range(2))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("kind", BACKGROUNDS)
def test_backgrounds_are_finite_light(kind, rng):
    for _ in range(10):
        drawn = kind(rng, 48, 64)
        assert drawn.shape == (48, 64, 3)
        assert np.isfinite(drawn).all()
        assert drawn.min() >= 0


def test_a_background_looks_the_same_at_any_size():
    small, large = (sample_background(np.random.default_rng(9), size, 2 * size) for size in (64, 256))
    assert small.shape == (64, 128, 3)
    shrunk = large.reshape(64, 4, 128, 4, 3).mean(axis=(1, 3))
    assert np.abs(shrunk - small).mean() < 0.02


def test_backgrounds_differ():
    means = np.array([sample_background(np.random.default_rng(seed), 32, 32).mean() for seed in range(40)])
    assert means.std() > 0.1


def test_the_tone_curve_keeps_dark_tones_and_never_burns_out():
    pixels = np.arange(0, 180, dtype=np.uint8)
    assert np.array_equal(to_pixels(to_light(pixels)), pixels)
    light = np.linspace(0, 50, 5001, dtype=np.float32)
    shown = shoulder(light)
    assert np.all(np.diff(shown) >= 0)
    assert shown.max() < 1
    assert np.all(np.diff(shown[:100]) > 0)


def test_srgb_there_and_back_is_the_identity():
    values = np.linspace(0, 1, 1001)
    assert np.allclose(encode(decode(values)), values, atol=1e-6)
    assert decode(np.array([0.0, 1.0])) == pytest.approx([0, 1])
    assert decode(np.array([0.5]))[0] == pytest.approx(0.21404, abs=1e-5)
