"""Points to learn shapes from: what scanners saw of many subjects, in memory on one device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.nn.functional import normalize

from headfield.canonical import CANONICAL_NOSE
from headfield.capture import Scan, Subject
from headfield.data.store import Dataset
from headfield.errors import InputError
from headfield.units import MILLIMETRES_PER_UNIT

FACE_RADIUS = 95 / MILLIMETRES_PER_UNIT
"""The face is what lies so close to the tip of the nose (InstantAvatar, section 4.2)."""

NOSE = torch.tensor(CANONICAL_NOSE, dtype=torch.float32)
"""Where the average face has the tip of its nose."""


@dataclass(frozen=True)
class PointsASubject:
    """How many points of each kind a subject gives in a step."""

    surface: int = 512
    """On the surface."""
    face: float = 0.35
    """Which share of them comes from around the face, which is a small part of a head and the one people look at."""
    near: int = 160
    """Close to the surface, on both sides."""
    anywhere: int = 96
    """Anywhere in the cube that the fields fill."""
    free: int = 128
    """Where the scanner saw through."""
    spread: float = 0.05
    """How far from the surface the close points lie, in head units: the standard deviation."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """The points of s subjects in a step, a row for each."""

    subjects: Int64[Tensor, "s"]
    surface: Float[Tensor, "s n 3"]
    normals: Float[Tensor, "s n 3"]
    space: Float[Tensor, "s m 3"]
    """Close to the surface and anywhere."""
    free: Float[Tensor, "s k 3"]


@dataclass(frozen=True, eq=False)
class Scans:
    """As many points of every subject, those around the face first in line twice: by themselves and with the others."""

    names: tuple[str, ...]
    points: Float[Tensor, "s n 3"]
    normals: Float[Tensor, "s n 3"]
    face: Int64[Tensor, "s f"]
    """Which points are around the face."""
    free: Float[Tensor, "s k 3"]
    colours: UInt8[Tensor, "s n 3"] | None = None
    """None where some of the scans have none."""

    @staticmethod
    def of(subjects: Sequence[Subject], *, kept: int = 50_000, seed: int = 0) -> Scans:
        """The scans of subjects, ``kept`` points of each; InputError that names the first that has none."""
        generator = torch.Generator().manual_seed(seed)
        rows = [_row(subject.name, subject.scan, kept, generator) for subject in subjects]
        if not rows:
            raise InputError("there are no subjects to learn from; check the data set.")
        points, normals, face, free = (torch.stack(part) for part in zip(*(row[:4] for row in rows), strict=True))
        colours = [row[4] for row in rows if row[4] is not None]
        names = tuple(subject.name for subject in subjects)
        coloured = torch.stack(colours) if len(colours) == len(rows) else None
        return Scans(names, points, normals, face, free, coloured)

    @staticmethod
    def read(dataset: Dataset, *, subjects: int | None = None, kept: int = 50_000) -> Scans:
        """The scans of a data set's subjects, or of its first few."""
        read = dataset.map(lambda name: dataset.read(name, views=False, truth=False), subjects=subjects)
        return Scans.of(list(read), kept=kept)

    def __len__(self) -> int:
        return len(self.names)

    def to(self, device: torch.device | str) -> Scans:
        """The same on another device."""
        tensors = {name: getattr(self, name).to(device) for name in ("points", "normals", "face", "free")}
        return replace(self, **tensors)

    def draw(self, subjects: Int64[Tensor, "s"], count: PointsASubject, generator: torch.Generator) -> Drawn:
        """Points of these subjects by chance."""
        device = self.points.device
        row = subjects[:, None]

        def some(n: int, of: int) -> Tensor:
            return torch.randint(of, (len(subjects), n), generator=generator, device=device)

        in_face = round(count.face * count.surface)
        of_face = self.face[row, some(in_face, self.face.shape[1])]
        index = torch.cat([of_face, some(count.surface - in_face, self.points.shape[1])], dim=1)
        surface = self.points[row, index]
        near = self.points[row, some(count.near, self.points.shape[1])]
        near = near + count.spread * torch.randn(near.shape, generator=generator, device=device)
        anywhere = 2 * torch.rand(len(subjects), count.anywhere, 3, generator=generator, device=device) - 1
        free = self.free[row, some(count.free, self.free.shape[1])]
        return Drawn(subjects, surface, self.normals[row, index], torch.cat([near, anywhere], dim=1), free)


def _row(
    name: str, scan: Scan | None, kept: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
    if scan is None or not len(scan.points):
        raise InputError(f"{name} has no scan to learn from; make the data set with scans.")
    index = _some(len(scan.points), kept, generator)
    points = torch.from_numpy(scan.points)[index]
    normals = normalize(torch.from_numpy(scan.normals)[index], dim=-1)
    face = torch.nonzero((points - NOSE).norm(dim=-1) < FACE_RADIUS)[:, 0]
    if not len(face):
        raise InputError(f"{name} has no points where a face should be; align the data set to head space.")
    face = face[_some(len(face), kept // 4, generator)]
    colours = None if scan.colours is None else torch.from_numpy(scan.colours)[index]
    return points, normals, face, _free(scan, index, kept // 2, generator), colours


def _free(scan: Scan, index: Tensor, kept: int, generator: torch.Generator) -> Tensor:
    """Places outside: those the scanner gave, and some on the way from the points to the sensors that saw them."""
    ways = []
    if scan.free_points is not None and len(scan.free_points):
        ways.append(torch.from_numpy(scan.free_points))
    if scan.sensors is not None and scan.sensor_of_point is not None:
        points = torch.from_numpy(scan.points)[index]
        sensors = torch.from_numpy(scan.sensors)[torch.from_numpy(scan.sensor_of_point)[index]]
        way = sensors - points
        along = torch.rand(len(points), 1, generator=generator).square() * 0.6 + 0.01
        ways.append(points + torch.minimum(along, way.norm(dim=-1, keepdim=True)) * normalize(way, dim=-1))
    if not ways:
        # On the far side of its own normal, close to the surface, nothing else is known to be free.
        ways.append(torch.from_numpy(scan.points)[index] + 0.01 * torch.from_numpy(scan.normals)[index])
    free = torch.cat([way[_some(len(way), kept // len(ways), generator)] for way in ways])
    return free[_some(len(free), kept, generator)]


def _some(of: int, wanted: int, generator: torch.Generator) -> Tensor:
    """``wanted`` different ones by chance; where there are fewer, some more than once."""
    if of >= wanted:
        return torch.randperm(of, generator=generator)[:wanted]
    return torch.randint(of, (wanted,), generator=generator)
