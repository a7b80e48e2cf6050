"""Fields on disk: one safetensors file of named parts, with what they are as JSON in its header."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from headfield.errors import InputError, reading
from headfield.files import new_file

VERSION = 1
"""Of the file's layout; a file of another version is refused."""

_HEADER = "headfield"

PartType = TypeVar("PartType", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class Weights:
    """What one file holds: modules by name, and the facts that were saved with them."""

    parts: Mapping[str, nn.Module]
    facts: Mapping[str, object]

    def part(self, name: str, kind: type[PartType]) -> PartType:
        """The part of that name and class."""
        found = self.parts[name]
        if not isinstance(found, kind):
            raise TypeError(f"{name} is a {type(found).__name__} and no {kind.__name__}")
        return found


def save(
    path: Path, parts: Mapping[str, nn.Module], facts: Mapping[str, object] | None = None, *, half: bool = False
) -> None:
    """Write modules, each made from one ``settings`` dataclass, and facts (JSON). ``half`` keeps 16 bits a number."""
    header = {
        "version": VERSION,
        "parts": {
            name: {"class": type(part).__name__, "settings": dataclasses.asdict(_settings(part))}
            for name, part in parts.items()
        },
        "facts": dict(facts or {}),
    }
    tensors = {
        f"{name}.{key}": _stored(value, half)
        for name, part in parts.items()
        for key, value in part.state_dict().items()
    }
    metadata = {_HEADER: json.dumps(header, allow_nan=False)}
    with new_file(path) as temporary:
        save_file(tensors, temporary, metadata)


def load(path: Path, kinds: Mapping[str, type[nn.Module]]) -> Weights:
    """Read the modules that ``kinds`` names with their classes; InputError unless the file holds exactly those."""
    header, tensors = _read(path)
    described = header["parts"]
    if set(described) != set(kinds):
        raise InputError(
            f"{path} holds {_list(described)} where {_list(kinds)} should be; it belongs to something else."
        )
    parts = {name: _rebuilt(path, name, kind, described[name], tensors) for name, kind in kinds.items()}
    if tensors:
        raise InputError(f"{path} holds numbers that belong to nothing ({min(tensors)}); write it again.")
    return Weights(parts, header["facts"])


def parts_in(path: Path) -> dict[str, str | None]:
    """The names of the parts that a file holds, each with the name of its class."""
    header, _ = _read(path)
    return {name: about.get("class") if isinstance(about, dict) else None for name, about in header["parts"].items()}


def _settings(part: nn.Module) -> Any:
    settings = getattr(part, "settings", None)
    if not dataclasses.is_dataclass(settings):
        raise TypeError(f"a {type(part).__name__} has no settings to be made from again")
    return settings


def _stored(value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu()
    if half and value.is_floating_point():
        value = value.half()
        if not value.isfinite().all():
            raise ValueError("weights are too large for 16 bits")
    return value.clone(memory_format=torch.contiguous_format)


def _read(path: Path) -> tuple[dict, dict[str, Tensor]]:
    with reading(path):
        path.open("rb").close()
        try:
            with safe_open(path, "pt") as file:
                text = (file.metadata() or {}).get(_HEADER)
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
        except SafetensorError:
            raise InputError(f"{path} is not a safetensors file, or it was cut off; fetch or write it again.") from None
    if text is None:
        raise InputError(f"{path} was not written by headfield; choose a file that was.")
    try:
        header = json.loads(text)
        version = header["version"]
    except (ValueError, RecursionError, TypeError, KeyError):
        raise InputError(f"{path} has a damaged header; fetch or write it again.") from None
    if version != VERSION:
        raise InputError(
            f"{path} is of version {version} and this headfield reads version {VERSION}; make it again, or install the "
            f"headfield it was made with."
        )
    if not isinstance(header.get("parts"), dict) or not isinstance(header.get("facts"), dict):
        raise InputError(f"{path} has a damaged header; fetch or write it again.")
    return header, tensors


def _rebuilt(path: Path, name: str, kind: type[nn.Module], described: Any, tensors: dict[str, Tensor]) -> nn.Module:
    """The module ``name``; what belongs to it is taken out of ``tensors``."""
    if not isinstance(described, dict) or described.get("class") != kind.__name__:
        found = described.get("class") if isinstance(described, dict) else None
        raise InputError(
            f"{path} holds {found} as {name} where {kind.__name__} should be; it belongs to something else."
        )
    try:
        # Without memory until the numbers are there, so that no file can ask for more than it brings.
        with torch.device("meta"):
            part = kind(_typed(described.get("settings"), get_type_hints(kind)["settings"]))
    except (ValueError, TypeError, RuntimeError):
        raise InputError(f"{path} has settings of {name} that cannot be; fetch or write it again.") from None
    own = {key: tensors.pop(key) for key in list(tensors) if key.startswith(f"{name}.")}
    state = {key.removeprefix(f"{name}."): _restored(value) for key, value in own.items()}
    if not all(value.isfinite().all() for value in state.values()):
        raise InputError(f"{path} holds numbers of {name} that are not finite; fetch or make it again.")
    try:
        part.load_state_dict(state, assign=True)
    except (RuntimeError, ValueError):
        raise InputError(f"{path} does not hold the numbers that {name} is made of; fetch or write it again.") from None
    return part


def _restored(value: Tensor) -> Tensor:
    return value.float() if value.dtype == torch.float16 else value


def _typed(value: Any, wanted: Any) -> Any:
    """JSON as the dataclass, tuple or plain value that is wanted; TypeError or ValueError where it is none."""
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        hints = get_type_hints(wanted)
        if not isinstance(value, dict) or set(value) != set(hints):
            raise TypeError(f"{value!r} is no {wanted.__name__}")
        return wanted(**{name: _typed(value[name], hint) for name, hint in hints.items()})
    origin, choices = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        (other,) = (choice for choice in choices if choice is not type(None))
        return None if value is None else _typed(value, other)
    if origin is tuple and isinstance(value, list):
        return tuple(_typed(item, choices[0]) for item in value)
    if origin is Literal and value in choices:
        return value
    if wanted is float and type(value) in (int, float):
        return float(value)
    if wanted in (int, bool, str) and type(value) is wanted:
        return value
    raise TypeError(f"{value!r} is no {wanted}")


def _list(names: Mapping[str, object]) -> str:
    return " and ".join(sorted(names)) or "nothing"
