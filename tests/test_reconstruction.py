from __future__ import annotations

from dataclasses import replace

import pytest

from headfield.capture import Capture
from headfield.errors import InputError
from headfield.photo import normals
from headfield.reconstruction import completed

from .balls import camera, view


def test_views_that_lack_nothing_stay_as_they_are():
    whole = view(0.5, camera())
    assert completed(Capture((whole,))).views == (whole,)


def test_without_a_network_views_with_masks_go_without_normals(monkeypatch, tmp_path):
    monkeypatch.setattr(normals, "SHIPPED", tmp_path / "none.safetensors")
    masked = view(0.5, camera(), normals=False)
    assert completed(Capture((masked,))).views == (masked,)
    with pytest.raises(InputError, match="came without a network of normals"):
        completed(Capture((masked, replace(masked, mask=None))))


def test_no_normals_are_estimated_that_nobody_looks_at(tmp_path):
    masked = view(0.5, camera(), normals=False)
    assert completed(Capture((masked,)), tmp_path / "none.safetensors", looked_at=False).views == (masked,)
    with pytest.raises(InputError, match=r"none\.safetensors"):  # masks are estimated all the same
        completed(Capture((replace(masked, mask=None),)), tmp_path / "none.safetensors", looked_at=False)


def test_a_network_that_is_named_is_used(tmp_path):
    with pytest.raises(InputError, match=r"none\.safetensors"):
        completed(Capture((view(0.5, camera(), normals=False),)), tmp_path / "none.safetensors")
