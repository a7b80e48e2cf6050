"""Where photos were taken from: the head's pose in each, found from the landmarks of its face.

A landmark lies at l = m + B u + E e, with the mean m and the directions B of a prior, the directions E of expressions,
u ~ N(0, 1) the same in all photos of a person and e ~ N(0, 1) in each photo its own; what is left then is how far the
points found are from where the camera sees those places. Without a focal length in its file a photo is taken to be a
portrait, from a usual distance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from headfield.cameras import Camera
from headfield.errors import InputError
from headfield.fitting.expressions import Expressions
from headfield.fitting.newton import Equations
from headfield.fitting.pose import Pinhole, pose_of
from headfield.fitting.statistics import LANDMARKS, CodeStatistics
from headfield.units import MILLIMETRES_PER_UNIT

PORTRAIT = 1500.0 / MILLIMETRES_PER_UNIT
"""From how far, in head units, portraits are taken."""
PORTRAIT_SPREAD, FOCAL_SPREAD = 0.25, 0.03
"""How much the logarithms of that distance, and of focal lengths that files tell, are off (standard deviations)."""

NEAREST, FURTHEST = 200.0 / MILLIMETRES_PER_UNIT, 6000.0 / MILLIMETRES_PER_UNIT
"""From between these distances, in head units, heads are photographed; a focal length that says otherwise is wrong."""

FOUND = 0.045
"""How far off landmarks are found, as a part of the distance between the eyes.

