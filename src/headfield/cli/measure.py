"""``headfield measure``."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
import tyro
from jaxtyping import Float64

from headfield import __version__
from headfield.canonical import CANONICAL_NOSE
from headfield.capture import Landmarks
from headfield.cli.progress import progress
from headfield.data.marks import canonical_places, read_landmarks
from headfield.errors import InputError
from headfield.files import new_file, write_json
from headfield.mesh.align import umeyama
from headfield.mesh.distance import SurfaceSearch
from headfield.mesh.files import FORMATS, read_mesh, write_mesh
from headfield.metrics import comparison
from headfield.metrics.comparison import Between, Region, RegionResult
from headfield.metrics.surfaces import THRESHOLDS
from headfield.surface import Mesh
from headfield.transforms import Similarity
from headfield.units import MILLIMETRES_PER_UNIT, Unit, head_units_per

MOST_SAMPLES = 100_000_000
"""Beyond what memory holds."""

FAR_APART = 20.0
"""A median distance in millimetres that speaks of files that were never laid over each other."""


def run(
    prediction: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PRED")],
    truth: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="GT")],
    *,
    region: Literal["face", "head", "both"] | None = None,
    align: Literal["landmarks", "icp", "none"] = "icp",
    scale: bool = False,
    unit: Unit | None = None,
    gt_unit: Unit | None = None,
    pred_landmarks: Path | None = None,
    gt_landmarks: Path | None = None,
    nose: tuple[float, float, float] | None = None,
    head_space: bool = False,
    between: Between = "surfaces",
    cavities: bool = True,
    samples: int = 250_000,
    seed: int = 0,
    as_json: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    as_map: Annotated[Path | None, tyro.conf.arg(name="map")] = None,
    map_limit: float = 5.0,
) -> None:
    """Measure how far a head is from the truth, in millimetres.

    Distances go one way, from the true surface to the predicted one (the protocol of InstantAvatar, SIRA++ and H3DS);
    Chamfer, F-score and normal consistency go both ways (the protocol of the parametric head models).

    Args:
        prediction: The mesh to judge: GLB, glTF, OBJ, PLY or STL.
        truth: The true mesh.
        region: The face (95 mm around the tip of the true nose), the whole head, or both. Without it, both if the nose
            is known.
        align: How the prediction is laid over the truth: not at all, by the landmarks alone, or by ICP of the true
            face (of the whole head where the nose is not known), after the landmarks where these are given.
        scale: Let the alignment change the prediction's size.
        unit: What the files' numbers are; otherwise metres in GLB and millimetres in all others.
        gt_unit: What the numbers of the true mesh are, if it is another unit.
        pred_landmarks: Landmarks of the prediction, as JSON or as text with a point a line, in its unit.
        gt_landmarks: Landmarks of the truth, of the same kind, in its unit.
        nose: The tip of the true nose, in the true mesh's numbers, if no landmarks tell it.
        head_space: The true mesh lies in headfield's own space, so its nose is where the average nose is.
        between: Exact distances between the surfaces, or from vertex to nearest vertex as the public code has it.
        cavities: Whether what nobody sees from around counts, too, such as the insides of noses and mouths, which scans
            lack.
        samples: How many points are spread over each surface.
        seed: What the random points follow from.
        as_json: Write everything to this file for programs.
        as_map: Write the prediction coloured by its distance to the truth to this GLB file, and its views to a PNG
            beside it. Up is +y and front +z, unless landmarks of the truth say otherwise.
        map_limit: Where the map's scale ends, in millimetres.
    """
    if not 1 <= samples <= MOST_SAMPLES or seed < 0 or not 0 < map_limit < math.inf:
        raise InputError(
            f"--samples must be from 1 to {MOST_SAMPLES:,}, --map-limit more than zero and --seed not negative."
        )
    if as_map is not None and as_map.suffix.lower() != ".glb":
        raise InputError(f"{as_map}: the error map is a GLB file; give it a name that ends in .glb.")
    with progress() as bar:
        task = bar.add_task("Measuring", total=4)
        pred = _Side.read(prediction, unit, pred_landmarks)
        true = _Side.read(truth, gt_unit or unit, gt_landmarks)
        tip = _nose(true, nose, head_space=head_space, needed=region in ("face", "both"))
        start = _start(pred, true, align, with_scale=scale)
        bar.advance(task)
        rng = np.random.default_rng(seed)
        found = start
        if align == "icp":
            found = comparison.align(pred.mesh, true.mesh, start, nose=tip, with_scale=scale, rng=rng)
        moved = pred.mesh.transformed(found)
        bar.advance(task)
        results = comparison.compare(
            moved, true.mesh, nose=tip, between=between, samples=samples, rng=rng, open_too=not cavities
        )
        results = _wanted(results, region, cavities=cavities)
        bar.advance(task)
        if as_map is not None:
            _write_map(pred, moved, true, results, as_map, limit=map_limit)
        if as_json is not None:
            settings = {"align": align, "scale": scale, "between": between, "samples": samples, "seed": seed}
            write_json(as_json, _for_programs(pred, true, settings, tip, found, results))
        bar.advance(task)
    _print(results, found, f"{prediction} against {truth}", _written(as_json, as_map))


@dataclass(frozen=True, eq=False)
class _Side:
    """One of the two meshes, with what was said about it."""

    path: Path
    unit: Unit
    mesh: Mesh
    landmarks: Landmarks | None
    landmarks_path: Path | None

    @staticmethod
    def read(path: Path, unit: Unit | None, landmarks_path: Path | None) -> _Side:
        mesh = read_mesh(path, unit=unit)
        unit = unit or FORMATS[path.suffix.lower()].unit
        landmarks = None
        if landmarks_path is not None:
            read = read_landmarks(landmarks_path)
            landmarks = Landmarks(read.points * head_units_per(unit), read.visible, read.scheme, read.names)
        return _Side(path, unit, mesh, landmarks, landmarks_path)

    def described(self) -> dict:
        """What identifies it."""
        facts = {
            "file": str(self.path),
            "sha256": hashlib.sha256(self.path.read_bytes()).hexdigest(),
            "unit": self.unit,
            "vertices": len(self.mesh.vertices),
            "faces": len(self.mesh.faces),
        }
        return facts | ({"landmarks": str(self.landmarks_path)} if self.landmarks_path else {})


def _nose(
    true: _Side, stated: tuple[float, float, float] | None, *, head_space: bool, needed: bool
) -> Float64[np.ndarray, "3"] | None:
    """The tip of the true nose, if anything tells it."""
    if stated is not None:
        return np.array(stated, float) * head_units_per(true.unit)
    if true.landmarks is not None:
        which, places = canonical_places(true.landmarks)
        tip = which[np.all(places == CANONICAL_NOSE, axis=1)]
        if len(tip):
            return true.landmarks.points[tip[0]].astype(np.float64)
    if head_space:
        return CANONICAL_NOSE
    if needed:
        raise InputError(
            f"the face region of {true.path} needs the tip of its nose; give --gt-landmarks, --nose X Y Z, or "
            "--head-space if it lies in headfield's own space."
        )
    return None


def _wanted(
    results: Mapping[Region, RegionResult], region: str | None, *, cavities: bool
) -> dict[Region, RegionResult]:
    """Of the regions those that were asked for, with cavities or without."""
    parts = {"face", "head"} if region in (None, "both") else {region}
    names = parts if cavities else {f"open {part}" for part in parts}
    return {name: result for name, result in results.items() if name in names}


def _start(pred: _Side, true: _Side, align: str, *, with_scale: bool) -> Similarity:
    """The alignment by landmarks, or none."""
    if align == "none":
        return Similarity.identity()
    if pred.landmarks is None or true.landmarks is None:
        if align == "landmarks":
            raise InputError("--align landmarks needs both --pred-landmarks and --gt-landmarks.")
        return Similarity.identity()
    source, target = _common(pred, true, pred.landmarks, true.landmarks)
    names = (str(pred.landmarks_path), str(true.landmarks_path))
    return umeyama(source, target, with_scale=with_scale, names=names)


def _common(
    pred: _Side, true: _Side, one: Landmarks, other: Landmarks
) -> tuple[Float64[np.ndarray, "n 3"], Float64[np.ndarray, "n 3"]]:
    """The points that both have."""
    if one.scheme != other.scheme:
        raise InputError(
            f"{pred.landmarks_path} holds {one.scheme} landmarks but {true.landmarks_path} {other.scheme} ones; "
            "both must be of the same kind."
        )
    if one.scheme == "named":
        pairs = [(i, other.names.index(name)) for i, name in enumerate(one.names) if name in other.names]
    else:
        pairs = [(i, i) for i in range(len(one.points))]
    pairs = [(i, j) for i, j in pairs if one.visible[i] and other.visible[j]]
    if len(pairs) < 3:
        raise InputError(
            f"{pred.landmarks_path} and {true.landmarks_path} have {len(pairs)} visible landmarks in common; three or "
            "more are needed."
        )
    left, right = np.array(pairs).T
    return one.points[left].astype(np.float64), other.points[right].astype(np.float64)


def _write_map(
    pred: _Side, moved: Mesh, true: _Side, results: Mapping[Region, RegionResult], path: Path, *, limit: float
) -> None:
    from PIL import Image

    from headfield.metrics.errormap import ErrorMap

    distances = SurfaceSearch(true.mesh).closest(moved.vertices).distances * MILLIMETRES_PER_UNIT
    judged, truth = ("/".join(side.path.parts[-2:]) for side in (pred, true))
    words = ", ".join(f"{name} {result.distance.mean:.2f} mm" for name, result in results.items())
    caption = f"How far {judged} is from {truth}. On average, truth to prediction: {words}"
    upright = moved.transformed(_upright(true.landmarks))
    error_map = ErrorMap(upright, distances, limit, caption)
    # Both or neither: the picture appears once the model is there.
    with new_file(path.with_suffix(".png")) as temporary:
        Image.fromarray(error_map.sheet()).save(temporary)
        write_mesh(error_map.model(), path)


def _upright(landmarks: Landmarks | None) -> Similarity:
    """How to turn the truth so that it looks out of the picture, as far as its landmarks tell."""
    if landmarks is not None:
        which, places = canonical_places(landmarks)
        if len(which) >= 3:
            return umeyama(landmarks.points[which], places, with_scale=False)
    return Similarity.identity()


def _for_programs(
    pred: _Side,
    true: _Side,
    settings: Mapping[str, object],
    nose: Float64[np.ndarray, "3"] | None,
    found: Similarity,
    results: Mapping[Region, RegionResult],
) -> dict:
    """Everything that was measured, and all it takes to measure it again. Lengths are millimetres."""
    in_millimetres = found.matrix().numpy().copy()
    in_millimetres[:3, 3] *= MILLIMETRES_PER_UNIT
    return {
        "headfield": __version__,
        "prediction": pred.described(),
        "truth": true.described(),
        "settings": dict(settings),
        "nose": None if nose is None else (nose * MILLIMETRES_PER_UNIT).tolist(),
        "prediction_to_truth": in_millimetres.tolist(),
        "thresholds": list(THRESHOLDS),
        "regions": {name: asdict(result) for name, result in results.items()},
    }


def _print(results: Mapping[Region, RegionResult], found: Similarity, title: str, written: list[Path]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for region in results:
        table.add_column(region, justify="right")

    def row(name: str, values: list[float], form: str) -> None:
        table.add_row(name, *(form.format(value) for value in values))

    distances = [result.distance for result in results.values()]
    agreements = [result.agreement for result in results.values()]
    names = {"mean": "mean", "median": "median", "p90": "90 %", "p95": "95 %", "max": "max", "rms": "root mean square"}
    table.add_row("[bold]truth to prediction, mm[/bold]")
    for field, name in names.items():
        row(name, [getattr(distance, field) for distance in distances], "{:.3f}")
    for i, limit in enumerate(THRESHOLDS):
        row(f"within {limit:g} mm", [distance.within[i] for distance in distances], "{:.1%}")
    table.add_row("[bold]both ways[/bold]")
    row("L1-Chamfer, mm", [agreement.chamfer for agreement in agreements], "{:.3f}")
    row("normal consistency", [agreement.normal_consistency for agreement in agreements], "{:.4f}")
    for i, limit in enumerate(THRESHOLDS):
        row(f"F-score at {limit:g} mm", [agreement.f_scores[i] for agreement in agreements], "{:.4f}")
    console = Console()
    console.print(title, soft_wrap=True, highlight=False, markup=False)
    console.print(table)
    console.print(_alignment_in_words(found), highlight=False)
    if max(distance.median for distance in distances) > FAR_APART:
        console.print("[yellow]The two lie far apart: check the units, or give landmarks of both.[/yellow]")
    for path in written:
        console.print(f"Wrote {path}", soft_wrap=True, highlight=False, markup=False)


def _written(as_json: Path | None, as_map: Path | None) -> list[Path]:
    maps = [] if as_map is None else [as_map, as_map.with_suffix(".png")]
    return ([] if as_json is None else [as_json]) + maps


def _alignment_in_words(found: Similarity) -> str:
    cosine = (torch.diagonal(found.rotation).sum() - 1) / 2
    degrees = float(torch.rad2deg(torch.acos(cosine.clamp(-1, 1))))
    shift = float(found.translation.norm()) * MILLIMETRES_PER_UNIT
    return f"Alignment: turned by {degrees:.2f}°, moved by {shift:.2f} mm, scaled by {float(found.scale):.4f}."
