from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from headfield.capture import Capture
from headfield.fields.surface_field import SurfaceFieldSettings
from headfield.fitting.drive import Run, fit_surface
from headfield.fitting.landmarks import LandmarksSeen
from headfield.fitting.surface_fit import FitOptions
from headfield.methods.instant_avatar import Fitting

from ..balls import APPEARANCE, GEOMETRY, OPTIONS, capture, family

OFF = torch.tensor([0.06, -0.04, 0.0], dtype=torch.float64)


def moved(them: Capture, which: int) -> Capture:
    """The capture with one camera a little aside of where it took its picture, which nobody is sure of."""
    views = list(them.views)
    camera = views[which].camera
    views[which] = replace(views[which], camera=replace(camera, translation=camera.translation + OFF))
    return Capture(tuple(views), rough=True)


def fitted(them: Capture, camera_rate: float = 2e-3, **settings):
    options = replace(OPTIONS, camera_rate=camera_rate, single_camera_rate=2e-3)
    chosen = Fitting(appearance=APPEARANCE, options=options, grid_steps=3, colour_steps=2, **settings)
    return fit_surface(
        "test", them, family(), SurfaceFieldSettings(GEOMETRY, APPEARANCE), chosen.stages(), options, Run()
    )


def test_cameras_that_are_a_little_off_are_put_right_by_several_views():
    exact = capture(0.5, (0.0, 120.0, 240.0))
    wrong = moved(exact, 1)
    found = fitted(wrong, latent_steps=60, decoder_steps=20)
    # A turn and a step aside show the same, so it counts where the middle of the ball is seen.
    right, before, after = (
        camera.project(camera.focal.new_zeros(1, 3))[0].double()
        for camera in (exact.views[1].camera, wrong.views[1].camera, found.cameras["at-120"])
    )
    assert (after - right).norm() < 0.4 * (before - right).norm()


def test_the_camera_of_a_single_view_is_corrected_while_the_head_stays_in_the_family_alone():
    one = moved(capture(0.5, marked=True), 0)

    def off(latent_steps: int, decoder_steps: int) -> float:
        found = fitted(one, latent_steps=latent_steps, decoder_steps=decoder_steps)
        camera = found.cameras["at-0"]
        (seen,) = camera.project(camera.focal.new_zeros(1, 3))[0].double()
        (right,) = capture(0.5).views[0].camera.project(torch.zeros(1, 3).double())[0]
        return float((seen - right).norm())

    assert off(60, 1) < 0.5 * off(1, 1)
    assert off(1, 1) == off(1, 9)


def test_where_the_head_is_in_a_rough_world_is_found_where_landmarks_do_not_tell():
    exact = capture(0.5, (0.0, 120.0, 240.0))
    lifted = [
        replace(
            view, camera=replace(view.camera, translation=view.camera.translation + view.camera.rotation[:, 1] * 0.08)
        )
        for view in exact.views
    ]
    wrong = Capture(tuple(lifted), rough=True)

    def off(found):
        """How far from the middle of the picture the middle of the ball is seen, on average over the views."""
        middle = torch.zeros(1, 3)
        pairs = zip(exact.views, found.cameras.values(), strict=True)
        seen = (
            after.project(middle.to(after.focal))[0] - view.camera.project(middle.to(view.camera.focal))[0].float()
            for view, after in pairs
        )
        return float(torch.cat(list(seen)).norm(dim=-1).mean())

    still, found = (fitted(wrong, 1e-9, latent_steps=steps, decoder_steps=1) for steps in (1, 60))
    assert off(found) < 0.4 * off(still)


def test_the_world_moves_only_where_it_may():
    together = "corrections.place"
    for views, within, marked, moves in ((3, True, False, True), (3, True, True, False), (3, False, False, False)):
        moving = FitOptions().correcting(views, within_family=within, marked=marked)
        assert (together in {it.names for it in moving}) is moves
    assert together not in {it.names for it in FitOptions().correcting(1, within_family=True, marked=False)}


def test_cameras_that_are_known_stay_to_the_bit():
    exact = capture(0.5, (0.0, 120.0))
    found = fitted(exact, latent_steps=3, decoder_steps=3)
    for view in exact.views:
        assert torch.equal(found.cameras[view.name].rotation, view.camera.rotation.float())


def test_landmarks_where_they_should_be_cost_nothing_and_further_off_more():
    seen = LandmarksSeen.of(capture(0.5, (0.0, 90.0), marked=True).views)
    assert seen.loss(seen.pixels) == 0
    near, far = (seen.loss(seen.pixels + off) for off in (0.5, 1.0))
    assert 0 < near < far
    hidden = ~seen.known[..., None]
    assert seen.loss(seen.pixels + 100 * hidden) == 0
    assert LandmarksSeen.of(capture(0.5).views) is None


def test_landmarks_are_an_objective_where_views_have_them():
    assert "landmarks" in fitted(capture(0.45, marked=True), latent_steps=3, decoder_steps=3).report.history
    assert "landmarks" not in fitted(capture(0.45), latent_steps=3, decoder_steps=3).report.history


@pytest.mark.parametrize("azimuths", [(0.0,), (0.0, 120.0)])
def test_a_fit_tells_where_its_landmarks_are(azimuths):
    places = torch.tensor(
        fitted(capture(0.5, azimuths, marked=True), latent_steps=3, decoder_steps=3).facts["landmarks"]
    )
    torch.testing.assert_close(places.norm(dim=1).mean(), torch.tensor(0.5), atol=0.05, rtol=0)


def test_estimated_normals_are_doubted_where_measured_ones_are_not():
    measured, wrong = capture(0.5), -1.0
    views = tuple(replace(view, normals=wrong * view.normals, estimated=True) for view in measured.views)
    sure, unsure = (
        fitted(it, latent_steps=3, decoder_steps=3).report
        for it in (Capture(tuple(replace(view, estimated=False) for view in views)), Capture(views))
    )
    factor = OPTIONS.estimated.normals
    assert float(unsure.history["total"][0]) < float(sure.history["total"][0])
    assert 0 < factor < 1
