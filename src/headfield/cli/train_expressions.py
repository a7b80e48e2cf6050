"""``headfield train expressions``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import tyro

from headfield.fitting.expressions import KEPT, Expressions
from headfield.studio.chance import seeds_of
from headfield.studio.landmark_moves import landmark_moves
from headfield.studio.recipe import load_model


def run(
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    *,
    faces: int = 4000,
    kept: int = KEPT,
) -> None:
    """Learn how landmarks move with expressions, from faces that the studio's head model makes by chance.

    Args:
        out: The file to write, `.safetensors`.
        faces: From how many faces.
        kept: How many principal directions are kept.
    """
    moves = torch.from_numpy(landmark_moves(load_model("ict"), seeds_of("train", 0, faces)))
    Expressions.of(moves, kept=kept).save(out, {"faces": faces, "model": "ict"})
    print(f"Wrote {out}.")
