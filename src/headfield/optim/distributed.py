"""Several processes that optimise one module together, each on its own share of the data.

torchrun starts them; each computes its objectives, and gradients are averaged before every step, so that two processes
do what one does with a batch twice as large. Averaging is explicit and knows parameters that some or all processes did
not use in a step: frozen ones, and those of scenes that are not in the batch.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class Processes:
    """How many processes work together, and which of them this is."""

    rank: int = 0
    count: int = 1

    @staticmethod
    def current() -> Processes:
        """Those that this process has joined; alone, if it has joined none."""
        if dist.is_available() and dist.is_initialized():
            return Processes(dist.get_rank(), dist.get_world_size())
        return Processes()

    @property
    def first(self) -> bool:
        """Whether this process writes files and shows progress for all."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum of this tensor over all processes."""
        if self.count > 1:
            tensor = tensor.clone()
            dist.all_reduce(tensor)
        return tensor

    def wait(self) -> None:
        """Go on when all processes have come this far."""
        if self.count > 1:
            dist.barrier()

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Give every process the first one's values."""
        if self.count > 1:
            for tensor in tensors:
                dist.broadcast(tensor, src=0)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace gradients by their means over all processes; none counts as zero unless no process has one."""
        if self.count == 1:
            return
        everything = list(parameters)
        device = everything[0].device
        used = self.sum(torch.tensor([p.grad is not None for p in everything], dtype=torch.int32, device=device))
        touched = [p for p, users in zip(everything, used.tolist(), strict=True) if users]
        if not touched:
            return
        own = [torch.zeros_like(p) if p.grad is None else p.grad for p in touched]
        mean = self.sum(torch.cat([gradient.reshape(-1) for gradient in own])) / self.count
        parts = mean.split([p.numel() for p in touched])
        for parameter, part in zip(touched, parts, strict=True):
            parameter.grad = part.view_as(parameter)


@contextmanager
def joined(kind: Literal["cpu", "cuda"]) -> Iterator[torch.device]:
    """Join the other processes that torchrun started, and give the device of this one; alone without torchrun."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield torch.device(kind)
        return
    device = torch.device("cpu")
    if kind == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if kind == "cuda" else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()
