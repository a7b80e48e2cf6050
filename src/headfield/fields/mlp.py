"""Fully connected networks, and the start at which one is the signed distance of a sphere."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from headfield.fields.scene_layers import SceneLayer

Activation = Literal["softplus", "silu", "relu"]


class _Softplus(torch.autograd.Function):
    """log(1 + exp x). PyTorch's own is the same, but a step that differentiates twice takes a sixth longer with it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return functional.softplus(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad * x.sigmoid()


_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "softplus": _Softplus.apply,
    "silu": functional.silu,
    "relu": functional.relu,
}

_SPHERE_POINTS = 4096

_SPHERE_RIDGE = 1e-5
"""Where the sphere is right to about a hundredth of a unit and the weights have hardly grown."""


@dataclass(frozen=True)
class MLPSettings:
    """The shape of a network: ``depth`` hidden layers of ``width``, and one more without activation.

    The input joins the output of the hidden layers counted in ``skips`` (from 1). Activations are
    ``activation(sharpness · x) / sharpness``: the sharper, the closer softplus and SiLU come to ReLU.
    """

    width: int = 512
    depth: int = 3
    skips: tuple[int, ...] = ()
    activation: Activation = "softplus"
    sharpness: float = 100.0
    weight_norm: bool = False

    def __post_init__(self) -> None:
        if self.depth < 1 or self.width < 1 or self.sharpness <= 0:
            raise ValueError("a network has at least one hidden layer, one neuron, and a sharpness above 0")
        if not all(1 <= skip <= self.depth for skip in self.skips):
            raise ValueError(f"the input can join the hidden layers 1 to {self.depth}, not {self.skips}")


class MLP(nn.Module):
    """A network that sees ``inputs`` numbers a point and, where asked for, ``condition`` numbers a subject.

    The condition stands beside the input, in the first layer and after every skip. Its share is worked out once a
    subject and not once a point.
    """

    def __init__(self, settings: MLPSettings, inputs: int, outputs: int, condition: int = 0):
        super().__init__()
        self.settings = settings
        self.inputs, self.outputs, self.condition = inputs, outputs, condition
        self.layers = nn.ModuleList()
        for number in range(settings.depth + 1):
            seen = settings.width if number else inputs + condition
            if number in settings.skips:
                seen += inputs + condition
            self.layers.append(nn.Linear(seen, settings.width if number < settings.depth else outputs))
        if settings.weight_norm:
            for layer in self.layers:
                parametrize.register_parametrization(layer, "weight", _WeightNorm())

    def forward(
        self, inputs: Float[Tensor, "*b n i"], condition: Float[Tensor, "*b c"] | None = None
    ) -> Float[Tensor, "*b n o"]:
        """The outputs at every point; a condition that is not given is zero."""
        sharpness = self.settings.sharpness
        hidden, condition = self.hidden(inputs, condition)
        # The last layer sums what nearly cancels, which half precision is too coarse for.
        with torch.autocast(hidden.device.type, enabled=False):
            last = self.linears[-1]
            dtype = last.bias.dtype
            seen = None if condition is None else condition.to(dtype)
            return _linear(last.weight, sharpness * last.bias, hidden.to(dtype), seen) / sharpness

    def hidden(
        self, inputs: Float[Tensor, "*b n i"], condition: Float[Tensor, "*b c"] | None = None
    ) -> tuple[Float[Tensor, "*b n h"], Float[Tensor, "*b c"] | None]:
        """What the last layer sees, ``sharpness`` times as large.

        activation(sharpness · x) / sharpness costs two multiplications a neuron. Keeping everything between the first
        and the last layer ``sharpness`` times as large is the same function and costs none.
        """
        settings = self.settings
        inputs = settings.sharpness * inputs
        condition = None if condition is None else settings.sharpness * condition
        seen = condition
        hidden = inputs
        for number, layer in enumerate(self.linears[:-1], start=1):
            bias = settings.sharpness * layer.bias
            hidden = _ACTIVATIONS[settings.activation](_linear(layer.weight, bias, hidden, seen))
            joins = number in settings.skips
            if joins:
                hidden = torch.cat([hidden, inputs.to(hidden.dtype)], dim=-1) / math.sqrt(2)
            seen = condition if joins else None
        return hidden, seen

    @property
    def linears(self) -> list[nn.Linear | SceneLayer]:
        """The layers, the last one without activation."""
        return [layer for layer in self.layers if isinstance(layer, (nn.Linear, SceneLayer))]


