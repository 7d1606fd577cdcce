"""What a stage of the network sees in a lesion: its activations, averaged over the lesion's voxels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.explain.gradcam import stages_of
from napari_uncertainseg.explain.scene import Field, Scene, fields_of, retry_in_smaller_fields
from napari_uncertainseg.explain.voxels import VoxelMap

MARGIN_MM = 32.0
_CHUNK = 100_000
"""Voxels whose activations are looked up at once."""
_NAMED = 12


@dataclass(frozen=True, eq=False)
class PooledStage:
    """Activations of regions.

    Attributes
    ----------
    features
        float32 (regions, channels).
    voxels
        int64 (regions,): how many voxels of the scan each mean is of; 0 where the network saw none, the
        features being 0 then.
    """

    features: np.ndarray
    voxels: np.ndarray


class _Reached(Exception):
    """The stage has run; what comes after it is not needed."""


def chosen_stage(scene: Scene, stage: str | None) -> str:
    """The stage that is meant: of our networks the second deepest of the encoder, if none is named.

    Its voxels are 8 mm large, so that a lesion is seen with what is around it.

    Raises
    ------
    InputError
        If the network has no such stage, or is none of ours and no stage was named.
    """
    network = scene.engine.network
    encoder = getattr(network, "encoder", None)
    levels = len(encoder) if isinstance(encoder, nn.ModuleList) else 0
    if stage is None and levels:
        return f"encoder.{max(0, levels - 2)}"
    if stage and stage in dict(network.named_modules()):
        return stage
    own = tuple(f"encoder.{i}" for i in range(levels))
    names = ", ".join((*own, *stages_of(scene.engine))[:_NAMED])
    wrong = "This network is none of ours" if stage is None else f"The network has no stage '{stage}'"
    raise InputError(f"{wrong}: name a stage, such as {names}.")


def pooled_stage(
    scene: Scene,
    voxels: VoxelMap,
    labels: np.ndarray,
    count: int,
    stage: str,
    *,
    progress: Progress = silent,
) -> PooledStage:
    """Mean activations of a stage over labelled regions, each voxel of the scan interpolated linearly.

    Parameters
    ----------
    scene
        The network and the scans.
    voxels
        Where the scan's voxels lie among the network's.
    labels
        Whole numbers on the scan's grid, 1 to `count`; 0 is no region.
    count
        Number of regions.
    stage
        Name of a module of the network.
    progress
        Called while the network runs; what it raises ends the work.

    Raises
    ------
    InputError
        If the stage is no map in 3-D, or memory does not suffice.
    """
    own = labels[voxels.source.box][voxels.source.inside].astype(np.int64)
    chosen = own > 0
    if not chosen.any():
        return PooledStage(np.zeros((count, 0), np.float32), np.zeros(count, np.int64))
    places, number = voxels.places[:, chosen].T, own[chosen] - 1
    last = np.array(scene.shape) - 1
    nearest = np.clip(np.rint(places).astype(np.int64), 0, last)
    region = np.zeros(scene.shape, bool)
    region[tuple(nearest.T)] = True

    def made(margin: float) -> Iterator[PooledStage]:
        yield _pooled(
            scene, fields_of(scene, region, margin), stage, places, nearest, number, count, progress
        )

    return next(retry_in_smaller_fields(made, MARGIN_MM))


def _pooled(
    scene: Scene,
    fields: list[Field],
    stage: str,
    places: np.ndarray,
    nearest: np.ndarray,
    number: np.ndarray,
    count: int,
    progress: Progress,
) -> PooledStage:
    total, voxels = torch.zeros(count, 0), torch.zeros(count, dtype=torch.int64)
    for i, field in enumerate(fields):
        start = np.array([one.start for one in field.box])
        local = nearest - start
        inside = np.all((local >= 0) & (local < field.region.shape), axis=1)
        inside[inside] = field.region[tuple(local[inside].T)]  # patches may overlap; the region does not
        if not inside.any():
            continue
        with scene.checked(lambda i=i: progress("reading the encoder", i / len(fields))):  # type: ignore[misc]
            activations = _activations(scene, field, stage)
        if not total.shape[1]:
            total = torch.zeros(count, activations.shape[0], dtype=torch.float64)
        at, whose = places[inside] - start + field.before, torch.from_numpy(number[inside])
        for values, part in activations_at(activations, at, field.size):
            total.index_add_(0, whose[part], values)
        voxels += torch.bincount(whose, minlength=count)
    features = total / voxels.clamp(min=1)[:, None]
    return PooledStage(features.numpy().astype(np.float32), voxels.numpy())


def _activations(scene: Scene, field: Field, stage: str) -> Tensor:
    """What a stage gives for a field, float32 (channels, z, y, x)."""
    kept: list[Tensor] = []

    def keep(module: nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            kept.append(output.detach().float().cpu().clone())
        raise _Reached

    handle = scene.engine.network.get_submodule(stage).register_forward_hook(keep)
    try:
        with torch.inference_mode():
            scene.logits(field.window(scene.image, scene.engine))
    except _Reached:
        pass
    finally:
        handle.remove()
    if not kept or kept[0].ndim != 5:
        raise InputError(f"The stage '{stage}' gives no map in 3-D here: choose another.")
    return kept[0][0]


def activations_at(
    activations: Tensor, places: np.ndarray, size: tuple[int, int, int]
) -> Iterator[tuple[Tensor, slice]]:
    """Activations at places of a window, interpolated linearly.

    Parameters
    ----------
    activations
        (channels, z, y, x) of a stage.
    places
        float (places, 3), voxels of the window.
    size
        Of the window.

    Yields
    ------
    tuple
        float64 (places of a part, channels), and which part of the places it is.
    """
    # -1 to 1 from border to border of the window, whatever the stage's stride; x comes first.
    scaled = (2 * (places + 0.5) / np.array(size) - 1)[:, ::-1].astype(np.float32)
    for first in range(0, len(scaled), _CHUNK):
        part = slice(first, first + _CHUNK)
        grid = torch.from_numpy(np.ascontiguousarray(scaled[part]))[None, None, None]
        found = F.grid_sample(activations[None], grid, padding_mode="border", align_corners=False)
        yield found[0, :, 0, 0].T.double(), part
