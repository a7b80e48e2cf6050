"""``headfield info``."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import tyro

from headfield import __version__


@dataclass(frozen=True)
class Optional:
    """A package headfield can do without, what it is for, and the extra that brings it."""

    package: str
    purpose: str
    extra: str
    beside: str = ""
    """What pip is told to bring it, where the extra brings only what it needs."""


CORE = ("torch", "numpy", "scipy", "scikit-image", "pillow", "safetensors", "jaxtyping", "rich", "tyro")
OPTIONAL = (
    Optional("embreex", "fast ray casting", "fast"),
    Optional("libigl", "fast distances to surfaces", "fast"),
    Optional("fast-simplification", "decimation", "fast"),
    Optional("pooch", "fetching the open data the studio learns from", "studio"),
    Optional("mediapipe", "faces in photos", "photo", beside="--no-deps mediapipe==0.10.21"),
    Optional("pillow-heif", "HEIC photos", "heic"),
    Optional("xatlas", "textures", "texture"),
    Optional("pycolmap", "cameras of videos", "poses"),
    Optional("imageio-ffmpeg", "films as MP4", "video"),
)


def run(*, as_json: Annotated[bool, tyro.conf.arg(name="json")] = False) -> None:
    """Show versions, the device, and what is installed and what is not.

    Args:
        as_json: Print JSON for programs instead of a table for people.
    """
    facts = collect()
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    for name in ("headfield", "python", "platform", "device", "threads"):
        table.add_row(name, str(facts[name]))
    for name, found in facts["core"].items():
        table.add_row(name, found or "[red]missing[/red]")
    for part in OPTIONAL:
        found = facts["optional"][part.package]
        and_then = f" and pip install {part.beside}" if part.beside else ""
        hint = f'[yellow]not installed[/yellow]; pip install "headfield\\[{part.extra}]"{and_then}'
        table.add_row(part.package, f"{found or hint}  [dim]{part.purpose}[/dim]")
    Console().print(table)


def collect() -> dict:
    """Everything ``headfield info`` tells, as JSON would hold it."""
    import torch

    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"
    return {
        "headfield": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "device": device,
        "threads": torch.get_num_threads(),
        "core": {name: _version(name) for name in CORE},
        "optional": {part.package: _version(part.package) for part in OPTIONAL},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
