from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from headfield.capture import Capture, Landmarks
from headfield.errors import InputError
from headfield.fields.surface_field import SurfaceFieldSettings
from headfield.fitting import drive
from headfield.fitting.doubts import Photographed
from headfield.fitting.drive import Fitted, Run, first_code, fit_surface
from headfield.fitting.observations import Observations
from headfield.fitting.surface_fit import SurfaceFit
from headfield.methods.instant_avatar import Fitting
from headfield.optim.checkpoints import Checkpoints
from headfield.render.sphere_tracing import SphereTracing

from ..balls import APPEARANCE, GEOMETRY, MARKS, OPTIONS, camera, capture, family, radii_of, view

QUICK = Fitting(appearance=APPEARANCE, latent_steps=3, grid_steps=3, decoder_steps=3, colour_steps=2, options=OPTIONS)
ENDS = {"start": 0, "latent": 3, "grids": 6, "decoder": 9, "colours": 11}
SETTINGS = SurfaceFieldSettings(GEOMETRY, APPEARANCE)


def fit(them: Capture, settings: Fitting = QUICK, run: Run = Run(), *, marked: bool = True) -> Fitted:  # noqa: B008
    return fit_surface("test", them, family(marked), SETTINGS, settings.stages(), settings.options, run)


def numbers(field: torch.nn.Module) -> dict[str, list[float]]:
    """Every number, to be compared to the bit."""
    return {name: value.flatten().tolist() for name, value in field.state_dict().items()}


def radius(fitted: Fitted) -> float:
    return float(radii_of(fitted.field.distance).mean())


@pytest.mark.parametrize(("azimuths", "normals"), [((0.0,), True), ((0.0, 120.0, 240.0), False)])
def test_a_ball_of_unseen_size_is_found(azimuths, normals):
    settings = replace(QUICK, latent_steps=40, grid_steps=10, decoder_steps=10, latent_rate=0.1)
    found = radius(fit(capture(0.43, azimuths, normals=normals), settings, marked=False))
    assert found == pytest.approx(0.43, abs=0.02)  # the mean ball is off by 0.07


@pytest.mark.parametrize(
    ("azimuths", "rough", "marked", "near", "agreement"),
    [
        ((0.0,), True, True, True, 0.0),
        ((0.0, 60.0), False, True, False, 1.0),
        ((0.0, 60.0), True, False, False, 1.0),
        ((0.0, 60.0), True, True, True, Photographed().agreement),
    ],
)
def test_what_views_agree_on_counts_as_their_cameras_are_known(azimuths, rough, marked, near, agreement):
    """A single view's shape stays near the family's, and so does that of photos, whose agreement is doubted."""
    seen = Observations.of(replace(capture(0.45, azimuths, marked=marked), rough=rough))
    stages = drive._possible(QUICK.stages(len(azimuths)), seen, QUICK.options)
    family, grids, *_ = stages
    assert family.weights.get("agreement", 0.0) == (QUICK.agreement if len(azimuths) > 1 else 0.0), "cameras need it"
    assert ("near" in grids.weights) == near
    assert grids.weights.get("agreement", 0.0) == pytest.approx(agreement * QUICK.agreement)


def test_landmarks_alone_already_say_how_large_it_is():
    whole = SurfaceFit(SETTINGS, family())
    for size in (0.43, 0.57):
        u = first_code(capture(size, (0.0,), marked=True), whole)
        code = whole.codes.code(u)
        found = radii_of(lambda x, code=code: whole.field.geometry.distance(x, code))
        assert float(found.mean()) == pytest.approx(size, abs=0.03)


def with_marks(points: np.ndarray, visible: np.ndarray | None = None, **kind: str) -> Capture:
    marks = Landmarks(points, np.ones(len(points), bool) if visible is None else visible, **kind)
    return Capture((replace(view(0.5, camera()), landmarks=marks),))


