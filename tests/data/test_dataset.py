from __future__ import annotations

import pytest

from headfield.capture import Subject
from headfield.data.store import Dataset, create_dataset, write_subject
from headfield.errors import InputError


def test_a_data_set_is_its_subjects_in_order(written, tmp_path):
    dataset = create_dataset(tmp_path / "set", name="three", made={"seed": 1})
    for name in ("c", "a", "b"):
        write_subject(Subject(name, expression=name), dataset)
    (dataset / ".a-left-over").mkdir()
    (dataset / "notes").mkdir()
    found = Dataset(dataset)
    assert (found.name, found.made, found.names, len(found)) == ("three", {"seed": 1}, ("a", "b", "c"), 3)
    assert [subject.expression for subject in found.map(found.read, workers=2)] == ["a", "b", "c"]
    assert found.read("b").name == "b"
    with pytest.raises(InputError, match=r"set has no subject 'd'; it has a, b, c"):
        found.read("d")
    assert Dataset(written).name == "set"


def test_parallel_reading_keeps_the_order_and_does_not_run_away(tmp_path):
    dataset = create_dataset(tmp_path / "set")
    for i in range(12):
        write_subject(Subject(f"s{i:02}"), dataset)
    begun: list[str] = []
    results = Dataset(dataset).map(lambda name: begun.append(name) or name, workers=2)
    assert next(results) == "s00"
    assert len(begun) <= 5
    assert list(results) == [f"s{i:02}" for i in range(1, 12)]


def test_a_data_set_goes_on_only_if_made_the_same_way(tmp_path):
    create_dataset(tmp_path / "set", made={"seed": 1})
    before = (tmp_path / "set" / "dataset.json").read_bytes()
    create_dataset(tmp_path / "set", made={"seed": 1})
    assert (tmp_path / "set" / "dataset.json").read_bytes() == before
    with pytest.raises(InputError, match="set is a data set that was made in another way"):
        create_dataset(tmp_path / "set", made={"seed": 2})
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="home is not empty and not a data set"):
        create_dataset(tmp_path / "home")


def test_what_is_no_data_set_is_one_sentence(written, tmp_path):
    with pytest.raises(InputError, match="none is not a folder; a data set was expected"):
        Dataset(tmp_path / "none")
    with pytest.raises(InputError, match=r"is not a data set, since it has no dataset\.json"):
        Dataset(tmp_path)
    with pytest.raises(InputError, match=r"ball is one subject; name its data set, .*set"):
        Dataset(written / "ball")
    (tmp_path / "dataset.json").write_text('{"format": "headfield data set", "version": 99}')
    with pytest.raises(InputError, match="format version 99, newer than 1"):
        Dataset(tmp_path)


def test_damage_is_noticed(folder):
    dataset = Dataset(folder.parent)
    dataset.verify()
    for file in ("images/view-1.png", "scan.ply", "subject.json", "transforms.json"):
        whole = (folder / file).read_bytes()
        damaged = bytearray(whole)
        damaged[len(whole) // 2] ^= 1
        (folder / file).write_bytes(damaged)
        with pytest.raises(InputError, match=rf"{file} was changed or damaged"):
            dataset.verify()
        (folder / file).unlink()
        with pytest.raises(InputError, match=rf"{file} is not what was written"):
            dataset.verify()
        (folder / file).write_bytes(whole)
    dataset.verify()
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(InputError, match="SHA256SUMS does not exist"):
        dataset.verify()
