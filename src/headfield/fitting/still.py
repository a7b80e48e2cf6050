"""A surface that does not move any more, and the colours to learn on it: those seen, and guesses for what no view sees.

A colour network says anything where it was told nothing; with waves for an encoding, it would paint a second face on
the back of a head. So unseen places get a colour too: that of their mirror place, since heads are nearly symmetric,
where that was seen, and otherwise what heads with such a front usually have there. Where nobody learned that, it is
the colour of what surrounds them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn.functional import normalize

from headfield.fields.surface_field import SurfaceField
from headfield.fitting.corrections import Corrections
from headfield.fitting.held import Unseen
from headfield.fitting.observations import SHADE, Observations, RaysSeen
from headfield.fitting.usual_colours import UsualColours
from headfield.mesh.grid import SignedDistance
from headfield.render.hits import HitFinder

AT_MOST = 40_000
"""How many of the views' pixels are looked at."""

A_STEP = 4096
"""On how many places a step compares colours."""

GUESSED = 0.2
"""Which share of them are guesses, where there are any."""

DEEP = 0.01
"""How far inside the outlines colours surely are the subject's, as a share of its width: masks are often too wide."""

SQUARE = 0.25
"""Places seen at a smaller cosine are guessed, too: what is seen there is stretched, or belongs to something behind."""

MIRRORED = 0.02
"""How close, in head units, to the mirror place something must have been seen."""

AROUND = 48
"""The mean of how many seen places surrounds an unseen one."""

LEVELS = 3.0
"""How many times further away a place counts that is higher or lower: hair, neck and clothes go around a person."""


@dataclass(frozen=True, eq=False)
class Coloured:
    """Places with the colours that they should have, seen along directions."""

    points: Float[Tensor, "n 3"]
    normals: Float[Tensor, "n 3"]
    features: Float[Tensor, "n f"]
    directions: Float[Tensor, "n 3"]
    colours: Float[Tensor, "n 3"]

    def at(self, chosen: Bool[Tensor, "n"]) -> Coloured:
        """Some of the places."""
        return Coloured(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    def loss(self, field: SurfaceField, count: int, generator: torch.Generator) -> Float[Tensor, ""]:
        """How far the field's colours are off at some of the places."""
        index = torch.randint(len(self.points), (count,), generator=generator, device=self.points.device)
        colour = field.shaded(self.points[index], self.normals[index], self.directions[index], self.features[index])
        return (colour - self.colours[index]).abs().mean()


@dataclass(frozen=True, eq=False)
class StillSurface:
    """What was seen of a surface, and what is guessed of the rest."""

    seen: Coloured
    guessed: Coloured

    @staticmethod
    def of(
        field: SurfaceField,
        distance: SignedDistance,
        observations: Observations,
        find: HitFinder,
        corrections: Corrections | None = None,
        usual: UsualColours | None = None,
    ) -> StillSurface:
        """Where the rays of all views meet it, or evenly chosen ones, and what they do not meet."""
        with torch.no_grad():
            seen = _seen(field, distance, observations, find, corrections)
            cameras = observations.cameras if corrections is None else corrections.corrected()
            unseen = Unseen.of(distance, cameras, device=seen.points.device, least=SQUARE).vertices
            return StillSurface(seen, _guessed(field, unseen, seen, usual))

    def loss(self, field: SurfaceField, generator: torch.Generator) -> Float[Tensor, ""]:
        """How far colours are off, on some of what was seen and of what is guessed."""
        if not len(self.seen.points):
            return self.seen.points.new_zeros(())
        if not len(self.guessed.points):
            return self.seen.loss(field, A_STEP, generator)
        guesses = round(GUESSED * A_STEP)
        off = self.guessed.loss(field, guesses, generator)
        return (1 - GUESSED) * self.seen.loss(field, A_STEP - guesses, generator) + GUESSED * off


def _seen(
    field: SurfaceField,
    distance: SignedDistance,
    observations: Observations,
    find: HitFinder,
    corrections: Corrections | None,
) -> Coloured:
    every = -(-len(observations.inside) // AT_MOST)
    device = observations.inside.origins.device
    rays = observations.inside[torch.arange(0, len(observations.inside), every, device=device)]
    rays = rays[_deep(observations, rays)]
    if corrections is not None:
        rays = corrections.taken_along(rays)
        # Colours as a picture without a tint of its own would show them.
        rays = replace(rays, colours=(rays.colours / corrections.tinted(torch.ones_like(rays.colours), rays.view)))
    hits = find(distance, rays.rays)
    met = rays[hits.hit]
    seen = _coloured(field, hits.points, met.directions, met.colours)
    facing = -(seen.normals * seen.directions).sum(dim=-1) > SQUARE
    return seen.at(facing) if bool(facing.any()) else seen


def _deep(observations: Observations, rays: RaysSeen) -> Bool[Tensor, "n"]:
    """Which rays, as the cameras were before they were corrected, pass well inside the outlines."""
    deep = torch.zeros_like(rays.above)
    for number, (camera, picture) in enumerate(zip(observations.cameras, observations.pictures, strict=True)):
        covered = picture.person.numpy() >= SHADE
        surely = distance_transform_edt(covered) > 1 + DEEP * np.sqrt(covered.sum())
        own = rays.view == number
        like = camera.to(dtype=rays.origins.dtype, device=rays.origins.device)
        pixels, _ = like.project(rays.origins[own] + rays.directions[own])
        column, row = pixels.long().cpu().numpy().T
        deep[own] = torch.from_numpy(surely[row, column]).to(deep.device)
    return deep


def _guessed(field: SurfaceField, unseen: Float[Tensor, "u 3"], seen: Coloured, usual: UsualColours | None) -> Coloured:
    """Unseen places with the colours of their mirror places, or with usual ones."""
    if not len(seen.points) or not len(unseen):
        return _coloured(field, unseen[:0], unseen[:0], unseen[:0])
    known, colours = seen.points, seen.colours
    guess = _around(unseen, known, colours) if usual is None else usual.guessed(known, colours, unseen)
    away, mirror = cKDTree(known.cpu().numpy()).query(unseen.cpu().numpy() * [-1.0, 1.0, 1.0])
    mirrored = torch.from_numpy(away < MIRRORED).to(unseen.device)
    guess = torch.where(mirrored[:, None], colours[torch.from_numpy(mirror).to(unseen.device)], guess)
    coloured = _coloured(field, unseen, torch.zeros_like(unseen), guess)
    return Coloured(coloured.points, coloured.normals, coloured.features, -coloured.normals, coloured.colours)


def _around(places: Float[Tensor, "u 3"], known: Float[Tensor, "n 3"], colours: Float[Tensor, "n 3"]) -> Tensor:
    """The mean colour of what is known around each place."""
    level, count = np.array([1.0, LEVELS, 1.0]), min(AROUND, len(colours))
    _, around = cKDTree(known.cpu().numpy() * level).query(places.cpu().numpy() * level, k=count)
    return colours[torch.from_numpy(around).to(colours.device).reshape(len(places), count)].mean(dim=1)


def _coloured(field: SurfaceField, points: Tensor, directions: Tensor, colours: Tensor) -> Coloured:
    samples = [field.sample(part) for part in points.split(16384)]
    normals = torch.cat([normalize(sample.gradient, dim=-1) for sample in samples])
    return Coloured(points, normals, torch.cat([sample.features for sample in samples]), directions, colours)
