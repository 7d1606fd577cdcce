"""Dropout layers of networks made elsewhere: what they drop, and that it is known without building them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.engines.dropped_layers import dropped_layers
from napari_uncertainseg.networks.engines.foreign_engine import ForeignEngine
from napari_uncertainseg.networks.formats.monai.architecture import NETWORKS, read_architecture
from napari_uncertainseg.networks.formats.monai.components import Component

LAYERS = [nn.Dropout, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout]


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_drops_as_torch_does_in_training(kind):
    layer, values = kind(0.3).eval(), torch.randn((1, 2000, 2, 2, 1), generator=torch.Generator().manual_seed(1))
    with dropped_layers(layer, 5) as active:
        found = layer(values)
    assert active == [layer] and torch.equal(layer(values), values), "afterwards it passes all on again"
    with torch.random.fork_rng(), pytest.warns() if kind is nn.Dropout2d else pytest.MonkeyPatch.context():
        torch.manual_seed(2)
        theirs = layer.train()(values)
    # what was kept and what was dropped have the same values in both, and much the same share
    fate = [((one / values - 1 / 0.7).abs() < 1e-4) if "Alpha" not in kind.__name__ else one > -1.5 for one in (found, theirs)]
    both = fate[0] & fate[1]
    torch.testing.assert_close(found[both], theirs[both])
    neither = ~fate[0] & ~fate[1]
    torch.testing.assert_close(found[neither], theirs[neither])
    for one in fate:
        assert abs(one.float().mean() - 0.7) < 0.05
    whole = fate[0].flatten(2).float().mean(dim=2)
    assert bool(((whole == 0) | (whole == 1)).all()) == (kind not in (nn.Dropout, nn.AlphaDropout))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv3d(1, 8, 3, padding=1), nn.BatchNorm3d(8), nn.Dropout3d(0.4), nn.ReLU(), nn.Dropout(0.2),
        nn.Conv3d(8, 2, 1),
    ).eval()  # fmt: skip


def test_masks_depend_on_the_seed_alone():
    made = network()
    before, state = {k: v.clone() for k, v in made.state_dict().items()}, torch.get_rng_state()
    engine = ForeignEngine(made, cpu_device(), channels=2, target=(1,), patches=None)
    first, second = torch.randn(2, 1, 1, 6, 7, 5, generator=torch.Generator().manual_seed(3))
    found = [engine.dropped(first, 7), engine.dropped(second, 7)]
    assert torch.equal(engine.dropped(second, 7), found[1]) and torch.equal(engine.dropped(first, 7), found[0])
    assert not torch.equal(engine.dropped(first, 8), found[0])
    assert not torch.equal(engine.heads(first), found[0])
    assert torch.equal(torch.get_rng_state(), state) and not made.training
    assert all(torch.equal(before[name], value) for name, value in made.state_dict().items())
    assert engine.device.library == "torch"


def test_a_network_that_drops_nothing_is_refused():
    plain = nn.Sequential(nn.Conv3d(1, 2, 1), nn.Dropout(0.0)).eval()
    engine = ForeignEngine(plain, cpu_device(), channels=2, target=(1,), patches=None)
    with pytest.raises(InputError, match="no dropout layer that it uses"):
        engine.dropped(torch.zeros(1, 1, 4, 4, 4), 0)


SMALL = {
    "UNet": {"channels": [2, 4], "strides": [2]},
    "Unet": {"channels": [2, 4], "strides": [2]},
    "AttentionUnet": {"channels": [2, 4], "strides": [2]},
    "BasicUNet": {"features": [2, 2, 2, 2, 2, 2]},
    "DynUNet": {"kernel_size": [3, 3, 3], "strides": [1, 2, 2], "upsample_kernel_size": [2, 2], "filters": [2, 4, 4]},
    "SegResNet": {"init_filters": 8},
    "SegResNetDS": {"init_filters": 8},
    "VNet": {},
    "HighResNet": {},
    "UNETR": {"img_size": [16, 16, 16], "hidden_size": 12, "mlp_dim": 12, "num_heads": 2, "feature_size": 2},
    "SwinUNETR": {"feature_size": 12, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 2, 2]},
    "FlexibleUNet": {"backbone": "efficientnet-b0"},
    "MedNeXt": {},
}  # fmt: skip
SAID = [
    ("", {}),
    ("SegResNet", {"dropout_prob": 0.2}),
    ("UNet", {"dropout": 0.1}),
    ("Unet", {"dropout": 1.0}),
    ("AttentionUnet", {"dropout": 0.1}),
    ("BasicUNet", {"dropout": ["alphadropout", {"p": 0.3}]}),
    ("BasicUNet", {"dropout": "alphadropout"}),
    ("DynUNet", {"dropout": ["dropout", {"p": 0.3, "inplace": True}]}),
    ("VNet", {"dropout_prob_down": None, "dropout_prob_up": [None, 0.25]}),
    ("HighResNet", {"dropout_prob": 0.1}),
    ("UNETR", {"dropout_rate": 0.1}),
    ("SwinUNETR", {"drop_rate": 0.1}),
    ("SwinUNETR", {"attn_drop_rate": 0.2}),
    ("FlexibleUNet", {"dropout": 0.1}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "options"), [*((kind, {}) for kind in NETWORKS), *(one for one in SAID if one[0])]
)
def test_what_is_known_of_dropout_before_a_network_is_built_is_what_it_has(kind, options):
    pytest.importorskip("monai")
    usual = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2}
    said = read_architecture(Component(kind, usual | SMALL[kind] | options, "here"), "here")
    with torch.device("meta"):
        made = said.network and said._made()
    rates = [m.p for m in made.modules() if isinstance(m, tuple(LAYERS)) and 0 < m.p < 1]
    if kind == "FlexibleUNet" and not options:
        rates = []  # that of a classifier, which segmentation does not use
    assert said.dropout == max(rates, default=0.0)
