from __future__ import annotations

import errno
import json
import os
import stat

import pytest

from headfield.errors import InputError, reading, writing
from headfield.files import lies_within, new_file, new_folder, read_json, write_json


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole_under_its_name(tmp_path):
    with new_file(tmp_path / "deep" / "a.txt") as temporary:
        temporary.write_text("half")
        assert not (tmp_path / "deep" / "a.txt").exists()
        assert temporary.suffix == ".txt"
        temporary.write_text("whole")
    assert (tmp_path / "deep" / "a.txt").read_text() == "whole"
    assert names(tmp_path / "deep") == ["a.txt"]


@pytest.mark.parametrize("name", ["n" * 250 + ".txt", "\N{SNOWMAN}" * 80 + ".txt"])
def test_a_name_may_be_as_long_as_the_system_allows(tmp_path, name):
    for _ in range(2):
        write_json(tmp_path / name, {})
        with new_folder(tmp_path / f"{name[:-1]}d"):
            pass
    assert names(tmp_path) == sorted([name, f"{name[:-1]}d"])


def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), new_file(path) as temporary:
        temporary.write_text(str(1 / 0))
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_files_get_the_usual_permissions(tmp_path):
    before = os.umask(0o022)
    try:
        write_json(tmp_path / "a.json", {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o644


def test_a_folder_replaces_the_old_one_whole(tmp_path):
    for content in ("one", "two"):
        with new_folder(tmp_path / "out") as temporary:
            (temporary / f"{content}.txt").write_text(content)
        assert names(tmp_path / "out") == [f"{content}.txt"]
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "out") as temporary:
        (temporary / "three.txt").write_text(str(1 / 0))
    assert names(tmp_path / "out") == ["two.txt"]
    assert names(tmp_path) == ["out"]


def test_what_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"file/a\.json cannot be written"):
        write_json(tmp_path / "file" / "a.json", {})
    with pytest.raises(InputError, match="file/out cannot be written"), new_folder(tmp_path / "file" / "out"):
        pass


def test_only_files_are_replaced_and_links_stay_links(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with new_file(tmp_path / "link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with (
            pytest.raises(InputError, match=rf"{name} cannot be written \(it is there already and not a file\)"),
            new_file(tmp_path / name),
        ):
            pass
    assert names(tmp_path) == ["folder", "link", "pipe", "real"]


def test_a_path_lies_within_a_folder_once_its_links_are_followed(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "out").symlink_to(tmp_path)
    (tmp_path / "in" / "round").symlink_to("round")
    assert lies_within(tmp_path / "in" / "a" / ".." / "b", tmp_path / "in")
    assert lies_within(tmp_path / "in" / "round", tmp_path / "in")
    for name in ("..", "out/b", "/etc/passwd", "a\0b", "\ud800"):
        assert not lies_within(tmp_path / "in" / name, tmp_path / "in")


def test_a_full_disk_is_one_sentence(tmp_path):
    with (
        pytest.raises(InputError, match=r"big cannot be written \(No space left on device\)"),
        writing(tmp_path / "big"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_json_round_trips_exactly(tmp_path):
    content = {"b": [0.1 + 0.2, 1e-300], "a": "ä", "nested": {"none": None}}
    write_json(tmp_path / "a.json", content)
    assert read_json(tmp_path / "a.json") == content
    assert list(read_json(tmp_path / "a.json")) == ["b", "a", "nested"]


def test_json_never_holds_what_is_not_json(tmp_path):
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "content", [b"", b'{"a": 1', b"\xff\xfe\x00", b"[1, 2]", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"], ids=len
)
def test_what_is_no_json_object_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.json (is not a JSON file|holds no JSON object)"):
        read_json(tmp_path / "a.json")


def test_what_cannot_be_read_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="gone does not exist"):
        read_json(tmp_path / "gone")
    with pytest.raises(InputError, match="is a folder where a file was expected"):
        read_json(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="inside is not a folder"), reading(tmp_path / "file" / "inside"):
        (tmp_path / "file" / "inside").read_text()
    with pytest.raises(InputError, match="locked may not be read"), reading(tmp_path / "locked"):
        raise PermissionError
    with pytest.raises(InputError, match=r"xxx cannot be read \(File name too long\)"):
        read_json(tmp_path / ("x" * 300))


def test_json_stays_json(tmp_path):
    write_json(tmp_path / "a.json", {"a": 1})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 1}


def test_json_keeps_short_lists_in_one_line(tmp_path):
    content = {"rows": [[0.25] * 10] * 30, "facts": [{"a": []}, {"b": {}}], "word": "one"}
    write_json(tmp_path / "a.json", content)
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == content
    assert text.count("[" + ", ".join(["0.25"] * 10) + "]") == 30
    assert max(map(len, text.splitlines())) < 140
