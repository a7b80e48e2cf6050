from __future__ import annotations

import pytest
from PIL import Image

from headfield.cli import main
from headfield.data.store import create_dataset, write_subject
from tests.data.subjects import sphere_subject


@pytest.fixture
def dataset(tmp_path):
    out = create_dataset(tmp_path / "set")
    for name in ("one", "two", "three"):
        write_subject(sphere_subject(name), out)
    return out


def test_a_sheet_is_written(dataset, tmp_path, capsys):
    assert main(["show", str(dataset), "-o", str(tmp_path / "out" / "sheet.png"), "--subjects", "2"]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"Wrote {tmp_path / 'out' / 'sheet.png'} with 2 of 3 subjects of set.\n"
    assert shown.err == ""
    with Image.open(tmp_path / "out" / "sheet.png") as sheet:
        assert min(sheet.size) > 200


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "nowhere is not a folder; a data set was expected."),
        (["SET/one"], "is one subject; name its data set"),
        (["SET", "-o", "sheet.jpg"], "sheet.jpg is no PNG file; give it a name that ends in .png."),
        (["SET", "--subjects", "0"], "0 subjects with 4 views cannot be shown"),
        (["SET", "-o", "SET/dataset.json/sheet.png"], "sheet.png cannot be written"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(dataset, words, sentence, capsys):
    assert main(["show", *(word.replace("SET", str(dataset)) for word in words)]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


def test_damage_is_named(dataset, tmp_path, capsys):
    picture = dataset / "one" / "images" / "view-0.png"
    picture.write_bytes(picture.read_bytes()[:100])
    assert main(["show", str(dataset), "-o", str(tmp_path / "sheet.png")]) == 2
    assert f"{picture} is a damaged picture, or it was cut off" in capsys.readouterr().err
    assert not (tmp_path / "sheet.png").exists()
