"""Volume and number of the lesions of saved results: by the model, its members and a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.patients.intervals import PatientLoads, SaidAndTrue, spread_of
from napari_uncertainseg.disk.result_folder import MEMBERS, SUMMARY, load_summary, result_file
from napari_uncertainseg.inference.members_file import read_members
from napari_uncertainseg.uncertainty.patient import LesionLoad, mask_load, measure_load


@dataclass(frozen=True, eq=False)
class SavedLoad:
    """The load of a folder of results.

    Attributes
    ----------
    said
        At the model's own threshold, whatever a review moved it to.
    true
        Volume (ml) and number by the reference; None without one.
    """

    said: LesionLoad
    true: tuple[float, int] | None = None


def saved_load(
    folder: Path,
    probability: np.ndarray,
    voxel_volume: float,
    min_volume: float,
    truth: np.ndarray | None = None,
) -> SavedLoad | None:
    """Measure the load of a folder of results; None where it keeps no members, as of older versions.

    Parameters
    ----------
    folder
        That `segment` wrote.
    probability
        What it holds, float32 on its grid.
    voxel_volume, min_volume
        mm3; smaller components count neither in what is said nor in the reference.
    truth
        The reference, bool on its grid.

    Raises
    ------
    InputError
        If its files are not what this program wrote.
    """
    if not (folder / MEMBERS).is_file():
        return None
    members, _ = read_members(result_file(folder, MEMBERS), probability.shape)  # type: ignore[arg-type]
    said = measure_load(probability, members, _threshold(folder), min_volume, voxel_volume)
    return SavedLoad(said, None if truth is None else mask_load(truth, min_volume, voxel_volume))


def known_loads(loads: Sequence[SavedLoad], patients: Sequence[str]) -> PatientLoads:
    """What cases with a reference say of further patients; cases without one are left out.

    Parameters
    ----------
    loads
        Of the cases.
    patients
        Whose each is.
    """
    known = [(one.said, *one.true) for one in loads if one.true is not None]
    names = np.array([name for name, one in zip(patients, loads, strict=True) if one.true is not None], str)
    _, numbers = np.unique(names, return_inverse=True)
    volume = SaidAndTrue(
        np.array([said.volume_ml for said, *_ in known], float),
        np.array([spread_of(said.member_volumes_ml, "volume_ml") for said, *_ in known], float),
        np.array([true for _, true, _ in known], float),
    )
    count = SaidAndTrue(
        np.array([said.count for said, *_ in known], float),
        np.array([spread_of(said.member_counts, "lesions") for said, *_ in known], float),
        np.array([true for *_, true in known], float),
    )
    return PatientLoads(numbers.astype(np.int64).reshape(-1), {"volume_ml": volume, "lesions": count})


def _threshold(folder: Path) -> float:
    """The model's own, as the results have it."""
    summary: Mapping[str, Any] = load_summary(folder)
    value = summary.get("model_threshold", summary.get("threshold"))
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise InputError(f"{folder / SUMMARY}: the threshold is not one that this program writes.")
    return float(value)
