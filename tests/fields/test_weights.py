from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from headfield.errors import InputError
from headfield.fields.appearance import Appearance, AppearanceSettings, PlaceSettings
from headfield.fields.geometry import Geometry, GeometrySettings
from headfield.fields.grid import FeatureGrid, GridSettings
from headfield.fields.latents import Codes, CodesSettings
from headfield.fields.mlp import MLPSettings
from headfield.fields.weights import load, save

KINDS = {"geometry": Geometry, "appearance": Appearance, "codes": Codes}
NET = MLPSettings(8, 2, skips=(1,), activation="silu", weight_norm=True)


def parts() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    geometry = Geometry(GeometrySettings(NET, 2, GridSettings((1, 2), 3, subjects=2), code=4))
    for parameter in geometry.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    geometry.encoding.open(0.3)
    geometry.grid.activate(1)
    look = AppearanceSettings(PlaceSettings(NET, 1, 5), NET, features=2)
    return {"geometry": geometry, "appearance": Appearance(look), "codes": Codes(CodesSettings(2, 4))}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "prior.safetensors"
    save(path, parts(), {"seed": 7, "data": ["a", "b"]})
    return path


def changed(path: Path, *, header=None, tensors=None) -> Path:
    """The file again, with what ``header`` and ``tensors`` (functions) make of its contents."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        content = json.loads(file.metadata()["headfield"])
    numbers = load_file(path)
    content = header(content) if header else content
    numbers = tensors(numbers) if tensors else numbers
    other = path.with_name("changed.safetensors")
    save_file(numbers, other, {"headfield": content if isinstance(content, str) else json.dumps(content)})
    return other


def test_everything_comes_back_to_the_bit(saved):
    found = load(saved, KINDS)
    for name, part in parts().items():
        again = found.part(name, KINDS[name])
        assert again.settings == part.settings
        state = again.state_dict()
        assert state.keys() == part.state_dict().keys()
        for key, value in part.state_dict().items():
            assert torch.equal(state[key], value), key
            assert state[key].dtype == value.dtype
        assert all(parameter.requires_grad for parameter in again.parameters())
    assert found.facts == {"seed": 7, "data": ["a", "b"]}
    points, code = torch.rand(2, 5, 3), torch.rand(2, 4)
    subjects = torch.arange(2)
    again, geometry = found.part("geometry", Geometry), parts()["geometry"]
    assert torch.equal(again.distance(points, code, subjects), geometry.distance(points, code, subjects))


def test_double_precision_stays(tmp_path):
    codes = Codes(CodesSettings(2, 4)).double()
    save(tmp_path / "codes.safetensors", {"codes": codes})
    again = load(tmp_path / "codes.safetensors", {"codes": Codes}).part("codes", Codes)
    assert torch.equal(again.table, codes.table)
    assert again.table.dtype == torch.float64


def test_the_same_parts_give_the_same_bytes(saved, tmp_path):
    save(tmp_path / "again.safetensors", parts(), {"seed": 7, "data": ["a", "b"]})
    assert (tmp_path / "again.safetensors").read_bytes() == saved.read_bytes()


def test_half_precision_is_half_as_large_and_nearly_the_same(saved, tmp_path):
    grid = FeatureGrid(GridSettings((4,), 8))
    nn.init.normal_(grid.levels[0][0])
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    save(whole, {"grid": grid})
    save(half, {"grid": grid}, half=True)
    assert half.stat().st_size < 0.52 * whole.stat().st_size
    again = load(half, {"grid": FeatureGrid}).part("grid", FeatureGrid)
    torch.testing.assert_close(again.levels[0][0], grid.levels[0][0], rtol=1e-3, atol=1e-6)
    assert again.levels[0][0].dtype == torch.float32


def test_what_does_not_fit_in_half_precision_is_not_written(tmp_path):
    codes = Codes(CodesSettings(1, 1))
    codes.table.data.fill_(1e6)
    with pytest.raises(ValueError, match="too large for 16 bits"):
        save(tmp_path / "codes.safetensors", {"codes": codes}, half=True)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_made_again_is_a_mistake(tmp_path):
    with pytest.raises(TypeError, match="a Linear has no settings"):
        save(tmp_path / "x.safetensors", {"x": nn.Linear(1, 1)})


def test_a_part_is_asked_for_by_its_class(saved):
    with pytest.raises(TypeError, match="codes is a Codes and no Geometry"):
        load(saved, KINDS).part("codes", Geometry)


def refused(path: Path, words: str, kinds: dict[str, type[nn.Module]] = KINDS) -> None:
    with pytest.raises(InputError, match=words) as caught:
        load(path, kinds)
    assert str(path) in str(caught.value)
    assert str(caught.value).count(". ") == 0


def test_no_file(tmp_path):
    refused(tmp_path / "prior.safetensors", "does not exist; check the path")
    refused(tmp_path, "is a folder where a file was expected")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.999])
def test_a_file_that_was_cut_off(saved, share):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(len(whole) * share)])
    refused(saved, "is not a safetensors file, or it was cut off")


def test_a_file_of_something_else(saved, tmp_path):
    saved.write_bytes(b"\x80\x04\x95" + bytes(200))
    refused(saved, "is not a safetensors file")
    foreign = tmp_path / "foreign.safetensors"
    save_file({"x": torch.zeros(1)}, foreign)
    refused(foreign, "was not written by headfield")


def test_another_version(saved):
    newer = changed(saved, header=lambda content: content | {"version": 99})
    refused(newer, "is of version 99 and this headfield reads version 1; make it again, or install")


def test_other_parts_than_asked_for(saved):
    words = "holds appearance and codes and geometry where geometry should be; it belongs to something else"
    refused(saved, words, {"geometry": Geometry})
    refused(saved, "holds Codes as codes where FeatureGrid should be", KINDS | {"codes": FeatureGrid})


def within(content: dict, *keys: str, value: object) -> dict:
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return content


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: "{",
        lambda content: "[]",
        lambda content: "[" * 100_000,
        lambda content: {},
        lambda content: content | {"parts": 3},
        lambda content: content | {"facts": None},
    ],
)
def test_a_damaged_header(saved, damage):
    refused(changed(saved, header=damage), "has a damaged header; fetch or write it again")


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("settings",), None),
        (("settings", "code"), "4"),
        (("settings", "code"), True),
        (("settings", "code"), -1),
        (("settings", "decoder", "activation"), "sin"),
        (("settings", "decoder", "depth"), 0),
        (("settings", "decoder", "skips"), [1.5]),
        (("settings", "grid", "subjects"), 2.0),
        (("settings", "new"), 1),
    ],
)
def test_settings_that_cannot_be(saved, keys, value):
    damaged = changed(saved, header=lambda content: within(content, "parts", "geometry", *keys, value=value))
    refused(damaged, "has settings of geometry that cannot be")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            lambda t: {k: v for k, v in t.items() if k != "codes.table"},
            "does not hold the numbers that codes is made of",
        ),
        (lambda t: t | {"codes.table": torch.zeros(3, 4)}, "does not hold the numbers that codes is made of"),
        (lambda t: t | {"codes.more": torch.zeros(1)}, "does not hold the numbers that codes is made of"),
        (lambda t: t | {"geometry.grid._extra_state": torch.tensor(9)}, "does not hold the numbers that geometry is"),
        (lambda t: t | {"other": torch.zeros(1)}, r"holds numbers that belong to nothing \(other\)"),
        (lambda t: t | {"codes.table": torch.full((2, 4), torch.nan)}, "numbers of codes that are not finite"),
    ],
)
def test_other_numbers_than_the_settings_ask_for(saved, damage, words):
    refused(changed(saved, tensors=damage), words)


def test_a_file_cannot_ask_for_endless_memory(saved):
    greedy = changed(
        saved, header=lambda content: within(content, "parts", "codes", "settings", "subjects", value=10**15)
    )
    refused(greedy, "does not hold the numbers that codes is made of")
