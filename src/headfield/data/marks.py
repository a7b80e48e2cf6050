"""Landmarks that people put beside their data: read from JSON or text, and where head space has them.

One set of points, in space or in a picture:

    {"scheme": "multipie68", "points": [[x, y, z], null, …]}            null: not seen
    {"scheme": "named", "names": ["nose_tip", …], "points": [[x, y, z], …]}
    {"scheme": "named", "points": {"nose_tip": [x, y, z], "chin": …}}

or one set a view, in pixels of its picture (the corner of the picture is at 0, 0):

    {"views": {"frame_00001": {"scheme": "multipie68", "points": [[x, y], …]}, …}}

A text file holds a point a line: 68 lines ``x y z``, or lines ``name x y z``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from headfield.canonical import CANONICAL_INDICES, CANONICAL_POINTS
from headfield.capture import Landmarks, LandmarkScheme
from headfield.errors import InputError, reading
from headfield.files import read_json

COUNTS: Mapping[LandmarkScheme, int] = {"multipie68": 68, "mediapipe478": 478}

NAMES: Mapping[str, int] = {
    "chin": 8,
    "nose_bridge": 27,
    "nose_tip": 30,
    "nose_base": 33,
    "right_eye_outer": 36,
    "right_eye_inner": 39,
    "left_eye_inner": 42,
    "left_eye_outer": 45,
    "right_lips": 48,
    "left_lips": 54,
}
"""The names of the points that define head space, by their place in the 68-point order; sides are the subject's."""

MEDIAPIPE: Mapping[int, int] = {
    8: 175,
    27: 168,
    30: 4,
    33: 2,
    36: 33,
    39: 133,
    42: 362,
    45: 263,
    48: 61,
    54: 291,
}
"""Where the points that define head space are among MediaPipe's 478, by their place in the 68-point order.

They are those nearest to where the head model has them, as in ``photo.multipie``.
"""


def canonical_places(landmarks: Landmarks) -> tuple[Int64[np.ndarray, "m"], Float64[np.ndarray, "m 3"]]:
    """Which of the landmarks are visible and known to head space, and where an average head has them."""
    by_index = dict(zip(CANONICAL_INDICES, CANONICAL_POINTS, strict=True))
    if landmarks.scheme == "multipie68":
        places = by_index
    elif landmarks.scheme == "mediapipe478":
        places = {MEDIAPIPE[index]: point for index, point in by_index.items()}
    else:
        named = {name: by_index[index] for name, index in NAMES.items()}
        # The middle of an eye, for whoever marks eyes by one point.
        named |= {f"{s}_eye": (named[f"{s}_eye_outer"] + named[f"{s}_eye_inner"]) / 2 for s in ("right", "left")}
        places = {i: named[name] for i, name in enumerate(landmarks.names) if name in named}
    which = [index for index in places if landmarks.visible[index]]
    return np.array(which, np.int64), np.array([places[index] for index in which], np.float64).reshape(-1, 3)


def read_landmarks(path: Path, *, dimensions: int = 3) -> Landmarks:
    """One set of points from a JSON or text file."""
    if path.suffix.lower() == ".json":
        return _parse(read_json(path), dimensions, str(path))
    with reading(path):
        rows = [
            line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()
        ]
    if rows and all(len(row) == dimensions + 1 for row in rows):
        return _parse({"scheme": "named", "points": {row[0]: list(row[1:]) for row in rows}}, dimensions, str(path))
    return _parse({"points": rows}, dimensions, str(path))


def read_view_landmarks(path: Path) -> dict[str, Landmarks]:
    """A set of points in pixels for each view, by the view's name, from a JSON file."""
    views = read_json(path).get("views")
    if not isinstance(views, dict):
        raise InputError(f'{path} has no "views" with landmarks in them; write one set of points a view.')
    return {name: _parse(content, 2, f"view {name} in {path}") for name, content in views.items()}


def _parse(content: object, dimensions: int, what: str) -> Landmarks:
    scheme, points, names = _kind(content, what)
    rows = [point if isinstance(point, list) and None not in point else None for point in points]
    try:
        table = np.array([[0.0] * dimensions if row is None else row for row in rows], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        table = np.zeros((0, 0))
    if table.shape != (len(rows), dimensions) or not len(rows) or not np.isfinite(table).all():
        raise InputError(f"the landmarks of {what} are not all points of {dimensions} finite numbers.")
    visible = content.get("visible", [True] * len(rows)) if isinstance(content, dict) else []
    if not isinstance(visible, list) or len(visible) != len(rows):
        raise InputError(
            f"the landmarks of {what} are {len(rows)} points, but as many are not said to be visible or not."
        )
    seen = np.array([row is not None and bool(flag) for row, flag in zip(rows, visible, strict=True)], dtype=bool)
    return Landmarks(table, seen, scheme, names)


def _kind(content: object, what: str) -> tuple[LandmarkScheme, list, tuple[str, ...]]:
    """The scheme, points and names of a set of landmarks, if they fit together."""
    if isinstance(content, dict):
        scheme, points, names = content.get("scheme", "multipie68"), content.get("points"), content.get("names", [])
        if scheme == "named" and isinstance(points, dict):
            return "named", list(points.values()), tuple(points)
        if scheme == "named" and isinstance(points, list) and isinstance(names, list) and len(names) == len(points):
            return "named", points, tuple(map(str, names))
        if isinstance(points, list) and not isinstance(scheme, (list, dict)) and scheme in COUNTS:
            if len(points) != COUNTS[scheme]:
                raise InputError(f"the landmarks of {what} are {len(points)} points; {scheme} has {COUNTS[scheme]}.")
            return scheme, points, ()
    raise InputError(f"the landmarks of {what} are of no known kind; write multipie68, mediapipe478 or named ones.")
