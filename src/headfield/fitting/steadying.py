"""Cameras that are only roughly known, put right by what their views show, before a fit corrects what is left.

A camera that is turned by half a degree shows the head a centimetre beside its place, which a fit takes for a head of
another shape. So the outline of the mean head is first laid over that of each view; then cameras and u are sought with
which places of a face look alike in all views, first in coarse pictures, then in finer ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from PIL import Image
from scipy.signal import fftconvolve
from scipy.spatial.transform import Rotation

from headfield.cameras import Camera
from headfield.capture import Capture, View
from headfield.fitting.comparing import Picture, most_alike, roughly_shaped
from headfield.fitting.newton import Equations
from headfield.fitting.observations import different
from headfield.fitting.pose import Pinhole, pose_of
from headfield.fitting.poses import EYES, LandmarkModel
from headfield.fitting.prior import ShapePrior
from headfield.mesh.raycast import RayCaster

TURNED, MOVED, ZOOMED = 0.02, 0.02, 0.005
"""How far roughly known cameras are off, as standard deviations: turned in radians, moved in head units, and in the
logarithm of the focal length."""

BLURS = (12.0, 6.0, 3.0, 1.5)
"""How far pictures are blurred, in pixels of which 64 lie between the eyes, one after the other."""

WIDTH = 128
"""How many pixels wide outlines are compared."""

SHIFT = 0.2
"""How far beside its place a head may be, as a part of the picture's width."""

NEXT = 4
"""With so many of those that look from closest by a view is compared; further apart they share little."""


def steadied(capture: Capture, prior: ShapePrior) -> Capture:
    """The capture with cameras with which its views agree; itself where they are well known, or it has one view.

    Args:
        capture: Views with masks.
        prior: A family of heads.
    """
    views = different(list(capture.views)) if capture.rough else []
    if len(views) < 2:
        return capture
    sought = RoughPoses([view.camera for view in views], LandmarkModel.of(prior.codes))
    masks = [_mask(view) for view in views]
    x = sought.start()
    mean = RayCaster(roughly_shaped(prior, sought.parted(x)[0]))
    for number, (camera, mask) in enumerate(zip(sought.cameras(x), masks, strict=True)):
        turned = turned_to(camera, outline_shift(camera, mask, mean))
        x[sought.own_part(number)] = pose_of(turned)
    eyes = _eye_distance(sought.model)
    pictures = [
        Picture.of(view.image, mask, eyes * float(view.camera.focal[0] / view.camera.centre.norm()))
        for view, mask in zip(views, masks, strict=True)
    ]
    x = most_alike(sought, x, pictures, pairs_of(sought.cameras(x)), BLURS, prior)
    found = zip(views, sought.cameras(x), strict=True)
    return replace(
        capture, views=tuple(replace(view, camera=camera.to(dtype=view.camera.focal.dtype)) for view, camera in found)
    )


