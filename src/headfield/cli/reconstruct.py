"""``headfield reconstruct``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from headfield.capture import Capture, Subject
from headfield.cli.progress import progress
from headfield.data import layout
from headfield.data.importers import find_importer
from headfield.data.store import read_subject
from headfield.errors import InputError
from headfield.fitting.drive import Run
from headfield.mesh.files import FORMATS
from headfield.methods.registry import DEFAULT, find_method
from headfield.optim.record import Update
from headfield.reconstruction import reconstruct


def run_given(words: Sequence[str]) -> Callable[..., None]:
    """The command, with the settings of the method that the words name among its options."""
    fitting = find_method(_method_in(words)).fitting

    def run(
        capture: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CAPTURE")],
        fit: Any,
        *,
        output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
        views: int | None = None,
        method: str = DEFAULT,
        prior: Path | None = None,
        normals: Path | None = None,
        estimate_normals: bool = False,
        resolution: int = 256,
        seed: int = 0,
        checkpoints: Path | None = None,
        device: Literal["cpu", "cuda"] | None = None,
    ) -> None:
        """Make a head from the posed views of a capture.

        Masks and normals that the views lack are estimated from their pictures.

        Args:
            capture: A subject of a data set, or a folder with a transforms.json, its pictures and perhaps masks.
            fit: How the method fits a head.
            output: A folder for the head, or a mesh file (GLB, OBJ, PLY, STL).
            views: Look at the first few views only.
            method: Which method: instant-avatar, h3d-net, idr, or one of another package.
            prior: The prior's file, instead of the one that comes with headfield.
            normals: A file with the network that sees normals and masks where views lack them.
            estimate_normals: Estimate normals from the pictures even where the capture has them.
            resolution: Cells a side of the mesh, up to 512.
            seed: Decides every random number.
            checkpoints: A folder in which the fit is saved, so that it goes on after an interruption.
            device: Where the work is done; otherwise on the GPU if there is one.
        """
        _check(output, resolution)
        subject = _with_views(capture, views, estimate_normals)
        assert subject.capture is not None
        with progress() as bar:
            task = bar.add_task("Looking at the views", total=None)

            def show(update: Update) -> None:
                bar.update(task, total=update.steps, completed=update.done, description=f"Fitting, {update.stage}")

            head = reconstruct(
                subject.capture,
                method=method,
                prior=prior,
                normals=normals,
                settings=fit,
                run=Run(seed=seed, device=device or _device(), checkpoints=checkpoints, progress=show),
                resolution=resolution,
                to_head=subject.to_head,
            )
        head.save(output)
        seconds = head.facts["seconds"]
        print(f"Wrote {output} ({len(head.cameras)} views, seconds: {seconds}).{_next(output)}")

    run.__annotations__["fit"] = fitting
    return run


def _method_in(words: Sequence[str]) -> str:
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word == "--method":
            return after
        if word.startswith("--method="):
            return word.removeprefix("--method=")
    return DEFAULT


def _check(output: Path, resolution: int) -> None:
    if output.suffix and output.suffix.lower() not in FORMATS:
        raise InputError(f"{output.suffix} is no format of meshes; there are {', '.join(FORMATS)}, or name a folder.")
    if not 16 <= resolution <= 512:
        raise InputError(f"a mesh of {resolution} cells a side is not made; choose 16 to 512.")


def _with_views(path: Path, count: int | None, estimate_normals: bool) -> Subject:
    """The subject in a folder with its first few views."""
    subject = _read(path)
    views = subject.capture.views if subject.capture else ()
    if not len(views):
        raise InputError(f"{path} has no views; a head is made from one or more.")
    if count is not None and not 1 <= count <= len(views):
        raise InputError(f"{path} has {len(views)} views, so the first {count} cannot be had; choose another --views.")
    kept = tuple(replace(view, normals=None) if estimate_normals else view for view in views[:count])
    return replace(subject, capture=Capture(kept))


def _read(path: Path) -> Subject:
    if (path / layout.SUBJECT).is_file():
        return read_subject(path, scan=False, truth=False)
    if not path.exists():
        raise InputError(f"{path} does not exist; a capture was expected.")
    if path.is_dir() and not (path / layout.TRANSFORMS).is_file():
        raise InputError(
            f"{path} has neither {layout.SUBJECT} nor {layout.TRANSFORMS}, so it is no posed capture; "
            "`headfield import` reads other formats."
        )
    return next(iter(find_importer("nerfstudio").read(path)))


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _next(output: Path) -> str:
    if output.suffix:
        return ""
    return f"\nNext: headfield render {output} -o {output / 'pictures'}"
