"""The 68 landmarks that the project's heads have, among MediaPipe's 478."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from headfield.capture import Landmarks
from headfield.photo.faces import Face

MULTIPIE = (
    *(127, 234, 93, 215, 172, 150, 149, 171, 175, 396, 378, 379, 397, 435, 323, 454, 356),  # 0-16: jaw, right to left
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),  # 17-26: brows
    *(168, 197, 195, 4, 98, 97, 2, 326, 327),  # 27-35: nose
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),  # 36-47: eyes
    *(61, 39, 37, 0, 267, 269, 291, 321, 314, 17, 84, 91),  # 48-59: lips, outside
    *(78, 81, 13, 311, 308, 402, 14, 178),  # 60-67: lips, inside
)
"""Which of the 478 each of the 68 is: of several that are usual, the one nearest to where the head model has it.

That was measured on synthetic people, whose 68 points are known. What is usual is up to 8 % of the face's width away.
"""

_RIGHT_HALF = {
    # index in the 68-point order: (x, y), x to the person's left, y down
    **dict(enumerate([(17, 92), (17, 2), (-11, -52), (27, 34), (10, 26), (40, 18), (-17, -4), (34, -30), (0, -63)])),
    **dict(enumerate([(10, -19), (-25, -9), (-54, -16), (-77, -23), (-49, -40)], start=17)),
    **dict(enumerate([(0, -25), (0, 24), (0, -36), (0, 8), (-64, -48), (-24, -31), (0, -42)], start=27)),
    **dict(enumerate([(-3, -16), (4, -10), (-8, -9), (9, -16), (3, 0), (28, 1)], start=36)),
    **dict(enumerate([(19, 2), (44, -13), (4, 0), (0, 8)], start=48)),
    **dict(enumerate([(0, -12), (50, -8), (-6, -25), (4, 1), (-13, -5), (0, -13)], start=57)),
    **dict(enumerate([(0, -2), (-3, -2)], start=66)),
}
"""How far from the heads' own points these are found, in thousandths of the distance between the eyes.

Medians over 260 pictures of synthetic people whose heads are turned by less than 30°, made symmetric.
"""

_MIRRORED = (
    *range(16, -1, -1),  # jaw
    *range(26, 16, -1),  # brows
    *(27, 28, 29, 30, 35, 34, 33, 32, 31),  # nose
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),  # eyes
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),  # lips, outside
    *(64, 63, 62, 61, 60, 67, 66, 65),  # lips, inside
)
"""Which point lies on the other side."""

TURNED = 15.0
"""From how far a face is turned, in degrees, the far side of its jaw is hidden and its points lie on the outline."""

_RIGHT_JAW, _LEFT_JAW = slice(0, 8), slice(9, 17)


def multipie68(face: Face) -> Landmarks:
    """The 68 points in pixels, where the heads have them. Those of the jaw that the face hides are not visible."""
    visible = np.ones(68, bool)
    if abs(face.yaw) > TURNED:
        visible[_LEFT_JAW if face.yaw > 0 else _RIGHT_JAW] = False
    off = face.eye_distance * OFFSETS @ np.stack([face.left, face.down])
    return Landmarks(face.landmarks[list(MULTIPIE), :2] - off, visible)


def _both_halves() -> Float64[np.ndarray, "68 2"]:
    offsets = np.zeros((68, 2))
    for index, (x, y) in _RIGHT_HALF.items():
        offsets[index] = x, y
        offsets[_MIRRORED[index]] = (-x if _MIRRORED[index] != index else x), y
    return offsets / 1000


OFFSETS = _both_halves()
"""How far from the heads' own points the 68 are found, as a part of the distance between the eyes."""
