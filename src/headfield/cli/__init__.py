"""The command line: one thin module a command, imported only when that command runs."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from headfield.errors import InputError


@dataclass(frozen=True)
class Command:
    """Where a command lives and what it does, in one line.

    Its function is named ``run``; where the first word decides what options there are, ``run_for(word)`` returns it;
    where any word does, ``run_given(words)``.
    """

    module: str
    summary: str


COMMANDS = {
    "info": Command("headfield.cli.info", "Show versions, the device, and what is installed and what is not."),
    "assets": Command("headfield.cli.assets", "List the open data that the studio is made from, or fetch it."),
    "import": Command("headfield.cli.import_", "Bring captures and scans from other formats into a data set."),
    "show": Command("headfield.cli.show", "Draw a contact sheet of a data set's subjects."),
    "studio": Command("headfield.cli.studio", "Make synthetic people: pictures, scans and true surfaces."),
    "render": Command("headfield.cli.render", "Take pictures of a head: views, orbits, turntables."),
    "train": Command("headfield.cli.train", "Learn a prior, or the network of normals, from a data set."),
    "reconstruct": Command("headfield.cli.reconstruct", "Make a head from photos of one person, or from posed views."),
    "morph": Command("headfield.cli.morph", "Make the heads between two heads: pictures, meshes, a film."),
    "measure": Command("headfield.cli.measure", "Measure how far a head is from the truth, in millimetres."),
    "bench": Command("headfield.cli.bench", "Make a paper's tables anew, on people whose true surfaces are known."),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``headfield ARGUMENTS`` and return the exit code: 0 done, 2 the input cannot be used, 130 interrupted.

    141 says, as shells do, that whoever was reading left.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if words[0] == "--version":
        from headfield import __version__

        print(f"headfield {__version__}")
        return 0
    name, *rest = words
    if name not in COMMANDS:
        return _refuse(f"there is no command {name!r}; `headfield --help` lists them.")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be text
    try:
        with warnings.catch_warnings():
            _say_warnings()
            _run(name, rest)
    except InputError as error:
        return _refuse(str(error))
    except BrokenPipeError:
        # Whoever was reading has read enough. Without this Python would try again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        # What nobody foresaw about a file: a name too long, a folder that may not be entered, a broken disk.
        if error.filename is None or isinstance(error, FileNotFoundError):
            raise
        return _refuse(f"{error.filename} cannot be used ({error.strerror}); check the path.")
    except KeyboardInterrupt:
        print("headfield: interrupted.", file=sys.stderr)
        return 130
    return 0


def _run(name: str, words: list[str]) -> None:
    import tyro

    module = import_module(COMMANDS[name].module)
    if hasattr(module, "run_for"):
        word, *words = words or ["--help"]
        run, name = module.run_for(word), f"{name} {word}"
    elif hasattr(module, "run_given"):
        run = module.run_given(words)
    else:
        run = module.run
    tyro.cli(
        run, prog=f"headfield {name}", args=words, config=(tyro.conf.FlagCreatePairsOff, tyro.conf.AvoidSubcommands)
    )


def _say_warnings() -> None:
    """Warnings about what was put in are sentences too; those about the program stay as they are."""
    elsewhere = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
        if issubclass(category, UserWarning):
            print(f"headfield: warning: {message}", file=sys.stderr)
        else:
            elsewhere(message, category, *where)

    warnings.showwarning = show  # type: ignore[assignment]  # whatever comes is passed on
    # Pillow's about large pictures: headfield decides for itself which are too large.
    warnings.filterwarnings("ignore", message="Image size .* exceeds limit", category=RuntimeWarning)


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: headfield COMMAND [OPTIONS]",
            "",
            "From a few portrait photos to a full textured 3D head.",
            "",
            *lines,
            "",
            "`headfield COMMAND --help` says what a command takes.",
        ]
    )


def _refuse(sentence: str) -> int:
    print(f"headfield: {sentence}", file=sys.stderr)
    return 2
