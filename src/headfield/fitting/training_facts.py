"""What is told of how a prior was learned."""

from __future__ import annotations

import platform
from dataclasses import asdict
from typing import Any

import torch

from headfield import __version__
from headfield.optim.record import Report


def training_facts(
    training: Any, report: Report, *, subjects: int, seed: int, device: torch.device | str, made_from: object
) -> dict[str, object]:
    """Data, settings, seed, hours, losses and versions, as JSON."""
    return {
        "data": made_from,
        "subjects": subjects,
        "settings": asdict(training),
        "seed": seed,
        "device": str(device),
        "hours": round(report.seconds / 3600, 3),
        "resumed": report.resumed_at > 0,
        "finished": not report.interrupted,
        "losses": report.lately(200),
        "versions": {"headfield": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }
