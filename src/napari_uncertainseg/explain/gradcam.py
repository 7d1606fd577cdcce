"""Where a layer of the network sees a lesion: Grad-CAM++ for an instance (arXiv 1710.11063, 2406.09335)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.explain.saliency import MARGIN_MM
from napari_uncertainseg.explain.scene import Field, Scene, fields_of, retry_in_smaller_fields
from napari_uncertainseg.networks.engines.engine import Engine

_CONVOLUTIONS = (nn.Conv3d, nn.ConvTranspose3d)
_NAMED = 12
"""Stages that an error names."""


@dataclass(frozen=True, eq=False)
class ClassActivation:
    """A Grad-CAM++ map.

    Attributes
    ----------
    map
        float32 (z, y, x) on the network's voxels, 0 or more, without unit: only ratios within it mean
        something. 0 beyond what the network was shown.
    stage
        Name of the module whose activations it weighs.
    margin_mm
        Around the region; smaller than asked for where memory ran out.
    """

    map: np.ndarray
    stage: str
    margin_mm: float


def weighted_activations(
    activations: np.ndarray, gradients: np.ndarray, *, as_monai: bool = False
) -> np.ndarray:
    """Grad-CAM++ of one layer.

    With A an activation and g the gradient of the score: alpha = g^2 / (2 g^2 + g^3 sum A), the sum over the
    channel's voxels; a channel's weight is the sum of alpha max(g, 0); the map is what is positive of the
    weighted sum of the channels. The factor exp(score) of the paper is left out: it is one number for the
    whole map, and of a lesion's summed logits it overflows.

    Parameters
    ----------
    activations, gradients
        (channels, z, y, x).
    as_monai
        Whether alpha is that of MONAI, with which the maps of arXiv 2406.09335 were made: below stands the
        sum of g^3 A, one number for a channel, in place of g^3 times the sum of A.

    Returns
    -------
    numpy.ndarray
        float32 (z, y, x), 0 or more.
    """
    a, g = activations.astype(np.float64), gradients.astype(np.float64)
    cubes = a * g**3 if as_monai else a
    below = 2 * g**2 + cubes.sum(axis=(1, 2, 3), keepdims=True) * (1.0 if as_monai else g**3)
    alpha = g**2 / np.where(below != 0, below, 1.0)
    weights = (alpha * np.maximum(g, 0)).sum(axis=(1, 2, 3))
    return np.maximum(np.einsum("c,czyx->zyx", weights, a), 0).astype(np.float32)


def stages_of(engine: Engine) -> tuple[str, ...]:
    """Names of the modules that Grad-CAM++ can look at, as they stand in the network.

    Of a network of ours the stages of the decoder, the finest first; of others the convolutions, as they are
    declared, from the last to the first.

    Parameters
    ----------
    engine
        Torch runs its network.
    """
    network = engine.network
    decoder = getattr(network, "decoder", None)
    if isinstance(decoder, nn.ModuleList):
        return tuple(f"decoder.{number}" for number in range(len(decoder)))
    found = [name for name, module in network.named_modules() if isinstance(module, _CONVOLUTIONS)]
    return tuple(reversed(found))


def grad_cam_pp(
    scene: Scene,
    region: np.ndarray,
    stage: str | None = None,
    *,
    margin_mm: float = MARGIN_MM,
    as_monai: bool = False,
    progress: Progress = silent,
) -> ClassActivation:
    """Grad-CAM++ of a region at one stage of the network; the score is that of `smoothgrad`.

    Parameters
    ----------
    scene
        The network and the scans.
    region
        bool (z, y, x).
    stage
        One of `stages_of`. If None: of a network of ours the finest stage, of others the last convolution
        that has more outputs than the network.
    margin_mm
        Around the region, of what is shown to a network of ours.
    as_monai
        See `weighted_activations`.
    progress
        Called while the network runs; what it raises ends the work.

    Raises
    ------
    InputError
        If there is no such stage, it does not act on this region, or memory does not suffice.
    """
    known = stages_of(scene.engine)
    if stage is None:
        decoder = isinstance(getattr(scene.engine.network, "decoder", None), nn.ModuleList)
        stage = known[0] if decoder else _last_wide(scene, fields_of(scene, region, margin_mm)[0])
    if stage not in known:
        names = ", ".join(known[:_NAMED])
        raise InputError(f"The network has no stage '{stage}': choose one of {names}.")

    def made(margin: float):  # type: ignore[no-untyped-def]
        yield _map(scene, fields_of(scene, region, margin), stage, as_monai, progress), margin

    found, margin = next(retry_in_smaller_fields(made, margin_mm))
    return ClassActivation(found, stage, margin)


def _last_wide(scene: Scene, one: Field) -> str | None:
    """The last convolution to run that has more outputs than the one that makes the logits."""
    ran: list[tuple[str, int]] = []
    handles = [
        module.register_forward_hook(lambda m, i, o, name=name: ran.append((name, m.out_channels)))
        for name, module in scene.engine.network.named_modules()
        if isinstance(module, _CONVOLUTIONS)
    ]
    try:
        scene.members(one)
    finally:
        for handle in handles:
            handle.remove()
    wide = [name for name, outputs in ran if outputs > ran[-1][1]]
    return wide[-1] if wide else ran[0][0] if ran else None


def _map(scene: Scene, fields: list[Field], stage: str, as_monai: bool, progress: Progress) -> np.ndarray:
    out = np.zeros(scene.shape, np.float32)
    for i, one in enumerate(fields):
        with scene.checked(lambda i=i: progress("Grad-CAM++", i / len(fields))):  # type: ignore[misc]
            activations, gradients = _of_field(scene, one, stage)
        cam = torch.from_numpy(weighted_activations(activations, gradients, as_monai=as_monai))[None, None]
        cam = F.interpolate(cam, size=one.size, mode="trilinear", align_corners=False)[0, 0]
        out[one.box] += cam[one.inside].numpy()
    progress("done", 1.0)
    return out


def _of_field(scene: Scene, one: Field, stage: str) -> tuple[np.ndarray, np.ndarray]:
    """What a stage gives and the gradient there, (channels, z, y, x) each."""
    kept: list[Tensor] = []

    def keep(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        kept.append(output)
        return output * 1  # what follows may work in place

    handle = scene.engine.network.get_submodule(stage).register_forward_hook(keep)
    try:
        window = one.window(scene.image, scene.engine).requires_grad_()
        score = scene.logits(window * 1).mean(dim=0)[one.mask(scene.engine)].sum()
    finally:
        handle.remove()
    (gradient,) = torch.autograd.grad(score, kept[-1:], allow_unused=True) if kept else (None,)
    if gradient is None or gradient.ndim != 5:
        raise InputError(f"The stage '{stage}' does not act on what the network says here: choose another.")
    return kept[-1][0].detach().float().cpu().numpy(), gradient[0].float().cpu().numpy()
