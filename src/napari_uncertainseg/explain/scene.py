"""What is explained: a network that torch runs, and what it reads of one visit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import Box, bounding_box
from napari_uncertainseg.explain.region_network import RegionNetwork
from napari_uncertainseg.inference.tiling import is_out_of_memory
from napari_uncertainseg.networks.engines.engine import Check, Engine, never
from napari_uncertainseg.networks.recalibration import LogitLine

T = TypeVar("T")
_LEAST_MARGIN = 4.0
"""A field that is tried after memory ran out reaches at least as far around the region, mm."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One network and what it reads of one visit.

    Attributes
    ----------
    engine
        Torch runs its network, in float32.
    image
        float32 (channels, z, y, x), as the network reads it; a scan that was not given is 0.
    modalities
        Names of the channels.
    spacing
        Size of the network's voxels, mm.
    threshold
        Probability at and above which a voxel is lesion.
    heads
        Which of the outputs are meant: those of the styles that are used.
    line
        How logits become probabilities, with the model's temperature.
    ours
        Whether the scans are normalised as our networks read them.
    """

    engine: Engine
    image: np.ndarray
    modalities: tuple[str, ...]
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    threshold: float = 0.5
    heads: slice = field(default_factory=lambda: slice(None))
    line: LogitLine = LogitLine()  # noqa: RUF009 - frozen
    ours: bool = True

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels that the network reads."""
        z, y, x = self.image.shape[1:]
        return z, y, x

    @property
    def given(self) -> tuple[bool, ...]:
        """Which of the channels hold a scan."""
        return tuple(bool(channel.any()) for channel in self.image)

    @contextmanager
    def checked(self, check: Check) -> Iterator[None]:
        """Call a function often while the network runs; what it raises ends the run."""
        self.engine.check = check
        try:
            yield
        finally:
            self.engine.check = never

    def logits(self, window: Tensor) -> Tensor:
        """Logits of the heads that are meant, through which gradients flow.

        Parameters
        ----------
        window
            float32 (1, channels, z, y, x), from `Field.window`.

        Returns
        -------
        Tensor
            float32 (heads, z, y, x).
        """
        return self.engine.differentiable(window)[self.heads]

    def region_logits(self, shown: Field, *, mean: bool = False) -> Callable[[Tensor], Tensor]:
        """What finds the logits of a field's region, again and again for other scans in it.

        Parameters
        ----------
        shown
            Where.
        mean
            Whether the mean of the heads is found in place of each.

        Returns
        -------
        Callable
            Of a window, float32 (1, channels, z, y, x), it gives float32 (heads, voxels of the region),
            through which gradients flow. Of a network of ours only what the region depends on is computed.
        """
        mask = shown.mask(self.engine)
        z, y, x = bounding_box(mask.cpu().numpy())
        quick = RegionNetwork.of(self.engine, (z, y, x), shown.size, self.heads, mean=mean)
        if quick is not None:
            voxels = mask[z, y, x]
            return lambda window: quick(window)[0][:, voxels]

        def whole(window: Tensor) -> Tensor:
            logits = self.logits(window)
            return (logits.mean(dim=0, keepdim=True) if mean else logits)[:, mask]

        return whole

    def probabilities(self, logits: Tensor) -> np.ndarray:
        """Probabilities of logits, with the model's temperature and shift, float32 of their shape."""
        moved = logits / self.line.temperature + self.line.shift
        return moved.sigmoid().float().cpu().numpy()

    def members(self, shown: Field, image: np.ndarray | None = None) -> np.ndarray:
        """Probabilities of the heads within a field.

        Parameters
        ----------
        shown
            Where.
        image
            Other scans in it, float32 (channels, z, y, x) of the field's shape; its own if None.

        Returns
        -------
        numpy.ndarray
            float32 (heads, z, y, x) of the field's shape.
        """
        with torch.inference_mode():
            logits = self.logits(shown.window(self.image if image is None else None, self.engine, image))
            return self.probabilities(logits[(slice(None), *shown.inside)])


@dataclass(frozen=True, eq=False)
class Field:
    """A part of the image that the network is shown, and what of the region it is asked about.

    Attributes
    ----------
    box
        Of the image.
    region
        bool, the shape of the box.
    size
        Voxels of the window, as the network takes it: zeros fill what the box lacks.
    before
        Zeros before the box along each axis.
    """

    box: Box
    region: np.ndarray
    size: tuple[int, int, int]
    before: tuple[int, int, int] = (0, 0, 0)

    @property
    def inside(self) -> Box:
        """The part of the window that is no filling."""
        a, b, c = (slice(n, n + m) for n, m in zip(self.before, self.region.shape, strict=True))
        return a, b, c

    def window(self, image: np.ndarray | None, engine: Engine, part: np.ndarray | None = None) -> Tensor:
        """The window, float32 (1, channels, z, y, x), of an image, or of what stands in for it in the box."""
        cut = np.ascontiguousarray(image[(slice(None), *self.box)]) if image is not None else part
        assert cut is not None
        sides = [(a, size - a - n) for a, n, size in zip(self.before, cut.shape[1:], self.size, strict=True)]
        shown = torch.from_numpy(np.asarray(cut, np.float32)).to(engine.device.kind)
        return F.pad(shown, (*sides[2], *sides[1], *sides[0]))[None]

    def mask(self, engine: Engine) -> Tensor:
        """The region in the window, bool of its size."""
        out = torch.zeros(self.size, dtype=torch.bool)
        out[self.inside] = torch.from_numpy(self.region)
        return out.to(engine.device.kind)


