"""Dropout layers of networks made elsewhere: what they drop, and that it is known without building them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.engines.dropped_layers import dropped_layers
from napari_uncertainseg.networks.engines.foreign_engine import ForeignEngine
from napari_uncertainseg.networks.engines.patches import Patches
from napari_uncertainseg.networks.formats.monai.architecture import (
    NETWORKS,
    _lines_on_cpu,
    read_architecture,
)
from napari_uncertainseg.networks.formats.monai.components import Component

LAYERS = [nn.Dropout, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout]


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_drops_as_torch_does_in_training(kind):
    shape = (1, 2000, 2, 3) if kind is nn.Dropout2d else (1, 2000, 2, 3, 1)
    layer, values = kind(0.3).eval(), torch.randn(shape, generator=torch.Generator().manual_seed(1))
    with dropped_layers(layer, 5) as active:
        found = layer(values)
    assert active == [layer] and torch.equal(layer(values), values), "afterwards it passes all on again"
    with torch.random.fork_rng():
        torch.manual_seed(2)
        theirs = layer.train()(values)
    gone = theirs.mode(dim=1).values.mode().values.unique()[0]  # the one value that many voxels have
    drops = [(one - gone).abs() < 1e-5 for one in (found, theirs)]
    assert all(abs(one.float().mean() - 0.3) < 0.05 for one in drops)
    kept = ~(drops[0] | drops[1])
    torch.testing.assert_close(found[kept], theirs[kept])
    share = drops[0].flatten(2).float().mean(dim=2)
    assert bool(((share == 0) | (share == 1)).all()) == (kind not in (nn.Dropout, nn.AlphaDropout))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv3d(1, 8, 3, padding=1), nn.BatchNorm3d(8), nn.Dropout3d(0.4), nn.ReLU(), nn.Dropout(0.2),
        nn.Conv3d(8, 2, 1),
    ).eval()  # fmt: skip


def test_masks_depend_on_the_seed_alone():
    made = network()
    before, state = {k: v.clone() for k, v in made.state_dict().items()}, torch.get_rng_state()
    patches = Patches((32, 32, 32), 0.5)  # large enough to be converted
    engine = ForeignEngine(made, cpu_device(), channels=2, target=(1,), patches=patches)
    first, second = torch.randn(2, 1, 1, 6, 7, 5, generator=torch.Generator().manual_seed(3))
    found = [engine.dropped(first, 7), engine.dropped(second, 7)]
    assert torch.equal(engine.dropped(second, 7), found[1]) and torch.equal(
        engine.dropped(first, 7), found[0]
    )
    assert not torch.equal(engine.dropped(first, 8), found[0])
    assert engine.device.library == "torch", "what is told is what was used"
    assert not torch.equal(engine.heads(first), found[0])
    assert torch.equal(torch.get_rng_state(), state) and not made.training
    assert all(torch.equal(before[name], value) for name, value in made.state_dict().items())


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
    "DynUNet": {
        "kernel_size": [3, 3, 3], "strides": [1, 2, 2], "upsample_kernel_size": [2, 2], "filters": [2, 4, 4],
    },
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
    with torch.device("meta"), _lines_on_cpu():
        made = dict(said._made().named_modules())
    made.pop("encoder._dropout", None)  # of a classifier, which a FlexibleUNet does not use
    rates = [m.p for m in made.values() if isinstance(m, tuple(LAYERS)) and 0 < m.p < 1]
    assert said.dropout == max(rates, default=0.0)
