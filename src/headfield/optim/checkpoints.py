"""Checkpoints: all that a run needs to go on, in one file that is whole or not there.

A file holds the module, Adam's moments and the losses so far as safetensors, and in the header, as JSON, where the run
is, how careful it has become and a checksum of everything. Random numbers need no place in it: every step draws its own
from the seed and its number.
"""

from __future__ import annotations

import json
import re
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from headfield.errors import InputError, reading
from headfield.files import new_file

_NAME = re.compile(r"step-(\d{9})\.safetensors")
KEPT = 2
"""How many checkpoints are kept: the last one, and the one before it in case the last one is damaged."""


@dataclass(frozen=True)
class Saved:
    """A checkpoint's content."""

    tensors: dict[str, Tensor]
    facts: dict
    path: Path


@dataclass(frozen=True)
class Checkpoints:
    """A folder of checkpoints of one run. Where several processes share a run, all of them see the same folder."""

    folder: Path
    every: int = 1000
    """How many steps lie between two checkpoints."""

    def save(self, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, object]) -> None:
        """Write the checkpoint after ``step`` steps, and remove all but the last ones."""
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        written = json.dumps(facts, allow_nan=False)
        with new_file(self.folder / f"step-{step:09d}.safetensors") as temporary:
            save_file(plain, temporary, metadata={"facts": written, "checksum": checksum(plain, written)})
        for path in [*self._paths()[KEPT:], *self.folder.glob(".step-*.safetensors")]:
            path.unlink(missing_ok=True)

    def newest(self) -> Saved | None:
        """The newest checkpoint that is whole, with a warning for each that is not; None if nothing was saved yet."""
        paths = self._paths()
        for path in paths:
            saved = _read(path)
            if saved is not None:
                return saved
            warnings.warn(f"{path} is damaged; the checkpoint before it is used.", stacklevel=2)
        if paths:
            raise InputError(f"{self.folder} holds damaged checkpoints only; delete it to start again.")
        return None

    def _paths(self) -> list[Path]:
        """The checkpoints there are, newest first."""
        if not self.folder.exists():
            return []
        with reading(self.folder):
            return sorted((path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)


def _read(path: Path) -> Saved | None:
    """What the file holds; None if it is damaged."""
    try:
        with reading(path), safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, UnicodeDecodeError):
        return None
    written = header.get("facts", "")
    if header.get("checksum") != checksum(tensors, written):
        return None
    return Saved(tensors, json.loads(written), path)


def checksum(tensors: Mapping[str, Tensor], written: str = "") -> str:
    """A checksum of names, kinds, shapes and bytes of all tensors, and of what is written."""
    sum_ = zlib.crc32(written.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        sum_ = zlib.crc32(f"{name} {tensor.dtype} {list(tensor.shape)}".encode(), sum_)
        sum_ = zlib.crc32(tensor.cpu().reshape(-1).view(torch.uint8).numpy().data, sum_)
    return f"{sum_:08x}"
