"""Every test runs with headfield's shape annotations checked at run time, and the same examples every time."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from jaxtyping import install_import_hook

import tests.typecheck  # noqa: F401 - the hook below finds it by name

# Before anything of headfield is imported.
install_import_hook("headfield", "tests.typecheck.check")

hypothesis.settings.register_profile("headfield", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("headfield")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Interrupts arrive, even where the tests run in the background of a shell that ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of open data; tests that need it are skipped where it is absent."""
    folder = os.environ.get("HEADFIELD_ASSETS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("HEADFIELD_ASSETS names no folder of open data")
    return Path(folder)


@pytest.fixture
def only_instant_avatar_comes_along(monkeypatch):
    """As if no other method's prior came with headfield, for benches."""
    from headfield.bench.trials import shipped_prior

    there = {"instant-avatar": shipped_prior("instant-avatar")}
    for module in ("instant_avatar", "sira", "multi_neus"):
        monkeypatch.setattr(f"headfield.bench.{module}.shipped_prior", there.get)
