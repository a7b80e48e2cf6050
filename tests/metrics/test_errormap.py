from __future__ import annotations

import numpy as np

from headfield.mesh.pictures import sample_texture
from headfield.metrics.errormap import HEADER, PAPER, VIEW_PIXELS, ErrorMap, colours
from headfield.surface import Mesh

from ..shapes import bumpy, sphere

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def flat_map(mesh: Mesh, millimetres: float) -> ErrorMap:
    return ErrorMap(mesh, np.full(len(mesh.vertices), millimetres), limit=5.0, caption="a map")


def panels(sheet: np.ndarray) -> list[np.ndarray]:
    """The four views, without the words at their tops."""
    return [sheet[HEADER + 30 :, i * VIEW_PIXELS : (i + 1) * VIEW_PIXELS] for i in range(4)]


def drawn(panel: np.ndarray) -> np.ndarray:
    return (panel != PAPER).any(axis=-1)


def test_greater_distances_are_brighter():
    brightness = (colours(np.linspace(0, 1, 200)) / 255) ** 2.2 @ LUMINANCE
    assert (np.diff(brightness) >= -1e-3).all()
    assert brightness[-1] > 10 * brightness[0]


def test_beyond_the_scale_is_the_end_of_the_scale():
    np.testing.assert_array_equal(colours(np.array([-3.0, 9.0])), colours(np.array([0.0, 1.0])))


def test_the_models_texture_holds_each_vertexs_colour(rng):
    mesh = bumpy()
    millimetres = rng.uniform(0, 7, len(mesh.vertices))
    model = ErrorMap(mesh, millimetres, limit=5.0, caption="").model()
    n = len(mesh.vertices)
    seen = sample_texture(model.texture, model.uv[:n]).astype(int)
    assert np.abs(seen - colours(millimetres / 5.0)).max() <= 2
    np.testing.assert_allclose(model.attributes["distance_mm"][:n], millimetres, rtol=1e-6)


def test_the_model_carries_its_scale_beside_it():
    mesh = bumpy()
    model = flat_map(mesh, 1.0).model()
    board = model.vertices[len(mesh.vertices) :]
    assert (board[:, 0] > mesh.bounds[1, 0]).all()
    assert (model.attributes["distance_mm"][-len(board) :] == -1).all()
    facing = model.face_normals[len(mesh.faces) :]
    np.testing.assert_allclose(facing[:, 2], [1, 1, -1, -1], atol=1e-9)
    # Text reads from left to right on the side that is looked at.
    for corner, direction in ((0, 1), (4, -1)):
        assert np.sign(model.vertices[len(mesh.vertices) + corner + 1, 0] - board[corner, 0]) == direction


def test_the_sheet_shows_one_colour_for_one_distance():
    # Shading darkens a colour but keeps its hue.
    for panel in panels(flat_map(sphere(0.5), 5.0).sheet()):
        pixels = panel[drawn(panel)].astype(float)
        hue = pixels / pixels.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(hue, np.tile(hue.mean(axis=0), (len(hue), 1)), atol=0.02)
        assert pixels[:, 0].mean() > pixels[:, 2].mean()


def test_the_sheet_looks_from_four_sides():
    # Only the subject's left half (x > 0) is wrong: its left view is all bright, its right view all dark.
    mesh = bumpy(48)
    wrong = np.where(mesh.vertices[:, 0] > 0, 5.0, 0.0)
    front, left, back, right = panels(ErrorMap(mesh, wrong, limit=5.0, caption="").sheet())

    def yellow(panel: np.ndarray) -> np.ndarray:
        pixels = panel.astype(int)
        return drawn(panel) & (pixels[..., 0] > pixels[..., 2] + 60)

    assert yellow(left).sum() > 0.9 * drawn(left).sum()
    assert yellow(right).sum() < 0.1 * drawn(right).sum()
    middle = VIEW_PIXELS // 2
    assert yellow(front)[:, middle + 20 :].sum() > 10 * yellow(front)[:, : middle - 20].sum()
    assert yellow(back)[:, : middle - 20].sum() > 10 * yellow(back)[:, middle + 20 :].sum()
    # The nose points out of the front view, and to the picture's left seen from the subject's left.
    columns = np.flatnonzero(drawn(left).any(axis=0))
    assert middle - columns[0] > 0 < columns[-1] - middle
    nose_row = drawn(left)[:, : columns[0] + 10].any(axis=1).sum()
    assert nose_row < drawn(left)[:, columns[-1] - 10 :].any(axis=1).sum()


def test_whatever_the_size_the_view_is_filled():
    for radius in (1e-3, 1e3):
        panel = panels(flat_map(sphere(radius, centre=(5 * radius, 0, 0)), 1.0).sheet())[0]
        assert 0.4 < drawn(panel).mean() < 0.8
