"""Learning how heads are shaped and how they look from scans and posed views: SA-SM of SIRA++ (section III.B).

    min over z, θ of  Σᵢ  L_Surf + λ₁ L_Eik + λ₂ L_Def + λ₃ L_Lm + λ₄ L_C + λ₅ L_Emb        (equation 11)

Sums over points are means here. L_Surf and L_Eik, and what a scan says of normals and of free space, are those of
:mod:`headfield.fitting.shape_learning`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from headfield.errors import InputError
from headfield.fields.appearance import Appearance, AppearanceSettings
from headfield.fields.deformation import DeformedGeometry, DeformedSettings, apart
from headfield.fields.geometry import Sample
from headfield.fields.latents import Codes, CodesSettings, length_penalty
from headfield.fitting.coloured import ColouredPoints
from headfield.fitting.shape_learning import Batch, shape_terms, some_subjects
from headfield.fitting.shape_training import Lessons
from headfield.optim.step import StepInfo

SIX = (36, 45, 30, 48, 54, 8)
"""The landmarks that are the same place of everybody: corners of the eyes and of the mouth, tip of nose and chin."""


class HeadFamily(nn.Module):
    """A reference and how it is bent and coloured, with the codes z_sdf and z_r of the subjects it was learned from.

    Without ``appearance`` it knows shapes alone.
    """

    def __init__(self, geometry: DeformedSettings, appearance: AppearanceSettings | None, subjects: int, spread: float):
        super().__init__()
        self.geometry = DeformedGeometry(geometry)
        self.codes = Codes(CodesSettings(subjects, geometry.code, spread))
        self.appearance = None if appearance is None else Appearance(appearance)
        self.looks = None if appearance is None else Codes(CodesSettings(subjects, appearance.code, spread))


@dataclass(frozen=True, eq=False)
class HeadObjectives:
    """The objectives of a step: ``surface``, ``normals``, ``eikonal``, ``free``, ``deformation``, ``landmarks``,
    ``embedding`` and, where appearance is learned, ``colour``.

    ``colours`` is how many coloured places of a subject a step looks at; ``masked_until`` the share of the training
    over which the frequencies of the reference are let in one after the other (equation 15).
    """

    family: HeadFamily
    lessons: Lessons
    batch: Batch
    colours: int
    sigma: float
    masked_until: float

    def __post_init__(self) -> None:
        if self.family.appearance is not None and self.lessons.coloured is None:
            raise InputError("there are no colours to learn from; learn shapes alone, or name a data set with views.")

    def __call__(self, info: StepInfo) -> dict[str, Tensor]:
        """The objectives of one step."""
        family = self.family
        masked = info.progress < self.masked_until
        family.geometry.reference.encoding.open(info.progress / self.masked_until if masked else 1.0)
        subjects = some_subjects(self.batch.subjects, len(self.lessons.scans), info)
        drawn = self.lessons.scans.draw(subjects, self.batch.points, info.generator)
        code = family.codes(subjects)
        points = torch.cat([drawn.surface, drawn.space, drawn.free], dim=1)
        coloured: ColouredPoints | None = None
        if family.appearance is not None and self.lessons.coloured is not None:
            coloured = self.lessons.coloured.draw(subjects, self.colours, info.generator)
            points = torch.cat([points, coloured.points], dim=1)
        sample = family.geometry.sample(points, code, create_graph=True)
        of_scan = points.shape[1] - (0 if coloured is None else self.colours)
        displacement, _ = apart(sample.features[:, : drawn.surface.shape[1]])
        marks = self.lessons.landmarks[subjects][:, SIX]
        terms = shape_terms(_part(sample, slice(None, of_scan)), drawn)
        terms["deformation"] = deformation_size(displacement)
        terms["landmarks"] = landmark_mismatch(
            family.geometry.in_reference(marks, code), self.lessons.known[subjects][:, SIX]
        )
        terms["embedding"] = length_penalty(code, self.sigma)
        if coloured is not None and family.looks is not None:
            look = family.looks(subjects)
            terms["embedding"] = terms["embedding"] + length_penalty(look, self.sigma)
            terms["colour"] = self._colour(coloured, _part(sample, slice(of_scan, None)), look)
        return terms

    def _colour(self, coloured: ColouredPoints, sample: Sample, look: Float[Tensor, "s c"]) -> Float[Tensor, ""]:
        """L_C: ‖r(x_ref, n, v, γ) - c‖ (equation 10)."""
        assert self.family.appearance is not None
        displacement, handed_on = apart(sample.features)
        normal = normalize(sample.gradient, dim=-1)
        seen = self.family.appearance(coloured.points + displacement, normal, coloured.directions, handed_on, look)
        return (seen - coloured.colours.to(seen) / 255).abs().mean()


def deformation_size(displacement: Float[Tensor, "s n 3"]) -> Float[Tensor, ""]:
    """L_Def: deformations are small, and nothing on average (equation 8)."""
    return displacement.norm(dim=-1).mean() + displacement.mean(dim=1).norm(dim=-1).mean()


def landmark_mismatch(places: Float[Tensor, "s l 3"], known: Bool[Tensor, "s l"]) -> Float[Tensor, ""]:
    """L_Lm: how far apart in the reference space the same landmarks of two subjects are (equation 9).

    Summed over the landmarks and the other subjects, as far as both are known, averaged over the subjects.
    """
    count = len(places)
    first, second = torch.triu_indices(count, count, offset=1, device=places.device)
    apart_by = (places[first] - places[second]).norm(dim=-1)
    return 2 * (apart_by * (known[first] & known[second])).sum() / max(count, 1)


def _part(sample: Sample, of: slice) -> Sample:
    """What was said at some of the points of each subject."""
    return Sample(sample.distance[:, of], sample.gradient[:, of], sample.features[:, of])
