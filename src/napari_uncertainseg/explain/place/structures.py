"""The patient's own ventricles and cortex, from a scan and from where the atlas expects them."""

from __future__ import annotations

from collections.abc import Mapping

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
_LEAST_CONTRAST = 3.0
"""Standard deviations of white matter that lie at least between it and fluid.

6 to 9 on the scans at hand; below 1 where the atlas lay upside down, back to front, or on noise.
"""
_FEWEST = 30
"""Voxels by which a level is known."""
_CORTEX_MM = 3.0
"""Cerebral cortex is 2 to 4 mm thick."""
_ROUND = np.ones((3, 3, 3), bool)


def fluid_share(scan: np.ndarray, brain: np.ndarray, atlas: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """How much like fluid each voxel is: 0 as white matter, 1 as the middle of the ventricles.

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
    numpy.ndarray or None
        float32; None where no ventricle is expected in the scan.

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
    return np.asarray((level - scan) / (level - extreme), np.float32)


def find_ventricles(
    fluid: np.ndarray | None,
    brain: np.ndarray,
    atlas: Mapping[str, np.ndarray],
    spacing: tuple[float, float, float],
) -> np.ndarray:
    """The lateral ventricles: fluid where the atlas expects them rather than other fluid.

    Parameters
    ----------
    fluid
        As `fluid_share` gives it; where it is None, what the atlas has in the scan counts.
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
    could = brain & (fluid > _FLUID) & (here > elsewhere) & (far < _REACH_MM)
    parts, _ = ndimage.label(could, _ROUND)
    begun = np.unique(parts[could & (here > _LEAST_SHARE)])
    core = brain & (expected > 0.7) & (fluid > _FLUID - 0.05)
    return np.asarray(np.isin(parts, begun[begun > 0]) | core)


def find_cortex(
    fluid: np.ndarray | None,
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
        around |= (fluid > 0.5) & ~ndimage.binary_dilation(ventricles, _ROUND)
    near = ndimage.distance_transform_edt(~around, sampling=spacing) <= _CORTEX_MM
    return np.asarray(brain & ~ventricles & ((near & (expected > 0.2)) | (atlas["cortex"] > 0.7)))


def _blurred(share: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    return np.asarray(ndimage.gaussian_filter(share, [_SPREAD_MM / step for step in spacing], mode="nearest"))
