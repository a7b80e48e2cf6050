from __future__ import annotations

import numpy as np
import pytest
import torch

from headfield.errors import InputError
from headfield.metrics.comparison import align, compare
from headfield.surface import Mesh
from headfield.transforms import Similarity, so3_exp

from ..shapes import bumpy, can, sphere

MILLIMETRE = 1 / 200
HEAD = bumpy()
NOSE = HEAD.vertices[np.argmax(HEAD.vertices[:, 2])]
OFF = Similarity(
    torch.tensor(1.0, dtype=torch.float64),
    so3_exp(torch.tensor([0.1, -0.08, 0.05], dtype=torch.float64)),
    torch.tensor([0.02, 0.03, -0.02], dtype=torch.float64),
)


def with_other_back(mesh: Mesh) -> Mesh:
    """The same face on a much larger back of the head."""
    vertices = mesh.vertices.copy()
    behind = vertices[:, 2] < 0.1
    vertices[behind, 2] = 0.1 + 1.6 * (vertices[behind, 2] - 0.1)
    return Mesh.of(vertices, mesh.faces)


def test_a_head_against_itself_is_perfect(rng):
    results = compare(HEAD, HEAD, nose=NOSE, between="surfaces", samples=2000, rng=rng)
    assert set(results) == {"face", "head"}
    for result in results.values():
        assert result.distance.max < 1e-6
        assert result.agreement.f_scores == (1, 1, 1, 1)


def test_the_face_is_judged_alone(rng):
    results = compare(with_other_back(HEAD), HEAD, nose=NOSE, between="surfaces", samples=4000, rng=rng)
    assert results["face"].distance.median < 1e-6
    assert results["head"].distance.p90 > 10
    assert results["face"].distance.count < results["head"].distance.count == 4000


def test_without_a_nose_there_is_no_face(rng):
    assert set(compare(HEAD, HEAD, nose=None, between="surfaces", samples=100, rng=rng)) == {"head"}


def test_between_vertices_counts_vertices(rng):
    coarse = sphere(0.5, rings=12)
    result = compare(sphere(0.505, rings=12), coarse, nose=None, between="vertices", samples=1, rng=rng)["head"]
    assert result.distance.count == len(coarse.vertices)
    assert result.distance.max == pytest.approx(1.0)
    assert result.distance.mean == pytest.approx(1.0)


def test_cavities_count_unless_told_otherwise(rng):
    truth, closed = can(hole=0.1, depth=0.6), can()
    whole = compare(closed, truth, nose=None, between="surfaces", samples=5000, rng=rng)["head"].distance
    outside = compare(closed, truth, nose=None, between="surfaces", samples=5000, rng=rng, cavities=False)["head"]
    assert whole.max > 70
    assert outside.distance.max < 60  # the well is 40 mm wide
    assert outside.distance.p90 < 1e-6
    assert outside.distance.count < whole.count == 5000


@pytest.mark.parametrize("between", ["surfaces", "vertices"])
def test_a_shape_without_cavities_is_judged_the_same_without_them(between):
    one, other = (
        compare(sphere(0.6), HEAD, nose=NOSE, between=between, samples=500, rng=np.random.default_rng(7), cavities=told)
        for told in (True, False)
    )
    for region, result in one.items():
        assert other[region].distance.mean == pytest.approx(result.distance.mean, rel=0.05)


def test_the_same_seed_gives_the_same_numbers():
    one, other = (
        compare(sphere(0.6), HEAD, nose=NOSE, between="surfaces", samples=500, rng=np.random.default_rng(7))
        for _ in range(2)
    )
    assert one == other


def test_alignment_on_the_face_ignores_another_back_of_the_head(rng):
    prediction = with_other_back(HEAD).transformed(OFF)
    found = align(prediction, HEAD, Similarity.identity(), nose=NOSE, with_scale=False, rng=rng)
    face = HEAD.vertices[HEAD.vertices[:, 2] > 0.2]
    back = (found @ OFF).apply(torch.from_numpy(face)).numpy()
    assert np.linalg.norm(back - face, axis=1).max() < 0.1 * MILLIMETRE


def test_alignment_changes_the_size_only_when_told(rng):
    small = Mesh.of(0.9 * HEAD.vertices, HEAD.faces)
    for told, scale in ((False, 1), (True, 1 / 0.9)):
        found = align(small, HEAD, Similarity.identity(), nose=None, with_scale=told, rng=rng)
        assert found.scale == pytest.approx(scale, rel=1e-4)


def test_a_nose_off_the_truth_is_refused(rng):
    with pytest.raises(InputError, match="no surface within 95 mm of the tip of its nose"):
        align(HEAD, HEAD, Similarity.identity(), nose=np.full(3, 9.0), with_scale=False, rng=rng)
    with pytest.raises(InputError, match="no points"):
        compare(HEAD, HEAD, nose=np.full(3, 9.0), between="surfaces", samples=10, rng=rng)
