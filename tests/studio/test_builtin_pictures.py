"""The built-in head before the studio's cameras and in its scanner: all that is said of one person agrees."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from headfield.mesh.distance import closest_points
from headfield.studio.body import Body, make_body
from headfield.studio.builtin import load_builtin
from headfield.studio.expression import neutral
from headfield.studio.figure import Figure, Part
from headfield.studio.identity import Identity
from headfield.studio.photograph import photograph
from headfield.studio.rigs import rig
from headfield.studio.scanner import scan
from headfield.studio.sight import visible_landmarks
from headfield.studio.sitter import Sitter

from .scenes import lamp, uniform


@pytest.fixture(scope="module")
def body() -> Body:
    model, rng = load_builtin(), np.random.default_rng(3)
    return make_body(model, Identity.sample(model, rng), neutral(model, rng))


@pytest.fixture(scope="module")
def sitter(body) -> Sitter:
    meshes = {"skin": body.skin, "eyeball_L": body.eyeballs[0], "eyeball_R": body.eyeballs[1]}
    meshes |= {"teeth": body.teeth, "gums": body.gums}
    return Sitter.of(Figure(tuple(Part(name, mesh) for name, mesh in meshes.items()), body.landmarks))


def test_every_view_of_a_rig_unprojects_onto_the_surface(sitter):
    lit = sitter.lit(uniform(0.5, lamp((1.0, 1.0, 2.0), angular_radius=5.0)))
    cameras = rig("sphere", pixels=48, rng=np.random.default_rng(0))
    for k in range(0, len(cameras), 4):
        view = photograph(lit, cameras[k])
        rows, columns = np.nonzero(view.depth)
        pixels = torch.from_numpy(np.stack([columns, rows], axis=1) + 0.5)
        points = view.camera.unproject(pixels, torch.from_numpy(view.depth[rows, columns].astype(float)))
        assert len(points) > 200
        assert closest_points(sitter.surface, points.numpy()).distances.max() < 1e-4
        assert np.all(view.mask[rows, columns] > 0)


def test_a_scan_of_a_closed_mouth_has_no_teeth(sitter, body, rng):
    scanned = scan(sitter, rng, points=4000, free_points=500)
    to_teeth = closest_points(body.teeth, scanned.points.astype(float)).distances
    to_skin = closest_points(body.skin, scanned.points.astype(float)).distances
    assert np.mean((to_teeth < 1e-5) & (to_skin > 1e-5)) < 1e-3
    assert closest_points(sitter.surface, scanned.points.astype(float)).distances.max() < 1e-5


def test_from_the_front_a_face_shows_its_landmarks_and_from_behind_none(sitter, body):
    front = visible_landmarks(sitter, rig("views-1", pixels=64, rng=np.random.default_rng(0))[0], body.landmarks)
    behind = visible_landmarks(sitter, rig("orbit", pixels=64, rng=np.random.default_rng(0))[32], body.landmarks)
    assert front.visible[27:].mean() > 0.8
    assert not behind.visible[17:].any()
