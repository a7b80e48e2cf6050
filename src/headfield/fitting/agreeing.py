"""Cameras of several photos of one person, put right by what the photos show: a place of a face looks alike in all.

Landmarks are found a millimetre or two from where they are, and each photo's are off in its own way, so cameras that
come from them disagree by some degrees. So cameras, u and expressions are sought with which the photos look most alike,
as far as landmarks stay likely, first on coarse pictures, then on finer ones.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from headfield.cameras import Camera
from headfield.fitting.comparing import Picture, most_alike
from headfield.fitting.poses import FaceSeen, JointPoses, LandmarkModel, Posed
from headfield.fitting.prior import ShapePrior

BLURS = (6.0, 3.0, 1.5)
"""How far pictures are blurred, in pixels of theirs, one after the other."""


def agreeing(
    posed: Posed,
    faces: Sequence[FaceSeen],
    images: Sequence[UInt8[np.ndarray, "h w 3"]],
    masks: Sequence[UInt8[np.ndarray, "h w"]],
    model: LandmarkModel,
    prior: ShapePrior,
) -> Posed:
    """The poses found from landmarks, with which the photos also show the same; a single photo's stay as they are."""
    if len(faces) < 2:
        return posed
    joint = JointPoses(faces, model)
    x = joint.joined(posed)
    pictures = [
        Picture.of(image, mask, face.eye_distance) for image, mask, face in zip(images, masks, faces, strict=True)
    ]
    pairs = list(itertools.combinations(range(len(faces)), 2))
    return _as_large(joint.posed(most_alike(joint, x, pictures, pairs, BLURS, prior)), posed)


def _as_large(found: Posed, before: Posed) -> Posed:
    """With the cameras at such distances that the head is as large as it was: photos that agree do not tell its size.

    Nothing else changes in the pictures; u is that of the head before it was brought back to its size.
    """
    grown = np.mean([_size(after) - _size(it) for after, it in zip(found.cameras, before.cameras, strict=True)])
    cameras = (replace(it, translation=it.translation * math.exp(-grown)) for it in found.cameras)
    return replace(found, cameras=tuple(cameras))


def _size(camera: Camera) -> float:
    """The logarithm of how large a head is that fills the picture so, up to a constant."""
    return math.log(float(camera.translation[2] / camera.focal[0]))
