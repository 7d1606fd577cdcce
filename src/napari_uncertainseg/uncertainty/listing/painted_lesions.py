"""What the model says of a lesion whose outline a reader has corrected: what it said before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np
import pandas as pd

from napari_uncertainseg.uncertainty.lesion_numbers import in_rows
from napari_uncertainseg.uncertainty.lesion_statistics import LesionStatistics


class OwnOutlines(Protocol):
    """The lesions of the model, nothing painted, as `Lesions` has them."""

    @property
    def labels(self) -> np.ndarray:
        """Numbers on the grid."""

    @property
    def table(self) -> pd.DataFrame:
        """What was measured of them."""


def take_models_values(
    found: LesionStatistics, count: int, own: OwnOutlines, names: Iterable[str]
) -> dict[int, float]:
    """Give each lesion that was painted on the values of the model's lesion that most of it was.

    Some of the model's numbers hardly follow an outline and others do: half of each would contradict
    each other. A lesion in which the model has none is left as it is.

    Parameters
    ----------
    found
        Lesions as painted, the first `count` of its components; its values are changed in place.
    count
        How many are lesions; the rest are candidates.
    own
        The model's lesions at the same threshold and smallest volume.
    names
        The columns in which the model speaks.

    Returns
    -------
    dict
        By component of `found`, from 1 up: volume of the model's outline, mm3, of those that were painted on.
    """
    # By their place in the list, whatever their numbers: of equal parts the more doubtful one counts.
    before = in_rows(own.labels.ravel()[found.flat], own.table["label"].to_numpy())
    both = (found.label <= count) & (before > 0)
    pairs, voxels = np.unique(np.stack([found.label[both], before[both]]), axis=1, return_counts=True)
    order = np.lexsort([-voxels, pairs[0]])  # of each component the largest part comes first
    first = order[np.unique(pairs[0][order], return_index=True)[1]]
    component, row = pairs[0][first], pairs[1][first] - 1
    sizes = own.table["voxels"].to_numpy()[row]
    painted = (voxels[first] != sizes) | (voxels[first] != found.sizes[component])
    component, row = component[painted], row[painted]
    for name in {*names} & {*found.values} & {*own.table.columns}:
        found.values[name] = found.values[name].copy()
        found.values[name][component - 1] = own.table[name].to_numpy()[row]
    volumes = own.table["volume_mm3"].to_numpy()[row]
    return dict(zip(component.tolist(), volumes.tolist(), strict=True))


def by_number(volumes: Mapping[int, float], found: LesionStatistics, labels: np.ndarray) -> dict[int, float]:
    """The same volumes by the numbers that the components have been given in `labels`."""
    first = np.searchsorted(found.label, list(volumes))
    numbers = labels.ravel()[found.flat[first]] if volumes else ()
    return dict(zip(map(int, numbers), volumes.values(), strict=True))
