from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from headfield.studio.builtin import load_builtin
from headfield.studio.colour import lab_of, typology_angle
from headfield.studio.facemap import MM, face_map
from headfield.studio.ict import load_ict
from headfield.studio.look import sample_look
from headfield.studio.skin import Growth, paint_skin
from headfield.studio.texture import Pyramid
from headfield.studio.tone import encode

SIZE = 384


@pytest.fixture(scope="module", params=["builtin", "ict"])
def model(request):
    if request.param == "ict":
        request.getfixturevalue("assets")
        return load_ict()
    return load_builtin()


@pytest.fixture(scope="module")
def look():
    """Somebody plain: no make-up, no stubble, no freckles, young."""
    look = sample_look(np.random.default_rng(0), femininity=1.0, age=0.1)
    make_up = replace(look.make_up, lips=0.0, lids=0.0, liner=0.0, blush=0.0)
    return replace(look, scalp=0.0, skin=replace(look.skin, freckles=0.0, moles=0, lip_blood=0.5), make_up=make_up)


@pytest.fixture(scope="module")
def painted(model, look):
    return paint_skin(model, look, np.random.default_rng(1), SIZE)


def near(model, point, millimetres):
    """Which texels lie around the place on the mean head that is nearest to a point."""
    canvas = face_map(model, SIZE).canvas
    centre = canvas.positions[np.argmin(np.linalg.norm(canvas.positions - point, axis=1))]
    return canvas.texels[np.linalg.norm(canvas.positions - centre, axis=1) < millimetres * MM]


def colour(texture, texels):
    return lab_of(texture.reshape(-1, 3)[texels] / 255).mean(axis=0)


def at(model, *landmarks):
    return model.mean[model.landmarks[list(landmarks)]].mean(axis=0)


def test_the_same_seed_paints_the_same_skin(model, look, painted):
    np.testing.assert_array_equal(paint_skin(model, look, np.random.default_rng(1), SIZE), painted)
    assert (paint_skin(model, look, np.random.default_rng(2), SIZE) != painted).mean() > 0.3


@pytest.mark.parametrize("angle", [-55.0, -20.0, 20.0, 55.0])
def test_skin_is_of_the_tone_it_was_asked_for(model, angle):
    rng = np.random.default_rng(5)
    look = next(
        look for look in (sample_look(rng, femininity=1.0) for _ in range(500)) if abs(look.skin.angle - angle) < 5
    )
    texture = paint_skin(model, look, rng, SIZE)
    body = face_map(model, SIZE).canvas
    neck = body.texels[(body.positions[:, 1] < -0.4) & (body.positions[:, 1] > -0.8)]
    assert abs(float(typology_angle(colour_srgb(texture, neck))) - look.skin.angle) < 12


def colour_srgb(texture, texels):
    return texture.reshape(-1, 3)[texels].mean(axis=0) / 255


def test_lips_are_redder_than_cheeks_and_cheeks_than_the_forehead(model, painted):
    lips = colour(painted, near(model, at(model, 57, 66), 4))
    cheeks = colour(painted, near(model, at(model, 54, 45, 14), 10))
    forehead = colour(painted, near(model, at(model, 21, 22) + np.array([0, 0.14, 0]), 12))
    assert lips[1] > cheeks[1] + 3
    assert cheeks[1] > forehead[1]


def test_brows_are_darker_than_what_is_above_them(model, look, painted):
    if look.brows.density < 0.5:
        pytest.skip("hardly any brows")
    brow = colour(painted, near(model, at(model, 24), 2.5))
    above = colour(painted, near(model, at(model, 24) + np.array([0, 0.08, 0]), 4))
    assert brow[0] < above[0] - 6


def test_no_seam_shows(model, painted):
    """Places that the atlas has twice have about the same colour on both sides."""
    surface = face_map(model, SIZE).surface
    _, place, count = np.unique(np.round(surface.vertices, 9), axis=0, return_inverse=True, return_counts=True)
    doubled = np.flatnonzero(count[place.ravel()] > 1)
    order = doubled[np.argsort(place.ravel()[doubled], kind="stable")]
    same = place.ravel()[order][:-1] == place.ravel()[order][1:]
    colours = Pyramid.of(painted).read(surface.uv[order], np.ones(len(order)))
    apart = np.abs(encode(colours[:-1][same]) - encode(colours[1:][same])).max(axis=1)
    mouth_or_eyes = cKDTree(model.mean[model.landmarks[36:68]]).query(surface.vertices[order[:-1][same]])[0] < 0.15
    assert same.sum() > 20
    assert np.quantile(apart[~mouth_or_eyes], 0.95) < 0.06


@pytest.mark.parametrize(("where", "place"), [("scalp", (0.0, 0.6, -0.1)), ("beard", None)])
def test_hair_in_the_skin_darkens_it(model, look, painted, where, place):
    dark = replace(
        look,
        hair=replace(look.hair, base=(0.1, 0.08, 0.07), grey=0.0),
        beard=replace(look.beard, base=(0.1, 0.08, 0.07), grey=0.0),
    )
    face = face_map(model, SIZE)
    none = np.zeros(len(face.places), np.float32)
    growth = Growth(**{"scalp": none, "beard": none, where: 0.8 * getattr(face, where)})
    grown = paint_skin(model, dark, np.random.default_rng(1), SIZE, growth)
    centre = at(model, 8) + np.array([0, 0.03, 0]) if place is None else np.array(place)
    canvas = face_map(model, SIZE).canvas
    texels = canvas.texels[cKDTree(canvas.positions).query(centre, k=200)[1]]
    assert colour(grown, texels)[0] < colour(painted, texels)[0] - 5
    elsewhere = near(model, at(model, 30), 8)
    np.testing.assert_array_equal(grown.reshape(-1, 3)[elsewhere], painted.reshape(-1, 3)[elsewhere])


def test_lipstick_colours_the_lips_alone(model, look, painted):
    made_up = replace(look, make_up=replace(look.make_up, lipstick=(0.2, 0.1, 0.7), lips=0.9))
    texture = paint_skin(model, made_up, np.random.default_rng(1), SIZE)
    lips, chin = near(model, at(model, 57, 66), 3), near(model, at(model, 8), 6)
    assert colour(texture, lips)[2] < colour(painted, lips)[2] - 15
    np.testing.assert_array_equal(texture.reshape(-1, 3)[chin], painted.reshape(-1, 3)[chin])
