"""Whether a brain mask has the shape of a brain: measured on good masks and broken ones (docs/results.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy

from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.images.preparation.skull import without_holes
from napari_uncertainseg.images.resample import resampled_shape, zoom
from napari_uncertainseg.images.volume import Grid

CUT = 0.2
"""A scan cuts the brain off where the end of the scan shows more than this share of the largest section."""
MOST_APART = 0.01
"""Share of the mask that may lie in a second piece."""
MOST_HOLLOW = 0.003
"""Share of the mask that may be missing within it."""
MOST_THIN = 0.04
"""Share of the mask in sheets and horns that a ball of `_BALL` does not reach."""
MOST_DENTED = 0.06
"""Share of the mask that may be missing in clefts which such a ball does not reach from outside."""
LEAST_ALIKE = 0.90
"""Dice of the mask and its mirror image, at the best place of the mirror."""
MOST_FLAT, MOST_FLAT_TOP = 0.35, 0.6
"""Of the largest section, what the mask may show `_NEAR_END` from its end; the top has thick slices."""

SIDES = (("bottom", "top"), ("back", "front"), ("left", "right"))
_SPACING = 3.0  # mm, of the copy that is measured
_NEAR_END = 2  # voxels
_BALL = 9.0  # mm, radius
_AROUND = 4  # voxels of nothing around it
_SHIFTS = 4  # voxels by which the mirror may lie beside the mask's own middle


@dataclass(frozen=True)
class BrainShape:
    """What the shape of a mask is like.

    Attributes
    ----------
    apart, hollow, thin, dented
        Shares of the mask: in a second piece, missing within, in what is thin, and missing in clefts.
    alike
        Dice of the mask and its mirror image.
    touched
        Sides of the scan, in plane, at which a small part of the mask ends.
    flat
        Sides, except the bottom, at which the mask ends as if cut, within the scan.
    """

    apart: float
    hollow: float
    thin: float
    dented: float
    alike: float
    touched: tuple[str, ...]
    flat: tuple[str, ...]

    @property
    def strange(self) -> list[str]:
        """What no brain looks like; words that follow "it"."""
        words = []
        if self.apart > MOST_APART:
            words.append("is in two pieces")
        if self.hollow > MOST_HOLLOW:
            words.append("has a hole")
        if self.thin > MOST_THIN:
            words.append("has thin parts such as skull or scalp")
        if self.dented > MOST_DENTED:
            words.append("has deep clefts")
        if self.alike < LEAST_ALIKE:
            words.append("differs much between left and right")
        if self.flat:
            words.append(f"is cut off flat at the {' and the '.join(self.flat)}")
        if self.touched:
            words.append(f"reaches the {' and the '.join(self.touched)} of the scan")
        return words


def brain_shape(brain: np.ndarray, grid: Grid) -> BrainShape:
    """Measure a mask, on a coarse copy.

    Parameters
    ----------
    brain
        bool (s, a, r), not empty.
    grid
        Its grid.
    """
    inside = brain[bounding_box(brain)]
    coarse = zoom(inside, resampled_shape(inside.shape, grid.spacing, (_SPACING,) * 3)) >= 0.5
    ends = shares_at_ends(brain)
    # a cut brain goes on beyond the scan: its section there is no surface
    margins = [(0 if low > CUT else _AROUND, 0 if high > CUT else _AROUND) for low, high in ends]
    mask = np.pad(np.pad(coarse, margins), [(_AROUND - a, _AROUND - b) for a, b in margins], mode="edge")
    whole = max(1, int(mask.sum()))
    filled = without_holes(mask)
    return BrainShape(
        apart=_apart(mask),
        hollow=float(filled.sum() - mask.sum()) / whole,
        thin=float((filled & ~_reached(filled)).sum()) / whole,
        dented=float((~filled & ~_reached(~filled)).sum()) / whole,
        alike=_alike(filled),
        touched=tuple(
            name
            for names, pair in zip(SIDES[1:], ends[1:], strict=True)
            for name, share in zip(names, pair, strict=True)
            if 0 < share <= CUT
        ),
        flat=tuple(_flat(coarse, ends)),
    )


def _flat(mask: np.ndarray, ends: list[tuple[float, float]]) -> Iterator[str]:
    """Names of the sides at which a mask that fills its array ends flat, not because the scan ends there."""
    for axis, (names, at_ends) in enumerate(zip(SIDES, ends, strict=True)):
        areas = mask.sum(axis=tuple(other for other in range(3) if other != axis))
        near = areas[[min(_NEAR_END, len(areas)) - 1, -min(_NEAR_END, len(areas))]] / max(1, areas.max())
        for name, share, at_end in zip(names, near, at_ends, strict=True):
            most = MOST_FLAT_TOP if name == "top" else MOST_FLAT
            if name != "bottom" and at_end == 0 and share > most:
                yield name


def shares_at_ends(brain: np.ndarray) -> list[tuple[float, float]]:
    """By axis, what both ends of the scan show of the mask, as a share of its largest section."""
    found = []
    rows = brain.sum(axis=2)
    for areas in (rows.sum(axis=1), rows.sum(axis=0), brain.sum(axis=0).sum(axis=0)):
        most = max(1, int(areas.max()))
        found.append((float(areas[0]) / most, float(areas[-1]) / most))
    return found


def _apart(mask: np.ndarray) -> float:
    """Share of the mask in its second largest piece."""
    labels, count = scipy.ndimage.label(mask)
    if count < 2:
        return 0.0
    sizes = np.sort(np.bincount(labels.ravel())[1:])
    return float(sizes[-2]) / float(sizes.sum())


def _reached(mask: np.ndarray) -> np.ndarray:
    """What a ball covers that rolls about inside a mask; beyond the array all is open."""
    wide = np.pad(mask, 4, mode="edge")
    core = _SPACING * scipy.ndimage.distance_transform_edt(wide) > _BALL
    near = _SPACING * scipy.ndimage.distance_transform_edt(~core) <= _BALL if core.any() else core
    return near[4:-4, 4:-4, 4:-4]


def _alike(mask: np.ndarray) -> float:
    """Dice of a mask and its mirror image, left to right, the best of some places of the mirror."""
    right = np.flatnonzero(mask.any(axis=(0, 1)))
    columns = mask[:, :, right[0] : right[-1] + 1]
    wide = np.pad(columns, [(0, 0), (0, 0), (_SHIFTS, _SHIFTS)])
    mirror = wide[:, :, ::-1]
    shared = [int((wide & np.roll(mirror, shift, axis=2)).sum()) for shift in range(-_SHIFTS, _SHIFTS + 1)]
    return max(shared) / int(mask.sum())