def fields_of(scene: Scene, region: np.ndarray, margin_mm: float) -> list[Field]:
    """What the network is shown to explain a region.

    A network of ours is shown the region and a margin, on the grid of its own strides, so that its deep
    features are those of the whole scan. One that was trained in patches is shown patches of that size: one
    with the region in its middle, or as many side by side as a large region needs. Any other is shown all.

    Parameters
    ----------
    scene
        The network and the scans.
    region
        bool (z, y, x), of the image's shape.
    margin_mm
        Around it.

    Raises
    ------
    InputError
        If the region is empty or has another shape.
    """
    check_region(scene, region)
    found = bounding_box(region)
    if scene.engine.patches is not None:
        return _patches(scene.shape, region, found, scene.engine.patches.size)
    divisor, least = scene.engine.divisor, scene.engine.smallest
    if divisor == 1:  # nothing is known of its strides
        whole = tuple(slice(0, n) for n in scene.shape)
        return [Field(whole, region, scene.shape)]  # type: ignore[arg-type]
    box, size = [], []
    for one, n, step in zip(found, scene.shape, scene.spacing, strict=True):
        margin = int(np.ceil(margin_mm / step))
        start = max(0, one.start - margin) // divisor * divisor
        stop = min(n, one.stop + margin)
        sides = max(-(-(stop - start) // divisor) * divisor, -(-least // divisor) * divisor)
        box.append(slice(start, min(n, start + sides)))
        size.append(sides)
    a, b, c = box
    return [Field((a, b, c), region[a, b, c], (size[0], size[1], size[2]))]


def _patches(
    shape: tuple[int, int, int], region: np.ndarray, found: Box, size: tuple[int, int, int]
) -> list[Field]:
    """Patches that together hold the region, none of it twice; what the image lacks is filled with zeros."""
    fields = []
    counts = [-(-(one.stop - one.start) // side) for one, side in zip(found, size, strict=True)]
    for place in np.ndindex(*counts):
        box, part, before = [], [], []
        for i, one, side, n, count in zip(place, found, size, shape, counts, strict=True):
            length = -(-(one.stop - one.start) // count)
            first, last = one.start + i * length, min(one.stop, one.start + (i + 1) * length)
            start = max(0, min((first + last - side) // 2, n - side))
            box.append(slice(start, min(n, start + side)))
            part.append(slice(first - start, last - start))
            before.append(max(0, side - n) // 2)
        asked = np.zeros([one.stop - one.start for one in box], bool)
        asked[tuple(part)] = region[tuple(box)][tuple(part)]
        if asked.any():
            a, b, c = box
            fields.append(Field((a, b, c), asked, size, (before[0], before[1], before[2])))
    return fields


def check_region(scene: Scene, region: np.ndarray) -> None:
    """Refuse a region that is no mask of the image's shape, or empty."""
    if region.dtype != bool or region.shape != scene.shape:
        raise InputError(
            f"The region should be a mask of {scene.shape} voxels, not {region.dtype} of {region.shape}."
        )
    if not region.any():
        raise InputError("The region is empty: name a lesion, or paint one voxel or more inside the brain.")


def smaller_margins(margin_mm: float) -> list[float]:
    """Margins to try one after the other when memory runs out, mm."""
    margins = [margin_mm]
    while margins[-1] / 2 >= _LEAST_MARGIN:
        margins.append(margins[-1] / 2)
    return margins


def retry_in_smaller_fields(task: Callable[[float], Iterator[T]], margin_mm: float) -> Iterator[T]:
    """Give what a task gives; when memory runs out, anew with half the margin around the region.

    Parameters
    ----------
    task
        Called with the margin, mm.
    margin_mm
        The first one.

    Raises
    ------
    InputError
        If memory runs out with the smallest field too.
    """
    for margin in smaller_margins(margin_mm):
        try:
            yield from task(margin)
            return
        except Exception as error:
            if not is_out_of_memory(error):
                raise
    raise InputError(
        "There is not enough free memory to explain this region, also with little around it: close other "
        "programs, or choose a smaller region."
    )
