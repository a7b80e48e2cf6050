import numpy as np

from headfield.studio.hair.styles import FAMILIES, sample_style


def families(n=2000, **leaning):
    rng = np.random.default_rng(0)
    drawn = [sample_style(rng, **leaning).family for _ in range(n)]
    return {family: drawn.count(family) / n for family in FAMILIES}


def test_every_family_comes_equally_often_where_nothing_leans():
    shares = families()
    assert min(shares.values()) > 0.6 / len(FAMILIES)
    assert max(shares.values()) < 1.4 / len(FAMILIES)


def test_leaning_changes_how_often_but_leaves_every_family():
    womanly, manly = families(femininity=1.0), families(femininity=0.0)
    assert womanly["long-wavy"] > 3 * manly["long-wavy"]
    assert manly["crop"] > 3 * womanly["crop"]
    assert min(*womanly.values(), *manly.values()) > 0


def test_hairlines_of_older_men_are_higher():
    rng = np.random.default_rng(0)
    old = np.mean([sample_style(rng, femininity=0.0, age=1.0).temples for _ in range(300)])
    young = np.mean([sample_style(rng, femininity=0.0, age=0.2).temples for _ in range(300)])
    assert old > young + 0.2


def test_numbers_stay_in_their_range():
    rng = np.random.default_rng(0)
    for _ in range(500):
        style = sample_style(rng, age=float(rng.random()))
        for name in ("length", "volume", "wave", "mess", "fringe", "height", "temples", "peak"):
            assert 0 <= getattr(style, name) <= 1
        for name in ("part", "asymmetry", "hairline"):
            assert -1 <= getattr(style, name) <= 1
