"""How long it takes to extract a head-sized surface, beside what the function itself takes."""

from __future__ import annotations

import time

import torch
from rich.table import Table
from torch import Tensor

from headfield.mesh.extract import extract

REPEATS = 3


class Timed:
    """A signed distance function that knows how often it was asked, and for how long."""

    def __init__(self) -> None:
        self.points, self.seconds = 0, 0.0

    def __call__(self, points: Tensor) -> Tensor:
        start = time.perf_counter()
        distances = bust(points)
        self.seconds += time.perf_counter() - start
        self.points += len(points)
        return distances


def bust(points: Tensor) -> Tensor:
    """A head, a neck and shoulders that go on below the unit cube, as ellipsoids."""
    head = _ellipsoid(points, centre=(0.0, 0.15, 0.0), radii=(0.42, 0.62, 0.52))
    neck = _ellipsoid(points, centre=(0.0, -0.5, -0.1), radii=(0.3, 0.6, 0.3))
    shoulders = _ellipsoid(points, centre=(0.0, -1.1, -0.1), radii=(0.95, 0.4, 0.45))
    return torch.minimum(torch.minimum(head, neck), shoulders)


def _ellipsoid(points: Tensor, centre: tuple[float, ...], radii: tuple[float, ...]) -> Tensor:
    """Close to the distance near the surface, and never further than it."""
    scaled = (points - points.new_tensor(centre)) / points.new_tensor(radii)
    return (scaled.norm(dim=-1) - 1) * min(radii)


def run() -> Table:
    table = Table(title=f"Extraction of a bust, {torch.get_num_threads()} threads, best of {REPEATS}")
    for column in ("cells a side", "seconds", "in the function", "asked, of the grid", "faces"):
        table.add_column(column, justify="right")
    for resolution in (128, 256, 512):
        best = min((_once(resolution) for _ in range(REPEATS)), key=lambda result: result[0])
        seconds, function, faces = best
        share = function.points / (resolution + 1) ** 3
        table.add_row(f"{resolution}", f"{seconds:.2f}", f"{function.seconds:.2f}", f"{share:.1%}", f"{faces:,}")
    return table


def _once(resolution: int) -> tuple[float, Timed, int]:
    function = Timed()
    start = time.perf_counter()
    mesh = extract(function, resolution=resolution, border="open")
    return time.perf_counter() - start, function, len(mesh.faces)
