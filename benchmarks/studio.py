"""How long a studio subject takes with 24 views and a scan, and how much memory a worker needs."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from pathlib import Path

from rich.table import Table

from headfield.studio.assets import available
from headfield.studio.order import Order
from headfield.studio.production import produce

SUBJECTS = 20
"""Enough for most hair families to be among them."""


def run() -> Table:
    workers = os.cpu_count() or 1
    order = Order(subjects=SUBJECTS, seed=500_000, model="ict" if available("ict-facekit") else "builtin")
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        for _ in produce(order, Path(folder) / "people", workers=workers):
            pass
        seconds = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    # The largest of the workers that have ended; Linux counts in kilobytes.
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    table = Table(title=f"headfield studio, {SUBJECTS} people of the {order.model} model, {workers} workers")
    for column in ("seconds each", "processor seconds each", "MB a worker at most", "MB on disk each"):
        table.add_column(column, justify="right")
    table.add_row(
        f"{seconds / SUBJECTS:.1f}",
        f"{(usage.ru_utime + usage.ru_stime) / SUBJECTS:.1f}",
        f"{usage.ru_maxrss / 1024:.0f}",
        f"{size / SUBJECTS / 1e6:.1f}",
    )
    return table
