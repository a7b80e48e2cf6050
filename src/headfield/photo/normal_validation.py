"""How far estimated normals are from true ones, in degrees, on people whom the network has never seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool

from headfield.canonical import CANONICAL_NOSE
from headfield.capture import View
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.photo.normal_examples import FACE_RADIUS
from headfield.photo.normals import NormalEstimator


@dataclass(frozen=True)
class NormalErrors:
    """Means over pictures; angles in degrees."""

    head: float
    """Over all of the person."""
    face: float
    """Within 95 mm of the tip of the nose."""
    overlap: float
    """Of the found mask and the true one: what both cover of what either does."""
    pictures: int


def mean_angle(
    estimator: NormalEstimator, dataset: Dataset, names: Sequence[str] | None = None, *, posed: bool = True
) -> NormalErrors:
    """The errors over all pictures with masks and normals; unless ``posed``, the estimator is not told the camera."""
    found = []
    for name in dataset.names if names is None else names:
        capture = dataset.read(name, scan=False, truth=False).capture
        for view in () if capture is None else capture.views:
            if view.mask is not None and view.normals is not None:
                found += [_errors(estimator, view, view.mask, view.normals, posed=posed)]
    if not found:
        raise InputError(f"{dataset.folder} has no pictures with masks and normals to measure with.")
    head, face, overlap = np.nanmean(np.array(found), axis=0).tolist()
    return NormalErrors(head, face, overlap, len(found))


def face_pixels(view: View) -> Bool[np.ndarray, "h w"]:
    """Which pixels show the face: near the tip of the nose in space, or in the picture where there is no depth."""
    camera = view.camera.to(dtype=torch.float64)
    nose = torch.from_numpy(CANONICAL_NOSE)
    if view.depth is not None:
        depth = torch.from_numpy(view.depth.astype(np.float64)).reshape(-1)
        points = camera.unproject(camera.pixel_centres().reshape(-1, 2), depth)
        near = ((points - nose).norm(dim=1) < FACE_RADIUS) & (depth > 0)
        return near.reshape(view.depth.shape).numpy()
    place, distance = camera.project(nose[None])
    radius = FACE_RADIUS / float(distance) * float(camera.focal.mean())
    return ((camera.pixel_centres() - place).norm(dim=-1) < radius).numpy()


def _errors(
    estimator: NormalEstimator, view: View, mask: np.ndarray, normals: np.ndarray, *, posed: bool
) -> tuple[float, float, float]:
    sight = estimator.look(view.image, camera=view.camera if posed else None)
    cosines = (sight.normals * normals).sum(axis=-1)
    degrees = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    person = mask > 127
    known = person & (np.abs(normals).sum(axis=-1) > 0)
    face, guessed = known & face_pixels(view), sight.covered > 0.5
    overlap = (person & guessed).sum() / max((person | guessed).sum(), 1)
    return float(degrees[known].mean()), float(degrees[face].mean()) if face.any() else np.nan, float(overlap)
