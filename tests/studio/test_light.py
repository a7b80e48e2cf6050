import numpy as np
import pytest

from headfield.studio.light import LUMINANCE, SETTINGS, Light, harmonics, project, sample_light
from headfield.surface import unit


def directions(rng, n=500):
    return unit(rng.normal(size=(n, 3)))


def test_the_harmonics_are_orthonormal():
    rng = np.random.default_rng(0)
    y = np.linspace(-1, 1, 401)[:-1] + 1 / 400
    angle = np.arange(64) * 2 * np.pi / 64
    height, turn = (g.ravel() for g in np.meshgrid(y, angle))
    ring = np.sqrt(1 - height**2)
    basis = harmonics(np.stack([ring * np.cos(turn), height, ring * np.sin(turn)], axis=1))
    np.testing.assert_allclose(basis.T @ basis * (4 * np.pi / len(basis)), np.eye(9), atol=1e-4)
    assert harmonics(directions(rng).reshape(5, 100, 3)).shape == (5, 100, 9)


def test_a_constant_environment_gives_pi_times_its_colour_everywhere(rng):
    colour = np.array([0.2, 0.5, 0.9])
    light = Light("even", project(lambda d: np.broadcast_to(colour, d.shape)))
    np.testing.assert_allclose(light.irradiance(directions(rng)), np.tile(np.pi * colour, (500, 1)), rtol=1e-3)


def test_a_linear_environment_keeps_two_thirds(rng):
    light = Light("gradient", project(lambda d: np.tile(1 + 0.8 * d[:, 1:2], 3)))
    normals = directions(rng)
    expected = np.pi * (1 + 2 / 3 * 0.8 * normals[:, 1])
    np.testing.assert_allclose(light.irradiance(normals)[:, 0], expected, rtol=2e-3)


def test_a_quadratic_environment_keeps_a_quarter_of_its_second_order(rng):
    light = Light("bands", project(lambda d: np.tile(1 + 0.5 * (3 * d[:, 2:] ** 2 - 1), 3)))
    normals = directions(rng)
    expected = np.pi * (1 + 0.25 * 0.5 * (3 * normals[:, 2] ** 2 - 1))
    np.testing.assert_allclose(light.irradiance(normals)[:, 0], expected, rtol=2e-3)


def test_scaling_scales_everything(rng):
    light = sample_light(rng)
    gains = np.array([0.5, 1.0, 2.0])
    brighter = light.scaled(gains)
    normals = directions(rng)
    np.testing.assert_allclose(brighter.irradiance(normals), light.irradiance(normals) * gains, rtol=1e-4)
    for one, other in zip(light.lamps, brighter.lamps, strict=True):
        np.testing.assert_allclose(other.colour, one.colour * gains, rtol=1e-5)


@pytest.fixture(scope="module")
def lights():
    return [sample_light(np.random.default_rng(seed)) for seed in range(200)]


def test_sampled_lights_cover_every_setting_and_number_of_lamps(lights):
    assert {light.setting for light in lights} == set(SETTINGS)
    assert {len(light.lamps) for light in lights} == {0, 1, 2}


def test_sampled_lights_are_never_black_on_any_side(lights):
    normals = directions(np.random.default_rng(1))
    for light in lights:
        assert light.irradiance(normals).min() > 0.05


def test_a_face_appears_about_as_bright_as_its_albedo(lights):
    forward = np.array([0.0, 0.0, 1.0])
    seen = []
    for light in lights:
        lamps = sum(max(float(lamp.direction @ forward), 0) * lamp.colour for lamp in light.lamps)
        seen.append((light.irradiance(forward) + lamps) / np.pi)
    brightness = np.array(seen) @ LUMINANCE
    assert np.abs(np.log(brightness)).max() < 1
    assert abs(np.log(brightness).mean()) < 0.3
    balance = np.array(seen) / brightness[:, None]
    assert 0.5 < balance.min() < balance.max() < 1.7


def test_lamps_are_unit_directions(lights):
    for light in lights:
        for lamp in light.lamps:
            assert np.linalg.norm(lamp.direction) == pytest.approx(1, abs=1e-6)
            assert lamp.colour.min() > 0


def test_the_same_seed_gives_the_same_light():
    one, other = (sample_light(np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.ambient, other.ambient)
