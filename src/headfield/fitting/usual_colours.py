"""How heads are usually coloured, learned from scans: what was seen of a head's colours tells what the rest may be.

At places p spread over the average head, colours are c = m + B z with z ~ N(0, 1), and what B leaves unexplained is
``noise``. Seen colours give the likeliest z in closed form: hair goes on around the head, ears and neck have the
skin's colour, and clothes begin where they usually do. Such colours are a little of everything. So where a seen place
usually has the same colour, up to D with D² = |m_p - m_q|² + |B_p - B_q|², its colour is taken over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree
from torch import Tensor, nn

from headfield.fitting.scans import Scans
from headfield.fitting.statistics import likeliest
from headfield.mesh.extract import extract
from headfield.mesh.grid import SignedDistance
from headfield.mesh.thinning import thinned
from headfield.render.queries import CHUNK

APART = 0.035
"""How far places lie apart at least, in head units: 7 mm."""

OF_A_PLACE = 8
"""The mean of so many points of a scan is the colour of the place they are nearest to."""

FEWEST = 3
"""So many seen points at least tell the colour of the place they are nearest to."""

BETWEEN = 4
"""So many places tell the colour of a point between them."""

SHARPNESS, CLOSEST = 0.4, 0.03
"""Of the seen places a place is usually most like, those count that differ from it by this part more, or by this."""

ALIKE = 0.2
"""Places that differ by more usually tell little of each other's colours."""

FACING = 0.35
"""What faces the front by this cosine at least is seen in a photo from there."""

KEPT = (16, 32, 64)
NOISES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
"""Among these the numbers are chosen with which the backs of people left out are told best from their fronts."""

FOLDS = 5


@dataclass(frozen=True)
class UsualColoursSettings:
    """At how many places colours are known, and how many directions of change are kept."""

    places: int
    kept: int


class UsualColours(nn.Module):
    """The statistics of colours, from 0 to 1, as buffers, saved with a prior."""

    settings: UsualColoursSettings
    places: Tensor
    mean: Tensor
    basis: Tensor
    noise: Tensor

    def __init__(self, settings: UsualColoursSettings):
        super().__init__()
        self.settings = settings
        self.register_buffer("places", torch.zeros(settings.places, 3))
        self.register_buffer("mean", torch.zeros(settings.places, 3))
        self.register_buffer("basis", torch.zeros(settings.places, 3, settings.kept))
        self.register_buffer("noise", torch.ones(()))

    @staticmethod
    def of(
        places: Float[Tensor, "p 3"], facing: Bool[Tensor, "p"], colours: Float[Tensor, "s p 3"]
    ) -> UsualColours | None:
        """The statistics of people's colours at places, of which some face the front; None for fewer than two people.

        How much to believe of what is seen is what best tells the other places of people that were left out.
        """
        if len(colours) < 2:
            return None
        rows = colours.double()
        kept, noise = min(_choices(rows, facing), key=lambda choice: choice[0])[1:]
        found = UsualColours(UsualColoursSettings(len(places), kept))
        mean, basis = _principal(rows, kept)
        for buffer, value in ((found.places, places), (found.mean, mean), (found.basis, basis)):
            buffer.copy_(value)
        found.noise.fill_(noise)
        return found

    @torch.no_grad()
    def guessed(
        self, points: Float[Tensor, "n 3"], colours: Float[Tensor, "n 3"], wanted: Float[Tensor, "m 3"]
    ) -> Float[Tensor, "m 3"]:
        """The likeliest colours of the points that are wanted, given those of points that were seen."""
        tree, known = cKDTree(self.places.cpu().numpy()), colours.double().cpu()
        _, nearest = tree.query(points.cpu().numpy())
        index = torch.from_numpy(nearest)
        count = torch.zeros(len(self.places), dtype=torch.float64).index_add(0, index, torch.ones(len(index)).double())
        sums = torch.zeros(len(self.places), 3, dtype=torch.float64).index_add(0, index, known)
        seen = count >= FEWEST
        means = sums[seen] / count[seen, None]
        learned = self.mean.double().cpu(), self.basis.double().cpu()
        everywhere = _alike(*learned, seen, means, _told(*learned, seen, means[None], float(self.noise))[0])
        away, around = tree.query(wanted.cpu().numpy(), k=min(BETWEEN, len(self.places)))
        weights = torch.from_numpy(1 / (np.asarray(away).reshape(len(wanted), -1) + APART / 10))
        weights = weights / weights.sum(dim=1, keepdim=True)
        mixed = (weights[..., None] * everywhere[torch.from_numpy(around).reshape(weights.shape)]).sum(dim=1)
        return mixed.clamp(0, 1).to(wanted)


