from __future__ import annotations

import numpy as np
import torch
from torch import nn

from headfield.fields import weights
from headfield.photo.guide import Guide, drawn
from headfield.photo.normal_crops import CropSettings, take_crops
from headfield.photo.normal_examples import Examples, example
from headfield.photo.normal_network import NormalNetwork
from headfield.photo.normals import GUIDE, PART, EstimatorSettings, NormalEstimator
from headfield.rigs import around, on_sphere

from ..data.subjects import RADIUS, sphere_view
from ..shapes import sphere
from .test_normal_network import TINY, tiny

BALL = sphere(RADIUS, rings=64)

CAMERA = around(on_sphere(torch.tensor([30.0]), torch.tensor([10.0])), distance=3.0, size=1.6, pixels=96)[0]


class Repeating(NormalNetwork):
    """Says that the person looks just as the guide does."""

    def __init__(self):
        nn.Module.__init__(self)
        self.settings = TINY
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, pictures, guides=None):
        if guides is None:
            return torch.zeros_like(pictures), torch.full_like(pictures[:, 0], -9.0)
        return guides, 18 * guides.square().sum(dim=1) - 9


def test_a_ball_is_drawn_as_it_is():
    truth = sphere_view("ball", CAMERA)
    shown = drawn(Guide.of(BALL).caster(), CAMERA)
    both = (np.abs(shown).sum(axis=2) > 0) & (truth.mask > 0)
    assert both.sum() > 0.98 * (truth.mask > 0).sum()
    assert (shown[both] * truth.normals[both]).sum(axis=1).min() > 0.999
    assert not shown[~both & (truth.mask == 0)].any() or both.mean() > 0.3


def test_guides_that_mislead_nobody_are_the_normals_of_the_crop():
    ball = example(sphere_view("ball", CAMERA), 96, Guide.of(BALL).caster())
    settings = CropSettings(zoom=(0.5, 0.8), shift=0.2, turn=30.0, guided=1.0, misled=(0.0, 0.0))
    crops = take_crops(Examples.together([ball] * 8), 64, settings, torch.Generator().manual_seed(0), plain=True)
    inside = (crops.masks > 0.99) & (crops.guides.norm(dim=1) > 0.95)
    assert inside.float().mean() > 0.2
    cosines = (crops.guides * crops.normals).sum(dim=1)[inside]
    assert cosines.min() > 0.94
    assert cosines.mean() > 0.995


def test_some_crops_have_no_guide_and_guides_lean():
    ball = example(sphere_view("ball", CAMERA), 96, Guide.of(BALL).caster())
    many = Examples.together([ball] * 64)
    crops = take_crops(many, 32, CropSettings(guided=0.5), torch.Generator().manual_seed(1), plain=True)
    without = ~crops.guides.flatten(1).any(dim=1)
    assert 16 < without.sum() < 48
    inside = (crops.masks > 0.99) & (crops.guides.norm(dim=1) > 0.95)
    cosines = (crops.guides * crops.normals).sum(dim=1)[inside]
    assert 0.9 < cosines.mean() < 0.9999


def test_the_estimator_shows_the_guide_in_the_regions_frame_and_takes_it_back():
    truth = sphere_view("ball", CAMERA)
    for mirrored in (False, True):
        estimator = NormalEstimator(Repeating(), EstimatorSettings(pixels=128, mirrored=mirrored), Guide.of(BALL))
        normals, mask = estimator.estimate(truth.image, camera=CAMERA)
        both = (mask > 200) & (truth.mask > 0) & (np.abs(normals).sum(axis=2) > 0)
        assert both.sum() > 0.9 * (truth.mask > 0).sum()
        cosines = (normals[both] * truth.normals[both]).sum(axis=1)
        assert np.quantile(cosines, 0.02) > 0.99
    assert not estimator.estimate(truth.image)[1].any(), "without a camera there is no guide"


def test_a_guide_is_saved_with_its_network(tmp_path):
    weights.save(tmp_path / "it.safetensors", {PART: tiny(), GUIDE: Guide.of(BALL)}, half=True)
    again = NormalEstimator.load(tmp_path / "it.safetensors")
    assert again.guide is not None
    np.testing.assert_array_equal(again.guide.faces.numpy(), BALL.faces)
    np.testing.assert_allclose(again.guide.vertices.numpy(), BALL.vertices, atol=3e-4)
