from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from headfield.errors import InputError
from headfield.metrics.lpips import SHAPES, Lpips


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """Random convolutions, and the metric's layers nonnegative as its training leaves them."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.rand(shape, generator=generator)
        if name.startswith("lin")
        else torch.randn(shape, generator=generator) / max(1, torch.tensor(shape[1:]).prod().item()) ** 0.5
        for name, shape in SHAPES.items()
    }


@pytest.fixture(scope="module")
def lpips(weights) -> Lpips:
    return Lpips(weights)


def pictures(n: int = 1, side: int = 48) -> torch.Tensor:
    return torch.rand((n, 3, side, side), generator=torch.Generator().manual_seed(1))


def test_equal_pictures_are_zero_apart(lpips):
    assert lpips(pictures(2), pictures(2)).tolist() == [0, 0]


def test_it_is_symmetric_and_grows_with_noise(lpips):
    truth = pictures()
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(2))
    values = [lpips(truth + s * noise, truth).item() for s in (0.01, 0.03, 0.1, 0.3)]
    assert values == sorted(values)
    assert values[0] > 0
    assert lpips(truth, truth + 0.1 * noise).item() == pytest.approx(values[2])


def test_a_batch_is_its_pictures_one_by_one(lpips):
    truth, prediction = pictures(2), pictures(2).flip(-1)
    together = lpips(prediction, truth)
    alone = torch.cat([lpips(prediction[i : i + 1], truth[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(together, alone)


def test_one_layer_alone_is_what_its_formula_says(weights):
    # Only the first layer counts, with weight one on its channel 5: the mean squared difference of unit features.
    chosen = {name: torch.zeros_like(w) if name.startswith("lin") else w for name, w in weights.items()}
    chosen["lin0.model.1.weight"][0, 5] = 1
    one, other = pictures(), pictures().flip(-1)

    def features(x: torch.Tensor) -> torch.Tensor:
        mean, deviation = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
        x = (2 * x - 1 - mean[:, None, None]) / deviation[:, None, None]
        y = torch.conv2d(x, weights["features.0.weight"], weights["features.0.bias"], stride=4, padding=2).relu()
        return torch.nn.functional.normalize(y, dim=1)[:, 5]

    expected = (features(one) - features(other)).pow(2).mean()
    torch.testing.assert_close(Lpips(chosen)(one, other)[0], expected, rtol=1e-4, atol=1e-6)


def test_a_full_mask_changes_nothing_and_a_mask_picks_its_part(lpips):
    truth = pictures(side=64)
    prediction = truth.clone()
    prediction[..., 48:] = 0
    torch.testing.assert_close(lpips(prediction, truth, torch.ones(1, 64, 64)), lpips(prediction, truth))
    left, right = torch.zeros(1, 64, 64), torch.zeros(1, 64, 64)
    left[..., :32], right[..., 32:] = 1, 1
    assert lpips(prediction, truth, left) < 0.5 * lpips(prediction, truth, right)


def test_gradients_reach_the_prediction(lpips):
    prediction = pictures().flip(-1).requires_grad_()
    lpips(prediction, pictures()).sum().backward()
    assert torch.isfinite(prediction.grad).all()
    assert prediction.grad.any()


def test_weights_come_from_a_file(weights, lpips, tmp_path):
    save_file(weights, tmp_path / "weights.safetensors")
    read = Lpips.load(tmp_path / "weights.safetensors")
    torch.testing.assert_close(read(pictures(), pictures().flip(-1)), lpips(pictures(), pictures().flip(-1)))


def test_without_weights_it_is_not_available(tmp_path):
    with pytest.raises(InputError, match=r"LPIPS is not available: .*nothing.safetensors does not exist"):
        Lpips.load(tmp_path / "nothing.safetensors")


def _other_network(path: Path, weights: dict[str, torch.Tensor]) -> None:
    save_file({"features.0.weight": torch.zeros(64, 3, 3, 3)}, path)


def _cut_off(path: Path, weights: dict[str, torch.Tensor]) -> None:
    save_file(weights, path)
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [(_other_network, r"holds no LPIPS weights.*features.0.weight"), (_cut_off, "not a safetensors file")],
)
def test_a_wrong_file_is_refused(spoil, sentence, weights, tmp_path):
    path = tmp_path / "weights.safetensors"
    spoil(path, weights)
    with pytest.raises(InputError, match=sentence) as refusal:
        Lpips.load(path)
    assert str(path) in str(refusal.value)


def test_tiny_pictures_and_empty_masks_are_refused(lpips):
    with pytest.raises(InputError, match="at least 35 x 35 pixels; these are 20 x 20"):
        lpips(pictures(side=20), pictures(side=20))
    with pytest.raises(InputError, match="the mask is empty"):
        lpips(pictures(), pictures(), torch.zeros(1, 48, 48))
