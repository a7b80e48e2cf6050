import numpy as np
import pytest

from headfield.studio.shells import between_sides, eased, joined
from headfield.studio.sweeps import plate, tube
from headfield.surface import Mesh

from .closed import assert_closed


def volume(mesh):
    a, b, c = np.moveaxis(mesh.corners, 1, 0)
    return np.einsum("ni,ni->n", a, np.cross(b, c)).sum() / 6


def circle(n):
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([np.cos(angle), 0 * angle, np.sin(angle)], axis=1)


@pytest.mark.parametrize("turn", [1, -1])
def test_a_tube_around_a_circle_is_a_torus(turn):
    line = circle(200)[::turn]
    torus = tube(line, np.full(200, 0.1), np.full(200, 0.1), loop=True, around=60)
    assert_closed(torus)
    np.testing.assert_allclose(volume(torus), 2 * np.pi**2 * 0.1**2, rtol=0.01)


def test_a_tube_along_a_line_is_a_rod():
    line = np.stack([np.linspace(0, 2, 9), np.zeros(9), np.zeros(9)], axis=1)
    rod = tube(line, np.full(9, 0.1), np.full(9, 0.2), around=80)
    assert_closed(rod)
    np.testing.assert_allclose(volume(rod), np.pi * 0.1 * 0.2 * 2, rtol=0.01)


def test_a_plate_has_the_volume_of_its_area_times_its_thickness():
    x, z = np.meshgrid(np.linspace(0, 1, 20), np.linspace(0, 2, 30), indexing="ij")
    solid = plate(np.stack([x, 0 * x, z], axis=-1), 0.05)
    assert_closed(solid)
    np.testing.assert_allclose(volume(solid), 0.1, rtol=1e-6)


def test_a_layer_fills_what_is_between_its_sides_even_where_its_border_touches_few_faces():
    sheet = Mesh.of(np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float), np.array([[0, 1, 2], [0, 2, 3]]))
    up = np.array([0, 0, 0.25])
    shade = np.arange(4.0)
    layer = between_sides(sheet, sheet.vertices + up, sheet.vertices - up, {"shade": shade})
    assert_closed(layer)
    np.testing.assert_allclose(volume(layer), 0.5)
    np.testing.assert_array_equal(layer.attributes["shade"], np.tile(shade, 2))
    two = joined(layer, Mesh(layer.vertices + 3, layer.faces))
    assert_closed(two)
    assert not two.attributes
    np.testing.assert_allclose(volume(two), 1)


def test_eased_goes_from_nothing_to_all():
    np.testing.assert_allclose(eased(np.array([-1.0, 0, 0.5, 1, 2])), [0, 0, 0.5, 1, 1])
