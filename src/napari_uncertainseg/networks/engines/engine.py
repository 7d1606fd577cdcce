"""What runs a network: the interface that sampling and windows work with.

Arrays go in as `place` makes them, numpy arrays or torch tensors, and come out of the same kind; logits are
float32. So a network that OpenVINO runs needs no torch, whose import takes seconds. A run can be stopped:
`check` is called many times a second while the network runs, and what it raises (:class:`Cancelled`) ends
the run at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.engines.class_outputs import ClassOutputs
from napari_uncertainseg.networks.engines.device import Device
from napari_uncertainseg.networks.engines.patches import Patches

if TYPE_CHECKING:
    from torch import nn

Array = Any
"""A numpy array or a torch tensor."""
Check = Callable[[], None]
Encoded = tuple[Any, ...]
"""What an engine's `encode` returned; only the same engine can read it."""


def never() -> None:
    """Let every run end by itself."""


class NotedCheck:
    """A check that knows whether it has ended a run: what else ends one is no wish of the user's.

    Parameters
    ----------
    check
        What is called. What it raises goes on.

    Attributes
    ----------
    ended
        Whether it has raised.
    """

    def __init__(self, check: Callable[[], object]) -> None:
        self._check = check
        self.ended = False

    def __call__(self) -> None:
        """Call it, and note what it raises."""
        try:
            self._check()
        except BaseException:
            self.ended = True
            raise


class Engine(ABC):
    """One network, ready to run.

    Images are float32 (1, channels, z, y, x) on any device; sizes are multiples of `divisor` and at
    least `smallest`. An engine has `heads`; the others only where the model's `Capabilities` say so.

    Parameters
    ----------
    device
        Where it runs.
    divisor, smallest
        Of the sides of an image, voxels.
    width
        Feature maps at full resolution; windows are made as small as the memory for them demands.
    heads_count
        Outputs of one plain pass.
    mask_shapes
        Shapes of the dropout masks that `decode` takes; none where the network's own layers drop: `dropped`.
    patches
        The windows that it runs in; None where they may be as large as the memory allows.

    Attributes
    ----------
    check
        Called while the network runs.
    classes
        What the channels are that `finish` gives, where they are the logits of several classes; None where
        they are a target's.
    """

    def __init__(
        self,
        device: Device,
        *,
        divisor: int = 1,
        smallest: int = 1,
        width: int = 1,
        heads_count: int = 1,
        mask_shapes: tuple[tuple[int, ...], ...] = (),
        patches: Patches | None = None,
    ) -> None:
        self.device = device
        self.divisor, self.smallest = divisor, smallest
        self.width, self.heads_count = width, heads_count
        self.mask_shapes = mask_shapes
        self.patches = patches
        self.check: Check = never
        self.classes: ClassOutputs | None = None

    def place(self, image: np.ndarray) -> Array:
        """Make of an image what this engine takes: a torch tensor on its device, or the numpy array itself.

        Parameters
        ----------
        image
            float32, any shape.
        """
        import torch

        from napari_uncertainseg.networks.engines.cuda import onto

        return onto(torch.from_numpy(image), torch.device(self.device.kind))

    @abstractmethod
    def heads(self, image: Array) -> Array:
        """Logits of the heads.

        Parameters
        ----------
        image
            float32 (1, channels, z, y, x), 0 outside the brain.

        Returns
        -------
        Array
            float32 (heads, z, y, x); the sigmoid makes them a lesion's probability. What another engine
            gives, its `finish` makes such logits of.
        """

    def finish(self, outputs: Array) -> Array:
        """What is done to outputs after windows were averaged: nothing, where they are a target's logits.

        Networks made elsewhere with several classes give a channel for each, and their windows are averaged
        so. This makes the target's logits of them, where `classes` is None.

        Parameters
        ----------
        outputs
            float32 (channels, z, y, x), as `heads`, `layers` or `decode` gave them.

        Returns
        -------
        Array
            float32 (heads, z, y, x); or (classes, z, y, x), see `classes`.
        """
        return outputs

    def plain(self, image: Array) -> Array:
        """The same as `heads`, for the image as it is.

        A network made elsewhere may be shown an image mirrored too by `heads`, which is then a mean.
        """
        return self.heads(image)

    @property
    def network(self) -> nn.Module:
        """The torch network whose modules gradients are asked of; InputError where torch runs none."""
        raise InputError(f"{self.device.name} gives no gradients: torch does.")

    def differentiable(self, image: Array) -> Array:
        """Logits of the target for the image as it is, through which gradients flow.

        Parameters
        ----------
        image
            float32 (1, channels, z, y, x), on the engine's own device.

        Returns
        -------
        Array
            float32 (heads, z, y, x); of a network made elsewhere (1, z, y, x), also where it has classes.

        Raises
        ------
        InputError
            If it is not torch that runs the network.
        """
        raise InputError(f"{self.device.name} gives no gradients: torch does.")

    def layers(self, image: Array) -> Array:
        """Logits of the heads, then of every decoder depth.

        Parameters
        ----------
        image
            As for `heads`.

        Returns
        -------
        Array
            float32 (heads + layers, z, y, x), layers from the finest to the coarsest. Where a model has
            several styles: the heads of all, then the layers of the first style, of the second and so on.
        """
        raise NotImplementedError

    def dropped(self, image: Array, seed: int) -> Array:
        """Outputs of one pass in which the network's own dropout layers drop at random.

        Parameters
        ----------
        image
            As for `heads`.
        seed
            Of what is dropped: the same in all windows of one size.

        Returns
        -------
        Array
            As `plain` gives them.
        """
        raise NotImplementedError

    def encode(self, image: Array) -> Encoded:
        """Run all that does not depend on dropout."""
        raise NotImplementedError

    def decode(self, encoded: Encoded, masks: Sequence[Array]) -> Array:
        """Logits of the heads under dropout masks.

        Parameters
        ----------
        encoded
            What `encode` of this engine returned.
        masks
            One per entry of `mask_shapes`, float32 of that shape.

        Returns
        -------
        Array
            float32 (heads, z, y, x).
        """
        raise NotImplementedError
