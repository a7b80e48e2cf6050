"""The mean head: what scores without looking. Every table has its row; a method that is not far below saw nothing."""

from __future__ import annotations

from headfield.fields.appearance import AppearanceSettings
from headfield.fields.deformed_field import settings_of
from headfield.fields.mlp import MLPSettings
from headfield.fields.surface_field import SurfaceField
from headfield.fitting.prior import ShapePrior

NAME = "mean-head"

GREY = AppearanceSettings(place=None, look=MLPSettings(width=8, depth=1, activation="relu"), frequencies=0)


def mean_head(prior: ShapePrior) -> SurfaceField:
    """The head of a prior's average code."""
    field = settings_of(prior.geometry, GREY).new()
    field.geometry.load_state_dict(prior.geometry.state_dict())
    field.code.data.copy_(prior.codes.mean)
    for parameter in field.appearance.parameters():
        parameter.data.zero_()
    return field
