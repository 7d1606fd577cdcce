"""Attention that was written to files, as a column of the lesions in the window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.explain.attention.files import ABOUT, COLUMN
from napari_uncertainseg.images.files import read_image
from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.lesion_columns import MeasureColumn

_MOST_BYTES = 1 << 20
_DEFINITION = (
    "How much of the answer to '{label}' this lesion is: the shares of all lesions and candidates add up to "
    "100 %. It shows what the answer was made of, not that a lesion is real or causes it."
)


@dataclass(frozen=True, eq=False)
class ReadAttention:
    """Attention of one scan, and of whatever lesions there are at a threshold (`late_columns`).

    Attributes
    ----------
    label
        What was learned.
    map
        float32 on the grid, 0 to 1.
    of_lesions
        Whether instances are lesions and candidates; cubes of the brain say little of a lesion.
    """

    label: str
    map: np.ndarray
    of_lesions: bool

    @property
    def columns(self) -> Mapping[str, MeasureColumn]:
        """The one column."""
        return {COLUMN: MeasureColumn("Attention", "", _DEFINITION.format(label=self.label))}

    @cached_property
    def _there(self) -> np.ndarray:
        """Flat positions of the voxels that have attention."""
        return np.flatnonzero(self.map)

    def values(self, labels: np.ndarray) -> pd.DataFrame:
        """Of each lesion the most that one of its voxels has; lesions without any are not in it.

        Parameters
        ----------
        labels
            Whole numbers on the grid.
        """
        own = labels.ravel()[self._there]
        most = np.zeros(int(own.max(initial=0)) + 1)
        np.maximum.at(most, own, self.map.ravel()[self._there])
        numbers = np.flatnonzero(most)
        numbers = numbers[numbers > 0]
        return pd.DataFrame({COLUMN: most[numbers]}, index=numbers)


def read_attention(path: Path, prediction: Prediction) -> ReadAttention | None:
    """A map that `uncertainseg attention` wrote; None where it is of another scan.

    Parameters
    ----------
    path
        Of the map; what was read lies beside it.
    prediction
        Of the lesions.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    about = read_json(path.parent / ABOUT, most_bytes=_MOST_BYTES)
    if _scan(about) != _scan(prediction.information):
        return None
    volume = read_image(path)
    if not volume.grid.same_as(prediction.grid, tolerance=1e-2):
        raise InputError(f"{path} does not lie on the grid of the scan that it names.")
    shown = np.clip(volume.data, 0, 1).astype(np.float32)
    return ReadAttention(str(about.get("label", "")), shown, about.get("instances") == "candidates")


def _scan(about: Mapping[str, Any]) -> object:
    """What tells the scan from others; something that equals nothing where it is not said."""
    inputs = about.get("inputs")
    main = inputs.get(main_of(inputs)) if isinstance(inputs, Mapping) and inputs else None
    found = main.get("scan_sha256") if isinstance(main, Mapping) else None
    return found if isinstance(found, str) else object()
