"""Canonical head space, by the places an average face has its features.

Right-handed, +y up, +z out of the face, +x to the subject's left (glTF's axes). The origin is inside the head on the
symmetry plane, level with the bridge of the nose's lower half, about 12 cm behind the tip of the nose; one unit is
200 mm, so head, hair and the top of the shoulders lie in the unit sphere.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from headfield.units import MILLIMETRES_PER_UNIT

_MILLIMETRES = {
    # index in the 68-point order: (x, y, z) of the average adult face, rounded to millimetres and symmetric
    8: (0, -86, 94),  # chin
    27: (0, 27, 97),  # bridge of the nose
    30: (0, -6, 121),  # tip of the nose
    33: (0, -22, 106),  # under the nose
    36: (-45, 24, 76),  # right eye, outer corner
    39: (-18, 23, 82),  # right eye, inner corner
    42: (18, 23, 82),  # left eye, inner corner
    45: (45, 24, 76),  # left eye, outer corner
    48: (-25, -45, 92),  # right corner of the mouth
    54: (25, -45, 92),  # left corner of the mouth
}

NOSE_TIP = 30
"""The tip of the nose in the 68-point order: the centre of the face region in the published protocols."""

CANONICAL_INDICES: tuple[int, ...] = tuple(_MILLIMETRES)
"""Which of the 68 points define head space: rigid, easily found, and spread over the face."""

CANONICAL_POINTS: Float64[np.ndarray, "n 3"] = np.array(list(_MILLIMETRES.values()), float) / MILLIMETRES_PER_UNIT
"""Where they are, in head units, in the order of :data:`CANONICAL_INDICES`."""

CANONICAL_NOSE: Float64[np.ndarray, "3"] = CANONICAL_POINTS[CANONICAL_INDICES.index(NOSE_TIP)]
"""Where the tip of the average nose is."""

BUST_END = -0.55
"""Below this height, in head units, outlines are not compared: data end somewhere there, people do not."""

SHOULDERS = -0.25
"""As high as the mouth: so high, in head units, shoulders come at most where somebody looks at a camera."""
