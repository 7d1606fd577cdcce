"""A network of nnU-Net, run as its own predictor does."""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from napari_uncertainseg.networks.engines.device import Device
from napari_uncertainseg.networks.engines.foreign_engine import ForeignEngine
from napari_uncertainseg.networks.engines.patches import Patches

OVERLAP = 0.5


class NnUnetEngine(ForeignEngine):
    """Runs a network in the patches that it was trained with, mirrored as in its trainer.

    Parameters
    ----------
    network
        In eval mode. The engine takes it over.
    device
        Where it runs.
    channels
        That the network gives.
    target
        Numbers of those that make the target.
    patch
        Voxels of a window.
    mirrored
        Axes, counted from 0, along which a window is shown mirrored too; the mean of all is the answer.
    sigmoid
        Whether each channel has a probability of its own.
    """

    def __init__(
        self,
        network: nn.Module,
        device: Device,
        *,
        channels: int,
        target: tuple[int, ...],
        patch: tuple[int, int, int],
        mirrored: tuple[int, ...] = (),
        sigmoid: bool = False,
    ) -> None:
        # nnU-Net's weights end in half precision: its smallest number, of 10 in the centre.
        patches = Patches(
            patch, OVERLAP, spread="even", weights="gaussian", centre="voxel", least=2.0**-24 / 10
        )
        super().__init__(network, device, channels=channels, target=target, patches=patches, sigmoid=sigmoid)
        self._mirrors = [
            tuple(axis + 1 for axis in axes)
            for count in range(1, len(mirrored) + 1)
            for axes in itertools.combinations(mirrored, count)
        ]

    def heads(self, image: Tensor) -> Tensor:
        """Mean output over all ways to mirror, float32 (channels, z, y, x)."""
        total = self.plain(image)
        for axes in self._mirrors:
            total = total + self.plain(image.flip([1 + axis for axis in axes])).flip(axes)
        return total / (1 + len(self._mirrors))

    def plain(self, image: Tensor) -> Tensor:
        """Output for one way to look at the scan."""
        return super().heads(image)
