"""Bring the other scans of a patient onto the FLAIR's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from napari_uncertainseg._base import Cancelled, InputError, Progress, silent
from napari_uncertainseg._boxes import Box, bounding_box
from napari_uncertainseg._quantiles import percentiles
from napari_uncertainseg.images.itk import itk_image, matrix_of
from napari_uncertainseg.images.preparation.skull import without_gaps, without_holes
from napari_uncertainseg.images.resample import isotropic, resample_to
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.progress.course import course_of
from napari_uncertainseg.progress.segmentation import REGISTER

LEAST_OVERLAP = 0.7
"""Headers can agree only when this share of the smaller head lies inside the other."""
LEAST_INFORMATION = 0.12
"""Mutual information (nats) that scans of one head have at least when they lie on each other."""
LEAST_PEAK = 1.75
"""How often as much of it they share, lying on each other, as when 10 mm off.

Both measured on the 14 labelled visits of four sources, T1 and T2 against FLAIR (experiments/one_head.py).
Scans of one visit: 0.15 to 0.73 nats, 2.0 to 19 times; other patients of the source: up to 0.13 nats and 1.5
times, and once registered up to 0.14 nats, or up to 2.1 times with 0.06 nats; 6 mm off: up to 0.17 nats and
0.9 times. Neither number tells alone.
"""

_SPACING = 2.0  # mm, of the copies on which overlap is judged and registration runs
_OTSU_BINS = 128
_OFF = 5  # voxels of such a copy: 10 mm
_BINS = 32  # of the joint histogram, along each axis
_SAMPLED, _SEED = 0.5, 1  # share of voxels that registration compares, shaken a little: the same each time
_LEAST_STEP, _STEPS, _SHORTER = 1e-4, 200, 0.7  # with 1e-3, 100 and 0.6 it ended 0.3 to 1 degree too early


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


class Coarse:
    """A copy of a scan with voxels of 2 mm, and its head, made once however many scans are compared with it.

    Parameters
    ----------
    scan
        The whole scan.
    """

    def __init__(self, scan: Volume) -> None:
        self.scan = scan
        self._copy: Volume | None = None
        self._head: np.ndarray | None = None
        self._closed: np.ndarray | None = None
        self._inside: np.ndarray | None = None

    # Not `cached_property`, which in Python 3.11 makes all scans wait for one: they are copied side by side.
    @property
    def copy(self) -> Volume:
        """The scan on voxels of 2 mm along the axes of RAS space."""
        if self._copy is None:
            self._copy = isotropic(self.scan, _SPACING)
        return self._copy

    @property
    def head(self) -> np.ndarray:
        """See `head`."""
        if self._head is None:
            self._head = head(self.copy)
        return self._head

    @property
    def closed(self) -> np.ndarray:
        """The head without its small gaps, bool."""
        if self._closed is None:
            self._closed = without_gaps(self.head, 2)
        return self._closed

    @property
    def inside(self) -> np.ndarray:
        """The head with all that it encloses, bool."""
        if self._inside is None:
            self._inside = without_holes(self.head)
        return self._inside


@dataclass(frozen=True, eq=False)
class Comparison:
    """What two scans have in common by their headers.

    Attributes
    ----------
    here, there
        The one that is aligned, and the other.
    meets
        Whether their heads lie on each other.
    alike
        Whether they also show one head.
    """

    here: Coarse
    there: Coarse
    meets: bool
    alike: bool


def compare(moving: Coarse, fixed: Coarse) -> Comparison:
    """Compare two scans by their headers; nothing is moved."""
    meets = overlap(moving, fixed) >= LEAST_OVERLAP
    alike = meets and show_one_head(fixed, resample_to(moving.copy, fixed.copy.grid))
    return Comparison(moving, fixed, meets, alike)


def align(
    moving: Volume, fixed: Volume | Coarse, progress: Progress = silent, known: Comparison | None = None
) -> Aligned:
    """Bring a scan onto the grid of another of the same patient.

    Headers that agree are trusted: the scan is resampled by its affine, and not at all
    when the grids are the same. Only when the heads do not lie on each other are they
    registered (rigid, mutual information). The note says what was done or is in doubt.

    Parameters
    ----------
    moving
        The scan.
    fixed
        The other; its coarse copy where several are aligned with it.
    known
        How they compare, where that is known.

    Raises
    ------
    InputError
        If even the registered scans share no information: another patient, or no head.
    Cancelled
        Within one iteration of the registration.
    """
    label = (moving.modality or "scan").upper()
    there = fixed if isinstance(fixed, Coarse) else Coarse(fixed)
    if known is None:
        progress(f"aligning {label}", 0.0)
        known = compare(Coarse(moving), there)
    fixed, small, target = there.scan, known.here.copy, there.copy
    if known.alike:
        return Aligned(resample_to(moving, fixed.grid))
    doubt = (
        f"'{moving.name}' has little in common with '{fixed.name}': check that both show the same "
        f"patient, or leave {label} out."
    )
    if moving.grid.same_as(fixed.grid):
        return Aligned(moving.data, doubt)
    with course_of(progress).step(REGISTER, stage=f"aligning {label}"):
        transform = register(small, target, progress)
    if show_one_head(there, resample_to(small, target.grid, transform)):
        far = displacement(transform, target)
        note = (
            f"'{moving.name}' did not lie on '{fixed.name}' by its header: it was registered "
            f"and moved by {far:.0f} mm. Check the overlay."
        )
        return Aligned(resample_to(moving, fixed.grid, transform), note)
    if known.meets:
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


def overlap(one: Coarse, other: Coarse) -> float:
    """Share of the smaller head that lies in the other, by the headers."""
    moved = resample_to(Volume(one.closed, one.copy.grid, one.copy.name), other.copy.grid, nearest=True)
    smaller = min(int(one.closed.sum()), int(other.closed.sum()))
    return float((moved.astype(bool) & other.closed).sum() / smaller) if smaller else 0.0


def show_one_head(fixed: Coarse, moved: np.ndarray) -> bool:
    """Whether two scans show one head, and lie on each other; see `shared_information`."""
    here, multiple = shared_information(fixed, moved)
    return here >= LEAST_INFORMATION and multiple >= LEAST_PEAK


def shared_information(fixed: Coarse, moved: np.ndarray) -> tuple[float, float]:
    """Mutual information of two scans in the fixed head, and how it falls when one is moved.

    Scans of one head have a peak where they lie on each other; scans of two heads share about as much off
    their place as on it.

    Parameters
    ----------
    fixed
        The scan whose head counts.
    moved
        The other scan on the grid of its copy, any real dtype; 0 where it shows nothing.

    Returns
    -------
    tuple
        The mutual information in nats, and how many times as much it is as when the scan is 10 mm off, in
        the direction along an axis in which this is least; infinite where nothing is shared off its place.
    """
    box = bounding_box(fixed.inside)  # what lies around it does not count
    data, inside = fixed.copy.data[box], fixed.inside[box]
    here = _mutual_information(data, moved[box], inside)
    axes = [axis for axis, size in enumerate(moved.shape) if size > 2 * _OFF]
    wide = np.pad(moved, _OFF)
    shifted = (_shifted(wide, box, axis, by) for axis in axes for by in (-_OFF, _OFF))
    off = max((_mutual_information(data, one, inside) for one in shifted), default=0.0)
    return here, here / off if off > 0 else np.inf


def _mutual_information(fixed: np.ndarray, moved: np.ndarray, inside: np.ndarray) -> float:
    """Nats, of the joint histogram: Mattes' estimate, which the registration climbs, is another number."""
    where = inside & (moved != 0)
    if where.sum() < 100:
        return 0.0
    one, other = (_binned(v[where]) for v in (fixed, moved))
    joint = np.bincount(one * _BINS + other, minlength=_BINS**2).reshape(_BINS, _BINS) / len(one)
    return float(
        scipy.special.entr(joint.sum(0)).sum()
        + scipy.special.entr(joint.sum(1)).sum()
        - scipy.special.entr(joint).sum()
    )


