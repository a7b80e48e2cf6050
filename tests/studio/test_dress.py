from dataclasses import replace

import numpy as np
import pytest

from headfield.studio.body import make_body
from headfield.studio.builtin import load_builtin
from headfield.studio.dress import paint_figure
from headfield.studio.expression import neutral
from headfield.studio.identity import Identity
from headfield.studio.look import sample_look
from headfield.surface import Mesh


@pytest.fixture(scope="module")
def person():
    model = load_builtin()
    body = make_body(model, Identity.average(model), neutral(model, np.random.default_rng(0)))
    return model, body, sample_look(np.random.default_rng(1), femininity=0.0)


@pytest.fixture
def hull():
    vertices = np.array([[0.1, 0.5, 0.3], [-0.1, 0.5, 0.3], [0, 0.6, 0], [0, 0.7, 0.2]])
    return Mesh(vertices, np.array([[0, 1, 3], [1, 2, 3], [2, 0, 3], [0, 2, 1]]))


def paint(person, seed=0, **worn):
    model, body, look = person
    return {
        part.name: part for part in paint_figure(model, body, look, np.random.default_rng(seed), texture=128, **worn)
    }


def test_every_part_has_its_colours(person, hull):
    parts = paint(person, hair={"hair": hull, "beard": hull}, clothes={"shirt": hull, "cap": hull})
    assert list(parts) == ["skin", "eyeball_L", "eyeball_R", "lashes", "teeth", "gums", "hair", "beard", "shirt", "cap"]
    for part in parts.values():
        painted = part.mesh.texture if part.mesh.texture is not None else part.mesh.colours
        assert painted is not None
        assert painted.dtype == np.uint8
        assert (part.mesh.uv is None) == (part.mesh.texture is None)
        assert part.solid == (part.name != "lashes")


def test_the_shape_stays_as_it_was(person, hull):
    _, body, _ = person
    parts = paint(person, hair={"hair": hull})
    np.testing.assert_array_equal(parts["skin"].mesh.vertices, body.skin.vertices)
    np.testing.assert_array_equal(parts["skin"].mesh.faces, body.skin.faces)
    np.testing.assert_array_equal(parts["hair"].mesh.vertices, hull.vertices)


def test_beards_and_head_coverings_have_colours_of_their_own(person, hull):
    model, body, look = person
    odd = replace(
        look,
        hair=replace(look.hair, base=(0.1, 0.1, 0.6), grey=0.0, highlights=0.0),
        beard=replace(look.beard, base=(0.6, 0.1, 0.1), grey=0.0),
        clothes=replace(look.clothes, pattern="plain", colours=((0.1, 0.6, 0.1),) * 2),
        head_covering=replace(look.head_covering, pattern="plain", colours=((0.6, 0.1, 0.1),) * 2),
    )
    worn = {"hair": {"hair": hull, "beard": hull}, "clothes": {"shirt": hull, "headscarf": hull}}
    parts = paint((model, body, odd), **worn)
    brightest = {
        name: int(
            np.argmax((part.mesh.colours if part.mesh.texture is None else part.mesh.texture).reshape(-1, 3).mean(0))
        )
        for name, part in parts.items()
    }
    assert [brightest[name] for name in ("hair", "beard", "shirt", "headscarf")] == [2, 0, 1, 0]


def test_eyes_of_one_person_have_one_colour_but_not_one_pattern(person):
    parts = paint(person)
    left, right = (parts[name].mesh.texture.astype(int) for name in ("eyeball_L", "eyeball_R"))
    assert (left != right).any()
    assert np.abs(left.mean(axis=(0, 1)) - right.mean(axis=(0, 1))).max() < 8


def test_the_same_seed_paints_the_same_figure(person, hull):
    one, same = (paint(person, seed=7, hair={"hair": hull}) for _ in range(2))
    np.testing.assert_array_equal(one["skin"].mesh.texture, same["skin"].mesh.texture)
    np.testing.assert_array_equal(one["hair"].mesh.colours, same["hair"].mesh.colours)


def test_skin_does_not_change_with_what_is_worn_over_it(person, hull):
    bare, dressed = paint(person), paint(person, clothes={"shirt": hull})
    np.testing.assert_array_equal(bare["skin"].mesh.texture, dressed["skin"].mesh.texture)
