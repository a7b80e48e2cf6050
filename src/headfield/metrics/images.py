"""How close a rendered picture is to the true one: colours, depth, normals, masks.

Pictures are bytes, or numbers from 0 to 1. A mask weighs each pixel by how much of it counts (0 to 255, or yes and
no); without one every pixel counts.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float64, UInt8

from headfield.errors import InputError
from headfield.units import MILLIMETRES_PER_UNIT

# Sizes that differ are bad input, so the types leave them open.
Picture = UInt8[np.ndarray, "_ _ 3"] | Float[np.ndarray, "_ _ 3"]
Mask = UInt8[np.ndarray, "_ _"] | Bool[np.ndarray, "_ _"]

COVERED = 128
"""From this byte on a pixel of a mask is inside."""

SSIM_WINDOW = 11
"""The side of SSIM's Gaussian window in pixels (Wang et al., 2004)."""


def psnr(prediction: Picture, truth: Picture, mask: Mask | None = None) -> float:
    """The peak signal-to-noise ratio in decibels; infinite for equal pictures."""
    difference = _unit_range(prediction, truth) - _unit_range(truth, prediction)
    error = _mean(np.mean(difference**2, axis=-1), mask)
    return float("inf") if error == 0 else float(-10 * np.log10(error))


def ssim(prediction: Picture, truth: Picture, mask: Mask | None = None) -> float:
    """The structural similarity (Wang et al., 2004), 1 for equal pictures: the mean of its map, by channels.

    With a mask the map is averaged over the mask. Its windows still look 5 pixels beyond: give both pictures the same
    background.
    """
    from skimage.metrics import structural_similarity

    one, other = _unit_range(prediction, truth), _unit_range(truth, prediction)
    if min(truth.shape[:2]) < SSIM_WINDOW:
        raise InputError(
            f"SSIM needs pictures of at least {SSIM_WINDOW} x {SSIM_WINDOW} pixels; these are {_size(truth)}."
        )
    _, similarity = structural_similarity(
        one,
        other,
        data_range=1.0,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return _mean(similarity.mean(axis=-1), mask)


def depth_errors(
    prediction: Float[np.ndarray, "_ _"], truth: Float[np.ndarray, "_ _"], mask: Mask | None = None
) -> Float64[np.ndarray, "n"]:
    """The absolute differences of two depth maps in millimetres, where both measured something (more than zero)."""
    _same_size(prediction, truth)
    both = (prediction > 0) & (truth > 0) & _inside(mask, truth)
    return np.abs(prediction[both].astype(np.float64) - truth[both]) * MILLIMETRES_PER_UNIT


def normal_errors(
    prediction: Float[np.ndarray, "_ _ 3"], truth: Float[np.ndarray, "_ _ 3"], mask: Mask | None = None
) -> Float64[np.ndarray, "n"]:
    """The angles between two normal maps in degrees, where both have a normal; their lengths do not matter."""
    _same_size(prediction, truth)
    a, b = prediction.astype(np.float64), truth.astype(np.float64)
    both = a.any(axis=-1) & b.any(axis=-1) & _inside(mask, truth)
    a, b = a[both], b[both]
    # The arc tangent stays exact for small angles, where the arc cosine does not.
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.einsum("nk,nk->n", a, b)))


def mask_iou(prediction: Mask, truth: Mask) -> float:
    """The area two masks share, as part of the area that at least one of them covers; 1 where both are empty."""
    _same_size(prediction, truth)
    a, b = _inside(prediction, truth), _inside(truth, truth)
    either = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / either if either else 1.0


def _unit_range(picture: Picture, other: Picture) -> Float64[np.ndarray, "_ _ 3"]:
    _same_size(picture, other)
    return picture / 255 if picture.dtype == np.uint8 else picture.astype(np.float64)


def _mean(values: Float64[np.ndarray, "_ _"], mask: Mask | None) -> float:
    if mask is None:
        return float(values.mean())
    _same_size(values, mask)
    weights = mask.astype(np.float64)
    if not weights.any():
        raise InputError("the mask is empty, so there is nothing to measure; check the mask.")
    return float(np.average(values, weights=weights))


def _inside(mask: Mask | None, like: np.ndarray) -> Bool[np.ndarray, "_ _"]:
    if mask is None:
        return np.ones(like.shape[:2], bool)
    _same_size(mask, like)
    return mask if mask.dtype == bool else mask >= COVERED


def _same_size(one: np.ndarray, other: np.ndarray) -> None:
    if one.shape[:2] != other.shape[:2]:
        raise InputError(f"pictures of different size cannot be compared: {_size(one)} and {_size(other)} pixels.")


def _size(picture: np.ndarray) -> str:
    return f"{picture.shape[1]} x {picture.shape[0]}"