class _WeightNorm(nn.Module):
    """Each row of a weight as its length and its direction. PyTorch's own has wrong second derivatives."""

    def forward(self, length: Tensor, direction: Tensor) -> Tensor:
        return length * direction / direction.norm(dim=1, keepdim=True)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return weight.norm(dim=1, keepdim=True), weight


def _linear(weight: Tensor, bias: Tensor, inputs: Tensor, condition: Tensor | None) -> Tensor:
    """weight · [inputs, condition] + bias for ``*b n`` inputs and ``*b`` conditions."""
    width = inputs.shape[-1]
    if condition is not None:
        bias = functional.linear(condition, weight[:, width:], bias)
    if bias.dim() == 1:
        return functional.linear(inputs, weight[:, :width], bias)
    return functional.linear(inputs, weight[:, :width]) + bias[..., None, :]


@torch.no_grad()
def become_sphere(mlp: MLP, radius: float, silent: slice) -> None:
    """Initialise ``mlp`` so that its first output is |x| - radius in the unit ball, x being its first three inputs.

    Its hidden layers are those of the geometric initialisation of Atzmon and Lipman (SAL). Its last layer starts from
    theirs, too, which would be right if the network were infinitely wide, and is then fitted to the sphere. The
    inputs ``silent`` and the condition get no weight; all others get some, and must start at zero themselves (a
    feature grid does) where the sphere is to be one.
    """
    *before, last = cast("list[nn.Linear]", mlp.linears)
    width = mlp.settings.width
    for number, layer in enumerate(before):
        weight = torch.randn_like(layer.weight) * math.sqrt(2 / width)
        if number == 0 or number in mlp.settings.skips:
            first = width if number else 0
            weight[:, first : first + mlp.inputs][:, silent] = 0
            weight[:, first + mlp.inputs :] = 0
        _set_weight(layer, weight)
        layer.bias.zero_()
    weight = torch.randn_like(last.weight) * math.sqrt(2 / width)
    last.bias.zero_()
    weight[0], last.bias[0] = _fitted_to_sphere(mlp, radius)
    _set_weight(last, weight)


@torch.no_grad()
def become_small(mlp: MLP, spread: float) -> None:
    """Initialise ``mlp`` so that it says next to nothing: the weights of its last layer are from N(0, spread²).

    SIRA++ (section V) draws those of all layers so. Then each layer passes on a tenth of what it is told, and the
    condition is heard of only after very many steps.
    """
    last = cast(nn.Linear, mlp.linears[-1])
    _set_weight(last, spread * torch.randn_like(last.weight))
    last.bias.zero_()


def _fitted_to_sphere(mlp: MLP, radius: float) -> tuple[Tensor, Tensor]:
    """Weight and bias of the first output: a ridge regression of |x| - radius that stays near the infinite width's."""
    last, width = cast(nn.Linear, mlp.linears[-1]), mlp.settings.width
    length = torch.linspace(0, 1, _SPHERE_POINTS, dtype=torch.float64)
    points = functional.normalize(torch.randn(_SPHERE_POINTS, 3, dtype=torch.float64), dim=-1) * length[:, None]
    hidden, _ = mlp.hidden(functional.pad(points, (0, mlp.inputs - 3)).to(last.weight))
    design = functional.pad(hidden[:, :width].to(points) / mlp.settings.sharpness, (0, 1), value=1.0)

    solution = torch.full([width + 1], math.sqrt(math.pi / width), dtype=torch.float64)
    solution[-1] = -radius
    left = design.T @ design / _SPHERE_POINTS + _SPHERE_RIDGE * torch.eye(width + 1, dtype=torch.float64)
    right = design.T @ (length - radius - design @ solution) / _SPHERE_POINTS
    solution += torch.linalg.solve(left, right)
    return functional.pad(solution[:-1], (0, last.in_features - width)), solution[-1]


def _set_weight(layer: nn.Linear, weight: Tensor) -> None:
    if parametrize.is_parametrized(layer):
        setattr(layer, "weight", weight)  # noqa: B010 - no parameter, but what the parametrisation takes apart
    else:
        layer.weight.copy_(weight)
