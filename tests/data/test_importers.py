from __future__ import annotations

import sys
from dataclasses import is_dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch
from PIL import Image

from headfield.canonical import CANONICAL_NOSE
from headfield.data import importers as registry
from headfield.data.importers import Importer, find_importer, importers
from headfield.errors import InputError
from headfield.units import MILLIMETRES_PER_UNIT

MODULE = '''
from dataclasses import dataclass

from headfield.capture import Subject


@dataclass(frozen=True)
class Settings:
    """What the format has to be told."""

    times: int = 1
    """How many subjects to make."""


def read(source, *, settings=Settings()):
    return (Subject(f"{source.stem}-{i}") for i in range(settings.times))
'''


@pytest.fixture
def foreign(tmp_path, monkeypatch) -> str:
    """A package elsewhere that brings the format ``foreign``."""
    (tmp_path / "foreign_format.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "foreign_format", raising=False)
    entries = [
        EntryPoint("foreign", "foreign_format", registry.ENTRY_POINTS),
        EntryPoint("colmap", "foreign_format", registry.ENTRY_POINTS),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries if group == "headfield.importers" else [])
    return "foreign"


@pytest.mark.parametrize("name", ["nerfstudio", "colmap", "cameras-npz", "h3ds", "nphm", "mesh"])
def test_headfield_has_these_formats(name):
    importer = find_importer(name)
    assert importer.settings is None or is_dataclass(importer.settings)
    with pytest.raises(InputError, match="nothing"):
        list(importer.read(Path("nothing")))


def test_another_package_adds_a_format(foreign):
    importer = find_importer(foreign)
    assert "foreign_format" not in sys.modules
    assert [subject.name for subject in importer.read(Path("a.xyz"))] == ["a-0"]
    settings = importer.settings(times=2)
    assert [subject.name for subject in importer.read(Path("a.xyz"), settings)] == ["a-0", "a-1"]
    assert "foreign_format" in importer.summary


def test_headfields_own_formats_stay_its_own(foreign):
    assert importers()["colmap"].module == "headfield.data.importers.colmap"


def test_an_unknown_format_is_one_sentence():
    known = ", ".join(importers())
    with pytest.raises(InputError, match=f"there is no format 'polaroid'; the known ones are {known}"):
        find_importer("polaroid")


def test_the_documented_example_works(tmp_path, monkeypatch):
    page = Path(__file__).parents[2] / "docs" / "importers.md"
    (tmp_path / "polaroid.py").write_text(page.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "polaroid", raising=False)
    Image.new("RGB", (30, 40)).save(tmp_path / "anna.jpg")
    (tmp_path / "anna.txt").write_text("60 10 5 80")
    importer = Importer("polaroid", "polaroid", "")
    (subject,) = importer.read(tmp_path, importer.settings(unit="cm"))
    camera = subject.capture.views[0].camera
    nose = torch.from_numpy(CANONICAL_NOSE)
    offset = MILLIMETRES_PER_UNIT * (camera.centre - nose)
    torch.testing.assert_close(offset, torch.tensor([100.0, 50.0, 800.0], dtype=torch.float64))
    pixel, _ = camera.project(nose[None])
    torch.testing.assert_close(pixel[0], torch.tensor([15.0, 20.0], dtype=torch.float64))
    (tmp_path / "anna.txt").write_text("wide")
    with pytest.raises(InputError, match=r"anna\.txt does not hold a focal length and a position"):
        list(importer.read(tmp_path))