It is three times as far as one is off by itself: a face's are off together, and real faces are not synthetic ones.
"""

SOFTNESS = np.repeat([2.8, 2.3, 1.3, 1.0, 1.0], [17, 10, 9, 12, 20])
"""How many times further off jaw, brows, nose, eyes and mouth are, measured on synthetic people at rest."""

OUTLIER = 2.5
"""From how many standard deviations on a landmark is mistrusted."""

FEWEST = 12
"""So many landmarks at least tell a pose."""

TURNS = np.radians([-60, -30, 0, 30, 60])
"""How far heads may be turned, to begin with."""

EYES = (slice(36, 42), slice(42, 48))


@dataclass(frozen=True, eq=False)
class LandmarkModel:
    """Where the 68 landmarks of heads are, in head space: l = m + B u + E e, within ``noise`` head units."""

    mean: Float64[np.ndarray, "68 3"]
    basis: Float64[np.ndarray, "68 3 k"]
    expressions: Float64[np.ndarray, "68 3 j"]
    noise: float

    @staticmethod
    def of(codes: CodeStatistics) -> LandmarkModel:
        """What a prior's codes say of landmarks, and how anybody's move."""
        tensors = (codes.landmark_mean, codes.landmark_basis, Expressions.shipped().basis)
        mean, basis, expressions = (values.double().cpu().numpy() for values in tensors)
        return LandmarkModel(mean, basis, expressions, float(codes.landmark_noise))

    def places(
        self, u: Float64[np.ndarray, "k"], e: Float64[np.ndarray, "j"] | None = None
    ) -> Float64[np.ndarray, "68 3"]:
        """The landmarks of one head, at rest or with an expression."""
        neutral = self.mean + self.basis @ u
        return neutral if e is None else neutral + self.expressions @ e


@dataclass(frozen=True, eq=False)
class FaceSeen:
    """The 68 landmarks found in one photo, in pixels, and its focal length in pixels where the file tells."""

    landmarks: Float[np.ndarray, "68 2"]
    known: Bool[np.ndarray, "68"]
    width: int
    height: int
    focal: float | None = None

    @property
    def eye_distance(self) -> float:
        """Between the middles of the eyes, in pixels."""
        left, right = (self.landmarks[eye].mean(axis=0) for eye in EYES)
        return float(np.linalg.norm(left - right))


@dataclass(frozen=True, eq=False)
class Posed:
    """Cameras in head space, one a photo, the person's u, each photo's e, and how far off the landmarks are."""

    cameras: tuple[Camera, ...]
    u: Float64[np.ndarray, "k"]
    e: Float64[np.ndarray, "v j"]
    errors: tuple[float, ...]
    """The mean distance of eyes, nose and mouth from where each camera sees them, as a part of the eye distance."""
    cost: float
    """How unlikely all of it is, as minus the logarithm of its probability, up to a constant."""


def find_poses(faces: Sequence[FaceSeen], model: LandmarkModel) -> Posed:
    """The likeliest cameras, u and e for photos of one person; InputError where a face shows too few landmarks."""
    joint = JointPoses(faces, model)
    certain = joint.certain()
    found = least_squares(
        joint.residuals, joint.start(), joint.slopes, loss=lambda z: mistrusted(z, certain), x_scale="jac"
    )
    return joint.posed(found.x)


class JointPoses:
    """How unlikely u, and each photo's pose and e, are for the landmarks in photos of one person.

    What is sought is one vector: u, then turn, place, logarithm of the focal length and e of each photo.
    """

    def __init__(self, faces: Sequence[FaceSeen], model: LandmarkModel):
        for face in faces:
            if face.known.sum() < FEWEST or not face.eye_distance > 0:
                raise InputError("too few landmarks of the face were found to tell its pose; take another photo.")
        self.faces, self.model = faces, model
        self.views = [LandmarkResiduals(face, model) for face in faces]
        self.k, self.own = model.basis.shape[2], 7 + model.expressions.shape[2]
        self.size = self.k + len(faces) * self.own
        index = np.arange(self.size)
        self._usual = (index < self.k) | ((index - self.k) % self.own >= 7)  # u and e, not poses

    def start(self) -> Float64[np.ndarray, "n"]:
        """The mean head at rest, roughly posed."""
        nothing = np.zeros(self.own - 7)
        return np.concatenate([np.zeros(self.k), *(np.append(view.start(), nothing) for view in self.views)])

    def parted(
        self, x: Float64[np.ndarray, "n"]
    ) -> tuple[Float64[np.ndarray, "k"], Float64[np.ndarray, "v 7"], Float64[np.ndarray, "v j"]]:
        """What is sought, as u and each view's pose and e."""
        each = x[self.k :].reshape(len(self.views), self.own)
        return x[: self.k], each[:, :7], each[:, 7:]

    def joined(self, posed: Posed) -> Float64[np.ndarray, "n"]:
        """The other way: what was found, as one vector."""
        parts = [posed.u]
        for camera, e in zip(posed.cameras, posed.e, strict=True):
            parts += [pose_of(camera), e]
        return np.concatenate(parts)

    def own_part(self, view: int) -> slice:
        """Where in the vector a view's pose and e are."""
        return slice(self.k + view * self.own, self.k + (view + 1) * self.own)

    def residuals(self, x: Float64[np.ndarray, "n"]) -> Float64[np.ndarray, "m"]:
        """In standard deviations; those of what is usual come first."""
        u, poses, e = self.parted(x)
        seen = (view(pose, self.model.places(u, own)) for view, pose, own in zip(self.views, poses, e, strict=True))
        return np.concatenate([x[self._usual], *seen])

    def slopes(self, x: Float64[np.ndarray, "n"]) -> Float64[np.ndarray, "m n"]:
        """Their derivatives."""
        u, poses, e = self.parted(x)
        whole = [np.eye(self.size)[self._usual]]
        for i, view in enumerate(self.views):
            by_u, by_own = view.slopes(poses[i], self.model.places(u, e[i]))
            rows = np.zeros((len(by_u), self.size))
            rows[:, : self.k], rows[:, self.own_part(i)] = by_u, by_own
            whole.append(rows)
        return np.concatenate(whole)

    def certain(self) -> Bool[np.ndarray, "m"]:
        """Which residuals are no measurements, which may be wrong, but what is usual."""
        return np.concatenate([np.ones(self._usual.sum(), bool), *(view.certain() for view in self.views)])

    def equations(self, x: Float64[np.ndarray, "n"]) -> Equations:
        """Those of a Gauss-Newton step by landmarks, and by what is usual."""
        off, slopes = self.residuals(x), self.slopes(x)
        loss, trust, _ = mistrusted(off**2, self.certain())
        return Equations(float(loss.sum()), slopes.T @ (trust[:, None] * slopes), slopes.T @ (trust * off))

    def cameras(self, x: Float64[np.ndarray, "n"]) -> tuple[Camera, ...]:
        """What was found, as cameras."""
        return tuple(view.camera(pose) for view, pose in zip(self.views, self.parted(x)[1], strict=True))

    def posed(self, x: Float64[np.ndarray, "n"]) -> Posed:
        """What was found, with how far off landmarks are."""
        cameras = self.cameras(x)
        u, _, e = self.parted(x)
        triples = zip(self.faces, cameras, e, strict=True)
        errors = tuple(landmark_error(face, camera, self.model.places(u, own)) for face, camera, own in triples)
        loss, _, _ = mistrusted(self.residuals(x) ** 2, self.certain())
        return Posed(cameras, u, e, errors, float(loss.sum()) / 2)


def landmark_error(face: FaceSeen, camera: Camera, places: Float64[np.ndarray, "68 3"]) -> float:
    """How far eyes, nose and mouth are from where a camera sees them, as a part of the eye distance."""
    pixels, _ = camera.project(torch.from_numpy(places).to(camera.focal))
    off = np.linalg.norm(pixels.numpy() - face.landmarks, axis=1)
    inner = face.known & (np.arange(LANDMARKS) >= 27)
    return float(off[inner].mean() / face.eye_distance) if inner.any() else math.nan


