"""A bare person as surfaces: skin that ends at the unit sphere, eyeballs that look somewhere, teeth, gums."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float64, Int64

from headfield.studio.cut import cut_at_sphere
from headfield.studio.expression import Expression
from headfield.studio.identity import Identity
from headfield.studio.model import EYES, GUMS, SKIN, TEETH, HeadModel, sphere_centre
from headfield.surface import Mesh, unit
from headfield.units import MILLIMETRES_PER_UNIT

BUST = 0.996
"""The radius the bust of bare skin ends at: a little inside the unit sphere, so that clothes end outside it."""

BLINKS = {"eyeBlink_L": ((43, 47), (44, 46)), "eyeBlink_R": ((37, 41), (38, 40))}
"""The landmarks of the upper lid that a blink brings down, and those of the lower lid they meet."""
BLINK_SURPLUS = 1.17
"""How much more than to touch: lids that are shut overlap a little."""

LID_GAP = 0.4 / MILLIMETRES_PER_UNIT
DEEPEST_LID = 4.0 / MILLIMETRES_PER_UNIT
"""Skin deeper inside an eyeball than this is no lid but the hollow behind it."""
LID_REACH = 0.5
"""How far, in radians about the eyeball's centre, a lid that is lifted takes its surroundings along."""


@dataclass(frozen=True, eq=False)
class Body:
    """One person with one expression, without hair and clothes.

    Skin and eyeballs are closed. The skin knows where each of its vertices is on the mean head (attribute ``rest``),
    and has the same vertices in the same order with every expression of one person.
    """

    vertices: Float64[np.ndarray, "v 3"]
    """All vertices of the head model, before the bust is cut."""
    skin: Mesh
    eyeballs: tuple[Mesh, Mesh]
    """Left and right."""
    eye_centres: Float64[np.ndarray, "2 3"]
    gaze: Float64[np.ndarray, "2 3"]
    """The directions through the middle of the irises."""
    teeth: Mesh
    gums: Mesh
    landmarks: Float64[np.ndarray, "68 3"]


def make_body(model: HeadModel, identity: Identity, expression: Expression) -> Body:
    """The surfaces of a person."""
    weights = expression.shapes(model)
    for name in BLINKS.keys() & weights.keys():
        weights[name] *= opening(model, identity, BLINKS[name]) * BLINK_SURPLUS
    vertices = identity.shape(model, weights)
    centres, gaze = turn_eyes(model, vertices, expression.gaze)
    lift_lids(model, vertices, centres)
    skin = model.surface(vertices, SKIN)
    rest = model.mean[model.layout(SKIN).vertex]
    left, right = (model.surface(vertices, [eye]) for eye in EYES)
    return Body(
        vertices=vertices,
        skin=cut_at_sphere(replace(skin, attributes={"rest": rest}), BUST),
        eyeballs=(left, right),
        eye_centres=centres,
        gaze=gaze,
        teeth=model.surface(vertices, TEETH),
        gums=model.surface(vertices, GUMS),
        landmarks=vertices[model.landmarks],
    )


def opening(model: HeadModel, identity: Identity, lids: tuple[tuple[int, int], ...]) -> float:
    """How wide a person's eye is open at rest, as a multiple of the mean eye's opening.

    A blink of the model closes the mean eye; wider eyes need more of it.
    """
    upper, lower = model.landmarks[np.transpose(lids)]
    mean = (model.mean[upper] - model.mean[lower]).mean(axis=0)
    modes = (model.identity[:, upper] - model.identity[:, lower]).mean(axis=1)
    own = mean + identity.weights @ modes
    return float(own @ mean / (mean @ mean))


def turn_eyes(
    model: HeadModel, vertices: Float64[np.ndarray, "v 3"], turns: Float64[np.ndarray, "2 2"]
) -> tuple[Float64[np.ndarray, "2 3"], Float64[np.ndarray, "2 3"]]:
    """Turn the eyeballs about their centres, in place, to the left and up; the centres, and where they look then."""
    centres, gaze = np.zeros((2, 3)), np.zeros((2, 3))
    for k, eye in enumerate(EYES):
        own = model.parts[eye].vertices
        centres[k] = sphere_centre(vertices[own], vertices[model.pupils[k]])
        vertices[own] = centres[k] + (vertices[own] - centres[k]) @ _turn(*turns[k]).T
        gaze[k] = unit(vertices[model.pupils[k]] - centres[k])
    return centres, gaze


def lift_lids(model: HeadModel, vertices: Float64[np.ndarray, "v 3"], centres: Float64[np.ndarray, "2 3"]) -> None:
    """Move lids that lie inside an eyeball just outside it, in place: identity and blink together may go too deep.

    What is around and in front of them moves along, so that lids keep their thickness.
    """
    from scipy.spatial import cKDTree

    for eye, lid, around, centre in zip(EYES, *_lids(model), centres, strict=True):
        ball = vertices[model.parts[eye].vertices] - centre
        radius = np.linalg.norm(ball, axis=1)
        offset = vertices[lid] - centre
        _, nearest = cKDTree(unit(ball)).query(unit(offset), k=3)
        depth = radius[nearest].max(axis=1) + LID_GAP - np.linalg.norm(offset, axis=1)
        inside = (depth > 0) & (depth < DEEPEST_LID)
        if not inside.any():
            continue
        outwards = unit(vertices[around] - centre)
        apart = np.square(outwards[:, None] - unit(offset[inside])).sum(axis=-1) / LID_REACH**2
        lift = (np.maximum(1 - apart, 0) ** 2 * depth[inside]).max(axis=1)
        vertices[around] += lift[:, None] * outwards


@lru_cache(maxsize=4)
def _lids(model: HeadModel) -> tuple[tuple[Int64[np.ndarray, "n"], ...], tuple[Int64[np.ndarray, "m"], ...]]:
    """For each eye, the vertices on the outside of its lids, and all that are near it."""
    blinks = [model.expression_index(f"eyeBlink_{side}") for side in "LR"]
    closed = model.mean + model.expressions[blinks].sum(axis=0)
    part = model.parts["face"]
    normals = Mesh(closed, model.faces[part.faces]).vertex_normals
    lids, around = [], []
    for eye, pupil in zip(EYES, model.pupils, strict=True):
        ball = closed[model.parts[eye].vertices]
        centre = sphere_centre(ball, closed[pupil])
        size = np.linalg.norm(ball - centre, axis=1).max()
        offset = closed[part.vertices] - centre
        near = np.flatnonzero(np.linalg.norm(offset, axis=1) < 1.6 * size)
        facing = np.sum(unit(offset[near]) * normals[part.vertices][near], axis=1)
        around.append(near + part.vertices.start)
        lids.append(near[facing > 0.5] + part.vertices.start)
    return tuple(lids), tuple(around)


def _turn(left: float, up: float) -> Float64[np.ndarray, "3 3"]:
    """The rotation of an eye: up about the x-axis first, then to the left about the y-axis."""
    (c, s), (cu, su) = (np.cos(left), np.sin(left)), (np.cos(up), np.sin(up))
    about_y = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    about_x = np.array([[1, 0, 0], [0, cu, su], [0, -su, cu]])
    return about_y @ about_x
