"""Real heads in front of the studio's cameras, to measure methods on shapes that no head model made.

They are open scans of two men and of a sculpture, and one modelled head. ``real_heads.json`` says what each is, and has
marks on it, made once by hand, in the scan's own numbers. They place it in head space; where its unit is known it keeps
its size. Pictures, scans and truth are then made as those of the studio's own people are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files

import numpy as np
import torch
from jaxtyping import Float64

from headfield.capture import Landmarks, Subject
from headfield.data.placement import fit_landmarks
from headfield.mesh.clean import tidied
from headfield.mesh.distance import SurfaceSearch
from headfield.mesh.files import read_mesh
from headfield.mesh.holes import filled
from headfield.studio.assets import asset, find
from headfield.studio.body import BUST
from headfield.studio.chance import stream
from headfield.studio.cut import cut_at_sphere
from headfield.studio.figure import Figure
from headfield.studio.ict import load_ict
from headfield.studio.look import sample_look
from headfield.studio.order import REAL, SETS
from headfield.studio.overlay import laid_over
from headfield.studio.real_paint import paint_real
from headfield.studio.scanner import scan
from headfield.studio.session import Session
from headfield.studio.sitter import Sitter
from headfield.studio.smooth import rounded
from headfield.studio.truth import outer_surface
from headfield.surface import Mesh
from headfield.transforms import Similarity
from headfield.units import MILLIMETRES_PER_UNIT

SCAN = "mesh.obj"
"""The file of the surface in each asset."""

LONGEST = 2.0 / MILLIMETRES_PER_UNIT
"""Edges are rounded until they are no longer than this on average: colours of vertices then draw brows and lips."""


@dataclass(frozen=True, eq=False)
class RealHead:
    """What is known about a scan before it is looked at."""

    asset: str
    what: str
    millimetres: float | None
    """How many millimetres its unit is; None where nobody knows, so that the marks decide."""
    eyes_closed: bool
    hair: bool
    """Whether its hair is part of the shape, and so of the look."""
    beard: bool
    seed: int
    """Decides its light, background and, where it has no texture, look."""
    femininity: float
    age: float
    marks: Mapping[int, Float64[np.ndarray, "3"]]
    """Where some of the 68 points are, in the scan's own numbers."""


@lru_cache(maxsize=1)
def real_heads() -> Mapping[str, RealHead]:
    """Every real head by its name."""
    content = json.loads((files("headfield.studio") / "real_heads.json").read_text(encoding="utf-8"))
    return {name: RealHead(**{**entry, "marks": _marks(entry["marks"])}) for name, entry in content.items()}


def _marks(points: Mapping[str, list[float]]) -> dict[int, Float64[np.ndarray, "3"]]:
    return {int(index): np.array(point, np.float64) for index, point in points.items()}


def place(head: RealHead) -> tuple[Similarity, float]:
    """The way from the scan's numbers into head space, and how far its marks then are from an average face's."""
    points, known = np.zeros((68, 3)), np.zeros(68, bool)
    points[list(head.marks)], known[list(head.marks)] = list(head.marks.values()), True
    scale = None if head.millimetres is None else head.millimetres / MILLIMETRES_PER_UNIT
    return fit_landmarks(Landmarks(points, known), scale=scale, what=head.asset)


def surface(head: RealHead, to_head: Similarity) -> Mesh:
    """The scan in head space: closed, ended as the studio's busts are, and finer than it came."""
    read = read_mesh(asset(head.asset) / SCAN, unit="unit")
    # Texture coordinates without a texture would only double vertices.
    mesh = filled(tidied(read if read.texture is not None else replace(read, uv=None)).transformed(to_head))
    mesh = rounded(mesh, LONGEST)
    if np.linalg.norm(mesh.vertices, axis=1).max() <= BUST:
        return mesh
    return replace(cut_at_sphere(mesh, BUST), texture=mesh.texture)


def make_figure(head: RealHead, to_head: Similarity, facts: Mapping[str, object]) -> Figure:
    """A real head with colours and with all 68 landmarks: those marked, and the head model's where none are."""
    mesh, model = surface(head, to_head), load_ict()
    places = to_head.apply(torch.from_numpy(np.stack(list(head.marks.values())))).numpy()
    vertices = laid_over(model, mesh, dict(zip(head.marks, places, strict=True)), eyes_closed=head.eyes_closed)
    landmarks = vertices[model.landmarks]
    landmarks[list(head.marks)] = places
    landmarks = SurfaceSearch(mesh).closest(landmarks).points
    look = sample_look(stream(head.seed, "look"), femininity=head.femininity, age=head.age)
    grown = {"eyes": not head.eyes_closed, "hair": head.hair, "beard": head.beard}
    parts = paint_real(model, vertices, mesh, look, stream(head.seed, "paint"), **grown)
    return Figure(parts, landmarks, facts)


def _facts(head: RealHead, to_head: Similarity, off: float) -> dict[str, object]:
    about = find(head.asset)
    return {
        "what": head.what,
        "seed": head.seed,
        "licence": about.licence,
        "authors": about.authors,
        "source": list(about.homes),
        "placement": "landmarks",
        "marked": sorted(head.marks),
        "marks_off_average_mm": round(off * MILLIMETRES_PER_UNIT, 2),
        "millimetres_per_unit": round(float(to_head.scale) * MILLIMETRES_PER_UNIT, 4),
        "scale": "known" if head.millimetres else "guessed from landmarks",
    }


def make_real(name: str) -> Subject:
    """The subject of a real head. Its views are taken when they are read."""
    head, order = real_heads()[name], SETS[REAL]
    to_head, off = place(head)
    figure = make_figure(head, to_head, _facts(head, to_head, off))
    sitter = Sitter.of(figure)
    return Subject(
        name=name,
        capture=Session(order, figure, sitter, head.seed, 0).capture,
        scan=scan(sitter, stream(head.seed, "scan", 0), points=order.scan_points),
        truth=outer_surface(sitter),
        landmarks=Landmarks(figure.landmarks, np.ones(68, dtype=bool)),
        identity=name,
        facts=figure.facts,
        to_head=to_head,
    )