def test_landmarks_that_say_nothing_leave_the_mean_code():
    whole = SurfaceFit(SETTINGS, family())
    pixels = view(0.43, camera(), marked=True).landmarks.points
    zero = torch.zeros_like(whole.u)
    for them in (
        capture(0.43),
        with_marks(pixels, np.zeros(68, bool)),
        with_marks(np.full((68, 2), np.nan)),
        with_marks(pixels[:5], scheme="named"),
        with_marks(pixels[:5]),
        with_marks(MARKS * 0.43),
    ):
        assert torch.equal(first_code(them, whole), zero)
    marked = capture(0.43, marked=True)
    assert not torch.equal(first_code(marked, whole), zero)
    assert torch.equal(first_code(marked, SurfaceFit(SETTINGS, family(marked=False))), zero)


def test_landmarks_without_a_place_are_not_looked_at():
    whole = SurfaceFit(SETTINGS, family())
    marks = view(0.43, camera(), marked=True).landmarks
    part = marks.visible.copy()
    part[::2] = False
    lost = np.where(part[:, None], marks.points, np.nan)
    expected = first_code(with_marks(marks.points, part), whole)
    assert torch.equal(first_code(with_marks(lost, marks.visible), whole), expected)


def test_each_stage_moves_its_own_and_nothing_else():
    states: dict[int, dict[str, list[float]]] = {}

    def watch(it: SurfaceFit):
        states[0] = numbers(it)
        return lambda update: states.update({update.done: numbers(it)} if update.done in ENDS.values() else {})

    fit(capture(0.45), run=Run(watch=watch))
    moved = {}
    for (before, last), (stage, end) in zip(list(ENDS.items())[:-1], list(ENDS.items())[1:], strict=True):
        assert last < end, before
        changed = {name for name in states[0] if states[last][name] != states[end][name]}
        moved[stage] = {".".join(name.split(".")[:3]) for name in changed}
    appearance = {name for name in moved["latent"] if name.startswith("field.appearance")}
    grid, decoder = {"field.geometry.grid"}, {"field.geometry.decoder"}
    assert appearance
    assert moved["latent"] == {"u", *appearance}
    assert moved["grids"] == {"u", "u_held", *appearance, *grid}
    assert moved["decoder"] == {"u", "u_held", *appearance, *grid, *decoder}
    assert moved["colours"] == {"field.code", *appearance}, "the code, which u gives, is written down"


def test_a_fit_leaves_the_prior_as_it_is():
    prior = family()
    before = numbers(prior.geometry), numbers(prior.codes)
    fitted = fit(capture(0.45))
    assert (numbers(prior.geometry), numbers(prior.codes)) == before
    assert numbers(fitted.field.geometry) != before[0]


def test_the_same_seed_fits_the_same_and_another_one_something_else():
    one, again, other = (fit(capture(0.45), run=Run(seed=seed)) for seed in (0, 0, 1))
    assert numbers(one.field) == numbers(again.field)
    assert one.facts["losses"] == again.facts["losses"]
    assert numbers(one.field) != numbers(other.field)


class Killed(Exception):
    pass


