"""Heads between two heads of one family (SIRA++, figures 3 and 4)."""

from __future__ import annotations

import copy

import torch

from headfield.fields.deformed_field import DeformedField


def are_related(first: DeformedField, second: DeformedField) -> bool:
    """Whether both bend the same reference by networks of the same make: whether they began as one family.

    A fit leaves the reference as it is, to the bit, so heads of one prior have the same.
    """
    if first.settings != second.settings or first.look is None:
        return False
    one, other = (it.geometry.get_submodule("reference").state_dict() for it in (first, second))
    return all(torch.equal(value, other[name].to(value)) for name, value in one.items())


@torch.no_grad()
def between(first: DeformedField, second: DeformedField, *, shape: float, look: float) -> DeformedField:
    """The head that lies ``shape`` of the way to the second in shape, and ``look`` of it in appearance.

    Codes are interpolated, and with them what each fit changed in the family's networks, so that both ends are the
    heads themselves, to the bit.
    """
    blend = copy.deepcopy(first)
    one, other = first.state_dict(), second.state_dict()
    mixed = {}
    for name, value in one.items():
        share = look if name == "look" or name.startswith("appearance.") else shape
        ends = {0.0: value, 1.0: other[name].to(value)}
        mixed[name] = ends[share] if share in ends else torch.lerp(value, other[name].to(value), share)
    blend.load_state_dict(mixed)
    return blend
