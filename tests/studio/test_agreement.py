"""Everything a subject has tells of one and the same surface."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from headfield.capture import Subject, View
from headfield.mesh.distance import closest_points
from headfield.mesh.raycast import RayCaster
from headfield.studio.order import Order
from headfield.studio.recipe import make_subject
from headfield.studio.truth import FINEST
from headfield.units import MILLIMETRES_PER_UNIT

SIZE = 96
ORDER = Order(rig=("views-6",), size=SIZE, scan_points=4000)


@pytest.fixture(scope="module", params=["builtin", "ict"])
def subject(request) -> Subject:
    if request.param == "ict":
        request.getfixturevalue("assets")
    order = Order(**{**vars(ORDER), "model": request.param})
    # Somebody with curls, so that the surface is no simple one.
    return make_subject(order, 2, 0, name="somebody")


@pytest.fixture(scope="module")
def views(subject) -> list[View]:
    return list(subject.capture.views)


def seen_places(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Where the depth says the surface is, and which pixels have one."""
    known = view.depth > 0
    pixels = view.camera.pixel_centres()[torch.from_numpy(known)]
    depth = torch.from_numpy(view.depth[known]).double()
    return view.camera.unproject(pixels, depth).numpy(), known


def test_depths_lie_on_the_truth(subject, views):
    """Nearly all: where one looks into a corner so narrow that no straight way leads out, the truth ends."""
    for view in views:
        places, _ = seen_places(view)
        apart = closest_points(subject.truth, places).distances * MILLIMETRES_PER_UNIT
        assert np.quantile(apart, 0.995) < 0.05
        assert apart.max() < 5


def test_masks_cover_what_has_depth(views):
    for view in views:
        assert (view.mask[view.depth > 0] > 0).all()
        assert ((view.mask == 255) <= (view.depth > 0)).mean() > 0.999
        assert (view.mask > 0).mean() > 0.1


def test_normals_are_those_of_the_surface_at_that_depth(subject, views):
    for view in views:
        places, known = seen_places(view)
        faces = closest_points(subject.truth, places).faces
        true = subject.truth.face_normals[faces] @ view.camera.rotation.numpy().T
        angle = np.degrees(np.arccos(np.clip(np.sum(view.normals[known] * true, axis=1), -1, 1)))
        np.testing.assert_allclose(np.linalg.norm(view.normals[known], axis=1), 1, atol=1e-4)
        # Shaded normals are smooth, faces are flat: they differ by a few degrees where the surface bends.
        assert np.median(angle) < 8
        assert (view.normals[~known] == 0).all()


def test_landmarks_are_seen_where_the_surface_is(subject, views):
    for view in views:
        pixels, _ = view.camera.project(torch.from_numpy(subject.landmarks.points))
        np.testing.assert_allclose(view.landmarks.points, pixels.numpy(), atol=1e-6)
        places, _ = seen_places(view)
        # Pixels are 0.023 units wide; where the surface is steep they lie further apart.
        near = closest_points(subject.truth, subject.landmarks.points)
        towards = view.camera.centre.numpy() - subject.landmarks.points
        facing = np.sum(subject.truth.face_normals[near.faces] * towards, axis=1) > 0.5 * np.linalg.norm(
            towards, axis=1
        )
        seen = subject.landmarks.points[view.landmarks.visible & facing]
        assert np.linalg.norm(seen[:, None] - places, axis=2).min(axis=1).max() < 0.03
    assert views[0].landmarks.visible.sum() > 50, "the front sees most of the face"
    left, right = views[3].landmarks.visible, views[4].landmarks.visible
    assert (left != right).sum() > 20, "either side sees its own"


def test_scans_lie_on_the_truth_and_see_no_inner_wall(subject):
    scan = subject.scan
    found = closest_points(subject.truth, scan.points.astype(np.float64))
    apart = found.distances * MILLIMETRES_PER_UNIT
    assert np.quantile(apart, 0.999) < 0.01
    assert apart.max() < FINEST * MILLIMETRES_PER_UNIT, "where a face is seen in part"
    np.testing.assert_allclose(np.linalg.norm(scan.normals, axis=1), 1, atol=1e-3)
    # From each point the way to its sensor is free: nothing lies before an outer surface.
    way = scan.sensors[scan.sensor_of_point].astype(np.float64) - scan.points
    assert (np.sum(scan.normals * way, axis=1) > 0).mean() > 0.995
    start = scan.points + 1e-3 * way / np.linalg.norm(way, axis=1, keepdims=True)
    assert not RayCaster(subject.registration).occluded(start, way).mean() > 0.002


def test_what_the_scan_calls_free_is_outside(subject):
    """A free place sees some sensor past all solid parts, those included that the scan does not see."""
    free = subject.scan.free_points.astype(np.float64)
    assert (np.linalg.norm(free, axis=1) <= 1 + 1e-6).all()
    hidden = np.ones(len(free), bool)
    caster = RayCaster(subject.registration)
    for sensor in subject.scan.sensors.astype(np.float64):
        hidden[hidden] = caster.occluded(free[hidden], sensor - free[hidden])
    assert not hidden.any()


def test_the_subject_lies_in_the_unit_sphere(subject):
    assert np.linalg.norm(subject.registration.vertices, axis=1).max() < 1.01
    assert np.linalg.norm(subject.scan.points, axis=1).max() < 1.01
