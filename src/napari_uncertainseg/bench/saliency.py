"""Rows on the saliency of one lesion."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from napari_uncertainseg.bench.scene import Scene
from napari_uncertainseg.bench.timing import Row, faster, times
from napari_uncertainseg.explain import scene as explained
from napari_uncertainseg.explain.saliency import MARGIN_MM, PASSES, SmoothGradSetting, smoothgrad
from napari_uncertainseg.networks.engines.device import choose_device

_WHOLE, _FIRST = 60.0, 5.0
"""The aims: all passes, and the first picture, s."""
_SIDE = 3
"""Of the lesion, voxels: one of 27 mm3."""


def rows(scene: Scene) -> list[Row]:
    """Measure one pass, against the plain way, and all passes and the first picture, against the aims."""
    shown, region = _explained(scene)
    (field,) = explained.fields_of(shown, region, MARGIN_MM)

    def plain() -> None:
        window = field.window(shown.image, shown.engine).requires_grad_()
        score = shown.logits(window * 1).mean(dim=0)[field.mask(shown.engine)].sum()
        torch.autograd.grad(score, window)

    def one_pass() -> None:
        next(smoothgrad(shown, region, SmoothGradSetting(passes=1)))

    own, other = _both(one_pass, scene.repeats), _both(plain, scene.repeats)
    sides = "x".join(map(str, field.size))
    what = f"saliency of a lesion, one pass, a field of {sides} voxels, processor time"
    return [
        faster(what, "the gradient through all of the network", own[1], other[1], 3),
        _against("the same, 50 passes", PASSES * own[0], PASSES * own[1], _WHOLE),
        _against("the same, first picture", own[0], own[1], _FIRST),
    ]


def _explained(scene: Scene) -> tuple[explained.Scene, np.ndarray]:
    """The model's first network, and a small cube in the middle of the brain."""
    device = replace(choose_device(), library="torch", precision="float32")
    engine = scene.model.engine(device, 0)
    names = scene.model.modalities
    nothing = np.zeros(scene.shape, np.float32)
    channels = [scene.images[name].data if name in scene.images else nothing for name in names]
    image = np.stack([_standardised(np.asarray(one, np.float32)) for one in channels])
    region = np.zeros(scene.shape, bool)
    region[tuple(slice(n // 2, n // 2 + _SIDE) for n in scene.shape)] = True
    return explained.Scene(engine, image, names), region


def _standardised(scan: np.ndarray) -> np.ndarray:
    """Mean 0 and deviation 1 in the brain, which is enough to take time."""
    inside = scan != 0
    if not inside.any():
        return scan
    return np.where(inside, (scan - scan[inside].mean()) / max(float(scan[inside].std()), 1e-6), 0)


def _both(function: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Median time on the clock and of the processors, s."""
    spent: list[float] = []

    def run() -> None:
        start = time.process_time()
        function()
        spent.append(time.process_time() - start)

    clock = times(run, repeats)
    return statistics.median(clock), statistics.median(spent[1:])


def _against(what: str, clock: float, spent: float, aim: float) -> Row:
    detail = f"{clock:.1f} s, {spent:.1f} s of processor time"
    return Row(what, f"the aim of {aim:.0f} s", clock / aim, 1, False, detail)
