from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from headfield.cameras import Rays
from headfield.capture import Capture
from headfield.fields.scene_fields import NetworksSettings, SceneFields, SceneFieldsSettings
from headfield.fields.scene_layers import SceneLayersSettings
from headfield.fitting.drive import Run
from headfield.fitting.observations import Observations
from headfield.fitting.volume import Beginning, mask_cost, see
from headfield.fitting.volume_drive import CAMERAS, fit_volume
from headfield.fitting.volume_fit import VolumeFit, VolumeObjectives, VolumeOptions
from headfield.optim.distributed import Processes
from headfield.optim.stages import Moving, Stage
from headfield.optim.step import StepInfo
from headfield.render.sampling import Hierarchical, Sampling

from ..balls import capture, radii_of

NETWORKS = NetworksSettings(width=32, sdf=5, radiance=3, frequencies=2)
OPTIONS = VolumeOptions(inside=64, past=32, everywhere=32)
WEIGHTS = {"photometric": 1.0, "silhouette": 0.1, "eikonal": 0.1}
FINE = Sampling("hierarchical", hierarchical=Hierarchical(uniform=600, rounds=0))


def fields(sharpness: float = 20.0) -> SceneFields:
    torch.manual_seed(0)
    networks = replace(NETWORKS, sharpness=sharpness)
    return SceneFields(SceneFieldsSettings(networks, SceneLayersSettings((1, 2), (1,), rank=3)))


def info(*, step: int = 0, seed: int = 4) -> StepInfo:
    return StepInfo(
        stage=Stage("stage", 10, (Moving("*", 0.1),), WEIGHTS),
        step=step,
        overall=step,
        weights=WEIGHTS,
        seed=seed,
        device=torch.device("cpu"),
        processes=Processes.current(),
        fresh=True,
    )


def stages(steps: int, rate: float = 1e-3, cameras: float = 1e-3) -> tuple[Stage, ...]:
    return (Stage("all", steps, (Moving("fields.*", rate), Moving(CAMERAS, cameras)), WEIGHTS),)


class ByPlace(nn.Module):
    """Colours that depend on the place alone."""

    def forward(self, points: Tensor, normals: Tensor, directions: Tensor, features: Tensor) -> Tensor:
        turned = points @ torch.tensor([[3.0, 1, 0], [-1, 2, 1], [0.5, 0, -4]]).to(points)
        return torch.sigmoid(turned)


@pytest.mark.parametrize("part", ["rotation", "translation", "log_focal"])
def test_cameras_have_the_gradient_that_finite_differences_find(part):
    seen = Observations.of(replace(capture(0.46, (0.0, 70.0)), rough=True))
    fit = VolumeFit(fields(60.0), seen.cameras)
    fit.fields.surface.appearance = ByPlace()
    fit = fit.double()
    doubled = {name: _double(getattr(seen, name)) for name in ("inside", "beside", "beyond")}
    options = replace(OPTIONS, inside=24, past=12, everywhere=1, sampling=FINE)
    objectives = VolumeObjectives(fit, replace(seen, **doubled), options)

    def cost() -> Tensor:
        terms = objectives(info())
        return terms["photometric"] + 0.1 * terms["silhouette"]

    tensor = getattr(fit.corrections.cameras, part)
    (gradient,) = torch.autograd.grad(cost(), tensor)
    assert gradient.abs().min() > 0
    step = 1e-4
    for index in range(tensor.numel()):
        values = []
        for sign in (1, -2, 1):
            with torch.no_grad():
                tensor.view(-1)[index] += sign * step
            values.append(cost().item())
        found = (values[0] - values[1]) / (2 * step)
        assert float(gradient.reshape(-1)[index]) == pytest.approx(
            found, rel=0.05, abs=2e-4 * float(gradient.abs().max())
        )


def _double(rays):
    values = {name: getattr(rays, name) for name in rays.__dataclass_fields__}
    return type(rays)(**{k: v.double() if v.is_floating_point() else v for k, v in values.items()})


def test_masks_pull_the_ball_to_its_size():
    fit, slopes = VolumeFit(fields(40.0)), []
    bias = fit.fields.surface.geometry.decoder.layers[-1].bias  # the greater, the smaller the ball
    for radius in (0.42, 0.58):
        seen = Observations.of(capture(radius))
        slopes.append(
            torch.autograd.grad(VolumeObjectives(fit, seen, OPTIONS)(info())["silhouette"], bias)[0][0].item()
        )
    assert slopes[0] < 0 < slopes[1]


def test_a_mask_costs_the_cross_entropy_where_the_silhouette_counts():
    seen = Observations.of(capture(0.45)).inside[torch.arange(4)]
    seen = replace(seen, coverage=torch.tensor([1.0, 1.0, 0.0, 0.0]), above=torch.tensor([True, True, True, False]))
    cost = mask_cost(torch.tensor([0.9, 0.5, 0.2, 1.0]), seen)
    expected = -(torch.tensor(0.9).log() + torch.tensor(0.5).log() + torch.tensor(0.8).log()) / 4
    assert float(cost) == pytest.approx(float(expected))
    assert mask_cost(torch.tensor([0.0, 1.0, 1.0, 0.0]), seen).isfinite()


