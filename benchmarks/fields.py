"""What a field costs: 16,384 points forward, with their gradients, and in a training step; and what bfloat16 loses."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from rich.table import Table
from torch import Tensor

from headfield.fields.geometry import Geometry, GeometrySettings, eikonal
from headfield.fields.mlp import MLPSettings
from headfield.units import MILLIMETRES_PER_UNIT

POINTS = 16_384
CHUNK = 4_096
"""Points that are worked on at once: measured, and counted as often as there are in all."""

REPEATS = 5

GEOMETRIES = {
    "grid + 3 x 512": GeometrySettings(),
    "grid + 3 x 512, SiLU": GeometrySettings(MLPSettings(activation="silu")),
    "grid + 3 x 256": GeometrySettings(MLPSettings(width=256)),
    "grid + 3 x 256, SiLU": GeometrySettings(MLPSettings(width=256, activation="silu")),
    "grid + 3 x 128, SiLU": GeometrySettings(MLPSettings(width=128, activation="silu")),
    "8 x 512": GeometrySettings(MLPSettings(depth=8, skips=(4,)), grid=None),
}


def run() -> Table:
    threads = f"{torch.get_num_threads()} threads on {os.cpu_count()} processors"
    table = Table(title=f"{POINTS:,} points in portions of {CHUNK:,}, milliseconds, {threads}")
    table.add_column("geometry")
    table.add_column("precision")
    for column in ("forward", "+ gradient", "+ backward", "off by (mm)", "normals off by (°)"):
        table.add_column(column, justify="right")
    for name, settings in GEOMETRIES.items():
        torch.manual_seed(0)
        geometry, code = Geometry(settings), 0.01 * torch.randn(settings.code)
        points = torch.nn.functional.normalize(torch.randn(CHUNK, 3), dim=-1) * (0.4 + 0.2 * torch.rand(CHUNK, 1))
        true = geometry.sample(points, code)
        for precision in ("float32", "bfloat16"):
            with _precision(precision):
                times = [_milliseconds(work, geometry, points, code) for work in (_forward, _gradient, _step)]
                found = geometry.sample(points, code)
            error = (found.distance - true.distance).abs().max().item() * MILLIMETRES_PER_UNIT
            angle = torch.cosine_similarity(found.gradient, true.gradient, dim=-1).clamp(max=1).acos().rad2deg().mean()
            table.add_row(name, precision, *[f"{ms:.0f}" for ms in times], f"{error:.2f}", f"{angle.item():.2f}")
    return table


def _precision(name: str) -> AbstractContextManager:
    # Without the cache, since it holds on to weights cast where gradients were off.
    return (
        torch.autocast("cpu", torch.bfloat16, cache_enabled=False) if name == "bfloat16" else contextlib.nullcontext()
    )


def _forward(geometry: Geometry, points: Tensor, code: Tensor) -> None:
    with torch.no_grad():
        geometry.distance(points, code)


def _gradient(geometry: Geometry, points: Tensor, code: Tensor) -> None:
    geometry.sample(points, code)


def _step(geometry: Geometry, points: Tensor, code: Tensor) -> None:
    geometry.zero_grad()
    sample = geometry.sample(points, code, create_graph=True)
    (sample.distance.abs().mean() + eikonal(sample.gradient)).backward()


def _milliseconds(work: Callable[..., None], geometry: Geometry, points: Tensor, code: Tensor) -> float:
    """What all points take, by the fastest of a few runs on one portion."""
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        work(geometry, points, code)
        best = min(best, time.perf_counter() - start)
    return 1000 * best * POINTS / CHUNK
