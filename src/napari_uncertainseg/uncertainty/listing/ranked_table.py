"""Lesions in their order, as labels and a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_uncertainseg.networks.real_probability import P_REAL
from napari_uncertainseg.uncertainty.lesion_columns import COLUMNS
from napari_uncertainseg.uncertainty.lesion_numbers import ComponentNumbers
from napari_uncertainseg.uncertainty.lesion_statistics import LesionStatistics


def ranked(
    found: LesionStatistics, part: slice, image: LabelImage, kept: ComponentNumbers | None
) -> tuple[np.ndarray, pd.DataFrame]:
    """Labels on the whole grid and the table of some components, by doubt, entropy and volume."""
    values = {name: x[part] for name, x in found.values.items()}
    order = np.lexsort([-values[key] for key in ("volume_mm3", "mean_entropy", "doubt")])  # NaN comes last
    n, before = len(order), part.start or 0
    start, stop = np.searchsorted(found.label, [before + 1, before + n + 1])
    flat, component = found.flat[start:stop], found.label[start:stop] - before
    number = np.zeros(n, np.uint16)
    number[order] = np.arange(1, n + 1)
    if kept is not None:
        number = kept.number(flat, component, order)
    table = pd.DataFrame(
        {
            "label": number[order].astype(int),
            **{name: values[name][order] for name in (*COLUMNS, P_REAL) if name in values},
        }
    )
    return image.of(flat, number[component - 1]), table


class LabelImage:
    """Makes label images on one grid; one that would be as the last is the last one.

    A new image is fresh memory, which the system has to clear: of a whole brain that takes longer than what
    is measured in it, and candidates do not change while a lesion is corrected.

    Parameters
    ----------
    shape
        Of the grid.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._last: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def of(self, flat: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """uint16 on the grid, not to be changed: numbers at flat positions, and 0 elsewhere."""
        last = self._last
        if last is not None and np.array_equal(last[0], flat) and np.array_equal(last[1], numbers):
            return last[2]
        labels = np.zeros(self._shape, np.uint16)
        labels.ravel()[flat] = numbers
        self._last = flat, numbers, labels
        return labels
