"""Bring the other scans of a patient onto the FLAIR's grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.special import entr

from napari_uncertainseg._base import Cancelled, InputError, Progress, silent
from napari_uncertainseg.images.resample import isotropic, resample_to
from napari_uncertainseg.images.volume import Volume

LEAST_OVERLAP = 0.7
"""Headers can agree only when this share of the smaller head lies inside the other."""
LEAST_INFORMATION = 0.2
"""Mutual information (nats) that scans of one head have at least when they lie on each other.

Measured on five visits of four patients with T1 and T2 against FLAIR: 0.24 to 0.61 for the same
patient; 0.02 to 0.11 for another patient, or for the same one 10 mm off.
"""

_SPACING = 2.0  # mm, of the copies on which overlap is judged and registration runs


@dataclass(frozen=True, eq=False)
class Aligned:
    """A scan on another grid.

    Attributes
    ----------
    data
        float32, shape of the grid.
    note
        A sentence for the user when the scan had to be moved, else None.
    """

    data: np.ndarray
    note: str | None = None


def align(moving: Volume, fixed: Volume, progress: Progress = silent) -> Aligned:
    """Bring a scan onto the grid of another of the same patient.

    Headers that agree are trusted: the scan is resampled by its affine, and not at all
    when the grids are the same. Only when the heads do not lie on each other are they
    registered (rigid, mutual information). The note says what was done or is in doubt.

    Raises
    ------
    InputError
        If even the registered scans share no information: another patient, or no head.
    Cancelled
        Within one iteration of the registration.
    """
    label = (moving.modality or "scan").upper()
    progress(f"aligning {label}", 0.0)
    small, target = isotropic(moving, _SPACING), isotropic(fixed, _SPACING)
    meets = overlap(small, target) >= LEAST_OVERLAP
    shared = mutual_information(target, resample_to(small, target.grid)) if meets else 0.0
    if meets and shared >= LEAST_INFORMATION:
        return Aligned(resample_to(moving, fixed.grid))
    doubt = (
        f"'{moving.name}' has little in common with '{fixed.name}': check that both show the same "
        f"patient, or leave {label} out."
    )
    if moving.grid.same_as(fixed.grid):
        return Aligned(moving.data, doubt)
    transform = register(small, target, progress)
    found = mutual_information(target, resample_to(small, target.grid, transform))
    if found >= max(LEAST_INFORMATION, shared):
        far = displacement(transform, target)
        note = (
            f"'{moving.name}' did not lie on '{fixed.name}' by its header: it was registered "
            f"and moved by {far:.0f} mm. Check the overlay."
        )
        return Aligned(resample_to(moving, fixed.grid, transform), note)
    if meets:
        return Aligned(resample_to(moving, fixed.grid), doubt)
    raise InputError(
        f"'{moving.name}' does not show the same head as '{fixed.name}', even after registration; "
        f"leave {label} out, or choose the {label} of this patient."
    )


def head(volume: Volume) -> np.ndarray:
    """Rough mask of what is not air, bool."""
    data = volume.data
    values = data[data > data.min()]
    if values.size == 0:
        return np.zeros(data.shape, bool)
    return data > _otsu(values)


def overlap(one: Volume, other: Volume) -> float:
    """Share of the smaller head that lies in the other, by the headers."""
    first, second = head(one), head(other)
    grid_one = Volume(ndimage.binary_closing(first, iterations=2), one.grid, one.name)
    closed = ndimage.binary_closing(second, iterations=2)
    there = resample_to(grid_one, other.grid, nearest=True).astype(bool)
    smaller = min(int(grid_one.data.sum()), int(closed.sum()))
    return float((there & closed).sum() / smaller) if smaller else 0.0


def mutual_information(fixed: Volume, moved: np.ndarray, bins: int = 32) -> float:
    """Mutual information of two scans inside the fixed head, nats.

    Of the joint histogram: Mattes' estimate, which the registration climbs, is another number, and
    `LEAST_INFORMATION` was measured with this one.

    Parameters
    ----------
    fixed
        The scan whose head counts.
    moved
        The other scan on its grid, any real dtype; 0 where it shows nothing.
    bins
        Of the histogram, along each axis.
    """
    where = ndimage.binary_fill_holes(head(fixed)) & (moved != 0)
    if where.sum() < 100:
        return 0.0
    one, other = (np.clip(v[where], *np.percentile(v[where], (1, 99))) for v in (fixed.data, moved))
    joint = np.histogram2d(one, other, bins=bins)[0]
    joint /= joint.sum()
    return float(entr(joint.sum(0)).sum() + entr(joint.sum(1)).sum() - entr(joint).sum())


def displacement(transform: np.ndarray, volume: Volume) -> float:
    """How far a transform moves the centre of a head, mm.

    Parameters
    ----------
    transform
        4x4, RAS mm to RAS mm.
    volume
        The scan whose head it is.
    """
    where = np.array(ndimage.center_of_mass(head(volume)))
    point = volume.grid.affine @ np.append(where, 1)
    return float(np.linalg.norm((transform @ point - point)[:3]))


def register(moving: Volume, fixed: Volume, progress: Progress = silent) -> np.ndarray:
    """Rigid registration by Mattes' mutual information.

    Parameters
    ----------
    moving, fixed
        On isotropic grids along the axes of RAS space.

    Returns
    -------
    numpy.ndarray
        4x4, RAS mm of ``fixed`` to RAS mm of ``moving``.
    """
    import SimpleITK as sitk

    fixed_image, moving_image = _itk(fixed), _itk(moving)
    start = sitk.CenteredTransformInitializer(
        fixed_image, moving_image, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.MOMENTS
    )
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(0.5)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 100, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([3, 1])
    method.SetSmoothingSigmasPerLevel([1, 0])
    method.SetInitialTransform(start, inPlace=False)
    cancelled: list[Cancelled] = []

    def step() -> None:
        level, iteration = method.GetCurrentLevel(), method.GetOptimizerIteration()
        try:
            progress("registering", min(0.99, (level + iteration / 100) / 2))
        except Cancelled as error:  # it cannot pass through the library's own frames
            cancelled.append(error)
            method.StopRegistration()

    method.AddCommand(sitk.sitkIterationEvent, step)
    try:
        found = method.Execute(fixed_image, moving_image)
    except RuntimeError as error:
        if cancelled:
            raise cancelled[0] from None
        raise InputError(
            f"'{moving.name}' could not be registered onto '{fixed.name}'; leave it out."
        ) from error
    if cancelled:
        raise cancelled[0]
    return _matrix(found)


def _itk(volume: Volume) -> Any:
    """Image in RAS space taken as ITK's own: registration does not care which way it is mirrored."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(np.asarray(volume.data, np.float32))
    image.SetSpacing(tuple(reversed(volume.grid.spacing)))
    image.SetOrigin(tuple(float(x) for x in volume.grid.affine[:3, 3]))
    return image


def _matrix(transform: Any) -> np.ndarray:
    """4x4 of an ITK transform, by where it takes four points."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    out = np.eye(4)
    out[:3, 3] = origin
    for axis in range(3):
        out[:3, axis] = np.array(transform.TransformPoint(tuple(np.eye(3)[axis]))) - origin
    return out


def _otsu(values: np.ndarray) -> float:
    """Otsu's threshold, without the few brightest values, which would stretch the histogram."""
    import SimpleITK as sitk

    low, high = np.percentile(values, (0.1, 99.5))
    if low == high:
        return float(low)
    inside = values[(values >= low) & (values <= high)]
    if inside.size == 0:  # of two voxels neither is inside
        return float(low)
    threshold = sitk.OtsuThresholdImageFilter()
    threshold.SetNumberOfHistogramBins(128)
    threshold.Execute(sitk.GetImageFromArray(np.asarray(inside, np.float32)[None]))
    return float(threshold.GetThreshold())
