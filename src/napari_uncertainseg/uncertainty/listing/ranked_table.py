"""Lesions in their order, as labels and a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.networks.real_probability import P_REAL
from napari_uncertainseg.uncertainty.lesion_columns import COLUMNS
from napari_uncertainseg.uncertainty.lesion_numbers import ComponentNumbers
from napari_uncertainseg.uncertainty.lesion_statistics import LesionStatistics


def ranked(
    found: LesionStatistics, part: slice, grid: Grid, kept: ComponentNumbers | None
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
    labels = np.zeros(grid.shape, np.uint16)
    labels.ravel()[flat] = number[component - 1]
    return labels, table
