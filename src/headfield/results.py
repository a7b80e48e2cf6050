"""What is written of a finished head: the head itself, a film of it, and a page that shows what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from headfield.capture import View
from headfield.data.films import check_film, write_film
from headfield.data.pictures import write_image
from headfield.errors import InputError
from headfield.head import CAMERAS, CONFIDENCE, FIELD, HEAD, MESH, SURFACE, Head
from headfield.mesh.files import write_mesh
from headfield.mesh.raycast import RayCaster
from headfield.reconstruction import Counted, Made, Progress
from headfield.render.mesh_view import render_mesh
from headfield.render.paths import cameras_along
from headfield.report.content import Photo, Report, Written
from headfield.report.of_head import report_of
from headfield.report.page import write_report
from headfield.report.stills import sides

REPORT, FILM, SEEN = "report.html", "turntable", "confidence.png"

ABOUT = {
    MESH: "the head, in metres: opens in Blender, in browsers, on phones",
    SURFACE: "the whole surface with colours at its vertices, to be measured",
    FIELD: "the neural field, from which headfield draws and extracts",
    HEAD: "how it was made",
    CAMERAS: "where the photos were taken from",
}

Picture = UInt8[np.ndarray, "p p 3"]

FRAMES, SECONDS, PIXELS = 72, 6.0, 512
"""Of the film."""


@dataclass(frozen=True)
class Wishes:
    """What is to be written besides the head."""

    also: tuple[str, ...] = ()
    """Further formats of the mesh: obj, ply, stl."""
    films: tuple[str, ...] = (".mp4", ".gif")
    report: bool = True


def write_results(
    made: Made,
    folder: Path,
    wishes: Wishes,
    progress: Progress = Progress(),  # noqa: B008 - frozen
) -> tuple[str, ...]:
    """Write everything into a folder, which is made, the head first; the remarks, with what could not be written."""
    head, remarks = made.head, list(made.remarks)
    progress.begun("saving")
    try:
        head.save(folder)
    except KeyboardInterrupt:  # it takes a second, and minutes are in it
        head.save(folder)
        return (*remarks, "writing was interrupted: the head is there, but no films and no page.")
    files = [Written(name, about) for name, about in ABOUT.items() if (folder / name).is_file()]
    try:
        for ending in wishes.also:
            path = folder / f"head.{ending}"
            write_mesh(head.shown, path)
            files.append(Written(path.name, f"the same as {ending.upper()}"))
        if wishes.films:
            progress.begun("film")
            films, missing = _write_films(turn(head, progress.counted), folder, wishes.films)
            files += films
            remarks += missing
        if not wishes.report:
            _write_confidence(sides(head.shown, head.shown.attributes.get(CONFIDENCE))[1], folder / SEEN)
            return tuple(remarks)
        progress.begun("report")
        report = _report(replace(made, remarks=tuple(remarks)), folder)
        files += _write_confidence(report.confidence, folder / SEEN)
        write_report(folder / REPORT, replace(report, files=tuple(files)))
    except KeyboardInterrupt:
        remarks.append("writing was interrupted: the head is there, but not all films and no page.")
    return tuple(remarks)


def _write_confidence(seen: Mapping[str, UInt8[np.ndarray, "p p 4"]], path: Path) -> tuple[Written, ...]:
    """A strip of the head from its sides, coloured by how well it was seen; nothing where that is not known."""
    if not seen:
        return ()
    strip = np.concatenate(list(seen.values()), axis=1)
    cover = strip[..., 3:] / 255
    write_image(path, np.round(strip[..., :3] * cover + 255 * (1 - cover)).astype(np.uint8))
    return (Written(path.name, "what was seen, and how squarely, and what was guessed"),)


def _write_films(
    frames: Sequence[Picture], folder: Path, endings: Sequence[str]
) -> tuple[tuple[Written, ...], tuple[str, ...]]:
    """The films that were written, and why others were not."""
    films, remarks = [], []
    for ending in endings:
        path = folder / (FILM + ending)
        try:
            check_film(path)
        except InputError as error:
            remarks.append(f"{path.name} was not made: {error}")
            continue
        write_film(frames, path, seconds=SECONDS)
        films.append(Written(path.name, "one turn of the head"))
    return tuple(films), tuple(remarks)


def turn(head: Head, counted: Counted = lambda done, total: None) -> list[Picture]:
    """Pictures of one turn of the head."""
    caster, frames = RayCaster(head.shown), []
    for camera in cameras_along("orbit", head.shown, FRAMES, PIXELS):
        frames.append(render_mesh(caster, camera).image)
        counted(len(frames), FRAMES)
    return frames


def _report(made: Made, folder: Path) -> Report:
    head = replace(made.head, mesh=made.head.shown)
    report = report_of(head, made.views, title=folder.name)
    pairs = zip(report.photos, made.views, strict=True)
    return replace(
        report,
        photos=tuple(reprojected(photo, view, head) for photo, view in pairs),
        remarks=made.remarks,
        commands=next_commands(folder),
    )


def reprojected(photo: Photo, view: View, head: Head) -> Photo:
    """The photo with the head's own landmarks, moved as its expression moves them, as its camera sees them.

    Without them where they are not known.
    """
    in_views = head.facts.get("landmarks_in_views")
    places = (in_views if isinstance(in_views, dict) else {}).get(view.name, head.facts.get("landmarks"))
    if not isinstance(places, list) or view.landmarks is None:
        return photo
    pixels, _ = view.camera.project(torch.tensor(places).to(view.camera.focal))
    return replace(photo, reprojected=pixels.numpy())


def next_commands(folder: Path) -> tuple[str, ...]:
    """What one may want to do with a head in a folder."""
    return (
        f"headfield render {folder} --sheet",
        f"headfield measure {folder / MESH} TRUTH.ply",
    )
