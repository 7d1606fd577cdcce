"""Which voxels a network goes by at a lesion: SmoothGrad for an instance (arXiv 2406.09335).

The gradient of the lesion's logits with respect to the scans, averaged over copies of the scans with noise
(SmoothGrad, arXiv 1706.03825). It keeps its sign: a brighter voxel makes the lesion more probable where it is
positive, and less where it is negative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.explain.scene import (
    Field,
    Scene,
    check_region,
    fields_of,
    retry_in_smaller_fields,
)

PASSES = 50
NOISE = 0.05
"""As published: so many copies, whose noise has this share of the FLAIR's range as standard deviation."""
MARGIN_MM = 32.0
"""Around the region; what it leaves out is measured in docs/explain.md."""
Version = Literal["average", "maximum"]


@dataclass(frozen=True)
class SmoothGradSetting:
    """How saliency is computed.

    Attributes
    ----------
    passes
        Copies of the scans.
    noise
        Standard deviation of their noise, as a share of the range of the network's first scan.
    version
        ``"average"``: the gradient of the sum of the region's logits. ``"maximum"``: for each voxel of the
        scans, of the gradients of the region's single logits the one with the largest absolute value; as many
        gradients as the region has voxels.
    seed
        Of the noise.
    margin_mm
        Around the region, of what is shown to a network of ours.
    """

    passes: int = PASSES
    noise: float = NOISE
    version: Version = "average"
    seed: int = 0
    margin_mm: float = MARGIN_MM


@dataclass(frozen=True, eq=False)
class Saliency:
    """The mean of the gradients so far.

    Attributes
    ----------
    passes
        How many copies it is the mean of.
    sigma
        Standard deviation of the noise, in the units of the network's normalised scans.
    margin_mm
        Around the region; smaller than asked for where memory ran out.
    """

    passes: int
    sigma: float
    margin_mm: float
    _shape: tuple[int, int, int]
    _fields: list[Field] = field(repr=False)
    _sums: list[Tensor] = field(repr=False)
    _version: Version = "average"

    def maps(self) -> np.ndarray:
        """Gradients, float32 (channels, z, y, x) on the network's voxels: logits per unit of a scan.

        0 beyond what the network was shown.
        """
        out = np.zeros((len(self._sums[0]), *self._shape), np.float32)
        for one, total in zip(self._fields, self._sums, strict=True):
            part = out[(slice(None), *one.box)]
            mean = (total / self.passes).cpu().numpy()
            if self._version == "average":
                part += mean
            else:
                np.copyto(part, mean, where=np.abs(mean) > np.abs(part))
        return out


def smoothgrad(
    scene: Scene,
    region: np.ndarray,
    setting: SmoothGradSetting | None = None,
    progress: Progress = silent,
) -> Iterator[Saliency]:
    """Saliency of a region, finer with each copy of the scans.

    The score is the mean of the heads' logits, before any recalibration, summed over the region.

    Parameters
    ----------
    scene
        The network and the scans.
    region
        bool (z, y, x): a lesion, a candidate, or any voxels.
    setting
        As published where None.
    progress
        Called many times a second while the network runs forward; what it raises ends the work.

    Yields
    ------
    Saliency
        After each copy, the mean of all so far. It stays valid until the next one is asked for.

    Raises
    ------
    InputError
        If the region is empty, a setting makes no sense, or memory does not suffice for a smaller field
        either.
    """
    setting = setting or SmoothGradSetting()
    if setting.passes < 1 or not setting.noise >= 0:
        raise InputError("Saliency needs one pass or more, and noise of 0 or more.")
    check_region(scene, region)
    yield from retry_in_smaller_fields(
        lambda margin: _passes(scene, region, setting, margin, progress), setting.margin_mm
    )


def noise_sigma(scene: Scene, share: float) -> float:
    """Standard deviation of the noise: a share of the range of the network's first scan."""
    return share * float(scene.image[0].max() - scene.image[0].min())


def _passes(
    scene: Scene, region: np.ndarray, setting: SmoothGradSetting, margin: float, progress: Progress
) -> Iterator[Saliency]:
    fields = fields_of(scene, region, margin)
    sigma = noise_sigma(scene, setting.noise)
    channels = torch.tensor(scene.given).to(scene.engine.device.kind)[:, None, None, None]
    windows = [one.window(scene.image, scene.engine) for one in fields]
    reads = [scene.region_logits(one, mean=True) for one in fields]
    sums = [torch.zeros(0)] * len(fields)
    generator = torch.Generator().manual_seed(setting.seed)
    for done in range(setting.passes):
        stage = f"pass {done + 1} of {setting.passes}"

        def report(share: float = 0.0, done: int = done, stage: str = stage) -> None:
            progress(stage, (done + share) / setting.passes)

        report()
        with scene.checked(report):
            for i, (one, window) in enumerate(zip(fields, windows, strict=True)):
                # a scan that was not given stays 0, as the network learnt it
                noise = torch.randn(window.shape, generator=generator).to(window.device) * channels
                found = _gradient(scene, one, reads[i], window + sigma * noise, setting.version)
                sums[i] = found if done == 0 else sums[i] + found
        yield Saliency(done + 1, sigma, margin, scene.shape, fields, sums, setting.version)
    progress("done", 1.0)


def _gradient(
    scene: Scene, one: Field, read: Callable[[Tensor], Tensor], noisy: Tensor, version: Version
) -> Tensor:
    """Of one window with noise, float32 (channels, z, y, x) of the field's box."""
    leaf = noisy.requires_grad_()
    # Not the leaf itself: a network may begin with a step in place.
    logits = read(leaf * 1)[0]
    inside = (0, slice(None), *one.inside)
    if version == "average":
        (found,) = torch.autograd.grad(logits.sum(), leaf)
        return found[inside].float()
    best = torch.zeros_like(leaf)
    for i, logit in enumerate(logits):
        scene.engine.check()
        (found,) = torch.autograd.grad(logit, leaf, retain_graph=i + 1 < len(logits))
        best = torch.where(found.abs() > best.abs(), found, best)
    return best[inside].float()
