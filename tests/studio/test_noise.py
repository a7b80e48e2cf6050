import numpy as np
import pytest

from headfield.studio.noise import Noise


@pytest.fixture
def points(rng):
    return rng.uniform(-1, 1, size=(20000, 3)).astype(np.float32)


def test_a_wave_has_no_mean_and_unit_variance(points, rng):
    field = Noise.sample(rng).wave(points, 0.05)
    assert abs(field.mean()) < 0.05
    assert field.std() == pytest.approx(1, abs=0.1)


def test_octaves_together_have_unit_variance(points, rng):
    assert Noise.sample(rng).fractal(points, 0.1, 4).std() == pytest.approx(1, abs=0.1)


def test_neighbours_agree_and_hills_are_a_wavelength_apart(points, rng):
    noise, wavelength = Noise.sample(rng), 0.04
    step = np.array([wavelength, 0, 0], np.float32)
    here = noise.wave(points, wavelength)

    def agreement(distance):
        return float(np.mean(here * noise.wave(points + distance * step, wavelength)) / here.var())

    assert agreement(0.05) > 0.9
    assert agreement(0.5) < 0
    assert abs(agreement(5.0)) < 0.1


def test_the_same_seed_gives_the_same_field_and_another_an_independent_one(points):
    one, same, other = (Noise.sample(np.random.default_rng(seed)).wave(points, 0.05) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05


def test_fields_of_different_wavelengths_are_independent(points, rng):
    noise = Noise.sample(rng)
    assert abs(np.corrcoef(noise.wave(points, 0.05), noise.wave(points, 0.025))[0, 1]) < 0.05
