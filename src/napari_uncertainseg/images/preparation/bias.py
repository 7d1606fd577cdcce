"""Bias field correction."""

from __future__ import annotations

import numpy as np

from napari_uncertainseg._base import Cancelled, Progress, silent
from napari_uncertainseg.images.volume import Volume

CORRECTION = ("auto", "on", "off")
"""When brightness is corrected: where the scans still show the skull, always, or never."""

_COARSE = 4.0  # mm, of the copy on which the field is fitted
_ITERATIONS = (30, 30, 20)


def correct_bias(scan: Volume, brain: np.ndarray, progress: Progress = silent) -> np.ndarray:
    """Remove the slow change of brightness that coils leave: N4 (Tustison et al. 2010).

    The field is fitted to a coarse copy and divided out of the scan.

    Parameters
    ----------
    scan
        Not negative in the brain; it is shifted for the fit where it is.
    brain
        bool, shape of the scan.

    Returns
    -------
    numpy.ndarray
        float32, shape of the scan; outside the brain, where the field is not known, as it was.

    Raises
    ------
    Cancelled
        Within one iteration.
    """
    import SimpleITK as sitk

    lowest = min(0.0, float(scan.data[brain].min()))
    full = sitk.GetImageFromArray(scan.data - np.float32(lowest))
    mask = sitk.GetImageFromArray(brain.astype(np.uint8))
    spacing = tuple(reversed(scan.grid.spacing))
    for image in (full, mask):
        image.SetSpacing(spacing)
    shrink = [max(1, min(round(_COARSE / s), n // 8)) for s, n in zip(spacing, full.GetSize(), strict=True)]
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations(_ITERATIONS)
    cancelled: list[Cancelled] = []

    def step() -> None:
        try:
            done = n4.GetCurrentLevel() + n4.GetElapsedIterations() / _ITERATIONS[0]
            progress("correcting the bias field", min(0.99, done / len(_ITERATIONS)))
        except Cancelled as error:  # it cannot pass through the library's own frames
            cancelled.append(error)
            n4.Abort()

    n4.AddCommand(sitk.sitkIterationEvent, step)
    try:
        n4.Execute(sitk.Shrink(full, shrink), sitk.Shrink(mask, shrink))
    except RuntimeError:
        if not cancelled:
            raise
    if cancelled:
        raise cancelled[0]
    field = sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(full))
    out = np.array(scan.data, np.float32)
    out[brain] /= np.exp(field[brain], dtype=np.float32)
    return out
