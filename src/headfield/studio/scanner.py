"""A scanner that stands outside: it sees the outer surface only, as oriented coloured points, and the space before it.

It works on figures and on any other mesh. Points are spread evenly over all area that some sensor sees steeply enough;
what no sensor sees (inner walls, skin under hair, the back of the mouth) has no points. The back of a face is never
seen, so that a sensor looking into an open mesh, such as a bust from below, records nothing there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from headfield.capture import Scan
from headfield.errors import InputError
from headfield.rigs import fibonacci
from headfield.studio.material import interpolate
from headfield.studio.sitter import Sitter
from headfield.studio.tone import encode
from headfield.surface import Mesh, SurfaceSamples, unit

SENSORS = 60
"""How many places the scanner stands at, spread evenly over a sphere."""

DISTANCE = 2.5
"""How far from the origin it stands, in head units."""

FLATTEST = 0.25
"""The scanner sees nothing whose normal has a smaller cosine with the direction to the sensor."""

WHIM = 0.5
"""How much chance decides, against steepness, which of the sensors that see a point records it."""

TOUCHING = 1e-4
"""The share of the way from sensor to point, at the point's end, where nothing counts as being in between."""

FEWEST = 0.01
"""Less of a mesh's area than this must not be all that a scanner sees of it."""

AT_ONCE = 1 << 13
"""For how many points the sensors are compared at once, which keeps the tables within reach of the processor."""

TRIES = 10
"""How many of those sensors look for a point at most before it counts as hidden."""

TURNED_AWAY = (
    "the mesh turns its back to every scanner around it; its faces may be wound inwards, or it may be far larger than "
    "the unit sphere."
)

MOST_ROUNDS = 8
"""How often places are drawn before a scan makes do with fewer free points."""

LOOKS = 6
"""From how many sensors it is tried to see through a place, so that those in hollows are not forgotten."""


def scan(
    sitter: Sitter,
    rng: np.random.Generator,
    *,
    points: int = 100_000,
    free_points: int = 20_000,
    sensors: int = SENSORS,
) -> Scan:
    """Scan a sitter's solid parts: ``points`` on its outer surface, ``free_points`` in the unit ball outside of it.

    Normals are smooth and look towards the sensor; colours are the unlit albedo, where the sitter has any.
    """
    places = DISTANCE * fibonacci(sensors).numpy()
    samples, sensor = _seen(sitter, places, rng, points)
    return Scan(
        points=samples.points.astype(np.float32),
        normals=_smooth_normals(sitter, samples),
        colours=_colours(sitter, samples),
        sensors=places.astype(np.float32),
        sensor_of_point=sensor,
        free_points=_free(sitter, places, rng, free_points),
    )


def _seen(
    sitter: Sitter, sensors: Float64[np.ndarray, "s 3"], rng: np.random.Generator, wanted: int
) -> tuple[SurfaceSamples, Int64[np.ndarray, "n"]]:
    """Places spread evenly over the seen area, and which sensor sees each."""
    mesh = sitter.solids.mesh
    # Nobody looks for points on what cannot be seen, the inner walls of hair for one.
    perhaps = np.flatnonzero(~sitter.told_by_corners | sitter.sees_out[mesh.faces].any(axis=1))
    share_of_area = mesh.face_areas[perhaps].sum() / mesh.face_areas.sum()
    visible = Mesh(mesh.vertices, mesh.faces[perhaps])
    found: list[tuple[SurfaceSamples, Int64[np.ndarray, "m"]]] = []
    tried = count = 0
    while count < wanted:
        share = max(count / tried, FEWEST) if tried else 0.7
        batch = int(1.1 * (wanted - count) / share) + 64
        samples = visible.sample(batch, rng)
        samples = replace(samples, mesh=mesh, faces=perhaps[samples.faces])
        sensor = _recording_sensor(sitter, samples, sensors, rng)
        seen = np.flatnonzero(sensor >= 0)
        found.append((replace(samples, faces=samples.faces[seen], weights=samples.weights[seen]), sensor[seen]))
        tried, count = tried + batch, count + len(seen)
        if share_of_area * count < FEWEST * tried:
            raise InputError(TURNED_AWAY)
    faces = np.concatenate([samples.faces for samples, _ in found])[:wanted]
    weights = np.concatenate([samples.weights for samples, _ in found])[:wanted]
    return SurfaceSamples(mesh, faces, weights), np.concatenate([sensor for _, sensor in found])[:wanted]


