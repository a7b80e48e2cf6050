"""The 68 landmarks that the project's heads have, among MediaPipe's 478."""

from __future__ import annotations

import numpy as np

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

TURNED = 15.0
"""From how far a face is turned, in degrees, the far side of its jaw is hidden and its points lie on the outline."""

_RIGHT_JAW, _LEFT_JAW = slice(0, 8), slice(9, 17)


def multipie68(face: Face) -> Landmarks:
    """The 68 points in pixels. Those of the jaw that the face hides are said not to be visible."""
    visible = np.ones(68, bool)
    if abs(face.yaw) > TURNED:
        visible[_LEFT_JAW if face.yaw > 0 else _RIGHT_JAW] = False
    return Landmarks(face.landmarks[list(MULTIPIE), :2], visible)
