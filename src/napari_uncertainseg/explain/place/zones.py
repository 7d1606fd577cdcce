"""Zones of a brain: what lies how far from the ventricles, the cortex and the brain's edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg._checks import as_mask, check_same_shape
from napari_uncertainseg.explain.place.atlas import Atlas, read_atlas
from napari_uncertainseg.explain.place.registration import affine_between
from napari_uncertainseg.explain.place.structures import find_cortex, find_fluid, find_ventricles
from napari_uncertainseg.explain.place.working_grid import WorkingGrid
from napari_uncertainseg.images.resample import isotropic, resample_to
from napari_uncertainseg.images.volume import Volume

_SPACING = 2.0
_TEMPLATE_BRAIN = 20
"""The template's brain is brighter, of 255."""
_LEAST_DICE = 0.85
_STRETCHES = (0.75, 1.45)
"""How much the atlas may be stretched or shrunk in any direction."""
_SMALLEST_ML = 50.0
"""Less of a brain says too little about where it belongs."""
_ROUND = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, eq=False)
class BrainZones:
    """Distances in a brain, on blocks of the scan's voxels. All are gaps: 0 where voxels touch.

    Attributes
    ----------
    working
        The blocks.
    to_edge
        float32, mm to what is outside the brain.
    to_ventricle, to_cortex
        float32, mm to the lateral ventricles and to the cerebral cortex; NaN outside the brain, and all
        NaN where they are not known or not in the scan.
    infratentorial
        bool: brainstem and cerebellum.
    ventricles, cortex
        bool, as they were found.
    problem
        A sentence that says why places are unknown; empty where they are known.
    """

    working: WorkingGrid
    to_edge: np.ndarray
    to_ventricle: np.ndarray
    to_cortex: np.ndarray
    infratentorial: np.ndarray
    ventricles: np.ndarray
    cortex: np.ndarray
    problem: str = ""


def find_zones(scan: Volume, brain: np.ndarray, progress: Progress = silent) -> BrainZones:
    """Find the zones of a brain by the atlas, and by its own ventricles and sulci.

    Parameters
    ----------
    scan
        FLAIR, or another scan on which fluid stands out. With or without skull, any grid.
    brain
        Mask on its grid.
    progress
        Told now and then; may raise ``Cancelled``.

    Returns
    -------
    BrainZones
        With a `problem` where the atlas does not fit.

    Raises
    ------
    InputError
        If the mask does not lie on the scan, or is empty.
    Cancelled
        As ``progress`` raises it.
    """
    brain = as_mask(brain, "The brain mask")
    check_same_shape("The brain mask", brain.shape, "the scan", scan.grid.shape)
    if not brain.any():
        raise InputError("The brain mask is empty, so that no place in the brain is known.")
    working = WorkingGrid.around(brain, scan.grid)
    progress("finding the atlas's place", 0.0)
    data = np.nan_to_num(scan.data, nan=0.0, posinf=0.0, neginf=0.0)
    own = Volume(working.means(data), working.grid, scan.name, scan.modality)
    inside = working.means(brain) >= 0.5
    inside = inside if inside.any() else working.means(brain) > 0
    edge = gap_to(~inside, working)
    atlas = read_atlas()
    try:
        shares = atlas.on(working.grid, _matrix_to(atlas, own, inside, progress))
        progress("finding ventricles and cortex", 0.9)
        fluid = find_fluid(own.data, inside, shares)
    except InputError as error:
        unknown, nowhere = np.full(inside.shape, np.nan, np.float32), np.zeros(inside.shape, bool)
        problem = f"Places are unknown: the brain does not fit the atlas, {error}."
        return BrainZones(working, edge, unknown, unknown, nowhere, nowhere, nowhere, problem)
    ventricles = find_ventricles(fluid, inside, shares, working.grid.spacing)
    cortex = find_cortex(fluid, ventricles, inside, shares, working.grid.spacing)
    return BrainZones(
        working,
        edge,
        np.where(inside, gap_to(ventricles, working), np.float32(np.nan)),
        np.where(inside, gap_to(cortex, working), np.float32(np.nan)),
        inside & (shares["infratentorial"] > 0.5),
        ventricles,
        cortex,
    )


def gap_to(mask: np.ndarray, working: WorkingGrid) -> np.ndarray:
    """What lies between each voxel and a mask, float32, mm: 0 where they touch, also by a corner.

    An offset of n voxels along an axis is a gap of n - 1 of them, which is what the dilation takes away.

    Parameters
    ----------
    mask
        bool, on the blocks.
    working
        The blocks.
    """
    if not mask.any():
        return np.full(mask.shape, np.nan, np.float32)
    grown = ndimage.binary_dilation(mask, _ROUND)
    return np.asarray(ndimage.distance_transform_edt(~grown, sampling=working.grid.spacing), dtype=np.float32)


def _matrix_to(atlas: Atlas, scan: Volume, brain: np.ndarray, progress: Progress) -> np.ndarray:
    """4x4 from the scan's mm to the atlas's; InputError says why there is none."""
    millilitres = np.count_nonzero(brain) * scan.grid.voxel_volume / 1000
    if millilitres < _SMALLEST_ML:
        raise InputError(f"only {millilitres:.0f} ml of it are in the scan")
    low, high = (float(v) for v in np.percentile(scan.data[brain], (0.5, 99.5)))
    if not high > low:
        raise InputError("the scan is the same everywhere in it")
    # Positive in the brain, and without the few values that would stretch the histogram.
    shown = np.where(brain, 1 + 254 * np.clip((scan.data - low) / (high - low), 0, 1), 0)
    image, share, whole = (
        isotropic(Volume(array.astype(np.float32), scan.grid, scan.name), _SPACING)
        for array in (shown, brain, np.ones(brain.shape))
    )
    there, seen = share.data > 0.5, whole.data > 0.5
    if not there.any():
        raise InputError("too thin a part of it is in the scan")
    image = Volume(np.where(there, np.maximum(image.data, 1), 0), image.grid, scan.name)
    try:
        matrix = affine_between(image, atlas.template, seen, progress)
    except RuntimeError as error:
        raise InputError("it could not be laid on it") from error
    _check_fit(atlas, Volume(there, image.grid, "brain"), seen, matrix)
    return matrix


def _check_fit(atlas: Atlas, brain: Volume, seen: np.ndarray, matrix: np.ndarray) -> None:
    """The registration's own check: InputError where it is not believed."""
    expected = (resample_to(atlas.template, brain.grid, matrix) > _TEMPLATE_BRAIN) & seen
    together = np.count_nonzero(expected) + np.count_nonzero(brain.data)
    dice = 2 * np.count_nonzero(expected & brain.data) / together
    stretches = np.linalg.svd(matrix[:3, :3], compute_uv=False)
    if not (_STRETCHES[0] <= stretches.min() and stretches.max() <= _STRETCHES[1]):
        raise InputError(
            f"which would have to be stretched by {stretches.min():.2f} to {stretches.max():.2f}"
        )
    if dice < _LEAST_DICE:
        raise InputError(f"they overlap with a Dice of only {dice:.2f}")
