"""From the user's scans to what the network reads, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import scipy

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg._boxes import bounding_box, bounding_slices
from napari_uncertainseg._parallel import in_parallel
from napari_uncertainseg.images.preparation.align import Coarse, align, compare
from napari_uncertainseg.images.preparation.bias import CORRECTION, correct_bias
from napari_uncertainseg.images.preparation.brain_search import known_brain, search_brain
from napari_uncertainseg.images.preparation.found_brain import STRIPPED, FoundBrain, accept
from napari_uncertainseg.images.preparation.normalise import normalise
from napari_uncertainseg.images.preparation.skull import Glance, glance, surroundings
from napari_uncertainseg.images.resample import resampled_shape, zoom
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.modalities import MODALITIES, OPTIONAL, names_in_words
from napari_uncertainseg.progress import segmentation as steps
from napari_uncertainseg.progress.course import Course, course_of, end_own
from napari_uncertainseg.progress.segmentation import millions

_CORRECTED = "The uneven brightness of the scans was corrected first (N4), because they still show the skull."
_WHOLE = 0.95
"""Share of the brain that a T1 or T2 should show; a tighter brain mask of its own leaves out less."""


_SLAB = 16
"""Slices that are smoothed at a time."""


@dataclass(frozen=True, eq=False)
class NetworkInput:
    """What the network reads: the brain's bounding box on cubic voxels.

    Attributes
    ----------
    channels
        By modality: float32 (z, y, x), normalised in the brain (`images.normalise`), 0 outside.
    brain
        bool, same shape.
    box
        The part of the scan's grid that it covers.
    """

    channels: Mapping[str, np.ndarray]
    brain: np.ndarray
    box: tuple[slice, slice, slice]
    _inside: np.ndarray  # the brain in the box, on the scan's own voxels
    _shape: tuple[int, int, int]

    @property
    def exact(self) -> bool:
        """Whether the network's voxels are the scan's own, in its box."""
        return self.brain.shape == self._inside.shape

    @property
    def moves_logits(self) -> bool:
        """Whether logits are brought back, and become probabilities then."""
        return False

    @property
    def inside(self) -> np.ndarray:
        """Voxels of the box that the network was given, bool on the scan's own grid."""
        return self._inside

    def values(self, array: np.ndarray) -> np.ndarray:
        """What an array of the shape of ``brain`` is in those voxels, float32 (voxels,)."""
        return self.back(array)[self.box][self._inside]

    def back(self, array: np.ndarray) -> np.ndarray:
        """Bring a map onto the scan's own grid.

        Parameters
        ----------
        array
            Shape of ``brain``.

        Returns
        -------
        numpy.ndarray
            float32, shape of the scan, 0 outside the brain; the exact values when no
            resampling was needed.
        """
        if array.shape != self.brain.shape:
            raise ValueError(
                f"a map of shape {array.shape} does not fit an input of shape {self.brain.shape}"
            )
        out = np.zeros(self._shape, np.float32)
        out[self.box] = (array if self.exact else zoom(array, self._inside.shape)) * self._inside
        return out


@dataclass(frozen=True, eq=False)
class Prepared:
    """The scans of one visit, ready to be cut out for the network.

    Attributes
    ----------
    grid
        The FLAIR's.
    channels
        By modality: float32 on that grid, normalised in the brain (`images.normalise`), 0 outside.
    brain
        bool on that grid.
    brain_source
        As `FoundBrain.source`.
    bias_corrected
        Whether N4 was run on the scans.
    notes
        What the user should know, one sentence each.
    """

    grid: Grid
    channels: Mapping[str, np.ndarray]
    brain: np.ndarray
    brain_source: str
    bias_corrected: bool = False
    notes: tuple[str, ...] = ()

    def network_input(
        self, spacing: float = 1.0, smoothing: float = 0.0, *, copied: bool = True
    ) -> NetworkInput:
        """Cut out the brain's bounding box, on cubic voxels.

        Parameters
        ----------
        spacing
            Of the network, mm. A scan within 1 % of it is copied as it is.
        smoothing
            Standard deviation of the Gaussian that the FLAIR is smoothed with, in the network's voxels.
        copied
            Whether scans that stay on their voxels are copied; else they are parts of these ones, which must
            not be written to.
        """
        box = bounding_box(self.brain)  # no margin: what is around the brain only costs time
        inside = self.brain[box]
        shape = resampled_shape(inside.shape, self.grid.spacing, (spacing,) * 3)
        if shape == inside.shape:
            channels = {m: c[box].copy() if copied else c[box] for m, c in self.channels.items()}
            brain = inside.copy()
        else:
            brain = zoom(inside, shape) >= 0.5
            channels = {m: zoom(c[box], shape) * brain for m, c in self.channels.items()}
        channels["flair"] = smoothed(channels["flair"], brain, smoothing)
        return NetworkInput(channels, brain, box, inside, self.grid.shape)