class LandmarkResiduals(Pinhole):
    """How unlikely a pose (turn, place and logarithm of the focal length) is for one face, in standard deviations."""

    def __init__(self, face: FaceSeen, model: LandmarkModel):
        middle = torch.tensor([face.width, face.height], dtype=torch.float64) / 2
        pose, focal = torch.eye(4, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
        super().__init__(Camera(pose[:3, :3], pose[:3, 3], focal, middle, face.width, face.height))
        self.face, self.model = face, model
        eyes = [model.mean[eye].mean(axis=0) for eye in EYES]
        scale = face.eye_distance / float(
            np.linalg.norm(eyes[0] - eyes[1])
        )  # pixels a head unit, if seen from the front
        self.noise = math.hypot(FOUND * face.eye_distance, model.noise * scale) * SOFTNESS[face.known]
        told = face.focal is not None and NEAREST < face.focal / scale < FURTHEST
        self.told = face.focal if told else None  # what a cropped picture's file tells is another picture's
        self.focal = self.told or PORTRAIT * scale

    def __call__(self, pose: np.ndarray, places: np.ndarray) -> np.ndarray:
        """The residuals of the landmarks, if they lie at these places, and one for the distance or focal length."""
        known = self.face.known
        off = (self.pixels(pose, places[known]) - self.face.landmarks[known]) / self.noise[:, None]
        if self.told:
            usual = (pose[6] - math.log(self.told)) / FOCAL_SPREAD
        else:
            usual = math.log(max(pose[5], 1e-3) / PORTRAIT) / PORTRAIT_SPREAD
        return np.append(off.ravel(), usual)

    def slopes(
        self, pose: Float64[np.ndarray, "7"], places: Float64[np.ndarray, "68 3"]
    ) -> tuple[Float64[np.ndarray, "n k"], Float64[np.ndarray, "n own"]]:
        """The derivatives of the residuals by u, and by the pose and e."""
        known = self.face.known
        _, moved, by_pose = self.projected(pose, places[known])
        moved, by_pose = (it / self.noise[:, None, None] for it in (moved, by_pose))
        by_u, by_e = (
            np.einsum("lac,lck->lak", moved, basis[known]) for basis in (self.model.basis, self.model.expressions)
        )
        by_own = np.concatenate([by_pose, by_e], axis=2)
        usual = np.zeros((1, by_own.shape[2]))
        if self.told:
            usual[0, 6] = 1 / FOCAL_SPREAD
        elif pose[5] > 1e-3:
            usual[0, 5] = 1 / pose[5] / PORTRAIT_SPREAD
        by_u, by_own = (it.reshape(2 * len(it), it.shape[2]) for it in (by_u, by_own))
        return np.pad(by_u, ((0, 1), (0, 0))), np.concatenate([by_own, usual])

    def certain(self) -> Bool[np.ndarray, "n"]:
        """Which of the residuals are no measurements, which may be wrong, but what is usual."""
        return np.append(np.zeros(2 * int(self.face.known.sum()), bool), True)

    def start(self) -> np.ndarray:
        """The best of a few turns, each with the roll, size and place that fit, as seen from afar."""
        known, mean = self.face.known, self.model.mean
        best, least = np.zeros(7), math.inf
        for turn in TURNS:
            facing = Rotation.from_euler("y", turn) * Rotation.from_euler("x", math.pi)
            factor, shift = _in_plane(facing.apply(mean[known])[:, :2], self.face.landmarks[known], self.noise)
            rotation = Rotation.from_euler("z", np.angle(factor)) * facing
            depth = self.focal / abs(factor)
            place = np.append((shift - self.middle) / abs(factor), depth)
            pose = np.concatenate([rotation.as_rotvec(), place, [math.log(self.focal)]])
            cost = float(np.abs(self(pose, mean)).sum())
            if cost < least:
                best, least = pose, cost
        return best


def mistrusted(z: Float64[np.ndarray, "n"], certain: Bool[np.ndarray, "n"]) -> Float64[np.ndarray, "3 n"]:
    """Huber's loss of squared residuals and its two derivatives: what is not certain counts less when it is far off."""
    far = (z > OUTLIER**2) & ~certain
    root = np.sqrt(np.where(far, z, 1.0))
    loss = np.where(far, 2 * OUTLIER * root - OUTLIER**2, z)
    slope = np.where(far, OUTLIER / root, 1.0)
    return np.stack([loss, slope, np.where(far, -0.5 * slope / root**2, 0.0)])


def _in_plane(
    source: Float64[np.ndarray, "n 2"], target: Float64[np.ndarray, "n 2"], noise: Float64[np.ndarray, "n"]
) -> tuple[complex, Float64[np.ndarray, "2"]]:
    """The turn and scale (a complex factor) and the shift that take one set of points closest to another."""
    a, b = source @ (1, 1j), target @ (1, 1j)
    weights = 1 / noise**2
    weights /= weights.sum()
    middle_a, middle_b = weights @ a, weights @ b
    a = a - middle_a
    factor = (weights * a.conj()) @ (b - middle_b) / max(float(weights @ np.abs(a) ** 2), 1e-12)
    shift = middle_b - factor * middle_a
    return complex(factor), np.array([shift.real, shift.imag])
