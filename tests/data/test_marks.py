from __future__ import annotations

import json

import numpy as np
import pytest

from headfield.canonical import CANONICAL_INDICES, CANONICAL_POINTS
from headfield.data.marks import NAMES, canonical_places, read_landmarks, read_view_landmarks
from headfield.errors import InputError


def put(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_68_points_as_json(tmp_path, rng):
    points = rng.normal(size=(68, 3))
    rows = points.tolist()
    rows[5], rows[6] = None, [None, None, None]
    marks = read_landmarks(put(tmp_path / "a.json", {"points": rows}))
    assert marks.scheme == "multipie68"
    assert np.flatnonzero(~marks.visible).tolist() == [5, 6]
    np.testing.assert_array_equal(marks.points[marks.visible], np.delete(points, [5, 6], axis=0))


def test_points_said_to_be_hidden(tmp_path):
    content = {"points": [[0, 0, 0]] * 68, "visible": [i != 8 for i in range(68)]}
    assert np.flatnonzero(~read_landmarks(put(tmp_path / "a.json", content)).visible).tolist() == [8]


@pytest.mark.parametrize("form", ["object", "lists", "text"])
def test_named_points(tmp_path, form):
    points = dict(zip(NAMES, CANONICAL_POINTS.tolist(), strict=True))
    content = {
        "object": {"scheme": "named", "points": points},
        "lists": {"scheme": "named", "names": list(points), "points": list(points.values())},
        "text": "\n".join(f"{name} {x!r} {y!r} {z!r}" for name, (x, y, z) in points.items()),
    }[form]
    marks = read_landmarks(put(tmp_path / ("a.txt" if form == "text" else "a.json"), content))
    which, places = canonical_places(marks)
    np.testing.assert_array_equal(marks.points[which], places)
    assert len(which) == len(CANONICAL_INDICES)


def test_68_points_as_text(tmp_path, rng):
    points = rng.normal(size=(68, 3))
    np.savetxt(tmp_path / "a.txt", points, fmt="%.17g")
    np.testing.assert_array_equal(read_landmarks(tmp_path / "a.txt").points, points)


def test_points_in_views(tmp_path):
    content = {"views": {"one": {"scheme": "named", "points": {"chin": [3, 4]}}}}
    marks = read_view_landmarks(put(tmp_path / "a.json", content))
    assert marks["one"].names == ("chin",)
    np.testing.assert_array_equal(marks["one"].points, [[3.0, 4.0]])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "a.json is not a JSON file"),
        ({"points": [[0, 0, 0]] * 67}, "a.json are 67 points; multipie68 has 68"),
        ({"points": [[0, 0]] * 68}, "a.json are not all points of 3 finite numbers"),
        ({"points": [["x", 0, 0]] * 68}, "a.json are not all points of 3 finite numbers"),
        ({"points": [[0, float("inf"), 0]] * 68}, "a.json are not all points of 3 finite numbers"),
        ({"points": [[0, 0, 0]] * 68, "visible": [True]}, "a.json are 68 points, but as many are not said"),
        ({"scheme": "dlib", "points": []}, "a.json are of no known kind"),
        ({"points": 3}, "a.json are of no known kind"),
        ({"points": [], "scheme": ["named"]}, "a.json are of no known kind"),
        ({"points": [[10**400, 0, 0]] * 68}, "a.json are not all points of 3 finite numbers"),
    ],
)
def test_what_are_no_landmarks(tmp_path, content, words):
    with pytest.raises(InputError, match=words):
        read_landmarks(put(tmp_path / "a.json", content))


def test_views_that_are_none(tmp_path):
    with pytest.raises(InputError, match=r'a\.json has no "views"'):
        read_view_landmarks(put(tmp_path / "a.json", {"points": []}))
    with pytest.raises(InputError, match=r"the landmarks of view one in .*a\.json are of no known kind"):
        read_view_landmarks(put(tmp_path / "a.json", {"views": {"one": 3}}))