def test_a_field_is_seen_as_its_surface_once_it_is_sharp():
    sharp = fields(600.0)
    rays = Observations.of(capture(0.45)).inside[torch.arange(0, 400, 10)].rays
    with torch.no_grad():
        shown = see(sharp, rays, Hierarchical())
        off = sharp.distance(rays.at(shown.depth)).abs()
    assert float(shown.opacity.min()) > 0.9
    assert float(off.max()) < 0.02


def test_rays_that_pass_the_sphere_see_nothing_and_cost_nothing():
    it, asked = fields(), []
    it.surface.geometry.register_forward_hook(lambda module, given, out: asked.append(len(given[0])))
    rays = Observations.of(capture(0.45)).inside[torch.arange(6)].rays
    past = Rays(rays.origins + torch.tensor([5.0, 0, 0]), rays.directions)
    mixed = Rays(*(torch.stack([a, b], dim=1).flatten(0, 1) for a, b in zip(_parts(rays), _parts(past), strict=True)))
    sampler = Hierarchical(uniform=10, rounds=0)
    alone, among, nothing = (see(it, some, sampler) for some in (rays, mixed, past))
    assert asked == [60, 60, 60, 60, 0]
    for name in ("colours", "normals", "opacity", "depth"):
        assert torch.allclose(getattr(among, name)[::2], getattr(alone, name), atol=1e-6)
        assert not getattr(among, name)[1::2].any()
        assert not getattr(nothing, name).any()


def _parts(rays: Rays) -> tuple[Tensor, Tensor]:
    return rays.origins, rays.directions


def test_steps_bring_the_picture_closer_and_are_the_same_each_time(tmp_path):
    them = capture(0.42, (0.0, 120.0, 240.0))
    fitted = fit_volume("it", them, fields(), stages(40, 2e-3), OPTIONS, Run(checkpoints=tmp_path))
    again = fit_volume("it", them, fields(), stages(40, 2e-3), OPTIONS, Run())
    points = 2 * torch.rand(50, 3) - 1
    assert torch.equal(fitted.field.distance(points), again.field.distance(points))
    total = fitted.report.history["total"]
    assert total[-5:].mean() < 0.7 * total[:5].mean()
    assert float(radii_of(fitted.field.distance).mean()) == pytest.approx(0.42, abs=0.05)


def test_a_fit_that_was_stopped_goes_on_to_the_same_end(tmp_path):
    class Stopped(Exception):
        pass

    def stop(update):
        if update.done == 120:
            raise Stopped

    small = VolumeOptions(inside=16, past=8, everywhere=4)
    them, run = capture(0.45, (0.0, 90.0)), Run(checkpoints=tmp_path / "a")
    with pytest.raises(Stopped):
        fit_volume("it", them, fields(), stages(130), small, replace(run, callbacks=(stop,)))
    ended = fit_volume("it", them, fields(), stages(130), small, run)
    assert ended.report.resumed_at == 100
    plain = fit_volume("it", them, fields(), stages(130), small, Run(checkpoints=tmp_path / "b"))
    assert all(torch.equal(a, b) for a, b in zip(ended.field.parameters(), plain.field.parameters(), strict=True))


@pytest.mark.parametrize(
    ("refined", "rough", "moves"),
    [("always", False, True), ("rough", True, True), ("rough", False, False), ("never", True, False)],
)
def test_cameras_move_where_they_may(refined, rough, moves):
    them = replace(capture(0.45, (0.0,)), rough=rough)
    options = replace(OPTIONS, refined=refined)
    fitted = fit_volume("it", them, fields(), stages(2), options, Run())
    same = torch.equal(fitted.cameras["at-0"].rotation, them.views[0].camera.rotation.float())
    assert same != moves


def test_a_camera_that_aims_beside_the_subject_is_brought_back():
    true = capture(0.5, (0.0, 90.0))
    view = true.views[0]
    beside = view.camera.translation + torch.tensor([0.1, 0, 0]).double()
    off = replace(view, camera=replace(view.camera, translation=beside))
    moving = (Moving("corrections.cameras.translation", 3e-3), Moving("fields.deviation", 1e-4))
    stage = Stage("cameras", 60, moving, {"silhouette": 1.0, "photometric": 0.0, "eikonal": 0.0})
    them = Capture((off, true.views[1]), rough=True)
    fitted = fit_volume("it", them, fields(60.0), (stage,), OPTIONS, Run())
    assert abs(float(fitted.cameras["at-0"].translation[0])) < 0.05


def test_what_is_let_in_little_by_little_is_there_after_its_share_of_the_first_stage():
    beginning, it = Beginning(facing_until=0.5, opened_until=0.8), fields()
    assert [beginning.facing(info(step=step)) for step in (0, 2, 5, 9)] == [0.0, 0.4, 1.0, 1.0]
    later = replace(info(step=2), overall=30)
    assert beginning.facing(later) == 1.0
    for at, share in ((info(step=2), 0.25), (info(step=9), 1.0), (later, 1.0)):
        beginning.open(it, at)
        assert float(it.surface.geometry.encoding.progress) == pytest.approx(share * NETWORKS.frequencies)
    it.surface.geometry.encoding.open(0.3)
    Beginning().open(it, info())
    assert float(it.surface.geometry.encoding.progress) == pytest.approx(0.3 * NETWORKS.frequencies)
