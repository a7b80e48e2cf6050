"""At the edge of hair the skin shows between strands, and hair grows in the skin beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headfield.studio.figure import Figure, Part
from headfield.studio.hairline import GROWS, LOW, REACH, Hairline
from headfield.studio.photograph import expose
from headfield.studio.sitter import Sitter
from headfield.surface import Mesh

from ..shapes import sphere
from .scenes import camera, uniform

HEAD = 0.5


@pytest.fixture(scope="module")
def skin() -> Mesh:
    """A head with places in a red texture."""
    ball = sphere(HEAD, rings=96)
    return replace(ball, uv=np.full((len(ball.vertices), 2), 0.5), texture=np.full((4, 4, 3), (200, 20, 20), np.uint8))


def wig(up: float = 0.2) -> Mesh:
    """A ball of hair that rises from the top of the head at an angle."""
    ball = sphere(0.4, rings=96)
    flow = np.tile([0.0, -1.0, 0.0], (len(ball.vertices), 1))
    return replace(ball, vertices=ball.vertices + np.array([0, up, 0]), attributes={"flow": flow})


@pytest.fixture(scope="module")
def line(skin) -> Hairline:
    """Where it rises from the head, which may be hairy everywhere."""
    return Hairline.of(wig(), skin, np.ones(len(skin.vertices), np.float32))


def test_hair_grows_in_the_skin_under_a_hull_and_less_and_less_beside_it(skin, line):
    inside = np.linalg.norm(skin.vertices - [0, 0.2, 0], axis=1) - 0.4
    # The way down from the top of the head, along the skin.
    way = HEAD * np.arccos(np.clip(skin.vertices[:, 1] / HEAD, -1, 1))
    under, edge = (inside < 0) & (inside > -0.8 * REACH), way[inside < 0].max()
    assert (line.density[under & (way < edge - 0.02)] == 1).all()
    beside = inside > 0
    np.testing.assert_allclose(line.density[beside], np.clip(1 - (way[beside] - edge) / GROWS, 0, 1), atol=0.3)
    assert not line.density[way > edge + 1.1 * GROWS].any()
    np.testing.assert_allclose(line.way, np.tile([0, -1, 0], (len(skin.vertices), 1)))
    assert not replace(line, hairy=0 * line.hairy).density.any(), "where none can grow"


def test_hair_hides_the_skin_more_and_more_from_its_edge_on(skin, line):
    attribute = line.softened(line.hull, skin.texture).attributes["skin"]
    hidden, above = attribute[:, 3], np.linalg.norm(line.hull.vertices, axis=1) - HEAD
    edge = np.abs(above) < 0.1 * LOW
    assert hidden[edge].mean() < 0.3
    assert (hidden[above > LOW] > 0.95).all()
    between = (above > 0) & (above < LOW)
    assert np.corrcoef(hidden[between], above[between])[0, 1] > 0.9
    assert (attribute[edge, 0] > 5 * attribute[edge, 1]).all(), "the skin is red"


def with_hair(skin: Mesh, hull: Mesh) -> Figure:
    return Figure((Part("skin", skin, gloss=0), Part("hair", hull, gloss=0)), np.zeros((68, 3)))


def test_only_colours_soften(skin, line):
    dark = replace(line.hull, colours=np.full((len(line.hull.vertices), 3), 20, np.uint8))
    hard, soft = (
        expose(Sitter.of(figure).lit(uniform(1.0)), camera(pixels=65))
        for figure in (with_hair(skin, dark), with_hair(skin, line.softened(dark, skin.texture)))
    )
    np.testing.assert_array_equal(hard.coverage, soft.coverage)
    np.testing.assert_array_equal(hard.normals, soft.normals)
    np.testing.assert_array_equal(hard.depth, soft.depth)
    redder = (soft.radiance - hard.radiance)[..., 0]
    assert redder.max() > 0.05
    assert (np.abs(redder) > 1e-6).mean() < 0.1, "which is a narrow line"
