import numpy as np
import pytest

from headfield.studio.cloth import clothe
from headfield.studio.look import PATTERNS, Cloth
from headfield.surface import Mesh

BLACK, WHITE = (0.05, 0.05, 0.05), (0.9, 0.9, 0.9)


@pytest.fixture
def tube():
    """An open cylinder about the y-axis, one unit high."""
    angle, y = (g.ravel() for g in np.meshgrid(np.linspace(-np.pi, np.pi, 25)[:-1], np.linspace(-0.5, 0.5, 9)))
    vertices = np.stack([0.45 * np.sin(angle), y, 0.45 * np.cos(angle)], axis=1)
    a = (np.arange(8)[:, None] * 24 + np.arange(24)).ravel()
    b = (np.arange(8)[:, None] * 24 + (np.arange(24) + 1) % 24).ravel()
    return Mesh(vertices, np.concatenate([np.stack([a, b, a + 24], 1), np.stack([b, b + 24, a + 24], 1)]))


def test_left_and_right_mirror_each_other_without_a_seam(tube, rng):
    dressed = clothe(tube, Cloth("checks", (BLACK, WHITE), 20.0), rng, 128)
    mirrored = np.round(tube.vertices * [-1, 1, 1], 9)
    order = [np.flatnonzero((np.round(tube.vertices, 9) == row).all(axis=1))[0] for row in mirrored]
    np.testing.assert_allclose(dressed.uv, dressed.uv[order], atol=1e-9)
    assert 0 <= dressed.uv.min() <= dressed.uv.max() <= 1
    across = np.abs(np.diff(dressed.uv[tube.faces][:, :, 0], axis=1))
    assert across.max() < 0.2


def test_stripes_repeat_at_their_scale(tube, rng):
    scale = 25.0
    texture = clothe(tube, Cloth("stripes", (BLACK, WHITE), scale), rng, 512).texture
    down = texture.mean(axis=(1, 2)) - texture.mean()
    spectrum = np.abs(np.fft.rfft(down))
    assert np.argmax(spectrum) == pytest.approx(200 / scale, abs=0.6)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_keeps_to_its_colours(tube, rng, pattern):
    texture = clothe(tube, Cloth(pattern, (BLACK, WHITE), 20.0), rng, 128).texture
    assert texture.dtype == np.uint8
    assert texture.min() > 3
    assert (np.ptp(texture.astype(int), axis=2) < 12).all()
    assert (texture.mean() < 60) == (pattern in ("plain", "two-tone"))


def test_the_same_seed_weaves_the_same_cloth(tube):
    cloth = Cloth("melange", (BLACK, WHITE), 5.0)
    one, same = (clothe(tube, cloth, np.random.default_rng(1), 64).texture for _ in range(2))
    np.testing.assert_array_equal(one, same)