def _recording_sensor(
    sitter: Sitter, samples: SurfaceSamples, sensors: Float64[np.ndarray, "s 3"], rng: np.random.Generator
) -> Int64[np.ndarray, "n"]:
    """The sensor that records each place, the steepest rather than the flattest; -1 where none sees it."""
    points, normals = samples.points.astype(np.float32), sitter.face_normals.take(samples.faces, axis=0)
    recorded = np.full(len(points), -1)
    for first in range(0, len(points), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        preference = _preference(points[some], normals[some], sensors.astype(np.float32), rng)
        left = np.arange(len(preference))
        for _ in range(TRIES):
            choice = preference[left].argmax(axis=1)
            facing = preference[left, choice] > 0
            left, choice = left[facing], choice[facing]
            start = sensors[choice]
            hidden = sitter.solids.occluded(start, points[some][left] - start, max_distance=1 - TOUCHING)
            recorded[first + left[~hidden]] = choice[~hidden]
            preference[left, choice] = 0
            left = left[hidden]
    return recorded


def _preference(
    points: Float32[np.ndarray, "n 3"],
    normals: Float32[np.ndarray, "n 3"],
    sensors: Float32[np.ndarray, "s 3"],
    rng: np.random.Generator,
) -> Float32[np.ndarray, "n s"]:
    """How well each sensor sees each place, if nothing is in the way, and if chance does not matter; 0: not at all."""
    along = normals @ sensors.T - np.einsum("nk,nk->n", points, normals)[:, None]
    squared = np.sum(points**2, axis=1)[:, None] - 2 * points @ sensors.T + np.sum(sensors**2, axis=1)
    steepness = along / np.sqrt(np.maximum(squared, np.float32(1e-6)))
    whim = np.float32(WHIM) * rng.random(steepness.shape, np.float32)
    return np.where(steepness > FLATTEST, steepness + whim, np.float32(0))


def _smooth_normals(sitter: Sitter, samples: SurfaceSamples) -> Float32[np.ndarray, "n 3"]:
    corners = samples.mesh.faces.take(samples.faces, axis=0)
    smooth = interpolate(sitter.normals, corners, samples.weights.astype(np.float32))
    flat = sitter.face_normals.take(samples.faces, axis=0)
    # On a sharp edge the smooth normal can look away from what the face itself looks at.
    return unit(np.where(np.einsum("nk,nk->n", smooth, flat)[:, None] > 0, smooth, flat)).astype(np.float32)


def _colours(sitter: Sitter, samples: SurfaceSamples) -> UInt8[np.ndarray, "n 3"] | None:
    """Albedo, each point's as the mean over about its own share of the surface; None if no part has any."""
    if not any(part.mesh.colours is not None or part.mesh.texture is not None for part in sitter.parts):
        return None
    spacing = np.sqrt(samples.mesh.face_areas.sum() / len(samples.faces))
    colours = np.zeros((len(samples.faces), 3), np.float32)
    parts = sitter.part_of(samples.faces)
    for index in np.unique(parts):
        at = np.flatnonzero(parts == index)
        colours[at] = sitter.materials[index].albedo(
            samples.faces[at] - sitter.first_faces[index],
            samples.weights[at].astype(np.float32),
            np.full(len(at), spacing, np.float32),
        )
    return np.rint(255 * encode(np.clip(colours, 0, 1))).astype(np.uint8)


def _free(
    sitter: Sitter, sensors: Float64[np.ndarray, "s 3"], rng: np.random.Generator, wanted: int
) -> Float32[np.ndarray, "m 3"]:
    """Places spread evenly over the part of the unit ball that sensors see through; fewer where hardly any is."""
    found = np.zeros((0, 3))
    for _ in range(MOST_ROUNDS):
        places = unit(rng.normal(size=(2 * wanted, 3))) * rng.random((2 * wanted, 1)) ** (1 / 3)
        free = np.zeros(len(places), bool)
        for _ in range(LOOKS):
            unknown = np.flatnonzero(~free)
            sensor = sensors[rng.integers(len(sensors), size=len(unknown))]
            free[unknown] = _seen_through(sitter, sensor, places[unknown])
        found = np.concatenate([found, places[free]])
        if len(found) >= wanted:
            break
    return found[:wanted].astype(np.float32)


def _seen_through(
    sitter: Sitter, sensors: Float64[np.ndarray, "n 3"], targets: Float64[np.ndarray, "n 3"]
) -> Bool[np.ndarray, "n"]:
    """Whether each target lies in the open before its sensor: nothing in between, and no back of a face behind it."""
    directions = targets - sensors
    hits = sitter.solids.first_hits(sensors, directions)
    away = np.einsum("nk,nk->n", sitter.face_normals[hits.faces], directions) > 0
    return (hits.distance > 1) & ~(hits.hit & away)
