"""Lengths. Inside headfield everything is in head units; people see millimetres, GLB files hold metres."""

from __future__ import annotations

from typing import Literal

MILLIMETRES_PER_UNIT = 200.0

Unit = Literal["unit", "mm", "cm", "m", "in"]
"""``unit`` is headfield's own: 200 mm, so that head, hair and the top of the shoulders lie in the unit sphere."""

MILLIMETRES: dict[Unit, float] = {"unit": MILLIMETRES_PER_UNIT, "mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4}
"""How many millimetres each unit has."""


def head_units_per(unit: Unit) -> float:
    """How many head units one ``unit`` is."""
    return MILLIMETRES[unit] / MILLIMETRES_PER_UNIT
