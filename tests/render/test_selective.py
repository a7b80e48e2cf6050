from __future__ import annotations

import pytest

from headfield.render.selective import SelectiveSampling


def test_an_eighth_goes_four_times_over_the_first_half():
    """Section V of SIRA++: 12 % of the rays of the background every 250 of the first 1,000 epochs."""
    selective = SelectiveSampling()
    shares = [selective.share(step) for step in (0, 249, 250, 500, 750, 1000, 1999)]
    assert shares == pytest.approx([1, 1, 0.88, 0.88**2, 0.88**3, 0.88**4, 0.88**4])


def test_all_or_nothing():
    assert SelectiveSampling(drop=0.0).share(10_000) == 1
    assert SelectiveSampling(times=0).share(10_000) == 1
    assert SelectiveSampling(drop=1.0, every=1).share(1) == 0


@pytest.mark.parametrize("wrong", [{"drop": 1.1}, {"every": 0}, {"times": -1}])
def test_settings_that_cannot_be(wrong):
    with pytest.raises(ValueError, match="can be dropped"):
        SelectiveSampling(**wrong)
