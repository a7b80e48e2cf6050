"""Strands run along the flow, differ across it, and vanish where no pixel could show them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headfield.studio.fibre import SMALLEST, WIDTHS, strands
from headfield.studio.figure import Figure, Part
from headfield.studio.photograph import expose
from headfield.studio.sitter import Sitter

from ..shapes import sphere
from .scenes import camera, painted, uniform

MILLIMETRE = np.float32(1 / 200)


def pattern(points: np.ndarray, pixel: float) -> np.ndarray:
    """Both numbers of each place, one after the other."""
    flow = np.tile(np.float32([[0, -1, 0]]), (len(points), 1))
    return np.concatenate(strands(points.astype(np.float32), flow, np.full(len(points), pixel, np.float32)))


def test_strands_are_alike_along_the_flow_and_differ_across(rng):
    points = rng.uniform(-0.5, 0.5, (4000, 3))
    here = pattern(points, 1e-4)
    along = pattern(points + np.array([0, 2 * MILLIMETRE, 0]), 1e-4)
    across = pattern(points + np.array([2 * MILLIMETRE, 0, 0]), 1e-4)
    assert np.corrcoef(here, along)[0, 1] > 0.5
    assert np.corrcoef(here, across)[0, 1] < 0.35
    assert here.mean() == pytest.approx(0, abs=0.1)
    assert 0.7 < here.std() < 1.3


def test_what_a_pixel_cannot_show_is_left_out(rng):
    points = rng.uniform(-0.5, 0.5, (500, 3))
    assert not pattern(points, 1.01 * float(WIDTHS.max()) / SMALLEST).any()
    assert 0 < pattern(points, float(WIDTHS.max()) / 2).std() < pattern(points, 1e-4).std()


def test_the_two_numbers_have_nothing_to_do_with_each_other(rng):
    shade, lean = pattern(rng.uniform(-0.5, 0.5, (4000, 3)), 1e-4).reshape(2, -1)
    assert abs(np.corrcoef(shade, lean)[0, 1]) < 0.1


def test_pictures_get_no_noisier_with_distance():
    """Of the same hair, a picture of fewer pixels is the mean of one of more: nothing is seen that is not there."""
    sitter = haired(0.6).lit(uniform(1.0))
    fine, coarse = (expose(sitter, camera(pixels=n)).radiance for n in (132, 33))
    means = fine.reshape(33, 4, 33, 4, 3).mean(axis=(1, 3))
    inner = (slice(12, 21), slice(12, 21))
    assert np.abs(means[inner] - coarse[inner]).mean() < 0.05 * means[inner].mean()


def haired(radius: float) -> Sitter:
    """A dark head of 0.5 with a white hull of hair around it."""
    hull = painted(sphere(radius, rings=48), 255)
    hull = replace(hull, attributes={"flow": np.tile([0.0, -1.0, 0.0], (len(hull.vertices), 1))})
    head = Part("skin", painted(sphere(0.5, rings=48), 0), gloss=0)
    return Sitter.of(Figure((head, Part("hair", hull, gloss=0)), np.zeros((68, 3))))


def test_skin_shows_through_thin_hair_only():
    light = uniform(1.0)
    brightness = [
        expose(haired(0.5 + millimetres * MILLIMETRE).lit(light), camera(pixels=33)).radiance[12:21, 12:21].mean()
        for millimetres in (0.1, 1.0, 10.0)
    ]
    assert brightness[0] < 0.3 < brightness[1] < brightness[2]
    assert brightness[2] > 0.8


def test_thin_hair_is_as_solid_as_any_to_depths_and_masks():
    plate = expose(haired(0.502).lit(uniform(1.0)), camera(pixels=33))
    assert plate.depth[16, 16] == pytest.approx(4 - 0.502, abs=1e-3)
    assert plate.coverage[16, 16] == pytest.approx(1)
