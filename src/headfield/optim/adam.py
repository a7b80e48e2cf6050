"""Adam over the parameters that move in a stage, and the state of a run as tensors with names.

A parameter that has no gradient in a step is left alone, and so are its moments: what belongs to a scene that is not in
the batch waits for its scene (lazy Adam). For that each scene has parameters of its own, as in a ``ParameterList``, and
the objectives touch those of no other; rows of one common table would all move.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from headfield.optim.schedules import value_at
from headfield.optim.stages import Stage

Tensors = dict[str, Tensor]


BETAS = (0.9, 0.999)
"""How much of the gradient's mean and mean square is kept each step."""

EPSILON = 1e-8


class Movement:
    """A stage's moving parameters, each group with its rate, decay and clipping, and Adam's moments of them.

    It computes what ``torch.optim.AdamW`` does. That is not used since making one takes seconds: it imports PyTorch's
    compiler, whose modules moreover keep a process group alive that is there already.
    """

    def __init__(self, module: nn.Module, stage: Stage, moments: Mapping[str, Tensor]):
        """Let what ``stage`` names require gradients, and nothing else; ``moments`` of what goes on moving go on."""
        self._moving = stage.moving
        self._groups = stage.groups(module)
        self._rates = [0.0] * len(self._groups)
        self.parameters = {name: parameter for group in self._groups for name, parameter in group.items()}
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(name in self.parameters)
            parameter.grad = None
        self.put_moments(moments)

    def set_rates(self, progress: float, scale: float) -> dict[str, float]:
        """Set each group's rate for this progress of the stage, times ``scale``; what they are, by pattern."""
        self._rates = [value_at(moving.rate, progress) * scale for moving in self._moving]
        return {moving.names: rate for moving, rate in zip(self._moving, self._rates, strict=True)}

    def forget_gradients(self) -> None:
        """Leave every parameter without a gradient, so that only those that get one move."""
        for parameter in self.parameters.values():
            parameter.grad = None

    def clip(self) -> list[Tensor]:
        """Clip each group's gradient where it is to be, and return the norms before."""
        return [
            nn.utils.clip_grad_norm_(group.values(), float("inf") if moving.clip is None else moving.clip)
            for moving, group in zip(self._moving, self._groups, strict=True)
        ]

    @torch.no_grad()
    def step(self) -> None:
        """Move what has a gradient."""
        for moving, group, rate in zip(self._moving, self._groups, self._rates, strict=True):
            names = [name for name, parameter in group.items() if parameter.grad is not None]
            if names:
                self._move(names, rate, moving.decay)

    def _move(self, names: list[str], rate: float, decay: float) -> None:
        """Adam with decoupled weight decay, for all tensors at once."""
        parameters: list[Tensor] = [self.parameters[name] for name in names]
        gradients = [gradient for parameter in parameters if (gradient := parameter.grad) is not None]
        for name, parameter in zip(names, parameters, strict=True):
            self._turns[name] = self._turns.get(name, 0) + 1
            if name not in self._means:
                self._means[name], self._squares[name] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        means, squares = [self._means[name] for name in names], [self._squares[name] for name in names]
        kept, kept_squares = BETAS
        torch._foreach_lerp_(means, gradients, 1 - kept)
        torch._foreach_mul_(squares, kept_squares)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - kept_squares)
        # Moments begin at zero; what that takes from them after so many turns is given back.
        lengths = torch._foreach_sqrt(squares)
        torch._foreach_div_(lengths, [math.sqrt(1 - kept_squares ** self._turns[name]) for name in names])
        torch._foreach_add_(lengths, EPSILON)
        if decay:
            torch._foreach_mul_(parameters, 1 - rate * decay)
        torch._foreach_addcdiv_(parameters, means, lengths, [-rate / (1 - kept ** self._turns[name]) for name in names])

    def moments(self) -> Tensors:
        """Adam's memory, as ``parameter/quantity``: the tensors themselves, not copies."""
        turns = {name: torch.tensor(turns) for name, turns in self._turns.items()}
        kinds = {"mean": self._means, "square": self._squares, "turns": turns}
        return {f"{name}/{kind}": tensor for kind, tensors in kinds.items() for name, tensor in tensors.items()}

    def put_moments(self, moments: Mapping[str, Tensor]) -> None:
        """Remember copies of these and nothing else; those of parameters that do not move are left out."""
        self._means: Tensors = {}
        self._squares: Tensors = {}
        self._turns: dict[str, int] = {}
        for key, value in moments.items():
            name, kind = key.rsplit("/", 1)
            if name not in self.parameters:
                continue
            if kind == "turns":
                self._turns[name] = int(value)
            else:
                place = self._means if kind == "mean" else self._squares
                place[name] = value.detach().to(self.parameters[name].device, copy=True)


def tensors_of(module: nn.Module) -> Tensors:
    """The parameters and buffers of a module by name: the tensors themselves, not copies."""
    return {name: tensor.detach() for name, tensor in (*module.named_parameters(), *module.named_buffers())}


@torch.no_grad()
def put_tensors(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy values into a module's parameters and buffers of these names."""
    places = tensors_of(module)
    for name, value in tensors.items():
        places[name].copy_(value)