@pytest.mark.parametrize("after", [3, 8, 10])
def test_a_killed_fit_goes_on_to_where_an_uninterrupted_one_ends(tmp_path, monkeypatch, after):
    monkeypatch.setattr(drive, "Checkpoints", lambda folder, every: Checkpoints(folder, every=2))

    def kill(update):
        if update.done == after:
            raise Killed

    them = capture(0.45, (0.0, 120.0), marked=True)
    with pytest.raises(Killed):
        fit(them, run=Run(checkpoints=tmp_path / "killed", callbacks=(kill,)))
    resumed = fit(them, run=Run(checkpoints=tmp_path / "killed"))
    whole = fit(them, run=Run(checkpoints=tmp_path / "whole"))
    assert resumed.report.resumed_at == 2 * (after // 2)
    assert numbers(resumed.field) == numbers(whole.field)
    for name, values in whole.report.history.items():
        np.testing.assert_array_equal(resumed.report.history[name], values)


def test_a_fit_that_was_finished_is_only_read(tmp_path):
    done = fit(capture(0.45), run=Run(checkpoints=tmp_path))
    again = fit(capture(0.45), run=Run(checkpoints=tmp_path))
    assert again.report.resumed_at == ENDS["colours"]
    assert numbers(again.field) == numbers(done.field)


def test_checkpoints_of_another_fit_are_refused(tmp_path):
    fit(capture(0.45), run=Run(checkpoints=tmp_path))
    with pytest.raises(InputError, match="belongs to another run"):
        fit(capture(0.45), run=Run(checkpoints=tmp_path, seed=1))


def test_checkpoints_of_another_head_or_prior_are_refused(tmp_path):
    fit(capture(0.45), run=Run(checkpoints=tmp_path))
    with pytest.raises(InputError, match=r"belongs to another run \(other data\)"):
        fit(capture(0.47), run=Run(checkpoints=tmp_path))
    other = copy.deepcopy(family())
    other.geometry.decoder.layers[0].bias.data += 0.01
    with pytest.raises(InputError, match=r"belongs to another run \(other data\)"):
        fit_surface("test", capture(0.45), other, SETTINGS, QUICK.stages(), OPTIONS, Run(checkpoints=tmp_path))
    with pytest.raises(InputError, match=r"belongs to another run \(other data\)"):
        fit(capture(0.45), replace(QUICK, options=replace(OPTIONS, alpha=1.0)), run=Run(checkpoints=tmp_path))


def test_what_is_not_observed_is_not_an_objective():
    history = fit(capture(0.45, normals=False)).report.history
    assert "normals" not in history
    assert "normals" in fit(capture(0.45)).report.history


def test_a_fit_says_what_it_did():
    heard = []
    fitted = fit(capture(0.45, (0.0, 120.0)), run=Run(seed=3, callbacks=(heard.append,), progress=heard.append))
    facts = json.loads(json.dumps(dict(fitted.facts), allow_nan=False))
    assert facts["method"] == "test"
    assert facts["views"] == ["at-0", "at-120"]
    assert facts["steps"] == {"latent": 3, "grids": 3, "decoder": 3, "colours": 2}
    assert (facts["seed"], facts["dropped"], facts["interrupted"]) == (3, 0, False)
    assert facts["losses"].keys() == fitted.report.history.keys()
    assert len(heard) > ENDS["colours"]
    assert list(fitted.cameras) == ["at-0", "at-120"]
    torch.testing.assert_close(fitted.cameras["at-120"].centre.double(), camera(120.0).centre, atol=1e-6, rtol=1e-6)


def test_another_way_to_find_hits_finds_the_same_ball():
    made = []

    def tracing():
        made.append(1)
        return SphereTracing(safety=1.5)

    settings = replace(QUICK, latent_steps=10, latent_rate=0.2)
    ways = [fit(capture(0.45), settings, Run(finder=finder)) for finder in (None, tracing)]
    assert len(made) == 4  # one for each stage
    assert radius(ways[0]) == pytest.approx(radius(ways[1]), abs=5e-3)


def test_steps_that_are_no_numbers_are_dropped_and_counted(monkeypatch):
    from headfield.fitting.observations import Observations

    draw, drawn = Observations.draw, []

    def sometimes_broken(self, *arguments):
        drawn.append(1)
        them = draw(self, *arguments)
        return replace(them, colours=them.colours * torch.nan) if len(drawn) in (2, 5) else them

    monkeypatch.setattr(Observations, "draw", sometimes_broken)
    fitted = fit(capture(0.45))
    assert fitted.facts["dropped"] == 2
    assert all(np.isfinite(values).all() for values in numbers(fitted.field).values())
    json.dumps(fitted.facts["losses"], allow_nan=False)


def test_a_fit_leaves_the_global_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    fit(capture(0.45), replace(QUICK, latent_steps=1, grid_steps=1, decoder_steps=1, colour_steps=1))
    assert torch.equal(torch.rand(1), expected)
