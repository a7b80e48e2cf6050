"""Subjects on disk that the tests of this room share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from headfield.data.store import create_dataset, write_subject
from tests.data.subjects import sphere_subject


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A data set of one subject; tests that change it take a copy."""
    dataset = create_dataset(tmp_path_factory.mktemp("store") / "set", made={"by": "a test"})
    write_subject(sphere_subject(), dataset)
    return dataset


@pytest.fixture
def folder(written, tmp_path) -> Path:
    """A subject of a data set of its own."""
    shutil.copytree(written, tmp_path / "set")
    return tmp_path / "set" / "ball"
