"""Writing so that nothing is ever half-written: into a temporary neighbour first, then renamed into place."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headfield.errors import InputError, reading, writing

LONGEST = 40
"""How much of a name its temporary neighbour has, so that that has room for more: in bytes at most four times this."""

_LINE = 100
"""How long a line of JSON may be that could be broken."""


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; it becomes ``path`` when the block ends well, and is gone if not.

    The temporary name keeps the suffix, since writers look at it. A link stays one, to the new file; a device or a
    folder is never replaced.
    """
    with writing(path):
        path = Path(os.path.realpath(path))
        if path.exists() and not path.is_file():
            raise InputError(f"{path} cannot be written (it is there already and not a file); choose another place.")
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:LONGEST]}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            _flush(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path`` to fill; it becomes ``path`` when the block ends well, and is gone if not.

    A folder that is there already is replaced.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name[:LONGEST]}-", dir=path.parent))
        try:
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            if path.exists():
                old = Path(tempfile.mkdtemp(prefix=f".{path.name[:LONGEST]}-old-", dir=path.parent))
                path.rename(old / "it")
                temporary.rename(path)
                shutil.rmtree(old)
            else:
                temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def write_json(path: Path, content: object) -> None:
    """Write JSON for people: indented, short lists in one line, keys in the given order, numbers exact."""
    with new_file(path) as temporary:
        temporary.write_text(_laid_out(content) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict:
    """Read a JSON object; InputError where there is none."""
    with reading(path):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            raise InputError(f"{path} is not a JSON file, or it was cut off; write it again.") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no JSON object; it may belong to something else.")
    return content


def lies_within(path: Path, folder: Path) -> bool:
    """Whether ``path`` leads to a place in ``folder``, once every link is followed."""
    try:
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
    except ValueError:  # characters that no name can have
        return False


def _laid_out(content: object, indent: str = "") -> str:
    """JSON whose lists of numbers and words stay in one line as long as that can be read."""
    line = json.dumps(content, allow_nan=False)
    deeper = indent + "  "
    if isinstance(content, dict) and content:
        parts = [f"{json.dumps(str(key))}: {_laid_out(value, deeper)}" for key, value in content.items()]
    elif isinstance(content, (list, tuple)) and ("{" in line or len(indent + line) > _LINE):
        parts = [_laid_out(value, deeper) for value in content]
    else:
        return line
    first, last = ("{", "}") if isinstance(content, dict) else ("[", "]")
    return f"{first}\n{deeper}" + f",\n{deeper}".join(parts) + f"\n{indent}{last}"


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
