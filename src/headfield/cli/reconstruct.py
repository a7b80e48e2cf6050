"""``headfield reconstruct``."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from headfield.capture import Capture, Subject
from headfield.cli.devices import Device, chosen
from headfield.cli.progress import progress
from headfield.data import layout
from headfield.data.importers import find_importer
from headfield.data.store import read_subject
from headfield.errors import InputError
from headfield.fitting.drive import Run
from headfield.head import MESH, Head, check_place
from headfield.mesh.files import FORMATS
from headfield.methods.registry import DEFAULT, find_method
from headfield.optim.record import Update
from headfield.placing import in_head_space
from headfield.reconstruction import Making, Progress
from headfield.results import REPORT, Wishes, next_commands, write_results

PHASES = {
    "faces": "Looking for the face",
    "cues": "Looking at the views",
    "cameras": "Putting cameras right",
    "fit": "Fitting",
    "mesh": "Extracting the surface",
    "texture": "Painting the texture",
    "saving": "Saving",
    "film": "Filming",
    "report": "Writing the report",
}


CAPTURES = {
    layout.TRANSFORMS: "nerfstudio",
    "transforms_train.json": "nerfstudio",
    **dict.fromkeys(("sparse", "colmap", "cameras.bin", "cameras.txt"), "colmap"),
    **dict.fromkeys(("cameras.npz", "cameras_sphere.npz"), "cameras-npz"),
}
"""By what in them posed captures are known, and which format they are then read as."""


def run_given(words: Sequence[str]) -> Callable[..., None]:
    """The command, with the settings of the method that the words name among its options."""
    fitting = find_method(_method_in(words)).fitting

    def run(
        source: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PHOTO... | CAPTURE")],
        fit: Any,
        *,
        output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
        face: int | None = None,
        views: int | None = None,
        method: str = DEFAULT,
        prior: Path | None = None,
        normals: Path | None = None,
        estimate_normals: bool = False,
        rough_cameras: bool = False,
        resolution: int = 256,
        texture: int | None = None,
        report: bool | None = None,
        also: tuple[Literal["obj", "ply", "stl"], ...] = (),
        seed: int = 0,
        checkpoints: Path | None = None,
        device: Device | None = None,
    ) -> None:
        """Make a head from photos of one person, or from the posed views of a capture.

        In photos the face is found, posed and cut out first; posed views from elsewhere are brought into head space by
        the faces that they show. Masks and normals that views lack are estimated from their pictures.

        Args:
            source: Photo files of one person; or a subject of a data set, or a folder with the posed pictures of a
                transforms.json, COLMAP or a cameras.npz, and perhaps masks.
            fit: How the method fits a head.
            output: A folder for the head, or a mesh file (GLB, OBJ, PLY, STL); beside you and named after the first
                photo where nothing is said.
            face: Which face of a photo to take, counted from the left; otherwise the largest.
            views: Look at the first few views only.
            method: Which method: instant-avatar, sira, h3d-net, multi-neus, idr, neus, or one of another package.
            prior: The prior's file, instead of the one that comes with headfield.
            normals: A file with the network that sees normals and masks where views lack them.
            estimate_normals: Estimate normals from the pictures even where the capture has them.
            rough_cameras: The cameras of posed views are off by up to a degree or two, or a centimetre: put them right
                with what the views show, and go on while the head is fitted. Those of photos are, and those of videos
                that were posed by the face.
            resolution: Cells a side of the mesh, up to 512.
            texture: Texels a side of the texture, 0 for none; 2048 for photos where nothing is said, none for captures.
            report: Write a page that shows what was done and films of the head, too; as for photos where nothing is
                said.
            also: Further formats of the mesh to write into the folder.
            seed: Decides every random number.
            checkpoints: A folder in which the fit is saved, so that it goes on after an interruption.
            device: Where the work is done; otherwise on the GPU if there is one.
        """
        photos = not is_capture(source)
        output = output or Path(f"{source[0].stem.replace('.', '-')}-head")
        _check(output, resolution, texture)
        on = chosen(device)
        if photos and views is not None and views < 1:
            raise InputError("--views are 1 or more.")
        subject = None if photos else _with_views(source[0], views)
        with progress() as bar:
            task = bar.add_task("Starting", total=None)

            def begun(phase: str) -> None:
                bar.update(task, total=None, description=PHASES.get(phase, phase))

            def counted(done: int, total: int) -> None:
                bar.update(task, total=total, completed=done)

            def show(update: Update) -> None:
                bar.update(task, total=update.steps, completed=update.done, description=f"Fitting, {update.stage}")

            making = Making(
                method=method,
                prior=prior,
                normals=normals,
                settings=fit,
                run=Run(seed=seed, device=on, checkpoints=checkpoints, progress=show),
                resolution=resolution,
                texture=texture,
                face=face,
                progress=Progress(begun, counted),
            )
            if subject is None:
                made = making.head(source[:views])
            else:
                begun("faces")
                subject = in_head_space(subject, counted=counted)
                capture = _first(subject, views, estimate_normals)
                capture = replace(capture, rough=capture.rough or rough_cameras)
                made = making.head(capture, to_head=subject.to_head)
            remarks = made.remarks
            if output.suffix:
                made.head.save(output)
            else:
                films = (".mp4", ".gif") if (photos if report is None else report) else ()
                wishes = Wishes(also, films, report=bool(films))
                remarks = write_results(made, output, wishes, making.progress)
        _tell(made.head, output, remarks)

    run.__annotations__["fit"] = fitting
    return run


def _method_in(words: Sequence[str]) -> str:
    for word, after in zip_longest(words, words[1:], fillvalue=""):
        if word == "--method":
            return after
        if word.startswith("--method="):
            return word.removeprefix("--method=")
    return DEFAULT


def is_capture(source: Sequence[Path]) -> bool:
    """Whether posed views are named, and not photos."""
    if not source:
        raise InputError("no photo is named; name photo files of one person, or the folder of a capture.")
    folders = [path for path in source if path.is_dir()]
    if folders and len(source) > 1:
        raise InputError(f"{folders[0]} is a folder; name one capture, or photo files.")
    return bool(folders) or (not source[0].exists() and not source[0].suffix)


def _check(output: Path, resolution: int, texture: int | None) -> None:
    if output.suffix and output.suffix.lower() not in FORMATS:
        raise InputError(f"{output.suffix} is no format of meshes; there are {', '.join(FORMATS)}, or name a folder.")
    if not 16 <= resolution <= 512:
        raise InputError(f"a mesh of {resolution} cells a side is not made; choose 16 to 512.")
    if texture and not 64 <= texture <= 4096:
        raise InputError(f"a texture of {texture} texels a side is not made; choose 64 to 4096, or 0 for none.")
    if not output.suffix:
        check_place(output)
    above = next(path for path in (output.absolute().parent, *output.absolute().parents) if path.exists())
    try:  # before minutes are spent
        tempfile.TemporaryFile(dir=above).close()
    except OSError as error:
        raise InputError(f"{output} cannot be written ({error.strerror}); choose another place.") from None


def _tell(head: Head, output: Path, remarks: Sequence[str]) -> None:
    for remark in remarks:
        print(f"Note: {remark}")
    spent = head.facts["seconds"]
    assert isinstance(spent, dict)
    count = len(head.cameras)
    print(f"Wrote {output} ({count} view{'s' * (count > 1)}, {sum(spent.values()):.0f} s).")
    if not output.suffix:
        if (output / REPORT).is_file():
            print(f"{output / MESH} opens anywhere; {output / REPORT} shows what was done.")
        print("Next: " + "\n      ".join(next_commands(output)))


def _with_views(path: Path, count: int | None) -> Subject:
    """The subject in a folder, which has so many views."""
    subject = _read(path)
    views = subject.capture.views if subject.capture else ()
    if not len(views):
        raise InputError(f"{path} has no views; a head is made from one or more.")
    if count is not None and not 1 <= count <= len(views):
        raise InputError(f"{path} has {len(views)} views, so the first {count} cannot be had; choose another --views.")
    return subject


def _first(subject: Subject, count: int | None, estimate_normals: bool) -> Capture:
    """The first few views of a subject."""
    assert subject.capture is not None
    views = subject.capture.views[:count]
    shown = tuple(replace(view, normals=None) if estimate_normals else view for view in views)
    return replace(subject.capture, views=shown)


def _read(path: Path) -> Subject:
    if (path / layout.SUBJECT).is_file():
        return read_subject(path, scan=False, truth=False)
    if not path.exists():
        raise InputError(f"{path} does not exist; a capture was expected.")
    kind = next((kind for sign, kind in CAPTURES.items() if (path / sign).exists()), None)
    if kind is None:
        raise InputError(
            f"{path} has no {layout.SUBJECT}, {layout.TRANSFORMS}, COLMAP model or cameras.npz, so it is no posed "
            "capture; `headfield import` reads other formats, and photos are named one by one."
        )
    return next(iter(find_importer(kind).read(path)))
