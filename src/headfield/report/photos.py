"""What a report shows and counts of one photo: what was found in it, and how well the head agrees with it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from headfield.metrics.images import COVERED, mask_iou, psnr
from headfield.report.content import Number, Photo
from headfield.report.drawing import blend, draw_dots, draw_outline, draw_rings

FOUND, REPROJECTED, EDGE = (230, 120, 0), (0, 140, 220), (0, 190, 120)
"""Told apart by people who see fewer colours, too."""

THICKNESS = 1 / 300
"""How thick lines are, for the longer side of the picture."""


def with_marks(photo: Photo) -> UInt8[np.ndarray, "h w 3"] | None:
    """The photo with the mask's edge, the landmarks found and the head's own; None where there is nothing to show."""
    if photo.mask is None and photo.landmarks is None and photo.reprojected is None:
        return None
    pen = max(1.0, THICKNESS * max(photo.picture.shape[:2]))
    marked = photo.picture
    if photo.mask is not None:
        marked = draw_outline(marked, photo.mask, EDGE, round(pen))
    if photo.landmarks is not None:
        marked = draw_rings(marked, photo.landmarks, FOUND, 2.5 * pen)
    if photo.reprojected is not None:
        marked = draw_dots(marked, photo.reprojected, REPROJECTED, 1.5 * pen)
    return marked


def with_head(photo: Photo) -> UInt8[np.ndarray, "h w 3"]:
    """The photo with the head drawn into it."""
    assert photo.head is not None
    return blend(photo.picture, photo.head.image, _cover(photo) / 255)


def numbers_of(photo: Photo) -> tuple[Number, ...]:
    """How well the head agrees with the photo, in what is known."""
    numbers = []
    if photo.landmarks is not None and photo.reprojected is not None and photo.eye_distance:
        error = landmark_error(photo.landmarks, photo.reprojected, photo.eye_distance)
        numbers.append(Number("Landmarks apart, of the eyes' distance", error, "%"))
    if photo.head is not None and photo.mask is not None:
        within = np.ones(photo.mask.shape, bool) if photo.within is None else photo.within
        agree = mask_iou(np.where(within, _cover(photo), np.uint8(0)), np.where(within, photo.mask, np.uint8(0)))
        numbers.append(Number("Outlines agree above the shoulders (IoU)", 100 * agree, "%"))
    if photo.head is not None:
        both = _cover(photo) if photo.mask is None else np.minimum(_cover(photo), photo.mask)
        if (both >= COVERED).any():
            numbers.append(Number("Colours agree (PSNR)", psnr(photo.head.image, photo.picture, both), "dB"))
    return tuple(numbers)


def landmark_error(
    found: Float[np.ndarray, "n 2"], reprojected: Float[np.ndarray, "n 2"], eye_distance: float
) -> float:
    """How far apart landmarks known in both lie on average, in percent of the distance of the eyes; NaN without any."""
    apart = np.linalg.norm(found - reprojected, axis=1)
    known = np.isfinite(apart)
    return float(100 * apart[known].mean() / eye_distance) if known.any() else float("nan")


def _cover(photo: Photo) -> UInt8[np.ndarray, "h w"]:
    assert photo.head is not None
    if photo.head.mask is None:
        return np.full(photo.picture.shape[:2], 255, np.uint8)
    return photo.head.mask
