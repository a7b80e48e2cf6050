"""The recipe: from an order and a seed to a subject with pictures, scan and truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from headfield.capture import Landmarks, Subject
from headfield.studio.body import make_body
from headfield.studio.builtin import load_builtin
from headfield.studio.chance import stream
from headfield.studio.deform import Deformation
from headfield.studio.dress import paint_figure
from headfield.studio.expression import Expression, alone, natural, neutral
from headfield.studio.figure import Figure
from headfield.studio.hair.beards import BeardStyle, grow_beard, sample_beard
from headfield.studio.hair.grow import grow
from headfield.studio.hair.library import GROOMS
from headfield.studio.hair.styles import HairStyle, sample_style
from headfield.studio.hair.volume import within_sphere
from headfield.studio.headwear import tucked
from headfield.studio.ict import NAME as ICT
from headfield.studio.ict import load_ict
from headfield.studio.identity import Identity
from headfield.studio.look import Look, sample_look
from headfield.studio.model import HeadModel
from headfield.studio.order import Order
from headfield.studio.scanner import scan
from headfield.studio.session import Session
from headfield.studio.sitter import Sitter
from headfield.studio.truth import outer_surface
from headfield.studio.wardrobe import Outfit, put_on, sample_outfit, worn_by
from headfield.surface import Mesh


@dataclass(frozen=True, eq=False)
class Person:
    """Who somebody is, whatever face they make."""

    seed: int
    femininity: float
    age: float
    identity: Identity
    style: HairStyle
    beard: BeardStyle
    outfit: Outfit
    look: Look


@lru_cache(maxsize=2)
def load_model(name: Literal["ict", "builtin"]) -> HeadModel:
    """The head model of that name; one of each a process."""
    return load_ict() if name == "ict" else load_builtin()


def sample_person(model: HeadModel, seed: int) -> Person:
    """The person of a seed."""
    chance = stream(seed, "person")
    femininity, age = float(chance.random()), float(chance.random())
    # Not whatever happens to be on this machine: the person of a seed is the same everywhere.
    grooms = {name: groom.family for name, groom in GROOMS.items()} if model.name == ICT else {}
    style = sample_style(stream(seed, "hair style"), femininity=femininity, age=age, grooms=grooms)
    return Person(
        seed,
        femininity,
        age,
        Identity.sample(model, stream(seed, "identity"), femininity=femininity),
        style,
        sample_beard(stream(seed, "beard"), femininity=femininity),
        sample_outfit(stream(seed, "outfit"), style),
        sample_look(stream(seed, "look"), femininity=femininity, age=age),
    )


def expressions_of(order: Order) -> int:
    """How many expressions of each person an order has."""
    if order.expressions == "all":
        return 1 + len(load_model(order.model).expression_names)
    return order.expressions


def expression_of(model: HeadModel, seed: int, index: int, *, all_alone: bool) -> Expression:
    """The face number ``index`` of a person: first neutral, then either every movement alone or what people do."""
    chance = stream(seed, "expression", index)
    if index == 0:
        return neutral(model, chance)
    if all_alone:
        return alone(model.expression_names[index - 1])
    if chance.random() < SINGLE_MOVEMENTS:
        return alone(str(chance.choice(model.expression_names)), float(chance.uniform(0.5, 1)))
    return natural(model, chance)


SINGLE_MOVEMENTS = 0.3
"""How often an expression by chance is one movement alone."""


def make_figure(model: HeadModel, person: Person, expression: Expression) -> Figure:
    """A person with a face: body, hair and clothes, painted."""
    body = make_body(model, person.identity, expression)
    follow = Deformation.of(model, body.vertices)
    hair = {name: _within(worn_by(follow, mesh)) for name, mesh in _hair(model, person).items()}
    parts = paint_figure(model, body, person.look, stream(person.seed, "paint"), hair=hair)
    still = person.identity.shape(model)
    outfit = put_on(person.outfit, model, still, body.vertices, person.look, stream(person.seed, "clothes"))
    return Figure(parts + outfit, body.landmarks, _facts(person, expression))


def solids_of(figure: Figure) -> Mesh:
    """All solid parts as one mesh, what no light reaches included: it has the same vertices with every expression."""
    meshes = [part.mesh for part in figure.parts if part.solid]
    offsets = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    faces = [mesh.faces + offset for mesh, offset in zip(meshes, offsets, strict=False)]
    return Mesh(np.concatenate([mesh.vertices for mesh in meshes]), np.concatenate(faces))


def _hair(model: HeadModel, person: Person) -> Mapping[str, Mesh]:
    hair = grow(person.style, model, stream(person.seed, "hair"))
    if hair is not None and person.outfit.headwear is not None:
        hair = tucked(hair, person.outfit.headwear, model)
    beard = grow_beard(person.beard, model, stream(person.seed, "beard hair"))
    return {name: mesh for name, mesh in (("hair", hair), ("beard", beard)) if mesh is not None}


def _within(mesh: Mesh) -> Mesh:
    return replace(mesh, vertices=within_sphere(mesh.vertices))


def _facts(person: Person, expression: Expression) -> Mapping[str, object]:
    return {
        "seed": person.seed,
        "femininity": round(person.femininity, 4),
        "age": round(person.age, 4),
        "identity": person.identity.facts,
        "expression": expression.facts,
        "hair": asdict(person.style),
        "beard": asdict(person.beard),
        "outfit": asdict(person.outfit),
        "look": asdict(person.look),
    }


def make_subject(order: Order, seed: int, index: int, *, name: str) -> Subject:
    """The subject an order has of a person with their face number ``index``. Its views are taken when they are read."""
    model = load_model(order.model)
    expression = expression_of(model, seed, index, all_alone=order.expressions == "all")
    figure = make_figure(model, sample_person(model, seed), expression)
    sitter = Sitter.of(figure)
    return Subject(
        name=name,
        capture=Session(order, figure, sitter, seed, index).capture,
        scan=scan(sitter, stream(seed, "scan", index), points=order.scan_points) if order.scan_points else None,
        truth=outer_surface(sitter) if order.truth else None,
        registration=solids_of(figure) if order.truth else None,
        landmarks=Landmarks(figure.landmarks, np.ones(68, dtype=bool)),
        identity=f"p{seed:08d}",
        expression=expression.name,
        facts=figure.facts,
    )
