"""Adam over the parameters that move in a stage, and the state of a run as tensors with names.

A parameter that has no gradient in a step is left alone, and so are its moments: what belongs to a scene that is not in
the batch waits for its scene (lazy Adam). For that each scene has parameters of its own, as in a ``ParameterList``, and
the objectives touch those of no other; rows of one common table would all move.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from headfield.optim.schedules import value_at
from headfield.optim.stages import Stage

Tensors = dict[str, Tensor]


class Movement:
    """A stage's moving parameters, each group with its rate, decay and clipping, and Adam's moments of them."""

    def __init__(self, module: nn.Module, stage: Stage, moments: Mapping[str, Tensor]):
        """Let what ``stage`` names require gradients, and nothing else; ``moments`` of what goes on moving go on."""
        self._moving = stage.moving
        self._groups = [list(group.values()) for group in stage.groups(module)]
        self.parameters = {name: p for group in stage.groups(module) for name, p in group.items()}
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(name in self.parameters)
            parameter.grad = None
        self._adam = torch.optim.AdamW(
            [
                {"params": group, "weight_decay": moving.decay}
                for moving, group in zip(self._moving, self._groups, strict=True)
            ]
        )
        self.put_moments(moments)

    def set_rates(self, progress: float, scale: float) -> dict[str, float]:
        """Set each group's rate for this progress of the stage, times ``scale``; what they are, by pattern."""
        rates = {}
        for moving, group in zip(self._moving, self._adam.param_groups, strict=True):
            rates[moving.names] = group["lr"] = value_at(moving.rate, progress) * scale
        return rates

    def forget_gradients(self) -> None:
        """Leave every parameter without a gradient, so that only those that get one move."""
        self._adam.zero_grad(set_to_none=True)

    def clip(self) -> list[Tensor]:
        """Clip each group's gradient where it is to be, and return the norms before."""
        return [
            nn.utils.clip_grad_norm_(group, float("inf") if moving.clip is None else moving.clip)
            for moving, group in zip(self._moving, self._groups, strict=True)
        ]

    def step(self) -> None:
        """Move what has a gradient."""
        self._adam.step()

    def moments(self) -> Tensors:
        """Adam's memory, as ``parameter/quantity``: the tensors themselves, not copies."""
        return {
            f"{name}/{quantity}": value
            for name, parameter in self.parameters.items()
            for quantity, value in self._adam.state.get(parameter, {}).items()
        }

    def put_moments(self, moments: Mapping[str, Tensor]) -> None:
        """Remember these and nothing else; those of parameters that do not move are left out."""
        self._adam.state.clear()
        for key, value in moments.items():
            name, quantity = key.rsplit("/", 1)
            if name in self.parameters:
                parameter = self.parameters[name]
                # Adam counts steps on the CPU wherever its parameters are.
                place = torch.device("cpu") if quantity == "step" else parameter.device
                self._adam.state[parameter][quantity] = value.detach().to(place, copy=True)


def tensors_of(module: nn.Module) -> Tensors:
    """The parameters and buffers of a module by name: the tensors themselves, not copies."""
    return {name: tensor.detach() for name, tensor in (*module.named_parameters(), *module.named_buffers())}


@torch.no_grad()
def put_tensors(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy values into a module's parameters and buffers of these names."""
    places = tensors_of(module)
    for name, value in tensors.items():
        places[name].copy_(value)
