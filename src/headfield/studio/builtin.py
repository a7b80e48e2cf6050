"""A small head made of formulas: the studio's stand-in where the open data is absent, and what the tests stand on.

A head is a tube of cross-sections from the crown to below the shoulders, with bumps and hollows for its features.
Eyes and mouth are hollows of one closed skin, so that the sockets own no surface. All lengths here are millimetres.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float64, Int64

from headfield.studio.builtin_skin import (
    COLUMNS,
    EYE,
    EYE_RADIUS,
    LIPS,
    Skin,
    bump,
    eye_opening,
    lid_over_eye,
    make_skin,
)
from headfield.studio.model import HeadModel, PartRange, eyeball_uv
from headfield.units import MILLIMETRES_PER_UNIT

_JAW_JOINT = np.array([0.0, 5.0, 0.0])
_FACE_HALF_ANGLE = np.radians(100)
_FACE_BOTTOM = -100.0

# fmt: off
_HALF_LANDMARKS = {
    # index: (x, y) of the subject's right half and of the middle, seen from the front
    0: (-73, 22), 1: (-72, 2), 2: (-70, -18), 3: (-66, -36), 4: (-58, -54), 5: (-47, -68), 6: (-32, -79),
    7: (-16, -85), 8: (0, -86), 17: (-56, 40), 18: (-48, 46), 19: (-38, 48), 20: (-27, 46), 21: (-16, 42),
    27: (0, 27), 28: (0, 16), 29: (0, 5), 30: (0, -6), 31: (-14, -19), 32: (-7, -21), 33: (0, -22),
    36: (-45, 24), 37: (-36, 29), 38: (-27, 29), 39: (-18, 23), 40: (-27, 19), 41: (-36, 19),
    48: (-25, -45), 49: (-17, -40), 50: (-7, -37), 51: (0, -38), 59: (-15, -52), 58: (-8, -54), 57: (0, -55),
    60: (-21, -45), 61: (-8, -43), 62: (0, -43), 67: (-8, -47), 66: (0, -47),
}
_MIRRORED = {
    **{k: 16 - k for k in range(8)}, 17: 26, 18: 25, 19: 24, 20: 23, 21: 22,
    31: 35, 32: 34, 36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46,
    48: 54, 49: 53, 50: 52, 59: 55, 58: 56, 60: 64, 61: 63, 67: 65,
}
# fmt: on


@lru_cache(maxsize=1)
def load_builtin() -> HeadModel:
    """The built-in head."""
    skin = make_skin()
    parts = _Parts(skin)
    vertices = parts.vertices
    rigid = parts.rigid_points()
    identity = np.stack([mode(rigid) for mode in _MODES])
    expressions = {name: np.zeros_like(vertices) for name in _EXPRESSIONS}
    for name, move in _EXPRESSIONS.items():
        n = len(skin.points)
        expressions[name][:n] = move(skin)[parts.skin_order]
        expressions[name][parts.ranges["gums"].vertices] = _jaw(rigid)[parts.ranges["gums"].vertices] * (
            name == "jawOpen"
        )
    return HeadModel(
        name="the built-in head",
        mean=vertices / MILLIMETRES_PER_UNIT,
        identity=(identity / MILLIMETRES_PER_UNIT).astype(np.float32),
        expressions=(np.stack(list(expressions.values())) / MILLIMETRES_PER_UNIT).astype(np.float32),
        expression_names=tuple(expressions),
        faces=parts.faces,
        corner_uv=parts.corner_uv,
        uv=parts.uv,
        parts=parts.ranges,
        landmarks=_landmarks(vertices[: len(skin.points)]),
        pupils=np.array([parts.ranges[part].vertices.start for part in ("eyeball_L", "eyeball_R")]),
    )


# --- the parts -------------------------------------------------------------------------------------------------------


class _Parts:
    """Vertices in the order of the parts that own them, faces, and uv."""

    def __init__(self, skin: Skin):
        grid_faces, grid_uv, in_face = _skin_faces(skin)
        face_vertices = np.unique(grid_faces[in_face])
        others = np.setdiff1d(np.arange(len(skin.points)), face_vertices)
        self.skin_order = np.concatenate([face_vertices, others])
        renumber = np.argsort(self.skin_order)
        empty = np.zeros((0, 3), np.int64)
        balls = {
            "gums": _ball(np.array([0, -56, 70.0]), np.array([18, 6, 24.0])),
            "teeth": _ball(np.array([0, -47, 70.0]), np.array([22, 7, 22.0])),
            "eyeball_L": _ball(EYE, np.full(3, EYE_RADIUS)),
            "eyeball_R": _ball(EYE * (-1, 1, 1), np.full(3, EYE_RADIUS)),
        }
        face_faces, head_faces = renumber[grid_faces[in_face]], renumber[grid_faces[~in_face]]
        # Eyes and mouth are hollows of the face: their sockets own nothing.
        sockets = dict.fromkeys(("mouth", "eye_socket_L", "eye_socket_R"), (0, empty))
        owned = {
            "face": (len(face_vertices), face_faces),
            "head": (len(others), head_faces),
            **sockets,
            **{name: (len(points), faces) for name, (points, faces) in balls.items()},
        }
        self.vertices = np.concatenate([skin.points[self.skin_order], *(points for points, _ in balls.values())])
        self.ranges: dict[str, PartRange] = {}
        faces, corner_uv, uv = [], [], [grid_uv]
        first_vertex, first_face, first_uv = 0, 0, len(grid_uv)
        for name, (count, local) in owned.items():
            self.ranges[name] = PartRange(
                slice(first_vertex, first_vertex + count), slice(first_face, first_face + len(local))
            )
            if name in balls:
                points = balls[name][0]
                uv.append(eyeball_uv(points, points.mean(axis=0), points[0]))
                corner_uv.append(local + first_uv)
                first_uv += count
                local = local + first_vertex
            faces.append(local)
            first_vertex, first_face = first_vertex + count, first_face + len(local)
        grid_corners = np.arange(3 * len(grid_faces)).reshape(-1, 3)
        self.faces = np.concatenate(faces)
        self.corner_uv = np.concatenate([grid_corners[in_face], grid_corners[~in_face], *corner_uv])
        self.uv = np.concatenate(uv)

    def rigid_points(self) -> Float64[np.ndarray, "v 3"]:
        """The vertices, with those of each eyeball all at its centre: what moves an eye moves all of it."""
        points = self.vertices.copy()
        for eye in ("eyeball_L", "eyeball_R"):
            points[self.ranges[eye].vertices] = points[self.ranges[eye].vertices].mean(axis=0)
        return points


def _skin_faces(
    skin: Skin,
) -> tuple[Int64[np.ndarray, "f 3"], Float64[np.ndarray, "u 2"], Bool[np.ndarray, "f"]]:
    """The triangles of the grid, the uv of each of their corners in turn, and which belong to the face."""
    rows, crown = (len(skin.points) - 1) // COLUMNS, len(skin.points) - 1
    ids = np.arange(crown).reshape(rows, COLUMNS)
    column = np.arange(COLUMNS)
    after = (column + 1) % COLUMNS
    a, b, c, d = ids[:-1], ids[:-1][:, after], ids[1:], ids[1:][:, after]
    faces = np.concatenate(
        [
            np.stack([a, c, b], axis=-1).reshape(-1, 3),
            np.stack([b, c, d], axis=-1).reshape(-1, 3),
            np.stack([np.full(COLUMNS, crown), ids[0], ids[0][after]], axis=-1),
        ]
    )
    # Texture: an unrolled cylinder, its seam at the back of the head.
    angle, height = skin.angle[faces], skin.height[faces]
    angle = np.where(angle.max(axis=1, keepdims=True) - angle > np.pi, angle + 2 * np.pi, angle)
    angle = np.where(faces == crown, (angle.sum(axis=1) / 2)[:, None], angle)
    in_face = (np.abs(angle.mean(axis=1)) < _FACE_HALF_ANGLE) & (height.mean(axis=1) > _FACE_BOTTOM)
    in_face &= height.max(axis=1) < 120
    top, bottom = height.max(), height.min()
    face_uv = np.stack(
        [(angle + 1.9) / 3.8 * (2 / 3), (height - _FACE_BOTTOM + 6) / (120 - _FACE_BOTTOM + 12)], axis=-1
    )
    head_uv = np.stack(
        [0.7 + 0.29 * (angle + np.pi) / (2.2 * np.pi), 0.1 + 0.9 * (height - bottom) / (top - bottom)], axis=-1
    )
    uv = np.where(in_face[:, None, None], face_uv, head_uv).clip(0, 1)
    return faces, uv.reshape(-1, 2), in_face


def _ball(
    centre: Float64[np.ndarray, "3"], radii: Float64[np.ndarray, "3"]
) -> tuple[Float64[np.ndarray, "n 3"], Int64[np.ndarray, "f 3"]]:
    """A closed ellipsoid; its first vertex is the frontmost."""
    rings, around = 11, 16
    polar, turn = np.meshgrid(
        np.pi * np.arange(1, rings + 1) / (rings + 1), 2 * np.pi * np.arange(around) / around, indexing="ij"
    )
    ring = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], axis=-1)
    points = np.concatenate([[[0, 0, 1]], ring.reshape(-1, 3), [[0, 0, -1]]])
    ids = 1 + np.arange(rings * around).reshape(rings, around)
    after = np.roll(ids, -1, axis=1)
    last = len(points) - 1
    faces = np.concatenate(
        [
            np.stack([np.zeros(around, int), ids[0], after[0]], axis=-1),
            np.stack([ids[:-1], ids[1:], after[:-1]], axis=-1).reshape(-1, 3),
            np.stack([after[:-1], ids[1:], after[1:]], axis=-1).reshape(-1, 3),
            np.stack([ids[-1], np.full(around, last), after[-1]], axis=-1),
        ]
    )
    return centre + radii * points, faces


def _landmarks(skin: Float64[np.ndarray, "v 3"]) -> Int64[np.ndarray, "68"]:
    """The vertices nearest to where the landmarks are, seen from the front."""
    places = dict(_HALF_LANDMARKS)
    places.update({other: (-places[one][0], places[one][1]) for one, other in _MIRRORED.items()})
    wanted = np.array([places[k] for k in range(68)], float)
    front = np.flatnonzero(skin[:, 2] > 0)
    distance = np.square(skin[None, front, :2] - wanted[:, None]).sum(axis=-1)
    return front[distance.argmin(axis=1)]


# --- how people differ -----------------------------------------------------------------------------------------------


def _along(points: Float64[np.ndarray, "v 3"], amount: Float64[np.ndarray, "v"], axis: int) -> np.ndarray:
    moved = np.zeros_like(points)
    moved[:, axis] = amount
    return moved


def _head_only(points: Float64[np.ndarray, "v 3"]) -> Float64[np.ndarray, "v"]:
    return 1 / (1 + np.exp(-(points[:, 1] + 115 + 0.2 * points[:, 2]) / 9))


def _front(points: Float64[np.ndarray, "v 3"]) -> Float64[np.ndarray, "v"]:
    return 1 / (1 + np.exp(-(points[:, 2] - 45) / 8))


def _at(points: Float64[np.ndarray, "v 3"], x: float, y: float, wide: float, high: float) -> np.ndarray:
    """A bump on the front of the face, on both sides of it."""
    return bump(np.abs(points[:, 0]), points[:, 1], x, y, wide, high) * _front(points)


_MODES = (
    lambda p: _along(p, 0.05 * p[:, 0] * _head_only(p), 0),  # width
    lambda p: _along(p, 0.05 * p[:, 1] * _head_only(p), 1),  # length
    lambda p: _along(p, 0.04 * p[:, 2] * _head_only(p), 2),  # depth
    lambda p: _along(p, 0.10 * p[:, 0] * bump(p[:, 1], p[:, 1], -75, -75, 1e9, 22), 0),  # jaw
    lambda p: _along(p, -5.0 * _at(p, 0, -84, 26, 16), 1) + _along(p, 3.0 * _at(p, 0, -84, 22, 14), 2),  # chin
    lambda p: _along(p, 4.0 * _at(p, 0, -6, 10, 14), 2),  # nose, how far out
    lambda p: _along(p, 2.0 * np.tanh(p[:, 0] / 6) * _at(p, 11, -14, 8, 10), 0),  # nose, how wide
    lambda p: _along(p, -3.0 * _at(p, 0, -14, 14, 10), 1),  # nose, how long
    lambda p: _along(p, 2.0 * _at(p, 28, 42, 22, 8), 2),  # brow
    lambda p: _along(p, 3.0 * np.tanh(p[:, 0] / 20) * _at(p, 45, -20, 18, 22), 0),  # cheeks
    lambda p: _along(p, -4.0 * bump(p[:, 0], p[:, 1], 0, 95, 60, 25) * _front(p), 2),  # forehead
    lambda p: _along(p, 2.5 * np.tanh(p[:, 0] / 12) * _at(p, 22, -45, 12, 9), 0),  # mouth, how wide
    lambda p: _along(p, 1.5 * _at(p, 0, -46, 18, 8), 2),  # lips
    lambda p: 0.06 * p * (1, 0, 1) * (1 - _head_only(p))[:, None],  # neck
)
"""Each one standard deviation of something."""


# --- what expressions do ---------------------------------------------------------------------------------------------


def _jaw(points: Float64[np.ndarray, "v 3"]) -> Float64[np.ndarray, "v 3"]:
    """A turn about the jaw's joint by 14 degrees, at every point, as a displacement."""
    y, z = (points - _JAW_JOINT)[:, 1:].T
    turn = np.radians(14)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack([np.zeros_like(y), (cos - 1) * y - sin * z, sin * y + (cos - 1) * z], axis=1)


