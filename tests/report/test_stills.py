from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headfield.data.pictures import decode_normals
from headfield.render.paths import ROOM
from headfield.report import stills
from headfield.report.drawing import GUESSED, SEEN

from ..shapes import sphere

BALL = sphere(0.8)


def covered(picture: np.ndarray) -> float:
    return picture[..., 3].mean() / 255


def test_a_turn_shows_the_mesh_cut_out():
    painted = replace(BALL, colours=np.full((len(BALL.vertices), 3), (10, 200, 30), np.uint8))
    pictures = stills.turntable(painted, n=3, pixels=40)
    assert len(pictures) == 3
    for picture in pictures:
        assert picture.shape == (40, 40, 4)
        assert covered(picture) == pytest.approx(np.pi / 4 / ROOM**2, rel=0.05)
        # No background bleeds into the edges.
        assert (picture[picture[..., 3] > 0][:, :3] == (10, 200, 30)).all()
        assert len(np.unique(picture[..., 3])) > 2, "edges are smooth"


def test_normals_in_the_middle_look_at_the_camera():
    normals, seen = stills.sides(BALL, pixels=33)
    assert list(normals) == list(stills.AZIMUTHS)
    assert seen == {}
    for picture in normals.values():
        np.testing.assert_allclose(decode_normals(picture[..., :3])[16, 16], [0, 0, -1], atol=0.1)


def test_what_was_seen_and_what_was_guessed_have_their_colours():
    """Of a ball that was seen from its left, the left is seen, the right guessed, and the front half and half."""
    left = (BALL.vertices[:, 0] > 0).astype(np.float32)
    _, pictures = stills.sides(BALL, left, pixels=32)
    for side, colour in (("left", SEEN), ("right", GUESSED)):
        np.testing.assert_allclose(pictures[side][16, 16, :3], colour, atol=3)
    # The subject's left is the viewer's right.
    front = pictures["front"][16, :, :3].astype(int)
    assert (front[20] - front[12])[2] > 50
    assert stills.seen_share(BALL, left) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("value", "share"), [(0.0, 0.0), (0.2, 1.0)])
def test_any_look_counts_as_seen(value, share):
    assert stills.seen_share(BALL, np.full(len(BALL.vertices), value)) == pytest.approx(share)
