"""An affine between a brain and the atlas, by Mattes' mutual information."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from napari_uncertainseg._base import Cancelled, Progress, silent
from napari_uncertainseg.images.itk import itk_image, matrix_of
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.progress.parts import part_of

_TURNS = ((0, 0, 0), (25, 0, 0), (-25, 0, 0), (0, 25, 0), (0, -25, 0), (0, 0, 25), (0, 0, -25))
"""Degrees about the axes towards right, anterior and superior with which the search may begin."""
_STEPS_MM = (0, 12, -12, 25, -25, 40, -40, 55, -55)
"""How far up a slab's middle may lie from the brain's."""
_SIZE = 1.1
"""The atlas is larger than most brains."""
_SEED = 1
"""For where samples lie within their voxels; without one ITK asks the clock, and no two runs agree."""
_TRIED = 3
"""The best of all beginnings, from which the search goes on."""
_COARSE_MM = 8
_AROUND = 3
"""Voxels around the brain that count too, so that its edge does."""
_ITERATIONS = 60
_STAGE = "laying the brain on the atlas"


def affine_between(
    fixed: Volume, moving: Volume, seen: np.ndarray | None = None, progress: Progress = silent
) -> np.ndarray:
    """Register two brains by an affine of 12 degrees of freedom.

    Parameters
    ----------
    fixed, moving
        Cubic voxels along the axes of RAS space, positive in the brain and 0 outside.
    seen
        bool, where the fixed scan shows anything, so that a slab's end is not taken for the brain's edge.
    progress
        May raise ``Cancelled``.

    Returns
    -------
    numpy.ndarray
        4x4, RAS mm of the fixed brain to RAS mm of the moving one.

    Raises
    ------
    Cancelled
        Within one iteration.
    RuntimeError
        If the brains do not meet.
    """
    import SimpleITK as sitk

    still, other = itk_image(fixed), itk_image(moving)
    asked = ndimage.binary_dilation(fixed.data > 0, iterations=_AROUND)
    asked = asked if seen is None else asked & seen
    mask = sitk.GetImageFromArray(asked.astype(np.uint8))
    mask.CopyInformation(still)
    progress(_STAGE, 0.0)
    begun = []
    for number, start in enumerate(_starts(still, mask, other, _centre(fixed), _centre(moving))):
        part = part_of(progress, 0.2 * number, 0.2 * (number + 1))
        begun.append((start, _climb(still, mask, other, start, (4,), part)))
    best = min(begun, key=lambda found: found[1])[0]
    affine = sitk.AffineTransform(3)
    affine.SetCenter(best.GetCenter())
    affine.SetMatrix(best.GetMatrix())
    affine.SetTranslation(best.GetTranslation())
    _climb(still, mask, other, affine, (3, 2), part_of(progress, 0.6, 1.0))
    return matrix_of(affine)


def _starts(fixed: Any, mask: Any, moving: Any, here: np.ndarray, there: np.ndarray) -> list[Any]:
    """The most promising turned and shifted beginnings, by the metric on coarse copies.

    Parameters
    ----------
    fixed, mask, moving
        ITK images.
    here, there
        Centres of the two brains, mm.
    """
    import SimpleITK as sitk

    by = [round(_COARSE_MM / fixed.GetSpacing()[0])] * 3
    still, other = (sitk.Shrink(sitk.SmoothingRecursiveGaussian(image, 3.0), by) for image in (fixed, moving))
    inside = sitk.Shrink(mask, by)
    method = _metric(inside, share=1.0)
    tried = []
    for turn in _TURNS:
        for step in _STEPS_MM:
            start = sitk.Similarity3DTransform()
            start.SetCenter(here.tolist())
            start.SetTranslation((there - here + (0, 0, step)).tolist())
            axis = [float(angle != 0) for angle in turn] if any(turn) else [1.0, 0.0, 0.0]
            start.SetRotation(axis, float(np.deg2rad(sum(turn))))
            start.SetScale(_SIZE)
            method.SetInitialTransform(start)
            try:
                tried.append((method.MetricEvaluate(still, other), start))
            except RuntimeError:  # they do not meet
                continue
    if not tried:
        raise RuntimeError("the brains do not meet")
    return [start for _, start in sorted(tried, key=lambda one: one[0])[:_TRIED]]


def _centre(volume: Volume) -> np.ndarray:
    where = np.array(ndimage.center_of_mass(volume.data > 0))
    return np.asarray((volume.grid.affine @ np.append(where, 1))[:3])


def _climb(
    fixed: Any, mask: Any, moving: Any, transform: Any, shrink: tuple[int, ...], progress: Progress
) -> float:
    """Change a transform until the information is largest; the lowest value of the metric."""
    import SimpleITK as sitk

    method = _metric(mask, share=0.5)
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 1e-3, _ITERATIONS, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(list(shrink))
    method.SetSmoothingSigmasPerLevel([factor / 2 for factor in shrink])
    method.SetInitialTransform(transform, inPlace=True)
    cancelled: list[Cancelled] = []

    def step() -> None:
        level, iteration = method.GetCurrentLevel(), method.GetOptimizerIteration()
        try:
            progress(_STAGE, (level + min(iteration / _ITERATIONS, 1.0)) / len(shrink))
        except Cancelled as error:  # it cannot pass through the library's own frames
            cancelled.append(error)
            method.StopRegistration()

    method.AddCommand(sitk.sitkIterationEvent, step)
    try:
        method.Execute(fixed, moving)
    except RuntimeError:
        if not cancelled:
            raise
    if cancelled:
        raise cancelled[0]
    return float(method.GetMetricValue())


def _metric(mask: Any, share: float) -> Any:
    """Mattes' mutual information over a share of the voxels of a mask."""
    import SimpleITK as sitk

    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(2)
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricFixedMask(mask)
    method.SetInterpolator(sitk.sitkLinear)
    if share < 1:
        method.SetMetricSamplingStrategy(method.REGULAR)
        method.SetMetricSamplingPercentage(share, _SEED)
    return method