def _jaw_open(skin: Skin) -> np.ndarray:
    y = skin.height
    follows = 1 / (1 + np.exp((y - LIPS) / np.where(np.abs(skin.points[:, 0]) < 26, 0.4, 8.0)))
    follows = follows * np.clip((y + 125) / 20, 0, 1) * np.clip(1.2 * np.cos(skin.angle) + 0.25, 0, 1)
    moved = follows[:, None] * _jaw(skin.points)
    moved[:, 2] -= 26 * bump(skin.points[:, 0], y, 0, LIPS, 13, 2.2) * (skin.points[:, 2] > 0)
    return moved


def _blink(side: int) -> Callable[[Skin], np.ndarray]:
    def move(skin: Skin) -> np.ndarray:
        opening = eye_opening(skin.points, side) * (skin.points[:, 2] > 0)
        lid = lid_over_eye(skin.points, side)
        return _along(skin.points, np.where(opening > 0, np.maximum(lid - skin.points[:, 2], 0), 0), 2)

    return move


def _one_sided(
    side: int, x: float, y: float, wide: float, high: float, move: tuple[float, float, float]
) -> Callable[[Skin], np.ndarray]:
    def moved(skin: Skin) -> np.ndarray:
        amount = bump(skin.points[:, 0], skin.points[:, 1], side * x, y, wide, high) * _front(skin.points)
        return amount[:, None] * (side * move[0], move[1], move[2])

    return moved


