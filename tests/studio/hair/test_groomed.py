from dataclasses import replace

import numpy as np
import pytest

from headfield.errors import InputError
from headfield.studio.builtin import load_builtin
from headfield.studio.hair.ground import ground_of
from headfield.studio.hair.grow import grow
from headfield.studio.hair.library import GROOMS, guides_of, sheets_of
from headfield.studio.hair.styles import sample_style

from ..closed import assert_closed, assert_within_sphere


@pytest.mark.parametrize("name", ["bob", "slicked", "braid01", "short02"])
def test_groomed_hair_is_closed_and_sits_on_the_head(assets, name):
    rng = np.random.default_rng(0)
    style = replace(sample_style(rng), family=GROOMS[name].family, source=name)
    model = load_builtin()
    hull = grow(style, model, rng)
    assert_closed(hull)
    assert_within_sphere(hull)
    crown = model.mean[model.mean[:, 1].argmax()]
    above = hull.vertices[np.linalg.norm((hull.vertices - crown)[:, [0, 2]], axis=1) < 0.04, 1].max()
    assert crown[1] < above < crown[1] + 0.2


@pytest.mark.parametrize("name", [name for name, groom in GROOMS.items() if groom.data == "hair-strands"])
def test_strands_are_rooted_in_the_skin_they_were_brought_to(assets, name):
    ground = ground_of(load_builtin())
    roots = guides_of(name, ground)[:, 0]
    assert np.median(np.abs(ground.distance(roots))) < 0.05


def test_meshes_know_the_way_their_hair_runs(assets):
    sheets = sheets_of("long01", ground_of(load_builtin()))
    np.testing.assert_allclose(np.linalg.norm(sheets.flow, axis=1), 1, atol=1e-3)
    hanging = sheets.points[:, 1] < -0.1
    assert np.median(np.abs(sheets.flow[hanging, 1])) > 0.8


def test_every_groom_comes_up_where_it_is_offered_and_none_elsewhere(rng):
    offered = {name: groom.family for name, groom in GROOMS.items()}
    assert {sample_style(rng, grooms=offered).source for _ in range(2000)} == {None, *GROOMS}
    assert {sample_style(rng).source for _ in range(100)} == {None}


def test_damaged_strands_are_said_to_be_damaged(assets, monkeypatch, tmp_path):
    folder = tmp_path / "hair" / "strands"
    folder.mkdir(parents=True)
    for file in (assets / "hair" / "strands").iterdir():
        (folder / file.name).symlink_to(file)
    broken = folder / "Bob.npz"
    size = broken.stat().st_size
    broken.unlink()
    broken.write_bytes(b"PK" + bytes(size - 2))
    monkeypatch.setenv("HEADFIELD_ASSETS", str(tmp_path))
    guides_of.cache_clear()
    with pytest.raises(InputError, match=r"Bob\.npz is damaged; fetch it again with `headfield assets fetch hair-st"):
        guides_of("bob", ground_of(load_builtin()))
