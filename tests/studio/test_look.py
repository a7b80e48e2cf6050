import dataclasses

import numpy as np
import pytest

from headfield.studio.colour import lab_of, typology_angle
from headfield.studio.look import PATTERNS, sample_cloth, sample_look


@pytest.fixture(scope="module")
def looks():
    rng = np.random.default_rng(0)
    return [sample_look(rng, femininity=float(i % 2), age=float(rng.random())) for i in range(200)]


def test_skin_covers_all_tones_evenly(looks):
    angles = typology_angle(np.array([look.skin.tone for look in looks]))
    counts, _ = np.histogram(angles, bins=np.linspace(-60, 60, 7))
    assert counts.min() > 200 / 6 / 2
    assert counts.sum() >= 198


def test_hair_comes_in_all_colours(looks):
    assert {look.hair.kind for look in looks} == {"black", "brown", "blond", "red", "grey", "dyed"}


def test_light_hair_and_eyes_go_with_light_skin_but_not_always(looks):
    hair = lab_of(np.array([look.hair.base for look in looks]))[:, 0]
    angle = np.array([look.skin.angle for look in looks])
    assert np.corrcoef(angle, hair)[0, 1] > 0.3
    light_skinned = hair[angle > 40]
    assert light_skinned.min() < 20 < 50 < light_skinned.max()
    blue = [look.skin.angle for look in looks if look.eyes.kind == "blue"]
    assert blue
    assert np.median(blue) > 20


def test_brows_and_beards_show_on_the_skin(looks):
    for look in looks:
        assert lab_of(np.array(look.beard.base))[0] < lab_of(np.array(look.skin.tone))[0]


def test_women_have_no_stubble_and_make_up_is_rare_among_men(looks):
    assert all(look.stubble == 0 for look in looks[1::2])
    assert all(look.stubble > 0 for look in looks[0::2])
    worn = np.array([look.make_up.lips + look.make_up.lids + look.make_up.liner > 0 for look in looks])
    assert worn[0::2].mean() < 0.15 < 0.3 < worn[1::2].mean() < 0.8


def test_age_greys_and_lines():
    young, old = ([sample_look(np.random.default_rng(seed), age=age) for seed in range(60)] for age in (0.05, 0.95))
    assert np.mean([look.hair.grey for look in young]) < 0.05 < 0.6 < np.mean([look.hair.grey for look in old])
    assert np.mean([look.skin.lines for look in young]) < 0.2 < 0.7 < np.mean([look.skin.lines for look in old])


def test_amounts_are_amounts(looks):
    def check(value):
        if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                check(getattr(value, field.name))
        elif isinstance(value, tuple) and isinstance(value[0], float):
            assert len(value) == 3
            assert 0 <= min(value) <= max(value) <= 1

    for look in looks:
        check(look)
        for amount in (look.skin.freckles, look.skin.lines, look.skin.under_eyes, look.hair.grey, look.make_up.lips):
            assert 0 <= amount <= 1


def test_cloth_comes_in_all_patterns(rng):
    assert {sample_cloth(rng).pattern for _ in range(100)} == set(PATTERNS)


def test_the_same_seed_gives_the_same_look():
    assert sample_look(np.random.default_rng(3)) == sample_look(np.random.default_rng(3))
    assert sample_look(np.random.default_rng(3)) != sample_look(np.random.default_rng(4))
