"""Where the work of a command is done."""

from __future__ import annotations

from typing import Literal

from headfield.errors import InputError

Device = Literal["cpu", "cuda"]


def checked(wanted: Device) -> Device:
    """The device that is wanted; InputError where this machine does not have it."""
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("there is no GPU that PyTorch can use; leave --device out, or install PyTorch for CUDA.")
    return wanted


def chosen(wanted: Device | None) -> Device:
    """The device that is wanted, or else a GPU if there is one."""
    import torch

    return checked(wanted or ("cuda" if torch.cuda.is_available() else "cpu"))