def usual_colours(shape: SignedDistance, scans: Scans) -> UsualColours | None:
    """The statistics of scans' colours at places on an average shape; None where there are none to learn from."""
    if scans.colours is None:
        return None
    places, facing = places_on(shape)
    rows = [
        colours_at(places, points, colours.float() / 255)
        for points, colours in zip(scans.points, scans.colours, strict=True)
    ]
    return UsualColours.of(places, facing, torch.stack(rows))


def places_on(shape: SignedDistance) -> tuple[Float[Tensor, "p 3"], Bool[Tensor, "p"]]:
    """Places spread evenly over a shape, and which of them face the front."""
    mesh = extract(shape, resolution=64, border="open", chunk=CHUNK, dtype=torch.float32)
    chosen = thinned(mesh.vertices, APART)
    facing = mesh.vertex_normals[chosen][:, 2] > FACING
    return torch.from_numpy(mesh.vertices[chosen]).float(), torch.from_numpy(facing)


def colours_at(
    places: Float[Tensor, "p 3"], points: Float[Tensor, "n 3"], colours: Float[Tensor, "n 3"]
) -> Float[Tensor, "p 3"]:
    """The colours that a scan has nearest to places."""
    _, nearest = cKDTree(points.cpu().numpy()).query(places.cpu().numpy(), k=min(OF_A_PLACE, len(points)))
    return colours.cpu()[torch.from_numpy(nearest).reshape(len(places), -1)].mean(dim=1)


def _principal(rows: Float[Tensor, "s p 3"], kept: int) -> tuple[Float[Tensor, "p 3"], Float[Tensor, "p 3 k"]]:
    """The mean, and the directions of most change times how far colours change along them."""
    mean = rows.mean(dim=0)
    _, sizes, directions = torch.linalg.svd((rows - mean).flatten(1), full_matrices=False)
    spread = sizes[:kept] / max(len(rows) - 1, 1) ** 0.5
    return mean, (directions[:kept].T * spread).unflatten(0, mean.shape)


def _told(
    mean: Float[Tensor, "p 3"],
    basis: Float[Tensor, "p 3 k"],
    seen: Bool[Tensor, "p"],
    colours: Float[Tensor, "s q 3"],
    noise: float,
) -> Float[Tensor, "s p 3"]:
    """The likeliest colours of all places, given people's colours at the places that were seen."""
    z = likeliest(basis[seen].flatten(0, 1), (colours - mean[seen]).flatten(1).T, noise)
    return mean + (basis @ z).permute(2, 0, 1)


def _alike(
    mean: Float[Tensor, "p 3"],
    basis: Float[Tensor, "p 3 k"],
    seen: Bool[Tensor, "p"],
    colours: Float[Tensor, "q 3"],
    told: Float[Tensor, "p 3"],
) -> Float[Tensor, "p 3"]:
    """What was told of all places, mixed with the colours of seen ones that are usually like them, more of that the
    more they are."""
    if not seen.any():
        return told
    usual = torch.cat([mean[:, None], basis.movedim(2, 1)], dim=1).flatten(1)
    unlike = torch.cdist(usual, usual[seen]).square()
    least = unlike.amin(dim=1, keepdim=True)
    width = (SHARPNESS**2 * least).clamp(min=CLOSEST**2)
    weights = torch.softmax(-(unlike - least) / (2 * width), dim=1)
    off = (weights * unlike).sum(dim=1, keepdim=True)
    trust = 1 / (1 + (off / ALIKE**2) ** 2)
    return told + trust * (weights @ colours - told)


def _choices(rows: Float[Tensor, "s p 3"], facing: Bool[Tensor, "p"]) -> Iterator[tuple[float, int, float]]:
    """How wrong the colours of left-out people's backs are for each choice of directions kept and noise."""
    fold = torch.arange(len(rows)) % min(FOLDS, len(rows))
    most = int((fold != 0).sum()) - 1
    learned = [_principal(rows[fold != left], max(KEPT)) for left in fold.unique().tolist()]
    for kept in sorted({max(min(kept, most), 1) for kept in KEPT}):
        for noise in NOISES:
            off = 0.0
            for left, (mean, basis) in enumerate(learned):
                people = rows[fold == left]
                told = _told(mean, basis[..., :kept], facing, people[:, facing], noise)
                off += float((told - people)[:, ~facing].abs().sum())
            yield off, kept, noise
