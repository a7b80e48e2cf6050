from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from headfield.fields import weights
from headfield.photo.normal_network import EFFICIENTNET_B1, NormalNetwork, NormalNetworkSettings

TINY = NormalNetworkSettings(widths=(8, 8, 16), depths=(1, 1, 2), decoder_widths=(8, 8))


def tiny(settings: NormalNetworkSettings = TINY) -> NormalNetwork:
    torch.manual_seed(0)
    return NormalNetwork(settings).eval()


@pytest.mark.parametrize("convolution", ["dense", "depthwise"])
@pytest.mark.parametrize("size", [(32, 32), (1, 1), (33, 70), (20, 100)])
def test_a_picture_of_any_size_gets_unit_normals_of_that_size(size, convolution):
    normals, mask = tiny(replace(TINY, convolution=convolution))(torch.rand(2, 3, *size))
    assert normals.shape == (2, 3, *size)
    assert mask.shape == (2, *size)
    torch.testing.assert_close(normals.norm(dim=1), torch.ones(2, *size))


def test_a_picture_means_the_same_whatever_is_looked_at_beside_it():
    network, pictures = tiny(), torch.rand(3, 3, 64, 64)
    with torch.no_grad():
        together = network(pictures)[0]
        alone = torch.cat([network(picture[None])[0] for picture in pictures])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_a_network_that_has_nothing_to_add_sees_what_its_guide_shows():
    network, guides = tiny(), torch.nn.functional.normalize(torch.randn(2, 3, 64, 64), dim=1)
    torch.nn.init.zeros_(network.head[-1].weight)
    torch.nn.init.zeros_(network.head[-1].bias)
    normals, _ = network(torch.rand(2, 3, 64, 64), guides)
    torch.testing.assert_close(normals, guides)


def test_a_saved_network_sees_the_same(tmp_path):
    network, pictures = tiny(), torch.rand(1, 3, 32, 32)
    weights.save(tmp_path / "it.safetensors", {"normals": network})
    again = weights.load(tmp_path / "it.safetensors", {"normals": NormalNetwork}).part("normals", NormalNetwork)
    torch.testing.assert_close(again.eval()(pictures), network(pictures), atol=1e-6, rtol=0)


def test_the_network_that_is_taught_stays_small():
    with torch.device("meta"):
        small, large = NormalNetwork(NormalNetworkSettings()), NormalNetwork(EFFICIENTNET_B1)
    assert sum(p.numel() for p in small.parameters()) < 4e6 < sum(p.numel() for p in large.parameters())


@pytest.mark.parametrize(
    "change", [{"depths": (1, 1)}, {"widths": (8,), "depths": (1,), "decoder_widths": ()}, {"widths": (8, 0, 8)}]
)
def test_what_cannot_be_a_network_is_refused(change):
    with pytest.raises(ValueError, match="widths"):
        replace(TINY, **change)
