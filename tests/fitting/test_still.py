from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.ndimage import binary_erosion
from torch.nn.functional import normalize

from headfield.capture import Capture
from headfield.fields.surface_field import SurfaceField, SurfaceFieldSettings
from headfield.fitting.held import Unseen
from headfield.fitting.observations import Observations
from headfield.fitting.still import SQUARE, StillSurface
from headfield.render.parallel_samples import ParallelSamples

from ..balls import APPEARANCE, GEOMETRY, capture


def still(*azimuths: float, seen: Capture | None = None) -> tuple[SurfaceField, StillSurface]:
    """A ball of radius 0.5 seen from some sides, coloured by its normals."""
    torch.manual_seed(0)
    field = SurfaceField(SurfaceFieldSettings(GEOMETRY, APPEARANCE))
    observations = Observations.of(seen or capture(0.5, azimuths))
    return field, StillSurface.of(field, lambda points: points.norm(dim=-1) - 0.5, observations, ParallelSamples())


def test_what_was_seen_has_the_colours_of_the_pictures():
    _, surface = still(0.0)
    expected = (surface.seen.points / 0.5 + 1) / 2
    assert (surface.seen.colours - expected).abs().mean() < 0.01
    assert (surface.seen.points[:, 2] > 0).all()


def test_the_background_within_a_mask_that_is_too_wide_is_not_the_balls():
    """Pixels along the outline show a blue background, though the mask has them."""
    (view,) = capture(0.5, (0.0,)).views
    assert view.mask is not None
    true = view.mask > 127
    along = true & ~binary_erosion(true)
    haloed = replace(view, image=np.where(along[..., None], np.uint8((0, 0, 255)), view.image))
    _, surface = still(seen=Capture((haloed,)))
    red, _, blue = surface.seen.colours.T
    assert len(red) > 100
    assert not ((blue > 0.99) & (red < 0.01)).any()


def test_what_was_seen_on_the_other_side_is_mirrored():
    _, surface = still(60.0)
    points, colours = surface.guessed.points, surface.guessed.colours
    mirror = points * torch.tensor([-1.0, 1.0, 1.0])
    camera_side = torch.tensor([0.866, 0.0, 0.5])
    square = (mirror / 0.5 @ camera_side) > 0.6  # the mirror place was seen squarely
    assert square.sum() > 50
    # A pixel of the picture is wide, so that some mirror places have none close enough.
    assert (colours[square] - (mirror[square] / 0.5 + 1) / 2).abs().median() < 0.02


def test_everything_that_no_view_sees_squarely_gets_a_guess_within_what_was_seen():
    _, surface = still(0.0)
    cameras = Observations.of(capture(0.5)).cameras
    unseen = Unseen.of(
        lambda points: points.norm(dim=-1) - 0.5, cameras, device=torch.device("cpu"), least=SQUARE
    ).vertices
    assert torch.equal(surface.guessed.points, unseen)
    cosine = (normalize(cameras[0].centre - unseen, dim=-1) * normalize(unseen, dim=-1)).sum(dim=-1)
    assert SQUARE - 0.1 < cosine.max() < SQUARE + 0.05
    low, high = surface.seen.colours.amin(dim=0), surface.seen.colours.amax(dim=0)
    assert ((surface.guessed.colours >= low - 1e-6) & (surface.guessed.colours <= high + 1e-6)).all()


def test_the_loss_is_nothing_where_the_colours_are_right():
    field, surface = still(0.0)
    loss = surface.loss(field, torch.Generator().manual_seed(0))
    assert loss > 0.05
    loss.backward()
    assert all(parameter.grad is not None for parameter in field.appearance.parameters())
