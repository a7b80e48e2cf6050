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
        [0.200, 0.101, 0.067],
        [0.195, 0.078, 0.061],
        [0.210, 0.080, 0.061],
        [0.330, 0.103, 0.094],
        [0.389, 0.131, 0.111],
        [0.234, 0.067, 0.056],
    ]
)
"""How far brightness, redness and blueness of the parts differ between photos of one person in other light.

Measured on 278 synthetic people, each photo in light of its own and by a phone of its own.
"""

WEIGHT = np.array(
    [
        [1.88, 0.62, 0.83],
        [3.25, 0.59, 0.41],
        [1.63, 0.33, 0.49],
        [0.78, 0.68, 0.45],
        [1.63, 1.58, 1.28],
        [0.61, 0.54, 0.40],
    ]
)
"""How much more these differ between people than between photos of one; 1 on average."""

MOST = 18.0
"""The most that one square counts, so that a shadow or a hat does not decide."""

DOUBTFUL, DIFFERENT = 125.0, 180.0
"""From which unlikeness on two well seen faces may be, and are taken to be, those of different people.

Of 353 pairs of photos of one synthetic person 3 % are in doubt and 0.8 % refused, all for one photo whose landmarks
were found in the wrong place; of pairs of two such people 39 % are at least in doubt and 18 % refused; of 45 pairs of
real people 73 % and 29 %. Judged by the spreads and weights of other people these are 4, 0.8, 40 and 18 %.
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
