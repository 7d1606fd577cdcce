"""Drivers of the lesions of one scan: one function on arrays, for the window and for folders of results."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import Box, bounding_box
from napari_uncertainseg._checks import as_mask, as_numbers, check_dimensions, check_same_shape, numbered
from napari_uncertainseg.explain.drivers.definitions import CONTRAST, NEAR_MM, PLACE, RIM_MM, UNKNOWN
from napari_uncertainseg.lesions.shapes.shape import measure_shape

LABEL = "label"
"""Name of the index: the lesion's number in the label map."""
_PLACES = ("to_ventricle_mm", "to_cortex_mm", "to_edge_mm")
_TO_SD = 1.4826
"""Of a normal distribution: standard deviation over median absolute deviation."""
_GAIN = 6.0
"""By how much the second difference along both axes of a slice makes white noise larger."""


def measure_drivers(
    labels: np.ndarray,
    spacing: tuple[float, float, float],
    brain: np.ndarray,
    scans: Mapping[str, np.ndarray],
    places: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Measure what the doubt about each lesion may go with.

    Each lesion is measured in its box and 10 mm around it; nothing is done on the whole scan for each lesion.

    Parameters
    ----------
    labels
        Whole numbers, 3-D, 0 where there is no lesion. A lesion may be in pieces.
    spacing
        Size of a voxel along the axes, mm.
    brain
        Mask of the same shape; it may be empty, and what needs it is NaN then.
    scans
        By modality, each of the same shape; the first is the main one, of which the noise is measured. A scan
        that is constant in the brain has NaN.
    places
        By the lesion's number: ``place``, ``to_ventricle_mm``, ``to_cortex_mm`` and ``to_edge_mm``, as
        `explain.place` gives them. What is missing is ``"unknown"`` or NaN; the distance to the brain's edge
        is then measured here.

    Returns
    -------
    pandas.DataFrame
        A row for each lesion, by its number, ascending: ``place`` (text) and the columns that `driver_of`
        knows, float64.

    Raises
    ------
    InputError
        If the shapes differ, or a side of a voxel is no length.
    """
    (labels, used), brain = numbered(labels), as_mask(brain, "The brain mask")
    check_dimensions("The label image", labels)
    check_same_shape("The brain mask", brain.shape, "the label image", labels.shape)
    sides = tuple(float(side) for side in spacing)
    if len(sides) != 3 or not all(0 < side < np.inf for side in sides):
        raise InputError(f"A voxel has three sides above 0 mm, not {spacing}.")
    around = _Surroundings(labels, (sides[0], sides[1], sides[2]), brain, scans)
    boxes = ndimage.find_objects(labels.astype(np.int32, copy=False))
    rows = [around.measure(number, box) for number, box in enumerate(boxes, 1)]
    table = pd.DataFrame(rows, index=pd.Index(used, dtype=np.int64, name=LABEL), columns=around.columns)
    return _with_places(table.astype(float), places, _to_edge(labels, sides, brain, len(used)))


class _Surroundings:
    """A scan in which lesions are measured one after the other."""

    def __init__(
        self,
        labels: np.ndarray,
        spacing: tuple[float, float, float],
        brain: np.ndarray,
        scans: Mapping[str, np.ndarray],
    ) -> None:
        self._labels, self._spacing, self._brain = labels, spacing, brain
        self._margin = [int(np.ceil(NEAR_MM / side)) for side in spacing]
        self._rim = max(RIM_MM, 1.01 * min(spacing))
        self._thick = int(np.argmax(spacing))
        self._scans: dict[str, tuple[np.ndarray, float]] = {}
        for name, scan in scans.items():
            values = as_numbers(scan, f"The scan '{name}'", unknown=True)
            check_same_shape(f"The scan '{name}'", values.shape, "the label image", labels.shape)
            self._scans[name] = values, _deviation(values[brain & (labels == 0)])

    @property
    def columns(self) -> list[str]:
        """Of the numbers that `measure` gives."""
        contrasts = [f"{CONTRAST}{name}" for name in self._scans]
        return [
            *("volume_mm3", "surface_mm2", "sphericity", "elongation", "flatness"),
            *contrasts,
            *("noise", "slice_mm", "neighbours"),
        ]

    def measure(self, number: int, box: Box) -> tuple[float, ...]:
        """The numbers of one lesion."""
        mask = self._labels[box] == number
        shape = measure_shape(mask, self._spacing)
        own = (
            np.count_nonzero(mask) * float(np.prod(self._spacing)),
            *(shape.surface_mm2, shape.sphericity, shape.elongation, shape.flatness),
        )
        wide = self._widened(box)
        labels = self._labels[wide]
        inside = labels == number
        distance = ndimage.distance_transform_edt(~inside, sampling=self._spacing)
        near = distance <= NEAR_MM
        tissue = self._brain[wide] & (labels == 0)
        others = np.setdiff1d(labels[near], [0, number])
        rim = tissue & (distance <= self._rim)
        contrasts = [
            _contrast(values[wide], deviation, inside, rim) for values, deviation in self._scans.values()
        ]
        return (*own, *contrasts, self._noise(wide, tissue & near), max(self._spacing), float(len(others)))

    def _widened(self, box: Box) -> Box:
        a, b, c = (
            slice(max(0, s.start - more), s.stop + more) for s, more in zip(box, self._margin, strict=True)
        )
        return a, b, c

    def _noise(self, wide: Box, where: np.ndarray) -> float:
        """Of the main scan, in deviations of its own."""
        if not self._scans:
            return float("nan")
        values, deviation = next(iter(self._scans.values()))
        plane = [axis for axis in range(3) if axis != self._thick]
        second = np.asarray(values[wide], float)
        for axis in plane:
            if second.shape[axis] < 3:
                return float("nan")
            second = np.diff(second, 2, axis)
        middle = tuple(slice(1, -1) if axis in plane else slice(None) for axis in range(3))
        size = np.abs(second[where[middle]])
        size = size[np.isfinite(size)]
        return float(np.median(size) * _TO_SD / _GAIN / deviation) if len(size) else float("nan")


def _deviation(values: np.ndarray) -> float:
    """Standard deviation that stray values hardly change; NaN where there is none."""
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan")
    found = float(_TO_SD * np.median(np.abs(values - np.median(values))))
    return found if found > 0 else float("nan")


def _contrast(values: np.ndarray, deviation: float, inside: np.ndarray, rim: np.ndarray) -> float:
    if not rim.any():
        return float("nan")
    return float((values[inside].mean(dtype=float) - values[rim].mean(dtype=float)) / deviation)


def _to_edge(labels: np.ndarray, spacing: tuple[float, ...], brain: np.ndarray, count: int) -> np.ndarray:
    """Smallest gap between each lesion and what is not brain, mm; 0 where they touch, also by a corner."""
    if not brain.any() or not count:
        return np.full(count, np.nan)
    # Nobody has seen what lies beyond the scan: only voxels of the scan count.
    box = tuple(
        slice(max(0, s.start - 1), min(n, s.stop + 1))
        for s, n in zip(bounding_box(brain), brain.shape, strict=True)
    )
    if brain[box].all():
        return np.full(count, np.nan)
    # An offset of n voxels along an axis is a gap of n - 1 of them, which is what the dilation takes away.
    touching = ndimage.binary_dilation(~brain[box], np.ones((3, 3, 3), bool))
    distance = np.zeros(brain.shape, np.float32)
    distance[box] = ndimage.distance_transform_edt(~touching, sampling=spacing)
    where, smallest = np.flatnonzero(labels != 0), np.full(count + 1, np.inf)
    np.minimum.at(smallest, labels.ravel()[where], distance.ravel()[where])
    return smallest[1:]


def _with_places(table: pd.DataFrame, places: pd.DataFrame | None, to_edge: np.ndarray) -> pd.DataFrame:
    """The table with where each lesion lies."""
    known = pd.DataFrame(index=table.index) if places is None else places.reindex(table.index)
    column = known[PLACE] if PLACE in known else pd.Series(UNKNOWN, table.index)
    unknown = pd.Series(np.nan, table.index)
    distances = {name: known.get(name, unknown).to_numpy(float) for name in _PLACES}
    told = distances["to_edge_mm"]
    distances["to_edge_mm"] = np.where(np.isfinite(told), told, to_edge)
    shape = table.columns.get_loc("flatness")
    at = int(shape) + 1 if isinstance(shape, int) else 0
    whole = table.copy()
    for name, values in reversed(
        [(PLACE, column.astype(object).where(column.notna(), UNKNOWN)), *distances.items()]
    ):
        whole.insert(at, name, values)
    return whole
