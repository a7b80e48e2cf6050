"""headfield with nothing but its core dependencies: it imports, and says in a sentence what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

OPTIONAL_MODULES = (
    "embreex",
    "igl",
    "fast_simplification",
    "pooch",
    "imageio_ffmpeg",
    "xatlas",
    "mediapipe",
    "cv2",
    "pillow_heif",
    "beartype",
    "hypothesis",
    "pytest",
)


def core_distributions() -> set[str]:
    """The names of what ``pip install headfield`` would install, by following the metadata of what is installed."""
    found: set[str] = set()
    waiting = ["headfield"]
    while waiting:
        name = waiting.pop()
        if name.lower() in found:
            continue
        found.add(name.lower())
        for line in requires(name) or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


@pytest.fixture(scope="module")
def core_only(tmp_path_factory) -> Path:
    """headfield as pip installs it, beside links to its core dependencies as they are installed, and nothing else."""
    site = tmp_path_factory.mktemp("site")
    installed = Path(sysconfig.get_paths()["purelib"])
    for name in core_distributions() - {"headfield"}:
        for file in distribution(name).files or ():
            top = file.parts[0]
            if top != ".." and not (site / top).exists() and (installed / top).exists():
                (site / top).symlink_to(installed / top)
    project = Path(__file__).parents[2]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(site), str(project)], check=True)
    return site


def run(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run([sys.executable, "-S", *words], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", OPTIONAL_MODULES)
def test_the_core_brings_none_of_the_extras(core_only, module):
    assert run(core_only, "-c", f"import {module}").returncode == 1


def test_the_core_alone_imports_every_module(core_only):
    """Walk every module of the package: what is optional is imported where it is used, not at the top."""
    program = (
        "import importlib, pkgutil, headfield\n"
        "for module in pkgutil.walk_packages(headfield.__path__, 'headfield.'):\n"
        "    if not module.name.endswith('__main__'): importlib.import_module(module.name)\n"
    )
    result = run(core_only, "-c", program)
    assert result.returncode == 0, result.stderr


def test_the_core_alone_says_what_is_not_installed(core_only):
    result = run(core_only, "-m", "headfield", "info")
    assert result.returncode == 0, result.stderr
    assert 'not installed; pip install "headfield[fast]"' in " ".join(result.stdout.split())
