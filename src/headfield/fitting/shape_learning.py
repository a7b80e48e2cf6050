"""Learning a family of shapes from scans: a geometry read by a code a subject (InstantAvatar, section 3.1; H3D-Net).

    min over z, g, θ of  Σᵢ  L_surf + λ₀ L_emb + λ₁ L_eik        (InstantAvatar, equation 3)

L_surf is the signed distance at points of the surface and how far its gradient there is from the normal, L_eik holds
the gradient's length to one everywhere, L_emb holds codes and grid features near zero. What a scanner saw through is
kept outside.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from headfield.fields.geometry import Geometry, GeometrySettings, Sample, eikonal
from headfield.fields.latents import Codes, CodesSettings, length_penalty
from headfield.fitting.scans import Drawn, PointsASubject, Scans
from headfield.optim.step import StepInfo


class ShapeFamily(nn.Module):
    """A geometry and the codes of the subjects it was learned from."""

    def __init__(self, geometry: GeometrySettings, subjects: int, spread: float):
        super().__init__()
        self.geometry = Geometry(geometry)
        self.codes = Codes(CodesSettings(subjects, geometry.code, spread))


@dataclass(frozen=True)
class Batch:
    """What a step of learning looks at."""

    subjects: int = 8
    points: PointsASubject = field(default_factory=PointsASubject)


@dataclass(frozen=True, eq=False)
class ShapeObjectives:
    """The objectives of a step: ``surface``, ``normals``, ``eikonal``, ``free`` and ``embedding``.

    ``masked_until`` is the share of the first stage over which the encoding's frequencies are let in one after the
    other (0: all from the start); ``levels`` is how many grid levels each stage uses.
    """

    family: ShapeFamily
    scans: Scans
    batch: Batch
    sigma: float
    masked_until: float
    levels: dict[str, int]

    def __call__(self, info: StepInfo) -> dict[str, Tensor]:
        """The objectives of one step."""
        self._open(info)
        subjects = some_subjects(self.batch.subjects, len(self.scans), info)
        drawn = self.scans.draw(subjects, self.batch.points, info.generator)
        geometry, code = self.family.geometry, self.family.codes(drawn.subjects)
        points = torch.cat([drawn.surface, drawn.space, drawn.free], dim=1)
        sample = geometry.sample(points, code, drawn.subjects, create_graph=True)
        terms = shape_terms(sample, drawn)
        terms["embedding"] = length_penalty(code, self.sigma)
        if geometry.grid is not None:
            terms["embedding"] = terms["embedding"] + length_penalty(geometry.grid(points), self.sigma)
        return terms

    def _open(self, info: StepInfo) -> None:
        """Let in the frequencies and the grid levels that belong to this moment."""
        geometry = self.family.geometry
        first = info.overall == info.step
        masked = first and info.progress < self.masked_until
        geometry.encoding.open(info.progress / self.masked_until if masked else 1.0)
        if geometry.grid is not None:
            geometry.grid.activate(self.levels[info.stage.name])


def some_subjects(wanted: int, of: int, info: StepInfo) -> Int64[Tensor, "s"]:
    """So many different subjects by chance, or all where there are fewer."""
    order = torch.rand(of, generator=info.generator, device=info.device)
    return order.topk(min(wanted, of)).indices


def shape_terms(sample: Sample, drawn: Drawn) -> dict[str, Float[Tensor, ""]]:
    """How well a field agrees with what was drawn of scans: points in the order surface, space, free."""
    n = drawn.surface.shape[1]
    free = sample.distance[:, -drawn.free.shape[1] :]
    return {
        "surface": sample.distance[:, :n].abs().mean(),
        "normals": (sample.gradient[:, :n] - drawn.normals).norm(dim=-1).mean(),
        "eikonal": eikonal(sample.gradient),
        "free": free.clamp(max=0).abs().mean(),
    }
