"""Views made equally bright where they show the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Float64

from headfield.mesh.pictures import linear_intensities
from headfield.mesh.texture.looks import Shown

DARK, BRIGHT = 0.02, 0.9
"""In light from 0 to 1: what is darker is mostly noise, what is brighter may be cut off."""
ENOUGH = 30
"""Places that two views must both show before they tell anything about each other."""
FIRM = 1e-3
"""How much of the weight of all pairs holds gains where they are, so that views that share nothing keep theirs."""


def gains(shown: Sequence[Shown], places: int) -> Float64[np.ndarray, "k 3"]:
    """By how much to multiply the light of each view's channels so that views agree where two show the same place.

    The least squares of the logarithms, each pair of views by the median of what both show: shine and a little that
    does not lie right count for nothing. The mean of the logarithms is 0: the views agree on a middle.
    """
    light = np.full((len(shown), places, 3), np.nan, np.float32)
    for i, look in enumerate(shown):
        sure = look.trust > 0.5
        light[i, look.which[sure]] = _usable(look.colours[sure])
    rows, wanted, weight = [], [], []
    for i in range(len(shown)):
        for j in range(i):
            ratio = np.log(light[j]) - np.log(light[i])
            ratio = ratio[np.isfinite(ratio).all(axis=1)]
            if len(ratio) >= ENOUGH:
                row = np.zeros(len(shown))
                row[i], row[j] = 1, -1
                rows.append(row)
                wanted.append(np.median(ratio, axis=0))
                weight.append(len(ratio))
    if not rows:
        return np.ones((len(shown), 3))
    root = np.sqrt(np.array(weight) / sum(weight))[:, None]
    held = np.sqrt(FIRM) * np.eye(len(shown))
    system = np.concatenate([root * np.stack(rows), held])
    goal = np.concatenate([root * np.stack(wanted), np.zeros((len(shown), 3))])
    return np.exp(np.linalg.lstsq(system, goal, rcond=None)[0])


def _usable(colours: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    """Light from 0 to 1; not a number where any channel is too dark or too bright."""
    light = linear_intensities(colours).astype(np.float32)
    good = np.all((light > DARK) & (light < BRIGHT), axis=1)
    return np.where(good[:, None], light, np.float32(np.nan))
