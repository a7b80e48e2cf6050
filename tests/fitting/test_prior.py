from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from headfield.errors import InputError
from headfield.fields import weights
from headfield.fitting.prior import ShapePrior
from headfield.fitting.statistics import CodeStatistics, CodeStatisticsSettings

from ..balls import family

POINTS = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1


def changed(path, header):
    """The file again, with what ``header`` makes of what it says of itself."""
    with safe_open(path, "pt") as file:
        content = json.loads(file.metadata()["headfield"])
    header(content)
    save_file(load_file(path), path, {"headfield": json.dumps(content)})


def test_a_prior_comes_back_to_the_bit(tmp_path):
    prior = family()
    prior.save(tmp_path / "balls.safetensors", half=False)
    again = ShapePrior.load(tmp_path / "balls.safetensors")
    assert again.method == "instant-avatar"
    u = torch.randn(prior.codes.settings.kept, generator=torch.Generator().manual_seed(1))
    assert torch.equal(again.codes.code(u), prior.codes.code(u))
    assert torch.equal(again.codes.landmarks(u), prior.codes.landmarks(u))
    code = prior.codes.code(u)
    assert torch.equal(again.geometry.distance(POINTS, code), prior.geometry.distance(POINTS, code))
    assert again.facts["subjects"] == 5
    assert again.facts["settings"] == json.loads(json.dumps(prior.facts["settings"]))


def test_in_half_precision_it_is_nearly_the_same(tmp_path):
    prior = family()
    prior.save(tmp_path / "balls.safetensors")
    prior.save(tmp_path / "exact.safetensors", half=False)
    sizes = [(tmp_path / name).stat().st_size for name in ("balls.safetensors", "exact.safetensors")]
    assert sizes[0] < 0.75 * sizes[1]
    again = ShapePrior.load(tmp_path / "balls.safetensors")
    code = prior.codes.mean
    torch.testing.assert_close(again.codes.mean, code, rtol=1e-3, atol=1e-6)
    before, after = (it.geometry.distance(POINTS, code) for it in (prior, again))
    torch.testing.assert_close(after, before, rtol=1e-2, atol=2e-3)


def refused(path) -> str:
    with pytest.raises(InputError) as error:
        ShapePrior.load(path)
    sentence = str(error.value)
    assert path.name in sentence
    assert "\n" not in sentence
    assert sentence.count(". ") == 0
    return sentence


def test_what_is_no_file_or_a_broken_one_is_one_sentence(tmp_path):
    path = tmp_path / "prior.safetensors"
    assert "does not exist" in refused(path)
    path.write_bytes(b"")
    assert "is not a safetensors file" in refused(path)
    family().save(path)
    path.write_bytes(path.read_bytes()[:-100])
    assert "is not a safetensors file, or it was cut off" in refused(path)
    save_file({"x": torch.zeros(1)}, path)
    assert "was not written by headfield" in refused(path)


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (lambda it: it.update(version=99), "is of version 99"),
        (lambda it: it["facts"].update(kind="field"), "is not a prior; train one"),
        (lambda it: it["facts"].pop("method"), "is not a prior; train one"),
        (lambda it: it["facts"].update(method=3), "is not a prior; train one"),
        (lambda it: it["parts"].pop("codes"), "holds geometry where codes and geometry should be"),
        (lambda it: it["parts"]["codes"]["settings"].update(kept=99), "does not hold the numbers that codes"),
        (lambda it: it["parts"]["codes"]["settings"].update(kept="many"), "has settings of codes that cannot be"),
    ],
)
def test_a_file_of_something_else_is_one_sentence(tmp_path, header, sentence):
    path = tmp_path / "prior.safetensors"
    family().save(path)
    changed(path, header)
    assert sentence in refused(path)


def test_numbers_that_are_none_are_one_sentence(tmp_path):
    path = tmp_path / "prior.safetensors"
    broken = CodeStatistics(family().codes.settings)
    broken.mean[0] = torch.nan
    replace(family(), codes=broken).save(path, half=False)
    assert "holds numbers of codes that are not finite" in refused(path)


def test_codes_that_do_not_fit_the_geometry_are_one_sentence(tmp_path):
    path = tmp_path / "prior.safetensors"
    replace(family(), codes=CodeStatistics(CodeStatisticsSettings(code=7, kept=2))).save(path)
    assert "holds codes that its geometry cannot read" in refused(path)


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    huge = CodeStatistics(family().codes.settings)
    huge.mean[0] = 1e6
    with pytest.raises(ValueError, match="too large for 16 bits"):
        replace(family(), codes=huge).save(tmp_path / "prior.safetensors")
    assert not list(tmp_path.iterdir())


def test_the_facts_cannot_make_it_another_kind_of_file(tmp_path):
    path = tmp_path / "prior.safetensors"
    replace(family(), facts={"kind": "toast", "method": "toast"}).save(path)
    assert ShapePrior.load(path).method == "instant-avatar"
    assert set(weights.load(path, {"geometry": type(family().geometry), "codes": CodeStatistics}).parts) == {
        "geometry",
        "codes",
    }


def test_a_prior_is_for_its_own_method():
    prior = family()
    assert prior.checked_for("instant-avatar") is prior
    with pytest.raises(InputError, match="learned by instant-avatar, h3d-net cannot use it") as error:
        prior.checked_for("h3d-net")
    assert str(error.value).count(". ") == 0


def test_a_method_without_a_prior_of_its_own_says_so():
    with pytest.raises(InputError, match="no prior of toast comes with headfield; train one"):
        ShapePrior.shipped("toast")
