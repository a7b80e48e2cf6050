from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from headfield.bench import stripped
from headfield.bench.stripped import OF_VIEWS, FromSphere
from headfield.fitting.drive import Run
from headfield.fitting.training import train_prior
from headfield.methods import instant_avatar

from ..balls import APPEARANCE, GEOMETRY, OPTIONS, TRAINING, capture, lessons, radii_of

FEW = {"latent_steps": 20, "grid_steps": 4, "decoder_steps": 4, "colour_steps": 2}


def test_without_a_prior_no_objective_asks_for_one_and_nothing_else_is_shorter():
    whole, without = instant_avatar.Fitting().stages(3), FromSphere().stages(3)
    assert [(stage.name, stage.steps) for stage in without] == [(stage.name, stage.steps) for stage in whole]
    assert all(set(stage.weights) <= OF_VIEWS | {"colour"} for stage in without)
    assert not any(moving.names == "u" for stage in without for moving in stage.moving)


def test_a_ball_is_fitted_from_a_sphere():
    settings = FromSphere(geometry=replace(GEOMETRY, code=0), appearance=APPEARANCE, options=OPTIONS, **FEW)
    fitted = stripped.fit(capture(0.5, (0.0, 120.0, 240.0)), None, settings, Run())
    assert fitted.report.done == sum(stage.steps for stage in settings.stages(3))
    assert torch.isfinite(radii_of(fitted.field.distance)).all()


def test_a_prior_without_grids_is_fitted_by_the_same_stages():
    training = replace(TRAINING, geometry=replace(GEOMETRY, grid=None), steps=(200,))
    prior = train_prior("instant-avatar", lessons(), training)
    settings = instant_avatar.Fitting(appearance=APPEARANCE, options=OPTIONS, **FEW)
    fitted = stripped.fit(capture(0.5, marked=True), prior, settings, Run())
    assert radii_of(fitted.field.distance).mean() == pytest.approx(0.5, abs=0.03)
