import numpy as np
import pytest

from headfield.studio.colour import lab_of
from headfield.studio.hair_colour import colour_hair
from headfield.studio.look import HairColour
from headfield.surface import Mesh

BROWN = HairColour("brown", (0.32, 0.22, 0.15), (0.6, 0.45, 0.3), highlights=0.0, tips=0.0, grey=0.0)


@pytest.fixture
def curtain(rng):
    """Forty vertical strands, each of thirty vertices from the root (top) to the tip."""
    strand, along = np.repeat(rng.random(40), 30), np.tile(np.linspace(0, 1, 30), 40)
    x = np.repeat(np.linspace(-0.2, 0.2, 40), 30)
    vertices = np.stack([x, 0.3 - 0.8 * along, np.full(1200, -0.4)], axis=1)
    faces = np.array([[0, 1, 31]])
    return Mesh(vertices, faces, attributes={"strand": np.stack([strand, along], axis=1).astype(np.float32)})


def lightness(mesh, hair, seed=0):
    return lab_of(colour_hair(mesh, hair, np.random.default_rng(seed)).colours / 255)[:, 0].reshape(40, 30)


def test_strands_differ_more_from_each_other_than_within(curtain):
    light = lightness(curtain, BROWN)[:, 10:]
    assert light.mean(axis=1).std() > 1.5 * light.std(axis=1).mean()


def test_roots_are_darker_and_tips_take_the_highlight(curtain):
    plain = lightness(curtain, BROWN)
    assert (plain[:, 0] < plain[:, 8:].mean(axis=1)).mean() > 0.9
    faded = lightness(curtain, HairColour("brown", BROWN.base, BROWN.highlight, 0.0, tips=0.9, grey=0.0))
    assert (faded[:, -1] > plain[:, -1] + 5).all()
    np.testing.assert_allclose(faded[:, :8], plain[:, :8])


def test_greying_lightens_and_takes_the_colour_out(curtain):
    means = []
    for grey in (0.0, 0.3, 0.7, 1.0):
        hair = HairColour("brown", BROWN.base, BROWN.highlight, 0.0, 0.0, grey)
        lab = lab_of(colour_hair(curtain, hair, np.random.default_rng(0)).colours / 255)
        means.append([lab[:, 0].mean(), np.hypot(lab[:, 1], lab[:, 2]).mean()])
    light, chroma = np.array(means).T
    assert (np.diff(light) > 0).all()
    assert (np.diff(chroma) < 0).all()


def test_single_strands_are_grey_where_some_are_and_others_are_not(curtain):
    def streaks(grey):
        hair = HairColour("brown", BROWN.base, BROWN.highlight, 0.0, 0.0, grey)
        return colour_hair(curtain, hair, np.random.default_rng(0)).attributes["streaks"]

    assert not streaks(0.0).any()
    assert not streaks(1.0).any()
    assert (streaks(0.5) > 0.02).all(), "towards grey, which is lighter than brown"


def test_grey_hair_has_no_blue_in_it(curtain):
    white = HairColour("grey", BROWN.base, BROWN.highlight, 0.0, 0.0, 1.0)
    lab = lab_of(colour_hair(curtain, white, np.random.default_rng(0)).colours / 255)
    assert lab[:, 2].min() > 0
    assert np.ptp(lab[:, 2]) < 10


def test_highlights_take_some_strands(curtain):
    streaked = HairColour("brown", BROWN.base, BROWN.highlight, highlights=0.3, tips=0.0, grey=0.0)
    gain = (lightness(curtain, streaked) - lightness(curtain, BROWN)).mean(axis=1)
    assert gain.max() > 8 > 3 > gain.min() >= 0


def test_a_hull_without_strands_is_coloured_all_the_same(curtain):
    bare = Mesh(curtain.vertices, curtain.faces)
    colours = colour_hair(bare, BROWN, np.random.default_rng(0)).colours
    assert colours.dtype == np.uint8
    assert colours.std(axis=0).min() > 1


def test_the_same_seed_gives_the_same_colours(curtain):
    np.testing.assert_array_equal(lightness(curtain, BROWN, 4), lightness(curtain, BROWN, 4))
    assert (lightness(curtain, BROWN, 4) != lightness(curtain, BROWN, 5)).any()
