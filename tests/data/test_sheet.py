from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headfield.capture import Capture, Scan, Subject
from headfield.data import sheet, splat
from headfield.data.sheet import contact_sheet, make_card
from headfield.data.store import Dataset, create_dataset, write_subject
from headfield.errors import InputError
from tests.data.subjects import RADIUS, sphere_scan, sphere_subject
from tests.shapes import sphere


def covered(picture):
    return (picture != splat.BACKGROUND).any(axis=-1)


@pytest.mark.parametrize("n", [3_000, 30_000, 500_000])
@pytest.mark.parametrize("look", [splat.FRONT, splat.SIDE])
def test_a_ball_of_points_looks_like_a_disc_without_holes(n, look, rng):
    pixels = 96
    picture = splat.draw_scan(sphere_scan(n, rng), look, pixels)
    # The picture shows 0.7 units to each side unless there is something beyond.
    centre = (np.arange(pixels) + 0.5) / pixels * 1.4 - 0.7
    distance = np.hypot(*np.meshgrid(centre, centre))
    dot = 1.4 / pixels * 4 if n == 3_000 else 1.4 / pixels * 2
    assert covered(picture)[distance < RADIUS - dot].mean() > 0.999
    assert not covered(picture)[distance > RADIUS + dot].any()


def test_what_is_nearer_hides_what_is_behind(rng):
    scan = sphere_scan(20_000, rng)
    red, blue = np.uint8([255, 0, 0]), np.uint8([0, 0, 255])
    # Normals face the viewer everywhere, so that only nearness decides (but for a hole between dots here and there).
    towards = np.broadcast_to(np.float32([0, 0, 1]), scan.points.shape)
    colours = np.where(scan.points[:, 2:] > 0, red, blue)
    picture = splat.splat(scan.points, towards, colours, splat.FRONT, 64)
    middle = picture[20:44, 20:44].astype(int)
    assert (middle[..., 0] > middle[..., 2]).mean() > 0.95
    assert (middle[..., 2] == 0).mean() > 0.9


def test_from_the_side_the_subject_looks_to_the_left():
    """A dot on the nose is at the left seen from the subject's left, and in the middle from the front."""
    nose, up = np.float32([[0.0, 0.0, 0.6]]), np.float32([[0.6, 0.0, 0.6]])
    dot = np.full((1, 3), 255, np.uint8)
    column = lambda look: np.median(np.nonzero(covered(splat.splat(nose, up, dot, look, 64)))[1])  # noqa: E731
    assert abs(column(splat.FRONT) - 31.5) <= 3
    assert column(splat.SIDE) < 10


def test_strange_scans_are_drawn_too(rng):
    nothing = Scan(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32))
    assert not covered(splat.draw_scan(nothing, splat.FRONT, 32)).any()
    far = sphere_scan(2_000, rng)
    far.points[0] = 1e6
    far.points[1] = np.nan
    assert covered(splat.draw_scan(far, splat.FRONT, 32)).mean() > 0.2
    away = replace(far, points=far.points * 20)
    assert 0.3 < covered(splat.draw_scan(away, splat.FRONT, 32)).mean() < 0.9


def test_a_mesh_looks_like_its_points():
    mesh = sphere(RADIUS)
    picture = splat.draw_mesh(mesh, splat.FRONT, 64)
    assert covered(picture).mean() == pytest.approx(np.pi * RADIUS**2 / 1.4**2, rel=0.1)
    # The lamp is at the upper left.
    assert picture[22, 22].mean() > picture[42, 42].mean() + 40


@pytest.fixture
def dataset(tmp_path):
    out = create_dataset(tmp_path / "set")
    whole = sphere_subject("whole", views=6)
    plain = replace(whole.capture.views[0], mask=None, normals=None, depth=None)
    for subject in (
        whole,
        replace(whole, name="photo", scan=None, truth=None, capture=Capture((plain,))),
        replace(whole, name="no-scan", scan=None),
        replace(whole, name="scan", capture=None, truth=None),
        replace(whole, name="truth", capture=None, scan=None),
        Subject("nothing"),
    ):
        write_subject(subject, out)
    return Dataset(out)


def test_a_card_shows_what_there_is(dataset):
    shown = {name: [word for word, _ in make_card(dataset, name, 4, 64).tiles] for name in dataset.names}
    assert shown == {
        "whole": ["", "", "", "", "normals", "scan, front", "scan, side"],
        "photo": [""],
        "no-scan": ["", "", "", "", "normals", "depth"],
        "scan": ["scan, front", "scan, side"],
        "truth": ["truth, front", "truth, side"],
        "nothing": [],
    }
    card = make_card(dataset, "whole", 4, 64)
    assert card.about == "a ball  ·  smile  ·  6 views  ·  500 points"
    assert {tile.size for _, tile in card.tiles} == {(64, 64)}
    image = np.asarray(card.tiles[0][1])
    assert (image[0, 0] == splat.BACKGROUND).all()  # masked out
    assert (np.asarray(make_card(dataset, "photo", 4, 64).tiles[0][1])[0, 0] == 40).all()


def test_the_sheet_stays_bounded_and_readable(dataset):
    few = contact_sheet(dataset, subjects=1)
    assert sheet.LARGEST_TILE < few.shape[0] < 2 * sheet.LARGEST_TILE
    steps = []
    whole = contact_sheet(dataset, done=lambda: steps.append(1))
    assert len(steps) == len(dataset)
    assert whole.shape[0] * whole.shape[1] < 2 * sheet.PIXELS
    with pytest.raises(InputError, match="6 subjects with 1000 views do not fit on one sheet"):
        contact_sheet(dataset, views=1000)


def test_an_empty_data_set_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="set has no subjects to show"):
        contact_sheet(Dataset(create_dataset(tmp_path / "set")))