def _binned(values: np.ndarray) -> np.ndarray:
    """Numbers of the equal bins, 0 to 31, between the first and the last percentile."""
    low, high = percentiles(values, (1, 99))
    if not high > low:
        return np.zeros(len(values), np.int64)
    number = (values - np.float32(low)) * np.float32(_BINS / (high - low))
    return np.clip(number, 0, _BINS - 1).astype(np.int64)


def _shifted(wide: np.ndarray, box: Box, axis: int, by: int) -> np.ndarray:
    """A box of data moved by whole voxels along an axis; `wide` has zeros around, which come in."""
    sides = [slice(side.start + _OFF, side.stop + _OFF) for side in box]
    sides[axis] = slice(sides[axis].start - by, sides[axis].stop - by)
    return wide[tuple(sides)]


def displacement(transform: np.ndarray, volume: Volume) -> float:
    """How far a transform moves the centre of a head, mm.

    Parameters
    ----------
    transform
        4x4, RAS mm to RAS mm.
    volume
        The scan whose head it is.
    """
    where = np.array(scipy.ndimage.center_of_mass(head(volume)))
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

    fixed_image, moving_image = itk_image(fixed), itk_image(moving)
    start = sitk.CenteredTransformInitializer(
        fixed_image, moving_image, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.MOMENTS
    )
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(_SAMPLED, _SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, _LEAST_STEP, _STEPS, relaxationFactor=_SHORTER)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([3, 1])
    method.SetSmoothingSigmasPerLevel([1, 0])
    method.SetInitialTransform(start, inPlace=False)
    cancelled: list[Cancelled] = []

    def step() -> None:
        level, iteration = method.GetCurrentLevel(), method.GetOptimizerIteration()
        try:
            progress("registering", min(0.99, (level + iteration / _STEPS) / 2))
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
    return matrix_of(found)


def _otsu(values: np.ndarray) -> float:
    """Otsu's threshold, without the few brightest values, which would stretch the histogram.

    The one that ITK finds with as many bins, in a tenth of its time ("A threshold selection method from
    gray-level histograms", IEEE Transactions on Systems, Man, and Cybernetics 9:62, 1979).
    """
    low, high = percentiles(values, (0.1, 99.5))
    if low == high:
        return float(low)
    inside = values[(values >= low) & (values <= high)].astype(np.float32, copy=False)
    if inside.size == 0:  # of two voxels neither is inside
        return float(low)
    least, most = inside.min(), inside.max()
    with np.errstate(over="ignore"):
        width = (most - least) / np.float32(_OTSU_BINS)
        width = (most + width / np.float32(100) - least) / np.float32(
            _OTSU_BINS
        )  # the last bin holds the most
    if not 0 < width < np.inf:
        return float(least)
    number = ((inside - least) / width).astype(np.int16)
    counts = np.bincount(number.clip(0, _OTSU_BINS - 1), minlength=_OTSU_BINS)
    below = np.cumsum(counts)[:-1]
    total = np.cumsum(counts * (np.arange(_OTSU_BINS) + 0.5))
    with np.errstate(divide="ignore", invalid="ignore"):
        between = total[:-1] ** 2 / below + (total[-1] - total[:-1]) ** 2 / (len(inside) - below)
    return float(least + np.float32(np.argmax(np.nan_to_num(between)) + 1) * width)
