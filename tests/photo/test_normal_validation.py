from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from headfield.canonical import CANONICAL_NOSE
from headfield.capture import Capture
from headfield.data.store import Dataset, create_dataset, write_subject
from headfield.errors import InputError
from headfield.photo.normal_examples import FACE_RADIUS
from headfield.photo.normal_validation import face_pixels, mean_angle
from headfield.photo.normals import EstimatorSettings, NormalEstimator, Sight
from headfield.rigs import around, orbit

from ..data.subjects import sphere_subject, sphere_view
from .test_normal_network import tiny

CAMERA = around(orbit(1), distance=4.0, size=1.4, pixels=48)[0]


@dataclass(frozen=True, eq=False)
class Oracle(NormalEstimator):
    """Knows the ball, but turns all normals about the viewing axis and sees a shifted mask."""

    turn: float = 0.0
    shift: int = 0

    def look(self, image, region=None, camera=None):
        assert camera is not None
        truth = sphere_view("ball", camera)
        c, s = math.cos(self.turn), math.sin(self.turn)
        turned = truth.normals @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]], np.float32)
        return Sight(turned.astype(np.float32), np.roll(truth.mask / np.float32(255), self.shift, axis=1))


def balls(folder):
    create_dataset(folder)
    write_subject(sphere_subject("ball", views=1), folder)
    return Dataset(folder)


def test_the_truth_has_no_error(tmp_path):
    errors = mean_angle(Oracle(tiny()), balls(tmp_path))
    assert errors.head == pytest.approx(0, abs=0.5)  # normals on disk have 8 bits
    assert errors.face == pytest.approx(0, abs=0.5)
    assert errors.overlap == 1
    assert errors.pictures == 1


def test_the_error_is_the_angle_between_the_normals(tmp_path):
    errors = mean_angle(Oracle(tiny(), turn=0.3), balls(tmp_path))
    normals = sphere_view("ball", CAMERA).normals
    lean = np.sin(np.arccos(np.clip(-normals[np.abs(normals).sum(axis=-1) > 0][:, 2], -1, 1)))
    expected = np.degrees(2 * np.arcsin(lean * math.sin(0.15))).mean()
    assert errors.head == pytest.approx(expected, rel=0.02)


def test_a_shifted_mask_overlaps_less(tmp_path):
    assert 0.6 < mean_angle(Oracle(tiny(), shift=4), balls(tmp_path)).overlap < 0.95


def test_the_face_is_what_lies_near_the_nose():
    view = sphere_view("ball", CAMERA)
    camera = CAMERA.to(dtype=torch.float64)
    near = face_pixels(view)
    points = camera.unproject(
        camera.pixel_centres().reshape(-1, 2), torch.from_numpy(view.depth).double().reshape(-1)
    ).reshape(48, 48, 3)
    distance = (points - torch.from_numpy(CANONICAL_NOSE)).norm(dim=-1).numpy()
    assert np.array_equal(near, (distance < FACE_RADIUS) & (view.mask > 0))
    flat = face_pixels(replace(view, depth=None))
    assert near.any()
    assert (flat | ~near).mean() > 0.98


def test_pictures_without_normals_cannot_be_measured_with(tmp_path):
    create_dataset(tmp_path)
    bare = replace(sphere_view("bare", CAMERA), normals=None)
    write_subject(replace(sphere_subject(), capture=Capture((bare,))), tmp_path)
    with pytest.raises(InputError, match="to measure with"):
        mean_angle(NormalEstimator(tiny(), EstimatorSettings(pixels=32)), Dataset(tmp_path))
