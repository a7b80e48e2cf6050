"""From a capture to a fitted field by volume rendering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from headfield.capture import Capture
from headfield.fields.scene_fields import SceneFields
from headfield.fitting.drive import Fitted, Run, driven
from headfield.fitting.observations import Observations
from headfield.fitting.volume import Beginning
from headfield.fitting.volume_fit import VolumeFit, VolumeObjectives, VolumeOptions
from headfield.optim.checkpoints import checksum
from headfield.optim.stages import Moving, Stage

CAMERAS = "corrections.cameras.*"


def fit_volume(
    method: str,
    capture: Capture,
    fields: SceneFields,
    stages: Sequence[Stage],
    options: VolumeOptions,
    run: Run,
    beginning: Beginning | None = None,
) -> Fitted:
    """Fit the fields of one scene by stages, in place; InputError if the capture cannot be used.

    Stages name how fast cameras are refined as ``corrections.cameras.*``; where none are, that is left out.
    """
    observations = Observations.of(capture, device=torch.device(run.device))
    refined = options.refined == "always" or (options.refined == "rough" and observations.rough)
    about = f"{observations.checksum}{checksum(fields.state_dict())} {options} {beginning}"
    fit = VolumeFit(fields, observations.cameras if refined else ()).to(run.device)
    objectives = VolumeObjectives(fit, observations, options, beginning)
    possible = [stage if refined else replace(stage, moving=_without_cameras(stage.moving)) for stage in stages]
    return driven(method, fit, objectives, possible, observations, fit.corrections, run, about)


def _without_cameras(moving: tuple[Moving, ...]) -> tuple[Moving, ...]:
    return tuple(it for it in moving if it.names != CAMERAS)
