"""What goes wrong because of what was put in, as opposed to how headfield was written.

The command line prints an :class:`InputError` as one sentence and ends with exit code 2. Every other exception is a
mistake in the program and keeps its trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InputError(ValueError):
    """Input that cannot be used. The message is one sentence: what is wrong, with which file, and what to do."""


class MissingExtraError(InputError):
    """A part of headfield that is not installed."""

    def __init__(self, what: str, extra: str):
        super().__init__(f'{what} is not installed; `pip install "headfield[{extra}]"` brings it.')
        self._given = (what, extra)

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        # Errors come back from worker processes, and an exception is made again from its sentence unless it says how.
        return type(self), self._given


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what the operating system says about reading ``path`` into one sentence."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder where a file was expected.") from None
    except NotADirectoryError:
        raise InputError(f"{path} is not a folder; a folder was expected.") from None
    except PermissionError:
        raise InputError(f"{path} may not be read; check its permissions.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); check the path.") from None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the operating system says about writing ``path`` into one sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path} cannot be written ({reason}); choose another place or free some space.") from None
