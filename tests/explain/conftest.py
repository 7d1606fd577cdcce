"""Networks that are small enough to be known by heart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_uncertainseg.explain.scene import Scene
from napari_uncertainseg.networks.engines.device import Device
from napari_uncertainseg.networks.engines.foreign_engine import ForeignEngine
from napari_uncertainseg.networks.engines.patches import Patches

CPU = Device("cpu", "torch", "float32", 1)


def make_scene(network: nn.Module, shape=(9, 8, 10), channels=3, patch=None, outputs=1, seed=0) -> Scene:
    """A scene of a network made elsewhere, and scans of noise."""
    patches = None if patch is None else Patches(patch)
    engine = ForeignEngine(
        network.eval(), CPU, channels=outputs, target=(outputs - 1,), patches=patches, sigmoid=outputs == 1
    )
    image = np.random.default_rng(seed).standard_normal((channels, *shape)).astype(np.float32)
    return Scene(engine, image, ("flair", "t1", "t2")[:channels])


def box_mask(shape, *slices) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[slices] = True
    return mask


@pytest.fixture
def linear() -> nn.Module:
    torch.manual_seed(1)
    return nn.Conv3d(3, 1, 3, padding=1)


@pytest.fixture
def curved() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv3d(3, 4, 3, padding=1),
        nn.Softplus(),
        nn.Conv3d(4, 3, 3, padding=1),
        nn.Tanh(),
        nn.Conv3d(3, 1, 1),
    )
