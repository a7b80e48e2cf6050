"""Landmarks are seen where they show and hidden where something stands before them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from headfield.studio.figure import Figure, Part
from headfield.studio.photograph import photograph
from headfield.studio.sight import visible_landmarks
from headfield.studio.sitter import Sitter

from ..shapes import bumpy, sphere
from .scenes import camera, disc, figure, uniform


@pytest.fixture(scope="module")
def marks() -> np.ndarray:
    directions = np.random.default_rng(1).normal(size=(68, 3))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def test_of_a_ball_the_near_cap_is_seen(marks):
    distance = 4.0
    seen = visible_landmarks(Sitter.of(figure(sphere(rings=96))), camera((0.0, 0.0, distance)), marks)
    clear = np.abs(marks[:, 2] - 1 / distance) > 0.05
    assert np.array_equal(seen.visible[clear], marks[clear, 2] > 1 / distance)


def test_a_landmark_projects_where_it_is_seen():
    sitter = Sitter.of(figure(bumpy(rings=96)))
    places = sitter.surface.vertices[np.random.default_rng(0).choice(len(sitter.surface.vertices), 68, replace=False)]
    view = photograph(sitter.lit(uniform(1.0)), camera((1.0, 0.5, 3.0), pixels=512))
    seen = visible_landmarks(sitter, view.camera, places)
    columns, rows = seen.points[seen.visible].astype(int).T
    assert 15 < seen.visible.sum() < 55
    depth = view.camera.to_camera(torch.from_numpy(places[seen.visible]))[:, 2].numpy()
    steep = view.normals[rows, columns, 2] < -0.25
    assert steep.sum() > 10
    assert np.abs(view.depth[rows, columns] - depth)[steep].max() < 0.02


def test_outside_the_picture_nothing_is_seen(marks):
    away = replace(camera(), principal=torch.tensor([1e4, 32.0], dtype=torch.float64))
    assert not visible_landmarks(Sitter.of(figure(sphere())), away, marks).visible.any()


def test_behind_the_camera_nothing_is_seen(marks):
    looking_away = camera((0.0, 0.0, 4.0))
    turned = replace(looking_away, rotation=torch.diag(torch.tensor([-1.0, -1.0, 1.0], dtype=torch.float64)))
    turned = replace(turned, translation=-(turned.rotation @ looking_away.centre))
    assert not visible_landmarks(Sitter.of(figure(sphere())), turned, marks).visible.any()


def test_glasses_hide_no_landmark(marks):
    parts = (Part("skin", sphere(rings=48)), Part("glasses", disc(1.5, 1.2), solid=False))
    with_glasses = Sitter.of(Figure(parts, marks))
    without = Sitter.of(Figure(parts[:1], marks))
    one, other = (visible_landmarks(sitter, camera(), marks) for sitter in (with_glasses, without))
    assert np.array_equal(one.visible, other.visible)
    hidden = Sitter.of(Figure((parts[0], replace(parts[1], solid=True)), marks))
    assert not visible_landmarks(hidden, camera(), marks).visible.any()
