from __future__ import annotations

from headfield.cli import train_normals
from headfield.photo.normal_training import FILE

from ..photo.test_normal_network import TINY
from ..photo.test_normal_training import SHORT, balls  # noqa: F401 - a fixture


def test_a_network_is_taught_and_measured(balls, tmp_path, capsys):  # noqa: F811
    train_normals.run((balls,), output=tmp_path / "out", training=SHORT, network=TINY)
    said = capsys.readouterr().out
    assert f"Wrote {tmp_path / 'out' / FILE} (5 steps)." in said
    assert "On 1 pictures of people it never saw" in said
