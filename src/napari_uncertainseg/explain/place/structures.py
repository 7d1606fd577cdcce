"""The patient's own ventricles and cortex, from a scan and from where the atlas expects them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from napari_uncertainseg._base import InputError

_SPREAD_MM = 4.0
"""The atlas is blurred so far: about how far off an affine leaves structures."""
_LEAST_SHARE = 0.1
"""Fluid belongs to a ventricle where a part of it is expected by so many, after the blur."""
_REACH_MM = 15.0
"""A ventricle may be so much larger than the atlas's."""
_FLUID = 0.3
"""From so far on the way from white matter to fluid: voxels that are partly fluid count."""
_SURE = 0.5
"""From so far on a voxel is mostly fluid."""
_PARTLY = 2
"""Voxels that are partly fluid lie so near to one that mostly is; nuclei rich in iron do not."""
_NOISE = 2.5
"""Standard deviations of white matter by which fluid differs at least, so that noise is no fluid."""
_SMALLEST_MM3 = 50.0
"""Parts that are smaller are no part of a ventricle."""
_LEAST_CONTRAST = 3.0
"""Standard deviations of white matter that lie at least between it and fluid.

6 to 9 on the scans at hand; below 1 where the atlas lay upside down, back to front, or on noise.
"""
_FEWEST = 30
"""Voxels by which a level is known."""
_CORTEX_MM = 3.0
"""Cerebral cortex is 2 to 4 mm thick."""
_ROUND = np.ones((3, 3, 3), bool)


class Fluid(NamedTuple):
    """How much like fluid voxels are, float32: 0 as white matter, 1 as the middle of the ventricles."""

    share: np.ndarray
    least: float
    """From which on a voxel is partly fluid."""


def find_fluid(scan: np.ndarray, brain: np.ndarray, atlas: Mapping[str, np.ndarray]) -> Fluid | None:
    """How much like fluid each voxel is, by what the scan shows where the atlas has the ventricles.

    Fluid may be dark (FLAIR, T1) or bright (T2).

    Parameters
    ----------
    scan
        float32.
    brain
        bool, of the same shape.
    atlas
        Shares of `atlas.STRUCTURES` on the same voxels.

    Returns
    -------
    Fluid or None
        None where no ventricle is expected in the scan.

    Raises
    ------
    InputError
        If there is no fluid where the atlas expects the ventricles: then it does not fit.
    """
    white = scan[brain & (atlas["white_matter"] > 0.8)]
    fluid = scan[brain & (atlas["ventricle"] > 0.8)]
    if len(white) < _FEWEST or len(fluid) < _FEWEST:
        return None
    level, middle = float(np.median(white)), float(np.median(fluid))
    noise = 1.4826 * float(np.median(np.abs(white - level)))
    if abs(level - middle) < _LEAST_CONTRAST * noise or level == middle:
        raise InputError("there is no fluid where it has the ventricles")
    extreme = float(np.percentile(fluid, 25 if middle < level else 75))  # the rest may be choroid plexus
    share = np.asarray((level - scan) / (level - extreme), np.float32)
    return Fluid(share, max(_FLUID, _NOISE * noise / abs(level - extreme)))


def find_ventricles(
    fluid: Fluid | None,
    brain: np.ndarray,
    atlas: Mapping[str, np.ndarray],
    spacing: tuple[float, float, float],
) -> np.ndarray:
    """The lateral ventricles: fluid where the atlas expects them rather than other fluid.

    Parameters
    ----------
    fluid
        As `find_fluid` gives it; where it is None, what the atlas has in the scan counts.
    brain, atlas
        As there.
    spacing
        mm.

    Returns
    -------
    numpy.ndarray
        bool.
    """
    expected = atlas["ventricle"]
    if fluid is None:
        return np.asarray(brain & (expected > 0.5))
    here, elsewhere = (_blurred(atlas[name], spacing) for name in ("ventricle", "fluid"))
    far = ndimage.distance_transform_edt(expected < 0.3, sampling=spacing)
    could = brain & (fluid.share > fluid.least) & (here > elsewhere) & (far < _REACH_MM)
    sure = could & (fluid.share > _SURE)
    could &= ndimage.binary_dilation(sure, _ROUND, iterations=_PARTLY)
    parts, count = ndimage.label(could, _ROUND)
    kept = np.bincount(parts.ravel(), minlength=count + 1) * np.prod(spacing) >= _SMALLEST_MM3
    begun = np.zeros(count + 1, bool)
    begun[parts[sure & (here > _LEAST_SHARE)]] = True
    core = brain & (expected > 0.7) & (fluid.share > fluid.least)
    return np.asarray((kept & begun)[parts] | core)


def find_cortex(
    fluid: Fluid | None,
    ventricles: np.ndarray,
    brain: np.ndarray,
    atlas: Mapping[str, np.ndarray],
    spacing: tuple[float, float, float],
) -> np.ndarray:
    """Cerebral cortex: where the atlas expects it, near fluid or the brain's edge.

    Parameters
    ----------
    fluid, brain, atlas, spacing
        As for `find_ventricles`.
    ventricles
        Those that it found.

    Returns
    -------
    numpy.ndarray
        bool.
    """
    expected = _blurred(atlas["cortex"], spacing)
    around = ~brain
    if fluid is not None:
        around |= (fluid.share > 0.5) & ~ndimage.binary_dilation(ventricles, _ROUND)
    near = ndimage.distance_transform_edt(~around, sampling=spacing) <= _CORTEX_MM
    return np.asarray(brain & ~ventricles & ((near & (expected > 0.2)) | (atlas["cortex"] > 0.7)))


def _blurred(share: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    return np.asarray(ndimage.gaussian_filter(share, [_SPREAD_MM / step for step in spacing], mode="nearest"))
