from __future__ import annotations

import pytest
import torch

from headfield.cli import main
from headfield.cli.devices import checked, chosen
from headfield.errors import InputError


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_a_gpu_that_is_not_there_is_one_sentence(no_gpu):
    with pytest.raises(InputError, match="no GPU that PyTorch can use; leave --device out"):
        checked("cuda")
    with pytest.raises(InputError, match="no GPU that PyTorch can use"):
        chosen("cuda")
    assert checked("cpu") == chosen("cpu") == chosen(None) == "cpu"


def test_a_gpu_is_used_where_nothing_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert chosen(None) == chosen("cuda") == checked("cuda") == "cuda"
    assert chosen("cpu") == "cpu"


def test_commands_say_so_before_they_begin(no_gpu, tmp_path, capsys):
    photo = tmp_path / "photo.jpg"
    photo.touch()
    for words in (
        ["reconstruct", str(photo), "-o", str(tmp_path / "head"), "--device", "cuda"],
        ["morph", "one", "other", "-o", str(tmp_path / "way"), "--device", "cuda"],
        ["bench", "sira", str(tmp_path), "-o", str(tmp_path / "bench"), "--device", "cuda"],
    ):
        assert main(words) == 2, words
        shown = capsys.readouterr()
        assert "there is no GPU that PyTorch can use" in shown.err, (words, shown.err)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]