class RoughPoses:
    """How unlikely u, and the pose of each camera that is roughly known, are; one vector: u, then the poses."""

    def __init__(self, cameras: Sequence[Camera], model: LandmarkModel):
        self.model = model
        self.views = [Pinhole(camera) for camera in cameras]
        self.k = model.basis.shape[2]

    def start(self) -> Float64[np.ndarray, "n"]:
        """The mean head, and the cameras as given."""
        return np.concatenate([np.zeros(self.k), *(pose_of(view.given) for view in self.views)])

    def parted(self, x: Float64[np.ndarray, "n"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """u, the poses, and nothing else."""
        poses = x[self.k :].reshape(-1, 7)
        return x[: self.k], poses, np.zeros((len(poses), 0))

    def own_part(self, view: int) -> slice:
        """Where in the vector a view's pose is."""
        return slice(self.k + 7 * view, self.k + 7 * (view + 1))

    def cameras(self, x: Float64[np.ndarray, "n"]) -> tuple[Camera, ...]:
        """The cameras in their poses."""
        return tuple(view.camera(pose) for view, pose in zip(self.views, self.parted(x)[1], strict=True))

    def equations(self, x: Float64[np.ndarray, "n"]) -> Equations:
        """That u is usual, and that cameras are about where they were said to be."""
        u, poses, _ = self.parted(x)
        off, slopes = [u], np.eye(len(x))
        for number, (view, pose) in enumerate(zip(self.views, poses, strict=True)):
            off.append(_away(view.given, pose))
            own = self.own_part(number)
            slopes[own, own] = _derivatives(view.given, pose)
        return Equations.of(np.concatenate(off), slopes)


def pairs_of(cameras: Sequence[Camera]) -> list[tuple[int, int]]:
    """Which views are compared: each with those that look from closest by."""
    ways = torch.stack([camera.centre.double() / camera.centre.double().norm() for camera in cameras])
    alike = (ways @ ways.T).fill_diagonal_(-2.0)
    closest = alike.topk(min(NEXT, len(cameras) - 1), dim=1).indices
    return sorted({(min(a, b), max(a, b)) for a, row in enumerate(closest.tolist()) for b in row})


def outline_shift(camera: Camera, mask: UInt8[np.ndarray, "h w"], head: RayCaster) -> Float64[np.ndarray, "2"]:
    """By how many pixels a head is to be shifted in a view so that its outline lies best over the mask's."""
    scale = WIDTH / camera.width
    small = camera.to(dtype=torch.float64).resize(WIDTH, max(2, round(scale * camera.height)))
    shown = np.asarray(Image.fromarray(mask).resize((small.width, small.height), Image.Resampling.BOX), np.float64)
    rays = small.rays(small.pixel_centres().reshape(-1, 2))
    hit = head.first_hits(rays.origins.numpy(), rays.directions.numpy()).hit.reshape(shown.shape)
    # What both show, or neither, less what only one shows, for every shift.
    alike = fftconvolve(shown / 127.5 - 1, (2.0 * hit - 1)[::-1, ::-1])
    reach = round(SHIFT * WIDTH)
    top, left = (max(side - 1 - reach, 0) for side in shown.shape)
    part = alike[top : shown.shape[0] + reach, left : shown.shape[1] + reach]
    row, column = np.unravel_index(part.argmax(), part.shape)
    down, across = row + top - (shown.shape[0] - 1), column + left - (shown.shape[1] - 1)
    return np.array([across, down]) / scale


def turned_to(camera: Camera, shift: Float64[np.ndarray, "2"]) -> Camera:
    """The camera turned where it stands, so that what is in the middle appears shifted by so many pixels."""
    across, down = shift / camera.focal.double().numpy()
    turn = torch.from_numpy(Rotation.from_rotvec([-down, across, 0.0]).as_matrix())
    rotation = turn @ camera.rotation.double()
    return replace(
        camera,
        rotation=rotation,
        translation=-rotation @ camera.centre.double(),
        focal=camera.focal.double(),
        principal=camera.principal.double(),
    )


def _mask(view: View) -> UInt8[np.ndarray, "h w"]:
    assert view.mask is not None
    return view.mask


def _eye_distance(model: LandmarkModel) -> float:
    left, right = (model.mean[eye].mean(axis=0) for eye in EYES)
    return float(np.linalg.norm(left - right))


def _away(given: Camera, pose: Float64[np.ndarray, "7"]) -> Float64[np.ndarray, "7"]:
    """How far a pose is from the given one, in standard deviations."""
    rotation = Rotation.from_rotvec(pose[:3])
    turned = (rotation * Rotation.from_matrix(given.rotation.double().numpy()).inv()).as_rotvec()
    moved = -rotation.inv().apply(pose[3:6]) - given.centre.double().numpy()
    zoomed = pose[6] - np.log(given.focal[:1].double().numpy())
    return np.concatenate([turned / TURNED, moved / MOVED, zoomed / ZOOMED])


def _derivatives(given: Camera, pose: Float64[np.ndarray, "7"], step: float = 1e-6) -> Float64[np.ndarray, "7 7"]:
    there_and_back = (
        (_away(given, pose + moved) - _away(given, pose - moved)) / (2 * step) for moved in step * np.eye(7)
    )
    return np.stack(list(there_and_back), axis=1)