def _pucker(skin: Skin) -> np.ndarray:
    amount = bump(skin.points[:, 0], skin.points[:, 1], 0, LIPS, 20, 12) * _front(skin.points)
    return amount[:, None] * np.stack([-0.35 * skin.points[:, 0], 0 * amount, 5 + 0 * amount], axis=1)


_EXPRESSIONS = {
    "jawOpen": _jaw_open,
    "mouthPucker": _pucker,
    **{
        f"{name}_{letter}": made(side)
        for letter, side in (("L", 1), ("R", -1))
        for name, made in {
            "eyeBlink": _blink,
            "mouthSmile": lambda side: _one_sided(side, 25, -45, 12, 11, (6, 7, -4)),
            "mouthFrown": lambda side: _one_sided(side, 25, -45, 11, 10, (1, -6, -1)),
            "cheekPuff": lambda side: _one_sided(side, 40, -38, 14, 16, (6, 0, 6)),
            "browInnerUp": lambda side: _one_sided(side, 16, 44, 11, 8, (0, 7, 0)),
            "browOuterUp": lambda side: _one_sided(side, 46, 44, 14, 9, (0, 7, 0)),
            "browDown": lambda side: _one_sided(side, 28, 43, 18, 7, (-1, -5, 1)),
        }.items()
    },
}
