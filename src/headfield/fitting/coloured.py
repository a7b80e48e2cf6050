"""Places on scanned surfaces with the colours that the views of the same people show there (SIRA++, section III.B)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64, UInt8
from torch import Tensor

from headfield.capture import Scan, Subject, View
from headfield.errors import InputError
from headfield.surface import unit

SQUARE = 0.35
"""At a smaller cosine a view does not show a place: the pixel may belong to what is behind it."""

COVERED = 0.95
"""How much of its pixel the subject covers at least, so that the background is not taken for it."""

EXPECTED = 8
"""So many points of the scan are expected in a cell of the picture that says what hides what."""

BEHIND = 0.04
"""How much further away than the nearest point in its cell, in head units, a place may be and still be seen."""


@dataclass(frozen=True, eq=False)
class ColouredPoints:
    """As many places of every subject: where, seen along which unit direction, and in which colour."""

    points: Float[Tensor, "s n 3"]
    directions: Float[Tensor, "s n 3"]
    colours: UInt8[Tensor, "s n 3"]

    @staticmethod
    def joined(parts: Sequence[ColouredPoints]) -> ColouredPoints:
        """Those of all subjects."""
        return ColouredPoints(*(torch.cat([getattr(part, f.name) for part in parts]) for f in fields(ColouredPoints)))

    def to(self, device: torch.device | str) -> ColouredPoints:
        """The same on another device."""
        return ColouredPoints(*(getattr(self, f.name).to(device) for f in fields(self)))

    def draw(self, subjects: Int64[Tensor, "s"], count: int, generator: torch.Generator) -> ColouredPoints:
        """So many of each of these subjects, by chance."""
        shape, device = (len(subjects), count), self.points.device
        index = torch.randint(self.points.shape[1], shape, generator=generator, device=device)
        row = subjects[:, None]
        return ColouredPoints(*(getattr(self, f.name)[row, index] for f in fields(self)))


def coloured_points(subject: Subject, kept: int) -> ColouredPoints:
    """So many places of a subject by chance, some of them twice where there are fewer.

    Where it has no views, the scan's own colours are taken, seen as the scanner saw them. InputError if there are none.
    """
    scan = subject.scan
    if scan is None or not len(scan.points):
        raise InputError(f"{subject.name} has no scan to learn from; make the data set with scans.")
    views = () if subject.capture is None else subject.capture.views
    parts = [seen_in(view, scan) for view in views] if len(views) else [_as_scanned(scan)]
    index, directions, colours = (np.concatenate(column) for column in zip(*parts, strict=True))
    if not len(index):
        what = "its views show nothing of its scan" if len(views) else "it has neither views nor a coloured scan"
        raise InputError(
            f"{subject.name} has no colours to learn from, since {what}; make the data set with views and masks."
        )
    # By its name, so that it is the same in whatever order subjects are read.
    rng = np.random.default_rng(list(subject.name.encode()))
    chosen = rng.choice(len(index), kept, replace=len(index) < kept)
    return ColouredPoints(
        torch.from_numpy(scan.points[index[chosen]])[None].float(),
        torch.from_numpy(directions[chosen])[None].float(),
        torch.from_numpy(colours[chosen])[None],
    )


def seen_in(
    view: View, scan: Scan
) -> tuple[Int64[np.ndarray, "m"], Float32[np.ndarray, "m 3"], UInt8[np.ndarray, "m 3"]]:
    """Which points of a scan a view shows, along which directions, and in which colours."""
    camera = view.camera.to(device="cpu", dtype=torch.float64)
    pixels, depth = (part.numpy() for part in camera.project(torch.from_numpy(scan.points).double()))
    inside = (depth > 0) & (pixels >= 0).all(axis=1) & (pixels < [camera.width, camera.height]).all(axis=1)
    index = np.flatnonzero(inside)
    column, row = np.floor(pixels[index]).astype(np.int64).T
    directions = unit(scan.points[index] - camera.centre.numpy())
    facing = -np.einsum("nk,nk->n", directions, scan.normals[index]) > SQUARE
    shown = facing & _unhidden(column, row, depth[index])
    if view.mask is not None:
        shown &= view.mask[row, column] >= 255 * COVERED
    return index[shown], directions[shown].astype(np.float32), view.image[row[shown], column[shown]]


def _unhidden(
    column: Int64[np.ndarray, "n"], row: Int64[np.ndarray, "n"], depth: Float[np.ndarray, "n"]
) -> Bool[np.ndarray, "n"]:
    """Which points nothing is in front of, going by the nearest point in each cell of the picture."""
    if not len(depth):
        return np.zeros(0, bool)
    area = np.ptp(column) * np.ptp(row) + 1
    side = max(1, round(float(np.sqrt(EXPECTED * area / len(depth)))))
    cell = (row // side) * (column.max() // side + 1) + column // side
    nearest = np.full(cell.max() + 1, np.inf)
    np.minimum.at(nearest, cell, depth)
    return depth < nearest[cell] + BEHIND


def _as_scanned(
    scan: Scan,
) -> tuple[Int64[np.ndarray, "m"], Float32[np.ndarray, "m 3"], UInt8[np.ndarray, "m 3"]]:
    """All points with the scan's own colours; none where it has none."""
    if scan.colours is None:
        return np.zeros(0, np.int64), np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8)
    directions = -scan.normals
    if scan.sensors is not None and scan.sensor_of_point is not None:
        directions = scan.points - scan.sensors[scan.sensor_of_point]
    return np.arange(len(scan.points)), unit(directions).astype(np.float32), scan.colours
