"""How long it takes to measure one head against another, and how much memory."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.table import Table

from headfield.cli import main
from headfield.mesh.files import write_mesh
from headfield.surface import Mesh

SAMPLES = (100_000, 1_000_000)
SIDE = 224
"""So many rows and columns of vertices make 100,000 faces."""


def head(bumps: float) -> Mesh:
    """A ball with a nose, and with bumps of about ``bumps`` millimetres."""
    polar, azimuth = np.meshgrid(np.linspace(0.01, np.pi - 0.01, SIDE), np.linspace(0, 2 * np.pi, SIDE), indexing="ij")
    way = np.stack([np.sin(polar) * np.sin(azimuth), np.cos(polar), np.sin(polar) * np.cos(azimuth)], axis=-1)
    nose = 0.15 * np.exp(-40 * (way[..., 0] ** 2 + way[..., 1] ** 2)) * (way[..., 2] > 0)
    radius = 0.5 + nose + bumps / 200 * np.sin(9 * way).prod(axis=-1)
    index = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    return Mesh.of((radius[..., None] * way).reshape(-1, 3), faces)


def run() -> Table:
    prediction, truth = head(bumps=4.0), head(bumps=0.0)
    table = Table(title=f"headfield measure, {len(truth.faces):,} faces each, {os.cpu_count()} processors")
    for column in ("samples", "error map", "seconds", "processor seconds", "peak memory"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        for name, mesh in (("prediction.ply", prediction), ("truth.ply", truth)):
            write_mesh(mesh, Path(folder) / name)
        for samples, drawn in ((SAMPLES[0], False), (SAMPLES[1], False), (SAMPLES[1], True)):
            # A process of its own, so that the memory is this run's alone.
            with get_context("spawn").Pool(1) as pool:
                seconds, busy, peak = pool.apply(_once, (folder, samples, drawn))
            drawn_or_not = "yes" if drawn else "no"
            table.add_row(f"{samples:,}", drawn_or_not, f"{seconds:.1f}", f"{busy:.1f}", f"{peak / 2**30:.2f} GB")
    return table


def _once(folder: str, samples: int, drawn: bool) -> tuple[float, float, int]:
    words = ["measure", f"{folder}/prediction.ply", f"{folder}/truth.ply", "--nose", "0", "0", "130"]
    words += ["--samples", str(samples), *(["--map", f"{folder}/map.glb"] if drawn else [])]
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    start = time.perf_counter()
    if main(words) != 0:
        raise RuntimeError("the measurement was refused")
    # Linux counts kilobytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return time.perf_counter() - start, time.process_time(), peak
