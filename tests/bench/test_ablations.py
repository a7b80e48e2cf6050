from __future__ import annotations

import json
from dataclasses import replace

import pytest

from headfield.bench import ablations
from headfield.errors import InputError
from headfield.fitting.prior import ShapePrior
from headfield.methods.instant_avatar import Training

from .. import balls


def test_all_take_as_many_steps_and_differ_in_one_thing():
    wanted = ablations.trainings(2600)
    assert {sum(training.steps) for training in wanted.values()} == {2600}
    whole = wanted[ablations.WHOLE]
    assert whole == replace(Training(), steps=(2000, 300, 300))
    assert wanted[ablations.UNMASKED] == replace(whole, masked_until=0)
    once = wanted[ablations.AT_ONCE]
    assert once == replace(whole, steps=(2600,), masked_until=once.masked_until)
    assert once.masked_until * 2600 == pytest.approx(whole.masked_until * 2000)
    for name, depth in ((ablations.THREE_LAYERS, 3), (ablations.EIGHT_LAYERS, 8)):
        geometry = wanted[name].geometry
        assert geometry.grid is None
        assert geometry.decoder.depth == depth
        assert geometry.decoder.width == whole.geometry.decoder.width
    assert wanted[ablations.SINGLE_GRID].geometry.grid.levels == (4,)


def test_too_few_steps_are_refused():
    with pytest.raises(InputError, match="too few"):
        ablations.trainings(2)


def test_priors_are_learned_once_and_each_is_whole(tmp_path):
    wanted = ablations.trainings(6, balls.TRAINING)
    read = []

    def lessons():
        read.append(1)
        return balls.lessons()

    assert ablations.learn(lessons, tmp_path, wanted, made_from=None)
    found = ablations.learned(tmp_path)
    assert set(found) == set(wanted)
    before = {path: path.stat().st_mtime_ns for path in found.values()}
    assert ablations.learn(lessons, tmp_path, wanted, made_from=None)
    assert {path: path.stat().st_mtime_ns for path in found.values()} == before
    assert read == [1]
    for name, path in found.items():
        prior = ShapePrior.load(path).checked_for("instant-avatar")
        assert prior.facts["settings"] == json.loads(json.dumps(prior.facts["settings"]))
        assert (prior.geometry.grid is None) == name.startswith("no-grid")
    with pytest.raises(InputError, match="other settings"):
        ablations.learn(lessons, tmp_path, ablations.trainings(8, balls.TRAINING), made_from=None)
