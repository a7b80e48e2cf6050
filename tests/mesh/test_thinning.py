from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from headfield.mesh.thinning import thinned


@pytest.mark.parametrize("apart", [0.05, 0.2, 3.0])
def test_what_is_kept_is_apart_and_what_is_not_is_close_to_it(apart):
    points = np.random.default_rng(0).uniform(size=(500, 3))
    kept = thinned(points, apart)
    assert len(set(kept)) == len(kept)
    assert len(kept) == 1 or pdist(points[kept]).min() > apart
    assert cdist(points, points[kept]).min(axis=1).max() <= apart
    np.testing.assert_array_equal(kept, thinned(points, apart))


def test_nothing_is_kept_of_nothing():
    assert thinned(np.zeros((0, 3)), 0.1).shape == (0,)