def smoothed(flair: np.ndarray, brain: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth a normalised FLAIR by a Gaussian, sigma in voxels, and keep 0 outside the brain.

    Parameters
    ----------
    flair
        float32 (z, y, x), 0 outside the brain.
    brain
        bool, same shape.
    sigma
        Standard deviation, voxels; 0 for none.
    """
    if not sigma:
        return flair
    near, found = _near(brain, sigma), flair
    for axis in range(flair.ndim):  # as `scipy.ndimage.gaussian_filter`, one axis after the other
        before, found = found, np.zeros_like(flair)
        across = (axis + 1) % flair.ndim
        in_parallel(
            [
                partial(scipy.ndimage.gaussian_filter1d, before[slab], sigma, axis, output=found[slab])
                for slab in near[across]
            ]
        )
    return found * brain


def _near(brain: np.ndarray, sigma: float) -> list[list[tuple[slice, ...]]]:
    """For each axis the slabs across it, each as small as what a Gaussian makes of the brain in it.

    What lies farther from the brain is 0 and stays so.
    """
    reach = int(4 * sigma + 0.5)  # where scipy ends it
    found = []
    for axis, size in enumerate(brain.shape):
        slabs = []
        for first in range(0, size, _SLAB):
            wide = [slice(None)] * brain.ndim
            wide[axis] = slice(max(0, first - reach), first + _SLAB + reach)
            box = bounding_slices(brain[tuple(wide)])
            slab = [slice(max(0, side.start - reach), side.stop + reach) for side in box]
            slab[axis] = slice(first, min(first + _SLAB, size))
            if box[axis].stop > box[axis].start:
                slabs.append(tuple(slab))
        found.append(slabs)
    return found


def prepare(
    images: Mapping[str, Volume],
    *,
    mask: Volume | None = None,
    brain: FoundBrain | None = None,
    look: Callable[[FoundBrain], object] = accept,
    skull: str = "auto",
    bias_correction: str = "auto",
    progress: Progress = silent,
) -> Prepared:
    """Bring a visit's scans onto the FLAIR's grid, find the brain, normalise.

    Parameters
    ----------
    images
        ``flair``, and ``t1`` and ``t2`` where there are any.
    mask
        The user's brain mask; it wins over what would be found.
    brain
        One that is known already, on the FLAIR's grid; it wins over everything else.
    look
        Called with the brain before the rest is done; what it raises ends the work.
    skull
        One of `brain_search.SKULL`: whether the scans still show it.
    bias_correction
        One of `CORRECTION`: whether to run N4 on each scan. ``"auto"`` does where the scans still show the
        skull: what comes without it was mostly corrected when the skull was removed, and a second
        correction took bright lesions for coil shading (`docs/results.md`).
    progress
        Called several times a second; may raise ``Cancelled``.

    Raises
    ------
    InputError
        If there is no FLAIR, the scans do not belong together, or what is found is no brain.
    """
    flair = _check(images)
    if bias_correction not in CORRECTION:
        raise InputError(
            f"Bias correction is {bias_correction!r}: it should be one of {', '.join(CORRECTION)}."
        )
    course, voxels = course_of(progress), millions(flair.grid.shape)
    course.expect(steps.preparing(len(images), voxels))
    if bias_correction != "off":
        expect = course.expect if bias_correction == "on" else partial(course.expect_after, steps.BRAIN)
        expect({steps.BIAS: len(images)})
    scans, notes, seen = _aligned(images, course, glanced=brain is None and mask is None and skull == "auto")
    brain = search_brain(scans, mask, skull, course, seen) if brain is None else known_brain(brain, flair)
    course.expect({steps.SKULL: 0})
    look(brain)
    where = brain.mask
    notes += brain.notes
    notes += [note for m in scans if m != "flair" and (note := _doubt(m, images[m], scans[m], flair, where))]
    corrected = bias_correction == "on" or (bias_correction == "auto" and _shows_skull(flair, brain, skull))
    course.expect({steps.BIAS: len(scans) if corrected else 0})
    channels = _normalised(scans, where, course, corrected=corrected)
    notes += [_CORRECTED] if corrected and bias_correction == "auto" else []
    end_own(course, progress)
    return Prepared(flair.grid, channels, where, brain.source, corrected, tuple(notes))


def brain_of(
    images: Mapping[str, Volume],
    *,
    mask: Volume | None = None,
    skull: str = "auto",
    progress: Progress = silent,
) -> FoundBrain:
    """What `prepare` would take for the brain; parameters and errors as there."""
    course, voxels = course_of(progress), millions(_check(images).grid.shape)
    course.expect({**steps.preparing(len(images), voxels), steps.NORMALISE: 0})
    scans, _, seen = _aligned(images, course, glanced=mask is None and skull == "auto")
    found = search_brain(scans, mask, skull, course, seen)
    end_own(course, progress)
    return found


def _aligned(
    images: Mapping[str, Volume], course: Course, *, glanced: bool
) -> tuple[dict[str, Volume], list[str], Glance | None]:
    """The scans on the FLAIR's grid, and what files and alignment say; the first part of the work.

    All that only looks at the scans is done side by side: also the `glance` at the FLAIR, if `glanced`.
    """
    flair = images["flair"]
    notes = [note for volume in images.values() for note in volume.notes]
    others = [m for m in OPTIONAL if m in images]
    there, here = Coarse(flair), {m: Coarse(images[m]) for m in others}
    voxels, seen = millions(flair.grid.shape), list[Glance]()
    looks: list[Callable[[], object]] = [lambda: seen.append(glance(flair))] if glanced else []
    if not others:
        with course.step(steps.SKULL, voxels, "looking for the skull") if looks else nullcontext():
            in_parallel(looks)
        return {"flair": flair}, notes, seen[0] if seen else None
    looks += [lambda: (there.closed, there.inside), *(partial(_look, one) for one in here.values())]
    scans = {"flair": flair}
    with course.step(steps.ALIGN, len(others) * voxels, "looking at the scans"):
        in_parallel(looks)
        if seen:
            course.expect({steps.SKULL: 0})
        known = in_parallel([partial(compare, one, there) for one in here.values()])
        for modality, comparison in zip(others, known, strict=True):
            aligned = align(images[modality], there, course, comparison)
            scans[modality] = replace(images[modality], data=aligned.data, grid=flair.grid)
            notes += [aligned.note] if aligned.note else []
    return scans, notes, seen[0] if seen else None


def _look(scan: Coarse) -> np.ndarray:
    """What is compared of a scan that is aligned with another."""
    return scan.closed


def _normalised(
    scans: Mapping[str, Volume], brain: np.ndarray, course: Course, *, corrected: bool
) -> dict[str, np.ndarray]:
    """The scans in the brain, float32; the last part of the work."""
    data = {modality: scan.data for modality, scan in scans.items()}
    for modality, scan in scans.items() if corrected else ():
        with course.step(steps.BIAS, stage="correcting the bias field"):
            data[modality] = correct_bias(scan, brain, course)

    def one(modality: str) -> np.ndarray:
        try:
            return normalise(data[modality], brain, modality)
        except InputError as error:
            raise InputError(f"'{scans[modality].name}': {error}") from error

    voxels = millions(scans["flair"].grid.shape)
    with course.step(steps.NORMALISE, len(scans) * voxels, "normalising"):
        return dict(zip(scans, in_parallel([partial(one, modality) for modality in scans]), strict=True))


def _shows_skull(flair: Volume, brain: FoundBrain, skull: str) -> bool:
    """Whether the scan still shows the skull, also where the user gave the brain."""
    if brain.found or brain.source == STRIPPED:
        return brain.found
    return skull == "present" or (skull == "auto" and surroundings(flair).skull != "removed")


def _doubt(modality: str, given: Volume, aligned: Volume, flair: Volume, brain: np.ndarray) -> str:
    """What is strange about a scan beside the FLAIR: it is the same, or shows a part of the brain only."""
    if _equal(given.data, flair.data):
        return f"'{given.name}' was given as {modality.upper()} and holds the same voxels as the FLAIR."
    box = bounding_box(brain)
    shown = float((aligned.data[box][brain[box]] != 0).mean())
    if shown >= _WHOLE:
        return ""
    name = f"'{given.name}' ({modality.upper()})"
    return f"{name} shows only {shown:.0%} of the brain; the rest is read without it."


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two scans hold the same voxels; the slice in the middle mostly tells that they do not."""
    if one.shape != other.shape:
        return False
    middle = len(one) // 2
    return np.array_equal(one[middle], other[middle]) and np.array_equal(one, other)


def _check(images: Mapping[str, Volume]) -> Volume:
    unknown = sorted(set(images) - set(MODALITIES))
    if unknown:
        raise InputError(f"Unknown kind of scan '{unknown[0]}': networks read {names_in_words()}.")
    if "flair" not in images:
        raise InputError("A FLAIR is needed: choose which scan is the FLAIR.")
    in_parallel([partial(check_volume, volume) for volume in images.values()])
    return images["flair"]


def check_volume(volume: Volume) -> None:
    """Refuse a scan that does not fit its grid, or holds voxels that are no numbers."""
    if volume.data.shape != volume.grid.shape:
        raise InputError(
            f"'{volume.name}': shape {volume.data.shape} does not fit its grid {volume.grid.shape}."
        )
    data = volume.data
    if data.size and not (np.isfinite(data.min()) and np.isfinite(data.max())):
        raise InputError(f"'{volume.name}' holds voxels that are not finite numbers; replace them first.")
