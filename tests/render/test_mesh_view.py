from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from headfield import rigs
from headfield.mesh.raycast import RayCaster
from headfield.render.mesh_view import CLAY, render_mesh
from headfield.render.pictures import render_view
from headfield.render.sphere_tracing import SphereTracing

from .. import shapes
from .solids import sphere


def portrait(size: int = 64):
    direction = torch.nn.functional.normalize(torch.tensor([[0.3, 0.2, 1.0]]).double(), dim=-1)
    return rigs.around(direction, distance=5.0, size=1.4, pixels=size)[0]


def test_a_fine_mesh_of_a_ball_looks_as_the_ball():
    ball = shapes.sphere(0.5, rings=90)
    painted = replace(ball, colours=np.round((ball.vertices / 0.5 + 1) / 2 * 255).astype(np.uint8))
    mesh = render_mesh(RayCaster(painted), portrait(), background=(0, 1, 0))
    field = render_view(sphere(0.5), portrait(), lambda x, n, d: (n + 1) / 2, SphereTracing(), background=(0, 1, 0))
    both = (mesh.mask > 0) & (field.mask > 0)
    assert ((mesh.mask > 0) != (field.mask > 0)).mean() < 0.005
    np.testing.assert_allclose(mesh.depth[both], field.depth[both], atol=5e-3)
    assert np.abs(mesh.depth[both] - field.depth[both]).mean() < 3e-4
    np.testing.assert_allclose(mesh.normals[both], field.normals[both], atol=0.02)
    np.testing.assert_allclose(mesh.image[both].astype(int), field.image[both], atol=4)
    assert (mesh.image[mesh.mask == 0] == [0, 255, 0]).all()
    assert not mesh.depth[mesh.mask == 0].any()


def test_what_has_no_colours_is_clay_in_the_light():
    image = render_mesh(RayCaster(shapes.sphere(0.5)), portrait()).image.astype(int)
    assert image[20, 20].sum() > image[44, 44].sum() + 30, "lit from the upper left"
    assert image[image.sum(axis=-1) < 765].max() <= max(CLAY)


def test_a_texture_is_looked_up():
    square = shapes.plane(1.0)
    texture = np.zeros((8, 8, 3), np.uint8)
    texture[:4, :, 0], texture[4:, :, 2] = 255, 255  # red above blue
    mesh = replace(square, uv=square.vertices[:, :2] + 0.5, texture=texture)
    image = render_mesh(RayCaster(mesh), portrait()).image
    assert image[24, 32].tolist() == [255, 0, 0]
    assert image[40, 32].tolist() == [0, 0, 255]
