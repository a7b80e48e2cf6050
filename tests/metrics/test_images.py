from __future__ import annotations

import numpy as np
import pytest

from headfield.errors import InputError
from headfield.metrics.images import depth_errors, mask_iou, normal_errors, psnr, ssim


def picture(rng: np.random.Generator, side: int = 32) -> np.ndarray:
    return rng.uniform(0.2, 0.8, (side, side, 3))


def left_half(side: int = 32) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    mask[:, : side // 2] = 255
    return mask


def test_psnr_of_a_known_error_is_known(rng):
    truth = picture(rng)
    assert psnr(truth + 0.1, truth) == pytest.approx(20)
    assert psnr(truth + 0.01, truth) == pytest.approx(40)
    assert psnr(truth, truth) == float("inf")


def test_psnr_of_noise_is_its_variance(rng):
    truth = picture(rng, 128)
    assert psnr(truth + rng.normal(scale=0.05, size=truth.shape), truth) == pytest.approx(26.02, abs=0.1)


def test_bytes_and_numbers_are_the_same_picture(rng):
    one, other = rng.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    assert psnr(one, other) == pytest.approx(psnr(one / 255, other / 255))
    assert ssim(one, other) == pytest.approx(ssim(one / 255, other))


def test_a_picture_that_is_broken_is_not_perfect(rng):
    picture = rng.random((16, 16, 3))
    broken = picture.copy()
    broken[3, 4] = np.nan
    assert np.isnan(psnr(broken, picture))
    assert psnr(picture, picture) == np.inf


def test_a_mask_hides_what_lies_outside(rng):
    truth = picture(rng)
    prediction = truth.copy()
    prediction[:, :16] += 0.1
    prediction[:, 16:] = 0
    assert psnr(prediction, truth, left_half()) == pytest.approx(20)
    assert psnr(prediction, truth, left_half() > 0) == pytest.approx(20)


def test_a_half_covered_pixel_counts_half():
    truth = np.zeros((1, 2, 3))
    prediction = np.array([[[0.1] * 3, [0.2] * 3]])
    mask = np.array([[100, 50]], np.uint8)
    assert psnr(prediction, truth, mask) == pytest.approx(-10 * np.log10((2 * 0.01 + 0.04) / 3))


def test_ssim_of_flat_pictures_is_the_luminance_term():
    a, b = 0.4, 0.6
    c = 0.01**2
    expected = (2 * a * b + c) / (a * a + b * b + c)
    assert ssim(np.full((32, 32, 3), a), np.full((32, 32, 3), b)) == pytest.approx(expected)


def test_ssim_is_one_for_equal_symmetric_and_falls_with_noise(rng):
    truth, noise = picture(rng), rng.normal(size=(32, 32, 3))
    assert ssim(truth, truth) == pytest.approx(1)
    values = [ssim(truth + s * noise, truth) for s in (0.01, 0.03, 0.1, 0.3)]
    assert values == sorted(values, reverse=True)
    assert ssim(truth, truth + 0.1 * noise) == pytest.approx(values[2])


def test_ssim_in_a_mask_ignores_what_is_far_outside(rng):
    truth = picture(rng)
    prediction = truth.copy()
    prediction[:, 22:] = 0
    assert ssim(prediction, truth, left_half()) == pytest.approx(1)
    assert ssim(prediction, truth) < 0.9


def test_depth_errors_are_millimetres_where_both_measured():
    truth = np.array([[1.0, 2.0, 0.0, 3.0]], np.float32)
    prediction = np.array([[1.01, 0.0, 2.0, 2.9]], np.float32)
    np.testing.assert_allclose(depth_errors(prediction, truth), [2, 20], atol=1e-4)
    only_first = np.array([[255, 255, 255, 0]], np.uint8)
    np.testing.assert_allclose(depth_errors(prediction, truth, only_first), [2], atol=1e-4)


@pytest.mark.parametrize("degrees", [0.0, 1e-6, 30.0, 90.0, 180.0])
def test_normals_turned_by_an_angle_are_that_angle_apart(degrees):
    angle = np.radians(degrees)
    truth = np.tile([0.0, 0, -1], (4, 4, 1))
    prediction = 2.5 * np.tile([np.sin(angle), 0, -np.cos(angle)], (4, 4, 1))
    prediction[0, 0] = 0
    errors = normal_errors(prediction, truth)
    assert len(errors) == 15
    np.testing.assert_allclose(errors, degrees, rtol=1e-6)


def test_mask_iou_counts_areas():
    a, b = np.zeros((10, 10), np.uint8), np.zeros((10, 10), bool)
    a[:, :6], b[:, 4:] = 255, True
    assert mask_iou(a, b) == pytest.approx(0.2)
    assert mask_iou(a, a) == 1
    assert mask_iou(np.zeros_like(a), np.zeros_like(a)) == 1


def test_what_cannot_be_compared_is_refused(rng):
    small, large = picture(rng, 32), picture(rng, 48)
    for measure in (psnr, ssim, normal_errors):
        with pytest.raises(InputError, match="different size cannot be compared: 32 x 32 and 48 x 48"):
            measure(small, large)
    with pytest.raises(InputError, match="different size"):
        psnr(small, small, left_half(48))
    with pytest.raises(InputError, match="the mask is empty"):
        psnr(small, small, np.zeros((32, 32), np.uint8))
    with pytest.raises(InputError, match="at least 11 x 11 pixels; these are 8 x 8"):
        ssim(picture(rng, 8), picture(rng, 8))
