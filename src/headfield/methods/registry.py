"""The methods by name, headfield's own and those of other packages (entry point group ``headfield.methods``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, cast

from headfield.capture import Capture
from headfield.errors import InputError
from headfield.fitting.drive import Fitted, Run
from headfield.fitting.prior import Prior, ShapePrior
from headfield.fitting.training import PriorTraining

ENTRY_POINTS = "headfield.methods"

DEFAULT = "instant-avatar"


@dataclass(frozen=True)
class Method:
    """A method: its name, the module that is it, and what it is in one line.

    The module has a dataclass ``Fitting`` with how a head is fitted and ``fit(capture, prior, settings, run)``; where
    the method looks at normals, ``Fitting`` says what they count as ``normals``, and views get estimated ones. Where it
    learns a prior, it has a dataclass ``Training``, a :class:`PriorTraining`, and ``Prior``, the class of what is
    learned, unless that is a :class:`ShapePrior`. ``fit`` of one without a prior gets None for it.
    """

    name: str
    module: str
    summary: str

    @property
    def training(self) -> type[PriorTraining[Any, Any]] | None:
        """The settings of learning a prior; None if there is none to learn."""
        return cast("type[PriorTraining[Any, Any]] | None", getattr(import_module(self.module), "Training", None))

    @property
    def prior(self) -> type[Prior]:
        """The class of the method's priors."""
        return cast("type[Prior]", getattr(import_module(self.module), "Prior", ShapePrior))

    @property
    def fitting(self) -> type:
        """The settings of fitting a head."""
        return cast(type, import_module(self.module).Fitting)

    def fit(self, capture: Capture, prior: Prior | None, settings: Any, run: Run) -> Fitted:
        """Fit a head to the views of a capture; InputError where the method needs a prior and there is none."""
        if self.training is not None:
            if prior is None:
                raise InputError(f"{self.name} needs a prior; name one with --prior.")
            prior.checked_for(self.name)
        for name, steps in vars(settings).items():
            if name.endswith("steps") and isinstance(steps, int) and steps < 1:
                raise InputError(f"{name.replace('_', '-')} is {steps}; a stage has at least 1 step.")
        fit: Callable[..., Fitted] = import_module(self.module).fit
        return fit(capture, prior, settings, run)


def _own(name: str, summary: str) -> Method:
    return Method(name, f"headfield.methods.{name.replace('-', '_')}", summary)


OWN = (
    _own("instant-avatar", "A learned family of heads on feature grids, fitted to views with normals as a cue."),
    _own("sira", "A learned reference head that is bent and coloured by codes, fitted to views alone."),
    _own("h3d-net", "A learned family of heads in one large network, fitted to views alone."),
    _own("multi-neus", "One network for many heads, learned from posed pictures alone, fitted by volume rendering."),
    _own("idr", "A network per head, from a sphere, without a prior."),
    _own("neus", "The same by volume rendering."),
)


def methods() -> dict[str, Method]:
    """Every method, by name: headfield's own, then those of other packages."""
    known = {method.name: method for method in OWN}
    for entry in entry_points(group=ENTRY_POINTS):
        package = entry.dist.name if entry.dist is not None else entry.module
        known.setdefault(entry.name, Method(entry.name, entry.value, f"From the package {package}."))
    return known


def find_method(name: str) -> Method:
    """The method called ``name``; InputError that lists the known ones if there is none."""
    known = methods()
    if name not in known:
        raise InputError(f"there is no method {name!r}; the known ones are {', '.join(known)}.")
    return known[name]
