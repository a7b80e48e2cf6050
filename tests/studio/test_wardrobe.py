from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from headfield.studio.builtin import load_builtin
from headfield.studio.chance import stream
from headfield.studio.garments import KINDS, Garment
from headfield.studio.glasses import Glasses
from headfield.studio.hair.styles import FAMILIES, HairStyle
from headfield.studio.headwear import COVERINGS, UNDER_HATS, Headwear
from headfield.studio.identity import Identity
from headfield.studio.look import sample_look
from headfield.studio.wardrobe import Outfit, put_on, sample_outfit


@pytest.fixture(scope="module")
def outfits():
    return [(family, sample_outfit(stream(k, family), HairStyle(family))) for family in FAMILIES for k in range(60)]


def dressed(outfit, seed=0, jaw=0.0):
    model = load_builtin()
    identity = Identity.sample(model, stream(seed, "identity"))
    still, moved = identity.shape(model), identity.shape(model, {"jawOpen": jaw})
    return put_on(outfit, model, still, moved, sample_look(stream(seed, "look")), stream(seed, "clothes"))


def test_everything_is_worn_by_somebody(outfits):
    garments = Counter(outfit.garment.kind for _, outfit in outfits if outfit.garment)
    coverings = Counter(outfit.headwear.kind for _, outfit in outfits if outfit.headwear)
    assert set(garments) == set(KINDS)
    assert set(coverings) == set(COVERINGS)
    assert any(outfit.garment is None for _, outfit in outfits)
    assert any(outfit.glasses and outfit.glasses.dark for _, outfit in outfits)


def test_nobody_wears_a_hat_on_tied_hair(outfits):
    for family, outfit in outfits:
        if outfit.headwear and outfit.headwear.kind != "headscarf":
            assert family in UNDER_HATS


@pytest.mark.parametrize("kind", COVERINGS)
def test_clothes_end_with_the_bust_and_glasses_show_in_pictures_only(kind):
    parts = dressed(Outfit(Garment("jacket"), Headwear(kind), Glasses("round", dark=True)))
    assert {part.name for part in parts} == {"t-shirt", "jacket", kind, "glasses", "lenses"}
    for part in parts:
        assert np.linalg.norm(part.mesh.vertices, axis=1).max() < 1 + 1e-6
        assert part.solid == (part.name not in ("glasses", "lenses"))
        assert part.mesh.texture is not None or part.mesh.colours is not None
    (lenses,) = (part for part in parts if part.name == "lenses")
    assert 0 < lenses.mesh.attributes["opacity"].min() <= lenses.mesh.attributes["opacity"].max() < 1


def test_a_shirt_under_a_jacket_is_of_another_cloth():
    shirt, jacket = dressed(Outfit(Garment("jacket"), None, None))
    assert np.abs(shirt.mesh.texture.mean(axis=(0, 1)) - jacket.mesh.texture.mean(axis=(0, 1))).max() > 1


def test_the_same_chance_dresses_the_same():
    outfit = Outfit(Garment("hoodie"), None, Glasses("rectangle"))
    for one, other in zip(dressed(outfit), dressed(outfit), strict=True):
        assert one.mesh.vertices.tobytes() == other.mesh.vertices.tobytes()


@pytest.mark.parametrize("kind", COVERINGS)
def test_clothes_have_the_same_vertices_with_every_expression(kind):
    outfit = Outfit(Garment("turtleneck"), Headwear(kind), Glasses("oval"))
    for still, moved in zip(dressed(outfit), dressed(outfit, jaw=1.0), strict=True):
        np.testing.assert_array_equal(still.mesh.faces, moved.mesh.faces)
        apart = np.linalg.norm(still.mesh.vertices - moved.mesh.vertices, axis=1)
        rim = np.linalg.norm(still.mesh.vertices, axis=1) > 0.97
        assert apart[rim].max(initial=0) < 1e-9, "nothing moves where the bust ends"
        assert apart.max() < 0.2
