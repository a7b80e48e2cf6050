import numpy as np

from headfield.studio.canvas import stretch
from headfield.surface import Mesh


def bent_sheet(cells=6):
    """A quarter of a cylinder whose atlas covers [0.1, 0.9] x [0.2, 0.7]: x = cos, z = sin of the angle, y upwards."""
    s, t = (g.ravel() for g in np.meshgrid(np.linspace(0, 1, cells + 1), np.linspace(0, 1, cells + 1)))
    vertices = np.stack([np.cos(s), t, np.sin(s)], axis=1)
    a = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).ravel()
    b, c, d = a + 1, a + cells + 1, a + cells + 2
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return Mesh(vertices, faces, uv=np.stack([0.1 + 0.8 * s, 0.2 + 0.5 * t], axis=1))


def test_texels_know_their_place_on_the_surface():
    canvas = stretch(bent_sheet(), 64)
    row, column = np.divmod(canvas.texels, 64)
    u, v = (column + 0.5) / 64, 1 - (row + 0.5) / 64
    np.testing.assert_allclose(canvas.positions[:, 1], (v - 0.2) / 0.5, atol=1e-6)
    angle = (u - 0.1) / 0.8
    np.testing.assert_allclose(canvas.positions[:, 0], np.cos(angle), atol=0.01)
    np.testing.assert_allclose(canvas.positions[:, 2], np.sin(angle), atol=0.01)
    np.testing.assert_allclose(np.linalg.norm(canvas.normals, axis=1), 1, atol=1e-5)


def test_every_texel_inside_the_atlas_is_found_once():
    canvas = stretch(bent_sheet(), 64)
    assert len(np.unique(canvas.texels)) == len(canvas.texels)
    centres = (np.arange(64) + 0.5) / 64
    inside = np.sum((centres > 0.1) & (centres < 0.9)) * np.sum((centres > 0.2) & (centres < 0.7))
    assert len(canvas.texels) == inside


def test_what_is_known_at_the_vertices_is_interpolated():
    surface = bent_sheet()
    canvas = stretch(surface, 32)
    values = canvas.of_vertices(surface.vertices.astype(np.float32), surface)
    np.testing.assert_allclose(values, canvas.positions, atol=1e-6)


def test_texels_off_the_surface_take_the_nearest_colour(rng):
    canvas = stretch(bent_sheet(), 32)
    colours = rng.integers(0, 256, size=(len(canvas.texels), 3)).astype(np.uint8)
    texture = canvas.texture(colours)
    np.testing.assert_array_equal(texture.reshape(-1, 3)[canvas.texels], colours)
    first_column = int(np.ceil(0.1 * 32 - 0.5))
    row = 16
    np.testing.assert_array_equal(texture[row, :first_column], np.tile(texture[row, first_column], (first_column, 1)))


def test_faces_without_area_in_the_atlas_paint_nothing():
    surface = bent_sheet()
    flat = Mesh(surface.vertices, surface.faces, uv=np.full((len(surface.vertices), 2), 0.5))
    square = Mesh(
        np.concatenate([surface.vertices, flat.vertices]),
        np.concatenate([surface.faces, flat.faces + len(surface.vertices)]),
        uv=np.concatenate([surface.uv, flat.uv]),
    )
    np.testing.assert_array_equal(stretch(square, 32).texels, stretch(surface, 32).texels)
