"""Whether two photos may show the same person, by the light and dark of their faces.

Beards, lips, brows' shade and hairlines show as how much brighter and redder parts of a face are than its cheeks, which
depends little on the light. Where faces have their features says next to nothing beside it: landmarks are found too
roughly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, UInt8
from PIL import Image
from scipy.ndimage import map_coordinates

from headfield.mesh.pictures import linear_intensities
from headfield.photo.faces import Face

PARTS = {
    # middle, right and left landmarks
    "lips": ((0, 17), (37, 84, 61), (267, 314, 291)),
    "upper lip": ((164,), (167, 165), (393, 391)),
    "chin": ((199, 200, 18), (83, 208), (313, 428)),
    "jaw": ((), (172, 136, 150), (397, 365, 379)),
    "temples": ((), (127, 162), (356, 389)),
    "forehead": ((151, 9), (108, 69), (337, 299)),
}
CHEEKS = ((), (50, 101, 36, 205), (280, 330, 266, 425))

TURNED = 12.0
"""From how far a face is turned, in degrees, only its near side is looked at."""

SPREAD = np.array(
    [
        [0.210, 0.101, 0.071],
        [0.209, 0.079, 0.067],
        [0.232, 0.079, 0.063],
        [0.337, 0.103, 0.094],
        [0.382, 0.132, 0.098],
        [0.256, 0.071, 0.060],
    ]
)
"""How far brightness, redness and blueness of the parts differ between photos of one person in other light.

Measured on 196 synthetic people, each photo in light of its own and by a phone of its own.
"""

WEIGHT = np.array(
    [
        [2.11, 0.79, 0.87],
        [3.23, 0.69, 0.51],
        [1.42, 0.42, 0.40],
        [0.77, 0.65, 0.39],
        [1.75, 1.46, 1.33],
        [0.46, 0.47, 0.29],
    ]
)
"""How much more these differ between people than between photos of one; 1 on average."""

MOST = 40.0
"""The most that one square counts, so that a shadow or a hat does not decide."""

DOUBTFUL, DIFFERENT = 170.0, 260.0
"""From which unlikeness on two well seen faces may be, and are taken to be, those of different people.

Of 252 pairs of photos of one synthetic person 2 % are in doubt and none is refused; of pairs of two such people 37 %
are at least in doubt and 22 % refused; of 45 pairs of real people 80 % and 24 %.
"""

_LOOK = 96
_ROOM = 1.5


def complexion(image: UInt8[np.ndarray, "h w 3"], face: Face) -> Float64[np.ndarray, "parts 3"]:
    """How much brighter, redder and bluer each of the :data:`PARTS` is than the cheeks, as logarithms."""
    side = _ROOM * face.size
    corner = face.centre - side / 2
    box = (*np.round(corner).astype(int), *np.round(corner + side).astype(int))
    square = np.asarray(Image.fromarray(image).crop(box).resize((_LOOK, _LOOK), Image.Resampling.BICUBIC))
    light = np.log(linear_intensities(square / 255) + 0.01)
    pixels = (face.landmarks[:, :2] - box[:2]) * _LOOK / (box[2] - box[0]) - 0.5

    def colour(sides: tuple[tuple[int, ...], ...]) -> Float64[np.ndarray, "3"]:
        middle, right, left = sides
        shown = (*middle, *(right if face.yaw > -TURNED else ()), *(left if face.yaw < TURNED else ()))
        y, x = pixels[list(shown), 1], pixels[list(shown), 0]
        return np.array([np.median(map_coordinates(light[..., k], (y, x), order=1, mode="nearest")) for k in range(3)])

    apart = np.stack([colour(sides) for sides in PARTS.values()]) - colour(CHEEKS)
    return np.stack([apart.mean(axis=1), apart[:, 0] - apart[:, 1], apart[:, 2] - apart[:, 1]], axis=1)


def unlikeness(one: Float64[np.ndarray, "parts 3"], other: Float64[np.ndarray, "parts 3"]) -> float:
    """How far two complexions differ, in weighed squares of what is usual for one person."""
    return float((WEIGHT * np.minimum(((one - other) / SPREAD) ** 2, MOST)).sum())


def unlike_others(complexions: Sequence[Float64[np.ndarray, "parts 3"] | None]) -> list[float]:
    """For each face, the median unlikeness to the others; 0 where it, or all others, are not known."""
    known = [i for i, complexion in enumerate(complexions) if complexion is not None]
    found = [0.0] * len(complexions)
    for i in known:
        apart = [unlikeness(complexions[i], complexions[j]) for j in known if j != i]  # type: ignore[arg-type]
        found[i] = float(np.median(apart)) if apart else 0.0
    return found
