"""The network's promises: parts that add up to the whole, dropout as an input, sizes, scripts."""

import pytest
import torch
from torch.nn import functional as F

from napari_uncertainseg.networks.multihead import MultiHeadUNet
from napari_uncertainseg.networks.normalisation import BatchNorm


@pytest.fixture(params=[False, True], ids=["plain", "thin"])
def network(request) -> MultiHeadUNet:
    torch.manual_seed(0)
    return MultiHeadUNet(3, (4, 6, 8), heads=3, thin=request.param).eval()


def test_a_pass_is_encode_then_decode(network):
    image = torch.randn(2, 3, 16, 12, 20)
    with torch.inference_mode():
        whole, parts = network(image), network.decode(network.encode(image))
    assert whole.shape == (2, 3, 16, 12, 20)
    torch.testing.assert_close(whole, parts)


def test_masks_of_ones_change_nothing_and_masks_of_zeros_do(network):
    image = torch.randn(1, 3, 16, 16, 16)
    with torch.inference_mode():
        laterals = network.encode(image)
        plain = network.decode(laterals)
        ones = network.decode(laterals, [torch.ones(s) for s in network.mask_shapes])
        zeros = network.decode(laterals, [torch.zeros(s) for s in network.mask_shapes])
    torch.testing.assert_close(plain, ones)
    assert (plain - zeros).abs().max() > 1e-3


def test_sampled_masks_keep_the_mean_and_follow_the_seed(network):
    def draw() -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(3)
        return list(network.sample_masks(0.3, batch=500, generator=generator))

    first, second = draw(), draw()
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a, b)
        torch.testing.assert_close(a.unique(), torch.tensor([0.0, 1 / 0.7]))
        assert a.mean() == pytest.approx(1.0, abs=0.05)


def test_fusing_by_addition_equals_convolving_the_concatenation(network):
    stage, lateral = network.decoder[1], network.laterals[1]
    skip, below = torch.randn(1, 6, 8, 8, 8), torch.randn(1, 8, 4, 4, 4)
    with torch.inference_mode():
        weight = torch.cat([lateral.weight, stage.convolution.weight], dim=1)
        joined = F.conv3d(torch.cat([skip, stage.up(below)], dim=1), weight, padding=1)
        expected = stage.activation(stage.norm(joined))
        torch.testing.assert_close(stage(below, lateral(skip)), expected, rtol=1e-4, atol=1e-5)


def test_layers_are_full_size_and_start_with_the_heads_mean(network):
    image = torch.randn(1, 3, 16, 16, 16)
    with torch.inference_mode():
        layers, heads = network.layers(image), network(image)
    assert layers.shape == (1, len(network.features) - 1, 16, 16, 16)
    torch.testing.assert_close(layers[:, :1], heads.mean(dim=1, keepdim=True))


def test_at_first_nothing_is_lesion(network):
    with torch.inference_mode():
        assert torch.sigmoid(network(torch.randn(1, 3, 16, 16, 16))).mean() < 0.05


def test_a_thin_network_sees_every_voxel():
    """Half resolution reads the image through strided kernels: no voxel may fall between them."""
    torch.manual_seed(0)
    network = MultiHeadUNet(1, (2, 4, 4), heads=1, thin=True)
    network.laterals[0].weight.data.zero_()  # leaves only the way through half resolution
    image = torch.randn(1, 1, 8, 8, 8, requires_grad=True)
    network(image).square().sum().backward()
    assert (image.grad.abs() > 0).all()


def test_a_missing_modality_is_zeros_and_gives_finite_answers(network):
    image = torch.randn(1, 3, 16, 16, 16)
    image[:, 1:] = 0
    with torch.inference_mode():
        assert network(image).isfinite().all()


def test_the_norm_does_what_torchs_does():
    torch.manual_seed(1)
    ours, torchs = BatchNorm(6), torch.nn.BatchNorm3d(6, momentum=BatchNorm(6).momentum)
    for norm in (ours, torchs):
        norm.weight.data = torch.linspace(0.5, 2, 6)
        norm.bias.data = torch.linspace(-1, 1, 6)
    for training in (True, True, False):
        x = torch.randn(2, 6, 5, 7, 4) * 3 + 1
        torch.testing.assert_close(ours.train(training)(x), torchs.train(training)(x))
    state = torchs.state_dict()
    del state["num_batches_tracked"]
    torch.testing.assert_close(dict(ours.state_dict()), dict(state))


def test_a_voxel_does_not_depend_on_what_is_far_away():
    torch.manual_seed(2)
    network = MultiHeadUNet(3, (4, 6, 8), 2, thin=True).eval()
    image = torch.randn(1, 3, 16, 16, 64)
    other = image.clone()
    other[..., 56:] += 5
    with torch.inference_mode():
        torch.testing.assert_close(network(image)[..., :8], network(other)[..., :8])
        assert not torch.equal(network(image)[..., 56:], network(other)[..., 56:])
